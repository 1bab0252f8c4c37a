//! What there is.

use super::{
    Client, End, Failure, Out, Outcome,
    print::told,
    words::{self, Sites, word},
};
use switchback_domain::{
    Check, Pair, Picture, PoolId, Summary, Verdict,
    operation::{IntentKind, OperationSummary},
};

/// A pool at this instant.
pub(super) async fn picture(client: &Client, pool: &PoolId) -> Result<Picture, Failure> {
    Ok(client.get(&format!("/pools/{pool}")).await?.0)
}

/// The names of the sites of a pool.
pub(super) fn sites(picture: &Picture) -> Sites {
    Pair::of(|side| picture.sites[side].id.to_string())
}

pub(super) async fn all(client: &Client, out: &Out) -> Outcome {
    let (summaries, value) = client.get::<Vec<Summary>>("/pools").await?;
    out.tell(&value);
    let rows: Vec<[String; 6]> = summaries
        .iter()
        .map(|pool| {
            [
                pool.pool.to_string(),
                pool.active.map_or_else(|| "?".to_owned(), |side| pool.sites[side].0.to_string()),
                word(&pool.protection.state),
                words::loss(&pool.protection),
                pool.worst.as_ref().map_or_else(|| "-".to_owned(), |worst| format!("{} ({})", word(worst), pool.findings)),
                pool.operation.as_ref().map_or_else(|| "-".to_owned(), |operation| format!("{} {}", operation.id, kind(operation))),
            ]
        })
        .collect();
    out.table(["POOL", "ACTIVE", "PROTECTION", "WOULD BE LOST", "FINDINGS", "OPERATION"], &rows);
    Ok(End::Done)
}

fn kind(operation: &OperationSummary) -> &'static str {
    operation.kind.map_or("unknown", IntentKind::as_code)
}

pub(super) async fn show(client: &Client, out: &Out, pool: &PoolId) -> Outcome {
    let (picture, value) = client.get::<Picture>(&format!("/pools/{pool}")).await?;
    out.tell(&value);
    let sites = sites(&picture);
    out.say(format_args!("{}: {}", picture.pool, picture.title));
    let active = picture.active.map_or("not known", |side| sites[side].as_str());
    out.say(format_args!("Active: {active}. Home: {}. Epoch {}.", sites[picture.home], picture.pool_state.epoch));
    out.say(format_args!("Protection: {}; would be lost: {}.", word(&picture.protection.state), words::loss(&picture.protection)));
    if let Some(operation) = &picture.pool_state.operation {
        out.say(format_args!("{} {}: {}.", operation.id, kind(operation), word(&operation.stage).replace('_', " ")));
        if let Some(entry) = operation.unreadable {
            out.say(words::unreadable(operation.id, entry));
        }
    }
    for fence in &picture.pool_state.fences {
        out.say(words::fence(fence, &sites));
    }
    for finding in &picture.findings {
        out.say(format_args!("{}: {}", word(&finding.severity()), told(&serde_json::to_value(finding).unwrap_or_default())));
    }
    out.say("");
    let mut rows = Vec::new();
    for (_, site) in picture.sites.iter() {
        for node in &site.nodes {
            let timeline = node.timeline.map_or_else(|| "-".to_owned(), |timeline| timeline.to_string());
            let position = node.position.map_or_else(|| "-".to_owned(), |position| position.to_string());
            let known = word(&node.knowledge);
            rows.push([
                site.id.to_string(),
                word(&site.role),
                node.name.to_string(),
                word(&node.role),
                word(&node.state),
                timeline,
                position,
                known,
            ]);
        }
    }
    out.table(["SITE", "PART", "NODE", "ROLE", "STATE", "TIMELINE", "POSITION", "READING"], &rows);
    out.say("");
    let members = picture.sites.iter().flat_map(|(_, site)| site.members.iter().map(move |member| (site, member)));
    let rows: Vec<[String; 4]> = members
        .map(|(site, member)| [site.id.to_string(), member.name.to_string(), word(&member.state), member.sessions.to_string()])
        .collect();
    out.table(["SITE", "MEMBER", "STATE", "SESSIONS"], &rows);
    Ok(End::Done)
}

pub(super) async fn check(client: &Client, out: &Out, pool: &PoolId) -> Outcome {
    let (checks, value) = client.get::<Vec<Check>>(&format!("/pools/{pool}/checks")).await?;
    out.tell(&value);
    let rows: Vec<[String; 3]> = checks
        .iter()
        .map(|check| [word(&check.verdict), word(&check.kind), told(&serde_json::to_value(&check.evidence).unwrap_or_default())])
        .collect();
    out.table(["VERDICT", "CHECK", "EVIDENCE"], &rows);
    let stands = checks.iter().any(|check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown));
    Ok(if stands { End::Refused } else { End::Done })
}
