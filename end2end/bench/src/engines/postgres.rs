//! As much of `PostgreSQL`'s protocol as the console's questions need. Each of them is answered with one row of one text,
//! so what is served is that text, as it was recorded from a primary, a mirror, a backup and its mirror.

use super::Moving;
use serde_json::{Value, json};
use std::{collections::HashMap, io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const SSL_REQUEST: u32 = 80_877_103;
const TEXT: u32 = 25;

/// What a statement of the console wants to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Everything,
    Heartbeat,
}

pub(super) async fn serve(listener: TcpListener, recorded: Arc<Recorded>, moving: Arc<Moving>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (recorded, moving) = (Arc::clone(&recorded), Arc::clone(&moving));
        tokio::spawn(async move {
            // A console that hangs up is the console's business.
            let _ = converse(stream, &recorded, &moving).await;
        });
    }
}

async fn converse(stream: TcpStream, recorded: &Recorded, moving: &Moving) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let length = stream.read_u32().await?;
        let code = stream.read_u32().await?;
        if code != SSL_REQUEST {
            skip(&mut stream, length.saturating_sub(8)).await?;
            break;
        }
        stream.write_all(b"N").await?;
    }
    let mut out = Vec::new();
    message(&mut out, b'R', &0_u32.to_be_bytes());
    message(&mut out, b'S', b"server_version\x0015.18\0");
    message(&mut out, b'S', b"client_encoding\0UTF8\0");
    message(&mut out, b'K', &[0; 8]);
    message(&mut out, b'Z', b"I");
    stream.write_all(&out).await?;

    // Statements by the names that the client gave them, and the one that is bound now.
    let mut prepared: HashMap<Vec<u8>, (Question, u16)> = HashMap::new();
    let mut bound = Question::Everything;
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await?.saturating_sub(4);
        // The console's longest statement has some thousand bytes.
        if length > 1_000_000 {
            return Ok(());
        }
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).await?;
        out.clear();
        match kind {
            b'P' => {
                let (name, rest) = text(&body);
                let (query, _) = text(rest);
                let query = String::from_utf8_lossy(query);
                let question = if query.contains("switchback.heartbeat") { Question::Heartbeat } else { Question::Everything };
                prepared.insert(name.to_vec(), (question, u16::from(query.contains("$1"))));
                message(&mut out, b'1', &[]);
            }
            b'D' => {
                let (name, _) = text(body.get(1..).unwrap_or_default());
                let parameters = prepared.get(name).map_or(0, |(_, parameters)| *parameters);
                let mut types = parameters.to_be_bytes().to_vec();
                types.extend((0..parameters).flat_map(|_| TEXT.to_be_bytes()));
                if body.first() == Some(&b'S') {
                    message(&mut out, b't', &types);
                }
                message(&mut out, b'T', &one_text_column());
            }
            b'B' => {
                let (_, rest) = text(&body);
                let (name, _) = text(rest);
                bound = prepared.get(name).map_or(Question::Everything, |(question, _)| *question);
                message(&mut out, b'2', &[]);
            }
            b'E' => {
                let row = match bound {
                    Question::Everything => {
                        moving.looked();
                        recorded.at(moving.position(), jiff::Timestamp::now())
                    }
                    Question::Heartbeat => heartbeat(moving),
                };
                message(&mut out, b'D', &row_of(&row));
                message(&mut out, b'C', b"SELECT 1\0");
            }
            b'C' => message(&mut out, b'3', &[]),
            b'S' => message(&mut out, b'Z', b"I"),
            b'H' => {}
            b'X' => return Ok(()),
            other => {
                let sentence = format!("SERROR\0C0A000\0Mthis recorded server does not know the message {other}\0\0");
                message(&mut out, b'E', sentence.as_bytes());
            }
        }
        stream.write_all(&out).await?;
    }
}

async fn skip(stream: &mut BufReader<TcpStream>, length: u32) -> io::Result<()> {
    let mut rest = vec![0; length.min(10_000) as usize];
    stream.read_exact(&mut rest).await.map(drop)
}

/// Text up to its zero byte, and what follows.
fn text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

fn message(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    out.extend(u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(body);
}

fn one_text_column() -> Vec<u8> {
    let mut columns = 1_u16.to_be_bytes().to_vec();
    columns.extend(b"text\0");
    columns.extend([0; 6]);
    columns.extend(TEXT.to_be_bytes());
    columns.extend((-1_i16).to_be_bytes());
    columns.extend((-1_i32).to_be_bytes());
    columns.extend(0_u16.to_be_bytes());
    columns
}

fn row_of(text: &str) -> Vec<u8> {
    let mut row = 1_u16.to_be_bytes().to_vec();
    row.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    row.extend(text.as_bytes());
    row
}

fn heartbeat(moving: &Moving) -> String {
    json!({ "beat": moving.beat(), "beat_at": jiff::Timestamp::now() }).to_string()
}

macro_rules! recorded {
    ($file:literal) => {
        include_str!(concat!("../../../../server/probes/fixtures/healthy/", $file))
    };
}

/// The answer of a real node, and what in it moves.
pub(super) struct Recorded {
    text: String,
    clock: String,
    position: String,
    /// Name and time of the newest shipped file.
    shipped: Option<(String, String)>,
}

impl Recorded {
    pub(super) fn of_node(node: &str) -> anyhow::Result<Recorded> {
        let text = match node {
            "a1" => recorded!("a1-postgres.json"),
            "a2" => recorded!("a2-postgres.json"),
            "b1" => recorded!("b1-postgres.json"),
            _ => recorded!("b2-postgres.json"),
        };
        Recorded::of(text, recorded!("a1-patroni.json"))
    }

    fn of(text: &str, patroni: &str) -> anyhow::Result<Recorded> {
        let (seen, patroni): (Value, Value) = (serde_json::from_str(text)?, serde_json::from_str(patroni)?);
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let position = word(&seen["written"]).or_else(|| word(&seen["received"]));
        let (Some(clock), Some(position), Some(ours), Some(theirs)) =
            (word(&seen["clock"]), position, word(&seen["system_identifier"]), word(&patroni["database_system_identifier"]))
        else {
            anyhow::bail!("a recorded answer of PostgreSQL is not as it should be: {text}");
        };
        let archiver = &seen["archiver"];
        let shipped = word(&archiver["last_file"]).zip(word(&archiver["last_at"]));
        // PostgreSQL and Patroni were recorded in two labs, which would look like two clusters.
        Ok(Recorded { text: text.trim().replace(&ours, &theirs), clock, position, shipped })
    }

    /// The same answer here and now, with the primary writing at `position`.
    fn at(&self, position: u64, now: jiff::Timestamp) -> String {
        let now = now.to_string();
        let (high, low) = (position >> 32, position & 0xffff_ffff);
        let text = self.text.replace(&self.clock, &now).replace(&self.position, &format!("{high:X}/{low:X}"));
        match &self.shipped {
            // The file before the one that is written, with files of a megabyte as in the lab.
            Some((file, at)) => {
                let before = (position >> 20).saturating_sub(1);
                text.replace(file, &format!("00000001{:08X}{:08X}", before >> 12, before & 0xfff)).replace(at, &now)
            }
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_moves_differs_from_the_recorded_answer() {
        let now: jiff::Timestamp = "2027-01-02T03:04:05Z".parse().expect("a time");
        for node in ["a1", "a2", "b1", "b2"] {
            let recorded = Recorded::of_node(node).expect("a recorded answer");
            let mut answer: Value = serde_json::from_str(&recorded.at(0x1_2345_6789, now)).expect("JSON");
            let mut before: Value = serde_json::from_str(&recorded.text).expect("JSON");
            assert_eq!(answer["clock"], "2027-01-02T03:04:05Z");
            assert_eq!(answer["system_identifier"], "7711140373075300087");
            let end = if node == "a1" { "written" } else { "received" };
            assert_eq!(answer[end], "1/23456789");
            if node == "a1" {
                assert_eq!(answer["archiver"]["last_file"], "000000010000000100000233");
                assert_eq!(answer["senders"][1]["flushed"], "1/23456789");
            }
            for moving in ["clock", "written", "received", "replayed", "receiver", "senders", "slots", "archiver"] {
                (answer[moving], before[moving]) = (Value::Null, Value::Null);
            }
            assert_eq!(answer, before);
        }
    }
}
