//! What an operation achieved, for people who were not there.

use super::{Asked, Epoch, Fact, Intent, Operation, OperationId, Outage, Outcome, Stage, Step, StepRun, StepState};
use crate::{ByteLag, CheckKind, Login, Millis, Pair, Pool, SiteId};
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
    /// Who asked, why, and under which ticket.
    pub requested_by: Login,
    /// Why.
    pub reason: String,
    /// The ticket or incident.
    pub ticket: String,
    /// Checks that were acknowledged by name.
    pub acknowledged: Vec<CheckKind>,
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
    /// How long people took: from the plan to the request, and for the answers to questions and during pauses.
    pub decision: Millis,
    /// How long the console took.
    pub execution: Option<Millis>,
    /// How long clients could not write.
    pub outage: Option<Outage>,
    /// What was lost.
    pub loss: Loss,
    /// What the pool promises, and whether that was kept.
    pub targets: Targets,
    /// Each step.
    pub steps: Vec<StepReport>,
    /// What was taken back, by step.
    pub undone: Vec<StepReport>,
    /// What was asked and answered.
    pub questions: Vec<Asked>,
}

/// What was lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Loss {
    /// Proved that nothing was: the other site had replayed the old primary's shutdown checkpoint before it was promoted.
    pub proved_none: bool,
    /// Said before: in bytes of the log.
    pub expected_bytes: Option<ByteLag>,
    /// Said before: in time.
    pub expected: Option<Millis>,
    /// The outage meter's rows that were acknowledged and are missing; nothing when it was not counted.
    pub rows_missing: Option<u64>,
}

/// What the pool promises, and whether that was kept; nothing where it was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Targets {
    /// Recovery time: how long clients may be without writes.
    pub recovery_time: Millis,
    /// Kept.
    pub recovery_time_kept: Option<bool>,
    /// Recovery point: how much may be lost, in time.
    pub recovery_point: Millis,
    /// Kept.
    pub recovery_point_kept: Option<bool>,
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
    /// Its report. `plan_hash` is the hash of the plan's essence.
    pub fn report(&self, pool: &Pool, plan_hash: String) -> Report {
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
        let loss = self.loss();
        let outage = self.outage.filter(|outage| outage.first_write_at.is_some());
        let report = |step: usize, run: &StepRun| StepReport { step: self.plan.steps[step].clone(), run: run.clone(), took: took(run) };
        let within = |expected: Millis, limit: Millis| expected <= limit;
        Report {
            id: self.id,
            pool: (pool.id.clone(), pool.title.clone()),
            sites: Pair::of(|side| pool.sites[side].id.clone()),
            intent: self.plan.intent.clone(),
            dry_run: self.request.dry_run,
            requested_by: self.requested_by.clone(),
            reason: self.request.reason.clone(),
            ticket: self.request.ticket.clone(),
            acknowledged: self.request.acknowledged.clone(),
            planned_at: self.request.planned_at,
            requested_at: self.requested_at,
            ended_at,
            outcome,
            epoch: self.plan.epoch,
            plan_hash,
            decision: Millis(Millis::between(self.request.planned_at, self.requested_at).0 + waited),
            execution: whole.map(|whole| Millis(whole.saturating_sub(waited))),
            outage,
            targets: Targets {
                recovery_time: pool.policy.recovery_time_target,
                recovery_time_kept: outage.map(|outage| within(outage.length(outage.last_write_at), pool.policy.recovery_time_target)),
                recovery_point: pool.policy.loss_target,
                recovery_point_kept: if loss.proved_none && loss.rows_missing.unwrap_or(0) == 0 {
                    Some(true)
                } else {
                    loss.expected.map(|expected| within(expected, pool.policy.loss_target))
                },
            },
            loss,
            steps: self.steps.iter().enumerate().map(|(step, run)| report(step, run)).collect(),
            undone: self.undo.iter().map(|undo| report(undo.step, &undo.run)).collect(),
            questions: self.questions.clone(),
        }
    }

    fn loss(&self) -> Loss {
        let mut loss = Loss::default();
        let done = self.steps.iter().filter(|run| run.state == StepState::Done);
        for fact in done.flat_map(|run| &run.facts) {
            match fact {
                Fact::ShutdownReplayed { .. } => loss.proved_none = true,
                Fact::ExpectedLoss { bytes, time, .. } => (loss.expected_bytes, loss.expected) = (*bytes, *time),
                Fact::RowsFound { acknowledged, found } => loss.rows_missing = Some(acknowledged.saturating_sub(*found)),
                _ => {}
            }
        }
        loss
    }
}
