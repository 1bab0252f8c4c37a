//! Events as they go over the wire: `id`, `event` and `data` lines of `text/event-stream`.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;
use switchback_domain::history::{Metric, Point};

/// The number of an event of this start of the console.
pub(super) struct Id(pub(super) u64);

impl Id {
    /// Reads `<boot>-<n>`; nothing when it is from another start, or no id at all.
    pub(super) fn read(text: &str, boot: &str) -> Option<Id> {
        let (of_boot, n) = text.rsplit_once('-')?;
        (of_boot == boot).then(|| n.parse().ok()).flatten().map(Id)
    }
}

#[derive(Serialize)]
struct WholeData<'a> {
    at: Timestamp,
    value: &'a serde_json::Value,
}

#[derive(Serialize)]
struct ChangeData<'a> {
    at: Timestamp,
    patch: &'a json_patch::Patch,
}

#[derive(Serialize)]
struct PointsData<'a> {
    points: &'a [(Metric, Point)],
}

#[derive(Serialize)]
struct BeatData {
    at: Timestamp,
}

pub(super) fn whole(boot: &str, n: u64, at: Timestamp, value: &serde_json::Value) -> Bytes {
    frame(Some((boot, n)), "whole", &WholeData { at, value })
}

pub(super) fn change(boot: &str, n: u64, at: Timestamp, patch: &json_patch::Patch) -> Bytes {
    frame(Some((boot, n)), "change", &ChangeData { at, patch })
}

/// Points carry an id as well, so that a resume brings those that were missed and no others.
pub(super) fn points(boot: &str, n: u64, points: &[(Metric, Point)]) -> Bytes {
    frame(Some((boot, n)), "points", &PointsData { points })
}

pub(super) fn beat(at: Timestamp) -> Bytes {
    frame(None, "beat", &BeatData { at })
}

fn frame(id: Option<(&str, u64)>, event: &str, data: &impl Serialize) -> Bytes {
    let mut frame = Vec::with_capacity(256);
    let written = match id {
        Some((boot, n)) => write!(frame, "id: {boot}-{n}\nevent: {event}\ndata: "),
        None => write!(frame, "event: {event}\ndata: "),
    };
    written.expect("memory takes every byte");
    // JSON in one line: line ends inside texts are escaped, so the data needs no second `data:` line.
    serde_json::to_writer(&mut frame, data).expect("what is sent is made of nothing that JSON lacks");
    frame.extend_from_slice(b"\n\n");
    frame.into()
}
