//! A recorded `HAProxy`: one question, one answer, then it hangs up, as the real one does.

use super::Moving;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

macro_rules! recorded {
    ($file:literal) => {
        include_str!(concat!("../../../../server/probes/fixtures/healthy/", $file))
    };
}

/// The answer around the one figure that moves.
struct Recorded {
    before: String,
    after: String,
}

pub(super) async fn serve(listener: TcpListener, side: &'static str, moving: Arc<Moving>) {
    let recorded = match side {
        "a" => Recorded::of(recorded!("haproxy-a-info.txt"), recorded!("haproxy-a-stat.csv")),
        _ => Recorded::of(recorded!("haproxy-b-info.txt"), recorded!("haproxy-b-stat.csv")),
    };
    let recorded = Arc::new(recorded);
    while let Ok((stream, _)) = listener.accept().await {
        let (recorded, moving) = (Arc::clone(&recorded), Arc::clone(&moving));
        tokio::spawn(async move {
            // A console that hangs up early is the console's business.
            let _ = answer(stream, &recorded, side == "a", &moving).await;
        });
    }
}

async fn answer(mut stream: TcpStream, recorded: &Recorded, moves: bool, moving: &Moving) -> std::io::Result<()> {
    let mut question = Vec::with_capacity(256);
    while !question.ends_with(b"\n") {
        if stream.read_buf(&mut question).await? == 0 {
            return Ok(());
        }
    }
    moving.looked();
    let sessions = if moves { moving.tell_sessions() } else { 0 };
    stream.write_all(format!("{}{sessions}{}", recorded.before, recorded.after).as_bytes()).await?;
    stream.shutdown().await
}

impl Recorded {
    /// The answer to `show info;show stat members 4 -1;show stat peer_pg 6 -1`, out of the answers to `show info` and
    /// `show stat`. Each part ends with an empty line.
    fn of(info: &str, stat: &str) -> Recorded {
        let mut lines = stat.lines();
        let columns = lines.next().unwrap_or_default();
        let rows: Vec<&str> = lines.collect();
        let members: Vec<&str> =
            rows.iter().filter(|row| row.starts_with("members,") && !is(row, "FRONTEND") && !is(row, "BACKEND")).copied().collect();
        let guard: Vec<&str> = rows.iter().filter(|row| row.starts_with("peer_pg,")).copied().collect();
        // The sessions of the first member, its fifth column, are what moves.
        let first = members.first().copied().unwrap_or_default();
        let at: usize = first.split(',').take(4).map(|cell| cell.len() + 1).sum();
        let end = first[at..].find(',').map_or(first.len(), |length| at + length);
        let before = format!("{}\n\n{columns}\n{}", info.trim_end(), &first[..at]);
        let mut after = first[end..].to_owned();
        for row in &members[1..] {
            after.push('\n');
            after.push_str(row);
        }
        after.push_str(&["\n\n", columns, "\n", &guard.join("\n"), "\n\n"].concat());
        Recorded { before, after }
    }
}

/// Whether the row is about this server.
fn is(row: &str, server: &str) -> bool {
    row.split(',').nth(1) == Some(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_members_sessions_move() {
        let stat = "# pxname,svname,qcur,qmax,scur,smax\nmembers,FRONTEND,,,3,4\nmembers,m1,0,0,7,8\nmembers,m2,0,0,9,9\n\
                    members,BACKEND,0,0,1,1\npeer_pg,b1,0,0,0,0\npeer_pg,BACKEND,0,0,0,1\nother,BACKEND,0,0,0,1\n";
        let Recorded { before, after } = Recorded::of("Name: HAProxy\nVersion: 2.6\n\n\n", stat);
        let expected = "Name: HAProxy\nVersion: 2.6\n\n# pxname,svname,qcur,qmax,scur,smax\nmembers,m1,0,0,42,8\nmembers,m2,0,0,9,9\n\n\
                        # pxname,svname,qcur,qmax,scur,smax\npeer_pg,b1,0,0,0,0\npeer_pg,BACKEND,0,0,0,1\n\n";
        assert_eq!(format!("{before}42{after}"), expected);
    }
}
