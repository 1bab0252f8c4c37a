//! Operations on one line each.

use super::{GlanceTold, MOST, form, page};
use crate::{
    api::{ApiError, door::signed_in},
    words::{self, Locale, Names, figures, say},
};
use std::collections::BTreeMap;
use switchback_domain::{
    PoolId,
    operation::{Glance, LossWord},
};

pub(super) async fn all_operations(lang: &str) -> Result<Vec<GlanceTold>, ApiError> {
    let (console, caller) = signed_in()?;
    let lang = form::language(lang);
    let glances = console.operations(&caller, None, MOST).await?;
    let mut names: BTreeMap<PoolId, Option<Names>> = BTreeMap::new();
    let told = glances.iter().map(|glance| {
        let named = || console.picture(&caller, &glance.pool).ok().map(|picture| form::names(&picture));
        let names = names.entry(glance.pool.clone()).or_insert_with(named);
        tell(lang, glance, names.as_ref())
    });
    Ok(told.collect())
}

/// One of them. A pool that is not configured any more has no names of sites.
fn tell(lang: Locale, glance: &Glance, names: Option<&Names>) -> GlanceTold {
    let unknown = || say!(lang, operations.unreadable.unknown);
    let time = glance.requested_at.map_or_else(unknown, |at| figures::date_time(lang, at));
    let by = glance.requested_by.as_ref().map_or_else(unknown, ToString::to_string);
    let (operation, pool) = (glance.id.to_string(), glance.pool.to_string());
    let outage = glance.outage.filter(|outage| outage.first_write_at.is_some());
    let right = match (glance.stage.is_end(), outage, glance.step.filter(|_| glance.unreadable.is_none())) {
        (true, Some(outage), _) => {
            say!(lang, operations.list.outage, outage = words::operation::outage(lang, &outage, outage.last_write_at))
        }
        (true, None, _) | (_, _, None) => String::new(),
        (_, _, Some(step)) => say!(lang, operations.list.step, n = (step + 1).to_string(), steps = glance.steps.to_string()),
    };
    let loss = glance.loss.as_ref().map_or(LossWord::Nothing, |loss| loss.word);
    GlanceTold {
        id: glance.id,
        title: match (glance.kind, names) {
            (None, _) => say!(lang, operations.unreadable.title),
            (Some(kind), None) => kind.word().to_owned(),
            (Some(kind), Some(names)) => words::operation::title_of(lang, kind, glance.side, glance.dry_run, names),
        },
        tone: page::tone(glance.stage, glance.dry_run, loss),
        state: words::operation::stage(lang, glance.stage, glance.dry_run, loss),
        meta: say!(lang, operations.list.meta, operation = operation, pool = pool, by = by, time = time),
        right,
    }
}
