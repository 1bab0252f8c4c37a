//! What must hold when a run is over and everything has healed.

use super::{CaseResult, Kind, Run};
use crate::world::{Ms, NAMES, NodeId, side_of};
use std::collections::BTreeSet;
use switchback_domain::operation::{Intent, Outcome, Stage};

/// Long enough for a leader to be replaced and everything to follow.
const SETTLES_IN: Ms = 60_000;

impl Run {
    pub(super) async fn end(mut self) -> CaseResult {
        self.peace(2_000).await;
        let until = self.room.world().now + SETTLES_IN;
        while self.room.world().now < until && !self.is_settled() {
            self.pass(500).await;
        }
        self.check_operations();
        self.check_world();
        let measured = self.measured().await;
        self.room.kill();
        self.stop.cancel();
        if let Some((room, _, stop)) = &self.second {
            room.kill();
            stop.cancel();
        }
        let writes = self.room.books().writes;
        let ends = self.ends();
        let saved = self.saved();
        let journals = self.room.books().operations.iter().map(|kept| kept.entries.clone()).collect();
        let mut world = self.room.world();
        let summary = world.summary();
        world.tell(format!("in the end:\n{summary}"));
        CaseResult {
            story: std::mem::take(&mut world.story),
            wrong: std::mem::take(&mut world.wrong),
            misled: std::mem::take(&mut world.misled),
            writes: (self.writes_before, writes),
            ends,
            writers: world.writers(),
            splits: world.splits(),
            lost: world.lost_rows(),
            saved,
            measured,
            journals,
        }
    }

    /// Nothing will change any more by itself: one node writes, all others receive, and no operation runs.
    fn is_settled(&self) -> bool {
        let rests = |stage: &Stage| matches!(stage, Stage::Finished { .. } | Stage::NeedsPerson { .. });
        let at_rest = {
            let books = self.room.books();
            self.operations.iter().all(|(id, _)| books.operation(*id).is_some_and(|operation| rests(&operation.stage)))
        };
        let world = self.room.world();
        let receiving = world.nodes.iter().filter(|node| node.stream.is_some()).count();
        at_rest && world.writers().len() == 1 && receiving == world.nodes.len() - 1
    }

    /// What was saved, out of the lines that are kept.
    fn saved(&self) -> BTreeSet<(usize, u64)> {
        let books = self.room.books();
        let lines = books.evidence.values().flat_map(|(_, content)| content.split(|byte| *byte == b'\n'));
        let row = |line: &[u8]| {
            let line: serde_json::Value = serde_json::from_slice(line).ok()?;
            Some((usize::try_from(line["row"]["client"].as_u64()?).ok()?, line["row"]["number"].as_u64()?))
        };
        lines.filter_map(row).collect()
    }

    fn ends(&self) -> Vec<String> {
        let books = self.room.books();
        let end = |(id, intent): &(_, Intent)| {
            let stage = books.operation(*id).map(|operation| match operation.stage {
                Stage::Finished { outcome: Outcome::Done, .. } => "done".to_owned(),
                Stage::Finished { outcome: Outcome::Undone { .. }, .. } => "undone".to_owned(),
                Stage::Finished { outcome: Outcome::Abandoned { .. }, .. } => "abandoned".to_owned(),
                Stage::Finished { outcome: Outcome::ClosedUnread { .. }, .. } => "closed unread".to_owned(),
                Stage::NeedsPerson { question, .. } => format!("asks about {:?}", question.trouble),
                other => format!("{other:?}"),
            });
            format!("{}: {}", intent.as_code(), stage.unwrap_or_default())
        };
        self.operations.iter().map(end).collect()
    }

    fn check_operations(&self) {
        let operations = self.operations.clone();
        for (id, intent) in operations {
            let operation = self.room.books().operation(id);
            let mut world = self.room.world();
            match operation.map(|operation| operation.stage) {
                Some(Stage::Finished { .. } | Stage::NeedsPerson { .. }) => {}
                other => world.complain(format!("{id} ({}) has come to no rest: {other:?}", intent.as_code())),
            }
        }
        let difference = self.room.books().difference();
        if let Some(difference) = difference {
            self.room.world().complain(difference);
        }
    }

    fn check_world(&self) {
        let last = self.operations.last().cloned();
        let operation = last.as_ref().and_then(|(id, _)| self.room.books().operation(*id));
        let mut world = self.room.world();
        if !world.is_whole() {
            world.complain("the run ends while something is broken: a mistake of the simulator");
        }
        let writers = world.writers();
        if writers.len() > 1 && !world.is_split_by_others() {
            let names: Vec<&str> = writers.iter().map(|node| NAMES[*node]).collect();
            world.complain(format!("in the end more than one node accepts writes: {}", names.join(", ")));
        }
        let may_lose = world.is_in_failover() || world.is_split_by_others();
        if let (false, Some(writer)) = (may_lose, writers.first()) {
            let missing = world.missing_rows(*writer);
            if missing > 0 {
                world.complain(format!("{missing} acknowledged rows are lost, without any failover"));
            }
        }
        let moves = operation.as_ref().filter(|operation| !operation.request.dry_run).and_then(|operation| operation.plan.moves());
        let moved_from = moves.map(|(from, _)| from);
        for (id, intent) in &self.operations {
            let done = || {
                let ended = self.room.books().operation(*id).map(|operation| operation.stage);
                matches!(ended, Some(Stage::Finished { outcome: Outcome::Done, .. }))
            };
            if let Intent::Resolve { keep } = intent
                && done()
                && world.writer_of(*keep).is_none()
            {
                world.complain(format!("{id} has kept site {keep:?}, everything has healed, and that site does not write"));
            }
        }
        let Some(operation) = operation else { return };
        if let (Intent::LocalSwitchover { side }, Stage::Finished { outcome: Outcome::Done, .. }) =
            (&operation.plan.intent, &operation.stage)
        {
            let planned = operation.plan.leaders.iter().find(|(of, ..)| of == side).and_then(|(_, node, _)| node.as_ref());
            let led = |node: &NodeId| side_of(*node) == *side && planned.is_some_and(|planned| planned.as_str() != NAMES[*node]);
            if !self.led.iter().any(led) {
                world.complain(format!("site {side:?} was to have another leader, that is said to be done, and nobody else has ever led"));
            }
        }
        let should_write = match (&operation.stage, moved_from) {
            (Stage::Finished { outcome: Outcome::Undone { .. }, .. }, Some(from)) if self.case.kind != Kind::Failover => Some(from),
            (Stage::Finished { outcome: Outcome::Done, .. }, Some(from)) => Some(from.other()),
            _ => None,
        };
        if let Some(side) = should_write.filter(|side| world.writer_of(*side).is_none()) {
            world.complain(format!("the operation has ended, everything has healed, and site {side:?} does not write"));
        }
    }
}
