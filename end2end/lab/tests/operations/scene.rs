//! A lab, a console on it, clients that write, and the watch: what every case begins and ends with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use switchback_domain::operation::{Choice, Intent, Operation, OperationId, Outage, Outcome, Stage, StepState};
use switchback_lab::{Console, Lab, Options, Program, Run, Running, Site, Watch, Watched, Way, side};

/// The pool may take so long to be whole again, whatever happened to it.
pub const WHOLE_WITHIN: Duration = Duration::from_mins(3);
/// An operation ends or asks within this.
pub const RESTS_WITHIN: Duration = Duration::from_mins(5);
pub const SOON: Duration = Duration::from_secs(30);

/// Everything that a case needs. Cases follow each other on one lab, because a lab takes half a minute to come up.
pub struct Scene {
    options: Options,
    policy: String,
    store: Option<String>,
    stage: Option<(Lab, Console)>,
    failures: Vec<String>,
    began: Instant,
}

impl Scene {
    /// A lab of its own. Nobody waits for cool-downs here.
    pub async fn up(name: &str, instance: u8) -> Self {
        Self::made(name, instance, "", None).await
    }

    /// The same with more lines of policy.
    #[cfg(feature = "lab-tests-full")]
    pub async fn up_with_policy(name: &str, instance: u8, policy: &str) -> Self {
        Self::made(name, instance, policy, None).await
    }

    /// The same with a store of the caller's.
    #[cfg(feature = "lab-tests-full")]
    pub async fn up_with_store(name: &str, instance: u8, store: String) -> Self {
        Self::made(name, instance, "", Some(store)).await
    }

    /// The same with another version of Patroni.
    #[cfg(feature = "lab-tests-full")]
    pub async fn up_with_patroni(name: &str, instance: u8, version: &str) -> Self {
        let mut scene = Self::prepared(name, instance, "", None);
        scene.options.patroni = Some(version.to_owned());
        scene.anew().await;
        scene
    }

    async fn made(name: &str, instance: u8, policy: &str, store: Option<String>) -> Self {
        let mut scene = Self::prepared(name, instance, policy, store);
        scene.anew().await;
        scene
    }

    fn prepared(name: &str, instance: u8, policy: &str, store: Option<String>) -> Self {
        let mut options = Options::new(std::env::temp_dir().join(format!("switchback-lab-test-{name}")));
        // Two labs of one number would take each other down.
        let other = std::env::var("SWITCHBACK_LAB_INSTANCE").ok().and_then(|number| number.parse().ok());
        options.instance = other.unwrap_or(instance);
        options.program = Some(env!("CARGO_BIN_EXE_switchback-lab").into());
        let policy = format!("cool_down_ms = 0\n{policy}");
        Self { options, policy, store, stage: None, failures: Vec::new(), began: Instant::now() }
    }

    /// Everything new: whatever a case left behind must not fail the next one.
    async fn anew(&mut self) {
        self.stage = None;
        Lab::down(&self.options.dir, true).unwrap();
        let lab = Lab::up(self.options.clone(), &|_| {}).await.unwrap();
        let program = Program::find().unwrap();
        let console = match &self.store {
            Some(store) => Console::start_with_store(&lab, program, &self.policy, store).await.unwrap(),
            None => Console::start(&lab, program, &self.policy).await.unwrap(),
        };
        self.stage = Some((lab, console));
    }

    pub fn lab(&self) -> &Lab {
        &self.stage.as_ref().unwrap().0
    }

    pub fn console(&self) -> &Console {
        &self.stage.as_ref().unwrap().1
    }

    /// The steps of a planned switchover, in their order, as the console plans them.
    #[cfg(feature = "lab-tests-full")]
    pub async fn steps_of_a_switchover(&self) -> Vec<&'static str> {
        let active = self.lab().active().await.unwrap();
        let planned = self.console().plan(&Intent::Switchover { to: side(active.peer()) }).await.unwrap();
        planned.plan.steps.iter().map(switchback_domain::operation::Step::as_code).collect()
    }

    /// Runs one case on a pool that is whole, and goes on after one that fails: the test fails in the end with all of them.
    pub async fn case(&mut self, name: &str, case: impl AsyncFnOnce(&Self) -> Result<String>) {
        let began = Instant::now();
        let outcome = match self.calm().await {
            Ok(()) => case(self).await,
            Err(error) => Err(error.context("before the case")),
        };
        let at = self.began.elapsed().as_secs();
        match outcome {
            Ok(said) => println!("{at:5} s  ok    {name}: {said} ({:.0} s)", began.elapsed().as_secs_f32()),
            Err(error) => {
                println!("{at:5} s  FAILS {name}: {error:#}");
                self.failures.push(format!("{name}: {error:#}"));
                self.keep_logs(name);
                self.anew().await;
            }
        }
    }

    /// What the services wrote, for whoever looks for the cause; `down` would remove it.
    fn keep_logs(&self, name: &str) {
        let name: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let kept = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/operations")).join(name);
        let _ = std::fs::remove_dir_all(&kept);
        let copied = std::fs::create_dir_all(&kept).and_then(|()| {
            for entry in std::fs::read_dir(self.options.dir.join("log"))? {
                let entry = entry?;
                std::fs::copy(entry.path(), kept.join(entry.file_name()))?;
            }
            for suffix in ["", "-wal"] {
                let _ = std::fs::copy(format!("{}{suffix}", self.console().store().display()), kept.join(format!("switchback.db{suffix}")));
            }
            Ok(())
        });
        println!(
            "        its logs are in {}{}",
            kept.display(),
            copied.map_or_else(|error: std::io::Error| format!(" ({error})"), |()| String::new())
        );
    }

    /// Waits until the pool is whole and the console would begin an operation.
    pub async fn calm(&self) -> Result<()> {
        if !self.console().is_alive() {
            self.console().start_again().await?;
        }
        self.lab().wait_settled(WHOLE_WITHIN).await?;
        let active = self.lab().active().await?;
        self.console().sees_active(active, SOON).await?;
        Ok(())
    }

    /// Begins to write and to watch.
    pub async fn observe(&self) -> Observed {
        let watch = Watch::begin(self.lab());
        let load = self.lab().begin_load(Way::direct());
        tokio::time::sleep(Duration::from_secs(1)).await;
        Observed { watch, load }
    }

    /// Plans and requests a switchover to the other site. Returns its number, where it begins, and when it was asked for.
    pub async fn begin_switchover(&self) -> Result<(OperationId, Site, Instant)> {
        let from = self.lab().active().await?;
        let (id, asked) = self.console().begin(&Intent::Switchover { to: side(from.peer()) }, "").await?;
        Ok((id, from, asked))
    }

    /// Waits until it is done; anything else is a failure.
    pub async fn done(&self, id: OperationId) -> Result<Operation> {
        let operation = self.console().rest(id, RESTS_WITHIN).await?;
        let done = matches!(operation.stage, Stage::Finished { outcome: Outcome::Done, .. });
        ensure!(done, "{id} did not get done: {:?}", operation.stage);
        Ok(operation)
    }

    /// Waits until it ends; whatever it asks is answered by beginning the step again once `mend` has been called.
    pub async fn finish(&self, id: OperationId, mut mend: impl AsyncFnMut(&Operation) -> Result<()>) -> Result<Operation> {
        for _ in 0..4 {
            let operation = self.console().rest(id, RESTS_WITHIN).await?;
            let Stage::NeedsPerson { question, .. } = &operation.stage else { return Ok(operation) };
            mend(&operation).await?;
            let answer = self.console().answer(id, question, Choice::Retry, "mended").await?;
            ensure!(answer.status < 300, "an answer was not taken: {answer}");
        }
        anyhow::bail!("{id} asks again and again: {:?}", self.console().operation(id).await?.stage)
    }

    /// Says how it ended, after having made sure that the site is active that then must be.
    pub async fn ended_right(&self, operation: &Operation, from: Site) -> Result<&'static str> {
        let (word, active) = match &operation.stage {
            Stage::Finished { outcome: Outcome::Done, .. } => ("done", from.peer()),
            Stage::Finished { outcome: Outcome::Undone { .. }, .. } => ("undone", from),
            other => anyhow::bail!("{} ended as nobody wanted: {other:?}", operation.id),
        };
        self.lab().wait_settled(WHOLE_WITHIN).await.with_context(|| format!("after {} was {word}", operation.id))?;
        let now = self.lab().active().await?;
        ensure!(now == active, "{} is {word}, and {now} is active", operation.id);
        Ok(word)
    }

    /// Fails with everything that failed; takes everything down.
    pub fn end(mut self) {
        let failures = std::mem::take(&mut self.failures);
        drop(self);
        assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    }

    /// Cuts a site off from everything else.
    #[cfg(feature = "lab-tests-full")]
    pub fn cut_off(&self, site: Site) -> Result<()> {
        use switchback_lab::Place;
        for other in [Place::from(site.peer()), Place::Console, Place::Clients] {
            self.lab().cut(site.into(), other)?;
        }
        Ok(())
    }

    /// Ends that.
    #[cfg(feature = "lab-tests-full")]
    pub fn join_again(&self, site: Site) -> Result<()> {
        use switchback_lab::Place;
        for other in [Place::from(site.peer()), Place::Console, Place::Clients] {
            self.lab().heal(site.into(), other)?;
        }
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stage = None;
        if let Err(error) = Lab::down(&self.options.dir, true) {
            eprintln!("taking the lab down: {error}");
        }
    }
}

/// Whether a step of this word has begun.
pub fn begun(step: &'static str) -> impl Fn(&Operation) -> bool {
    move |operation| {
        operation.plan.steps.iter().zip(&operation.steps).any(|(one, run)| one.as_code() == step && run.state != StepState::Waiting)
    }
}

/// The console and a client look at the nodes at their own times, on a machine that has more to do.
const LOOKS_APART: Duration = Duration::from_millis(150);

/// What the console says of an outage is what a client at the nodes felt: as one figure, or with both ends where it did not see all of it.
/// Returns both in words.
pub fn measured_as_felt(said: &Outage, felt: Option<Duration>) -> Result<String> {
    let felt = felt.context("clients wrote nothing afterwards")?;
    let ended = said.first_write_at.context("the console has not seen the end")?;
    let most = Duration::from_millis(said.length(ended).0);
    let least = most.saturating_sub(Duration::from_millis(said.uncertain.0));
    let words = format!("the console says {least:.0?} to {most:.0?}, a client felt {felt:.0?}");
    ensure!(least <= felt + LOOKS_APART && felt <= most + LOOKS_APART, "{words}");
    Ok(words)
}

/// A case under observation.
pub struct Observed {
    watch: Watch,
    load: Running,
}

impl Observed {
    /// Ends the observation: nothing that was acknowledged is gone, nothing is there twice, and never did two nodes accept writes.
    pub async fn nothing_lost(self) -> Result<(Run, Watched)> {
        let (run, watched) = self.end().await?;
        let verdict = &run.verdict;
        ensure!((verdict.lost, verdict.duplicates) == (0, 0), "rows are gone, or there twice: {}", verdict.lines("rows"));
        if let Some(overlap) = watched.two_writable() {
            anyhow::bail!("{overlap}; {}", watched.line());
        }
        Ok((run, watched))
    }

    /// Ends the observation without a judgement about losses.
    pub async fn end(self) -> Result<(Run, Watched)> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let run = self.load.end().await?;
        let watched = self.watch.end()?;
        // Who saw nothing has proved nothing.
        ensure!(watched.answered() > 40 && run.verdict.acknowledged > 40, "too little was seen: {}", watched.line());
        Ok((run, watched))
    }
}
