//! Protection: the word for it, and the verdict, the sentence that every page opens with.

use super::{Locale, Names, bytes, duration, figures::date_time, list, say};
use switchback_domain::{Bound, ByteLag, Finding, Millis, Picture, Protection, ProtectionState, Severity, Side};

/// Protection in one or two words.
pub fn state(lang: Locale, state: ProtectionState) -> String {
    match state {
        ProtectionState::Protected => say!(lang, words.protection.protected),
        ProtectionState::NoReading => say!(lang, words.protection.no_reading),
        ProtectionState::AtRisk => say!(lang, words.protection.at_risk),
        ProtectionState::Unprotected => say!(lang, words.protection.unprotected),
        ProtectionState::SiteSilent => say!(lang, words.protection.site_silent),
        ProtectionState::SplitBrain => say!(lang, words.protection.split_brain),
    }
}

/// The verdict: what is the matter, then what would be lost. One or two whole sentences, with marks (see [`super::pieces`]).
pub fn verdict(lang: Locale, picture: &Picture, names: &Names) -> Vec<String> {
    let worst = picture.findings.first();
    let mut said: Vec<String> = worst.and_then(|worst| cause(lang, worst, picture.active, names)).into_iter().collect();
    let known = picture.protection.bound != Bound::NotKnown;
    let loss = match worst {
        // No figure is worth reading while two histories exist.
        Some(Finding::SplitBrain { .. } | Finding::Collision { .. } | Finding::DifferentDatabases) => None,
        Some(Finding::NothingAnswers | Finding::NoPrimary | Finding::PrimaryNotSeen { .. } | Finding::ConsoleCutOff { .. }) if !known => {
            None
        }
        Some(Finding::ActiveSiteSilent { side, .. }) => Some(loss_by_failover(lang, &picture.protection, side.other(), names)),
        _ => Some(loss_if_lost(lang, &picture.protection, picture.active, names)),
    };
    said.extend(loss);
    said
}

/// What is the matter, when it is more than a missing stand-in.
fn cause(lang: Locale, finding: &Finding, active: Option<Side>, names: &Names) -> Option<String> {
    if finding.severity() == Severity::Degraded {
        return None;
    }
    let site = |side: Side| names[side].to_string();
    Some(match finding {
        Finding::SplitBrain { .. } => say!(lang, words.cause.split_brain),
        Finding::Collision { parent } => say!(lang, words.cause.collision, parent = parent.to_string()),
        Finding::DifferentDatabases => say!(lang, words.cause.different_databases),
        Finding::ActiveSiteSilent { side, .. } => say!(lang, words.cause.active_site_silent, site = site(*side)),
        Finding::StandbySiteSilent { side, .. } => {
            say!(lang, words.cause.standby_site_silent, site = site(*side), active = site(active.unwrap_or_else(|| side.other())))
        }
        Finding::NothingAnswers => say!(lang, words.cause.nothing_answers),
        Finding::ConsoleCutOff { side, active, witness } if !witness.kind.is_of_working_database() => {
            let (site, sign) = (site(*side), super::witness(lang, witness));
            if *active {
                say!(lang, words.cause.sign_of_life_active, site = site, sign = sign)
            } else {
                say!(lang, words.cause.sign_of_life_standby, site = site, sign = sign)
            }
        }
        Finding::ConsoleCutOff { side, active: true, witness } => {
            say!(lang, words.cause.console_cut_off_active, site = site(*side), sign = super::witness(lang, witness))
        }
        Finding::ConsoleCutOff { side, active: false, witness } => {
            say!(lang, words.cause.console_cut_off_standby, site = site(*side), sign = super::witness(lang, witness))
        }
        Finding::PrimaryNotSeen { unseen } => say!(lang, words.cause.primary_not_seen, nodes = list(lang, unseen)),
        Finding::OtherServerAnswers { node } => say!(lang, words.cause.other_server_answers, node = node.to_string()),
        Finding::NoPrimary => say!(lang, words.cause.no_primary),
        Finding::Partitioned => say!(lang, words.cause.partitioned),
        Finding::ProtectionOff => say!(lang, words.cause.protection_off),
        Finding::LagOverTarget => say!(lang, words.cause.lag_over_target),
        Finding::ReturningSite { side } => say!(lang, words.cause.returning_site, site = site(*side)),
        Finding::HeldSite { side } => say!(lang, words.cause.held_site, site = site(*side)),
        Finding::NoActiveMember { side } => say!(lang, words.cause.no_active_member, site = site(*side)),
        Finding::LinkDown { .. }
        | Finding::NodeDown { .. }
        | Finding::NodeSilent { .. }
        | Finding::ReplayPaused { .. }
        | Finding::MemberDown { .. }
        | Finding::ClusterPaused { .. }
        | Finding::EndpointFails { .. }
        | Finding::EtcdUnhealthy { .. } => return None,
    })
}

/// The figures of a loss: both, or the one that is known.
enum Figures {
    Both(String, String),
    One(String),
    None,
}

fn figures(lang: Locale, protection: &Protection) -> Figures {
    match (protection.loss, protection.loss_bytes) {
        (Some(loss), Some(lost)) => Figures::Both(duration(lang, loss), bytes(lost)),
        (Some(loss), None) => Figures::One(duration(lang, loss)),
        (None, Some(lost)) => Figures::One(bytes(lost)),
        (None, None) => Figures::None,
    }
}

fn loss_if_lost(lang: Locale, protection: &Protection, active: Option<Side>, names: &Names) -> String {
    let site = active.map(|side| names[side].to_string());
    let not_known = |site: Option<String>| match site {
        Some(site) => say!(lang, words.loss.not_known, site = site),
        None => say!(lang, words.loss.not_known_at_all),
    };
    // A zero is what was read, not what is proved.
    let nothing = protection.loss_bytes == Some(ByteLag(0)) && protection.loss.is_none_or(|loss| loss == Millis(0));
    match (protection.bound, figures(lang, protection), site) {
        (Bound::About, _, Some(site)) if nothing => say!(lang, words.loss.about_nothing, site = site),
        (Bound::About, Figures::Both(loss, bytes), Some(site)) => {
            say!(lang, words.loss.about_both, site = site, loss = loss, bytes = bytes)
        }
        (Bound::About, Figures::One(loss), Some(site)) => say!(lang, words.loss.about_one, site = site, loss = loss),
        (Bound::AtLeast, Figures::Both(loss, bytes), Some(site)) => {
            say!(lang, words.loss.at_least_both, site = site, loss = loss, bytes = bytes)
        }
        (Bound::AtLeast, Figures::One(loss), Some(site)) => say!(lang, words.loss.at_least_one, site = site, loss = loss),
        (Bound::Was, figures, site) => was(lang, protection, figures).unwrap_or_else(|| not_known(site)),
        (_, _, site) => not_known(site),
    }
}

fn loss_by_failover(lang: Locale, protection: &Protection, to: Side, names: &Names) -> String {
    let site = names[to].to_string();
    let not_known = |site| say!(lang, words.loss.over_not_known, site = site);
    match (protection.bound, figures(lang, protection)) {
        (Bound::About, Figures::Both(loss, bytes)) => say!(lang, words.loss.over_about_both, site = site, loss = loss, bytes = bytes),
        (Bound::About, Figures::One(loss)) => say!(lang, words.loss.over_about_one, site = site, loss = loss),
        (Bound::AtLeast, Figures::Both(loss, bytes)) => {
            say!(lang, words.loss.over_at_least_both, site = site, loss = loss, bytes = bytes)
        }
        (Bound::AtLeast, Figures::One(loss)) => say!(lang, words.loss.over_at_least_one, site = site, loss = loss),
        (Bound::Was, figures) => was(lang, protection, figures).unwrap_or_else(|| not_known(site)),
        (Bound::NotKnown, _) | (_, Figures::None) => not_known(site),
    }
}

/// What it was when it was last read, if that is known.
fn was(lang: Locale, protection: &Protection, figures: Figures) -> Option<String> {
    let time = date_time(lang, protection.measured_at?);
    match figures {
        Figures::Both(loss, bytes) => Some(say!(lang, words.loss.was_both, loss = loss, bytes = bytes, time = time)),
        Figures::One(loss) => Some(say!(lang, words.loss.was_one, loss = loss, time = time)),
        Figures::None => None,
    }
}
