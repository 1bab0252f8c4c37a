//! The newest entries of the audit history: what was done and tried in a sentence each, and more about it behind that.

use crate::{
    api::audit::{self, EntryView, MOST},
    pages::common::{asked, use_lang},
    paths,
    ui::{Empty, Icon, Look, PageHead, Panel, Sign, Status, Tone, use_clock},
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use switchback_words::{self as words, say};

/// The page.
#[component]
pub fn AuditPage() -> impl IntoView {
    let lang = use_lang();
    asked(
        move || vec![words::tag(lang()).to_owned()],
        |mut parts| Box::pin(audit::newest_entries(parts.remove(0))),
        |entries| view! { <Entries entries /> }.into_any(),
    )
}

#[component]
fn Entries(entries: Vec<EntryView>) -> impl IntoView {
    let lang = use_lang();
    let now = use_clock().now_untracked();
    let title = say!(lang(), audit.title);
    let list = if entries.is_empty() {
        view! {
            <Empty title=say!(lang(), audit.empty_title)>
                <p>{say!(lang(), audit.empty_text)}</p>
            </Empty>
        }
        .into_any()
    } else {
        // The names of the columns are for the eye alone: each entry is one sentence for whoever listens.
        view! {
            <Panel id="entries" title=say!(lang(), audit.table) flush=true>
                <div class="entries">
                    <div class="ent ent--head" aria-hidden="true">
                        <span>{say!(lang(), audit.when)}</span>
                        <span>{say!(lang(), audit.who)}</span>
                        <span>{say!(lang(), audit.action)}</span>
                        <span>{say!(lang(), audit.result)}</span>
                    </div>
                    <ol aria-labelledby="entries-h">{entries.into_iter().map(|one| entry(lang(), now, one)).collect_view()}</ol>
                </div>
            </Panel>
        }
        .into_any()
    };
    view! {
        <Title text=title.clone() />
        <div class="page">
            <PageHead title lede=move || say!(lang(), audit.lede, most = MOST.to_string()) />
            {list}
        </div>
    }
}

fn entry(lang: words::Locale, now: Timestamp, entry: EntryView) -> AnyView {
    let EntryView { at, who, what, about, result, tone, operation, more, raw } = entry;
    let look = if tone == Tone::Ok { Look::Calm } else { Look::Plain };
    let about = (!about.is_empty()).then(|| view! { <span class="muted sm">{about}</span> });
    let lines = more.into_iter().map(|(name, lines)| {
        let lines = lines.into_iter().map(|line| view! { <dd>{line}</dd> }.into_any()).collect_view();
        view! {
            <div>
                <dt>{name}</dt>
                {lines}
            </div>
        }
        .into_any()
    });
    let link = operation.map(|id| {
        view! {
            <div>
                <dt>{say!(lang, audit.operation)}</dt>
                <dd>
                    <a href=paths::operation(id)>{say!(lang, audit.open, operation = id.to_string())}</a>
                </dd>
            </div>
        }
    });
    let raw = raw.map(|raw| {
        view! {
            <div>
                <dt>{say!(lang, audit.recorded)}</dt>
                <dd>
                    <pre>{raw}</pre>
                </dd>
            </div>
        }
    });
    view! {
        <li>
            <details>
                <summary class="ent">
                    <time class="when" datetime=at.to_string()>
                        {words::when(lang, at, now)}
                    </time>
                    <span class="actor">{who}</span>
                    <span class="what">
                        <b>{what}</b>
                        " "
                        {about}
                    </span>
                    <span class="res">
                        <Status tone look>
                            {result}
                        </Status>
                    </span>
                    <Icon sign=Sign::Chevron attr:class="i chev" />
                </summary>
                <dl class="ent__more">
                    {lines.collect_view()}
                    {link}
                    {raw}
                </dl>
            </details>
        </li>
    }
    .into_any()
}
