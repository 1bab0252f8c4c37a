//! Somebody between the console and the Patronis, with a certificate that the console trusts: a gateway, a load balancer, a firewall that
//! looks into what it lets through. It passes everything on, until it is told to lie about the orders to one site.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock::pause;
use crate::error::{Doing, Result};
use crate::lab::Lab;
use crate::places::{Node, Site};
use crate::tls;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than anybody waits for an answer.
const SILENCE: Duration = Duration::from_mins(2);

/// What is answered to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// What Patroni itself has answered.
    Own,
    /// A line of text with this status, as Patroni says no.
    Line(u16, &'static str),
    /// A page for a person with a browser, with this status.
    Page(u16),
    /// Nothing; the connection ends.
    Cut,
    /// Nothing, and the connection stays.
    Silence,
}

/// How the orders to a site are lied about.
pub struct Lie {
    /// The answer to the first order, which is passed on to Patroni.
    pub first: Said,
    /// The answer to every later one, which Patroni never sees.
    pub then: Said,
    /// How long the first one is kept before it is passed on. Its answer does not wait for that, unless it is Patroni's own.
    pub late: Duration,
    /// What happens right before the first one is passed on.
    pub before: Option<Box<dyn FnOnce() + Send>>,
}

impl Lie {
    /// The first order is passed on at once.
    pub fn new(first: Said, then: Said) -> Self {
        Self { first, then, late: Duration::ZERO, before: None }
    }
}

/// An order that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// To the Patroni of this node.
    pub node: Node,
    /// Its method and path.
    pub what: String,
    /// What Patroni has answered; nothing when it was not passed on, or not yet answered.
    pub status: Option<u16>,
    /// It was passed on.
    pub passed: bool,
}

#[derive(Default)]
struct State {
    lie: Option<(Site, Lie)>,
    lied: bool,
    orders: Vec<Order>,
}

/// Somebody between; gone when it is dropped.
pub struct Between {
    lab: Lab,
    addresses: BTreeMap<Node, SocketAddr>,
    state: Arc<Mutex<State>>,
    _listening: JoinSet<()>,
}

/// What is to be done with a request.
enum Deed {
    /// Passed on, and answered as Patroni does.
    Honest,
    /// Passed on, and answered otherwise; it is the order of this number.
    Pass { number: usize, lie: Lie },
    /// Only answered.
    Only(Said),
}

impl Between {
    /// Begins, for all Patronis, and is honest.
    pub async fn begin(lab: &Lab) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(tls::as_server(&lab.layout, "between", HERE)?));
        let state = Arc::new(Mutex::new(State::default()));
        let (mut addresses, mut listening) = (BTreeMap::new(), JoinSet::new());
        for node in Node::all() {
            let listener = TcpListener::bind((HERE, 0)).await.doing(|| "finding a port".to_owned())?;
            addresses.insert(node, listener.local_addr().doing(|| "finding a port".to_owned())?);
            listening.spawn(listen(listener, acceptor.clone(), lab.clone(), node, Arc::clone(&state)));
        }
        Ok(Self { lab: lab.clone(), addresses, state, _listening: listening })
    }

    /// Each Patroni's own address, and the one here.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (String, String)> {
        let layout = &self.lab.layout;
        self.addresses.iter().map(move |(node, here)| (layout.patroni_url(*node), format!("{}://{here}", layout.scheme())))
    }

    /// Lies about orders to a site from now on.
    pub fn lie(&self, site: Site, lie: Lie) {
        let mut state = lock(&self.state);
        (state.lie, state.lied) = (Some((site, lie)), false);
        state.orders.clear();
    }

    /// Is honest from now on. An order that is kept is passed on all the same.
    pub fn be_honest(&self) {
        lock(&self.state).lie = None;
    }

    /// The orders that came by since the lie began.
    pub fn orders(&self) -> Vec<Order> {
        lock(&self.state).orders.clone()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, lab: Lab, node: Node, state: Arc<Mutex<State>>) {
    let mut open = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        open.spawn(carry(stream, acceptor.clone(), lab.clone(), node, Arc::clone(&state)));
        while open.try_join_next().is_some() {}
    }
}

async fn carry(stream: TcpStream, acceptor: TlsAcceptor, lab: Lab, node: Node, state: Arc<Mutex<State>>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = hyper::service::service_fn(move |request| answer(request, lab.clone(), node, Arc::clone(&state)));
    // A connection that is cut on purpose ends with an error as well.
    let _ = hyper::server::conn::http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to be cut.
#[derive(Debug, thiserror::Error)]
#[error("cut on purpose")]
struct Cut;

async fn answer(
    request: Request<Incoming>,
    lab: Lab,
    node: Node,
    state: Arc<Mutex<State>>,
) -> std::result::Result<Response<Full<Bytes>>, Cut> {
    let deed = if request.method() == Method::GET { Deed::Honest } else { decide(&request, node, &state) };
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes().to_vec();
    let pass_on = async move || {
        let mut headers = head.headers;
        for own in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(own);
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        lab.http.pass_on(head.method, &format!("{}{path}", lab.layout.patroni_url(node)), headers, body).await.map_err(|_| Cut)
    };
    let said = match deed {
        Deed::Honest => return pass_on().await.and_then(|answer| respond(answer.status, "application/json", answer.body)),
        Deed::Only(said) => said,
        Deed::Pass { number, lie: Lie { first, late, before, .. } } => {
            let passing = tokio::spawn(async move {
                pause(late).await;
                if let Some(before) = before {
                    before();
                }
                let answer = pass_on().await;
                if let (Some(order), Ok(answer)) = (lock(&state).orders.get_mut(number), &answer) {
                    order.status = Some(answer.status);
                }
                answer
            });
            if first == Said::Own || late.is_zero() {
                let answer = passing.await.map_err(|_| Cut)?;
                if first == Said::Own {
                    return answer.and_then(|answer| respond(answer.status, "application/json", answer.body));
                }
            }
            first
        }
    };
    match said {
        Said::Line(status, text) => respond(status, "text/html", text.to_owned()),
        Said::Page(status) => {
            let page = "<html><head><title>Gateway</title></head><body><h1>Something went wrong</h1></body></html>";
            respond(status, "text/html", page.to_owned())
        }
        Said::Silence => {
            pause(SILENCE).await;
            Err(Cut)
        }
        Said::Own | Said::Cut => Err(Cut),
    }
}

fn decide(request: &Request<Incoming>, node: Node, state: &Mutex<State>) -> Deed {
    let mut state = lock(state);
    let number = state.orders.len();
    let (lied, lie) = (state.lied, state.lie.take_if(|(site, _)| *site == node.site));
    let deed = match lie {
        None => Deed::Honest,
        Some((site, lie)) => {
            let then = lie.then;
            // Only its later answers are needed from here on.
            state.lie = Some((site, Lie::new(then, then)));
            state.lied = true;
            if lied { Deed::Only(then) } else { Deed::Pass { number, lie } }
        }
    };
    let passed = !matches!(deed, Deed::Only(_));
    state.orders.push(Order { node, what: format!("{} {}", request.method(), request.uri().path()), status: None, passed });
    deed
}

fn respond(status: u16, kind: &str, body: String) -> std::result::Result<Response<Full<Bytes>>, Cut> {
    Response::builder().status(status).header("content-type", kind).body(Full::new(Bytes::from(body))).map_err(|_| Cut)
}
