//! What only the log of one node has.

use super::{NodeId, Server, World, orders::Order};
use crate::wal::{RecordId, What};
use std::collections::BTreeSet;
use switchback_domain::{
    ByteLag, Lsn, Timeline,
    operation::{LostTable, LostWrites, NotSaved},
};
use switchback_engine::ports::{ControlError, Saved};

impl World {
    /// Numbers of the rows of all clients that a node has replayed behind a place in its log, with the client.
    pub fn rows_behind(&self, node: NodeId, fork: Lsn) -> Vec<(usize, u64)> {
        let log = &self.nodes[node].log;
        let behind = log.records[..log.replayed].iter().map(|record| self.records.get(*record)).filter(|record| record.start >= fork);
        let rows = behind.filter_map(|record| match record.what {
            What::Row { client, number } => Some((client, number)),
            _ => None,
        });
        rows.collect()
    }

    /// Rows that were acknowledged to clients and that no node has which accepts writes.
    pub fn lost_rows(&self) -> BTreeSet<(usize, u64)> {
        let row = |record: &RecordId| match self.records.get(*record).what {
            What::Row { client, number } => Some((client, number)),
            _ => None,
        };
        let there: BTreeSet<RecordId> = self.writers().iter().flat_map(|node| &self.nodes[*node].log.records).copied().collect();
        self.acknowledged.iter().map(|(record, _)| record).filter(|record| !there.contains(record)).filter_map(row).collect()
    }

    pub(super) fn save_diverged(
        &self,
        order: &Order,
        node: NodeId,
        timeline: Timeline,
        fork: Lsn,
        most_bytes: usize,
    ) -> Result<Saved, ControlError> {
        let said_no = |said: String| Err(ControlError::Refused { endpoint: order.to.clone(), said });
        if self.nodes[node].server != (Server::Running { recovery: true }) {
            return said_no("it accepts writes".to_owned());
        }
        let now = self.timeline(node);
        if now != timeline {
            return said_no(format!("its timeline is {now} and not {timeline}"));
        }
        let behind = self.rows_behind(node, fork);
        let rows = behind.len() as u64;
        let (database, name) = ("load".to_owned(), "numbered".to_owned());
        let writes = LostWrites { transactions: rows, bytes: ByteLag(rows * 100), complete: true, ..LostWrites::default() };
        let mut saved =
            Saved { end: self.replayed(node), lines: Vec::new(), rows: 0, tables: 0, left_out: 0, writes, not_saved: Vec::new() };
        let schema = "public".to_owned();
        if self.rows_are_hidden && rows > 0 {
            let why = "permission denied for table numbered (42501)".to_owned();
            saved.not_saved.push(NotSaved::Table { database: database.clone(), schema, table: name.clone(), rows, why });
            saved.left_out = 1;
        }
        for (client, number) in behind.into_iter().filter(|_| !self.rows_are_hidden) {
            let row = serde_json::json!({ "client": client, "number": number });
            let line = serde_json::json!({ "database": "load", "schema": "public", "table": "numbered", "xid": number, "row": row });
            let line = format!("{line}\n");
            if saved.lines.len() + line.len() > most_bytes {
                saved.left_out = 1;
                saved.not_saved.push(NotSaved::Limit { reached: "size".to_owned() });
                break;
            }
            saved.rows += 1;
            saved.lines.extend(line.into_bytes());
        }
        saved.tables = u64::from(saved.rows > 0);
        if rows > 0 {
            let table = Some(format!("public.{name}"));
            saved.writes.tables.push(LostTable { database, table, inserted: rows, updated: 0, deleted: 0, saved: saved.rows });
        }
        Ok(saved)
    }
}
