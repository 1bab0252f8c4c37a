//! Why steps do not succeed, and what to do about it.

use crate::{Locale, Names, count, duration, failure, finding, list, readiness, say, sentences};
use switchback_domain::{
    Verdict,
    operation::{Missing, StepFailure},
};

/// What happened.
pub fn trouble(lang: Locale, trouble: &StepFailure, names: &Names) -> String {
    match trouble {
        StepFailure::SituationChanged { checks, findings } => {
            let mut all = vec![say!(lang, operations.trouble.situation_changed)];
            all.extend(checks.iter().map(|(check, verdict)| match verdict {
                Verdict::Unknown => say!(lang, words.objection.check_unknown, check = readiness::title(lang, *check)),
                Verdict::Pass | Verdict::Warn | Verdict::Fail => readiness::fails(lang, *check),
            }));
            all.extend(findings.iter().map(|found| finding(lang, found, names)));
            sentences(lang, &all)
        }
        StepFailure::OtherEpoch => say!(lang, operations.trouble.other_epoch),
        StepFailure::PatroniTooOld { members } => {
            say!(lang, operations.trouble.patroni_too_old, members = readiness::versions(lang, members))
        }
        StepFailure::NoLeader { side } => say!(lang, operations.trouble.no_leader, site = names[*side].to_string()),
        StepFailure::Endpoint { endpoint, failure: cause } => {
            say!(lang, operations.trouble.endpoint, endpoint = endpoint.to_string(), cause = failure(lang, cause))
        }
        StepFailure::Refused { endpoint, said } => {
            say!(lang, operations.trouble.refused, endpoint = endpoint.to_string(), said = said.clone())
        }
        StepFailure::TooLate { after, missing } => {
            let waited = say!(lang, operations.trouble.too_late, after = duration(lang, *after));
            sentences(lang, &[waited, self::missing(lang, missing)])
        }
        StepFailure::NotFenced { side, unreached, within } => {
            let (site, endpoints) = (names[*side].to_string(), list(lang, unreached));
            match within {
                Some(within) => {
                    say!(lang, operations.trouble.not_fenced_within, site = site, endpoints = endpoints, within = duration(lang, *within))
                }
                None => say!(lang, operations.trouble.not_fenced, site = site, endpoints = endpoints),
            }
        }
        StepFailure::SeenAlive { side, witnesses } => {
            let signs = list(lang, witnesses.iter().map(|witness| crate::witness(lang, witness)));
            say!(lang, operations.trouble.seen_alive, site = names[*side].to_string(), signs = signs)
        }
        StepFailure::StillWrites { nodes } => say!(lang, operations.trouble.still_writes, nodes = list(lang, nodes)),
        StepFailure::SplitBrain => say!(lang, operations.trouble.split_brain),
        StepFailure::Collision { timeline, active_left_at, returning_left_at } => say!(
            lang,
            operations.trouble.collision,
            timeline = timeline.to_string(),
            active = active_left_at.to_string(),
            returning = returning_left_at.to_string()
        ),
        StepFailure::NotSaved { side, what, .. } => {
            let each: Vec<String> = what.iter().map(|one| super::lost::not_saved(lang, one)).collect();
            say!(lang, operations.trouble.not_saved, site = names[*side].to_string(), what = sentences(lang, &each))
        }
        StepFailure::TimelinesGivenUp { side, timelines } => {
            say!(lang, operations.trouble.given_up, site = names[*side].to_string(), timelines = list(lang, timelines))
        }
        StepFailure::RowsMissing { acknowledged, found } => {
            say!(lang, operations.trouble.rows_missing, found = count(*found), n = count(*acknowledged))
        }
        StepFailure::Interrupted => say!(lang, operations.trouble.interrupted),
        StepFailure::StoreUnwritable => say!(lang, operations.trouble.store),
        StepFailure::Internal { incident } => say!(lang, operations.trouble.internal, incident = incident.clone()),
    }
}

/// The trouble, without the list of what could not be saved: that stands elsewhere.
pub fn brief(lang: Locale, trouble: &StepFailure, names: &Names) -> String {
    match trouble {
        StepFailure::NotSaved { side, .. } => {
            say!(lang, operations.trouble.not_saved, site = names[*side].to_string(), what = String::new()).trim_end().to_owned()
        }
        other => self::trouble(lang, other, names),
    }
}

/// What was still missing when a deadline passed.
pub fn missing(lang: Locale, missing: &Missing) -> String {
    match missing {
        Missing::Answer => say!(lang, operations.missing.answer),
        Missing::ShutdownCheckpoint { last_record: Some(record) } => say!(lang, operations.missing.shutdown, record = record.clone()),
        Missing::ShutdownCheckpoint { last_record: None } => say!(lang, operations.missing.shutdown_none),
        Missing::Replay => say!(lang, operations.missing.replay),
        Missing::OldPrimaryGone => say!(lang, operations.missing.old_primary),
        Missing::Primary => say!(lang, operations.missing.primary),
        Missing::Write => say!(lang, operations.missing.write),
        Missing::Nodes { nodes } => say!(lang, operations.missing.nodes, nodes = list(lang, nodes)),
        Missing::Mirror => say!(lang, operations.missing.mirror),
        Missing::Members { members } => say!(lang, operations.missing.members, members = list(lang, members)),
    }
}

/// What a person can do about it.
pub fn remedy(lang: Locale, trouble: &StepFailure, names: &Names) -> String {
    match trouble {
        StepFailure::SituationChanged { .. } => say!(lang, operations.remedy.situation_changed),
        StepFailure::OtherEpoch => say!(lang, operations.remedy.other_epoch),
        StepFailure::PatroniTooOld { .. } => say!(lang, operations.remedy.patroni_too_old),
        StepFailure::NoLeader { .. } => say!(lang, operations.remedy.no_leader),
        StepFailure::Endpoint { .. } => say!(lang, operations.remedy.endpoint),
        StepFailure::Refused { .. } => say!(lang, operations.remedy.refused),
        StepFailure::TooLate { missing, .. } => match missing {
            Missing::Answer => say!(lang, operations.missing_remedy.answer),
            Missing::ShutdownCheckpoint { .. } => say!(lang, operations.missing_remedy.shutdown),
            Missing::Replay => say!(lang, operations.missing_remedy.replay),
            Missing::OldPrimaryGone => say!(lang, operations.missing_remedy.old_primary),
            Missing::Primary => say!(lang, operations.missing_remedy.primary),
            Missing::Write => say!(lang, operations.missing_remedy.write),
            Missing::Nodes { .. } => say!(lang, operations.missing_remedy.nodes),
            Missing::Mirror => say!(lang, operations.missing_remedy.mirror),
            Missing::Members { .. } => say!(lang, operations.missing_remedy.members),
        },
        StepFailure::NotFenced { .. } => say!(lang, operations.remedy.not_fenced),
        StepFailure::SeenAlive { .. } => say!(lang, operations.remedy.seen_alive),
        StepFailure::StillWrites { .. } => say!(lang, operations.remedy.still_writes),
        StepFailure::SplitBrain => say!(lang, operations.remedy.split_brain),
        StepFailure::Collision { .. } => say!(lang, operations.remedy.collision),
        StepFailure::NotSaved { side, .. } => say!(lang, operations.remedy.not_saved, site = names[*side].to_string()),
        StepFailure::TimelinesGivenUp { .. } => say!(lang, operations.remedy.given_up),
        StepFailure::RowsMissing { .. } => say!(lang, operations.remedy.rows_missing),
        StepFailure::Interrupted => say!(lang, operations.remedy.interrupted),
        StepFailure::StoreUnwritable => say!(lang, operations.remedy.store),
        StepFailure::Internal { .. } => say!(lang, operations.remedy.internal),
    }
}
