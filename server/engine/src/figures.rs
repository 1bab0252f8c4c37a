//! Figures about the console itself, for Prometheus. Names are listed here once.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;
use switchback_domain::{EndpointKind, PoolId, ProbeFailure};

const PROBES: &str = "switchback_probes_total";
const PROBE_SECONDS: &str = "switchback_probe_seconds";
const PICTURES: &str = "switchback_pictures_published_total";
const VIEWERS: &str = "switchback_live_viewers";
const ENCODED: &str = "switchback_live_encoded_bytes_total";
const WHOLES: &str = "switchback_live_wholes_total";
const STORE_FAILURES: &str = "switchback_store_failures_total";
const DROPPED: &str = "switchback_history_dropped_total";
const SPLIT_BRAIN: &str = "switchback_split_brain";
const BROKEN_GUARDS: &str = "switchback_store_broken_guards";
const RESERVE_GIVEN_UP: &str = "switchback_store_reserve_given_up";
const FILE_LOST: &str = "switchback_store_file_lost";

/// Tells the recorder what the figures mean. Call once, after the recorder is installed.
pub fn describe() {
    describe_counter!(PROBES, "Questions asked, by kind of endpoint and outcome");
    describe_histogram!(PROBE_SECONDS, Unit::Seconds, "How long a question took, by kind of endpoint");
    describe_counter!(PICTURES, "Pictures that differed from the one before");
    describe_gauge!(VIEWERS, "Live streams that are open");
    describe_counter!(ENCODED, Unit::Bytes, "Bytes encoded for live streams, once for all viewers");
    describe_counter!(WHOLES, "Whole values encoded for live streams");
    describe_counter!(STORE_FAILURES, "Attempts to write history or to clean up that the store did not carry out");
    describe_gauge!(SPLIT_BRAIN, "By pool: 1 while more than one node accepts writes, or it is not known that this is over; else 0");
    describe_gauge!(BROKEN_GUARDS, "Triggers that guard the audit history and are not as they were made; anything but 0 is an alarm");
    describe_gauge!(RESERVE_GIVEN_UP, "1 while the store's disk is so full that only operations are written; else 0");
    describe_counter!(DROPPED, "Spans and changes of history given up because the store was away for too long");
}

pub(crate) fn probed(kind: EndpointKind, failure: Option<&ProbeFailure>, took: Duration) {
    let kind = match kind {
        EndpointKind::Patroni => "patroni",
        EndpointKind::Postgres => "postgres",
        EndpointKind::Haproxy => "haproxy",
        EndpointKind::Etcd => "etcd",
    };
    let outcome = match failure {
        None => "answered",
        Some(ProbeFailure::Refused) => "refused",
        Some(ProbeFailure::TimedOut { .. }) => "timed_out",
        Some(ProbeFailure::Unreachable) => "unreachable",
        Some(ProbeFailure::Tls) => "tls",
        Some(ProbeFailure::Unauthorized) => "unauthorized",
        Some(ProbeFailure::Unproved) => "unproved",
        Some(ProbeFailure::Status { .. }) => "status",
        Some(ProbeFailure::Redirected) => "redirected",
        Some(ProbeFailure::TooLarge { .. }) => "too_large",
        Some(ProbeFailure::CutShort) => "cut_short",
        Some(ProbeFailure::Garbage) => "garbage",
        Some(ProbeFailure::Sql { .. }) => "sql",
        Some(ProbeFailure::NoSuchBackend) => "no_such_backend",
        Some(ProbeFailure::NotAskedYet) => "not_asked",
    };
    counter!(PROBES, "kind" => kind, "outcome" => outcome).increment(1);
    histogram!(PROBE_SECONDS, "kind" => kind).record(took.as_secs_f64());
}

pub(crate) fn published() {
    counter!(PICTURES).increment(1);
}

pub(crate) fn encoded(bytes: usize) {
    counter!(ENCODED).increment(u64::try_from(bytes).unwrap_or(u64::MAX));
}

pub(crate) fn whole_encoded() {
    counter!(WHOLES).increment(1);
}

pub(crate) fn store_failed(what: &'static str) {
    counter!(STORE_FAILURES, "what" => what).increment(1);
}

pub(crate) fn history_dropped(how_many: usize) {
    counter!(DROPPED).increment(u64::try_from(how_many).unwrap_or(u64::MAX));
}

pub(crate) fn split_brain(pool: &PoolId, lasts: bool) {
    gauge!(SPLIT_BRAIN, "pool" => pool.to_string()).set(if lasts { 1.0 } else { 0.0 });
}

pub(crate) fn broken_guards(how_many: usize) {
    gauge!(BROKEN_GUARDS).set(f64::from(u32::try_from(how_many).unwrap_or(u32::MAX)));
}

pub(crate) fn reserve_given_up(is_so: bool) {
    gauge!(RESERVE_GIVEN_UP).set(if is_so { 1.0 } else { 0.0 });
}

pub(crate) fn store_file_lost(is_so: bool) {
    gauge!(FILE_LOST).set(if is_so { 1.0 } else { 0.0 });
}

/// Counts an open live stream for as long as it exists.
#[derive(Debug)]
pub(crate) struct Viewer;

impl Viewer {
    pub(crate) fn arrives() -> Viewer {
        gauge!(VIEWERS).increment(1.0);
        Viewer
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        gauge!(VIEWERS).decrement(1.0);
    }
}
