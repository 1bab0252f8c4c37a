//! What an operation achieved, for people who were not there.

use super::{
    Asked, Choice, Epoch, Fence, Instruction, Intent, LossAtAGlance, LossCode, LostWrites, NotSaved, Operation, OperationId, Outage,
    Outcome, Refusal, Stage, Step, StepEvidence, StepFailure, StepRun, StepState,
};
use crate::{ByteLag, CheckKind, EndpointName, Login, Lsn, Millis, NodeName, Pair, Policy, Pool, Side, SiteId, Timeline, WitnessKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The report of an operation; of one that has not ended, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    /// Its number.
    pub id: OperationId,
    /// The pool's name and what it is for.
    pub pool: (crate::PoolId, String),
    /// The names of the sites.
    pub sites: Pair<SiteId>,
    /// What was wanted.
    pub intent: Intent,
    /// It only rehearsed.
    pub dry_run: bool,
    /// Of a rehearsal: what the operation itself would have been refused for until somebody had answered for it.
    #[serde(default)]
    pub still_needed: Vec<Refusal>,
    /// Who asked, why, and under which ticket.
    pub requested_by: Login,
    /// Why.
    pub reason: String,
    /// The ticket or incident.
    pub ticket: String,
    /// Checks that were acknowledged by name.
    pub acknowledged: Vec<CheckKind>,
    /// They accepted that something may be lost.
    #[serde(default)]
    pub accepts_loss: bool,
    /// Who has vouched for nodes that nobody sees, and in which words.
    #[serde(default)]
    pub attested: Option<Attested>,
    /// Signs of life of the site that is given up, which were overridden by name.
    #[serde(default)]
    pub overridden: Vec<WitnessKind>,
    /// When the plan was made that they saw.
    pub planned_at: Timestamp,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The epoch before it.
    pub epoch: Epoch,
    /// The hash of the plan, in hexadecimal digits.
    pub plan_hash: String,
    /// How long clients had been without writes already when it was asked for, at least: a part of `outage`. Nothing when it is not certain that
    /// they were.
    #[serde(default)]
    pub outage_before: Option<Millis>,
    /// How long people took: from the plan to the request, or since clients were without writes when that was earlier, and for the answers to
    /// questions and during pauses.
    pub decision: Millis,
    /// How long the console took.
    pub execution: Option<Millis>,
    /// How long clients that ask all nodes themselves could not write; behind `HAProxy` or a pooler it may have been longer. Without an end
    /// when they still could not as the operation ended.
    pub outage: Option<Outage>,
    /// What was lost.
    pub loss: Loss,
    /// What the pool promises, and whether that was kept.
    pub targets: Targets,
    /// Each step.
    pub steps: Vec<StepReport>,
    /// What was taken back, by step.
    pub undone: Vec<StepReport>,
    /// What is not as it was before, although everything was taken back.
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// The site that did not follow when it ended, although it was to: until it does, the loss of the other one is final.
    #[serde(default)]
    pub left_unprotected: Option<Side>,
    /// Its fences that still stand, with how each endpoint has answered until now, also after its end.
    #[serde(default)]
    pub fences: Vec<Fence>,
    /// What was asked and answered.
    pub questions: Vec<Asked>,
    /// Names of what it keeps for people beside its journal: `/api/v1/operations/{id}/evidence/{name}`.
    pub evidence: Vec<String>,
    /// What somebody has to do by hand now, in this order.
    pub instructions: Vec<Instruction>,
}

/// A person's word that nodes which nobody sees do not write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Attested {
    /// Who gave it.
    pub by: Login,
    /// How they know.
    pub how: String,
}

/// What was lost, by each way in which it can be known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Loss {
    /// What is known of it, in one word.
    #[serde(default)]
    pub word: LossCode,
    /// Proved that nothing was: the other site had replayed the old primary's shutdown checkpoint before it was promoted.
    pub proved_none: bool,
    /// Said before, in bytes of the log: an estimate, bounded neither way.
    pub expected_bytes: Option<ByteLag>,
    /// Said before, in time: an estimate, bounded neither way.
    pub expected: Option<Millis>,
    /// By the heartbeat row that the console writes each second: from the last one that the other site had when it was promoted to the last
    /// one that the lost site is known to have confirmed. Neither end is known better than to a second.
    pub by_heartbeat: Option<Millis>,
    /// No more than this, in time: from the last heartbeat that the other site had to the moment from which on nothing ran in the lost site.
    /// Nothing when that site was only silent: then it may have gone on.
    pub at_most: Option<Millis>,
    /// What was found when the lost site came back; nothing as long as nobody could look.
    pub found: Option<FoundLoss>,
    /// The outage meter's rows that were acknowledged and are missing; nothing when it was not counted.
    pub rows_missing: Option<u64>,
}

/// What was found of a failover's loss when somebody looked into the log of the site that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FoundLoss {
    /// The operation that looked.
    pub operation: OperationId,
    /// What that log had beyond the point where the other site went on without it: the records of clients' transactions where those were
    /// counted (`writes`), else all of it, with the server's own records and the unused rest of its last file.
    pub bytes: ByteLag,
    /// How often a row was inserted, changed or deleted in it; where that was not counted, how many rows were read out of it. Nothing when
    /// neither is known.
    pub rows: Option<u64>,
    /// What clients committed in it, by table; nothing when nobody counted, which is not zero.
    #[serde(default)]
    pub writes: Option<LostWrites>,
    /// What of it could not be saved.
    #[serde(default)]
    pub not_saved: Vec<NotSaved>,
    /// Who gave that up, why, and when; nothing when nothing had to be given up, or when it is still asked.
    #[serde(default)]
    pub given_up: Option<super::Answered>,
    /// Where it lay; nothing when no log went on beyond that point.
    pub beyond: Option<Beyond>,
}

/// A part of a log that only one node has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Beyond {
    /// The node whose log went furthest.
    pub node: NodeName,
    /// The timeline that it wrote.
    pub timeline: Timeline,
    /// Where the other site left that timeline.
    pub fork: Lsn,
    /// Where the node's own log ended.
    pub end: Lsn,
}

impl FoundLoss {
    /// Nothing that clients wrote was lost, and that is certain.
    pub fn is_nothing(&self) -> bool {
        match &self.writes {
            Some(writes) => writes.is_nothing(),
            None => self.bytes == ByteLag(0) || self.rows == Some(0),
        }
    }

    /// It in one word.
    fn as_code(&self) -> LossCode {
        let some = self.rows.is_some_and(|rows| rows > 0) || self.writes.as_ref().is_some_and(|writes| writes.transactions > 0);
        match (self.is_nothing(), some) {
            (true, _) => LossCode::Nothing,
            (false, true) => LossCode::Lost,
            (false, false) => LossCode::NotKnown,
        }
    }
}

/// How often the console writes its heartbeat row: what is told by it is known to this much.
const HEARTBEAT: Millis = Millis(1_000);

impl Loss {
    /// Whether the recovery point target was kept: judged only by what was proved or found, never by an estimate. Nothing: not known, or not
    /// known yet. `ended_by`: when the site that was given up had stopped at the latest.
    fn is_within(&self, policy: &Policy, ended_by: Option<Timestamp>) -> Option<bool> {
        if self.rows_missing.is_some_and(|rows| rows > 0) {
            return None;
        }
        if self.proved_none {
            return Some(true);
        }
        let found = self.found.as_ref()?;
        if found.is_nothing() {
            return Some(true);
        }
        // What the lost site confirmed and the other one never had spans at least this.
        let by_heartbeat = self.by_heartbeat.map_or(0, |gap| gap.0.saturating_sub(HEARTBEAT.0));
        let by_commits = found.writes.as_ref().and_then(LostWrites::span).map_or(0, |span| span.0);
        let at_least = by_heartbeat.max(by_commits);
        // The whole log may be large although hardly anything of it is clients': only what was counted says that too much was lost.
        let too_much = found.writes.is_some() && found.bytes > policy.loss_target_bytes;
        if too_much || at_least > policy.loss_target.0 {
            return Some(false);
        }
        // It may be more than was counted, or the whole log is too large to say.
        if found.writes.as_ref().is_some_and(|writes| !writes.complete) || found.bytes > policy.loss_target_bytes {
            return None;
        }
        let at_most = [self.at_most, found.writes.as_ref().and_then(|writes| writes.lasted_at_most(ended_by))].into_iter().flatten().min();
        at_most.filter(|at_most| *at_most <= policy.loss_target).map(|_| true)
    }
}

/// What the pool promises, and whether that was kept; nothing where it was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Targets {
    /// Recovery time: how long clients may be without writes, judged at the nodes.
    pub recovery_time: Millis,
    /// Kept.
    pub recovery_time_kept: Option<bool>,
    /// Recovery point: how much may be lost, in time.
    pub recovery_point: Millis,
    /// Kept.
    pub recovery_point_kept: Option<bool>,
}

/// Something that is not as it was before an operation that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// A site is on another timeline: its primary had stopped and was promoted again.
    Timeline {
        /// The site.
        side: Side,
        /// Before.
        before: Timeline,
        /// Now.
        now: Timeline,
    },
    /// Another node leads a site.
    Leader {
        /// The site.
        side: Side,
        /// Before.
        before: NodeName,
        /// Now.
        now: NodeName,
    },
    /// The fencer had told an endpoint to keep its site read-only, and nobody knows whether it has taken that.
    MayBeHeld {
        /// Which.
        endpoint: EndpointName,
    },
}

/// One step in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How far it came and what it saw.
    pub run: StepRun,
    /// How long it took.
    pub took: Option<Millis>,
}

fn took(run: &StepRun) -> Option<Millis> {
    Some(Millis::between(run.began_at?, run.ended_at?))
}

impl Operation {
    /// Its report. `plan_hash` is the hash of the plan's essence; `found` is what a later operation found of what this one lost.
    pub fn report(&self, pool: &Pool, plan_hash: String, found: Option<FoundLoss>) -> Report {
        let (outcome, ended_at) = match &self.stage {
            Stage::Finished { outcome, at } => (Some(outcome.clone()), Some(*at)),
            _ => (None, None),
        };
        let waited: u64 = self
            .questions
            .iter()
            .filter_map(|asked| asked.answer.as_ref().map(|answer| Millis::between(asked.at, answer.at).0))
            .sum::<u64>()
            + self.paused_for.0;
        let whole = ended_at.map(|ended_at| Millis::between(self.requested_at, ended_at).0);
        let loss = self.loss(found);
        // As long as it goes on it belongs to the operation and not to its report.
        let outage = self.outage.filter(|outage| outage.first_write_at.is_some() || ended_at.is_some());
        let outage_before = self.outage.and_then(|outage| outage.before(self.requested_at)).filter(|_| !self.request.dry_run);
        let planned_before = Millis::between(self.request.planned_at, self.requested_at);
        let report = |step: usize, run: &StepRun| StepReport { step: self.plan.steps[step].clone(), run: run.clone(), took: took(run) };
        Report {
            id: self.id,
            pool: (pool.id.clone(), pool.title.clone()),
            sites: Pair::of(|side| pool.sites[side].id.clone()),
            intent: self.plan.intent.clone(),
            dry_run: self.request.dry_run,
            still_needed: self.still_needed(),
            requested_by: self.requested_by.clone(),
            reason: self.request.reason.clone(),
            ticket: self.request.ticket.clone(),
            acknowledged: self.request.acknowledged.clone(),
            accepts_loss: self.request.accepts_loss,
            attested: self.attested.clone().map(|(by, how)| Attested { by, how }),
            overridden: self.overridden.clone(),
            planned_at: self.request.planned_at,
            requested_at: self.requested_at,
            ended_at,
            outcome,
            epoch: self.plan.epoch,
            plan_hash,
            outage_before,
            decision: Millis(outage_before.map_or(planned_before, |before| before.max(planned_before)).0 + waited),
            execution: whole.map(|whole| Millis(whole.saturating_sub(waited))),
            outage,
            targets: Targets {
                recovery_time: pool.policy.recovery_time_target,
                recovery_time_kept: outage.and_then(|outage| {
                    let until = ended_at.unwrap_or(outage.last_write_at);
                    outage.is_within(pool.policy.recovery_time_target, until)
                }),
                recovery_point: pool.policy.loss_target,
                recovery_point_kept: loss.is_within(&pool.policy, self.given_up_site_ended_by()),
            },
            loss,
            steps: self.steps.iter().enumerate().map(|(step, run)| report(step, run)).collect(),
            undone: self.undo.iter().map(|undo| report(undo.step, &undo.run)).collect(),
            differences: self.differences(),
            left_unprotected: self.left_unprotected(),
            fences: Vec::new(),
            questions: self.questions.clone(),
            evidence: self.evidence(),
            instructions: self.instructions(pool),
        }
    }

    /// Of a rehearsal: what the operation itself would have been refused for until somebody had answered for it.
    pub fn still_needed(&self) -> Vec<Refusal> {
        if self.request.dry_run { self.request.unanswered(&self.plan) } else { Vec::new() }
    }

    /// What is not as it was before, by what was seen while everything was taken back.
    pub fn differences(&self) -> Vec<Difference> {
        let mut all = Vec::new();
        for undo in &self.undo {
            let (Some(Step::Demote { side } | Step::Fence { side }), facts) = (self.plan.steps.get(undo.step), &undo.run.facts) else {
                continue;
            };
            let led = facts.iter().rev().find_map(|fact| match fact {
                StepEvidence::Promoted { node, from, to, .. } => Some((node, *from, *to)),
                _ => None,
            });
            if let Some((now, from, timeline)) = led {
                let before = self.led_before(*side);
                // Of a site that was silent then only the look right before it was told says on which timeline it was.
                let was_on = before.as_ref().and_then(|(_, was_on)| *was_on).or(from);
                if let Some((before, _)) = before.filter(|(before, _)| before != now) {
                    all.push(Difference::Leader { side: *side, before, now: now.clone() });
                }
                if let Some(before) = was_on.filter(|before| timeline > *before) {
                    all.push(Difference::Timeline { side: *side, before, now: timeline });
                }
            }
            let lifted = facts.iter().any(|fact| matches!(fact, StepEvidence::Stored { .. }));
            all.extend(undo.run.every_fact().filter_map(|fact| match fact {
                StepEvidence::FencerTold { answer } if answer.may_hold() && !lifted => {
                    Some(Difference::MayBeHeld { endpoint: answer.endpoint.clone() })
                }
                _ => None,
            }));
        }
        all.dedup();
        all
    }

    /// Who led a site before the operation changed anything, and on which timeline: by the last look before that, or else by its plan.
    fn led_before(&self, of: Side) -> Option<(NodeName, Option<Timeline>)> {
        let seen = self.steps.iter().flat_map(StepRun::every_fact).filter_map(|fact| match fact {
            StepEvidence::Leader { side, node, timeline } if *side == of => Some((node.clone(), *timeline)),
            _ => None,
        });
        let planned = || {
            let (_, node, timeline) = self.plan.leaders.iter().find(|(side, ..)| *side == of)?;
            Some((node.clone()?, *timeline))
        };
        seen.last().or_else(planned)
    }

    /// The site that did not follow when it ended, although it was to follow. One that followed before it began, and does so because everything
    /// was taken back, is none.
    pub fn left_unprotected(&self) -> Option<Side> {
        if !self.is_finished() || self.request.dry_run {
            return None;
        }
        let steps = self.plan.steps.iter().zip(&self.steps);
        let side = steps.into_iter().find_map(|(step, run)| match step {
            Step::Reprotect { side } if run.state != StepState::Done => Some(*side),
            _ => None,
        })?;
        let follows_again = |step: &Step| matches!(step, Step::Follow { side: told } if *told == side);
        (self.is_past_no_return() || self.plan.steps.iter().any(follows_again)).then_some(side)
    }

    /// What it has lost, and what it has found of what another one lost, as far as a list tells that.
    pub(super) fn loss_at_a_glance(&self) -> LossAtAGlance {
        let looked = self.plan.steps.iter().find_map(|step| match step {
            Step::Inspect { side } => Some(*side),
            _ => None,
        });
        let promoted = self.promoted();
        LossAtAGlance {
            word: self.loss(None).word,
            epoch: self.plan.epoch,
            promoted,
            found: looked.and_then(|side| self.found_in(side)).map(|found| found.as_code()),
            untouched: looked.and_then(|side| self.untouched(side).min()),
        }
    }

    /// The timeline that began with it.
    fn promoted(&self) -> Option<Timeline> {
        self.steps.iter().flat_map(StepRun::every_fact).find_map(|fact| match fact {
            StepEvidence::Promoted { to, .. } => Some(*to),
            _ => None,
        })
    }

    /// The timelines on which it saw a site whose history is the other one's.
    fn untouched(&self, of: Side) -> impl Iterator<Item = Timeline> {
        let looks = self.plan.steps.iter().zip(&self.steps).filter(move |(step, _)| **step == Step::Inspect { side: of });
        looks.flat_map(|(_, run)| run.every_fact()).filter_map(|fact| match fact {
            StepEvidence::HistoriesAgree { timeline } => *timeline,
            _ => None,
        })
    }

    /// Something may have been lost by it that is only found when the site that it gave up comes back.
    pub fn may_have_lost(&self) -> bool {
        self.plan.intent.gives_up().is_some() && self.is_past_no_return()
    }

    /// It was planned after this failover, and no other site has become active in between.
    pub fn is_next_after(&self, failover: &Operation) -> bool {
        self.id > failover.id && self.plan.pool == failover.plan.pool && self.plan.epoch == failover.plan.epoch.next()
    }

    /// What it found of what a failover before it lost; nothing when it has not looked, or could not see.
    pub fn found_of(&self, failover: &Operation) -> Option<FoundLoss> {
        let lost = failover.plan.intent.gives_up().filter(|_| self.is_next_after(failover))?;
        if let Some(found) = self.found_in(lost) {
            return Some(found);
        }
        // Nodes that follow already may have given up what they had: only what is still where it was left says that there was nothing.
        let promoted = failover.promoted()?;
        let (bytes, rows) = (ByteLag(0), None);
        self.untouched(lost).any(|timeline| timeline < promoted).then_some(FoundLoss {
            operation: self.id,
            bytes,
            rows,
            writes: None,
            not_saved: Vec::new(),
            given_up: None,
            beyond: None,
        })
    }

    /// What it has seen in the log of a site that had been given up, behind the place where the other one went on without it.
    fn found_in(&self, lost: Side) -> Option<FoundLoss> {
        let seen: Vec<&StepEvidence> = self.steps.iter().flat_map(StepRun::every_fact).collect();
        let beyond = seen.iter().filter_map(|fact| match fact {
            StepEvidence::Diverged { side, node, timeline, fork, end, rows } if *side == lost => {
                Some((Beyond { node: node.clone(), timeline: *timeline, fork: *fork, end: *end }, *rows))
            }
            _ => None,
        });
        // Counted is better than measured by positions; the last count is of the furthest log.
        let counted = seen.iter().rev().find_map(|fact| match fact {
            StepEvidence::LostWrites { node, timeline, fork, end, writes } => {
                Some((Beyond { node: node.clone(), timeline: *timeline, fork: *fork, end: *end }, writes))
            }
            _ => None,
        });
        if let Some((beyond, writes)) = counted {
            let (not_saved, given_up) = self.not_saved(lost);
            return Some(FoundLoss {
                operation: self.id,
                bytes: writes.bytes,
                rows: Some(writes.changes()),
                writes: Some(writes.clone()),
                not_saved,
                given_up,
                beyond: Some(beyond),
            });
        }
        // The furthest that any attempt saw: once a node has followed, what it had of its own is gone.
        let (beyond, counted) = beyond.max_by_key(|(beyond, _)| beyond.end.bytes_ahead_of(beyond.fork))?;
        let saved = seen.iter().find_map(|fact| match fact {
            StepEvidence::Saved { node, rows, left_out: 0, .. } if *node == beyond.node => Some(*rows),
            _ => None,
        });
        let bytes = beyond.end.bytes_ahead_of(beyond.fork);
        let rows = counted.or(saved);
        let (not_saved, given_up) = self.not_saved(lost);
        Some(FoundLoss { operation: self.id, bytes, rows, writes: None, not_saved, given_up, beyond: Some(beyond) })
    }

    /// What it asked last about things of a site that could not be saved, and who gave them up. What was tried again with success is not
    /// among them.
    fn not_saved(&self, of: Side) -> (Vec<NotSaved>, Option<super::Answered>) {
        let saves = |asked: &Asked| matches!(self.plan.steps.get(asked.question.step), Some(Step::Save { side }) if *side == of);
        let Some(last) = self.questions.iter().rev().find(|asked| saves(asked)) else { return (Vec::new(), None) };
        if last.answer.as_ref().is_some_and(|answer| answer.choice == Choice::Retry) {
            return (Vec::new(), None);
        }
        let what = match &last.question.trouble {
            StepFailure::NotSaved { what, .. } => what.clone(),
            _ => Vec::new(),
        };
        (what, last.answer.clone().filter(|answer| answer.choice == Choice::GiveUp))
    }

    /// When the site that it gave up had stopped at the latest: seen to be gone, or the other one was promoted, or it was fenced.
    fn given_up_site_ended_by(&self) -> Option<Timestamp> {
        self.plan.intent.gives_up()?;
        let gone = self.steps.iter().flat_map(StepRun::every_fact).find_map(|fact| match fact {
            StepEvidence::LastConfirmed { gone_since, .. } => *gone_since,
            _ => None,
        });
        let run = self.steps.get(self.plan.no_return()?)?;
        gone.or(match self.plan.intent {
            // It writes until it is fenced.
            Intent::Resolve { .. } => run.ended_at.filter(|_| run.state == StepState::Done),
            _ => run.first_began_at(),
        })
    }

    fn loss(&self, found: Option<FoundLoss>) -> Loss {
        let mut loss = Loss { found, ..Loss::default() };
        let (mut had, mut last, mut gone) = (None, None, None);
        let done = self.steps.iter().filter(|run| run.state == StepState::Done);
        for fact in done.flat_map(|run| &run.facts) {
            match fact {
                StepEvidence::ShutdownReplayed { .. } => loss.proved_none = true,
                StepEvidence::ExpectedLoss { bytes, time, .. } => (loss.expected_bytes, loss.expected) = (*bytes, *time),
                StepEvidence::RowsFound { acknowledged, found } => loss.rows_missing = Some(acknowledged.saturating_sub(*found)),
                StepEvidence::LastHeartbeat { at, .. } => had = Some(*at),
                StepEvidence::LastConfirmed { at, gone_since, .. } => (last, gone) = (Some(*at), *gone_since),
                _ => {}
            }
        }
        if let Some(had) = had {
            loss.by_heartbeat = last.map(|last| Millis::between(had, last));
            loss.at_most = gone.map(|gone| Millis::between(had, gone));
        }
        loss.word = match &loss.found {
            _ if self.request.dry_run => LossCode::Nothing,
            _ if loss.rows_missing.is_some_and(|rows| rows > 0) => LossCode::Lost,
            // Whoever gave up has not moved anything.
            _ if loss.proved_none || !self.may_have_lost() => LossCode::Nothing,
            None => LossCode::NotKnown,
            Some(found) => found.as_code(),
        };
        loss
    }
}
