//! Recent events, for watchers that come back.

use bytes::Bytes;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

const KEPT_FOR: Duration = Duration::from_mins(2);
const KEPT_MAX: usize = 2_400;
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Events without a gap between them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    kept: VecDeque<(u64, Instant, Bytes)>,
    bytes: usize,
}

impl Ring {
    /// Keeps event `n`, the one after the newest.
    pub(super) fn keep(&mut self, n: u64, frame: Bytes, now: Instant) {
        self.bytes += frame.len();
        self.kept.push_back((n, now, frame));
        while let Some((_, kept_at, frame)) = self.kept.front()
            && (self.kept.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX || now.duration_since(*kept_at) > KEPT_FOR)
        {
            self.bytes -= frame.len();
            self.kept.pop_front();
        }
    }

    /// Something happened that is not kept: what came before is of no use to anybody.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// The events after `n` up to `newest`, all of them; nothing when one of them is gone.
    pub(super) fn since(&self, n: u64, newest: u64) -> Option<Vec<Bytes>> {
        if n == newest {
            return Some(Vec::new());
        }
        let oldest = self.kept.front()?.0;
        (n < newest && oldest <= n + 1).then(|| self.kept.iter().filter(|(kept, ..)| *kept > n).map(|(.., frame)| frame.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_keeps_more_than_its_bounds() {
        let mut ring = Ring::default();
        let now = Instant::now();
        for n in 1..=5_000 {
            ring.keep(n, Bytes::from_static(b"small"), now);
        }
        assert_eq!(ring.kept.len(), KEPT_MAX);
        assert_eq!(ring.bytes, KEPT_MAX * 5);
        let large = Bytes::from(vec![b'x'; 1024 * 1024]);
        for n in 5_001..=5_020 {
            ring.keep(n, large.clone(), now);
        }
        assert!(ring.bytes <= KEPT_BYTES_MAX);
        assert_eq!(ring.since(5_018, 5_020).map(|missed| Vec::len(&missed)), Some(2));
        ring.keep(5_021, Bytes::from_static(b"late"), now + Duration::from_secs(121));
        assert_eq!(ring.kept.len(), 1);
        assert_eq!(ring.bytes, 4);
    }

    #[test]
    fn a_gap_is_never_bridged() {
        let mut ring = Ring::default();
        let now = Instant::now();
        (10..=12).for_each(|n| ring.keep(n, Bytes::from(n.to_string()), now));
        assert_eq!(ring.since(8, 12), None);
        assert_eq!(ring.since(9, 12).map(|missed| Vec::len(&missed)), Some(3));
        assert_eq!(ring.since(12, 12), Some(vec![]));
        assert_eq!(ring.since(13, 12), None);
        ring.forget();
        assert_eq!(ring.since(11, 13), None);
    }
}
