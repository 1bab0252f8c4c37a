//! Saving what only a lost timeline has, before anything of it is given up: whoever follows or is rebuilt loses it.

use super::StepExecution;
use crate::{
    audit::{Actor, audited},
    operate::context::trouble,
    people::hex,
    ports::{AuditEntry, Saved, StoreError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::error::Error;
use switchback_domain::{
    Lsn, Node, NodeName, PoolId, Side, Timeline,
    audit::Deed,
    operation::{Evidence, LostWrites, Missing, NotSaved, Operation, OperationId, Step, StepEvidence, StepFailure},
};

/// More than this is not saved of one node: whoever has lost more wants its disks and not a file.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What the log of one node has that the other site never received.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lost {
    node: NodeName,
    timeline: Timeline,
    fork: Lsn,
}

/// The first line of what is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    lost_timeline: About,
}

/// Where the lines below come from, and how many there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    pool: PoolId,
    operation: OperationId,
    node: NodeName,
    timeline: Timeline,
    /// The other site went on without what comes behind this.
    fork: Lsn,
    /// Saved up to here.
    end: Lsn,
    rows: u64,
    tables: u64,
    /// Lines that say what could not be had.
    left_out: u64,
    saved_at: Timestamp,
    /// What clients committed in it, whether or not it could be saved. Older consoles did not count.
    #[serde(default)]
    writes: Option<LostWrites>,
}

/// What is kept already.
struct Kept {
    name: String,
    about: About,
    content: Vec<u8>,
}

impl Kept {
    /// All but the first line.
    fn lines(&self) -> &[u8] {
        let end = self.content.iter().position(|byte| *byte == b'\n').map_or(self.content.len(), |end| end + 1);
        &self.content[end..]
    }
}

impl StepExecution<'_> {
    /// Saves what the latest inspection found beyond the fork, and asks when some of it cannot be saved: whoever follows or is rebuilt loses it.
    pub(super) async fn save(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let (mut lost, mut silent) = inspected(operation, side);
        if !silent.is_empty() {
            // Of a node that was silent nobody knows what its log has. It may answer by now.
            (lost, silent) = self.look_again(side, lost).await?;
        }
        if lost.is_empty() && silent.is_empty() {
            self.facts.push(StepEvidence::NothingToSave { side });
        }
        let (mut not_saved, mut of) = (Vec::new(), None);
        for lost in lost {
            let node = match self.context.nodes(side).iter().find(|node| node.name == lost.node) {
                Some(node) => node,
                // The configuration was changed in between: what led the site there leads it under another name.
                None => self.context.leader(side).await.ok_or(StepFailure::NoLeader { side })?.0,
            };
            let node = node.clone();
            let missing = self.save_node(operation, &node, &lost).await?;
            if !missing.is_empty() {
                // Whoever copies it by hand has to know where it is.
                let path = self.context.control.data_directory(&node).await.ok();
                self.facts.extend(path.map(|path| StepEvidence::DataDirectory { node: node.name.clone(), path }));
                of = Some(node.name);
                not_saved.extend(missing);
            }
        }
        not_saved.extend(silent.into_iter().map(|node| NotSaved::Silent { node }));
        if not_saved.is_empty() {
            return Ok(());
        }
        Err(StepFailure::NotSaved { side, node: of, what: not_saved })
    }

    /// Looks once more where the nodes of a site parted from the active one, because some were silent before.
    async fn look_again(&mut self, side: Side, before: Vec<Lost>) -> Result<(Vec<Lost>, Vec<NodeName>), StepFailure> {
        let seen = self.lineages(side).await?;
        let silent = seen.silent();
        let Some((node, timeline, fork, end)) = seen.furthest else { return Ok((before, silent)) };
        let lost = Lost { node: node.clone(), timeline, fork };
        if !before.contains(&lost) {
            self.facts.push(StepEvidence::Diverged { side, node, timeline, fork, end, rows: None });
        }
        Ok((vec![lost], silent))
    }

    /// Saves what the log of a node has, and says what of it could not be saved. What is kept already and is whole is not asked for again;
    /// what is not whole is, because somebody may have made it readable.
    async fn save_node(&mut self, operation: &Operation, node: &Node, lost: &Lost) -> Result<Vec<NotSaved>, StepFailure> {
        loop {
            let (kept, next_name) = self.kept(operation, node).await?;
            if let Some((name, about, size)) = kept.as_ref().map(|kept| (&kept.name, &kept.about, kept.content.len()))
                && about.left_out == 0
            {
                self.facts.extend(facts(about, Some((name.clone(), size))));
                return Ok(Vec::new());
            }
            if self.deadline.has_passed() {
                return Err(self.deadline.missed(Missing::Answer));
            }
            let saving = self.context.control.save_diverged(node, lost.timeline, lost.fork, MOST_BYTES);
            let saved = tokio::select! {
                saved = saving => saved.map_err(trouble)?,
                () = self.unwanted() => return Err(StepFailure::Interrupted),
            };
            let about = self.about(operation, node, lost, &saved);
            if saved.lines.is_empty() && saved.not_saved.is_empty() {
                self.facts.extend(facts(&about, None));
                return Ok(Vec::new());
            }
            if let Some(kept) = kept.filter(|kept| kept.lines() == saved.lines) {
                self.facts.extend(facts(&kept.about, Some((kept.name, kept.content.len()))));
                return Ok(saved.not_saved);
            }
            let mut content = serde_json::to_vec(&Header { lost_timeline: about.clone() }).map_err(|error| unwritable(&error))?;
            content.push(b'\n');
            content.extend(saved.lines);
            let evidence = Evidence {
                name: next_name,
                bytes: content.len() as u64,
                sha256: digest(&content).await,
                kept_at: self.context.clock.now(),
            };
            let audit = self.entry(operation, node, &evidence, saved.rows);
            match self.context.store.keep_evidence(operation.id, &evidence, &content, &audit).await {
                Ok(()) => {
                    self.facts.extend(facts(&about, Some((evidence.name, content.len()))));
                    return Ok(saved.not_saved);
                }
                // If somebody else was faster, it is theirs.
                Err(StoreError::Taken) => {}
                Err(error) => return Err(unwritable(&error)),
            }
        }
    }

    /// What this operation has kept last of a node, and the name under which the next of it would be kept.
    async fn kept(&self, operation: &Operation, node: &Node) -> Result<(Option<Kept>, String), StepFailure> {
        let mut last = None;
        for number in 1_u32.. {
            let name = match number {
                1 => format!("lost-rows-{}.jsonl", node.name),
                number => format!("lost-rows-{}.{number}.jsonl", node.name),
            };
            let content = self.context.store.evidence(operation.id, &name).await.map_err(|error| unwritable(&error))?;
            let Some(content) = content else { return Ok((last, name)) };
            let about = about(&content).ok_or_else(|| StepFailure::Internal { incident: format!("{}/{name}", operation.id) })?;
            last = Some(Kept { name, about, content });
        }
        Err(StepFailure::StoreUnwritable)
    }

    fn about(&self, operation: &Operation, node: &Node, lost: &Lost, saved: &Saved) -> About {
        About {
            pool: operation.plan.pool.clone(),
            operation: operation.id,
            node: node.name.clone(),
            timeline: lost.timeline,
            fork: lost.fork,
            end: saved.end,
            rows: saved.rows,
            tables: saved.tables,
            left_out: saved.left_out,
            saved_at: self.context.clock.now(),
            writes: Some(saved.writes.clone()),
        }
    }

    fn entry(&self, operation: &Operation, node: &Node, evidence: &Evidence, rows: u64) -> AuditEntry {
        let detail = serde_json::json!({
            "pool": self.context.pool.id,
            "node": node.name,
            "rows": rows,
            "bytes": evidence.bytes,
            "sha256": evidence.sha256,
        });
        audited(&Actor::console(), Deed::EvidenceKept, format!("{}/{}", operation.id, evidence.name)).done(evidence.kept_at, detail)
    }

    /// Comes back when somebody wants the operation to end.
    async fn unwanted(&self) {
        while !self.is_interrupted() && self.context.wait(100).await {}
    }
}

/// What the latest inspection of this operation noted about a site: what lies beyond the fork, and the nodes that did not say.
fn inspected(operation: &Operation, of: Side) -> (Vec<Lost>, Vec<NodeName>) {
    let inspections = operation.plan.steps.iter().zip(&operation.steps).filter(|(step, _)| **step == Step::Inspect { side: of });
    let (mut lost, mut silent) = (Vec::new(), Vec::new());
    for fact in inspections.flat_map(|(_, run)| &run.facts) {
        match fact {
            StepEvidence::Diverged { side, node, timeline, fork, .. } if *side == of => {
                lost.push(Lost { node: node.clone(), timeline: *timeline, fork: *fork });
            }
            StepEvidence::Silent { node } => silent.push(node.clone()),
            _ => {}
        }
    }
    (lost, silent)
}

/// What is said of it, and under which name and in what size it is kept.
fn facts(about: &About, kept: Option<(String, usize)>) -> Vec<StepEvidence> {
    let About { node, timeline, fork, end, rows, tables, left_out, writes, .. } = about.clone();
    let counted = writes.map(|writes| StepEvidence::LostWrites { node: node.clone(), timeline, fork, end, writes });
    let saved = kept.map(|(name, bytes)| StepEvidence::Saved { node, name, rows, bytes: bytes as u64, tables, left_out });
    counted.into_iter().chain(saved).collect()
}

/// What the first line says.
fn about(content: &[u8]) -> Option<About> {
    let first = content.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice::<Header>(first).ok().map(|header| header.lost_timeline)
}

/// SHA-256 in hexadecimal digits, in pieces, because others want the thread too.
async fn digest(content: &[u8]) -> String {
    let mut digest = Sha256::new();
    for piece in content.chunks(1024 * 1024) {
        digest.update(piece);
        tokio::task::yield_now().await;
    }
    hex(&digest.finalize())
}

fn unwritable(error: &(dyn Error + 'static)) -> StepFailure {
    crate::figures::store_failed("evidence");
    tracing::error!(error, "what only the lost timeline has was not kept");
    StepFailure::StoreUnwritable
}
