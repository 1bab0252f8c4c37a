//! Figures with their units: durations, bytes, rates, counts, times. Nothing is more precise than it is known.

use super::{Locale, say};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use switchback_domain::{Bound, ByteLag, Millis};

/// Between the digits of large numbers: narrow and unbreakable.
const GROUP: char = '\u{202f}';

/// A duration such as `40 ms`, `0.3 s`, `12 s`, `4 min 12 s`, `3 h 05 min` or `41 d 06 h`.
pub fn duration(lang: Locale, Millis(ms): Millis) -> String {
    let whole = ms / 1000;
    match ms {
        0 => say!(lang, words.unit.s, n = "0".to_owned()),
        1..100 => say!(lang, words.unit.ms, n = ms.to_string()),
        100..9_950 => {
            let tenths = (ms + 50) / 100;
            say!(lang, words.unit.s, n = format!("{}.{}", tenths / 10, tenths % 10))
        }
        9_950..10_000 => say!(lang, words.unit.s, n = "10".to_owned()),
        10_000..60_000 => say!(lang, words.unit.s, n = whole.to_string()),
        60_000..3_600_000 => say!(lang, words.unit.min_s, m = (whole / 60).to_string(), s = format!("{:02}", whole % 60)),
        3_600_000..86_400_000 => say!(lang, words.unit.h_min, h = (whole / 3600).to_string(), m = format!("{:02}", whole / 60 % 60)),
        _ => say!(lang, words.unit.d_h, d = (whole / 86_400).to_string(), h = format!("{:02}", whole / 3600 % 24)),
    }
}

/// The age of a reading, such as `< 1 s`, `3 s` or `4 min 12 s`: readings are taken about once a second, so anything finer
/// would only flicker.
pub fn age(lang: Locale, age: Millis) -> String {
    match age.0 {
        0..1_000 => say!(lang, words.unit.below, figure = limit(lang, Millis(1_000))),
        1_000..10_000 => limit(lang, Millis(age.0 / 1_000 * 1_000)),
        _ => duration(lang, age),
    }
}

/// How long ago, such as `3 s ago`.
pub fn ago(lang: Locale, since: Millis) -> String {
    say!(lang, words.time.ago, age = age(lang, since))
}

/// A limit or a target, which is exact: `5 s`, not `5.0 s`.
pub fn limit(lang: Locale, limit: Millis) -> String {
    match limit.0 {
        1_000..10_000 if limit.0.is_multiple_of(1_000) => say!(lang, words.unit.s, n = (limit.0 / 1_000).to_string()),
        _ => duration(lang, limit),
    }
}

/// A short wait, such as `4 ms`; what is below the clock's resolution is not nothing.
pub fn wait(lang: Locale, wait: Millis) -> String {
    match wait.0 {
        0 => say!(lang, words.unit.below, figure = duration(lang, Millis(1))),
        _ => duration(lang, wait),
    }
}

/// For how long already, such as `for 41 d 06 h`.
pub fn lasting(lang: Locale, age: Millis) -> String {
    say!(lang, words.time.lasting, age = duration(lang, age))
}

/// An amount of WAL such as `0 B`, `24 KiB` or `3.1 MiB`. The units are the same in every language.
pub fn bytes(ByteLag(bytes): ByteLag) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // Tenths of the unit, so that nothing is lost to floating point.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths < 100 { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) } else { format!("{} {}", tenths / 10, UNITS[unit]) }
}

/// An amount of WAL per second, such as `81 KiB/s`.
pub fn rate(lang: Locale, per_second: ByteLag) -> String {
    rate_text(lang, bytes(per_second))
}

/// The same for an amount that is a text already.
pub fn rate_text(lang: Locale, amount: String) -> String {
    say!(lang, words.unit.rate, bytes = amount)
}

/// A number such as `1 204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 * GROUP.len_utf8());
    for (index, digit) in digits.chars().enumerate() {
        // Four digits stay together: `1204` reads as well, but columns of numbers line up only when all are grouped.
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(GROUP);
        }
        grouped.push(digit);
    }
    grouped
}

fn in_utc(at: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(at)
}

fn hms(at: DateTime) -> String {
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// A time of day such as `02:47:09 UTC`.
pub fn clock_time(lang: Locale, at: Timestamp) -> String {
    say!(lang, words.time.clock, time = hms(in_utc(at)))
}

/// A day such as `14 Mar 2026`.
pub fn date(lang: Locale, at: Timestamp) -> String {
    let at = in_utc(at);
    let month = match at.month() {
        1 => say!(lang, words.time.month_1),
        2 => say!(lang, words.time.month_2),
        3 => say!(lang, words.time.month_3),
        4 => say!(lang, words.time.month_4),
        5 => say!(lang, words.time.month_5),
        6 => say!(lang, words.time.month_6),
        7 => say!(lang, words.time.month_7),
        8 => say!(lang, words.time.month_8),
        9 => say!(lang, words.time.month_9),
        10 => say!(lang, words.time.month_10),
        11 => say!(lang, words.time.month_11),
        _ => say!(lang, words.time.month_12),
    };
    say!(lang, words.time.date, day = at.day().to_string(), month = month, year = at.year().to_string())
}

/// A time with its day, such as `14 Mar 2026, 02:47:09 UTC`.
pub fn date_time(lang: Locale, at: Timestamp) -> String {
    say!(lang, words.time.date_clock, date = date(lang, at), time = hms(in_utc(at)))
}

/// A time of day, with its day unless that is today.
pub fn when(lang: Locale, at: Timestamp, now: Timestamp) -> String {
    if in_utc(at).date() == in_utc(now).date() { clock_time(lang, at) } else { date_time(lang, at) }
}

/// A target such as `≤ 5 s`.
pub fn target(lang: Locale, target: Millis) -> String {
    say!(lang, words.unit.at_most, figure = limit(lang, target))
}

/// A figure with how it is to be read: `0.3 s`, `at least 1.8 s`, `was 0.4 s`. `About` is left bare here; sentences say it.
pub fn bounded(lang: Locale, figure: String, bound: Bound) -> String {
    match bound {
        Bound::About => figure,
        Bound::AtLeast => say!(lang, words.unit.at_least, figure = figure),
        Bound::Was | Bound::NotKnown => say!(lang, words.unit.was, figure = figure),
    }
}
