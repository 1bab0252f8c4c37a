//! What `pg_walinspect` says about records, in its own words: those of `PostgreSQL` 15, whose punctuation later versions have changed
//! a little.

use jiff::Timestamp;

/// A transaction's number, as the log has it: it begins anew after four billion.
pub(super) type Xid = u32;

/// A relation's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// The database that it belongs to; 0 for what all databases share.
    pub(super) database: u32,
    /// Its tablespace.
    pub(super) tablespace: u32,
    /// Its number.
    pub(super) number: u32,
}

/// Something in the log that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// A transaction committed, and with it the parts that had numbers of their own.
    Committed { whole: Xid, parts: Vec<Xid>, at: Option<Timestamp>, was_prepared: bool },
    /// A transaction was prepared for a commit in two phases.
    Prepared { whole: Xid },
    /// A prepared transaction was rolled back.
    GivenUp { whole: Xid },
    /// So many rows were put into a block of a file.
    Inserted { by: Xid, file: File, block: u32, rows: u64 },
    /// A new version of a row was put into a block of a file.
    Updated { by: Xid, file: File, block: u32 },
    /// A row was deleted.
    Deleted { by: Xid, file: File },
    /// An insertion has taken its row back by itself.
    TakenBack { by: Xid, file: File },
    /// A row has left for another partition.
    Left { by: Xid, file: File },
    /// A sequence went on.
    Counted { by: Xid, file: File },
    /// A message for others who decode the log; without a transaction it counts at once.
    Message { by: Option<Xid> },
    /// So much was written by a transaction; some of it in a way that nobody here knows.
    Bytes { by: Xid, bytes: u64, unknown: bool },
    /// Numbers from this one on were not given to anybody yet.
    Unused { from: Xid },
}

/// Whether a number was given before another one.
pub(super) fn is_before(one: Xid, other: Xid) -> bool {
    // Half of all numbers are behind each, half of them ahead of it.
    other.wrapping_sub(one).wrapping_sub(1) < u32::MAX / 2
}

impl Record {
    /// What a record says, if it says something that matters here: its transaction, its kind without `+INIT`, its description and its
    /// references to blocks.
    pub(super) fn read(xid: Xid, kind: &str, description: &str, blocks: &str) -> Option<Record> {
        Some(match kind {
            "Transaction/COMMIT" => Record::Committed { whole: xid, parts: parts(description), at: time(description), was_prepared: false },
            // Whoever commits it is another one than the transaction, whose number comes first.
            "Transaction/COMMIT_PREPARED" => {
                let (whole, rest) = description.split_once(':')?;
                Record::Committed { whole: whole.trim().parse().ok()?, parts: parts(rest), at: time(rest), was_prepared: true }
            }
            "Transaction/PREPARE" => Record::Prepared { whole: xid },
            "Transaction/ABORT_PREPARED" => Record::GivenUp { whole: description.split_once(':')?.0.trim().parse().ok()? },
            "Bytes" => Record::Bytes { by: xid, bytes: description.parse().ok()?, unknown: blocks == "true" },
            "Sequence/LOG" => Record::Counted { by: xid, file: first_block(blocks)?.0 },
            "LogicalMessage/MESSAGE" => Record::Message { by: Some(xid).filter(|_| description.starts_with("transactional")) },
            "Standby/RUNNING_XACTS" => Record::Unused { from: word_after(description, "nextXid")?.parse().ok()? },
            "Heap/INSERT" | "Heap2/MULTI_INSERT" => {
                let (file, block) = first_block(blocks)?;
                let rows = if kind == "Heap/INSERT" { 1 } else { tuples(description) };
                Record::Inserted { by: xid, file, block, rows }
            }
            "Heap/UPDATE" | "Heap/HOT_UPDATE" => {
                let (file, block) = first_block(blocks)?;
                Record::Updated { by: xid, file, block }
            }
            "Heap/DELETE" => {
                let file = first_block(blocks)?.0;
                match flags(description) {
                    flags if flags & 0x08 != 0 => Record::TakenBack { by: xid, file },
                    flags if flags & 0x10 != 0 => Record::Left { by: xid, file },
                    _ => Record::Deleted { by: xid, file },
                }
            }
            _ => return None,
        })
    }
}

fn word_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(name)?.1.trim_start_matches([':', ' ']).split([' ', ';', ',']).next()
}

/// Numbers of parts, in `…; subxacts: 728 730; …`.
fn parts(description: &str) -> Vec<Xid> {
    let Some((_, list)) = description.split_once("subxacts:") else { return Vec::new() };
    let own = list.split(';').next().unwrap_or_default();
    own.split_whitespace().map_while(|number| number.parse().ok()).collect()
}

/// When a transaction committed, at the beginning of what is said of it. The session's time zone is UTC.
fn time(text: &str) -> Option<Timestamp> {
    text.split(';').next()?.trim().parse().ok()
}

/// How many rows were inserted at once, in `2 tuples flags 0x02`; the next version has it behind `ntuples:`.
fn tuples(description: &str) -> u64 {
    let number = word_after(description, "ntuples").or_else(|| description.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// The first block of a main fork, in `blkref #0: rel 1663/5/16390 fork main blk 3 …`: of a row that moved, where it is now.
fn first_block(blocks: &str) -> Option<(File, u32)> {
    blocks.split("blkref ").find_map(|one| {
        let (_, one) = one.split_once("rel ")?;
        let (file, one) = one.split_once(" fork main blk ")?;
        let mut numbers = file.split('/').map(str::parse::<u32>);
        let (Some(Ok(tablespace)), Some(Ok(database)), Some(Ok(number)), None) =
            (numbers.next(), numbers.next(), numbers.next(), numbers.next())
        else {
            return None;
        };
        let block = one.split([' ', ';']).next()?.parse().ok()?;
        Some((File { database, tablespace, number }, block))
    })
}

/// What is said of a deletion. Nobody asked for one of a row that an insertion takes back by itself (0x08), or that moves to another
/// partition (0x10).
fn flags(description: &str) -> u32 {
    let flags = word_after(description, "flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    flags.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u32) -> File {
        File { database: 5, tablespace: 1663, number }
    }

    #[test]
    fn a_commit_names_the_transaction_and_its_parts() {
        let read = |kind, xid, description| Record::read(xid, kind, description, "");
        let committed = |whole, parts: &[Xid], at: &str| {
            let at = Some(at.parse().expect("a time"));
            Some(Record::Committed { whole, parts: parts.to_vec(), at, was_prepared: false })
        };
        let commit = "Transaction/COMMIT";
        assert_eq!(read(commit, 726, "2026-11-25 07:49:29.51374+00"), committed(726, &[], "2026-11-25T07:49:29.51374Z"));
        assert_eq!(
            read(commit, 727, "2026-11-25 07:49:29.51436+00; subxacts: 728 730"),
            committed(727, &[728, 730], "2026-11-25T07:49:29.51436Z")
        );
        let all = "2026-11-25 07:49:29.518645+00; rels: base/5/16394 base/5/16395; subxacts: 739; dropped stats: 2/5/16394; \
                   inval msgs: catcache 55 catcache 54";
        assert_eq!(read(commit, 738, all), committed(738, &[739], "2026-11-25T07:49:29.518645Z"));
        let prepared = "Transaction/COMMIT_PREPARED";
        let at = Some("2026-11-25T07:49:57.958923Z".parse().expect("a time"));
        let both = Some(Record::Committed { whole: 745, parts: vec![746], at, was_prepared: true });
        assert_eq!(read(prepared, 0, "745: 2026-11-25 07:49:57.958923+00; subxacts: 746"), both);
        assert_eq!(read(prepared, 0, "garbage"), None);
        assert_eq!(read("Transaction/ABORT", 729, "2026-11-25 07:49:29.51426+00; subxacts: 730"), None);
        // Somebody else's text is in it.
        let prepare = read("Transaction/PREPARE", 745, "gid subxacts: 1 2: 2026-11-25 07:49:57.958715+00; subxacts: 746");
        assert_eq!(prepare, Some(Record::Prepared { whole: 745 }));
        let given_up = read("Transaction/ABORT_PREPARED", 0, "745: 2026-11-25 07:49:57.958923+00; subxacts: 746");
        assert_eq!(given_up, Some(Record::GivenUp { whole: 745 }));
    }

    #[test]
    fn what_is_no_row_counts_too() {
        let blocks = "blkref #0: rel 1663/5/16401 fork main blk 0";
        assert_eq!(Record::read(9, "Sequence/LOG", "", blocks), Some(Record::Counted { by: 9, file: file(16401) }));
        let message = |description| Record::read(9, "LogicalMessage/MESSAGE", description, "");
        assert_eq!(message("transactional, prefi"), Some(Record::Message { by: Some(9) }));
        assert_eq!(message("non-transactional, p"), Some(Record::Message { by: None }));
        assert_eq!(Record::read(9, "Bytes", "512", "false"), Some(Record::Bytes { by: 9, bytes: 512, unknown: false }));
        assert_eq!(Record::read(9, "Bytes", "512", "true"), Some(Record::Bytes { by: 9, bytes: 512, unknown: true }));
    }

    #[test]
    fn a_row_is_where_the_first_block_is() {
        let read = |kind, description, blocks| Record::read(748, kind, description, blocks);
        let written = |number, block, rows| Some(Record::Inserted { by: 748, file: file(number), block, rows });
        let updated = |number, block| Some(Record::Updated { by: 748, file: file(number), block });
        let plain = "blkref #0: rel 1663/5/16390 fork main blk 0";
        assert_eq!(read("Heap/INSERT", "off 1 flags 0x00", plain), written(16390, 0, 1));
        assert_eq!(read("Heap/INSERT", "off: 1, flags: 0x00", plain), written(16390, 0, 1));
        let image = "blkref #0: rel 1663/5/1255 fork main blk 19 (FPW); hole: offset: 188, length: 1004 blkref #1: rel 1663/5/1255 fork main blk 17";
        assert_eq!(read("Heap/UPDATE", "off 4 xmax 748 flags 0x02 ; new off 2 xmax 0", image), updated(1255, 19));
        let third = "blkref #0: rel 1663/5/16390 fork main blk 3";
        assert_eq!(read("Heap2/MULTI_INSERT", "12 tuples flags 0x02", third), written(16390, 3, 12));
        assert_eq!(read("Heap2/MULTI_INSERT", "ntuples: 12, flags: 0x02", third), written(16390, 3, 12));
        for bad in [
            "",
            "blkref #0: rel 1663/5 fork main blk 3",
            "blkref #0: rel 1663/5/7 fork vm blk 3",
            "blkref #0: rel 1663/5/7 fork main blk x",
        ] {
            assert_eq!(read("Heap/INSERT", "off 1 flags 0x00", bad), None, "{bad}");
        }
        assert_eq!(read("Heap/LOCK", "off 8: xid 736: flags 0x00 LOCK_ONLY EXCL_LOCK ", plain), None);
    }

    #[test]
    fn only_a_deletion_that_somebody_asked_for_counts() {
        let blocks = "blkref #0: rel 1663/5/16404 fork main blk 0";
        let read = |description| Record::read(743, "Heap/DELETE", description, blocks);
        let deleted = Some(Record::Deleted { by: 743, file: file(16404) });
        assert_eq!(read("off 2 flags 0x00 KEYS_UPDATED "), deleted);
        assert_eq!(read("xmax: 743, off: 2, infobits: [KEYS_UPDATED], flags: 0x01"), deleted);
        assert_eq!(read("off 1 flags 0x10 KEYS_UPDATED "), Some(Record::Left { by: 743, file: file(16404) }));
        assert_eq!(read("off 1 flags 0x08 KEYS_UPDATED "), Some(Record::TakenBack { by: 743, file: file(16404) }));
    }

    #[test]
    fn numbers_that_begin_anew_still_have_an_order() {
        let running = "nextXid 724 latestCompletedXid 723 oldestRunningXid 724";
        assert_eq!(Record::read(0, "Standby/RUNNING_XACTS", running, ""), Some(Record::Unused { from: 724 }));
        assert!(is_before(3, 4) && !is_before(4, 4) && !is_before(5, 4));
        assert!(is_before(u32::MAX - 5, 7) && !is_before(7, u32::MAX - 5));
    }
}
