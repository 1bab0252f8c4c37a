//! Chat users: four of them in one room, through `HAProxy` of whichever site is active, reconnecting by themselves.
//!
//! A message counts as acknowledged when its sender sees it come back **with** the room's `<stanza-id>`: only that says that it is
//! in the archive. In the end the archive is read at a member of the other site.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_xmpp::Stanza;
use tokio_xmpp::connect::{DnsConfig, TcpServerConnector};
use tokio_xmpp::jid::{BareJid, Jid};
use tokio_xmpp::minidom::Element;
use tokio_xmpp::stanzastream::{Event, StanzaStream, StreamEvent};
use tokio_xmpp::xmlstream::Timeouts;
use xmpp_parsers::disco::{DiscoItemsQuery, DiscoItemsResult};
use xmpp_parsers::iq::Iq;
use xmpp_parsers::mam::{Fin, Result_};
use xmpp_parsers::message::{Id, Message, MessageType};
use xmpp_parsers::muc::Muc;
use xmpp_parsers::muc::muc::History;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza_id::StanzaId;

use crate::clock::{pause, run_name};
use crate::config::prosody::{HOST, ROOM, ROOMS};
use crate::error::{Doing, LabError, Result};
use crate::lab::Lab;
use crate::layout::XMPP_PORT;
use crate::load::{self, Run, Running, Stop};
use crate::network;
use crate::places::{Place, Site};
use crate::verdict::{Journal, Verdict};

/// How many users talk.
const USERS: usize = 4;
/// The user who reads the archive.
const AUDITOR: usize = 5;
/// Between two messages of one user.
const EVERY: Duration = Duration::from_millis(30);
/// For signing in: a tenth of it is usual, and the other site may be waiting.
const SIGN_IN_WITHIN: Duration = Duration::from_millis(1200);
/// For joining, and for the echo of a message.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the last echoes are waited for when the talk is over.
const LAST_ECHOES: Duration = Duration::from_secs(1);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);
/// How many messages a page of the archive has; the members' limit is a little more.
const PAGE: usize = 200;
/// How long reading back waits for a member that can.
const READ_BACK_WITHIN: Duration = Duration::from_mins(1);

/// One user's talk, until it is over.
#[derive(Clone)]
struct Talk {
    user: usize,
    run: String,
    password: String,
    endpoints: [String; 2],
    began: Instant,
    seconds: Option<u64>,
    stop: Stop,
}

impl Lab {
    /// Four users talk from the place `clients` until `stop` or for `seconds`; then the archive is read at a member of the site that was
    /// not active when the talk began.
    pub async fn load_chat(&self, seconds: Option<u64>, stop: Stop) -> Result<Verdict> {
        self.talk(seconds, stop).await.map(|run| run.verdict)
    }

    /// Begins such a talk in the background.
    pub fn begin_chat(&self) -> Running {
        let lab = self.clone();
        Running::begin(async move |stop| lab.talk(None, stop).await)
    }

    async fn talk(&self, seconds: Option<u64>, stop: Stop) -> Result<Run> {
        let run = run_name();
        let other = self.active().await?.peer();
        let endpoints = Site::BOTH.map(|site| format!("{}:{XMPP_PORT}", self.layout.haproxy(site)));
        let began = Instant::now();
        let talk = Talk { user: 0, run: run.clone(), password: self.secrets.chat.clone(), endpoints, began, seconds, stop };
        let layout = self.layout.clone();
        let (journal, ran) = tokio::task::spawn_blocking(move || network::within(&layout, Place::Clients, move || talk_all(talk)))
            .await
            .map_err(std::io::Error::other)
            .doing(|| "running the chat".to_owned())??;
        let (found, from) = self.read_archive(&run, other).await?;
        Ok(load::run(journal, &found, began, ran, from))
    }

    /// How often each message of a run is in the room's archive as a member of the site has it, and which member said so.
    async fn read_archive(&self, run: &str, site: Site) -> Result<(HashMap<String, u64>, String)> {
        let mut found = None;
        self.wait("a member to read the archive from", READ_BACK_WITHIN, async || {
            let (address, password) = (format!("{}:{XMPP_PORT}", self.layout.member(site, 1)), self.secrets.chat.clone());
            let (layout, run) = (self.layout.clone(), run.to_owned());
            let read = tokio::task::spawn_blocking(move || {
                network::within(&layout, Place::Clients, move || async move {
                    tokio::time::timeout(Duration::from_secs(40), archive(&address, &password, &run)).await
                })
            });
            let read = read.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
            let rows = read.map_err(|_| "the archive took too long".to_owned())?.map_err(|error| error.to_string())?;
            found = Some((rows, format!("member-{site}1")));
            Ok(())
        })
        .await?;
        // Set whenever the wait ends well.
        Ok(found.unwrap_or_default())
    }
}

async fn talk_all(talk: Talk) -> (Journal, Duration) {
    let users = (1..=USERS).map(|user| Talk { user, ..talk.clone() }.run());
    let mut all = Journal::default();
    for one in futures::future::join_all(users).await {
        all.merge(one);
    }
    (all, talk.began.elapsed())
}

fn room() -> String {
    format!("{ROOM}@{ROOMS}")
}

fn bad_name(error: impl std::fmt::Display) -> LabError {
    LabError::Refused(format!("not an XMPP address: {error}"))
}

/// Whether an XMPP server answers there. `HAProxy` without an active member accepts the connection and closes it; finding that out
/// takes a millisecond this way, and seconds by signing in.
async fn answers(endpoint: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(endpoint).await?;
        let opening = format!(
            "<?xml version='1.0'?><stream:stream to='{HOST}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        stream.write_all(opening.as_bytes()).await?;
        let mut first = [0_u8];
        stream.read(&mut first).await
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Ok(1)))
}

/// Signs in and waits until the server has said yes.
async fn sign_in(endpoint: &str, user: usize, password: &str) -> Result<StanzaStream> {
    let jid: BareJid = format!("u{user}@{HOST}").parse().map_err(bad_name)?;
    let timeouts = Timeouts { read_timeout: Duration::from_secs(2), response_timeout: Duration::from_secs(2) };
    let connector = TcpServerConnector::from(DnsConfig::addr(endpoint));
    let mut stream = StanzaStream::new_c2s(connector, jid.into(), password.to_owned(), timeouts, 256);
    let first = tokio::time::timeout(SIGN_IN_WITHIN, stream.next()).await;
    match first {
        Ok(Some(Event::Stream(StreamEvent::Reset { .. }))) => Ok(stream),
        _ => Err(LabError::Refused(format!("u{user} could not sign in at {endpoint}"))),
    }
}

impl Talk {
    fn is_over(&self) -> bool {
        self.stop.is_asked() || self.seconds.is_some_and(|seconds| self.began.elapsed() >= Duration::from_secs(seconds))
    }

    async fn run(self) -> Journal {
        let mut journal = Journal::default();
        let (mut turn, mut number) = (0, 0_u64);
        while !self.is_over() {
            let endpoint = &self.endpoints[turn % 2];
            turn += 1;
            if !answers(endpoint).await {
                pause(PAUSE).await;
                continue;
            }
            if let Err(error) = self.session(endpoint, &mut number, &mut journal).await {
                journal.errors += 1;
                journal.last_error = Some(error.to_string());
                pause(PAUSE).await;
            }
            // The endpoint that worked is asked first the next time.
            turn += 1;
        }
        journal
    }

    /// One connection, from signing in to its end. Ends well when the talk is over.
    async fn session(&self, endpoint: &str, number: &mut u64, journal: &mut Journal) -> Result<()> {
        let mut stream = sign_in(endpoint, self.user, &self.password).await?;
        let nick: Jid = format!("{}/u{}-{}", room(), self.user, self.run).parse().map_err(bad_name)?;
        let room: Jid = room().parse().map_err(bad_name)?;
        stream.send(Box::new(Presence::new(Type::None).into())).await;
        let join = Muc::new().with_history(History::new().with_maxstanzas(0));
        stream.send(Box::new(Presence::new(Type::None).with_to(nick.clone()).with_payloads(vec![join.into()]).into())).await;

        let lost = |why: &str| LabError::Refused(format!("u{} at {endpoint}: {why}", self.user));
        let mut joined = false;
        let signed_in = Instant::now();
        // What was sent and has not come back: a number is never sent twice, so that whatever is there twice is not our doing.
        let mut waiting: HashMap<String, Instant> = HashMap::new();
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut over: Option<Instant> = None;
        loop {
            if over.is_none() && self.is_over() {
                over = Some(Instant::now());
            }
            // What was sent last gets a moment to come back.
            if over.is_some_and(|over| waiting.is_empty() || over.elapsed() > LAST_ECHOES) {
                break;
            }
            tokio::select! {
                _ = ticks.tick() => {
                    if over.is_some() { continue; }
                    if !joined {
                        if signed_in.elapsed() > PATIENCE { return Err(lost("could not join the room")); }
                        continue;
                    }
                    if waiting.values().any(|sent| sent.elapsed() > PATIENCE) { return Err(lost("no echo")); }
                    *number += 1;
                    let name = format!("{}:u{}:{number}", self.run, self.user);
                    let mut message = Message::new(Some(room.clone()));
                    message.type_ = MessageType::Groupchat;
                    message.id = Some(Id(name.clone()));
                    message.bodies.insert(String::new().into(), name.clone());
                    waiting.insert(name, Instant::now());
                    let sent = tokio::time::timeout(PATIENCE, stream.send(Box::new(message.into()))).await;
                    if sent.is_err() { return Err(lost("a message could not be sent")); }
                }
                event = stream.next() => match event {
                    Some(Event::Stanza(Stanza::Presence(presence))) if presence.from.as_ref() == Some(&nick) => {
                        if presence.type_ == Type::None {
                            journal.connections += u64::from(!joined);
                            joined = true;
                        } else {
                            return Err(lost("was sent out of the room"));
                        }
                    }
                    Some(Event::Stanza(Stanza::Message(message))) => {
                        let Some(id) = message.id.as_ref().map(|id| id.0.clone()) else { continue };
                        if message.type_ == MessageType::Error && waiting.remove(&id).is_some() {
                            return Err(lost("a message was refused"));
                        }
                        let archived = message.payloads.iter().filter_map(|payload| StanzaId::try_from(payload.clone()).ok()).any(|id| id.by == room);
                        if archived && message.from.as_ref() == Some(&nick) && waiting.remove(&id).is_some() {
                            let at = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
                            journal.acknowledged.push((id, at));
                        }
                    }
                    Some(Event::Stanza(_)) => {}
                    Some(Event::Stream(_)) | None => return Err(lost("the connection ended")),
                },
            }
        }
        stream.close().await;
        Ok(())
    }
}

/// The rooms that a member has.
async fn rooms(stream: &mut StanzaStream) -> Result<Vec<Jid>> {
    let to: Jid = ROOMS.parse().map_err(bad_name)?;
    let payload = DiscoItemsQuery { node: None, rsm: None }.into();
    stream.send(Box::new(Iq::Get { from: None, to: Some(to), id: "rooms".to_owned(), payload }.into())).await;
    loop {
        match stream.next().await {
            Some(Event::Stanza(Stanza::Iq(Iq::Result { id, payload: Some(payload), .. }))) if id == "rooms" => {
                let items = DiscoItemsResult::try_from(payload).map_err(|error| LabError::Refused(format!("the rooms: {error:?}")))?;
                return Ok(items.items.into_iter().map(|item| item.jid).collect());
            }
            Some(Event::Stanza(Stanza::Iq(Iq::Error { id, error, .. }))) if id == "rooms" => {
                return Err(LabError::Refused(format!("the rooms are not told: {error:?}")));
            }
            Some(Event::Stanza(_)) => {}
            Some(Event::Stream(_)) | None => return Err(LabError::Refused("the connection ended while asking for the rooms".to_owned())),
        }
    }
}

/// Reads the room's whole archive at one member and counts the messages of a run.
async fn archive(address: &str, password: &str, run: &str) -> Result<HashMap<String, u64>> {
    if !answers(address).await {
        return Err(LabError::Refused(format!("no member answers at {address}")));
    }
    let mut stream = sign_in(address, AUDITOR, password).await?;
    let room: Jid = room().parse().map_err(bad_name)?;
    let rooms = rooms(&mut stream).await?;
    if !rooms.contains(&room) {
        return Err(LabError::Refused(format!("{room} is not among the rooms at {address}: {rooms:?}")));
    }
    let mut found = HashMap::new();
    let mut after: Option<String> = None;
    loop {
        let position = after.as_ref().map(|after| format!("<after>{after}</after>")).unwrap_or_default();
        let query =
            format!("<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max>{position}</set></query>");
        let payload: Element = query.parse().map_err(bad_name)?;
        let id = format!("page-{}", after.as_deref().unwrap_or("first"));
        stream.send(Box::new(Iq::Set { from: None, to: Some(room.clone()), id: id.clone(), payload }.into())).await;
        let fin = loop {
            match stream.next().await {
                Some(Event::Stanza(Stanza::Message(message))) => {
                    let results = message.payloads.into_iter().filter_map(|payload| Result_::try_from(payload).ok());
                    for body in results.flat_map(|result| result.forwarded.message.bodies.into_values()) {
                        if body.starts_with(run) {
                            *found.entry(body).or_insert(0) += 1;
                        }
                    }
                }
                Some(Event::Stanza(Stanza::Iq(Iq::Result { id: answered, payload: Some(payload), .. }))) if answered == id => {
                    break Fin::try_from(payload).map_err(|error| LabError::Refused(format!("the archive's answer: {error:?}")))?;
                }
                Some(Event::Stanza(Stanza::Iq(Iq::Error { id: answered, error, .. }))) if answered == id => {
                    return Err(LabError::Refused(format!("the archive refused: {error:?}")));
                }
                Some(Event::Stanza(_)) => {}
                Some(Event::Stream(_)) | None => {
                    return Err(LabError::Refused("the connection ended while reading the archive".to_owned()));
                }
            }
        };
        match fin.set.last {
            Some(last) if !fin.complete => after = Some(last),
            _ => break,
        }
    }
    stream.close().await;
    Ok(found)
}
