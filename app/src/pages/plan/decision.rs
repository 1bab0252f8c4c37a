//! The form of the dialog.

use super::{DialogHead, Head, Phases, View};
use crate::{
    api::operation::{CheckView, Figure, PlanView},
    pages::common::{Marked, use_lang},
    paths,
    ui::{Button, ButtonLink, Callout, Icon, Look, Panel, Sign, Status, Tone, dynamic},
};
use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;
use switchback_words::say;

/// The longest text that the console takes, in characters.
const TEXT_MAX: &str = "1000";

/// Everything between the title and the button.
#[component]
pub(super) fn Form(view: View, close: String, head: Head) -> impl IntoView {
    let lang = use_lang();
    let form = NodeRef::<html::Form>::new();
    let sending = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    script::attend(view, form, sending, lang());
    let tone = if head.danger { "danger" } else { "calm" };
    let possible = Memo::new(move |_| view.plan.read().objections.is_empty());
    let hidden = view.plan.with_untracked(|plan| {
        let field = |name: &'static str, value: String| view! { <input type="hidden" name=name value=value /> };
        let mut fields = vec![field("pool", plan.pool.to_string()), field("kind", plan.kind.clone())];
        fields.extend(plan.site.clone().map(|site| field("site", site)));
        fields.extend(plan.changes.iter().map(|change| field("changes", change.clone())));
        fields
    });
    let blocked = move |rehearsal: bool| {
        let filled = view.filled.read().read;
        ((filled && view.gates(lang(), rehearsal).iter().any(|(open, _)| !open)) || sending.get()).then_some("true")
    };
    // The first one that sends the form, so that Enter in a field begins a rehearsal where no script keeps it from beginning anything. What
    // the browser itself asks for is for the operation; the console says what a rehearsal needs.
    let rehearse = move || {
        possible.get().then(|| {
            view! {
                <button
                    type="submit"
                    class="btn"
                    name="dry_run"
                    value="yes"
                    formnovalidate=true
                    aria-disabled=move || blocked(true)
                    aria-describedby="rehearse-hint"
                >
                    {say!(lang(), operations.dialog.rehearse)}
                </button>
            }
        })
    };
    let button = move || {
        let text = view.plan.with(|plan| plan.button.clone());
        if !possible.get() {
            return view! {
                <button type="button" class="btn" aria-disabled="true" aria-describedby="objections">
                    <Icon sign=Sign::Block />
                    {text}
                </button>
            }
            .into_any();
        }
        let class = if view.plan.with(|plan| plan.danger) { "btn btn--danger" } else { "btn btn--primary" };
        view! {
            <button type="submit" class=class aria-disabled=move || blocked(false) aria-describedby="gates">
                {move || if sending.get() { say!(lang(), operations.dialog.sending) } else { text.clone() }}
            </button>
        }
        .into_any()
    };
    view! {
        <form class="dlg dlg--page" data-tone=tone method="post" action="/operations" autocomplete="off" node_ref=form>
            <DialogHead head />
            {hidden}
            <input type="hidden" name="plan" value=move || view.plan.with(|plan| plan.hash.clone()) />
            <input type="hidden" name="planned_at" value=move || view.plan.with(|plan| plan.made_at.clone()) />
            <div class="dlg__body">
                <Plan view />
                <div class="dlg__form">
                    <Refused view />
                    <Objections view />
                    <Alive view />
                    <Stakes view />
                    <Loss view />
                    <Checks view />
                    <Fields view />
                </div>
            </div>
            <footer class="dlg__foot">
                <ul class="gates" id="gates" aria-label=say!(lang(), operations.dialog.gates)>
                    {dynamic(move || {
                        if !possible.get() {
                            let text = say!(lang(), operations.dialog.gate_plan_not);
                            return view! { <li><Status tone=Tone::Block>{text}</Status></li> }.into_any();
                        }
                        let gate = |(open, text): (bool, String)| {
                            let (tone, look) = if open { (Tone::Ok, Look::Calm) } else { (Tone::Warn, Look::Plain) };
                            view! { <li><Status tone look>{text}</Status></li> }
                        };
                        view.gates(lang(), false).into_iter().map(gate).collect_view().into_any()
                    })}
                </ul>
                <div class="btn-row">
                    <ButtonLink href=close>{say!(lang(), operations.dialog.close)}</ButtonLink>
                    {dynamic(move || rehearse().into_any())}
                    {dynamic(button)}
                </div>
            </footer>
        </form>
    }
}

#[component]
fn Plan(view: View) -> impl IntoView {
    let lang = use_lang();
    view! {
        <section class="dlg__plan" aria-labelledby="plan-h">
            {dynamic(move || {
                let plan = view.plan.get();
                view! {
                    <h2 id="plan-h">{plan.steps}</h2>
                    <p class="xs muted">{say!(lang(), operations.dialog.limits)}</p>
                    <Phases phases=plan.phases />
                    <p class="xs muted">
                        {say!(lang(), operations.dialog.hash)}
                        " "
                        <span class="hash">{plan.hash}</span>
                    </p>
                    <p class="xs muted">{plan.made}</p>
                }
                    .into_any()
            })}
        </section>
    }
}

/// Why the last request was refused. The place is there before the words are, so that they are read out.
#[component]
fn Refused(view: View) -> impl IntoView {
    view! {
        <div role="alert" id="refused" tabindex="-1">
            {dynamic(move || match view.refused.get() {
                Some(text) => view! {
                    <div class="callout st--fail">
                        <Icon sign=Sign::Fail />
                        <div>
                            <p>{text}</p>
                        </div>
                    </div>
                }
                    .into_any(),
                None => ().into_any(),
            })}
        </div>
    }
}

fn sentences(lines: Vec<String>) -> AnyView {
    let lines = lines.into_iter().map(|line| view! { <li>{line}</li> });
    view! { <ul class="lines sm">{lines.collect_view()}</ul> }.into_any()
}

#[component]
fn Objections(view: View) -> impl IntoView {
    let lang = use_lang();
    dynamic(move || {
        let (objections, advice) = view.plan.with(|plan| (plan.objections.clone(), plan.advice.clone()));
        let objections = (!objections.is_empty()).then(|| {
            view! {
                <div id="objections" tabindex="-1">
                    <Callout tone=Tone::Block title=say!(lang(), operations.dialog.cannot)>{sentences(objections)}</Callout>
                </div>
            }
        });
        let advice = (!advice.is_empty()).then(|| {
            view! { <Callout tone=Tone::Warn title=say!(lang(), operations.dialog.advice)>{sentences(advice)}</Callout> }
        });
        view! {
            {objections}
            {advice}
        }
        .into_any()
    })
}

/// Others see the site alive that would be given up: what they see, and a box to override each.
#[component]
fn Alive(view: View) -> impl IntoView {
    let lang = use_lang();
    let alive = Memo::new(move |_| view.plan.with(|plan| plan.alive.clone()));
    dynamic(move || {
        let Some(alive) = alive.get() else { return ().into_any() };
        let sign = |(code, text): (String, String)| {
            view! {
                <label class="tick">
                    <input type="checkbox" name="overridden" value=code />
                    <span>{text}</span>
                </label>
            }
        };
        view! {
            <Callout tone=Tone::Split title=alive.title>
                <p>{say!(lang(), operations.dialog.alive_risk)}</p>
            </Callout>
            {alive.signs.into_iter().map(sign).collect_view()}
        }
        .into_any()
    })
}

#[component]
fn Stakes(view: View) -> impl IntoView {
    dynamic(move || {
        let stake = |stake: Figure| {
            let class = match stake.tone {
                Tone::Ok => "good",
                Tone::Fail => "bad",
                _ => "",
            };
            view! {
                <div class=class>
                    <dt>{stake.name}</dt>
                    <dd>
                        <b>{stake.value}</b>
                        {stake.note}
                    </dd>
                </div>
            }
        };
        let stakes = view.plan.with(|plan| plan.stakes.clone());
        view! { <dl class="stakes">{stakes.into_iter().map(stake).collect_view()}</dl> }.into_any()
    })
}

/// What will be lost, and that it is accepted.
#[component]
fn Loss(view: View) -> impl IntoView {
    let lang = use_lang();
    let has = view.plan.with_untracked(|plan| plan.accept.is_some());
    if !has {
        return ().into_any();
    }
    let lost = view.plan.with_untracked(|plan| plan.lost.clone());
    view! {
        <Callout tone=Tone::Fail title=say!(lang(), operations.dialog.what_lost)>{sentences(lost)}</Callout>
        // A list of one, so that nobody has accepted a loss that is stated otherwise in a new plan.
        <For each=move || view.plan.with(|plan| plan.accept.clone()) key=Clone::clone children=accept />
    }
    .into_any()
}

fn accept(text: String) -> AnyView {
    view! {
        <label class="tick">
            <input type="checkbox" name="accepts_loss" value="yes" required=true />
            <span>
                <Marked text />
            </span>
        </label>
    }
    .into_any()
}

#[component]
fn Checks(view: View) -> impl IntoView {
    let title = Memo::new(move |_| view.plan.with(|plan| plan.checks_title.clone()));
    let tone = Signal::derive(move || view.plan.with(|plan| plan.checks_tone));
    let some = Memo::new(move |_| view.plan.with(|plan| (!plan.checks_title.is_empty(), !plan.checks.is_empty())));
    dynamic(move || match some.get() {
        (false, _) => ().into_any(),
        (true, false) => view! { <p class="sm"><Status tone look=Look::Calm>{title}</Status></p> }.into_any(),
        // When there is a new plan, what was ticked stays ticked where it says the same; and nobody takes on what only came to stand at
        // the place of something else.
        (true, true) => view! {
            <fieldset class="taken">
                <legend>{title}</legend>
                <ul>
                    <For
                        each=move || view.plan.with(|plan| plan.checks.clone())
                        key=|check| (check.code.clone(), check.text.clone())
                        children=check
                    />
                </ul>
            </fieldset>
        }
        .into_any(),
    })
}

/// What has to be taken on, and the box for it.
fn check(check: CheckView) -> AnyView {
    let id = format!("check-{}", check.code.replace(' ', "-"));
    let described = id.clone();
    let each = (!check.each.is_empty()).then(|| sentences(check.each));
    view! {
        <li>
            <div id=id>
                <Status tone=check.tone look=Look::Top>{check.text}</Status>
                {each}
            </div>
            <label class="tick sm">
                <input type="checkbox" name="acknowledged" value=check.code required=true aria-describedby=described />
                <span>{check.take}</span>
            </label>
        </li>
    }
    .into_any()
}

/// A field whose value has to be a name.
#[component]
fn Typed(
    view: View,
    name: &'static str,
    label: String,
    wanted: String,
    other: Option<String>,
    typed: fn(&super::Filled) -> &str,
) -> impl IntoView {
    let lang = use_lang();
    let hint_id = format!("{name}-hint");
    let hint = move || {
        let filled = view.filled.read();
        let typed = typed(&filled).trim();
        if typed.eq_ignore_ascii_case(&wanted) {
            return view! { <Status tone=Tone::Ok look=Look::Calm>{say!(lang(), operations.dialog.matches)}</Status> }.into_any();
        }
        if other.as_deref().is_some_and(|other| typed.eq_ignore_ascii_case(other)) {
            let text = say!(lang(), operations.dialog.other_site, name = wanted.clone());
            return view! { <Status tone=Tone::Fail>{text}</Status> }.into_any();
        }
        say!(lang(), operations.dialog.matches_not, name = wanted.clone()).into_any()
    };
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                class="input mono"
                id=name
                name=name
                required=true
                maxlength="63"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=hint_id.clone()
            />
            <p class="hint" id=hint_id>{dynamic(hint)}</p>
        </div>
    }
}

#[component]
fn Fields(view: View) -> impl IntoView {
    let lang = use_lang();
    let query = use_query_map();
    let before = move |name: &str| query.read_untracked().get(name).unwrap_or_default();
    let plan = view.plan.get_untracked();
    let ticket = if plan.danger { say!(lang(), operations.dialog.incident) } else { say!(lang(), operations.dialog.ticket) };
    let pool = plan.pool.to_string();
    let pool_label = say!(lang(), operations.dialog.type_pool, pool = pool.clone());
    let (moves, keeps) = (plan.route.is_some(), plan.kind == "resolve");
    let site = plan.site.map(|site| {
        let label = if moves {
            say!(lang(), operations.dialog.type_target, site = site.clone())
        } else if keeps {
            say!(lang(), operations.dialog.type_kept, site = site.clone())
        } else {
            say!(lang(), operations.dialog.type_site, site = site.clone())
        };
        view! { <Typed view name="typed_site" label wanted=site other=plan.other_site typed=|filled| &filled.site /> }
    });
    let attest = plan.attest.map(|site| {
        let needed = Memo::new(move |_| view.plan.with(|plan| plan.attest_needed.clone()));
        view! {
            <div class="field">
                <label for="attestation">{say!(lang(), operations.dialog.attest, site = site)}</label>
                <input
                    class="input"
                    id="attestation"
                    name="attestation"
                    maxlength=TEXT_MAX
                    value=before("attestation")
                    required=move || needed.read().is_some()
                    aria-describedby="attestation-hint"
                />
                <p class="hint" id="attestation-hint">
                    {dynamic(move || needed.get().unwrap_or_else(|| say!(lang(), operations.dialog.attest_hint)).into_any())}
                </p>
            </div>
        }
    });
    view! {
        <div class="field">
            <label for="reason">{say!(lang(), operations.dialog.reason)}</label>
            <textarea class="input" id="reason" name="reason" rows="2" required=true maxlength=TEXT_MAX>
                {before("reason")}
            </textarea>
        </div>
        {attest}
        <div class="field">
            <label for="ticket">{ticket}</label>
            <input class="input mono" id="ticket" name="ticket" maxlength="100" value=before("ticket") aria-describedby="ticket-hint" />
            <p class="hint" id="ticket-hint">{say!(lang(), operations.dialog.optional)}</p>
        </div>
        <div class="two">
            <Typed view name="typed_pool" label=pool_label wanted=pool other=None typed=|filled| &filled.pool />
            {site}
        </div>
        <p class="hint" id="rehearse-hint">{say!(lang(), operations.dialog.rehearse_hint)}</p>
    }
}

/// What members may be told. Asks for the same page again, with the plan for what was chosen.
#[component]
pub(super) fn ChooseMembers(plan: PlanView) -> impl IntoView {
    let lang = use_lang();
    let members = plan.members.into_iter().enumerate().map(|(index, member)| {
        let id = format!("member-{index}");
        let order = |(value, text, chosen): (String, String, bool)| view! { <option value=value selected=chosen>{text}</option> };
        view! {
            <div class="field">
                <label for=id.clone()>{member.label}</label>
                <select class="input" id=id name="changes">
                    {member.orders.into_iter().map(order).collect_view()}
                </select>
            </div>
        }
    });
    let members = members.collect_view();
    view! {
        <Panel id="members" title=say!(lang(), operations.dialog.members_choose)>
            <form class="choose" method="get" action=paths::plan(&plan.pool, &plan.kind)>
                <div class="choose__members">{members}</div>
                <Button submit=true>{say!(lang(), operations.dialog.members_show)}</Button>
            </form>
        </Panel>
    }
}

#[cfg(feature = "hydrate")]
mod script {
    //! What a script adds to the form: the gates, and a refusal that loses nothing.

    use super::super::{Filled, View};
    use crate::api::operation;
    use leptos::{ev, html, prelude::*, task::spawn_local};
    use leptos_router::hooks::use_navigate;
    use switchback_words::i18n::Locale;
    use switchback_words::{self as words, say};
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{FormData, HtmlElement, HtmlFormElement, UrlSearchParams};

    /// Between two looks at what is in the way of a plan.
    const AGAIN: std::time::Duration = std::time::Duration::from_secs(3);

    fn read(form: &HtmlFormElement) -> Filled {
        let Ok(data) = FormData::new_with_form(form) else { return Filled::default() };
        let text = |name: &str| data.get(name).as_string().unwrap_or_default();
        Filled {
            read: true,
            reason: !text("reason").trim().is_empty(),
            pool: text("typed_pool"),
            site: text("typed_site"),
            loss: data.has("accepts_loss"),
            taken: data.get_all("acknowledged").length() as usize,
            attested: !text("attestation").trim().is_empty(),
            overridden: data.get_all("overridden").length() as usize,
        }
    }

    pub(super) fn attend(view: View, form: NodeRef<html::Form>, sending: RwSignal<bool>, lang: Locale) {
        let navigate = use_navigate();
        // A plan that cannot be started opens by itself when nothing is in the way any more.
        let look_again = move || {
            if !sending.get_untracked() && view.plan.with_untracked(|plan| !plan.objections.is_empty()) {
                spawn_local(refresh(view, lang));
            }
        };
        if let Ok(timer) = set_interval_with_handle(look_again, AGAIN) {
            on_cleanup(move || timer.clear());
        }
        Effect::new(move || {
            let Some(element) = form.get() else { return };
            let update = {
                let element = element.clone();
                move || view.filled.set(read(&element))
            };
            update();
            let typed = update.clone();
            let on_input = element.clone().on(ev::input, move |_| typed());
            // Enter in a field never begins an operation; only the button does.
            let on_key = element.clone().on(ev::keydown, move |event| {
                let in_field = event.target().is_some_and(|target| target.has_type::<web_sys::HtmlInputElement>());
                if in_field && event.key() == "Enter" {
                    event.prevent_default();
                }
            });
            let navigate = navigate.clone();
            let sent = element.clone();
            let on_submit = element.on(ev::submit, move |event| {
                event.prevent_default();
                if sending.get_untracked() {
                    return;
                }
                update();
                let rehearsal = event.submitter().is_some_and(|button| button.has_attribute("formnovalidate"));
                if let Some((_, missing)) = view.gates(lang, rehearsal).into_iter().find(|(open, _)| !open) {
                    view.refused.set(Some(missing));
                    return;
                }
                let Some(fields) = FormData::new_with_form(&sent).ok().and_then(|data| {
                    let data: &JsValue = data.as_ref();
                    UrlSearchParams::new_with_str_sequence_sequence(data).ok()
                }) else {
                    return;
                };
                sending.set(true);
                let (navigate, update) = (navigate.clone(), update.clone());
                if rehearsal {
                    fields.set("dry_run", "yes");
                }
                let fields = String::from(fields.to_string());
                spawn_local(async move {
                    let answer = operation::ask(fields, words::tag(lang).to_owned()).await;
                    let refused = match answer {
                        Ok(answer) => match (answer.begun, answer.refused) {
                            (Some(begun), _) => {
                                navigate(&begun, leptos_router::NavigateOptions::default());
                                return;
                            }
                            (None, refused) => refused,
                        },
                        Err(crate::api::ApiError::Transport) => Some(say!(lang, operations.refusal.transport)),
                        Err(error) => Some(error.sentence(lang)),
                    };
                    sending.set(false);
                    view.refused.set(refused);
                    if let Some(place) = document().get_element_by_id("refused").and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
                        // Without focus it is still read out.
                        let _ = place.focus();
                    }
                    refresh(view, lang).await;
                    // Some boxes may be others now.
                    request_animation_frame(update);
                });
            });
            // Dropped, they no longer listen.
            on_cleanup(move || drop((on_input, on_key, on_submit)));
        });
    }

    /// The plan as it would be made now. What is typed stays.
    async fn refresh(view: View, lang: Locale) {
        let Some((pool, kind, query)) = view.plan.try_with_untracked(|plan| {
            let site = plan.site.iter().map(|site| format!("site={site}"));
            let changes = plan.changes.iter().map(|change| format!("changes={change}"));
            (plan.pool.to_string(), plan.kind.clone(), site.chain(changes).collect::<Vec<_>>().join("&"))
        }) else {
            return;
        };
        let answer = operation::one_plan(pool, kind, query, words::tag(lang).to_owned()).await;
        if let Ok(plan) = answer.and_then(|text| text.read()) {
            view.plan.try_set(plan);
        }
    }
}
