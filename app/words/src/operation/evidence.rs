//! What steps saw, each in a sentence or two.

use super::lost;
use crate::{Locale, Names, bytes, clock_time, count, duration, failure, figures, say, sentences};
use switchback_domain::{
    ByteLag, EndpointName,
    operation::{MemberOrder, OrderFailure, OrderKind, StepEvidence},
};

/// The fact.
#[expect(clippy::too_many_lines, reason = "a sentence for each of them")]
pub fn fact(lang: Locale, fact: &StepEvidence, names: &Names) -> String {
    match fact {
        StepEvidence::Leader { side, node, timeline: None } => {
            say!(lang, operations.fact.leader, node = node.to_string(), site = names[*side].to_string())
        }
        StepEvidence::Leader { side, node, timeline: Some(timeline) } => {
            say!(lang, operations.fact.leader_on, node = node.to_string(), site = names[*side].to_string(), timeline = timeline.to_string())
        }
        StepEvidence::Written { node, at } => say!(lang, operations.fact.written, node = node.to_string(), lsn = at.to_string()),
        StepEvidence::Marker { node } => say!(lang, operations.fact.marker, node = node.to_string()),
        StepEvidence::Checkpoint { node, took } => {
            say!(lang, operations.fact.checkpoint, node = node.to_string(), took = figures::wait(lang, *took))
        }
        StepEvidence::Stored { side, node, follows, already } => {
            let (node, site) = (node.to_string(), names[*side].to_string());
            match (follows, already) {
                (true, false) => say!(lang, operations.fact.follows_now, node = node, site = site),
                (true, true) => say!(lang, operations.fact.follows_already, node = node, site = site),
                (false, false) => say!(lang, operations.fact.leads_now, node = node, site = site),
                (false, true) => say!(lang, operations.fact.leads_already, node = node, site = site),
            }
        }
        StepEvidence::ShutdownReplayed { node, record, end, timeline } => say!(
            lang,
            operations.fact.replayed,
            node = node.to_string(),
            record = record.to_string(),
            end = end.to_string(),
            timeline = timeline.to_string()
        ),
        StepEvidence::NoLongerPrimary { node, said } => {
            say!(lang, operations.fact.no_longer_primary, node = node.to_string(), said = said.clone())
        }
        StepEvidence::Answer { endpoint, failure: None } => say!(lang, operations.fact.answers, endpoint = endpoint.to_string()),
        StepEvidence::Answer { endpoint, failure: Some(cause) } => {
            say!(lang, operations.fact.answers_not, endpoint = endpoint.to_string(), cause = failure(lang, cause))
        }
        StepEvidence::ExpectedLoss { bytes: amount, time, age } => {
            let figures = (time.map(|time| duration(lang, time)), amount.map(bytes));
            let loss = match figures {
                (Some(loss), Some(bytes)) => say!(lang, operations.fact.loss_both, loss = loss, bytes = bytes),
                (Some(loss), None) | (None, Some(loss)) => say!(lang, operations.fact.loss_one, loss = loss),
                (None, None) => say!(lang, operations.fact.loss_unknown),
            };
            let age = age.map(|age| say!(lang, operations.fact.loss_age, age = figures::age(lang, age)));
            sentences(lang, &[Some(loss), age].into_iter().flatten().collect::<Vec<_>>())
        }
        StepEvidence::Fenced { endpoint } => say!(lang, operations.fact.fenced, endpoint = endpoint.to_string()),
        StepEvidence::OrderFailed { endpoint, order, answer } => order_failed(lang, endpoint, *order, answer),
        StepEvidence::FencerTold { answer } => match &answer.failure {
            Some(failure) => order_failed(lang, &answer.endpoint, answer.order, failure),
            None => {
                say!(lang, operations.fact.fencer_confirmed, endpoint = answer.endpoint.to_string(), time = clock_time(lang, answer.at))
            }
        },
        StepEvidence::NoOrderTaken => say!(lang, operations.fact.no_order_taken),
        StepEvidence::Attested { by, how } => say!(lang, operations.fact.attested, by = by.to_string(), how = how.clone()),
        StepEvidence::Rest { node, received: None, replayed } => {
            say!(lang, operations.fact.rest, node = node.to_string(), replayed = replayed.to_string())
        }
        StepEvidence::Rest { node, received: Some(received), replayed } => say!(
            lang,
            operations.fact.rest_received,
            node = node.to_string(),
            received = received.to_string(),
            replayed = replayed.to_string()
        ),
        StepEvidence::LastHeartbeat { node, at } => {
            say!(lang, operations.fact.heartbeat, node = node.to_string(), time = figures::date_time(lang, *at))
        }
        StepEvidence::LastConfirmed { side, at, failing_since, gone_since } => {
            let confirmed = say!(lang, operations.fact.confirmed, site = names[*side].to_string(), time = figures::date_time(lang, *at));
            let then = match (gone_since, failing_since) {
                (Some(gone), _) => Some(say!(lang, operations.fact.confirmed_gone, time = clock_time(lang, *gone))),
                (None, Some(since)) => Some(say!(lang, operations.fact.confirmed_silent, time = clock_time(lang, *since))),
                (None, None) => None,
            };
            sentences(lang, &[Some(confirmed), then].into_iter().flatten().collect::<Vec<_>>())
        }
        StepEvidence::Witnessed { side, witness } => say!(
            lang,
            operations.fact.witnessed,
            site = names[*side].to_string(),
            time = clock_time(lang, witness.at),
            sign = crate::witness(lang, witness)
        ),
        StepEvidence::ClientsWaited { outage } => {
            let from = clock_time(lang, outage.last_write_at);
            match outage.first_write_at {
                Some(until) => {
                    let length = super::outage(lang, outage, until);
                    say!(lang, operations.fact.waited, outage = length, from = from, to = clock_time(lang, until))
                }
                None => say!(lang, operations.fact.waiting, from = from),
            }
        }
        StepEvidence::Promoted { node, from, to, at } => {
            let became = match from {
                Some(from) => {
                    say!(lang, operations.fact.promoted_from, node = node.to_string(), from = from.to_string(), to = to.to_string())
                }
                None => say!(lang, operations.fact.promoted, node = node.to_string(), to = to.to_string()),
            };
            let at = at.map(|at| say!(lang, operations.fact.promoted_at, lsn = at.to_string()));
            sentences(lang, &[Some(became), at].into_iter().flatten().collect::<Vec<_>>())
        }
        StepEvidence::RowsFound { acknowledged, found } if found >= acknowledged => {
            say!(lang, operations.fact.rows_all, n = count(*acknowledged))
        }
        StepEvidence::RowsFound { acknowledged, found } => {
            say!(lang, operations.fact.rows_some, found = count(*found), n = count(*acknowledged))
        }
        StepEvidence::MemberWas { member, order } => {
            let member = member.to_string();
            match order {
                MemberOrder::Ready => say!(lang, operations.fact.member_was_ready, member = member),
                MemberOrder::Drain => say!(lang, operations.fact.member_was_drain, member = member),
                MemberOrder::Maintenance => say!(lang, operations.fact.member_was_maintenance, member = member),
            }
        }
        StepEvidence::Member { member, order, sessions } => {
            let (member, sessions) = (member.to_string(), count(u64::from(*sessions)));
            match order {
                MemberOrder::Ready => say!(lang, operations.fact.member_ready, member = member, sessions = sessions),
                MemberOrder::Drain => say!(lang, operations.fact.member_drain, member = member, sessions = sessions),
                MemberOrder::Maintenance => say!(lang, operations.fact.member_maintenance, member = member, sessions = sessions),
            }
        }
        StepEvidence::Follows { node, timeline, replayed } => {
            say!(lang, operations.fact.node_follows, node = node.to_string(), timeline = timeline.to_string(), lsn = replayed.to_string())
        }
        StepEvidence::Mirror { node } => say!(lang, operations.fact.mirror, node = node.to_string()),
        StepEvidence::FollowedBefore { side } => say!(lang, operations.fact.followed_before, site = names[*side].to_string()),
        StepEvidence::Silent { node } => say!(lang, operations.fact.silent, node = node.to_string()),
        StepEvidence::Collided { side, timeline, active_left_at, returning_left_at } => say!(
            lang,
            operations.fact.collided,
            site = names[*side].to_string(),
            timeline = timeline.to_string(),
            active = active_left_at.to_string(),
            returning = returning_left_at.to_string()
        ),
        StepEvidence::HistoriesAgree { timeline: None } => say!(lang, operations.fact.histories),
        StepEvidence::HistoriesAgree { timeline: Some(timeline) } => {
            say!(lang, operations.fact.histories_on, timeline = timeline.to_string())
        }
        StepEvidence::Diverged { side, node, timeline, fork, end, rows } => {
            let beyond = say!(
                lang,
                operations.fact.diverged,
                node = node.to_string(),
                site = names[side.other()].to_string(),
                timeline = timeline.to_string(),
                fork = fork.to_string(),
                end = end.to_string(),
                bytes = bytes(end.bytes_ahead_of(*fork))
            );
            let rows = rows.map(|rows| say!(lang, operations.fact.diverged_rows, n = count(rows)));
            sentences(lang, &[Some(beyond), rows].into_iter().flatten().collect::<Vec<_>>())
        }
        StepEvidence::LostWrites { node, timeline, fork, writes, .. } => {
            let (node, timeline, fork) = (node.to_string(), timeline.to_string(), fork.to_string());
            if writes.is_nothing() {
                return say!(lang, operations.fact.lost_nothing, node = node, timeline = timeline, fork = fork);
            }
            let figure = lost::figure(lang, writes);
            let whole = say!(lang, operations.fact.lost_writes, node = node, timeline = timeline, fork = fork, figure = figure);
            sentences(lang, &[Some(whole), lost::tables(lang, writes)].into_iter().flatten().collect::<Vec<_>>())
        }
        StepEvidence::DataDirectory { node, path } => {
            say!(lang, operations.fact.data_directory, node = node.to_string(), path = path.clone())
        }
        StepEvidence::Saved { node, name, rows, bytes: size, tables, left_out } => {
            let saved = say!(
                lang,
                operations.fact.saved,
                node = node.to_string(),
                rows = count(*rows),
                tables = count(*tables),
                name = name.clone(),
                size = bytes(ByteLag(*size))
            );
            let left_out = (*left_out > 0).then(|| say!(lang, operations.fact.saved_left_out, n = count(*left_out)));
            sentences(lang, &[Some(saved), left_out].into_iter().flatten().collect::<Vec<_>>())
        }
        StepEvidence::NothingToSave { side } => {
            say!(lang, operations.fact.nothing_to_save, site = names[*side].to_string(), other = names[side.other()].to_string())
        }
        StepEvidence::Elected { node } => say!(lang, operations.fact.elected, node = node.to_string()),
        StepEvidence::Rehearsed => say!(lang, operations.fact.rehearsed),
        StepEvidence::TakenUpAgain => say!(lang, operations.fact.taken_up),
    }
}

fn order_failed(lang: Locale, endpoint: &EndpointName, order: OrderKind, answer: &OrderFailure) -> String {
    let order = match order {
        OrderKind::Lead => say!(lang, operations.order.lead),
        OrderKind::Follow => say!(lang, operations.order.follow),
        OrderKind::Hold => say!(lang, operations.order.hold),
        OrderKind::CloseMembers => say!(lang, operations.order.close_members),
        OrderKind::SwitchInSite => say!(lang, operations.order.switch_in_site),
        OrderKind::TellMember => say!(lang, operations.order.tell_member),
    };
    let endpoint = endpoint.to_string();
    match answer {
        OrderFailure::Refused { said } => {
            say!(lang, operations.order.refused, endpoint = endpoint, order = order, said = said.clone())
        }
        OrderFailure::NotSent { failure: cause } => {
            say!(lang, operations.order.not_sent, endpoint = endpoint, order = order, cause = failure(lang, cause))
        }
        OrderFailure::Unanswered { failure: cause } => {
            say!(lang, operations.order.unanswered, endpoint = endpoint, order = order, cause = failure(lang, cause))
        }
    }
}
