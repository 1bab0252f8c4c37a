//! Links: what flows from node to node, and how far its end is behind.

use super::sites::{from_archive, hears, position};
use super::{Knowledge, LinkKind, LinkPicture, LinkState, NodeView, Readings};
use crate::{ByteLag, Millis, PostgresFacts, Sender, Side, WAL_FILE_BYTES};

/// The archive falls behind when more than this many files wait to be shipped: two finished ones and the one being written.
const ARCHIVE_BACKLOG_FILES: u64 = 3;

pub(super) fn links(readings: &Readings, source_side: Option<Side>) -> Vec<LinkPicture> {
    let Some(side) = source_side else { return Vec::new() };
    let primary = readings.last_known_leader(side);
    let backup = readings.last_known_leader(side.other());
    let mut links = Vec::new();
    for mirror in readings.nodes_of(side).filter(|view| !is(primary, view)) {
        links.push(stream(readings, LinkKind::Mirror, primary, Some(mirror), (side, side)));
    }
    links.push(stream(readings, LinkKind::CrossSite, primary, backup, (side, side.other())));
    for mirror in readings.nodes_of(side.other()).filter(|view| !is(backup, view)) {
        links.push(stream(readings, LinkKind::Cascade, backup, Some(mirror), (side.other(), side.other())));
    }
    links.push(archive(primary, backup, side));
    links
}

fn is(leader: Option<&NodeView>, view: &NodeView) -> bool {
    leader.is_some_and(|leader| leader.node.name == view.node.name)
}

fn stream(readings: &Readings, kind: LinkKind, from: Option<&NodeView>, to: Option<&NodeView>, sides: (Side, Side)) -> LinkPicture {
    let mut link = LinkPicture {
        kind,
        from_side: sides.0,
        from: from.map(|view| view.node.name.clone()),
        to_side: sides.1,
        to: to.map(|view| view.node.name.clone()),
        state: LinkState::Unknown,
        lag_bytes: None,
        lag: None,
        commit_wait: None,
        newest_file: None,
        knowledge: Knowledge::Missing { cause: crate::ProbeFailure::NotAskedYet },
    };
    let (Some(from), Some(to)) = (from, to) else {
        // No leader at one end: with fresh readings of the rest of the site that means that nothing flows.
        let known = |side| readings.nodes_of(side).filter_map(|view| view.postgres.fresh().and(view.postgres.seen_at())).min();
        if let (Some(a), Some(b)) = (known(sides.0), known(sides.1)) {
            link.state = LinkState::Broken;
            link.knowledge = Knowledge::Fresh { seen_at: a.min(b) };
        }
        return link;
    };
    let sender = from.postgres.last_known().and_then(|facts| sender_to(facts, to));
    link.state = stream_state(readings, from, to, sender);
    link.knowledge = match (from.postgres.fresh().and(from.postgres.seen_at()), to.postgres.fresh().and(to.postgres.seen_at())) {
        // One end is enough to know that nothing flows, and the receiving end to know that something does.
        (Some(seen_at), None) if link.state == LinkState::Broken => Knowledge::Fresh { seen_at },
        (None, Some(seen_at)) => Knowledge::Fresh { seen_at },
        _ => from.knowledge().and(to.knowledge()),
    };
    if link.state == LinkState::Streaming && from.postgres.fresh().is_none() {
        // It flows, but how far the other end is nobody says.
        return link;
    }
    link.lag_bytes = lag_bytes(from, to, sender);
    link.lag = lag(from, to, sender, link.lag_bytes);
    link.commit_wait = sender.filter(|sender| sender.synchronous).and_then(|sender| sender.flush_lag);
    link
}

fn sender_to<'a>(facts: &'a PostgresFacts, to: &NodeView) -> Option<&'a Sender> {
    facts.senders.iter().find(|sender| sender.application_name == to.node.name.as_str())
}

fn stream_state(readings: &Readings, from: &NodeView, to: &NodeView, sender: Option<&Sender>) -> LinkState {
    // The target says whether it hears anything; the source's "streaming" may be a memory of the line before it was cut.
    match (to.postgres.fresh(), from.postgres.fresh()) {
        (Some(target), _) if !target.in_recovery || !hears(readings, target) => LinkState::Broken,
        (Some(_), Some(_)) => match sender {
            None => LinkState::Broken,
            Some(sender) if sender.state != "streaming" => LinkState::CatchingUp,
            Some(sender) if sender.synchronous => LinkState::Synchronous,
            Some(_) => LinkState::Streaming,
        },
        (Some(_), None) => LinkState::Streaming,
        (None, Some(_)) if sender.is_none() => LinkState::Broken,
        (None, _) => LinkState::Unknown,
    }
}

/// What the target has not flushed. The source's own view is one consistent instant; without it both ends are compared, whose
/// readings are up to an interval apart.
fn lag_bytes(from: &NodeView, to: &NodeView, sender: Option<&Sender>) -> Option<ByteLag> {
    let source = position(from.postgres.last_known()?)?;
    let by_sender = sender.and_then(|sender| sender.flushed);
    let by_target = to.postgres.last_known().and_then(|facts| position(facts));
    if by_sender.is_none() && of_two_histories(from, to) {
        return None;
    }
    // What came by archive is not in the sender's figures; otherwise the sender's one instant is the truth, and a reading of the
    // target from a moment later would make the loss look smaller than it is.
    let archived = to.postgres.last_known().is_some_and(|facts| from_archive(facts));
    let reached = if archived { by_sender.max(by_target) } else { by_sender.or(by_target) };
    reached.map(|reached| source.bytes_ahead_of(reached))
}

/// How far the target is behind in time, by the heartbeat row: timestamps of the engine lie while nothing is written
/// (ENGINES.md, 16).
fn lag(from: &NodeView, to: &NodeView, sender: Option<&Sender>, bytes: Option<ByteLag>) -> Option<Millis> {
    if bytes == Some(ByteLag(0)) && from.postgres.fresh().is_some() && sender.is_some() {
        return Some(Millis(0));
    }
    if sender.is_none() && of_two_histories(from, to) {
        return None;
    }
    let flush_lag = || sender.and_then(|sender| sender.flush_lag);
    let (Some(source), Some(target)) =
        (from.postgres.last_known().and_then(|facts| facts.heartbeat), to.postgres.last_known().and_then(|facts| facts.heartbeat))
    else {
        return flush_lag();
    };
    let target_seen_at = to.postgres.seen_at()?;
    // A beat that was written after the target was asked cannot have been there yet.
    let expected = if target_seen_at < source.beat_at { source.beat - 1 } else { source.beat };
    if target.beat >= expected {
        return Some(flush_lag().unwrap_or(Millis(0)));
    }
    // Of a target that is silent the lag grows with what the source goes on to write; of a source that is silent nothing is known that it
    // would have written since it was last heard.
    let until = if to.postgres.fresh().is_some() { target_seen_at } else { target_seen_at.max(source.beat_at) };
    let heard_at = from.postgres.seen_at()?.max(source.beat_at);
    Some(Millis::between(target.beat_at, until.min(heard_at)))
}

/// Positions on different timelines are positions in different histories: their distance says nothing.
fn of_two_histories(from: &NodeView, to: &NodeView) -> bool {
    let timeline = |view: &NodeView| view.postgres.last_known().and_then(|facts| facts.timeline);
    matches!((timeline(from), timeline(to)), (Some(source), Some(target)) if source != target)
}

fn archive(primary: Option<&NodeView>, backup: Option<&NodeView>, side: Side) -> LinkPicture {
    let facts = primary.and_then(|view| view.postgres.last_known());
    let archiver = facts.and_then(|facts| facts.archiver.as_ref());
    let knowledge = primary.map_or(Knowledge::Missing { cause: crate::ProbeFailure::NotAskedYet }, NodeView::knowledge);
    let shipped = facts.and_then(|facts| facts.shipped_up_to());
    let written = facts.and_then(|facts| facts.written);
    let lag_bytes = written.zip(shipped).map(|(written, end)| written.bytes_ahead_of(end));
    let seen_at = knowledge.seen_at();
    let lag = match (lag_bytes, archiver.and_then(|archiver| archiver.last_at), seen_at) {
        (Some(ByteLag(0)), _, _) => Some(Millis(0)),
        (_, Some(last_at), Some(seen_at)) => Some(Millis::between(last_at, seen_at)),
        _ => None,
    };
    let backlog = ByteLag(ARCHIVE_BACKLOG_FILES * facts.map_or(WAL_FILE_BYTES, |facts| facts.wal_file_bytes()));
    let state = match archiver {
        None if facts.is_some() && knowledge.is_fresh() => LinkState::Off,
        None => LinkState::Unknown,
        Some(archiver) if !archiver.enabled => LinkState::Off,
        Some(archiver) if archiver.last_failed_at > archiver.last_at => LinkState::Failing,
        // Switched on, but nothing has ever gone out: nobody knows whether it would.
        Some(_) if lag_bytes.is_none() => LinkState::Unknown,
        Some(_) if lag_bytes.is_some_and(|lag| lag > backlog) => LinkState::Failing,
        Some(_) => LinkState::Shipping,
    };
    LinkPicture {
        kind: LinkKind::Archive,
        from_side: side,
        from: primary.map(|view| view.node.name.clone()),
        to_side: side.other(),
        to: backup.map(|view| view.node.name.clone()),
        state,
        lag_bytes,
        lag,
        commit_wait: None,
        newest_file: archiver.and_then(|archiver| archiver.last_file.clone()),
        knowledge,
    }
}

/// The backup lives on what the archive brings.
pub(super) fn fed_by_archive(backup: Option<&NodeView>) -> bool {
    backup.and_then(|view| view.postgres.fresh().copied()).is_some_and(from_archive)
}
