//! Dirty buffers: what a shutdown checkpoint has to write while clients wait.

use crate::error::{LabError, Result};
use crate::lab::Lab;

/// What a row of the table takes, with its header.
const ROW_BYTES: u32 = 430;

/// Leaves about so many megabytes of dirty buffers behind: an update dirties the pages of the old rows and those of the new ones.
pub(crate) fn statements(megabytes: u32) -> Vec<String> {
    let rows = megabytes * 1024 * 1024 / 2 / ROW_BYTES;
    vec![
        "DROP TABLE IF EXISTS bulk".to_owned(),
        format!("CREATE TABLE bulk AS SELECT g AS id, repeat('x', 400) AS pad FROM generate_series(1, {rows}) g"),
        "CHECKPOINT".to_owned(),
        "UPDATE bulk SET pad = repeat(chr(65 + (random() * 20)::int), 400)".to_owned(),
    ]
}

impl Lab {
    /// Dirties so many megabytes of buffers on the primary.
    pub async fn dirty(&self, megabytes: u32) -> Result<()> {
        let primary = self.primary().await.ok_or_else(|| LabError::Refused("there is not exactly one primary".to_owned()))?;
        let (lab, script) = (self.clone(), statements(megabytes).join(";\n") + ";\n");
        tokio::task::spawn_blocking(move || lab.psql(primary, "load", &[], &script).map(drop))
            .await
            .map_err(|error| LabError::Refused(error.to_string()))?
    }
}
