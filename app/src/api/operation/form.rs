//! From addresses and forms to requests, and from refusals back to addresses.

use super::{Asked, PlanView, dialog};
use crate::{
    api::{
        ApiError,
        door::{pool_id, signed_in},
    },
    paths,
};
use jiff::Timestamp;
use leptos::prelude::use_context;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use switchback_domain::{
    Pair, Picture, PoolId, Side,
    audit::Deed,
    error::{ConsoleError, RequestError},
    operation::{Intent, MemberChange, OperationId, Refusal, Request},
    people::Caller,
};
use switchback_engine::{Console, ports::IdempotencyKey};
use switchback_words::{self as words, Locale, Names};

/// Longer addresses than this are not asked for by the console's own pages: they would be refused.
const ADDRESS_MAX: usize = 1_900;

/// The language of a page, as its tag.
pub(in crate::api) fn language(tag: &str) -> Locale {
    if tag == "zh-CN" { Locale::zh_CN } else { Locale::en }
}

/// The word of something in JSON, such as `one_primary` or `drain`.
pub(super) fn code(of: &impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn decoded<T: DeserializeOwned>(code: &str) -> Option<T> {
    serde_json::from_value(Value::String(code.to_owned())).ok()
}

/// The names of a pool's sites.
pub(in crate::api) fn names(picture: &Picture) -> Names {
    Pair::of(|side| picture.sites[side].id.clone())
}

/// What a plan's address says beside pool and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanQuery {
    /// The site, by name.
    pub site: String,
    /// What members shall do, each as `site/member/order`.
    pub changes: Vec<String>,
    /// Why the last request was refused.
    pub problem: Option<String>,
    /// The hash of the plan that it was made for.
    pub seen: Option<String>,
}

impl PlanQuery {
    /// From the part of an address after its `?`.
    pub fn read(query: &str) -> PlanQuery {
        let mut read = PlanQuery::default();
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            match &*name {
                "site" => value.into_owned().clone_into(&mut read.site),
                "changes" if !value.is_empty() => read.changes.push(value.into_owned()),
                "problem" => read.problem = Some(value.into_owned()),
                "seen" => read.seen = Some(value.into_owned()),
                _ => {}
            }
        }
        read
    }
}

/// What is wanted, from an address or a form; nothing when it names no kind, no site of the pool, or no member.
pub(super) fn intent(kind: &str, site: &str, changes: &[String], picture: &Picture) -> Option<Intent> {
    let named = |name: &str| Side::BOTH.into_iter().find(|side| picture.sites[*side].id.as_str() == name);
    let side = |or: Side| if site.is_empty() { Some(or) } else { named(site) };
    Some(match kind {
        "switchover" => Intent::Switchover { to: side(picture.target)? },
        "failover" => Intent::Failover { to: side(picture.target)? },
        "failback" => Intent::Failback { to: side(picture.home)? },
        "resolve" => Intent::Resolve { keep: side(picture.advice().map_or(picture.home, |advice| advice.keep))? },
        "reprotect" => Intent::Reprotect { side: side(picture.active.map_or(picture.target, Side::other))? },
        "local-switchover" => Intent::LocalSwitchover { side: side(picture.active.unwrap_or(picture.home))? },
        "members" => {
            let change = |text: &String| {
                let mut parts = text.splitn(3, '/');
                let (site, member, order) = (parts.next()?, parts.next()?, parts.next()?);
                Some(MemberChange { side: named(site)?, member: member.parse().ok()?, to: decoded(order)? })
            };
            Intent::Members { changes: changes.iter().map(change).collect::<Option<_>>()? }
        }
        _ => return None,
    })
}

/// The kind of an intent as the last part of a plan's address.
pub(super) fn kind(intent: &Intent) -> String {
    intent.as_code().replace('_', "-")
}

/// A change of a member as forms and addresses write it.
pub(super) fn change(change: &MemberChange, names: &Names) -> String {
    format!("{}/{}/{}", names[change.side], change.member, code(&change.to))
}

/// The address of a plan.
pub fn plan_address(pool: &PoolId, kind: &str, query: &[(&str, &str)]) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query);
    let pairs = pairs.finish();
    let path = paths::plan(pool, kind);
    if pairs.is_empty() { path } else { format!("{path}?{pairs}") }
}

/// The fields of the dialog's form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationForm {
    pool: String,
    kind: String,
    site: String,
    changes: Vec<String>,
    plan: String,
    planned_at: String,
    reason: String,
    ticket: String,
    typed_pool: String,
    typed_site: String,
    accepts_loss: bool,
    acknowledged: Vec<String>,
    attestation: String,
    overridden: Vec<String>,
    dry_run: bool,
}

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The form is not one that a page of the console sends.
    BadForm,
    /// The console said why.
    Request(RequestError),
}

impl From<ConsoleError> for Refused {
    fn from(error: ConsoleError) -> Refused {
        Refused::Request(error.into())
    }
}

impl Refused {
    /// The word for an address.
    pub fn code(&self) -> &'static str {
        match self {
            Refused::BadForm => "bad_form",
            Refused::Request(error) => error.code(),
        }
    }
}

impl OperationForm {
    /// From the body of a form. Fields that are not known are passed over, those that are missing are empty.
    pub fn read(body: &str) -> OperationForm {
        let mut form = OperationForm::default();
        for (name, value) in form_urlencoded::parse(body.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "pool" => form.pool = value,
                "kind" => form.kind = value,
                "site" => form.site = value,
                "changes" => form.changes.push(value),
                "plan" => form.plan = value,
                "planned_at" => form.planned_at = value,
                // Browsers send the ends of lines as two characters.
                "reason" => form.reason = value.replace("\r\n", "\n"),
                "ticket" => form.ticket = value,
                "typed_pool" => form.typed_pool = value,
                "typed_site" => form.typed_site = value,
                "accepts_loss" => form.accepts_loss = true,
                // One box may stand for several checks.
                "acknowledged" => form.acknowledged.extend(value.split_whitespace().map(str::to_owned)),
                "attestation" => form.attestation = value,
                "overridden" => form.overridden.push(value),
                "dry_run" => form.dry_run = true,
                _ => {}
            }
        }
        form
    }

    fn request(&self, pool: PoolId, picture: &Picture) -> Option<Request> {
        Some(Request {
            pool,
            intent: intent(&self.kind, &self.site, &self.changes, picture)?,
            plan: self.plan.clone(),
            planned_at: self.planned_at.parse::<Timestamp>().ok()?,
            reason: self.reason.trim().to_owned(),
            ticket: self.ticket.trim().to_owned(),
            typed_pool: self.typed_pool.clone(),
            typed_site: self.typed_site.clone(),
            accepts_loss: self.accepts_loss,
            acknowledged: self.acknowledged.iter().map(|check| decoded(check)).collect::<Option<_>>()?,
            attestation: self.attestation.trim().to_owned(),
            overridden: self.overridden.iter().map(|kind| kind.parse().ok()).collect::<Option<_>>()?,
            dry_run: self.dry_run,
        })
    }

    /// Asks for the operation. One dialog begins one operation at most: the same one sent again leads to the operation it has begun.
    ///
    /// # Errors
    /// When nothing was started.
    pub async fn begin(&self, console: &Console, caller: &Caller, from: &str) -> Result<OperationId, Refused> {
        let outcome = self.ask(console, caller, from).await;
        if outcome == Err(Refused::BadForm) {
            // What is not even a request does not reach the part of the console that writes refusals down.
            console.note_refusal(caller, Deed::OperationRequested, &self.pool, Refused::BadForm.code(), from).await?;
        }
        outcome
    }

    async fn ask(&self, console: &Console, caller: &Caller, from: &str) -> Result<OperationId, Refused> {
        let pool: PoolId = self.pool.parse().map_err(|_| Refused::BadForm)?;
        let picture = match console.picture(caller, &pool) {
            // No page of the console sends this.
            Err(ConsoleError::UnknownPool { .. }) => return Err(Refused::BadForm),
            picture => picture?,
        };
        let request = self.request(pool, &picture).ok_or(Refused::BadForm)?;
        // What else was typed does not matter: the plan and the moment when it was shown are the dialog. But whoever has rehearsed and goes
        // back to it means the operation itself.
        let rehearsal = if request.dry_run { "/rehearsal" } else { "" };
        let key = IdempotencyKey { key: format!("dialog/{}/{}{rehearsal}", request.plan, request.planned_at), body: [0; 32] };
        console.request(caller, request, Some(key), from).await.map_err(Refused::Request)
    }

    /// Where a form leads whose request was refused: back to the plan, with the reason for it and what was typed.
    pub fn address_after_refusal(&self, refused: &Refused) -> String {
        let Ok(pool) = self.pool.parse::<PoolId>() else { return paths::overview() };
        let kind = if self.kind.is_empty() { "switchover" } else { &self.kind };
        let mut query = vec![("problem", refused.code())];
        if matches!(refused, Refused::Request(RequestError::Refused { refusal: Refusal::PlanChanged { .. } })) {
            query.push(("seen", &self.plan));
        }
        if !self.site.is_empty() {
            query.push(("site", &self.site));
        }
        query.extend(self.changes.iter().map(|change| ("changes", change.as_str())));
        for (name, text) in [("ticket", self.ticket.as_str()), ("reason", &self.reason), ("attestation", &self.attestation)] {
            if text.is_empty() {
                continue;
            }
            // What does not fit is cut at its end: rather a part of what was typed than nothing.
            let mut kept = text;
            loop {
                let mut with = query.clone();
                with.push((name, kept));
                if plan_address(&pool, kind, &with).len() <= ADDRESS_MAX {
                    query = with;
                    break;
                }
                let Some((last, _)) = kept.char_indices().next_back() else { break };
                kept = &kept[..last];
            }
        }
        plan_address(&pool, kind, &query)
    }
}

pub(super) async fn one_plan(pool: &str, kind: &str, query: &str, lang: &str) -> Result<PlanView, ApiError> {
    let (console, caller) = signed_in()?;
    let pool = pool_id(pool)?;
    let query = PlanQuery::read(query);
    let picture = console.picture(&caller, &pool)?;
    let wanted = intent(kind, &query.site, &query.changes, &picture);
    let wanted = wanted.ok_or_else(|| ApiError::NoSuchPlan { pool: pool.to_string() })?;
    let planned = console.plan(&caller, &pool, wanted).await?;
    let changes = match &query.seen {
        Some(seen) => console.changes_since(&caller, seen, &planned.plan)?,
        None => Vec::new(),
    };
    let problem = query.problem.as_deref().map(|code| (code, changes.as_slice()));
    Ok(dialog::present(language(lang), &planned, &picture, problem, console.now()))
}

pub(super) async fn ask(form: &str, lang: &str) -> Result<Asked, ApiError> {
    let (console, caller) = signed_in()?;
    let from = use_context::<crate::api::CameFrom>().unwrap_or_default();
    let form = OperationForm::read(form);
    let lang = language(lang);
    Ok(match form.begin(&console, &caller, &from.0).await {
        Ok(id) => Asked { begun: Some(paths::operation(id)), refused: None },
        Err(refused) => {
            let told = match &refused {
                Refused::BadForm => words::say!(lang, operations.refusal.bad_form),
                Refused::Request(error) => {
                    // A refusal about sites comes from a pool that is there.
                    let names = form.pool.parse().ok().and_then(|pool| console.picture(&caller, &pool).ok()).map(|picture| names(&picture));
                    names.map_or_else(|| error.to_string(), |names| words::operation::refusal::request(lang, error, &names))
                }
            };
            Asked { begun: None, refused: Some(told) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_after_a_refusal_keeps_what_was_typed_and_stays_short_enough_to_be_asked_for() {
        let form = OperationForm::read("pool=chat-core&kind=switchover&site=dc-b&reason=Cooling+%26+chiller&ticket=CHG-1&typed_pool=x");
        let address = form.address_after_refusal(&Refused::BadForm);
        assert_eq!(address, "/pools/chat-core/plan/switchover?problem=bad_form&site=dc-b&ticket=CHG-1&reason=Cooling+%26+chiller");

        let long = OperationForm { reason: "王".repeat(1_000), attestation: "a".repeat(1_000), ..form };
        let address = long.address_after_refusal(&Refused::BadForm);
        assert!(address.len() <= ADDRESS_MAX, "{}", address.len());
        let kept = form_urlencoded::parse(address.split_once('?').expect("a query").1.as_bytes()).find(|(name, _)| name == "reason");
        let kept = kept.expect("a reason").1.into_owned();
        assert!(kept.chars().count() > 100 && kept.chars().all(|c| c == '王'), "{kept}");
    }

    #[test]
    fn an_address_after_a_plan_has_changed_names_the_plan_that_was_seen() {
        let form =
            OperationForm::read("pool=chat-core&kind=failover&site=dc-b&plan=0a1b&acknowledged=one_primary+same_timeline&acknowledged=x");
        let refused = Refused::Request(RequestError::Refused { refusal: Refusal::PlanChanged { changes: Vec::new() } });
        assert_eq!(form.address_after_refusal(&refused), "/pools/chat-core/plan/failover?problem=plan_changed&seen=0a1b&site=dc-b");
        assert_eq!(PlanQuery::read("?seen=0a1b").seen.as_deref(), Some("0a1b"));
        assert_eq!(form.acknowledged, ["one_primary", "same_timeline", "x"], "a box may stand for several checks");
    }

    #[test]
    fn a_form_that_names_no_pool_leads_to_the_pools() {
        assert_eq!(OperationForm::read("pool=//evil.example").address_after_refusal(&Refused::BadForm), "/");
        assert_eq!(OperationForm::read("").address_after_refusal(&Refused::BadForm), "/");
    }

    #[test]
    fn choices_for_members_are_read_from_the_address_and_empty_ones_passed_over() {
        let read = PlanQuery::read("?changes=&changes=dc-a%2Fmember-a1%2Fdrain&site=dc-a&problem=no_reason&x=y");
        assert_eq!(read.changes, ["dc-a/member-a1/drain"]);
        assert_eq!((read.site.as_str(), read.problem.as_deref()), ("dc-a", Some("no_reason")));
    }
}
