//! What stands in the way of each guarded action.

use super::{Check, CheckKind, Evidence, Objection, Verdict};
use crate::picture::{NodeView, Readings};
use crate::{Actions, Finding, NodeName, PatroniState, Picture, Side, SiteRole};
use std::collections::BTreeSet;

pub(crate) fn actions(readings: &Readings, picture: &Picture) -> Actions {
    let other = picture.active.is_none() && !picture.is_split();
    Actions {
        switchover: switchover(picture),
        failover: failover(readings, picture, picture.target),
        failover_other: other.then(|| failover(readings, picture, picture.target.other())),
        failback: failback(picture),
    }
}

impl Picture {
    /// What forbids every move: a split brain must be ended and a collision rebuilt first.
    pub(crate) fn forbidden(&self) -> Vec<Objection> {
        let has = |test: fn(&Finding) -> bool| self.findings.iter().any(test);
        let mut objections = Vec::new();
        if has(|finding| matches!(finding, Finding::SplitBrain { .. })) {
            objections.push(Objection::SplitBrain);
        }
        if has(|finding| matches!(finding, Finding::Collision { .. })) {
            objections.push(Objection::Collision);
        }
        if has(|finding| matches!(finding, Finding::DifferentDatabases)) {
            objections.push(Objection::CheckFails { check: CheckKind::OneDatabase, verdict: Verdict::Fail });
        }
        objections
    }

    /// The members of the active site whose Patroni would stop the primary without a shutdown checkpoint, each with its version.
    pub fn old_patroni(&self) -> Vec<(NodeName, String)> {
        let check = self.checks.iter().find(|check| check.kind == CheckKind::DemotesCleanly && check.verdict == Verdict::Fail);
        match check.map(|check| &check.evidence) {
            Some(Evidence::OldPatroni { members }) => members.clone(),
            _ => Vec::new(),
        }
    }
}

fn switchover(picture: &Picture) -> Vec<Objection> {
    let mut objections = picture.forbidden();
    if !objections.is_empty() {
        return objections;
    }
    if picture.active.is_none() {
        objections.push(Objection::ActiveSiteUnknown);
    }
    let stands = |check: &&Check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown);
    let named = old_patroni(picture);
    let said_by_name = |check: &&Check| check.kind == CheckKind::DemotesCleanly && !named.is_empty();
    let unnamed = picture.checks.iter().filter(stands).filter(|check| !said_by_name(check));
    objections.extend(unnamed.map(|check| Objection::CheckFails { check: check.kind, verdict: check.verdict }));
    objections.extend(named);
    objections
}

/// The members of the active site whose Patroni cannot be told to stop its primary cleanly.
fn old_patroni(picture: &Picture) -> Vec<Objection> {
    let old = |(node, version): (NodeName, String)| Objection::PatroniTooOld { node, version };
    picture.old_patroni().into_iter().map(old).collect()
}

fn failover(readings: &Readings, picture: &Picture, target: Side) -> Vec<Objection> {
    let mut objections = picture.forbidden();
    // Where only the site that is given up answers with another database, it is not this pool that answers there.
    let ours = readings.nodes_of(target).filter_map(NodeView::system_identifier).collect::<BTreeSet<_>>();
    if ours.len() == 1 && readings.nodes_of(target.other()).any(|view| view.foreign_database) {
        objections.retain(|objection| !matches!(objection, Objection::CheckFails { check: CheckKind::OneDatabase, .. }));
    }
    if picture.links.is_empty() && objections.is_empty() {
        // Nobody knows where the log came from, so nobody knows which way to go.
        objections.push(Objection::ActiveSiteUnknown);
    }
    let answering = |side: Side| readings.nodes_of(side).filter(|view| view.patroni.fresh().is_some()).count();
    let promotable = |view: &NodeView| match view.postgres.fresh() {
        Some(facts) => facts.in_recovery,
        None => view.patroni.fresh().is_some_and(|facts| facts.state == PatroniState::Running),
    };
    if answering(target) == 0 {
        objections.push(Objection::TargetSilent { side: target });
    } else if !readings.leader(target).is_some_and(promotable) {
        objections.push(Objection::NothingToPromote { side: target });
    }
    // A paused Patroni gives up its lock instead of promoting.
    if readings.nodes_of(target).any(|view| view.patroni.fresh().is_some_and(|facts| facts.paused)) {
        objections.push(Objection::CheckFails { check: CheckKind::NotPaused, verdict: Verdict::Fail });
    }
    if objections.is_empty() {
        objections.extend(against_failover(readings, picture, target));
    }
    objections
}

/// What advises against giving a site up that is not lost.
fn against_failover(readings: &Readings, picture: &Picture, target: Side) -> Option<Objection> {
    let side = target.other();
    if picture.active == Some(side) {
        // Of a planned switchover nothing is said where there can be none.
        return Some(Objection::ActiveSiteAnswers { side });
    }
    let given_up = &picture.sites[side];
    // The console is cut off from it, or hears it only in part.
    let half_heard = picture.active.is_none() && !given_up.unproven.is_empty() && !given_up.witnesses.is_empty();
    let out_of_sight = given_up.role == SiteRole::OutOfSight;
    if out_of_sight || half_heard {
        return Some(Objection::SeenAlive { side, witnesses: given_up.witnesses.clone(), out_of_sight });
    }
    // One that is told to follow, or held, elects nobody who would write.
    let kept = readings.held_by_configuration(side) || readings.follows_by_configuration(side) == Some(true);
    if given_up.role != SiteRole::Silent && !kept {
        return Some(Objection::OtherMayElect { side });
    }
    let (other, own) = (picture.log_end(side)?, picture.log_end(target)?);
    let bytes = (other.0 == own.0).then(|| other.1.bytes_ahead_of(own.1));
    (other > own).then_some(Objection::OtherIsFurther { side, bytes })
}

fn failback(picture: &Picture) -> Vec<Objection> {
    match picture.active {
        Some(side) if side == picture.home => vec![Objection::AlreadyHome { side }],
        Some(_) if picture.sites[picture.home].role != SiteRole::Standby => {
            let mut objections = picture.forbidden();
            objections.push(Objection::HomeDoesNotFollow { side: picture.home });
            // To follow would not make it any newer.
            objections.extend(old_patroni(picture));
            objections
        }
        _ => switchover(picture),
    }
}
