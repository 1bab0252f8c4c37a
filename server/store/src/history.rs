//! Short history of pools: points in three steps, and changes of state.

use crate::{
    journal::forgotten_until,
    sql::{SqlStore, rows, run, time, unreadable},
};
use jiff::Timestamp;
use switchback_domain::{
    PoolId,
    history::{Change, Metric, Point, Span},
};
use switchback_engine::ports::{HistoryStore, Stored};

/// How many changes of a pool are kept.
const CHANGES_KEPT: i64 = 1_000;

const SPANS: [Span; 3] = [Span::Quarter, Span::Hours, Span::Week];

/// Puts a point into its span of each of the three steps, whether that span has a row already or not. Of two last
/// values the later one stays.
const MERGE: &str = "
    INSERT INTO points AS kept (pool, metric, step_ms, at, min_value, max_value, last_value, last_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8), ($1, $2, $9, $10, $5, $6, $7, $8), ($1, $2, $11, $12, $5, $6, $7, $8)
    ON CONFLICT (pool, metric, step_ms, at) DO UPDATE SET
        min_value  = CASE WHEN excluded.min_value < kept.min_value THEN excluded.min_value ELSE kept.min_value END,
        max_value  = CASE WHEN excluded.max_value > kept.max_value THEN excluded.max_value ELSE kept.max_value END,
        last_value = CASE WHEN excluded.last_at >= kept.last_at THEN excluded.last_value ELSE kept.last_value END,
        last_at    = CASE WHEN excluded.last_at >= kept.last_at THEN excluded.last_at ELSE kept.last_at END";

fn step_ms(span: Span) -> i64 {
    i64::try_from(span.step().0).unwrap_or(i64::MAX)
}

/// When the span of this length that holds `at` began, in milliseconds since 1970.
fn span_start(at: i64, step_ms: i64) -> i64 {
    at.div_euclid(step_ms) * step_ms
}

impl HistoryStore for SqlStore {
    fn add_points<'a>(&'a self, pool: &'a PoolId, points: &'a [(Metric, Point)]) -> Stored<'a, ()> {
        Box::pin(async move {
            self.unless_full()?;
            // Two writers that take the same rows in different orders would wait for each other for ever.
            let mut sorted: Vec<(String, &Point)> = points.iter().map(|(metric, point)| (metric.to_string(), point)).collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            let [finest, middle, coarsest] = SPANS.map(step_ms);
            let mut work = self.work().await?;
            for (metric, point) in sorted {
                let at = point.at.as_millisecond();
                run!(
                    work.on(),
                    MERGE,
                    pool.as_str(),
                    metric.as_str(),
                    finest,
                    span_start(at, finest),
                    point.min,
                    point.max,
                    point.last,
                    at,
                    middle,
                    span_start(at, middle),
                    coarsest,
                    span_start(at, coarsest),
                )?;
            }
            work.commit().await
        })
    }

    fn points<'a>(&'a self, pool: &'a PoolId, metric: &'a Metric, span: Span, from: Timestamp, until: Timestamp) -> Stored<'a, Vec<Point>> {
        Box::pin(async move {
            let rows: Vec<(i64, i64, i64, i64)> = rows!(
                &self.readers,
                "SELECT at, min_value, max_value, last_value FROM points
                 WHERE pool = $1 AND metric = $2 AND step_ms = $3 AND at >= $4 AND at < $5 ORDER BY at",
                pool.as_str(),
                metric.to_string(),
                step_ms(span),
                from.as_millisecond(),
                until.as_millisecond(),
            )?;
            rows.into_iter().map(|(at, min, max, last)| Ok(Point { at: time(at)?, min, max, last })).collect()
        })
    }

    fn add_changes<'a>(&'a self, pool: &'a PoolId, changes: &'a [Change]) -> Stored<'a, ()> {
        Box::pin(async move {
            self.unless_full()?;
            let mut work = self.work().await?;
            for change in changes {
                let what = switchback_journal_format::change_to_text(&change.what).map_err(|error| unreadable("a change", error))?;
                run!(
                    work.on(),
                    "INSERT INTO changes (pool, at, what) VALUES ($1, $2, $3)",
                    pool.as_str(),
                    change.at.as_millisecond(),
                    what.as_str(),
                )?;
            }
            work.commit().await
        })
    }

    fn changes<'a>(&'a self, pool: &'a PoolId, most: u32) -> Stored<'a, Vec<Change>> {
        Box::pin(async move {
            let rows: Vec<(i64, String)> = rows!(
                &self.readers,
                "SELECT at, what FROM changes WHERE pool = $1 ORDER BY at DESC, id DESC LIMIT $2",
                pool.as_str(),
                i64::from(most),
            )?;
            let read = |(at, what): (i64, String)| match switchback_journal_format::change_from_text(&what) {
                Ok(what) => time(at).map(|at| Some(Change { at, what })),
                // It is only shown, so the others are shown without it.
                Err(error) => {
                    tracing::warn!(%pool, what, error = &error as &dyn std::error::Error, "a change of state in the store cannot be read");
                    Ok(None)
                }
            };
            rows.into_iter().filter_map(|row| read(row).transpose()).collect()
        })
    }

    fn prune(&self, now: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            let mut work = self.work().await?;
            let mut gone = 0;
            for span in SPANS {
                let oldest = now.as_millisecond().saturating_sub_unsigned(span.length().0);
                gone += run!(work.on(), "DELETE FROM points WHERE step_ms = $1 AND at < $2", step_ms(span), oldest)?;
            }
            gone += run!(
                work.on(),
                "DELETE FROM changes WHERE id IN (
                     SELECT id FROM (
                         SELECT id, row_number() OVER (PARTITION BY pool ORDER BY at DESC, id DESC) AS place FROM changes
                     ) AS placed WHERE place > $1)",
                CHANGES_KEPT,
            )?;
            gone += run!(work.on(), "DELETE FROM remembered WHERE at <= $1", forgotten_until(now))?;
            work.commit().await?;
            Ok(gone)
        })
    }
}
