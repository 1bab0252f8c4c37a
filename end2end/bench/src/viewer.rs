//! A viewer: one live stream, read as it comes, every change in it noted with its time.

use crate::{client::Connection, console::Console, engines::FIRST_MARK};
use anyhow::Context;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::{io::AsyncReadExt, net::TcpStream, task::JoinHandle};

/// Every mark is written in so many digits, and begins with those of [`FIRST_MARK`]; a colon is before it in JSON.
const DIGITS: usize = 10;
const MARK_BEGINS: &[u8] = b":17000";

/// What a viewer got.
#[derive(Debug, Default, Clone)]
pub struct Received {
    /// Bytes, framing and all.
    pub bytes: u64,
    /// Events of kind `whole`, which each viewer gets first and again if it was too slow.
    pub wholes: u64,
    /// Events of kind `change`.
    pub changes: u64,
    /// Marks and when each came for the first time, in the order of coming.
    pub marks: Vec<(u32, Instant)>,
}

/// One viewer, until it is dropped.
pub struct Viewer {
    received: Arc<Mutex<Received>>,
    reading: JoinHandle<()>,
}

impl Viewer {
    /// Watches a pool.
    pub async fn watch(console: &Console, pool: &str) -> anyhow::Result<Viewer> {
        let connection = Connection::open(console.address).await?;
        let mut headers = console.headers();
        headers.push("accept: text/event-stream".to_owned());
        let (stream, begun) = connection.listen(&format!("/live/pools/{pool}"), &headers).await?;
        let received = Arc::new(Mutex::new(Received::default()));
        let reading = tokio::spawn(read(stream, begun, Arc::clone(&received)));
        Ok(Viewer { received, reading })
    }

    /// Takes what it got since this was asked last.
    pub fn take(&self) -> anyhow::Result<Received> {
        if self.reading.is_finished() {
            anyhow::bail!("the console ended a viewer's stream");
        }
        Ok(std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Lets viewers of one pool come, one after the other, until there are so many.
pub async fn crowd(console: &Console, pool: &str, size: usize, into: &mut Vec<Viewer>) -> anyhow::Result<()> {
    while into.len() < size {
        let arriving = Viewer::watch(console, pool).await;
        into.push(arriving.with_context(|| format!("viewer {} cannot watch", into.len() + 1))?);
    }
    Ok(())
}

async fn read(mut stream: TcpStream, begun: Vec<u8>, received: Arc<Mutex<Received>>) {
    let mut buffer = begun;
    let mut newest = FIRST_MARK;
    loop {
        let now = Instant::now();
        {
            let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
            // What is left of the bytes before is looked at again, but was counted.
            look(&buffer, now, &mut newest, &mut received);
        }
        // A mark or a name may have come in two parts.
        let keep = buffer.len().min(24);
        buffer.drain(..buffer.len() - keep);
        let seen = buffer.len();
        buffer.reserve(16 * 1024);
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                received.bytes += length as u64;
                count_names(&buffer, seen, &mut received);
            }
        }
    }
}

/// Counts the names of events that end in the bytes from `seen` on.
fn count_names(buffer: &[u8], seen: usize, received: &mut Received) {
    for (name, count) in [(b"\nevent: whole\n".as_slice(), &mut received.wholes), (b"\nevent: change\n", &mut received.changes)] {
        let from = seen.saturating_sub(name.len() - 1);
        *count += buffer[from..].windows(name.len()).filter(|window| *window == name).count() as u64;
    }
}

/// Notes the marks that are newer than the newest one.
fn look(buffer: &[u8], now: Instant, newest: &mut u32, received: &mut Received) {
    let mut from = 0;
    while let Some(at) = buffer[from..].windows(MARK_BEGINS.len()).position(|window| window == MARK_BEGINS) {
        let digits = buffer.get(from + at + 1..from + at + 1 + DIGITS);
        let mark = digits.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse::<u32>().ok());
        if let Some(mark) = mark.filter(|mark| mark > newest) {
            *newest = mark;
            received.marks.push((mark, now));
        }
        from += at + MARK_BEGINS.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_noted_once_each() {
        let mut received = Received::default();
        let mut newest = FIRST_MARK;
        let now = Instant::now();
        look(b"{\"value\":1700000003},{\"sessions\":1700000003,\"x\":17000", now, &mut newest, &mut received);
        look(b":1700000003", now, &mut newest, &mut received);
        look(b"{\"value\":1700000004}", now, &mut newest, &mut received);
        let marks: Vec<u32> = received.marks.iter().map(|(mark, _)| *mark).collect();
        assert_eq!(marks, [1_700_000_003, 1_700_000_004]);
    }

    #[test]
    fn an_event_in_two_parts_is_counted_once() {
        let text = b"id: x-1\nevent: change\ndata: {}\n\nid: x-2\nevent: change\ndata: {}\n\n";
        for cut in 0..text.len() {
            let mut received = Received::default();
            count_names(&text[..cut], 0, &mut received);
            let keep = cut.min(24);
            count_names(&text[cut - keep..], keep, &mut received);
            assert_eq!(received.changes, 2, "cut at {cut}");
        }
    }
}
