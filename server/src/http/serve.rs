//! Connections of clients: how many there may be, and for how long one may do nothing.
//!
//! Each connection is an open file, and the console needs files of its own to reach the engines and its store. So clients get what is left
//! after a reserve, one address gets a share of that, and whoever sends half a request or reads no answer is hung up on. When all places
//! are taken, a new client takes the place of one that only waits; a connection of somebody who is signed in is never taken away.

use crate::network::{Network, TrustedProxies};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request},
};
use http_body::{Frame, SizeHint};
use hyper_util::rt::TokioIo;
use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How many bytes of a request's head are read; more is answered with 431.
const HEAD_LIMIT: usize = 32 * 1024;

/// How many headers a request may have.
const HEADERS_MAX: usize = 100;

/// More connections than this make no sense on one machine.
const CONNECTIONS_MAX: u64 = 16_384;

/// With fewer the console could not be used.
const CONNECTIONS_MIN: u64 = 32;

/// One address has at most this share of all connections.
const ADDRESS_SHARE: usize = 4;

/// Connections that are being closed and still are open files.
const CLOSING_MAX: usize = 32;

/// How often it is looked whether somebody waits for too long.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What happened to connections is logged at most this often.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// How long nobody is let in when the machine had no file or no memory for somebody.
const AFTER_REFUSED_FILE: Duration = Duration::from_millis(100);

/// What was refused is still read for a moment: a connection that is closed with bytes unread is reset, and the client never sees why.
const LINGER: Duration = Duration::from_secs(1);

/// How much of it.
const LINGER_BYTES: usize = 1024 * 1024;

/// How many connections there may be, and how long they may do nothing.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all.
    pub in_all: usize,
    /// From one address, unless it is a proxy's.
    pub per_address: usize,
    /// How long the head of a request may take.
    pub head_within: Duration,
    /// How long a connection may stay open between two requests.
    pub idle: Duration,
    /// How long an answer may stay unread.
    pub unread: Duration,
}

impl Limits {
    /// What is possible with so many open files, of which the console itself needs some.
    pub fn for_files(files: u64, reserve: u64) -> Limits {
        let in_all = files.saturating_sub(reserve).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
        let in_all = usize::try_from(in_all).unwrap_or(usize::MAX);
        Limits {
            in_all,
            per_address: in_all / ADDRESS_SHARE,
            head_within: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            unread: Duration::from_secs(30),
        }
    }
}

/// What a connection is doing, and since when.
#[derive(Debug, Clone, Copy)]
enum Doing {
    /// The head of a request is being sent, or is due since the connection was opened.
    Sending(Instant),
    /// A request is being answered.
    Answering(Instant),
    /// Between two requests.
    Idle(Instant),
}

#[derive(Debug)]
struct State {
    doing: Doing,
    /// The client takes no more bytes.
    unread_since: Option<Instant>,
    signed_in: bool,
}

/// A connection of a client, as its requests know it.
#[derive(Debug)]
pub(super) struct Connection {
    state: Mutex<State>,
    hang_up: CancellationToken,
}

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody with a session uses it.
    pub(super) fn is_signed_in(&self) {
        self.state().signed_in = true;
    }

    fn sends(&self) {
        let mut state = self.state();
        if matches!(state.doing, Doing::Idle(_)) {
            state.doing = Doing::Sending(Instant::now());
        }
    }

    fn takes_bytes(&self, takes: bool) {
        let mut state = self.state();
        state.unread_since = if takes { None } else { state.unread_since.or_else(|| Some(Instant::now())) };
    }

    /// Why it is to be closed now.
    fn overdue(&self, limits: &Limits, now: Instant) -> Option<Closed> {
        let state = self.state();
        let longer = |since: Instant, limit| now.saturating_duration_since(since) > limit;
        if state.unread_since.is_some_and(|since| longer(since, limits.unread)) {
            return Some(Closed::Unread);
        }
        match state.doing {
            Doing::Sending(since) if longer(since, limits.head_within) => Some(Closed::HalfRequest),
            Doing::Idle(since) if longer(since, limits.idle) => Some(Closed::Idle),
            _ => None,
        }
    }

    /// How willingly it is given up for somebody new, the least first; not at all while somebody who is signed in uses it.
    fn worth(&self) -> Option<(u8, Instant)> {
        let state = self.state();
        match state.doing {
            Doing::Sending(since) => Some((0, since)),
            Doing::Idle(since) => Some((1, since)),
            Doing::Answering(_) if state.signed_in => None,
            Doing::Answering(since) => Some((2, since)),
        }
    }
}

/// Why connections were closed or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closed {
    HalfRequest,
    Idle,
    Unread,
    MadeRoom,
    RefusedAddress,
    RefusedAll,
    NotAccepted,
}

impl Closed {
    fn as_code(self) -> &'static str {
        match self {
            Closed::HalfRequest => "half_request",
            Closed::Idle => "idle",
            Closed::Unread => "unread",
            Closed::MadeRoom => "made_room",
            Closed::RefusedAddress => "refused_address",
            Closed::RefusedAll => "refused_all",
            Closed::NotAccepted => "not_accepted",
        }
    }
}

#[derive(Default)]
struct Known {
    next: u64,
    open: BTreeMap<u64, (Network, Arc<Connection>)>,
    of_address: HashMap<Network, usize>,
    closed: BTreeMap<Closed, u64>,
    logged_at: Option<Instant>,
}

impl Known {
    fn forget(&mut self, number: u64) -> Option<Arc<Connection>> {
        let (network, connection) = self.open.remove(&number)?;
        if let Some(count) = self.of_address.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&network);
            }
        }
        Some(connection)
    }

    /// Closes the connection that is worth least, of one address or of all.
    fn make_room(&mut self, of: Option<Network>) -> bool {
        let candidates = self.open.iter().filter(|(_, (network, _))| of.is_none_or(|of| of == *network));
        let least = candidates.filter_map(|(number, (_, connection))| Some((connection.worth()?, *number))).min();
        let Some(connection) = least.and_then(|(_, number)| self.forget(number)) else { return false };
        connection.hang_up.cancel();
        self.count(Closed::MadeRoom);
        true
    }

    fn count(&mut self, why: Closed) {
        metrics::counter!(CLOSED, "why" => why.as_code()).increment(1);
        if why != Closed::Idle {
            *self.closed.entry(why).or_default() += 1;
        }
    }
}

/// The names of the figures about connections.
const OPEN: &str = "switchback_http_connections";
const CLOSED: &str = "switchback_http_connections_closed_total";

pub(super) fn describe_metrics() {
    metrics::describe_gauge!(OPEN, "Open connections of clients");
    metrics::describe_counter!(CLOSED, "Connections of clients that the console closed or refused, by why");
}

/// All connections of clients.
struct Connections {
    limits: Limits,
    proxies: TrustedProxies,
    known: Mutex<Known>,
}

impl Connections {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a new connection in, if there is room for it or can be made.
    fn admit(&self, from: SocketAddr) -> Option<(u64, Arc<Connection>)> {
        let network = Network::of(from.ip());
        let mut known = self.known();
        let crowded = known.of_address.get(&network).is_some_and(|count| *count >= self.limits.per_address);
        if crowded && !self.proxies.may_be_proxy(from.ip()) && !known.make_room(Some(network)) {
            known.count(Closed::RefusedAddress);
            return None;
        }
        if known.open.len() >= self.limits.in_all && !known.make_room(None) {
            known.count(Closed::RefusedAll);
            return None;
        }
        let state = State { doing: Doing::Sending(Instant::now()), unread_since: None, signed_in: false };
        let connection = Arc::new(Connection { state: Mutex::new(state), hang_up: CancellationToken::new() });
        let number = known.next;
        known.next += 1;
        known.open.insert(number, (network, Arc::clone(&connection)));
        *known.of_address.entry(network).or_default() += 1;
        Some((number, connection))
    }

    /// Hangs up on whoever waits for too long, and says now and then what happened.
    fn look(&self) {
        let now = Instant::now();
        let mut known = self.known();
        let overdue = known.open.iter().filter_map(|(number, (_, connection))| Some((*number, connection.overdue(&self.limits, now)?)));
        for (number, why) in overdue.collect::<Vec<_>>() {
            if let Some(connection) = known.forget(number) {
                connection.hang_up.cancel();
            }
            known.count(why);
        }
        #[expect(clippy::cast_precision_loss, reason = "there are never so many")]
        metrics::gauge!(OPEN).set(known.open.len() as f64);
        if !known.closed.is_empty() && known.logged_at.is_none_or(|at| now.saturating_duration_since(at) >= LOG_EVERY) {
            known.logged_at = Some(now);
            let closed: BTreeMap<&str, u64> =
                std::mem::take(&mut known.closed).into_iter().map(|(why, count)| (why.as_code(), count)).collect();
            let (open, limit) = (known.open.len(), self.limits.in_all);
            tracing::warn!(?closed, open, limit, "closed or refused connections of clients (logged once a minute)");
        }
    }
}

/// Answers whoever connects, until it is told to stop; then requests that are under way are still answered.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, proxies: TrustedProxies, stop: CancellationToken) {
    let all = Arc::new(Connections { limits, proxies, known: Mutex::default() });
    let places = Arc::new(Semaphore::new(limits.in_all + CLOSING_MAX));
    let tasks = TaskTracker::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = async {
            // A semaphore that is never closed always has a place some time.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            _ = look.tick() => {
                all.look();
                continue;
            }
            next = next => next,
        };
        match accepted {
            Ok((stream, from)) => {
                let Some((number, connection)) = all.admit(from) else { continue };
                let (all, router, stop) = (Arc::clone(&all), router.clone(), stop.clone());
                tasks.spawn(async move {
                    carry(stream, from, router, &connection, &stop).await;
                    all.known().forget(number);
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection was not accepted");
                all.known().count(Closed::NotAccepted);
                // No file is left, or no memory; it is no use to ask again at once.
                let of_client = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
                if !of_client.contains(&error.kind()) {
                    let _ = tokio::time::timeout(AFTER_REFUSED_FILE, stop.cancelled()).await;
                }
            }
        }
    }
    drop(listener);
    tasks.close();
    loop {
        tokio::select! {
            () = tasks.wait() => return,
            _ = look.tick() => all.look(),
        }
    }
}

/// Answers the requests of one connection, one after the other.
async fn carry(stream: TcpStream, from: SocketAddr, router: Router, connection: &Arc<Connection>, stop: &CancellationToken) {
    // Small events follow each other closely while an operation runs: none of them waits for the one before to be acknowledged.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection keeps Nagle's algorithm");
    }
    let io = TokioIo::new(Noted { stream, connection: Arc::clone(connection) });
    let service = hyper::service::service_fn({
        let connection = Arc::clone(connection);
        move |request: http::Request<hyper::body::Incoming>| {
            let answered = Answering::begin(&connection);
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(from));
            request.extensions_mut().insert(Arc::clone(&connection));
            let answer = router.clone().oneshot(request);
            async move { Ok::<_, Infallible>(answer.await?.map(|body| CountedBody { body, _answered: answered })) }
        }
    });
    let mut conversation =
        hyper::server::conn::http1::Builder::new().max_buf_size(HEAD_LIMIT).max_headers(HEADERS_MAX).serve_connection(io, service);
    let mut stopping = false;
    let outcome = loop {
        tokio::select! {
            outcome = &mut conversation => break outcome,
            () = connection.hang_up.cancelled() => return,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut conversation).graceful_shutdown();
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error = &error as &dyn std::error::Error, %from, "a connection broke");
        if error.is_parse() {
            let _ = tokio::time::timeout(LINGER, read_the_rest(conversation.into_parts().io.into_inner().stream)).await;
        }
    }
}

async fn read_the_rest(mut stream: TcpStream) -> io::Result<()> {
    use tokio::io::AsyncWriteExt as _;
    stream.shutdown().await?;
    let mut buffer = vec![0; 16 * 1024];
    let mut read = 0;
    while read < LINGER_BYTES {
        match stream.read(&mut buffer).await? {
            0 => break,
            more => read += more,
        }
    }
    Ok(())
}

/// Held as long as a request is being answered.
struct Answering(Arc<Connection>);

impl Answering {
    fn begin(connection: &Arc<Connection>) -> Answering {
        connection.state().doing = Doing::Answering(Instant::now());
        Answering(Arc::clone(connection))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.doing = Doing::Idle(Instant::now());
        state.signed_in = false;
    }
}

/// The body of an answer; the request counts as answered when its end was taken.
struct CountedBody {
    body: Body,
    _answered: Answering,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that notes when the client sends, and when it takes no more.
struct Noted {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl Noted {
    fn written<T>(&self, polled: Poll<T>) -> Poll<T> {
        self.connection.takes_bytes(polled.is_ready());
        polled
    }
}

impl AsyncRead for Noted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.connection.sends();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Noted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(polled)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(polled)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_the_console_does_not_need_itself() {
        let limits = |files, reserve| (Limits::for_files(files, reserve).in_all, Limits::for_files(files, reserve).per_address);
        assert_eq!(limits(1_024, 208), (816, 204));
        assert_eq!(limits(1_048_576, 208), (16_384, 4_096));
        assert_eq!(limits(100, 208), (32, 8), "with too few files there are still some");
    }

    fn connections(in_all: usize, per_address: usize, proxies: &str) -> Connections {
        let limits = Limits { in_all, per_address, ..Limits::for_files(1_024, 0) };
        Connections { limits, proxies: TrustedProxies::listed([proxies.parse().expect("a network")]), known: Mutex::default() }
    }

    fn from(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), 1)
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_has_a_share_unless_it_is_a_proxy() {
        let all = connections(100, 3, "192.0.2.9/32");
        let mut answered = Vec::new();
        for _ in 0..3 {
            let (_, connection) = all.admit(from("192.0.2.1")).expect("there is room");
            connection.is_signed_in();
            answered.push(Answering::begin(&connection));
            connection.is_signed_in();
        }
        assert!(all.admit(from("192.0.2.1")).is_none(), "all three are in use");
        assert!(all.admit(from("192.0.2.2")).is_some(), "others are not held up");
        assert!((0..50).all(|_| all.admit(from("192.0.2.9")).is_some()), "behind a proxy there are many");
        drop(answered);
        assert!(all.admit(from("192.0.2.1")).is_some(), "one that only waits makes room");
        assert_eq!(all.known().of_address[&Network::of([192, 0, 2, 1].into())], 3);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_whoever_waits_makes_room_and_whoever_is_signed_in_never() {
        let all = connections(2, 2, "192.0.2.9/32");
        let (_, half) = all.admit(from("192.0.2.1")).expect("there is room");
        let (_, used) = all.admit(from("192.0.2.2")).expect("there is room");
        let _answering = Answering::begin(&used);
        used.is_signed_in();
        let (_, third) = all.admit(from("192.0.2.3")).expect("half a request makes room");
        assert!(half.hang_up.is_cancelled() && !used.hang_up.is_cancelled());
        let answering = Answering::begin(&third);
        third.is_signed_in();
        assert!(all.admit(from("192.0.2.4")).is_none());
        drop(answering);
        assert!(all.admit(from("192.0.2.4")).is_some() && third.hang_up.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_too_long_is_hung_up_on() {
        let all = connections(10, 10, "192.0.2.9/32");
        let limits = all.limits;
        let [half, idle, unread, answering] = ["192.0.2.1"; 4].map(|address| all.admit(from(address)).expect("there is room").1);
        drop(Answering::begin(&idle));
        let _unread = Answering::begin(&unread);
        unread.takes_bytes(false);
        let _answering = Answering::begin(&answering);
        let gone = || [&half, &idle, &unread, &answering].map(|connection| connection.hang_up.is_cancelled());
        tokio::time::advance(limits.head_within + Duration::from_secs(1)).await;
        all.look();
        assert_eq!(gone(), [true, false, false, false]);
        tokio::time::advance(limits.unread).await;
        all.look();
        assert_eq!(gone(), [true, false, true, false]);
        tokio::time::advance(limits.idle).await;
        all.look();
        assert_eq!(gone(), [true, true, true, false], "an answer may take its time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_is_no_request() {
        let all = connections(10, 10, "192.0.2.9/32");
        let (_, slow) = all.admit(from("192.0.2.1")).expect("there is room");
        drop(Answering::begin(&slow));
        for _ in 0..12 {
            slow.sends();
            tokio::time::advance(Duration::from_secs(1)).await;
            all.look();
        }
        assert!(slow.hang_up.is_cancelled());
    }
}
