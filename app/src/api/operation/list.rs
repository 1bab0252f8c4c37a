//! Operations on one line each.

use super::{MOST, SummaryView, form, page};
use crate::api::{ApiError, door::signed_in};
use std::collections::BTreeMap;
use switchback_domain::{
    PoolId,
    operation::{LossCode, OperationSummary},
};
use switchback_words::{self as words, Locale, Names, figures, say};

pub(super) async fn all_operations(lang: &str) -> Result<Vec<SummaryView>, ApiError> {
    let (console, caller) = signed_in()?;
    let lang = form::language(lang);
    let summaries = console.operations(&caller, None, MOST).await?;
    let mut names: BTreeMap<PoolId, Option<Names>> = BTreeMap::new();
    let told = summaries.iter().map(|summary| {
        let named = || console.picture(&caller, &summary.pool).ok().map(|picture| form::names(&picture));
        let names = names.entry(summary.pool.clone()).or_insert_with(named);
        present(lang, summary, names.as_ref())
    });
    Ok(told.collect())
}

/// One of them. A pool that is not configured any more has no names of sites.
fn present(lang: Locale, summary: &OperationSummary, names: Option<&Names>) -> SummaryView {
    let unknown = || say!(lang, operations.unreadable.unknown);
    let time = summary.requested_at.map_or_else(unknown, |at| figures::date_time(lang, at));
    let by = summary.requested_by.as_ref().map_or_else(unknown, ToString::to_string);
    let (operation, pool) = (summary.id.to_string(), summary.pool.to_string());
    let outage = summary.outage.filter(|outage| outage.first_write_at.is_some());
    let right = match (summary.stage.is_end(), outage, summary.step.filter(|_| summary.unreadable.is_none())) {
        (true, Some(outage), _) => {
            say!(lang, operations.list.outage, outage = words::operation::outage(lang, &outage, outage.last_write_at))
        }
        (true, None, _) | (_, _, None) => String::new(),
        (_, _, Some(step)) => say!(lang, operations.list.step, n = (step + 1).to_string(), steps = summary.steps.to_string()),
    };
    let loss = summary.loss.as_ref().map_or(LossCode::Nothing, |loss| loss.word);
    SummaryView {
        id: summary.id,
        title: match (summary.kind, names) {
            (None, _) => say!(lang, operations.unreadable.title),
            (Some(kind), None) => kind.as_code().to_owned(),
            (Some(kind), Some(names)) => words::operation::title_of(lang, kind, summary.side, summary.dry_run, names),
        },
        tone: page::tone(summary.stage, summary.dry_run, loss),
        state: words::operation::stage(lang, summary.stage, summary.dry_run, loss),
        meta: say!(lang, operations.list.meta, operation = operation, pool = pool, by = by, time = time),
        right,
    }
}
