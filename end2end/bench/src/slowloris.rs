//! Thousands of requests that begin and never go on: what everybody else notices of them.

use crate::{
    client::Connection,
    console::{Console, Program},
    engines::{Pool, Shape},
    figures::{Spread, ms, table},
    viewer::crowd,
};
use clap::Args;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// From how many addresses they come: more than have a share together.
const ADDRESSES: u8 = 10;

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How many half requests are open at once, as far as the console lets them; each that is hung up on is replaced.
    #[arg(long, default_value_t = 2_000)]
    half_requests: usize,
    /// How long each row is measured, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { half_requests: 2_000, seconds: 20 }
    }
}

/// Measures.
pub async fn run(program: &Program, options: &Options) -> anyhow::Result<()> {
    let pool = Pool::start("watched".to_owned(), Shape::Whole).await?;
    pool.moving.change_with_each_answer();
    let pools = [pool];
    // As many files as a process usually gets.
    let console = Console::start_with_files(program, &pools, 1_024).await?;
    console.settle(&pools[0]).await?;

    let mut rows = vec![measured(&console, &pools[0], "none", options, None).await?];
    let attack = Attack::start(console.address, options.half_requests);
    tokio::time::sleep(Duration::from_secs(2)).await;
    rows.push(measured(&console, &pools[0], &options.half_requests.to_string(), options, Some(&attack)).await?);
    table(
        &format!("slowloris: half requests from {ADDRESSES} addresses at a console with 1024 files; {} s for each row", options.seconds),
        &["half requests", "begun per s", "page p50", "page p95", "page max", "change to viewer p50", "p95", "not answered", "CPU"],
        &rows,
    );
    println!("  page: the first byte of the pool page over a new connection of somebody else; {}", console.complaints());
    Ok(())
}

async fn measured(console: &Console, pool: &Pool, name: &str, options: &Options, attack: Option<&Attack>) -> anyhow::Result<Vec<String>> {
    let mut viewers = Vec::new();
    crowd(console, &pool.id, 1, &mut viewers).await?;
    let usage = console.usage()?;
    let begun = attack.map_or(0, |attack| attack.begun.load(Ordering::Relaxed));
    let (mut pages, mut failed) = (Spread::default(), 0);
    let began = Instant::now();
    let path = format!("/pools/{}", pool.id);
    while began.elapsed() < Duration::from_secs(options.seconds) {
        let asked = Instant::now();
        let answer = async { Connection::open(console.address).await?.ask("GET", &path, &console.headers(), "").await };
        match answer.await {
            Ok(answer) if answer.status == 200 => pages.push(asked.elapsed()),
            _ => failed += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut changes = Spread::default();
    for viewer in &viewers {
        for (mark, at) in viewer.take()?.marks {
            if let Some(told) = pool.moving.told_at(mark) {
                changes.push(at.saturating_duration_since(told));
            }
        }
    }
    let begun = attack.map_or(0, |attack| attack.begun.load(Ordering::Relaxed)) - begun;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_second = begun as f64 / began.elapsed().as_secs_f64();
    Ok(vec![
        name.to_owned(),
        format!("{per_second:.0}"),
        ms(pages.percentile(50)),
        ms(pages.percentile(95)),
        ms(pages.percentile(100)),
        ms(changes.percentile(50)),
        ms(changes.percentile(95)),
        failed.to_string(),
        format!("{:.2}", console.usage()?.cores_since(&usage)),
    ])
}

/// Half requests, until this is dropped.
struct Attack {
    begun: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Attack {
    fn start(at: SocketAddr, count: usize) -> Attack {
        let attack = Attack { begun: Arc::default(), over: Arc::default() };
        for number in 0..count {
            let (begun, over) = (Arc::clone(&attack.begun), Arc::clone(&attack.over));
            let last = u8::try_from(number % usize::from(ADDRESSES)).unwrap_or_default();
            let from = Ipv4Addr::new(127, 0, 1, last + 1);
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(mut stream) = half_request(from, at).await {
                        begun.fetch_add(1, Ordering::Relaxed);
                        // Until the console hangs up.
                        while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
        attack
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

async fn half_request(from: Ipv4Addr, at: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut stream = socket.connect(at).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ").await?;
    Ok(stream)
}
