//! The newest entries of the audit history.

use crate::{
    api::{ApiError, Text},
    pages::common::use_lang,
    ui::{Empty, Look, PageHead, Panel, Status, Tone, use_clock},
    words::{self, say},
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

/// No more than these are shown.
const MOST: usize = 200;

/// An audit entry as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who; nobody for the console itself and for people who are not signed in.
    pub actor: Option<String>,
    /// What was done or tried, such as `sign_in`.
    pub action: String,
    /// On what.
    pub subject: String,
    /// `done`, `refused` or `failed`.
    pub result: String,
    /// From which address.
    pub from_address: String,
}

/// The newest entries, newest first.
#[server(prefix = "/api/fn", endpoint = "audit", input = server_fn::codec::GetUrl)]
pub async fn newest_entries() -> Result<Text, ApiError> {
    use std::sync::Arc;
    use switchback_domain::{error::ConsoleError, people::Caller};
    use switchback_engine::Console;

    let console = use_context::<Arc<Console>>().ok_or(ApiError::Transport)?;
    let caller = use_context::<Caller>().ok_or(ConsoleError::NotSignedIn)?;
    let entries = console.audit(&caller).await?;
    let entries = entries.into_iter().take(MOST).map(|entry| Entry {
        at: entry.at,
        actor: entry.actor.map(|login| login.to_string()),
        action: entry.action,
        subject: entry.subject,
        result: entry.result,
        from_address: entry.from_address,
    });
    Text::of(&entries.collect::<Vec<_>>())
}

/// The page.
#[component]
pub fn AuditPage() -> impl IntoView {
    let lang = use_lang();
    let entries = Resource::new(Vec::new, |_: Vec<String>| newest_entries());
    let title = say!(lang(), audit.title);
    let shown = move || {
        Suspend::new(async move {
            match entries.await.and_then(|text| text.read::<Vec<Entry>>()) {
                Ok(entries) if entries.is_empty() => view! {
                    <Empty title=say!(lang(), audit.empty_title)>
                        <p>{say!(lang(), audit.empty_text)}</p>
                    </Empty>
                }
                .into_any(),
                Ok(entries) => view! { <Entries entries /> }.into_any(),
                Err(error) => view! {
                    <Empty title=say!(lang(), audit.failed_title)>
                        <p>{words::error::api(lang(), &error)}</p>
                    </Empty>
                }
                .into_any(),
            }
        })
    };
    view! {
        <Title text=title.clone() />
        <div class="page">
            <PageHead title lede=move || say!(lang(), audit.lede, most = MOST) />
            <Panel id="entries" title=say!(lang(), audit.table) flush=true class="cards">
                <Suspense>{shown}</Suspense>
            </Panel>
        </div>
    }
}

#[component]
fn Entries(entries: Vec<Entry>) -> impl IntoView {
    let lang = use_lang();
    let head = move |text: String| view! { <th role="columnheader" scope="col">{text}</th> };
    // Cards are what CSS makes of the table on phones; the roles keep it a table for screen readers.
    view! {
        <table class="tbl tbl--cards" role="table" aria-labelledby="entries-h">
            <thead role="rowgroup">
                <tr role="row">
                    {head(say!(lang(), audit.when))}
                    {head(say!(lang(), audit.who))}
                    {head(say!(lang(), audit.action))}
                    {head(say!(lang(), audit.subject))}
                    {head(say!(lang(), audit.result))}
                    {head(say!(lang(), audit.from))}
                </tr>
            </thead>
            <tbody role="rowgroup">
                {entries.into_iter().map(|entry| view! { <EntryRow entry /> }.into_any()).collect_view()}
            </tbody>
        </table>
    }
}

#[component]
fn EntryRow(entry: Entry) -> impl IntoView {
    let lang = use_lang();
    // What this page has no words for is shown as it was written down.
    let action = match entry.action.as_str() {
        "sign_in" => say!(lang(), audit.sign_in),
        "sign_out" => say!(lang(), audit.sign_out),
        "set_up" => say!(lang(), audit.set_up),
        "open_set_up" => say!(lang(), audit.open_set_up),
        other => other.to_owned(),
    };
    let tone = match entry.result.as_str() {
        "done" => Tone::Ok,
        "refused" => Tone::Warn,
        _ => Tone::Fail,
    };
    let look = if tone == Tone::Ok { Look::Calm } else { Look::Plain };
    let result = match entry.result.as_str() {
        "done" => say!(lang(), audit.done),
        "refused" => say!(lang(), audit.refused),
        "failed" => say!(lang(), audit.failed),
        other => other.to_owned(),
    };
    let who = entry.actor.unwrap_or_else(|| say!(lang(), audit.nobody));
    let at = entry.at;
    let clock = use_clock();
    view! {
        <tr role="row">
            <td role="cell" data-l=say!(lang(), audit.when)>
                <span class="cell nw">
                    <time datetime=at.to_string()>{words::when(lang(), at, clock.now_untracked())}</time>
                </span>
            </td>
            <th role="rowheader" scope="row" data-l=say!(lang(), audit.who)>
                <span class="cell">{who}</span>
            </th>
            <td role="cell" data-l=say!(lang(), audit.action)>
                <span class="cell">{action}</span>
            </td>
            <td role="cell" data-l=say!(lang(), audit.subject)>
                <span class="cell wrap-any">{entry.subject}</span>
            </td>
            <td role="cell" data-l=say!(lang(), audit.result)>
                <span class="cell">
                    <Status tone look>
                        {result}
                    </Status>
                </span>
            </td>
            <td role="cell" data-l=say!(lang(), audit.from)>
                <span class="cell mono wrap-any">{entry.from_address}</span>
            </td>
        </tr>
    }
}
