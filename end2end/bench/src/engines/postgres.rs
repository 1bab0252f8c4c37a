//! As much of `PostgreSQL`'s protocol as the console's questions need. Each of them is answered with one row of one text,
//! so what is served is that text: the console's own query answered by a primary, a mirror, a backup or its mirror.

use super::{Moving, Shape};
use serde_json::{Value, json};
use std::{collections::HashMap, io, sync::Arc, time::Duration};
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

pub(super) async fn serve(listener: TcpListener, node: &'static str, shape: Shape, moving: Arc<Moving>) {
    while let Ok((stream, _)) = listener.accept().await {
        let moving = Arc::clone(&moving);
        tokio::spawn(async move {
            // A console that hangs up is the console's business.
            let _ = converse(stream, node, shape, &moving).await;
        });
    }
}

async fn converse(stream: TcpStream, node: &str, shape: Shape, moving: &Moving) -> io::Result<()> {
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
                        everything(node, shape, moving)
                    }
                    Question::Heartbeat => heartbeat(moving),
                }
                .to_string();
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

fn heartbeat(moving: &Moving) -> Value {
    json!({ "beat": moving.beat(), "beat_at": jiff::Timestamp::now() })
}

fn lsn(position: u64) -> String {
    format!("{:X}/{:X}", position >> 32, position & 0xffff_ffff)
}

/// What `observe.sql` answers on this node.
fn everything(node: &str, shape: Shape, moving: &Moving) -> Value {
    let primary = node == "a1";
    let (now, written) = (jiff::Timestamp::now(), moving.position());
    let position = lsn(written);
    let sender = |name: &str, synchronous: bool| {
        json!({
            "application_name": name, "client": "198.18.11.1", "state": "streaming", "synchronous": synchronous,
            "flushed": position, "replayed": position, "flush_lag": 1, "reply_age": 120,
        })
    };
    let slot = |name: &str| json!({ "name": name, "active": true, "wal_status": "reserved", "restart": position });
    let whole = shape == Shape::Whole;
    let (senders, slots) = match node {
        "a1" if whole => (vec![sender("a2", true), sender("b1", false)], vec![slot("a2"), slot("site_b")]),
        "a1" => (vec![sender("b1", false)], vec![slot("site_b")]),
        "b1" if whole => (vec![sender("b2", false)], vec![slot("b2")]),
        _ => (vec![], vec![]),
    };
    let receiver = |host: &str, slot: &str| json!({ "status": "streaming", "sender_host": host, "timeline": 1, "flushed": position, "message_age": 90, "slot": slot });
    let receiver = match node {
        "a1" => Value::Null,
        "a2" => receiver("198.18.11.11", "a2"),
        "b1" => receiver("198.18.11.11", "site_b"),
        _ => receiver("198.18.12.11", "b2"),
    };
    let file = format!("00000001{:08X}{:08X}", written >> 32, (written & 0xffff_ffff) / (16 * 1024 * 1024));
    json!({
        "in_recovery": !primary,
        "system_identifier": "7711140373075300087",
        "server_version": 150_018,
        "clock": now,
        "started_at": now - jiff::SignedDuration::from_secs(86_400),
        "timeline": 1,
        "written": primary.then_some(&position),
        "received": (!primary).then_some(&position),
        "replayed": (!primary).then_some(&position),
        "replay_paused": false,
        "receiver": receiver,
        "senders": senders,
        "slots": slots,
        "archiver": {
            "enabled": true,
            "last_file": primary.then_some(file),
            "last_at": primary.then_some(now - Duration::from_secs(2)),
            "last_failed_at": null,
        },
        "settings": {
            "max_connections": 100, "max_worker_processes": 8, "max_wal_senders": 10,
            "max_prepared_transactions": 0, "max_locks_per_transaction": 64,
        },
    })
}
