//! Why something was not begun or not taken, and what would open it.

use crate::{Locale, Names, figures::date_time, list, protection, readiness, say, sentences};
use std::fmt::Display;
use switchback_domain::{
    CheckKind, PoolId,
    error::{ConsoleError, RequestError},
    operation::{PlanChange, PlanObjection, Refusal},
};

/// The longest reason, ticket or attestation, as the sentence of a code alone says it.
pub const TEXT_MAX: usize = 1_000;

/// Why a plan cannot be requested: what is wrong, then what would open it.
pub fn objection(lang: Locale, objection: &PlanObjection, names: &Names) -> String {
    match objection {
        PlanObjection::Situation { objection } => readiness::objection(lang, objection, names),
        PlanObjection::OperationRuns { operation } => {
            say!(lang, operations.objection.operation_runs, operation = operation.to_string())
        }
        PlanObjection::OperationUnreadable { operation, entry } => super::unreadable(lang, *operation, *entry),
        PlanObjection::CoolingDown { until } => say!(lang, operations.objection.cooling_down, time = date_time(lang, *until)),
        PlanObjection::FreezeWindow { until, reason } => {
            say!(lang, operations.objection.freeze_window, reason = reason.clone(), time = date_time(lang, *until))
        }
        PlanObjection::NoStandbySection { side } => {
            say!(lang, operations.objection.no_standby_section, site = names[*side].to_string())
        }
        PlanObjection::OnlyWatched => say!(lang, operations.objection.only_watched),
        PlanObjection::NotConfirmed => say!(lang, operations.objection.not_confirmed),
        PlanObjection::Fenced { side } => say!(lang, operations.objection.fenced, site = names[*side].to_string()),
        PlanObjection::NothingToDo => say!(lang, operations.objection.nothing_to_do),
        PlanObjection::OtherAdvised { advice } => super::advice(lang, advice, names),
        PlanObjection::NoSuchMember { member } => say!(lang, operations.objection.no_such_member, member = member.to_string()),
        PlanObjection::TooManyActive { would_be, most } => {
            say!(lang, operations.objection.too_many_active, n = would_be.to_string(), most = most.to_string())
        }
        PlanObjection::NotLocal { member } => say!(lang, operations.objection.not_local, member = member.to_string()),
        PlanObjection::NobodyLeft => say!(lang, operations.objection.nobody_left),
    }
}

/// Why nothing was started, with everything that is known about it.
pub fn request(lang: Locale, error: &RequestError, names: &Names) -> String {
    match error {
        RequestError::Refused { refusal } => refused(lang, refusal, names),
        RequestError::LeaseHeld => say!(lang, operations.refusal.lease_held),
        RequestError::KeyReused => say!(lang, operations.refusal.key_reused),
        RequestError::Console { console: ConsoleError::NotSignedIn } => say!(lang, operations.refusal.not_signed_in),
        RequestError::Console { console: ConsoleError::Internal { incident } } => {
            say!(lang, operations.refusal.internal, incident = incident.clone())
        }
        RequestError::Console { console } => crate::error::console(lang, console),
    }
}

fn refused(lang: Locale, refusal: &Refusal, names: &Names) -> String {
    match refusal {
        Refusal::Objections { objections } => {
            let mut all = vec![say!(lang, operations.refusal.objections)];
            all.extend(objections.iter().map(|one| objection(lang, one, names)));
            sentences(lang, &all)
        }
        Refusal::PlanChanged { changes } => plan_changed(lang, changes, names),
        Refusal::PlanExpired => say!(lang, operations.refusal.plan_expired),
        Refusal::WrongPool { expected } => say!(lang, operations.refusal.wrong_pool, pool = expected.to_string()),
        Refusal::WrongSite { expected } => say!(lang, operations.refusal.wrong_site, site = expected.to_string()),
        Refusal::NoReason => say!(lang, operations.refusal.no_reason),
        Refusal::TooLong { most } => say!(lang, operations.refusal.too_long, most = most.to_string()),
        Refusal::NoAttestation { nodes } => say!(lang, operations.refusal.no_attestation, nodes = list(lang, nodes)),
        Refusal::SeenAlive { witnesses } => {
            let signs = list(lang, witnesses.iter().map(|witness| crate::witness(lang, witness)));
            say!(lang, operations.refusal.seen_alive, signs = signs)
        }
        Refusal::LossNotAccepted => say!(lang, operations.refusal.loss_not_accepted),
        Refusal::NotAcknowledged { checks } => {
            let titles = checks.iter().map(|check: &CheckKind| readiness::title(lang, *check));
            say!(lang, operations.refusal.not_acknowledged_which, checks = list(lang, titles))
        }
    }
}

/// What the operation itself would need that a rehearsal does not, in one sentence; nothing when that is nothing.
pub fn still_needed(lang: Locale, needed: &[Refusal], names: &Names) -> Option<String> {
    let what = |refusal: &Refusal| match refusal {
        Refusal::NotAcknowledged { checks } => {
            let titles = checks.iter().map(|check| readiness::title(lang, *check));
            say!(lang, operations.still_needed.checks, checks = list(lang, titles))
        }
        Refusal::SeenAlive { witnesses } => {
            let signs = list(lang, witnesses.iter().map(|witness| crate::witness(lang, witness)));
            say!(lang, operations.still_needed.overrides, signs = signs)
        }
        Refusal::NoAttestation { nodes } => say!(lang, operations.still_needed.attestation, nodes = list(lang, nodes)),
        Refusal::LossNotAccepted => say!(lang, operations.still_needed.loss),
        other => refused(lang, other, names),
    };
    let needed: Vec<String> = needed.iter().map(what).collect();
    (!needed.is_empty())
        .then(|| say!(lang, operations.still_needed.all, what = needed.join(&say!(lang, operations.still_needed.separator))))
}

fn plan_changed(lang: Locale, changes: &[PlanChange], names: &Names) -> String {
    let mut all = vec![say!(lang, operations.refusal.plan_changed)];
    all.extend(self::changes(lang, changes, names));
    all.push(say!(lang, operations.refusal.new_plan));
    sentences(lang, &all)
}

/// What has changed since a plan was seen, a sentence for each thing. Checks are told together.
pub fn changes(lang: Locale, changes: &[PlanChange], names: &Names) -> Vec<String> {
    fn known<T: Display>(lang: Locale, fact: Option<&T>) -> String {
        fact.map_or_else(|| say!(lang, operations.change.not_known), ToString::to_string)
    }
    let (mut told, mut failing, mut passing, mut other) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        match change {
            PlanChange::Epoch { .. } => told.push(say!(lang, operations.change.epoch)),
            PlanChange::Leader { side, was, now } => {
                let (site, now, before) = (names[*side].to_string(), known(lang, now.as_ref()), known(lang, was.as_ref()));
                told.push(say!(lang, operations.change.leader, site = site, now = now, before = before));
            }
            PlanChange::Timeline { side, was, now } => {
                let (site, now, before) = (names[*side].to_string(), known(lang, now.as_ref()), known(lang, was.as_ref()));
                told.push(say!(lang, operations.change.timeline, site = site, now = now, before = before));
            }
            PlanChange::Check { check, was: None, .. } => failing.push(readiness::title(lang, *check)),
            PlanChange::Check { check, now: None, .. } => passing.push(readiness::title(lang, *check)),
            PlanChange::Check { check, .. } => other.push(readiness::title(lang, *check)),
            PlanChange::Protection { was, now } => {
                let (now, before) = (protection::state(lang, *now), protection::state(lang, *was));
                told.push(say!(lang, operations.change.protection, now = now, before = before));
            }
            PlanChange::Steps { was, now } if was == now => told.push(say!(lang, operations.change.steps_other)),
            PlanChange::Steps { was, now } => {
                told.push(say!(lang, operations.change.steps, now = now.to_string(), before = was.to_string()));
            }
        }
    }
    if !failing.is_empty() {
        told.push(say!(lang, operations.change.checks_not, checks = list(lang, failing)));
    }
    if !passing.is_empty() {
        told.push(say!(lang, operations.change.checks_pass, checks = list(lang, passing)));
    }
    if !other.is_empty() {
        told.push(say!(lang, operations.change.checks_other, checks = list(lang, other)));
    }
    told
}

/// Why nothing was started, from an address. What the address does not say is filled in from the page it leads to.
pub fn request_by_code(lang: Locale, code: &str, pool: &PoolId, site: &str, changes: &[PlanChange], names: &Names) -> String {
    match code {
        "objections" => say!(lang, operations.refusal.objections),
        "plan_changed" => plan_changed(lang, changes, names),
        "plan_expired" => say!(lang, operations.refusal.plan_expired),
        "wrong_pool" => say!(lang, operations.refusal.wrong_pool, pool = pool.to_string()),
        "wrong_site" => say!(lang, operations.refusal.wrong_site, site = site.to_owned()),
        "no_reason" => say!(lang, operations.refusal.no_reason),
        "too_long" => say!(lang, operations.refusal.too_long, most = TEXT_MAX.to_string()),
        "no_attestation" => say!(lang, operations.refusal.no_attestation_there),
        "seen_alive" => say!(lang, operations.refusal.seen_alive_there),
        "loss_not_accepted" => say!(lang, operations.refusal.loss_not_accepted),
        "not_acknowledged" => say!(lang, operations.refusal.not_acknowledged),
        "lease_held" => say!(lang, operations.refusal.lease_held),
        "idempotency_key_reused" => say!(lang, operations.refusal.key_reused),
        "not_signed_in" => say!(lang, operations.refusal.not_signed_in),
        "not_allowed" => say!(lang, words.error.not_allowed),
        "bad_form" => say!(lang, operations.refusal.bad_form),
        _ => say!(lang, operations.refusal.internal_unknown),
    }
}

/// Why a wish or an answer was not taken, from an address.
pub fn wish_by_code(lang: Locale, code: &str) -> String {
    match code {
        "ended" => say!(lang, operations.wish_refusal.ended),
        "past_no_return" => say!(lang, operations.wish_refusal.past_no_return),
        "lease_held" => say!(lang, operations.wish_refusal.lease_held),
        "not_paused" => say!(lang, operations.wish_refusal.not_paused),
        "no_such_question" => say!(lang, operations.wish_refusal.no_such_question),
        "not_offered" => say!(lang, operations.wish_refusal.not_offered),
        "no_reason" => say!(lang, operations.wish_refusal.no_reason),
        "wrong_site" => say!(lang, operations.wish_refusal.wrong_site),
        "not_allowed" => say!(lang, words.error.not_allowed),
        "bad_form" => say!(lang, operations.wish_refusal.bad_form),
        _ => say!(lang, operations.wish_refusal.internal),
    }
}
