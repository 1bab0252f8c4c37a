//! What would be lost if the active site died now.

use super::links::fed_by_archive;
use super::{Bound, Knowledge, LinkKind, LinkPicture, LinkState, Protection, ProtectionState, Readings, SitePicture, SiteRole};
use crate::{Pair, Side};
use jiff::Timestamp;

pub(super) fn protection(
    readings: &Readings,
    active: Option<Side>,
    source_side: Option<Side>,
    sites: &Pair<SitePicture>,
    links: &[LinkPicture],
) -> Protection {
    let not_known = |state| Protection { state, loss_bytes: None, loss: None, bound: Bound::NotKnown, measured_at: None };
    if sites.iter().all(|(_, site)| site.role == SiteRole::ClaimsActive) {
        return not_known(ProtectionState::SplitBrain);
    }
    let all_silent = sites.iter().all(|(_, site)| site.role == SiteRole::Silent);
    let one_silent = sites.iter().any(|(_, site)| site.role == SiteRole::Silent);
    let link = links.iter().find(|link| link.kind == LinkKind::CrossSite);
    let Some(link) = link else {
        return not_known(if one_silent && !all_silent { ProtectionState::SiteSilent } else { ProtectionState::NoReading });
    };
    let with = |state, bound| Protection {
        state,
        loss_bytes: link.lag_bytes,
        loss: link.lag,
        bound: if link.lag_bytes.is_none() && link.lag.is_none() { Bound::NotKnown } else { bound },
        measured_at: measured_at(readings, link),
    };
    if all_silent {
        return with(ProtectionState::NoReading, Bound::Was);
    }
    if one_silent {
        // Of a silent active site the figure is history; of a silent standby it grows from here.
        return with(ProtectionState::SiteSilent, if active.is_some() { Bound::AtLeast } else { Bound::Was });
    }
    if active.is_none() || !matches!(link.knowledge, Knowledge::Fresh { .. }) {
        return with(ProtectionState::NoReading, Bound::Was);
    }
    let policy = &readings.pool.policy;
    match link.state {
        LinkState::Streaming | LinkState::Synchronous | LinkState::CatchingUp => {
            let within = link.lag_bytes.is_some_and(|bytes| bytes <= policy.loss_target_bytes)
                && link.lag.is_none_or(|lag| lag <= policy.loss_target);
            with(if within { ProtectionState::Protected } else { ProtectionState::AtRisk }, Bound::About)
        }
        LinkState::Broken => {
            let backup = source_side.and_then(|side| readings.last_known_leader(side.other()));
            let archive_ships = links.iter().any(|link| link.kind == LinkKind::Archive && link.state == LinkState::Shipping);
            // A site that is held takes nothing out of the archive either.
            let held = source_side.is_some_and(|side| readings.held_by_configuration(side.other()));
            // The archive protects only what it has shipped; the log file being written is at risk.
            if archive_ships && !held && (fed_by_archive(backup) || backup.is_some_and(|view| view.postgres.fresh().is_some())) {
                with(ProtectionState::AtRisk, Bound::AtLeast)
            } else {
                with(ProtectionState::Unprotected, Bound::AtLeast)
            }
        }
        LinkState::Unknown | LinkState::Off | LinkState::Shipping | LinkState::Failing => with(ProtectionState::NoReading, Bound::Was),
    }
}

/// How far the other end is behind is as old as what its source said last, however fresh the other end is.
fn measured_at(readings: &Readings, link: &LinkPicture) -> Option<Timestamp> {
    let source = readings.nodes_of(link.from_side).find(|view| Some(&view.node.name) == link.from.as_ref());
    let both = link.knowledge.seen_at()?;
    Some(source.and_then(|source| source.postgres.seen_at()).map_or(both, |source| source.min(both)))
}
