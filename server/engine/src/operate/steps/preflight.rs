//! Look at everything anew before anything is changed.

use super::{LOOK_WITHIN, StepExecution};
use switchback_domain::{
    CheckKind, Verdict,
    operation::{Intent, Operation, StepFailure},
};

impl StepExecution<'_> {
    /// Everything anew: the situation must still be the one that was planned for.
    pub(super) async fn preflight(&mut self, operation: &Operation) -> Result<(), StepFailure> {
        let picture = self.context.watched.look_now(LOOK_WITHIN).await;
        if picture.pool_state.epoch != operation.plan.epoch {
            return Err(StepFailure::OtherEpoch);
        }
        self.note_leaders(&picture);
        let in_the_way = |kind: &CheckKind| !operation.request.acknowledged.contains(kind);
        let checks: Vec<(CheckKind, Verdict)> = match operation.plan.intent {
            // Nothing of the other site is touched.
            Intent::LocalSwitchover { .. } | Intent::Members { .. } | Intent::Reprotect { .. } | Intent::Resolve { .. } => Vec::new(),
            Intent::Failover { .. } => picture
                .checks
                .iter()
                .filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown) && in_the_way(&check.kind))
                .map(|check| (check.kind, check.verdict))
                .collect(),
            // A planned operation cannot take anything upon itself.
            Intent::Switchover { .. } | Intent::Failback { .. } => picture
                .checks
                .iter()
                .filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown))
                .map(|check| (check.kind, check.verdict))
                .collect(),
        };
        let planned_move = matches!(operation.plan.intent, Intent::Switchover { .. } | Intent::Failback { .. });
        let members = picture.old_patroni();
        if planned_move && !members.is_empty() {
            return Err(StepFailure::PatroniTooOld { members });
        }
        let moved = operation.plan.moves().is_some_and(|(from, _)| picture.active != Some(from));
        let forbidden = picture.findings.iter().any(|finding| finding.severity() == switchback_domain::Severity::Critical);
        // A promotion within a site that has a second history would make it worse.
        let planned = matches!(operation.plan.intent, Intent::Switchover { .. } | Intent::Failback { .. } | Intent::LocalSwitchover { .. });
        if !checks.is_empty() || moved || (forbidden && planned) {
            return Err(StepFailure::SituationChanged { checks, findings: picture.findings });
        }
        Ok(())
    }
}
