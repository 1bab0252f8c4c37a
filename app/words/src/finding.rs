//! What is the matter with a pool.

use super::{Locale, Names, failure, figures::date_time, list, say};
use switchback_domain::{Finding, LinkKind, Severity};

/// The finding in one or two sentences.
pub fn finding(lang: Locale, finding: &Finding, names: &Names) -> String {
    let site = |side| names[side].to_string();
    match finding {
        Finding::SplitBrain { nodes } => say!(lang, words.finding.split_brain, nodes = list(lang, nodes)),
        Finding::Collision { parent } => say!(lang, words.finding.collision, parent = parent.to_string()),
        Finding::DifferentDatabases => say!(lang, words.finding.different_databases),
        Finding::ActiveSiteSilent { side, heard_at: None } => say!(lang, words.finding.active_site_silent, site = site(*side)),
        Finding::ActiveSiteSilent { side, heard_at: Some(at) } => {
            say!(lang, words.finding.active_site_silent_since, site = site(*side), time = date_time(lang, *at))
        }
        Finding::StandbySiteSilent { side, heard_at: None } => say!(lang, words.finding.standby_site_silent, site = site(*side)),
        Finding::StandbySiteSilent { side, heard_at: Some(at) } => {
            say!(lang, words.finding.standby_site_silent_since, site = site(*side), time = date_time(lang, *at))
        }
        Finding::NothingAnswers => say!(lang, words.finding.nothing_answers),
        Finding::ConsoleCutOff { side, active, witness } if !witness.kind.is_of_working_database() => {
            let (site, sign) = (site(*side), super::witness(lang, witness));
            if *active {
                say!(lang, words.finding.sign_of_life_active, site = site, sign = sign)
            } else {
                say!(lang, words.finding.sign_of_life_standby, site = site, sign = sign)
            }
        }
        Finding::ConsoleCutOff { side, active: true, witness } => {
            say!(lang, words.finding.console_cut_off_active, site = site(*side), sign = super::witness(lang, witness))
        }
        Finding::ConsoleCutOff { side, active: false, witness } => {
            say!(lang, words.finding.console_cut_off_standby, site = site(*side), sign = super::witness(lang, witness))
        }
        Finding::PrimaryNotSeen { unseen } => say!(lang, words.finding.primary_not_seen, nodes = list(lang, unseen)),
        Finding::OtherServerAnswers { node } => say!(lang, words.finding.other_server_answers, node = node.to_string()),
        Finding::NoPrimary => say!(lang, words.finding.no_primary),
        Finding::Partitioned => say!(lang, words.finding.partitioned),
        Finding::ReturningSite { side } => say!(lang, words.finding.returning_site, site = site(*side)),
        Finding::HeldSite { side } => say!(lang, words.finding.held_site, site = site(*side)),
        Finding::ProtectionOff => say!(lang, words.finding.protection_off),
        Finding::LinkDown { kind, to: None } => match kind {
            LinkKind::Mirror => say!(lang, words.finding.link_down_mirror),
            LinkKind::CrossSite => say!(lang, words.finding.link_down_cross_site),
            LinkKind::Cascade => say!(lang, words.finding.link_down_cascade),
            LinkKind::Archive => say!(lang, words.finding.link_down_archive),
        },
        Finding::LinkDown { kind, to: Some(node) } => match kind {
            LinkKind::Mirror => say!(lang, words.finding.link_down_to_mirror, node = node.to_string()),
            LinkKind::CrossSite => say!(lang, words.finding.link_down_to_cross_site, node = node.to_string()),
            LinkKind::Cascade => say!(lang, words.finding.link_down_to_cascade, node = node.to_string()),
            LinkKind::Archive => say!(lang, words.finding.link_down_to_archive, node = node.to_string()),
        },
        Finding::LagOverTarget => say!(lang, words.finding.lag_over_target),
        Finding::NodeDown { node } => say!(lang, words.finding.node_down, node = node.to_string()),
        Finding::NodeSilent { node, cause, since } => {
            say!(lang, words.finding.node_silent, node = node.to_string(), time = date_time(lang, *since), cause = failure(lang, cause))
        }
        Finding::ReplayPaused { node } => say!(lang, words.finding.replay_paused, node = node.to_string()),
        Finding::MemberDown { member, side } => {
            say!(lang, words.finding.member_down, member = member.to_string(), site = site(*side))
        }
        Finding::NoActiveMember { side } => say!(lang, words.finding.no_active_member, site = site(*side)),
        Finding::ClusterPaused { side } => say!(lang, words.finding.cluster_paused, site = site(*side)),
        Finding::EndpointFails { endpoint, side, cause, since } => say!(
            lang,
            words.finding.endpoint_fails,
            endpoint = endpoint.to_string(),
            site = site(*side),
            time = date_time(lang, *since),
            cause = failure(lang, cause)
        ),
        Finding::EtcdUnhealthy { endpoint } => say!(lang, words.finding.etcd_unhealthy, endpoint = endpoint.to_string()),
    }
}

/// How bad something is, in one word.
pub fn severity(lang: Locale, severity: Severity) -> String {
    match severity {
        Severity::Degraded => say!(lang, words.severity.degraded),
        Severity::AtRisk => say!(lang, words.severity.at_risk),
        Severity::Serious => say!(lang, words.severity.serious),
        Severity::Critical => say!(lang, words.severity.critical),
    }
}
