//! An observer that asks all four nodes many times a second whether they would accept a write, and says in the end whether two ever
//! would have at the same instant.
//!
//! It asks `PostgreSQL` itself, through the socket in the node's folder: no cut, slow or stalled link is in between.
//!
//! What it proves: a server that has left recovery does not go back into it without a restart, which ends every session. A session that
//! heard "not in recovery" twice therefore says that its server accepted writes all the time from the first answer to the second
//! question: a [`Span`]. An answer lies somewhere between question and answer, so that nothing more is claimed than that. Two nodes
//! were writable at the same instant when spans of both have an instant in common, or when one's whole question and answer lies within a
//! span of the other. There are no false alarms; what it can miss is an overlap that is shorter than two intervals.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::clock::pause;
use crate::error::{Doing, LabError, Result};
use crate::lab::Lab;
use crate::places::{Node, Site};

/// Between two questions to one node.
const EVERY: Duration = Duration::from_millis(20);
/// A healthy server answers in less than a millisecond; one that does not is frozen or gone.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a node said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is out of recovery: it accepts writes.
    Writable,
    /// It is in recovery.
    ReadOnly,
    /// It said nothing.
    Silent,
}

/// One question and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When it was asked, after the start of the watch.
    pub asked: Duration,
    /// When it answered, after the start of the watch.
    pub answered: Duration,
    /// What it said.
    pub seen: Seen,
    /// The session, counted from one: samples of one session are of one life of the server.
    pub session: u32,
}

/// A time in which a node accepted writes, proved by its ends; measured after the start of the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first answer.
    pub from: Duration,
    /// The last question.
    pub to: Duration,
}

/// Two nodes that accepted writes at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// One of them.
    pub one: Node,
    /// The other.
    pub other: Node,
    /// When, after the start of the watch.
    pub at: Duration,
    /// For how long at least.
    pub length: Duration,
}

impl std::fmt::Display for Overlap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { one, other, at, length } = self;
        write!(f, "{one} and {other} accepted writes at once, {at:.3?} after the watch began, for at least {length:.3?}")
    }
}

/// A watch that goes on.
#[derive(Debug)]
pub struct Watch {
    began: Instant,
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<BTreeMap<Node, Vec<Sample>>>>,
}

/// What a watch has seen.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Everything, by node, in the order of time.
    pub samples: BTreeMap<Node, Vec<Sample>>,
    began: Option<Instant>,
}

impl Watch {
    /// Begins.
    pub fn begin(lab: &Lab) -> Self {
        let servers: Vec<(Node, PgConnectOptions)> = Node::all()
            .map(|node| {
                let options = PgConnectOptions::new_without_pgpass()
                    .socket(lab.layout.node_dir(node))
                    .username("postgres")
                    .database("postgres")
                    .application_name("watch")
                    .ssl_mode(PgSslMode::Disable)
                    .disable_statement_logging();
                (node, options)
            })
            .collect();
        let (began, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&over);
        // On a thread of its own, so that nothing else that the program does delays a question.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing(|| "making a runtime".to_owned())?;
            let all = servers.into_iter().map(|(node, server)| {
                let over = Arc::clone(&until);
                async move { (node, ask(server, began, &over).await) }
            });
            Ok(runtime.block_on(futures::future::join_all(all)).into_iter().collect())
        });
        Self { began, over, thread }
    }

    /// Ends it.
    pub fn end(self) -> Result<Watched> {
        self.over.store(true, Ordering::Relaxed);
        let samples = self.thread.join().map_err(|_| LabError::Refused("the watch panicked".to_owned()))??;
        Ok(Watched { samples, began: Some(self.began) })
    }
}

async fn ask(server: PgConnectOptions, began: Instant, over: &AtomicBool) -> Vec<Sample> {
    let (mut samples, mut session, mut open) = (Vec::new(), 0, None::<PgConnection>);
    while !over.load(Ordering::Relaxed) {
        let asked = began.elapsed();
        let question = async {
            let connection = if let Some(connection) = open.take() {
                connection
            } else {
                session += 1;
                PgConnection::connect_with(&server).await?
            };
            let connection = open.insert(connection);
            sqlx::query_scalar::<_, bool>("SELECT pg_is_in_recovery()").fetch_one(connection).await
        };
        let seen = match tokio::time::timeout(PATIENCE, question).await {
            Ok(Ok(true)) => Seen::ReadOnly,
            Ok(Ok(false)) => Seen::Writable,
            Ok(Err(_)) | Err(_) => Seen::Silent,
        };
        if seen == Seen::Silent {
            open = None;
        }
        samples.push(Sample { asked, answered: began.elapsed(), seen, session });
        pause(EVERY.saturating_sub(began.elapsed().saturating_sub(asked))).await;
    }
    samples
}

impl Watched {
    /// When a node accepted writes.
    pub fn writable(&self, node: Node) -> Vec<Span> {
        let mut spans: Vec<(u32, Span)> = Vec::new();
        let mut goes_on = false;
        for sample in self.samples.get(&node).into_iter().flatten() {
            if sample.seen != Seen::Writable {
                goes_on = false;
                continue;
            }
            match spans.last_mut() {
                Some((session, span)) if goes_on && *session == sample.session => span.to = sample.asked.max(span.from),
                _ => spans.push((sample.session, Span { from: sample.answered, to: sample.answered })),
            }
            goes_on = true;
        }
        spans.into_iter().map(|(_, span)| span).filter(|span| span.to > span.from).collect()
    }

    /// The first two nodes that accepted writes at the same instant, if any ever did.
    pub fn two_writable(&self) -> Option<Overlap> {
        self.overlaps().into_iter().next()
    }

    /// The first such two of which not everything lies between two moments. For a site that is cut off or frozen: nobody can keep it from
    /// accepting writes of its own until it is back, but from then on somebody must.
    pub fn two_writable_except(&self, from: Instant, to: Instant) -> Option<Overlap> {
        let after = |moment: Instant| self.began.map_or(Duration::ZERO, |began| moment.saturating_duration_since(began));
        let (from, to) = (after(from), after(to));
        self.overlaps().into_iter().find(|overlap| overlap.at < from || overlap.at + overlap.length > to)
    }

    /// Every time in which two nodes accepted writes, in order.
    fn overlaps(&self) -> Vec<Overlap> {
        let nodes: Vec<Node> = self.samples.keys().copied().collect();
        let pairs = nodes.iter().enumerate().flat_map(|(at, one)| nodes[at + 1..].iter().map(|other| (*one, *other)));
        let mut found: Vec<Overlap> = pairs.flat_map(|(one, other)| self.overlaps_of(one, other)).collect();
        found.sort_by_key(|overlap| overlap.at);
        found
    }

    fn overlaps_of(&self, one: Node, other: Node) -> Vec<Overlap> {
        let (ours, theirs) = (self.writable(one), self.writable(other));
        let both = ours.iter().flat_map(|x| theirs.iter().map(move |y| Span { from: x.from.max(y.from), to: x.to.min(y.to) }));
        let mut found: Vec<Span> = both.filter(|span| span.to > span.from).collect();
        // A node that was seen writable only once has no span, but was writable at some instant between question and answer.
        for (spans, node) in [(&ours, other), (&theirs, one)] {
            let samples = self.samples.get(&node).into_iter().flatten().filter(|sample| sample.seen == Seen::Writable);
            let within = samples.filter(|sample| spans.iter().any(|span| span.from <= sample.asked && sample.answered <= span.to));
            let new: Vec<Span> = within
                .filter(|sample| !found.iter().any(|span| span.from <= sample.answered && sample.asked <= span.to))
                .map(|sample| Span { from: sample.asked, to: sample.asked })
                .collect();
            found.extend(new);
        }
        found.into_iter().map(|span| Overlap { one, other, at: span.from, length: span.to.saturating_sub(span.from) }).collect()
    }

    /// Whether a node of the site said at any question asked after `moment` that it accepts writes.
    pub fn site_was_writable_after(&self, site: Site, moment: Instant) -> bool {
        self.writable_after(site, moment).is_some()
    }

    /// When a node of the site accepted writes after `moment`: the first answer and the last question that say so; nothing when none does.
    pub fn writable_after(&self, site: Site, moment: Instant) -> Option<(Instant, Instant)> {
        let began = self.began?;
        let of_site = self.samples.iter().filter(|(node, _)| node.site == site).flat_map(|(_, samples)| samples);
        let said = of_site.filter(|sample| sample.seen == Seen::Writable && began + sample.asked >= moment);
        let (answered, asked): (Vec<Instant>, Vec<Instant>) = said.map(|sample| (began + sample.answered, began + sample.asked)).unzip();
        Some((answered.into_iter().min()?, asked.into_iter().max()?))
    }

    /// How many questions were answered, whatever the answer: a watch that saw nothing proves nothing.
    pub fn answered(&self) -> usize {
        self.samples.values().flatten().filter(|sample| sample.seen != Seen::Silent).count()
    }

    /// Who accepted writes and when, on one line, for a person.
    pub fn line(&self) -> String {
        let mut spans: Vec<(Span, Node)> =
            self.samples.keys().flat_map(|node| self.writable(*node).into_iter().map(|span| (span, *node))).collect();
        spans.sort_by_key(|(span, _)| span.from);
        let words: Vec<String> =
            spans.iter().map(|(span, node)| format!("{node} {:.3}–{:.3} s", span.from.as_secs_f64(), span.to.as_secs_f64())).collect();
        format!("writable: {}; {} answers", words.join(", "), self.answered())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        name.parse().expect("a node")
    }

    fn watched(samples: &[(&str, &[Row])]) -> Watched {
        let ms = Duration::from_millis;
        let of = |all: &[Row]| {
            all.iter()
                .map(|(asked, answered, seen, session)| Sample {
                    asked: ms(*asked),
                    answered: ms(*answered),
                    seen: *seen,
                    session: *session,
                })
                .collect()
        };
        Watched { samples: samples.iter().map(|(name, all)| (node(name), of(all))).collect(), began: None }
    }

    /// Asked and answered, in milliseconds, what, and the session.
    type Row = (u64, u64, Seen, u32);

    const W: Seen = Seen::Writable;
    const R: Seen = Seen::ReadOnly;
    const S: Seen = Seen::Silent;

    #[test]
    fn a_handover_is_no_overlap_however_close_the_samples_are() {
        // b1 answers for the first time while the last question to a1, which got no answer, is under way.
        let watched = watched(&[
            ("a1", &[(0, 1, W, 1), (20, 21, W, 1), (40, 60, S, 1), (60, 61, R, 2)]),
            ("b1", &[(0, 1, R, 1), (30, 39, R, 1), (41, 42, W, 1), (61, 62, W, 1)]),
        ]);
        assert_eq!(watched.two_writable(), None);
        assert_eq!(watched.writable(node("a1")), [Span { from: Duration::from_millis(1), to: Duration::from_millis(20) }]);
    }

    #[test]
    fn a_single_answer_within_the_others_span_is_an_overlap() {
        let watched = watched(&[("a1", &[(0, 1, W, 1), (20, 21, W, 1)]), ("b1", &[(5, 6, W, 1), (25, 26, S, 1)])]);
        let overlap = watched.two_writable().expect("both were writable at 5 to 6 ms");
        assert_eq!((overlap.one, overlap.other, overlap.at), (node("a1"), node("b1"), Duration::from_millis(5)));
    }

    #[test]
    fn what_a_site_does_while_it_is_cut_off_is_excused_and_nothing_after() {
        let began = Instant::now();
        let mut watched = watched(&[("a1", &[(0, 1, W, 1), (100, 101, W, 1)]), ("b1", &[(30, 31, W, 1), (90, 91, W, 1)])]);
        watched.began = Some(began);
        let at = |ms: u64| began + Duration::from_millis(ms);
        assert_eq!(watched.two_writable_except(at(20), at(95)), None);
        assert!(watched.two_writable_except(at(20), at(80)).is_some(), "it went on after the site was back");
        assert!(watched.two_writable_except(at(50), at(95)).is_some(), "it began before the site was cut off");
    }

    #[test]
    fn between_two_sessions_nothing_is_known() {
        // a1 was restarted in between: that it was writable before and after says nothing about the time in which b1 was.
        let watched = watched(&[("a1", &[(0, 1, W, 1), (40, 41, W, 2)]), ("b1", &[(10, 11, W, 1), (30, 31, W, 1)])]);
        assert_eq!(watched.two_writable(), None);
    }

    #[test]
    fn a_late_answer_is_claimed_for_no_instant_before_it() {
        // The answer of a frozen server comes when it is thawed.
        let watched = watched(&[("a1", &[(0, 400, W, 1), (400, 401, R, 2)]), ("b1", &[(100, 101, W, 1), (300, 301, W, 1)])]);
        assert_eq!(watched.two_writable(), None);
    }

    #[test]
    fn spans_that_meet_for_longer_say_for_how_long() {
        let watched = watched(&[("a1", &[(0, 1, W, 1), (100, 101, W, 1)]), ("b2", &[(30, 31, W, 1), (90, 91, W, 1)])]);
        let overlap = watched.two_writable().expect("both were writable");
        assert!(overlap.length >= Duration::from_millis(59), "{overlap}");
    }
}
