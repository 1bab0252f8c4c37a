//! Answers of real engines, recorded in the lab, for the tests of the translations.

use std::path::PathBuf;

/// The lab's situations, each a folder of answers.
pub(crate) const SITUATIONS: [&str; 7] =
    ["backup-mirror-down", "healthy", "mirror-down", "paused", "site-lost", "streaming-cut", "switched-over"];

/// The lab's database nodes.
pub(crate) const NODES: [&str; 4] = ["a1", "a2", "b1", "b2"];

/// One recorded answer; nothing if the endpoint did not answer in that situation.
pub(crate) fn answer(situation: &str, file: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(situation);
    assert!(folder.is_dir(), "{situation} has been recorded");
    std::fs::read(folder.join(file)).ok()
}
