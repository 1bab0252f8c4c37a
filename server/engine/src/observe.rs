//! Observation: one task per endpoint asks, one task per pool works out the picture. No endpoint waits for another.

use crate::{
    alarm::Alarm,
    console::WorkOut,
    figures,
    history::{Recorder, Writer},
    live::Live,
    ports::{Chance, Clock, Probe},
    time::{millis, pause},
};
use futures::FutureExt;
use jiff::SignedDuration;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use switchback_domain::{
    Endpoint, EndpointName, Facts, Millis, Picture, Pool, ProbeFailure, Side, Sighting, operation::PoolState, picture::Sightings,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// Readings grow stale without any answer, so the picture is worked out at least this often.
const TICK: Duration = Duration::from_secs(1);

/// The least time between two pictures: answers that come together make one change.
const COALESCE: Duration = Duration::from_millis(50);

/// A question that takes this many intervals has broken its promise to end by itself, and is dropped.
const OVERRUN_INTERVALS: u32 = 5;

/// How much later than its pool's round a question may begin, in percent of the interval.
const JITTER_PERCENT: u32 = 2;

/// A pool under observation.
pub(crate) struct ObservedPool {
    pub(crate) pool: Pool,
    pub(crate) live: Arc<Live<Picture>>,
    pub(crate) writer: Writer,
    pub(crate) alarm: Alarm,
    clock: Arc<dyn Clock>,
    work_out: WorkOut,
    seen: Mutex<Seen>,
    stirred: Notify,
    /// Rung when something changed that may show on the overview.
    overview: Arc<Notify>,
    sound: AtomicBool,
    /// What the store says about the pool; a part of every picture.
    pool_state: Mutex<PoolState>,
    /// Counts up when somebody wants a look at once.
    look: watch::Sender<u64>,
    /// Counts up with every answer, so that whoever wanted the look can wait for it.
    heard: watch::Sender<u64>,
}

/// What was seen of every endpoint, and by which question.
#[derive(Default)]
struct Seen {
    sightings: Sightings,
    newest: std::collections::BTreeMap<EndpointName, u64>,
    /// What the clock showed when the machine was started, if nobody had set it since.
    clock_at_boot: Option<jiff::Timestamp>,
}

/// Whoever sets the clock sets it by more than this; a clock that is only pulled slowly never moves so far at once.
const CLOCK_STEP: SignedDuration = SignedDuration::from_millis(500);

impl Seen {
    /// Notices that somebody has set the clock: what was seen before is as old as it was.
    fn follow_clock(&mut self, clock: &dyn Clock) {
        let Some(at_boot) = at_boot(clock) else { return };
        let step = at_boot.duration_since(self.clock_at_boot.unwrap_or(at_boot));
        if step.abs() > CLOCK_STEP {
            tracing::warn!(seconds = step.as_secs_f64(), "somebody has set this machine's clock");
            self.sightings.values_mut().for_each(|sighting| sighting.set_clock_by(step));
        }
        self.clock_at_boot = Some(at_boot);
    }
}

fn at_boot(clock: &dyn Clock) -> Option<jiff::Timestamp> {
    clock.now().checked_sub(SignedDuration::try_from(clock.since_boot()).ok()?).ok()
}

/// The last that is known of a site's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastSign {
    /// When the last heartbeat row was written that the site is known to have confirmed.
    pub(crate) at: jiff::Timestamp,
    /// Since when whoever wrote there does not answer.
    pub(crate) failing_since: Option<jiff::Timestamp>,
}

/// What came of one question.
pub(crate) struct Outcome {
    /// Counts up with every question to the same endpoint.
    pub(crate) number: u64,
    pub(crate) asked_at: jiff::Timestamp,
    pub(crate) took: Millis,
    pub(crate) answer: Result<Facts, ProbeFailure>,
}

impl ObservedPool {
    pub(crate) fn new(pool: Pool, boot: Arc<str>, clock: Arc<dyn Clock>, work_out: WorkOut, overview: Arc<Notify>) -> ObservedPool {
        let mut seen = Seen::default();
        for endpoint in pool.endpoints() {
            seen.sightings.entry(endpoint.name).or_default();
        }
        let first = work_out(&pool, &seen.sightings, clock.now());
        let live = Arc::new(Live::new(boot, Arc::new(first)));
        let (writer, alarm) = (Writer::new(pool.id.clone()), Alarm::new(pool.id.clone()));
        let sound = AtomicBool::new(true);
        ObservedPool {
            pool,
            live,
            writer,
            alarm,
            clock,
            work_out,
            seen: Mutex::new(seen),
            stirred: Notify::new(),
            overview,
            sound,
            pool_state: Mutex::default(),
            look: watch::Sender::new(0),
            heard: watch::Sender::new(0),
        }
    }

    /// The picture now.
    pub(crate) fn picture(&self) -> Arc<Picture> {
        self.live.value()
    }

    /// Whether the last attempt to work out the picture succeeded.
    pub(crate) fn is_sound(&self) -> bool {
        self.sound.load(Ordering::Relaxed)
    }

    /// Takes in what came of a question, unless a newer one is in already: a slow old answer never overwrites a newer one.
    pub(crate) fn take(&self, endpoint: &EndpointName, outcome: Outcome) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = seen.newest.entry(endpoint.clone()).or_default();
        if outcome.number <= *newest {
            return;
        }
        *newest = outcome.number;
        seen.follow_clock(&*self.clock);
        seen.sightings.entry(endpoint.clone()).or_default().take(outcome.answer, outcome.asked_at, outcome.took);
        drop(seen);
        self.heard.send_modify(|heard| *heard += 1);
        self.stirred.notify_one();
    }

    /// The last sign of a site's writes; nothing when no heartbeat row was ever seen there.
    pub(crate) fn last_sign(&self, side: Side) -> Option<LastSign> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = || self.pool.sites[side].nodes.iter().map(|node| &node.postgres);
        // A row that any node of the site has was confirmed by its primary. Who wrote is who had the newest one, and of several who say so
        // the one out of recovery.
        let beats = nodes().filter_map(|name| match seen.sightings.get(name)? {
            Sighting { answer: Some((Facts::Postgres(facts), _)), failure, .. } => {
                Some((facts.heartbeat?.beat_at, !facts.in_recovery, failure.as_ref().map(|(_, since)| *since)))
            }
            _ => None,
        });
        let (at, _, failing_since) = beats.max_by_key(|(at, writes, _)| (*at, *writes))?;
        Some(LastSign { at, failing_since })
    }

    /// What stands about the pool beside its readings.
    pub(crate) fn pool_state(&self) -> PoolState {
        self.pool_state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what stands about the pool, and tells everybody.
    pub(crate) fn change_standing(&self, change: impl FnOnce(&mut PoolState)) {
        change(&mut self.pool_state.lock().unwrap_or_else(PoisonError::into_inner));
        self.stirred.notify_one();
    }

    /// Asks every endpoint now and works out the picture from what they say, or do not say within `most`. For deciding: nothing in it
    /// is older than this call, except for those that did not answer, whose readings then count as missing.
    pub(crate) async fn look_now(&self, most: Duration) -> Picture {
        let since = self.clock.now();
        let mut heard = self.heard.subscribe();
        self.look.send_modify(|look| *look += 1);
        let everybody = async {
            while !self.all_asked_since(since) {
                if heard.changed().await.is_err() {
                    return;
                }
            }
        };
        // Whoever is still silent then is judged as silent.
        let _ = tokio::time::timeout(most, everybody).await;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sightings = seen.sightings.clone();
        drop(seen);
        for sighting in sightings.values_mut().filter(|sighting| sighting.asked_at.is_none_or(|asked_at| asked_at < since)) {
            sighting.take(Err(ProbeFailure::TimedOut { after: millis(most) }), since, millis(most));
        }
        let now = self.clock.now();
        // An answer from before this look does not count as fresh, however young it is.
        for sighting in sightings.values_mut().filter(|sighting| sighting.failure.is_some()) {
            if let Some((_, at)) = &mut sighting.answer {
                let stale = since - Duration::from_millis(self.pool.policy.stale_after.0 + 1);
                *at = (*at).min(stale);
            }
        }
        (self.work_out)(&self.pool, &sightings, now).with_pool_state(self.pool_state())
    }

    fn all_asked_since(&self, since: jiff::Timestamp) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.sightings.values().all(|sighting| sighting.asked_at.is_some_and(|asked_at| asked_at >= since))
    }

    /// Works out the picture and tells everybody what differs.
    fn refresh(&self, recorder: &mut Recorder) {
        let (now, worked_out) = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.follow_clock(&*self.clock);
            let now = self.clock.now();
            (now, std::panic::catch_unwind(AssertUnwindSafe(|| (self.work_out)(&self.pool, &seen.sightings, now))))
        };
        let sound = worked_out.is_ok();
        if self.sound.swap(sound, Ordering::Relaxed) != sound && !sound {
            tracing::error!(pool = %self.pool.id, "the picture could not be worked out; beats stop until it can");
        }
        let Ok(picture) = worked_out else { return };
        let split = self.alarm.take(&picture, now);
        self.pool_state.lock().unwrap_or_else(PoisonError::into_inner).split = split;
        let picture = Arc::new(picture.with_pool_state(self.pool_state()));
        let noted = recorder.take(&picture, now);
        if self.live.publish(picture, now) {
            figures::published();
            self.overview.notify_one();
        }
        self.live.points(&noted.points);
        self.writer.hand_over(noted);
    }
}

/// Works out a pool's picture: at once when something was heard, but at most every 50 ms, and with every tick.
pub(crate) async fn keep_picture(watched: Arc<ObservedPool>, stop: CancellationToken) {
    let mut recorder = Recorder::new(&watched.pool);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = watched.stirred.notified() => {}
            _ = tick.tick() => {}
            // Beats come from this very loop, so that they prove that it goes round.
            () = tokio::time::sleep_until(watched.live.beat_due_at()), if watched.is_sound() => {
                watched.live.beat(watched.clock.now());
                continue;
            }
        }
        watched.refresh(&mut recorder);
        if !pause(COALESCE, &stop).await {
            return;
        }
    }
}

/// How the endpoints of one pool are asked: in rounds, all of them together, so that positions of different nodes can be compared
/// and a round makes one change for viewers rather than one for each endpoint. The rounds of different pools are spread over the
/// interval.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) every: Duration,
    pub(crate) first_round: Instant,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
}

impl Asking {
    /// The first round begins within an interval from now.
    pub(crate) fn new(every: Duration, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Asking {
        let mut asking = Asking { every, first_round: Instant::now(), clock, chance };
        asking.first_round += asking.part_of(every);
        asking
    }

    /// A share of `length`, evenly drawn.
    fn part_of(&self, length: Duration) -> Duration {
        let mut bytes = [0; 4];
        self.chance.fill(&mut bytes);
        length.mul_f64(f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0))
    }

    /// When to ask in the round that comes next.
    fn next(&self, now: Instant) -> Instant {
        let behind = now.saturating_duration_since(self.first_round);
        let into_this_round = Duration::from_nanos(u64::try_from(behind.as_nanos() % self.every.as_nanos().max(1)).unwrap_or(0));
        let round = if now < self.first_round { self.first_round } else { now - into_this_round + self.every };
        round + self.part_of(self.every * JITTER_PERCENT / 100)
    }
}

/// Asks one endpoint for ever: in every round, but never before the last question has ended. After failures the interval stays the
/// same, because a node that returns should be seen at once.
pub(crate) async fn keep_asking(mut probe: Box<dyn Probe>, watched: Arc<ObservedPool>, asking: Asking, stop: CancellationToken) {
    let endpoint = probe.endpoint().clone();
    if !pause(asking.next(Instant::now()).saturating_duration_since(Instant::now()), &stop).await {
        return;
    }
    let mut number = 0;
    let mut failing = None;
    let mut look = watched.look.subscribe();
    loop {
        number += 1;
        look.mark_unchanged();
        let asked_at = asking.clock.now();
        let began = Instant::now();
        let answer = tokio::select! {
            () = stop.cancelled() => return,
            answer = ask(probe.as_mut(), &endpoint, asked_at, asking.every * OVERRUN_INTERVALS) => answer,
        };
        let took = began.elapsed();
        // Somebody may have set the clock meanwhile.
        let by_its_end = asking.clock.now() - took;
        let was_set = by_its_end.duration_since(asked_at).abs() > CLOCK_STEP;
        let asked_at = if was_set { by_its_end } else { asked_at };
        figures::probed(endpoint.kind, answer.as_ref().err(), took);
        note(&watched.pool, &endpoint, &answer, &mut failing);
        watched.take(&endpoint.name, Outcome { number, asked_at, took: millis(took), answer });
        let now = Instant::now();
        let round = pause(asking.next(now).saturating_duration_since(now), &stop);
        let goes_on = tokio::select! {
            goes_on = round => goes_on,
            // Somebody is about to act and wants to know now.
            wanted = look.changed() => wanted.is_ok(),
        };
        if !goes_on {
            return;
        }
    }
}

/// Asks once. Whatever the probe does, this ends and says what happened.
async fn ask(probe: &mut dyn Probe, endpoint: &Endpoint, asked_at: jiff::Timestamp, most: Duration) -> Result<Facts, ProbeFailure> {
    let look = AssertUnwindSafe(async { probe.look(asked_at).await }).catch_unwind();
    match tokio::time::timeout(most, look).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => {
            // An answer that our own code stumbles over is at least not one that it understands.
            tracing::error!(endpoint = %endpoint.name, "the probe panicked; it is asked again");
            Err(ProbeFailure::Garbage)
        }
        Err(_) => Err(ProbeFailure::TimedOut { after: millis(most) }),
    }
}

/// Logs when an endpoint begins to fail, fails otherwise than before, and answers again; not each second in between.
fn note(pool: &Pool, endpoint: &Endpoint, answer: &Result<Facts, ProbeFailure>, failing: &mut Option<ProbeFailure>) {
    match answer {
        Ok(_) if failing.take().is_some() => tracing::info!(pool = %pool.id, endpoint = %endpoint.name, "answers again"),
        Ok(_) => {}
        Err(cause) if failing.as_ref() == Some(cause) => {}
        Err(cause) => {
            tracing::warn!(pool = %pool.id, endpoint = %endpoint.name, ?cause, "gives no usable answer");
            *failing = Some(cause.clone());
        }
    }
}

#[cfg(test)]
mod tests;
