//! From what somebody wants to a plan, and from a request to a refusal or nothing.

use super::{Advice, Epoch, Intent, MemberOrder, OperationId, PlanChange, PoolState, Step, UnreadableEntry, advice};
use crate::{
    Bound, ByteLag, CheckKind, MemberName, MemberState, Millis, NodeName, Objection, Picture, Pool, PoolId, Protection, Side, SiteId,
    SiteRole, Timeline, Verdict, Witness, WitnessKind,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest reason or ticket, in characters.
const TEXT_MAX: usize = 1_000;

/// A plan can be requested for so long; then the situation it rests on is history.
const PLAN_LASTS: SignedDuration = SignedDuration::from_mins(5);

/// What would be done, and the facts it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// The pool.
    pub pool: PoolId,
    /// What is wanted.
    pub intent: Intent,
    /// The epoch it was made in; it is void in any other.
    pub epoch: Epoch,
    /// When it was made.
    pub made_at: Timestamp,
    /// What will be done, in this order.
    pub steps: Vec<Step>,
    /// Who leads each site, and on which timeline: when that changes, the plan is void.
    pub leaders: Vec<(Side, Option<NodeName>, Option<Timeline>)>,
    /// Checks that do not pass. A planned operation cannot have any that fail; a failover needs each to be acknowledged by name.
    #[cfg_attr(feature = "schema", schema(schema_with = crate::readiness::checks_with_verdicts))]
    pub not_passed: Vec<(CheckKind, Verdict)>,
    /// What would be lost, as it stood when the plan was made.
    pub loss: Protection,
    /// Nodes of the site that a failover gives up of which nothing proves that they do not write: somebody has to say that they are off.
    #[serde(default)]
    pub unproven: Vec<NodeName>,
    /// Who sees a sign of life of that site while the console hears nothing of these nodes: each has to be overridden by name.
    #[serde(default)]
    pub witnesses: Vec<Witness>,
    /// Why it cannot be requested; empty when it can. What only advises against it is here too.
    pub objections: Vec<PlanObjection>,
}

/// Why a plan cannot be requested, or is advised against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum PlanObjection {
    /// The situation of the pool.
    Situation {
        /// Which.
        objection: Objection,
    },
    /// Another operation of this pool has not ended.
    OperationRuns {
        /// Which.
        operation: OperationId,
    },
    /// An operation of this pool has not ended, and its journal cannot be read: how far it has come is not known. Advice, not a refusal: it
    /// is closed when another one begins.
    OperationUnreadable {
        /// Which.
        operation: OperationId,
        /// The entry that cannot be read.
        entry: UnreadableEntry,
    },
    /// The last operation has only just ended.
    CoolingDown {
        /// Until when.
        until: Timestamp,
    },
    /// A freeze window is open.
    FreezeWindow {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// The configuration does not say how this site follows the other one (`[pool.site.standby_cluster]`).
    NoStandbySection {
        /// The site.
        side: Side,
    },
    /// The console only watches this pool.
    OnlyWatched,
    /// The console's store was restored, and nobody has confirmed yet that what it says about the pool is still so.
    NotConfirmed,
    /// The site is fenced after a failover: it must be re-protected first.
    Fenced {
        /// The site.
        side: Side,
    },
    /// It is so already.
    NothingToDo,
    /// More speaks for keeping the other site. Advice, not a refusal.
    OtherAdvised {
        /// Which, and why.
        advice: Advice,
    },
    /// The site has no member of this name.
    NoSuchMember {
        /// The name.
        member: MemberName,
    },
    /// More members would be active than the policy allows.
    TooManyActive {
        /// How many would be.
        would_be: u32,
        /// How many may be.
        most: u32,
    },
    /// Only members of the active site may be active.
    NotLocal {
        /// Which is not.
        member: MemberName,
    },
    /// The last active member of the active site would be taken out.
    NobodyLeft,
}

impl PlanObjection {
    /// It only advises against the operation; it does not refuse it.
    pub fn is_advice(&self) -> bool {
        match self {
            PlanObjection::Situation { objection } => objection.is_advice(),
            PlanObjection::OtherAdvised { .. } | PlanObjection::OperationUnreadable { .. } => true,
            _ => false,
        }
    }
}

/// The checks that have to be taken on: each by itself, but those that only the silence of one site keeps from being told together. They
/// have one cause, and nobody weighs each of them at three in the morning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToAcknowledge {
    /// Each by itself.
    pub alone: Vec<(CheckKind, Verdict)>,
    /// By the site that is silent, more than one each.
    pub together: Vec<(Side, Vec<CheckKind>)>,
}

impl ToAcknowledge {
    /// `silence_behind` is [`Picture::silence_behind`]. The picture may be a moment older than the plan: what the plan knows to fail stands
    /// by itself.
    pub fn of(not_passed: &[(CheckKind, Verdict)], silence_behind: impl Fn(CheckKind) -> Option<Side>) -> ToAcknowledge {
        let behind = |side: Side| {
            let unknown = not_passed.iter().filter(|(_, verdict)| *verdict == Verdict::Unknown).map(|(kind, _)| *kind);
            unknown.filter(|kind| silence_behind(*kind) == Some(side)).collect::<Vec<_>>()
        };
        let together: Vec<_> = Side::BOTH.map(|side| (side, behind(side))).into_iter().filter(|(_, kinds)| kinds.len() > 1).collect();
        let alone = not_passed.iter().filter(|(kind, _)| !together.iter().any(|(_, kinds)| kinds.contains(kind))).copied().collect();
        ToAcknowledge { alone, together }
    }
}

impl Plan {
    /// Nothing stands in its way.
    pub fn is_possible(&self) -> bool {
        self.objections.iter().all(PlanObjection::is_advice)
    }

    /// What its hash is made of: whatever is different here is another plan. The figures of the loss move all the time and are left out,
    /// its class is not.
    pub fn essence(&self) -> impl Serialize + use<'_> {
        #[derive(Serialize)]
        struct Essence<'a> {
            pool: &'a PoolId,
            intent: &'a Intent,
            epoch: Epoch,
            steps: &'a [Step],
            leaders: &'a [(Side, Option<NodeName>, Option<Timeline>)],
            not_passed: &'a [(CheckKind, Verdict)],
            protection: crate::ProtectionState,
        }
        Essence {
            pool: &self.pool,
            intent: &self.intent,
            epoch: self.epoch,
            steps: &self.steps,
            leaders: &self.leaders,
            not_passed: &self.not_passed,
            protection: self.loss.state,
        }
    }

    /// The step after which nothing is taken back, counted from zero.
    pub fn no_return(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.is_point_of_no_return(&self.intent))
    }

    /// The active site is told to stop before the other one is told to lead: clients wait in between.
    pub fn demotes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Demote { .. }))
    }

    /// The site that is active before it, and the one that is active after it.
    pub fn moves(&self) -> Option<(Side, Side)> {
        let to = self.intent.side().filter(|_| self.intent.moves_the_active_site())?;
        Some((to.other(), to))
    }
}

/// What somebody asks for after having seen a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Request {
    /// The pool.
    pub pool: PoolId,
    /// What is wanted.
    pub intent: Intent,
    /// The hash of the plan they saw, in hexadecimal digits.
    pub plan: String,
    /// When that plan was made.
    pub planned_at: Timestamp,
    /// Why, in their words.
    pub reason: String,
    /// The ticket or incident.
    #[serde(default)]
    pub ticket: String,
    /// The pool's name as they typed it.
    pub typed_pool: String,
    /// The name of the site that the operation is about, as they typed it.
    pub typed_site: String,
    /// They accept the stated loss; asked for only when there may be one.
    #[serde(default)]
    pub accepts_loss: bool,
    /// Checks that do not pass and that they take upon themselves, by name.
    #[serde(default)]
    pub acknowledged: Vec<CheckKind>,
    /// How they know that what cannot be reached of the old site is off, in their words ("power is off"). Empty: they do not.
    #[serde(default)]
    pub attestation: String,
    /// Signs of life of the old site that they know to be wrong, by name. Each needs the attestation as well.
    #[serde(default)]
    pub overridden: Vec<WitnessKind>,
    /// Only rehearse: look and prove as far as that is possible, change nothing. It takes no acceptance, no acknowledgement, no attestation
    /// and no override; the report says which of them the operation itself would need.
    #[serde(default)]
    pub dry_run: bool,
}

/// Why a request was not taken. Nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The plan has objections.
    #[error("this cannot be done now")]
    Objections {
        /// Which.
        objections: Vec<PlanObjection>,
    },
    /// The plan they saw is not the one that would be made now.
    #[error("the situation has changed since the plan was made; look at the new plan")]
    PlanChanged {
        /// What has changed; empty when nobody knows any more what the plan rested on.
        #[serde(default)]
        changes: Vec<PlanChange>,
    },
    /// The plan they saw is too old.
    #[error("the plan is more than five minutes old; look at the new plan")]
    PlanExpired,
    /// The pool's name was not typed right.
    #[error("type the pool's name: {expected}")]
    WrongPool {
        /// What it is.
        expected: PoolId,
    },
    /// The site's name was not typed right.
    #[error("type the site's name: {expected}")]
    WrongSite {
        /// What it is.
        expected: SiteId,
    },
    /// There is no reason.
    #[error("give a reason")]
    NoReason,
    /// A text is too long.
    #[error("the reason, the ticket and the attestation have at most {most} characters each")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// Nothing proves that these nodes of the site that is given up do not write, and nobody has said that they are off.
    #[error("nothing proves that these nodes are off; say in your words how you know it: {}", names(nodes))]
    NoAttestation {
        /// Which.
        nodes: Vec<NodeName>,
    },
    /// Others see the site that is given up alive.
    #[error("the site is seen alive; do not fail over, or override each sign of life by name: {}", codes(witnesses))]
    SeenAlive {
        /// The signs of life that were not overridden.
        witnesses: Vec<Witness>,
    },
    /// The stated loss was not accepted.
    #[error("accept the stated loss")]
    LossNotAccepted,
    /// Checks were not acknowledged.
    #[error("acknowledge each check that does not pass")]
    NotAcknowledged {
        /// Which.
        checks: Vec<CheckKind>,
    },
}

impl Refusal {
    /// The word for addresses, the API and the audit history.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Objections { .. } => "objections",
            Refusal::PlanChanged { .. } => "plan_changed",
            Refusal::PlanExpired => "plan_expired",
            Refusal::WrongPool { .. } => "wrong_pool",
            Refusal::WrongSite { .. } => "wrong_site",
            Refusal::NoReason => "no_reason",
            Refusal::TooLong { .. } => "too_long",
            Refusal::NoAttestation { .. } => "no_attestation",
            Refusal::SeenAlive { .. } => "seen_alive",
            Refusal::LossNotAccepted => "loss_not_accepted",
            Refusal::NotAcknowledged { .. } => "not_acknowledged",
        }
    }
}

fn names(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}

fn codes(witnesses: &[Witness]) -> String {
    let kinds: std::collections::BTreeSet<&str> = witnesses.iter().map(|witness| witness.kind.code()).collect();
    kinds.into_iter().collect::<Vec<_>>().join(", ")
}

impl Request {
    /// Why it is not taken, if it is not. `now_planned` is the plan as it would be made now and `its_hash` the hash of its essence; `seen`
    /// is the plan that was seen, if it is still known.
    pub fn refusal(&self, pool: &Pool, now_planned: &Plan, its_hash: &str, seen: Option<&Plan>, now: Timestamp) -> Option<Refusal> {
        let same = |typed: &str, name: &str| typed.trim().eq_ignore_ascii_case(name);
        if [&self.reason, &self.ticket, &self.attestation].iter().any(|text| text.chars().count() > TEXT_MAX) {
            return Some(Refusal::TooLong { most: TEXT_MAX });
        }
        if !now_planned.is_possible() {
            let objections = now_planned.objections.iter().filter(|objection| !objection.is_advice()).cloned().collect();
            return Some(Refusal::Objections { objections });
        }
        // A plan from the future is one that nobody has seen.
        if now.duration_since(self.planned_at) > PLAN_LASTS || self.planned_at > now + SignedDuration::from_secs(5) {
            return Some(Refusal::PlanExpired);
        }
        if self.plan != its_hash {
            let changes = seen.map(|seen| now_planned.changes_since(seen)).unwrap_or_default();
            return Some(Refusal::PlanChanged { changes });
        }
        if !same(&self.typed_pool, pool.id.as_str()) {
            return Some(Refusal::WrongPool { expected: pool.id.clone() });
        }
        if let Some(side) = self.intent.side() {
            let expected = &pool.sites[side].id;
            if !same(&self.typed_site, expected.as_str()) {
                return Some(Refusal::WrongSite { expected: expected.clone() });
            }
        }
        if self.reason.trim().is_empty() {
            return Some(Refusal::NoReason);
        }
        if self.dry_run { None } else { self.unanswered(now_planned).into_iter().next() }
    }

    /// What is still missing of a person's word before this may begin, in the order in which it is asked for. A rehearsal needs none of it.
    pub fn unanswered(&self, plan: &Plan) -> Vec<Refusal> {
        let mut unanswered = Vec::new();
        if matches!(self.intent, Intent::Failover { .. }) {
            let checks: Vec<CheckKind> =
                plan.not_passed.iter().map(|(kind, _)| *kind).filter(|kind| !self.acknowledged.contains(kind)).collect();
            if !checks.is_empty() {
                unanswered.push(Refusal::NotAcknowledged { checks });
            }
            let not_overridden = |witness: &&Witness| !self.overridden.contains(&witness.kind);
            let witnesses: Vec<Witness> = plan.witnesses.iter().filter(not_overridden).cloned().collect();
            if !witnesses.is_empty() {
                unanswered.push(Refusal::SeenAlive { witnesses });
            }
            if !plan.unproven.is_empty() && self.attestation.trim().is_empty() {
                unanswered.push(Refusal::NoAttestation { nodes: plan.unproven.clone() });
            }
        }
        if self.intent.gives_up().is_some() && !self.accepts_loss {
            unanswered.push(Refusal::LossNotAccepted);
        }
        unanswered
    }
}

/// Of the site that a failover gives up: the nodes of which nothing proves that they do not write, and who else sees it alive.
fn unheard(picture: &Picture, intent: &Intent) -> (Vec<NodeName>, Vec<Witness>) {
    let Intent::Failover { to } = intent else { return (Vec::new(), Vec::new()) };
    let given_up = &picture.sites[to.other()];
    // A site that the console sees writing is stopped by its own Patroni. Whoever is silent in it then is asked about when it comes to that.
    if picture.active == Some(to.other()) || given_up.unproven.is_empty() {
        return (Vec::new(), Vec::new());
    }
    (given_up.unproven.clone(), given_up.witnesses.clone())
}

/// The plan for what somebody wants, in the present situation. There always is one; when it cannot be requested, its objections say why.
pub fn plan(pool: &Pool, picture: &Picture, pool_state: &PoolState, intent: Intent, now: Timestamp) -> Plan {
    let mut objections = general(pool_state, &intent);
    let mut situation =
        |from: &[Objection]| objections.extend(from.iter().cloned().map(|objection| PlanObjection::Situation { objection }));
    let drain = Millis(pool.policy.drain_for.0);
    let steps = match &intent {
        Intent::Switchover { to } => {
            situation(&picture.actions.switchover);
            if picture.active == Some(*to) {
                objections.push(PlanObjection::NothingToDo);
            }
            if fenced(pool_state, *to) {
                objections.push(PlanObjection::Fenced { side: *to });
            }
            switchover(to.other(), *to, drain)
        }
        Intent::Failback { to } => {
            let mut steps = Vec::new();
            if picture.sites[*to].role == SiteRole::Standby && !fenced(pool_state, *to) {
                situation(&picture.actions.failback);
            } else {
                // Following is what the first steps are for; everything else is looked at again before the site is moved.
                let in_the_way: Vec<Objection> = picture
                    .actions
                    .failback
                    .iter()
                    .filter(|objection| !matches!(objection, Objection::HomeDoesNotFollow { .. } | Objection::CheckFails { .. }))
                    .cloned()
                    .collect();
                situation(&in_the_way);
                steps.extend(reprotect(*to));
            }
            steps.extend(switchover(to.other(), *to, drain));
            steps
        }
        Intent::Failover { to } => {
            match picture.failover_to(*to) {
                Some(in_the_way) => situation(in_the_way),
                None if picture.is_split() => situation(&picture.actions.failover),
                // Its clients can write.
                None => objections.push(PlanObjection::NothingToDo),
            }
            failover(*to)
        }
        Intent::Resolve { keep } => {
            if !picture.is_split() {
                objections.push(PlanObjection::NothingToDo);
            }
            if fenced(pool_state, *keep) {
                objections.push(PlanObjection::Fenced { side: *keep });
            }
            let other = advice::advice(picture, pool_state).filter(|advice| advice.keep != *keep);
            objections.extend(other.map(|advice| PlanObjection::OtherAdvised { advice }));
            resolve(*keep)
        }
        Intent::Reprotect { side } => {
            match picture.active {
                None => situation(&[Objection::ActiveSiteUnknown]),
                Some(active) if active == *side => objections.push(PlanObjection::NothingToDo),
                Some(_) => {}
            }
            reprotect(*side).to_vec()
        }
        Intent::LocalSwitchover { side } => {
            // A promotion within a site that has a second history would only give it a third (ENGINES.md, 5).
            situation(&picture.forbidden());
            if picture.sites[*side].leader.is_none() {
                situation(&[Objection::TargetSilent { side: *side }]);
            } else if picture.sites[*side].nodes.iter().filter(|node| node.knowledge.is_fresh()).count() < 2 {
                situation(&[Objection::NothingToPromote { side: *side }]);
            }
            local_switchover(picture, *side)
        }
        Intent::Members { changes } => {
            members(pool, picture, changes, &mut objections);
            changes.iter().map(|change| Step::SetMember { change: change.clone() }).collect()
        }
    };
    objections.extend(cannot_follow(pool, &intent).into_iter().map(|side| PlanObjection::NoStandbySection { side }));
    let not_passed = not_passed(picture, &intent);
    let (unproven, witnesses) = unheard(picture, &intent);
    let loss = match intent {
        Intent::Failover { to } if to != picture.target && picture.active.is_none() => given_up_by_going_back(picture, to),
        _ => picture.protection.clone(),
    };
    Plan {
        pool: pool.id.clone(),
        intent,
        epoch: pool_state.epoch,
        made_at: now,
        steps,
        leaders: leaders(picture),
        not_passed,
        loss,
        unproven,
        witnesses,
        objections,
    }
}

/// The site that would have to follow the other one, where the configuration does not say how.
fn cannot_follow(pool: &Pool, intent: &Intent) -> Option<Side> {
    let follower = match intent {
        Intent::Switchover { to } | Intent::Failover { to } | Intent::Failback { to } => Some(to.other()),
        Intent::Reprotect { side } => Some(*side),
        // A site that is fenced is held, which needs no section.
        Intent::Resolve { .. } | Intent::LocalSwitchover { .. } | Intent::Members { .. } => None,
    };
    follower.filter(|side| !pool.sites[*side].can_follow)
}

fn resolve(keep: Side) -> Vec<Step> {
    let other = keep.other();
    vec![Step::Assess { side: other }, Step::Fence { side: other }, Step::SoleWriter { side: keep }, Step::Reroute { to: keep }]
}

/// What would be lost where nobody writes and the site is chosen that is not the picture's target: what the log of the other one has beyond
/// its own.
fn given_up_by_going_back(picture: &Picture, to: Side) -> Protection {
    let ends = (picture.log_end(to.other()), picture.log_end(to));
    let loss_bytes = match ends {
        (Some(other), Some(own)) if other <= own => Some(ByteLag(0)),
        (Some(other), Some(own)) => (other.0 == own.0).then(|| other.1.bytes_ahead_of(own.1)),
        _ => None,
    };
    let bound = if loss_bytes.is_some() { Bound::Was } else { Bound::NotKnown };
    Protection { loss_bytes, loss: None, bound, ..picture.protection.clone() }
}

/// Who leads each site, and on which timeline.
fn leaders(picture: &Picture) -> Vec<(Side, Option<NodeName>, Option<Timeline>)> {
    Side::BOTH
        .into_iter()
        .map(|side| {
            let leader = picture.sites[side].leader.clone();
            let timeline = leader.as_ref().and_then(|name| picture.node(name)).and_then(|(_, node)| node.timeline);
            (side, leader, timeline)
        })
        .collect()
}

/// The checks that do not pass, where the operation rests on them.
fn not_passed(picture: &Picture, intent: &Intent) -> Vec<(CheckKind, Verdict)> {
    if !intent.moves_the_active_site() {
        // What the members are told and what a site does within itself does not rest on the other site.
        return Vec::new();
    }
    let stands = picture.checks.iter().filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown));
    stands.map(|check| (check.kind, check.verdict)).collect()
}

fn general(pool_state: &PoolState, intent: &Intent) -> Vec<PlanObjection> {
    let mut objections = Vec::new();
    if let Some(summary) = &pool_state.operation {
        objections.push(match summary.unreadable {
            Some(entry) => PlanObjection::OperationUnreadable { operation: summary.id, entry },
            None => PlanObjection::OperationRuns { operation: summary.id },
        });
    }
    // An emergency asks for no convenient time.
    if intent.gives_up().is_some() {
        return objections;
    }
    if let Some(until) = pool_state.cool_until {
        objections.push(PlanObjection::CoolingDown { until });
    }
    // To follow again disturbs no client, and until it does a second loss would be final: no window is worth that.
    if let Some(window) = pool_state.freeze.as_ref().filter(|_| !matches!(intent, Intent::Reprotect { .. })) {
        objections.push(PlanObjection::FreezeWindow { until: window.until, reason: window.reason.clone() });
    }
    objections
}

fn fenced(pool_state: &PoolState, side: Side) -> bool {
    pool_state.fences.iter().any(|fence| fence.side == side)
}

fn switchover(from: Side, to: Side, drain: Millis) -> Vec<Step> {
    let mut steps = vec![Step::Preflight, Step::Mark { side: from }, Step::Checkpoint { side: from }];
    if drain.0 > 0 {
        steps.push(Step::Drain { side: from, at_most: drain });
    }
    steps.extend([
        Step::Demote { side: from },
        Step::Prove { from, to },
        Step::Promote { side: to },
        Step::Verify { side: to },
        Step::Reroute { to },
        Step::Reprotect { side: from },
    ]);
    steps
}

fn failover(to: Side) -> Vec<Step> {
    vec![
        Step::Assess { side: to.other() },
        Step::Fence { side: to.other() },
        Step::Settle { side: to },
        Step::Promote { side: to },
        Step::Verify { side: to },
        Step::Reroute { to },
    ]
}

/// Where clients write, a marker and the meter go through it; whoever follows the site, or its leader, has to go on following.
fn local_switchover(picture: &Picture, side: Side) -> Vec<Step> {
    let writes = picture.active == Some(side);
    let mut steps = vec![Step::Preflight];
    steps.extend(writes.then_some(Step::Mark { side }));
    steps.push(Step::SwitchInSite { side });
    steps.extend(writes.then_some(Step::Verify { side }));
    let follower = if writes { side.other() } else { side };
    if picture.sites[follower].role == SiteRole::Standby {
        steps.push(Step::Reprotect { side: follower });
    }
    steps
}

fn reprotect(side: Side) -> [Step; 5] {
    // The fencer has closed the members of a returning site; standby members are checked, but take no sessions.
    [Step::Inspect { side }, Step::Save { side }, Step::Follow { side }, Step::Reprotect { side }, Step::Reroute { to: side.other() }]
}

/// What stands in the way of changing the set of active members.
fn members(pool: &Pool, picture: &Picture, changes: &[super::MemberChange], objections: &mut Vec<PlanObjection>) {
    if changes.is_empty() {
        objections.push(PlanObjection::NothingToDo);
    }
    for change in changes {
        if !picture.sites[change.side].members.iter().any(|member| member.name == change.member) {
            objections.push(PlanObjection::NoSuchMember { member: change.member.clone() });
        } else if change.to == MemberOrder::Ready && pool.policy.members_local && picture.active.is_some_and(|side| side != change.side) {
            objections.push(PlanObjection::NotLocal { member: change.member.clone() });
        }
    }
    let after = |side: Side| {
        picture.sites[side].members.iter().filter(move |member| {
            let told = changes.iter().rev().find(|change| change.side == side && change.member == member.name);
            told.map_or(member.state == MemberState::Active, |change| change.to == MemberOrder::Ready)
        })
    };
    let would_be = u32::try_from(after(Side::A).count() + after(Side::B).count()).unwrap_or(u32::MAX);
    let adds = changes.iter().any(|change| change.to == MemberOrder::Ready);
    if adds && would_be > pool.policy.members_active_max {
        objections.push(PlanObjection::TooManyActive { would_be, most: pool.policy.members_active_max });
    }
    if let Some(active) = picture.active
        && !adds
        && after(active).count() == 0
        && picture.sites[active].members.iter().any(|member| member.state == MemberState::Active)
    {
        objections.push(PlanObjection::NobodyLeft);
    }
}
