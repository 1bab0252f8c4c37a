//! What `pg_walinspect` says about records, in its own words: those of `PostgreSQL` 15, whose punctuation later versions have changed
//! a little.

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
    Committed { whole: Xid, parts: Vec<Xid> },
    /// A row, or a version of one, was put into a block of a file.
    Written { by: Xid, file: File, block: u32 },
    /// A row was deleted.
    Deleted { by: Xid, file: File },
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
            "Transaction/COMMIT" => Record::Committed { whole: xid, parts: parts(description) },
            // Whoever commits it is another one than the transaction, whose number comes first.
            "Transaction/COMMIT_PREPARED" => {
                Record::Committed { whole: description.split_once(':')?.0.trim().parse().ok()?, parts: parts(description) }
            }
            "Standby/RUNNING_XACTS" => Record::Unused { from: word_after(description, "nextXid")?.parse().ok()? },
            "Heap/INSERT" | "Heap/UPDATE" | "Heap/HOT_UPDATE" | "Heap2/MULTI_INSERT" => {
                let (file, block) = first_block(blocks)?;
                Record::Written { by: xid, file, block }
            }
            "Heap/DELETE" if is_nobodys_wish(description) => return None,
            "Heap/DELETE" => Record::Deleted { by: xid, file: first_block(blocks)?.0 },
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

/// A deletion that nobody asked for: of a row that an insertion takes back by itself (0x08), or of one that moves to another
/// partition (0x10).
fn is_nobodys_wish(description: &str) -> bool {
    let flags = word_after(description, "flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    flags.is_some_and(|flags| flags & 0x18 != 0)
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
        let committed = |whole, parts: &[Xid]| Some(Record::Committed { whole, parts: parts.to_vec() });
        let commit = "Transaction/COMMIT";
        assert_eq!(read(commit, 726, "2026-11-25 07:49:29.51374+00"), committed(726, &[]));
        assert_eq!(read(commit, 727, "2026-11-25 07:49:29.51436+00; subxacts: 728 730"), committed(727, &[728, 730]));
        let all = "2026-11-25 07:49:29.518645+00; rels: base/5/16394 base/5/16395; subxacts: 739; dropped stats: 2/5/16394; \
                   inval msgs: catcache 55 catcache 54";
        assert_eq!(read(commit, 738, all), committed(738, &[739]));
        let prepared = "Transaction/COMMIT_PREPARED";
        assert_eq!(read(prepared, 0, "745: 2026-11-25 07:49:57.958923+00; subxacts: 746"), committed(745, &[746]));
        assert_eq!(read(prepared, 0, "garbage"), None);
        assert_eq!(read("Transaction/ABORT", 729, "2026-11-25 07:49:29.51426+00; subxacts: 730"), None);
        // Somebody else's text is in it.
        assert_eq!(read("Transaction/PREPARE", 745, "gid subxacts: 1 2: 2026-11-25 07:49:57.958715+00; subxacts: 746"), None);
    }

    #[test]
    fn a_row_is_where_the_first_block_is() {
        let read = |kind, description, blocks| Record::read(748, kind, description, blocks);
        let written = |number, block| Some(Record::Written { by: 748, file: file(number), block });
        let plain = "blkref #0: rel 1663/5/16390 fork main blk 0";
        assert_eq!(read("Heap/INSERT", "off 1 flags 0x00", plain), written(16390, 0));
        assert_eq!(read("Heap/INSERT", "off: 1, flags: 0x00", plain), written(16390, 0));
        let image = "blkref #0: rel 1663/5/1255 fork main blk 19 (FPW); hole: offset: 188, length: 1004 blkref #1: rel 1663/5/1255 fork main blk 17";
        assert_eq!(read("Heap/UPDATE", "off 4 xmax 748 flags 0x02 ; new off 2 xmax 0", image), written(1255, 19));
        assert_eq!(read("Heap2/MULTI_INSERT", "2 tuples flags 0x02", "blkref #0: rel 1663/5/16390 fork main blk 3"), written(16390, 3));
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
        assert_eq!(read("off 1 flags 0x10 KEYS_UPDATED "), None, "it moves to another partition");
        assert_eq!(read("off 1 flags 0x08 KEYS_UPDATED "), None, "its own insertion takes it back");
    }

    #[test]
    fn numbers_that_begin_anew_still_have_an_order() {
        let running = "nextXid 724 latestCompletedXid 723 oldestRunningXid 724";
        assert_eq!(Record::read(0, "Standby/RUNNING_XACTS", running, ""), Some(Record::Unused { from: 724 }));
        assert!(is_before(3, 4) && !is_before(4, 4) && !is_before(5, 4));
        assert!(is_before(u32::MAX - 5, 7) && !is_before(7, u32::MAX - 5));
    }
}
