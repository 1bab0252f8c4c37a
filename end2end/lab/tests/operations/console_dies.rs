//! The console is killed, or cannot write, in the middle of an operation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use switchback_domain::operation::{Event, Operation, OperationId};

use crate::quick::planned;
use crate::scene::{RESTS_WITHIN, Scene, begun};

/// More entries than the journal of a switchover has.
const ENTRIES_MAX: u32 = 60;
/// Long enough for most effects of a step to be there before the console dies, short enough for none to be taken back because nothing
/// can be written down.
const LATE: Duration = Duration::from_millis(400);

/// An entry of a journal in one word: what happened, and to which step.
fn name(event: &Event, operation: &Operation) -> String {
    let value = serde_json::to_value(event).unwrap();
    let step = value["step"].as_u64().and_then(|step| operation.plan.steps.get(usize::try_from(step).ok()?));
    let word = value["event"].as_str().unwrap();
    step.map_or_else(|| word.to_owned(), |step| format!("{word} {}", step.as_code()))
}

async fn names(scene: &Scene, id: OperationId) -> anyhow::Result<Vec<String>> {
    let operation = scene.console().operation(id).await?;
    Ok(scene.console().journal(id).await?.iter().map(|event| name(event, &operation)).collect())
}

/// The console dies when this entry, counted from zero, is the last one of a switchover: at once, or a little later, when a step has done
/// something that is not written down. Returns the entry's name; nothing when the operation has ended before it.
async fn dies_after(scene: &Scene, number: u32, late: Duration) -> anyhow::Result<(Option<String>, String)> {
    let observed = scene.observe().await;
    // Not even the quickest operation may get further.
    scene.console().hold_journal(number).await?;
    let requested = scene.begin_switchover().await;
    let reached = async {
        let (id, from, _) = requested?;
        let reached = scene.console().until_written(id, number, RESTS_WITHIN).await?;
        if reached {
            tokio::time::sleep(late).await;
            scene.console().sigkill();
            ensure!(scene.console().journal(id).await?.len() == number as usize + 1, "the journal was not held at entry {number}");
        }
        Ok::<_, anyhow::Error>((id, from, reached))
    }
    .await;
    scene.console().release_journal().await?;
    let (id, from, reached) = reached?;
    if reached {
        scene.console().start_again().await?;
    }
    let operation = scene.finish(id, async |_| Ok(())).await?;
    let word = scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    let last = if reached { names(scene, id).await?.into_iter().nth(number as usize) } else { None };
    Ok((last, format!("{word}, longest outage {} ms", run.verdict.longest_outage_ms)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_killed_after_any_entry_goes_on_or_asks() {
    let mut scene = Scene::up("killed", 6).await;
    // What a switchover writes when nobody disturbs it: each of these has to be the last entry once.
    let all = std::cell::RefCell::new(Vec::new());
    scene
        .case("a switchover that nobody disturbs", async |scene| {
            let (id, from, _) = scene.begin_switchover().await?;
            let operation = scene.console().rest(id, RESTS_WITHIN).await?;
            *all.borrow_mut() = names(scene, id).await?;
            Ok(scene.ended_right(&operation, from).await?.to_owned())
        })
        .await;
    let all = all.into_inner();
    let met = std::cell::RefCell::new(BTreeSet::new());
    for (at_once, late) in [(true, Duration::ZERO), (false, LATE)] {
        // After an outcome nothing is on its way, so that later is no different.
        for (number, expected) in (0..ENTRIES_MAX).zip(&all).filter(|(_, name)| at_once || name.starts_with("step_begun")) {
            scene
                .case(&format!("console killed {} ms after entry {number}, {expected}", late.as_millis()), async |scene| {
                    let (last, said) = dies_after(scene, number, late).await?;
                    let last = last.context("the operation ended before that")?;
                    let said = format!("the last entry was {last}; {said}");
                    met.borrow_mut().insert(last);
                    Ok(said)
                })
                .await;
        }
    }
    let met = met.into_inner();
    let missing: Vec<&String> = all.iter().filter(|name| !met.contains(*name)).collect();
    println!("killed with each of these as the last entry: {met:?}");
    assert!(all.len() > 10 && missing.is_empty(), "of {all:?} these never were the last entry: {missing:?}");
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

    /// Leaves no byte free, nor any that is given free afterwards: the console keeps some space in reserve for an emergency.
    async fn keep_full(&self, length: Duration) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + length;
        while tokio::time::Instant::now() < until {
            self.fill()?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn fill(&self) -> anyhow::Result<()> {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.0.join("filler"))?;
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
    for step in scene.steps_of_a_switchover().await {
        scene
            .case(&format!("store full during {step}"), async |scene| {
                let observed = scene.observe().await;
                let (id, from, _) = scene.begin_switchover().await?;
                scene.console().until(id, RESTS_WITHIN, begun(step)).await?;
                small.keep_full(Duration::from_secs(12)).await?;
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
