//! Saving what only a lost timeline has, before anything of it is given up: whoever follows or is rebuilt loses it.

use super::Run;
use crate::{
    operate::scene::trouble,
    people::hex,
    ports::{AuditEntry, Saved, StoreError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::error::Error;
use switchback_domain::{
    Lsn, Node, NodeName, PoolId, Side, Timeline,
    operation::{Evidence, Fact, Missing, Operation, OperationId, Step, Trouble},
};

/// More than this is not saved of one node: whoever has lost more wants its disks and not a file.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What the log of one node has that the other site never received.
struct Lost<'a> {
    node: &'a NodeName,
    timeline: Timeline,
    fork: Lsn,
}

/// The first line of what is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    lost_timeline: About,
}

/// Where the lines below come from, and how many there are.
#[derive(Debug, Serialize, Deserialize)]
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
}

impl Run<'_> {
    /// Saves what the latest inspection found beyond the fork. What is kept already is not asked for again.
    pub(super) async fn save(&mut self, operation: &Operation, side: Side) -> Result<(), Trouble> {
        let lost = lost(operation, side);
        // Of a node that was silent nobody knows what its log has.
        let silent = |fact: &Fact| matches!(fact, Fact::Silent { node } if self.scene.nodes(side).iter().any(|of| of.name == *node));
        let inspected = operation.plan.steps.iter().zip(&operation.steps).filter(|(step, _)| matches!(step, Step::Inspect { .. }));
        if lost.is_empty() && !inspected.flat_map(|(_, run)| &run.facts).any(silent) {
            self.facts.push(Fact::NothingToSave { side });
        }
        for lost in lost {
            let node = match self.scene.nodes(side).iter().find(|node| node.name == *lost.node) {
                Some(node) => node,
                // The configuration was changed in between: what led the site there leads it under another name.
                None => self.scene.leader(side).await.ok_or(Trouble::NoLeader { side })?.0,
            };
            let node = node.clone();
            let fact = self.save_node(operation, &node, &lost).await?;
            self.facts.push(fact);
        }
        Ok(())
    }

    async fn save_node(&self, operation: &Operation, node: &Node, lost: &Lost<'_>) -> Result<Fact, Trouble> {
        let name = format!("lost-rows-{}.jsonl", node.name);
        loop {
            if let Some(kept) = self.scene.store.evidence(operation.id, &name).await.map_err(|error| unwritable(&error))? {
                let about = about(&kept).ok_or_else(|| Trouble::Internal { incident: format!("{}/{name}", operation.id) })?;
                return Ok(fact(about, name, kept.len()));
            }
            if self.deadline.has_passed() {
                return Err(self.deadline.missed(Missing::Answer));
            }
            let saving = self.scene.hands.save_diverged(node, lost.timeline, lost.fork, MOST_BYTES);
            let saved = tokio::select! {
                saved = saving => saved.map_err(trouble)?,
                () = self.unwanted() => return Err(Trouble::Interrupted),
            };
            let about = self.about(operation, node, lost, &saved);
            let mut content = serde_json::to_vec(&Header { lost_timeline: about }).map_err(|error| unwritable(&error))?;
            content.push(b'\n');
            content.extend(saved.lines);
            let evidence = Evidence {
                name: name.clone(),
                bytes: content.len() as u64,
                sha256: digest(&content).await,
                kept_at: self.scene.clock.now(),
            };
            let audit = self.entry(operation, node, &evidence, saved.rows);
            match self.scene.store.keep_evidence(operation.id, &evidence, &content, &audit).await {
                // Read back: what the fact says is what is kept. If somebody else was faster, it is theirs.
                Ok(()) | Err(StoreError::Taken) => {}
                Err(error) => return Err(unwritable(&error)),
            }
        }
    }

    fn about(&self, operation: &Operation, node: &Node, lost: &Lost<'_>, saved: &Saved) -> About {
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
            saved_at: self.scene.clock.now(),
        }
    }

    fn entry(&self, operation: &Operation, node: &Node, evidence: &Evidence, rows: u64) -> AuditEntry {
        AuditEntry {
            at: evidence.kept_at,
            actor: None,
            action: "evidence_kept".to_owned(),
            subject: format!("{}/{}", operation.id, evidence.name),
            result: "done".to_owned(),
            detail: serde_json::json!({
                "pool": self.scene.pool.id,
                "node": node.name,
                "rows": rows,
                "bytes": evidence.bytes,
                "sha256": evidence.sha256,
            }),
            from_address: String::new(),
        }
    }

    /// Comes back when somebody wants the operation to end.
    async fn unwanted(&self) {
        while !self.is_interrupted() && self.scene.wait(100).await {}
    }
}

/// What the inspection of this operation noted about a site.
fn lost(operation: &Operation, of: Side) -> Vec<Lost<'_>> {
    let inspections = operation.plan.steps.iter().zip(&operation.steps).filter(|(step, _)| **step == Step::Inspect { side: of });
    let facts = inspections.flat_map(|(_, run)| &run.facts);
    facts
        .filter_map(|fact| match fact {
            Fact::Diverged { side, node, timeline, fork, .. } if *side == of => Some(Lost { node, timeline: *timeline, fork: *fork }),
            _ => None,
        })
        .collect()
}

fn fact(about: About, name: String, bytes: usize) -> Fact {
    let About { node, rows, tables, left_out, .. } = about;
    Fact::Saved { node, name, rows, bytes: bytes as u64, tables, left_out }
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

fn unwritable(error: &(dyn Error + 'static)) -> Trouble {
    crate::figures::store_failed("evidence");
    tracing::error!(error, "what only the lost timeline has was not kept");
    Trouble::StoreUnwritable
}
