//! Readiness checks: title, verdict, evidence and remedy; and why a guarded action cannot be taken.

use super::{Locale, Names, bytes, count, duration, figures, list, say, sentences};
use switchback_domain::{Check, CheckKind, Evidence, Objection, ValueOf, Verdict, WitnessKind};

/// One function for one text of every check, so that a new check cannot be forgotten in any of them.
macro_rules! for_each_check {
    ($(#[$doc:meta])* $name:ident, $text:ident) => {
        $(#[$doc])*
        pub fn $name(lang: Locale, kind: CheckKind) -> String {
            match kind {
                CheckKind::OneDatabase => say!(lang, words.check.one_database.$text),
                CheckKind::OnePrimary => say!(lang, words.check.one_primary.$text),
                CheckKind::LeadersKnown => say!(lang, words.check.leaders_known.$text),
                CheckKind::SameTimeline => say!(lang, words.check.same_timeline.$text),
                CheckKind::BackupHears => say!(lang, words.check.backup_hears.$text),
                CheckKind::LossWithinPolicy => say!(lang, words.check.loss_within_policy.$text),
                CheckKind::CrossSiteSlot => say!(lang, words.check.cross_site_slot.$text),
                CheckKind::MirrorInStep => say!(lang, words.check.mirror_in_step.$text),
                CheckKind::BackupMirrorFollows => say!(lang, words.check.backup_mirror_follows.$text),
                CheckKind::ArchiveShips => say!(lang, words.check.archive_ships.$text),
                CheckKind::NotPaused => say!(lang, words.check.not_paused.$text),
                CheckKind::NoPendingRestart => say!(lang, words.check.no_pending_restart.$text),
                CheckKind::NothingScheduled => say!(lang, words.check.nothing_scheduled.$text),
                CheckKind::UniqueNames => say!(lang, words.check.unique_names.$text),
                CheckKind::SameVersion => say!(lang, words.check.same_version.$text),
                CheckKind::SettingsFit => say!(lang, words.check.settings_fit.$text),
                CheckKind::ClocksAgree => say!(lang, words.check.clocks_agree.$text),
                CheckKind::StandbyMembers => say!(lang, words.check.standby_members.$text),
                CheckKind::EtcdHealthy => say!(lang, words.check.etcd_healthy.$text),
                CheckKind::GuardInstalled => say!(lang, words.check.guard_installed.$text),
                CheckKind::DemotesCleanly => say!(lang, words.check.demotes_cleanly.$text),
                CheckKind::RoleRights => say!(lang, words.check.role_rights.$text),
                CheckKind::EndpointsVerified => say!(lang, words.check.endpoints_verified.$text),
                CheckKind::RowsReadable => say!(lang, words.check.rows_readable.$text),
            }
        }
    };
}

for_each_check! {
    /// The condition, as a statement that holds when the check passes.
    title, title
}
for_each_check! {
    /// What is wrong when the check does not pass.
    fails, fails
}
for_each_check! {
    /// What a person can do about it.
    remedy, remedy
}

/// How a check stands, in one word.
pub fn verdict(lang: Locale, verdict: Verdict) -> String {
    match verdict {
        Verdict::Pass => say!(lang, words.verdict.pass),
        Verdict::Warn => say!(lang, words.verdict.warn),
        Verdict::Fail => say!(lang, words.verdict.fail),
        Verdict::Unknown => say!(lang, words.verdict.unknown),
    }
}

/// What the verdict of a check rests on, in one sentence.
pub fn evidence(lang: Locale, check: &Check, names: &Names) -> String {
    let sites = |sides: &[switchback_domain::Side]| list(lang, sides.iter().map(|side| &names[*side]));
    match &check.evidence {
        Evidence::NoReading { endpoints } if check.kind == CheckKind::EndpointsVerified => {
            say!(lang, words.evidence.not_verified_now, endpoints = list(lang, endpoints))
        }
        Evidence::NoReading { endpoints } => say!(lang, words.evidence.no_reading, endpoints = list(lang, endpoints)),
        Evidence::NoSubject => say!(lang, words.evidence.no_subject),
        Evidence::Values { of, found } => {
            let (found, one) = (list(lang, found), found.len() == 1);
            match of {
                ValueOf::SystemIdentifier if one => say!(lang, words.evidence.identifiers_one, found = found),
                ValueOf::SystemIdentifier => say!(lang, words.evidence.identifiers_many, found = found),
                ValueOf::PostgresVersion if one => say!(lang, words.evidence.versions_one, found = found),
                ValueOf::PostgresVersion => say!(lang, words.evidence.versions_many, found = found),
            }
        }
        Evidence::Nodes { nodes } => about_nodes(lang, check.kind, nodes),
        Evidence::Timelines { primary, backup: Some(backup) } => {
            say!(lang, words.evidence.timelines, primary = primary.to_string(), backup = backup.to_string())
        }
        Evidence::Timelines { primary, backup: None } => {
            say!(lang, words.evidence.timelines_no_backup, primary = primary.to_string())
        }
        Evidence::Age { age, limit } => say!(lang, words.evidence.age, age = duration(lang, *age), limit = figures::limit(lang, *limit)),
        Evidence::Bytes { bytes: found, limit } => say!(lang, words.evidence.bytes, bytes = bytes(*found), limit = bytes(*limit)),
        Evidence::Slot { name: None, .. } => say!(lang, words.evidence.slot_none),
        Evidence::Slot { name: Some(name), active, wal_status } => {
            let status = wal_status.clone().unwrap_or_else(|| say!(lang, words.evidence.slot_status_unknown));
            if *active {
                say!(lang, words.evidence.slot_active, name = name.clone(), status = status)
            } else {
                say!(lang, words.evidence.slot_idle, name = name.clone(), status = status)
            }
        }
        Evidence::Replica { node: None, .. } => say!(lang, words.evidence.replica_none),
        Evidence::Replica { node: Some(node), streaming: false, .. } => say!(lang, words.evidence.replica_not, node = node.to_string()),
        // Only a mirror has to confirm commits; of a backup mirror that does not, nothing is missing.
        Evidence::Replica { node: Some(node), .. } if check.kind != CheckKind::MirrorInStep => {
            say!(lang, words.evidence.replica_follows, node = node.to_string())
        }
        Evidence::Replica { node: Some(node), synchronous: true, .. } => say!(lang, words.evidence.replica_sync, node = node.to_string()),
        Evidence::Replica { node: Some(node), .. } => say!(lang, words.evidence.replica_async, node = node.to_string()),
        Evidence::Archive { newest: Some(newest), at: Some(at), failing, .. } => {
            let time = figures::date_time(lang, *at);
            if *failing {
                say!(lang, words.evidence.archive_failing, newest = newest.clone(), time = time)
            } else {
                say!(lang, words.evidence.archive_ok, newest = newest.clone(), time = time)
            }
        }
        Evidence::Archive { failing: true, .. } => say!(lang, words.evidence.archive_failing_never),
        Evidence::Archive { .. } => say!(lang, words.evidence.archive_never),
        Evidence::Sides { sides } => match (check.kind, sides.is_empty()) {
            (CheckKind::NotPaused, true) => say!(lang, words.evidence.paused_empty),
            (CheckKind::NotPaused, false) => say!(lang, words.evidence.paused, sites = sites(sides)),
            (CheckKind::NothingScheduled, true) => say!(lang, words.evidence.scheduled_empty),
            (CheckKind::NothingScheduled, false) => say!(lang, words.evidence.scheduled_sides, sites = sites(sides)),
            (_, true) => say!(lang, words.evidence.sides_empty),
            (_, false) => say!(lang, words.evidence.sides, sites = sites(sides)),
        },
        Evidence::Setting { name, node, standby, primary } => say!(
            lang,
            words.evidence.setting,
            name = name.clone(),
            node = node.to_string(),
            standby = standby.to_string(),
            primary = primary.to_string()
        ),
        Evidence::SettingsEqual => say!(lang, words.evidence.settings_equal),
        Evidence::Members { up, wanted } if up.is_empty() => say!(lang, words.evidence.members_none, wanted = wanted.to_string()),
        Evidence::Members { up, wanted } => {
            say!(lang, words.evidence.members, up = up.len().to_string(), wanted = wanted.to_string(), names = list(lang, up))
        }
        Evidence::Endpoints { endpoints } => match (check.kind, endpoints.is_empty()) {
            (CheckKind::EtcdHealthy, true) => say!(lang, words.evidence.etcd_empty),
            (CheckKind::EtcdHealthy, false) => say!(lang, words.evidence.etcd, endpoints = list(lang, endpoints)),
            (CheckKind::EndpointsVerified, true) => say!(lang, words.evidence.verified),
            (CheckKind::EndpointsVerified, false) => say!(lang, words.evidence.unverified, endpoints = list(lang, endpoints)),
            (_, true) => say!(lang, words.evidence.endpoints_empty),
            (_, false) => say!(lang, words.evidence.endpoints, endpoints = list(lang, endpoints)),
        },
        Evidence::NotYet => say!(lang, words.evidence.not_yet),
        Evidence::Unreadable { databases, tables, first } => unreadable(lang, databases, *tables, first),
        Evidence::Guards { pre_promote_missing, proxy_missing } => match (pre_promote_missing.is_empty(), proxy_missing.is_empty()) {
            (true, true) => say!(lang, words.evidence.guards_ok),
            (false, true) => say!(lang, words.evidence.guards_pre_promote, sites = sites(pre_promote_missing)),
            (true, false) => say!(lang, words.evidence.guards_proxy, sites = sites(proxy_missing)),
            (false, false) => {
                say!(lang, words.evidence.guards_both, sites = sites(pre_promote_missing), proxy_sites = sites(proxy_missing))
            }
        },
        Evidence::OldPatroni { members } if members.is_empty() => say!(lang, words.evidence.patroni_new),
        Evidence::OldPatroni { members } => say!(lang, words.evidence.patroni_old, members = versions(lang, members)),
        Evidence::Rights { excess, no_histories } => rights(lang, excess, *no_histories),
    }
}

/// Rights of the console's role beyond what it needs, and what it needs and does not have.
fn rights(lang: Locale, excess: &[String], no_histories: bool) -> String {
    let beyond = (!excess.is_empty()).then(|| say!(lang, words.evidence.rights_excess, rights = list(lang, excess)));
    let missing = no_histories.then(|| say!(lang, words.evidence.rights_missing));
    let said: Vec<String> = [beyond, missing].into_iter().flatten().collect();
    if said.is_empty() { say!(lang, words.evidence.rights_ok) } else { sentences(lang, &said) }
}

/// What could not be saved if the site were lost, because the console may not read it.
fn unreadable(lang: Locale, databases: &[String], tables: u64, first: &[String]) -> String {
    let closed = (!databases.is_empty()).then(|| say!(lang, words.evidence.unreadable_databases, databases = list(lang, databases)));
    let hidden = (tables > 0).then(|| say!(lang, words.evidence.unreadable_tables, n = count(tables), first = list(lang, first)));
    let said: Vec<String> = [closed, hidden].into_iter().flatten().collect();
    if said.is_empty() { say!(lang, words.evidence.readable) } else { sentences(lang, &said) }
}

/// Members of a cluster, each with the version of its Patroni.
pub fn versions(lang: Locale, members: &[(switchback_domain::NodeName, String)]) -> String {
    list(lang, members.iter().map(|(node, version)| format!("{node} ({version})")))
}

fn about_nodes(lang: Locale, kind: CheckKind, nodes: &[switchback_domain::NodeName]) -> String {
    let named = || list(lang, nodes);
    match (kind, nodes.is_empty()) {
        (CheckKind::OnePrimary, true) => say!(lang, words.evidence.primaries_empty),
        (CheckKind::OnePrimary, false) => say!(lang, words.evidence.primaries, nodes = named()),
        (CheckKind::LeadersKnown, true) => say!(lang, words.evidence.leaders_empty),
        (CheckKind::LeadersKnown, false) => say!(lang, words.evidence.leaders, nodes = named()),
        (CheckKind::NoPendingRestart, true) => say!(lang, words.evidence.waiting_empty),
        (CheckKind::NoPendingRestart, false) => say!(lang, words.evidence.waiting, nodes = named()),
        (CheckKind::NothingScheduled, true) => say!(lang, words.evidence.scheduled_empty),
        (CheckKind::NothingScheduled, false) => say!(lang, words.evidence.scheduled, nodes = named()),
        (CheckKind::UniqueNames, true) => say!(lang, words.evidence.names_empty),
        (CheckKind::UniqueNames, false) => say!(lang, words.evidence.names, nodes = named()),
        (_, true) => say!(lang, words.evidence.nodes_empty),
        (_, false) => say!(lang, words.evidence.nodes, nodes = named()),
    }
}

/// Why a guarded action cannot be taken now: what is wrong, then what would open it.
pub fn objection(lang: Locale, objection: &Objection, names: &Names) -> String {
    let site = |side| names[side].to_string();
    match objection {
        Objection::SplitBrain => say!(lang, words.objection.split_brain),
        Objection::Collision => say!(lang, words.objection.collision),
        Objection::ActiveSiteUnknown => say!(lang, words.objection.active_site_unknown),
        Objection::CheckFails { check, verdict: Verdict::Unknown } => {
            say!(lang, words.objection.check_unknown, check = title(lang, *check))
        }
        Objection::CheckFails { check, .. } => sentences(lang, &[fails(lang, *check), remedy(lang, *check)]),
        Objection::PatroniTooOld { node, version } => {
            say!(lang, words.objection.patroni_too_old, node = node.to_string(), version = version.clone())
        }
        Objection::TargetSilent { side } => say!(lang, words.objection.target_silent, site = site(*side)),
        Objection::NothingToPromote { side } => say!(lang, words.objection.nothing_to_promote, site = site(*side)),
        Objection::ActiveSiteAnswers { side } => say!(lang, words.objection.active_site_answers, site = site(*side)),
        Objection::SeenAlive { side, witnesses, out_of_sight } => {
            let signs = super::list(lang, witnesses.iter().map(|witness| super::witness(lang, witness)));
            let database_works = witnesses.iter().any(|witness| witness.kind.is_of_working_database());
            let patroni_works = witnesses.iter().any(|witness| witness.kind == WitnessKind::LeaderKey);
            match (database_works, out_of_sight) {
                (true, true) => say!(lang, words.objection.seen_alive, site = site(*side), signs = signs),
                (true, false) => say!(lang, words.objection.seen_alive_in_part, site = site(*side), signs = signs),
                (false, _) if patroni_works => say!(lang, words.objection.seen_alive_patroni, site = site(*side), signs = signs),
                (false, _) => say!(lang, words.objection.seen_alive_server, site = site(*side), signs = signs),
            }
        }
        Objection::OtherMayElect { side } => say!(lang, words.objection.other_may_elect, site = site(*side)),
        Objection::OtherIsFurther { side, bytes: Some(bytes) } => {
            say!(lang, words.objection.other_is_further, site = site(*side), bytes = super::bytes(*bytes))
        }
        Objection::OtherIsFurther { side, bytes: None } => say!(lang, words.objection.other_is_later, site = site(*side)),
        Objection::AlreadyHome { side } => say!(lang, words.objection.already_home, site = site(*side)),
        Objection::HomeDoesNotFollow { side } => say!(lang, words.objection.home_does_not_follow, site = site(*side)),
    }
}
