//! Every operation on one line, newest first.

use crate::{
    api::operation::{self, MOST, SummaryView},
    pages::common::{asked, use_lang},
    paths,
    ui::{ChangeList, ChangeRow, Empty, Look, PageHead, Panel, Status, Tone},
};
use leptos::prelude::*;
use leptos_meta::Title;
use switchback_words::{self as words, say};

/// The page.
#[component]
pub fn OperationsPage() -> impl IntoView {
    let lang = use_lang();
    asked(
        move || vec![words::tag(lang()).to_owned()],
        |mut parts| Box::pin(operation::all_operations(parts.remove(0))),
        |all| view! { <All all /> }.into_any(),
    )
}

#[component]
fn All(all: Vec<SummaryView>) -> impl IntoView {
    let lang = use_lang();
    let title = say!(lang(), operations.list.title);
    let list = if all.is_empty() {
        view! {
            <Empty title=say!(lang(), operations.list.empty_title)>
                <p>{say!(lang(), operations.list.empty_text)}</p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Panel id="operations" title=say!(lang(), operations.list.table) flush=true>
                <ChangeList label=say!(lang(), operations.list.table)>{all.into_iter().map(row).collect_view()}</ChangeList>
            </Panel>
        }
        .into_any()
    };
    view! {
        <Title text=title.clone() />
        <div class="page page--narrow">
            <PageHead title lede=move || say!(lang(), operations.list.lede, most = MOST.to_string()) />
            {list}
        </div>
    }
}

fn row(summary: SummaryView) -> AnyView {
    let look = if matches!(summary.tone, Tone::Ok | Tone::Idle) { Look::Calm } else { Look::Plain };
    let SummaryView { id, title, tone, state, meta, right } = summary;
    let state = StoredValue::new(state);
    view! {
        <ChangeRow
            href=paths::operation(id)
            title=move || title.clone()
            status=move || view! { <Status tone look>{state.get_value()}</Status> }
            meta=move || meta.clone()
            right=move || right.clone()
        />
    }
    .into_any()
}
