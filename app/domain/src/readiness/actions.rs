//! What stands in the way of each guarded action.

use super::{Check, Objection, Verdict};
use crate::picture::Look;
use crate::{Actions, Finding, Picture, Side, SiteRole};

pub(crate) fn actions(look: &Look, picture: &Picture) -> Actions {
    Actions { switchover: switchover(picture), failover: failover(look, picture), failback: failback(picture) }
}

/// What forbids every move: a split brain must be ended and a collision rebuilt first.
fn forbidden(picture: &Picture) -> Vec<Objection> {
    let has = |test: fn(&Finding) -> bool| picture.findings.iter().any(test);
    let mut objections = Vec::new();
    if has(|finding| matches!(finding, Finding::SplitBrain { .. })) {
        objections.push(Objection::SplitBrain);
    }
    if has(|finding| matches!(finding, Finding::Collision { .. })) {
        objections.push(Objection::Collision);
    }
    objections
}

fn switchover(picture: &Picture) -> Vec<Objection> {
    let mut objections = forbidden(picture);
    if !objections.is_empty() {
        return objections;
    }
    if picture.active.is_none() {
        objections.push(Objection::ActiveSiteUnknown);
    }
    let stands = |check: &&Check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown);
    objections
        .extend(picture.checks.iter().filter(stands).map(|check| Objection::CheckFails { check: check.kind, verdict: check.verdict }));
    objections
}

fn failover(look: &Look, picture: &Picture) -> Vec<Objection> {
    let mut objections = forbidden(picture);
    let target = picture.target;
    let answering = |side: Side| look.nodes_of(side).filter(|view| view.patroni.fresh().is_some()).count();
    if answering(target) == 0 {
        objections.push(Objection::TargetSilent { side: target });
    } else if look.leader(target).is_none() {
        objections.push(Objection::NothingToPromote { side: target });
    }
    if picture.active == Some(target.other()) && objections.is_empty() {
        objections.push(Objection::ActiveSiteAnswers { side: target.other() });
    }
    objections
}

fn failback(picture: &Picture) -> Vec<Objection> {
    match picture.active {
        Some(side) if side == picture.home => vec![Objection::AlreadyHome { side }],
        Some(_) if picture.sites[picture.home].role != SiteRole::Standby => {
            let mut objections = forbidden(picture);
            objections.push(Objection::HomeDoesNotFollow { side: picture.home });
            objections
        }
        _ => switchover(picture),
    }
}
