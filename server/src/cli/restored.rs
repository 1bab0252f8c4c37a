//! A restored store: what it says beside what the engines say, and its confirmation.

use super::{Client, End, Out, Outcome, words::word};
use switchback_domain::{Confirmation, PoolId, RestoredPool};

pub(super) async fn show(client: &Client, out: &Out, pool: &PoolId) -> Outcome {
    let (beside, value) = client.get::<Option<RestoredPool>>(&format!("/pools/{pool}/restored")).await?;
    out.tell(&value);
    let Some(beside) = beside else {
        out.say(format_args!("There is nothing to confirm for {pool}: the console acts on it."));
        return Ok(End::Done);
    };
    out.say(format_args!(
        "The store is that of {:.0}, restored {:.0}. Until this is confirmed the console only watches {pool}.",
        beside.restored.taken_at, beside.restored.at
    ));
    let yes = |is: bool, text: &str| if is { text.to_owned() } else { "-".to_owned() };
    let rows: Vec<[String; 6]> = beside
        .sites
        .iter()
        .map(|site| {
            let store = if site.fenced { "fenced".to_owned() } else { yes(site.made_active, "made active") };
            let leader = site.leader.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            let timeline = site.timeline.map_or_else(|| "-".to_owned(), |timeline| timeline.0.to_string());
            let engines = if site.active { "active".to_owned() } else { word(&site.role).replace('_', " ") };
            let heard = site.heard_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
            [site.site.to_string(), store, engines, leader, timeline, heard]
        })
        .collect();
    out.table(["SITE", "BY THE STORE", "BY THE ENGINES", "LEADER", "TIMELINE", "HEARD"], &rows);
    for site in beside.sites.iter().filter(|site| site.is_held_by_none()) {
        let site = &site.site;
        out.say(format_args!(
            "The engines of {site} are held read-only by a fence that the store does not know: confirm with --fence {site}, unless you know that it \
             was lifted."
        ));
    }
    out.say(format_args!("Epoch by the store: {}. A confirmation begins the next one.", beside.epoch));
    if let Some(operation) = beside.operation {
        out.say(format_args!("{operation} was open when the backup was taken. A confirmation abandons it."));
    }
    Ok(End::Refused)
}

pub(super) async fn confirm(client: &Client, out: &Out, pool: &PoolId, confirmation: &Confirmation) -> Outcome {
    client.tell(&format!("/pools/{pool}/restored"), confirmation).await?;
    out.say(format_args!("Confirmed: the console acts on {pool} again."));
    out.tell(&serde_json::json!({ "confirmed": pool }));
    Ok(End::Done)
}
