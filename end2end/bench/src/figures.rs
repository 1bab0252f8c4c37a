//! Percentiles, ratios and tables.

use std::time::Duration;

/// Durations, sorted when they are asked about.
#[derive(Debug, Default, Clone)]
pub struct Spread(Vec<Duration>);

impl Spread {
    /// Adds one.
    pub fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest that at least this part of all does not exceed (nearest rank); zero when there are none.
    pub fn percentile(&mut self, percent: usize) -> Duration {
        self.0.sort_unstable();
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// `p50 … p95 … max …`.
    pub fn in_words(&mut self) -> String {
        let [p50, p95, max] = [50, 95, 100].map(|percent| ms(self.percentile(percent)));
        format!("p50 {p50}, p95 {p95}, max {max} ({} samples)", self.len())
    }
}

impl FromIterator<Duration> for Spread {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        Self(durations.into_iter().collect())
    }
}

/// Milliseconds with one digit after the point.
pub fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

/// How many times `before` is `now`; a dash where that says nothing.
pub fn ratio(now: f64, before: Option<f64>) -> String {
    match before {
        Some(before) if before > 0.0 => format!("{:.2}x", now / before),
        _ => "–".to_owned(),
    }
}

/// Prints rows under a heading, columns aligned to the right.
pub fn table(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([columns[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        padded.collect::<Vec<_>>().join("  ")
    };
    println!("\n{title}");
    println!("  {}", line(columns.to_vec()));
    for row in rows {
        println!("  {}", line(row.iter().map(String::as_str).collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut spread: Spread = (1..=20).rev().map(Duration::from_millis).collect();
        assert_eq!(spread.percentile(50), Duration::from_millis(10));
        assert_eq!(spread.percentile(95), Duration::from_millis(19));
        assert_eq!(spread.percentile(100), Duration::from_millis(20));
        assert_eq!(Spread::default().percentile(95), Duration::ZERO);
        let mut one: Spread = [Duration::from_millis(7)].into_iter().collect();
        assert_eq!(one.percentile(1), Duration::from_millis(7));
    }

    #[test]
    fn a_ratio_needs_something_to_be_compared_with() {
        assert_eq!(ratio(3.0, Some(2.0)), "1.50x");
        assert_eq!(ratio(3.0, Some(0.0)), "–");
        assert_eq!(ratio(3.0, None), "–");
    }
}
