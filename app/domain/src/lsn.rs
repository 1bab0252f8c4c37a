//! Positions in the write-ahead log and distances between them: units that cannot be mixed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A position in the write-ahead log, in bytes since its beginning; written `5E/3A00C1D8` as `PostgreSQL` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, example = "5E/3A00C1D8"))]
#[serde(try_from = "String", into = "String")]
pub struct Lsn(pub u64);

/// Why a text is not a log position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a log position looks like 5E/3A00C1D8; this does not: {0:?}")]
pub struct BadLsn(pub String);

impl Lsn {
    /// How far this position is ahead of `other`; zero when it is not ahead.
    pub fn bytes_ahead_of(self, other: Lsn) -> ByteLag {
        ByteLag(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = BadLsn;
    fn from_str(text: &str) -> Result<Self, BadLsn> {
        let bad = || BadLsn(text.to_owned());
        let (high, low) = text.split_once('/').ok_or_else(bad)?;
        // `from_str_radix` alone would take a sign.
        let half = |part: &str| {
            let hex = (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u64::from_str_radix(part, 16).ok()).flatten().ok_or_else(bad)
        };
        Ok(Lsn((half(high)? << 32) | half(low)?))
    }
}

impl TryFrom<String> for Lsn {
    type Error = BadLsn;
    fn try_from(text: String) -> Result<Self, BadLsn> {
        text.parse()
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> String {
        lsn.to_string()
    }
}

/// A distance in the write-ahead log, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ByteLag(pub u64);

/// A distance in time, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// From `earlier` to `later`; zero when the clocks say otherwise.
    pub fn between(earlier: jiff::Timestamp, later: jiff::Timestamp) -> Millis {
        Millis(u64::try_from(later.as_millisecond() - earlier.as_millisecond()).unwrap_or(0))
    }
}

/// A history of the database since a promotion; each promotion begins the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Timeline(pub u32);

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The size of a WAL file unless a cluster was made with another one.
pub const WAL_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The timeline of a WAL file such as `000000010000005E0000003A`, and where the file ends, given the size of its cluster's files.
/// `None` for names that are no WAL files of whole size (`.history`, `.backup`, `.partial`).
pub fn wal_file_end(name: &str, file_bytes: u64) -> Option<(Timeline, Lsn)> {
    if name.len() != 24 || !name.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let part = |range| u64::from_str_radix(&name[range], 16).ok();
    let (timeline, log, segment) = (u32::from_str_radix(&name[0..8], 16).ok()?, part(8..16)?, part(16..24)?);
    Some((Timeline(timeline), Lsn((log << 32).checked_add((segment + 1).checked_mul(file_bytes)?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_reads_back_as_written(bytes: u64) {
            let lsn = Lsn(bytes);
            prop_assert_eq!(lsn.to_string().parse(), Ok(lsn));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".*") {
            if let Ok(lsn) = text.parse::<Lsn>() {
                prop_assert_eq!(lsn.to_string().parse(), Ok(lsn));
            }
        }

        #[test]
        fn a_distance_is_never_negative(a: u64, b: u64) {
            let (a, b) = (Lsn(a), Lsn(b));
            prop_assert!(a.bytes_ahead_of(b).0 == 0 || b.bytes_ahead_of(a).0 == 0);
        }
    }

    #[test]
    fn the_end_of_a_wal_file_is_the_start_of_the_next() {
        assert_eq!(wal_file_end("00000007000000000000000A", WAL_FILE_BYTES), Some((Timeline(7), Lsn(0x0B00_0000))));
        assert_eq!(wal_file_end("0000000700000001000000FF", WAL_FILE_BYTES), Some((Timeline(7), Lsn(0x2_0000_0000))));
        assert_eq!(wal_file_end("00000007.history", WAL_FILE_BYTES), None);
    }

    #[test]
    fn a_sign_is_not_part_of_a_position() {
        assert!("+1/0".parse::<Lsn>().is_err());
        assert!("1/000000000".parse::<Lsn>().is_err());
    }
}
