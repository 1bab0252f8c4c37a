//! A plan and the decision about it: what would be done, what would be lost, and everything that has to be said before it begins.
//!
//! It is a plain form that works without scripts. With them it also says what is still missing, and a refusal does not lose what was typed.

mod decision;
mod steps;

use crate::{
    api::operation::{self, PlanView, RouteView},
    pages::common::{Asking, asked, use_lang},
    paths,
    ui::{Crumbs, Heading, Icon, Road, Route, Sign},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_params_map};
use switchback_words::{self as words, say};

pub(super) use steps::{Phases, gate};

/// What is typed and ticked, as far as it opens the button.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field or a box of its own")]
struct Filled {
    /// The script has read the form: until then nothing is blocked, so that the form works without one.
    read: bool,
    reason: bool,
    pool: String,
    site: String,
    loss: bool,
    taken: usize,
    attested: bool,
    overridden: usize,
}

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct View {
    plan: RwSignal<PlanView>,
    filled: RwSignal<Filled>,
    /// Why the last request was refused.
    refused: RwSignal<Option<String>>,
}

impl View {
    /// What is still missing, and what is there: a word for each. A rehearsal needs nothing that somebody has to answer for.
    fn gates(self, lang: switchback_words::i18n::Locale, rehearsal: bool) -> Vec<(bool, String)> {
        let (plan, filled) = (self.plan.read(), self.filled.read());
        let same = |typed: &str, name: &str| typed.trim().eq_ignore_ascii_case(name);
        let mut gates = Vec::new();
        let mut gate = |open: bool, yes: String, no: String| gates.push((open, if open { yes } else { no }));
        if plan.accept.is_some() && !rehearsal {
            gate(filled.loss, say!(lang, operations.dialog.gate_loss), say!(lang, operations.dialog.gate_loss_not));
        }
        if let Some(alive) = plan.alive.as_ref().filter(|_| !rehearsal) {
            let all = filled.overridden >= alive.signs.len();
            gate(all, say!(lang, operations.dialog.gate_override), say!(lang, operations.dialog.gate_override_not));
        }
        if plan.attest_needed.is_some() && !rehearsal {
            gate(filled.attested, say!(lang, operations.dialog.gate_attest), say!(lang, operations.dialog.gate_attest_not));
        }
        if plan.acknowledge && !rehearsal {
            let all = filled.taken >= plan.checks.len();
            gate(all, say!(lang, operations.dialog.gate_checks), say!(lang, operations.dialog.gate_checks_not));
        }
        gate(filled.reason, say!(lang, operations.dialog.gate_reason), say!(lang, operations.dialog.gate_reason_not));
        let pool = same(&filled.pool, plan.pool.as_str());
        gate(pool, say!(lang, operations.dialog.gate_pool), say!(lang, operations.dialog.gate_pool_not));
        if let Some(site) = &plan.site {
            let site = same(&filled.site, site);
            gate(site, say!(lang, operations.dialog.gate_site), say!(lang, operations.dialog.gate_site_not));
        }
        gates
    }
}

/// The page.
#[component]
pub fn PlanPage() -> impl IntoView {
    let lang = use_lang();
    let params = use_params_map();
    let search = use_location().search;
    let parts = move || {
        let part = |name: &str| params.read().get(name).unwrap_or_default();
        vec![part("pool"), part("kind"), search.get(), words::tag(lang()).to_owned()]
    };
    asked(parts, ask, |plan| view! { <Dialog plan /> }.into_any())
}

fn ask(parts: Vec<String>) -> Asking {
    let mut parts = parts.into_iter();
    let mut part = || parts.next().unwrap_or_default();
    Box::pin(operation::one_plan(part(), part(), part(), part()))
}

#[component]
fn Dialog(plan: PlanView) -> impl IntoView {
    let lang = use_lang();
    let pool = paths::pool(&plan.pool);
    let trail = vec![(paths::overview(), say!(lang(), pages.pool.pools)), (pool.clone(), plan.pool.to_string())];
    let head = Head {
        title: plan.title.clone(),
        about: plan.about.clone(),
        danger: plan.danger,
        sign: match plan.kind.as_str() {
            "failover" => Sign::Bolt,
            "failback" => Sign::Back,
            "resolve" => Sign::Fence,
            "reprotect" => Sign::Chain,
            "members" => Sign::Server,
            _ => Sign::Swap,
        },
        route: plan.route.clone(),
    };
    // Before any member is chosen there is nothing to decide.
    let nothing_yet = plan.kind == "members" && plan.changes.is_empty();
    let choose = (plan.kind == "members").then(|| view! { <decision::ChooseMembers plan=plan.clone() /> });
    let view = View { filled: RwSignal::new(Filled::default()), refused: RwSignal::new(plan.problem.clone()), plan: RwSignal::new(plan) };
    let title = head.title.clone();
    let form =
        if nothing_yet { view! { <DialogHead head /> }.into_any() } else { view! { <decision::Form view close=pool head /> }.into_any() };
    view! {
        <Title text=title />
        <div class="page page--dlg">
            <Crumbs label=say!(lang(), pages.pool.crumbs) trail here=say!(lang(), operations.page.plan) />
            {if nothing_yet { (form, choose.into_any()) } else { (choose.into_any(), form) }}
        </div>
    }
}

/// What stands above the plan.
#[derive(Debug, Clone)]
struct Head {
    title: String,
    about: String,
    danger: bool,
    sign: Sign,
    route: Option<RouteView>,
}

/// Both sites and the way between them.
#[component]
pub(super) fn SiteRoute(
    /// The sites.
    route: RouteView,
) -> impl IntoView {
    let road = if route.broken { Road::Broken } else { Road::Ok };
    let heading = if route.to_b { Heading::AToB } else { Heading::BToA };
    view! { <Route a=route.a b=route.b road heading label=route.label /> }
}

#[component]
fn DialogHead(head: Head) -> impl IntoView {
    view! {
        <header class="dlg__head">
            <span class="dlg__ic" aria-hidden="true">
                <Icon sign=head.sign />
            </span>
            <div class="grow">
                <h1>{head.title}</h1>
                <p>{head.about}</p>
            </div>
            {head.route.map(|route| view! { <SiteRoute route /> })}
        </header>
    }
}
