//! The console is killed, or cannot write, in the middle of an operation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use switchback_domain::operation::{Operation, StepState};

use crate::quick::planned;
use crate::scene::{RESTS_WITHIN, Scene};

/// More entries than the journal of a switchover has.
const ENTRIES_MAX: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_killed_after_any_entry_goes_on_or_asks() {
    let mut scene = Scene::up("killed", 6).await;
    let mut last_entries = BTreeSet::new();
    let ended = std::cell::Cell::new(false);
    for number in 0..ENTRIES_MAX {
        let last = std::cell::Cell::new(None);
        scene
            .case(&format!("console killed after entry {number}"), async |scene| {
                let observed = scene.observe().await;
                let (id, from, _) = scene.begin_switchover().await?;
                last.set(scene.console().sigkill_at(id, number, RESTS_WITHIN).await?);
                if last.get().is_some() {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    scene.console().start_again().await?;
                } else {
                    ended.set(true);
                }
                let operation = scene.finish(id, async |_| Ok(())).await?;
                let word = scene.ended_right(&operation, from).await?;
                let (run, _) = observed.nothing_lost().await?;
                Ok(format!("the last entry was {:?}; {word}, longest outage {} ms", last.get(), run.verdict.longest_outage_ms))
            })
            .await;
        last_entries.extend(last.get());
        if ended.get() {
            break;
        }
    }
    println!("killed with these as the last entry: {last_entries:?}");
    assert!(ended.get() && last_entries.len() > 10, "too few entries were met: {last_entries:?}");
    scene.end();
}

/// A small file system for the console's store, which can be filled.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(at)?;
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).status()?;
        ensure!(status.success(), "mounting a small file system failed");
        Ok(Self(at.to_owned()))
    }

    /// Leaves no byte free.
    fn fill(&self) -> anyhow::Result<()> {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler"))?;
        for size in [65_536, 4096, 1] {
            while file.write_all(&vec![7_u8; size]).is_ok() {}
        }
        Ok(())
    }

    fn empty(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.0.join("filler"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_keeps_nobody_from_writing_for_long() {
    let disk = std::env::temp_dir().join("switchback-lab-test-disk");
    let small = SmallDisk::mount(&disk).unwrap();
    let mut scene = Scene::up_with_store("store", 6, format!("sqlite:{}", disk.join("switchback.db").display())).await;
    for step in ["preflight", "warm", "demote", "prove", "promote", "verify", "reprotect"] {
        let begun = move |operation: &Operation| {
            operation.plan.steps.iter().zip(&operation.steps).any(|(one, run)| one.word() == step && run.state != StepState::Waiting)
        };
        scene
            .case(&format!("store full during {step}"), async |scene| {
                let observed = scene.observe().await;
                let (id, from, _) = scene.begin_switchover().await?;
                scene.console().until(id, RESTS_WITHIN, begun).await?;
                small.fill()?;
                tokio::time::sleep(Duration::from_secs(12)).await;
                // Whatever the console could not write down: somebody accepts writes by now.
                let writable = scene.lab().primary().await;
                small.empty()?;
                let writable = writable.context("nobody accepts writes while the store is full")?;
                let operation = scene.finish(id, async |_| Ok(())).await?;
                let word = scene.ended_right(&operation, from).await?;
                let (run, _) = observed.nothing_lost().await?;
                Ok(format!("{writable} was writable meanwhile; {word}, longest outage {} ms", run.verdict.longest_outage_ms))
            })
            .await;
    }
    scene.case("and then one that nobody disturbs", planned).await;
    scene.end();
}
