//! People: the first administrator, signing in and out, sessions. Everything done or refused here is in the audit
//! history, and nothing is done that cannot be written there.

mod attempts;
mod devices;
mod secret;

pub(crate) use secret::hex;

use crate::{
    audit::{Actor, OpenDeed, audited},
    figures,
    ports::{Chance, Clock, Lane, Passwords, PasswordsFailed, Session, Store, StoreError},
    time::pause,
};
use attempts::{Attempts, Counted};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use switchback_domain::{
    Login,
    audit::{Deed, DeedOutcome},
    error::{ConsoleError, SetUpError, SignInError},
    people::{Caller, Person, objection_to_password},
    permission::Role,
    text::acts_on_display,
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// How long a set-up link can be used: long enough to open it, too short to be found.
const SET_UP_LASTS: Duration = Duration::from_mins(15);

/// A session's last use is noted at most this often.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// That people have to wait is logged at most this often.
const BUSY_LOGGED_EVERY: Duration = Duration::from_mins(1);

/// Refused attempts of strangers are written into the audit history one by one up to so many at once, and then one for each of these spans,
/// with how many came in between: guessing must not fill the store.
const REFUSALS_AT_ONCE: u32 = 60;
const REFUSAL_EVERY: Duration = Duration::from_secs(1);

const PRUNE_EVERY: Duration = Duration::from_mins(10);

/// How often the store is told again of sessions that have ended.
const END_AGAIN_EVERY: Duration = Duration::from_secs(2);

/// Of so many sessions that have ended the store need not know.
const ENDING_MAX: usize = 10_000;

/// The longest name that is shown for a person, in characters.
const NAME_MAX: usize = 80;

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    /// Without use.
    pub(crate) idle: Duration,
    /// At the most.
    pub(crate) absolute: Duration,
}

/// The one link with which the first administrator is made.
pub struct SetUpLink {
    /// The last part of its address, in letters and digits. Nobody keeps it; only its SHA-256 is in the store.
    pub secret: SecretString,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// What the first administrator filled in.
pub struct SetUpForm {
    /// The last part of the link's address.
    pub secret: SecretString,
    /// The sign-in name they want.
    pub login: String,
    /// The name that pages show; the sign-in name when empty.
    pub name: String,
    /// The password they want.
    pub password: SecretString,
}

/// Where a sign-in comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The client's address, for limits and the audit history.
    pub address: &'a str,
    /// The note that the browser carries if somebody has signed in with it before.
    pub device: Option<&'a str>,
    /// It comes from the console's own machine, through no proxy.
    pub is_this_machine: bool,
}

impl<'a> From<&'a str> for Source<'a> {
    /// A stranger at this address.
    fn from(address: &'a str) -> Source<'a> {
        Source { address, device: None, is_this_machine: false }
    }
}

/// A session that has just begun.
pub struct SignedIn {
    /// For the cookie, in letters and digits. Nobody keeps it; only its SHA-256 is in the store.
    pub secret: SecretString,
    /// Who, and until when at the latest.
    pub caller: Caller,
    /// A note for the browser by which it is known the next time. It is no secret and opens nothing.
    pub device: String,
    /// How long it is good for.
    pub device_known_for: Duration,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// How a session has ended. Either way this console accepts it no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedOut {
    /// For good.
    Stored,
    /// The store could not be told yet, which goes on being tried. Another console over the same store, and this one if it is started
    /// again before, still know the session.
    NotStoredYet,
}

/// A session that has ended and of which the store has not been told yet.
#[derive(Debug, Clone)]
struct Ending {
    /// Whose it was, when that could be read.
    login: Option<Login>,
    at: Timestamp,
    from: String,
    /// The store knows that it is gone; only the audit entry is missing.
    gone: bool,
}

/// The use cases around people.
pub(crate) struct People {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    passwords: Arc<dyn Passwords>,
    limits: SessionLimits,
    attempts: Attempts,
    /// Sessions that have ended and of which the store has not been told yet, by the SHA-256 of their secrets.
    ending: Mutex<BTreeMap<[u8; 32], Ending>>,
    devices: devices::Devices,
    /// Strangers who had to wait because too many came at once, since this was last logged.
    busy: Mutex<Rarely>,
    /// Refused attempts that were not written down one by one.
    refusals: Mutex<Refusals>,
    /// A hash that no password fits, for sign-in names that nobody has.
    nobodys_hash: OnceCell<String>,
}

fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts what is told only now and then.
#[derive(Debug, Default)]
struct Rarely {
    told_at: Option<Timestamp>,
    times: u64,
}

impl Rarely {
    /// Counts one. How many there were since it was last told, when it is time to tell.
    fn count(&mut self, now: Timestamp, every: Duration) -> Option<u64> {
        self.times += 1;
        if self.told_at.is_some_and(|at| now < at + every) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

/// How many refused attempts may still be written down, as the time at which none is owed any more.
#[derive(Debug, Default)]
struct Refusals {
    owed_until: Option<Timestamp>,
    unwritten: u64,
}

impl Refusals {
    /// How many were not written before this one, if this one may be.
    fn write(&mut self, now: Timestamp) -> Option<u64> {
        let owed = self.owed_until.filter(|until| *until > now).unwrap_or(now);
        if owed >= now + REFUSAL_EVERY * REFUSALS_AT_ONCE {
            self.unwritten += 1;
            return None;
        }
        self.owed_until = Some(owed + REFUSAL_EVERY);
        Some(std::mem::take(&mut self.unwritten))
    }
}

impl People {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        passwords: Arc<dyn Passwords>,
        limits: SessionLimits,
    ) -> People {
        People {
            store,
            clock,
            chance,
            passwords,
            limits,
            attempts: Attempts::default(),
            ending: Mutex::default(),
            devices: devices::Devices::default(),
            busy: Mutex::default(),
            refusals: Mutex::default(),
            nobodys_hash: OnceCell::new(),
        }
    }

    /// Makes the set-up link anew, unless somebody has an account already.
    pub(crate) async fn open_set_up(&self) -> Result<Option<SetUpLink>, Incident> {
        if self.store.people_count().await.map_err(|error| self.incident(&error))? > 0 {
            return Ok(None);
        }
        let secret = secret::mint(self.chance.as_ref());
        let expires_at = self.clock.now() + SET_UP_LASTS;
        self.close(audited(&Actor::console(), Deed::OpenSetUp, ""), DeedOutcome::Done, serde_json::json!({})).await?;
        self.store.open_set_up(&secret::hash(secret.expose_secret()), expires_at).await.map_err(|error| self.incident(&error))?;
        Ok(Some(SetUpLink { secret, expires_at }))
    }

    pub(crate) async fn set_up_is_open(&self, secret: &str) -> Result<bool, Incident> {
        if !secret::is_one(secret) {
            return Ok(false);
        }
        self.store.set_up_is_open(&secret::hash(secret), self.clock.now()).await.map_err(|error| self.incident(&error))
    }

    /// Makes the first administrator and signs them in.
    pub(crate) async fn set_up(&self, form: SetUpForm, from: &str) -> Result<SignedIn, SetUpError> {
        let tried = |login: &str| audited(&Actor::stranger(from), Deed::SetUp, login);
        let refused = async |login: &str, reason: &str, error| match self.refuse(tried(login), reason).await {
            Ok(()) => error,
            Err(incident) => incident.into(),
        };
        // By address, as signing in: whoever floods the form should neither guess nor flood the audit history.
        let attempt = match self.attempts.begin(Counted::from_address(from), self.clock.now()) {
            Ok(attempt) => attempt,
            Err(attempts::TooMany { first: true }) => return Err(refused("", "slow_down", SetUpError::SlowDown).await),
            Err(attempts::TooMany { first: false }) => return Err(SetUpError::SlowDown),
        };
        if !self.set_up_is_open(form.secret.expose_secret()).await? {
            return Err(refused("", "closed", SetUpError::Closed).await);
        }
        // Whoever has the link is no guesser, however often the form has to be filled in.
        self.attempts.forgive(attempt);
        let Ok(login) = form.login.trim().parse::<Login>() else {
            return Err(refused("", "bad_login", SetUpError::BadLogin).await);
        };
        if let Some(rule) = objection_to_password(form.password.expose_secret(), &login) {
            let error = SetUpError::Password { rule };
            return Err(refused(login.as_str(), error.code(), error).await);
        }
        // Whoever has the link does not wait behind strangers.
        let password_hash = match self.passwords.hash(form.password, Lane::Known).await {
            Ok(hash) => hash,
            Err(PasswordsFailed::Busy) => return Err(SetUpError::SlowDown),
            Err(error) => return Err(self.incident(&error).into()),
        };
        let name: String =
            form.name.trim().chars().filter(|letter| !letter.is_control() && !acts_on_display(*letter)).take(NAME_MAX).collect();
        let name = if name.is_empty() { login.to_string() } else { name };
        let person = Person { login, name, created_at: self.clock.now() };
        let login = person.login.as_str();
        // A person cannot be taken back, so the entry comes first; if the store then says no, a second entry says so.
        let deed = audited(&Actor::person(&person.login, from), Deed::SetUp, login);
        self.close(deed, DeedOutcome::Done, serde_json::json!({})).await?;
        let secret_hash = secret::hash(form.secret.expose_secret());
        match self.store.set_up(&secret_hash, &person, &password_hash, person.created_at).await {
            Ok(()) => Ok(self.begin_session(person, from, None).await?),
            Err(StoreError::Taken) => Err(refused(login, "closed", SetUpError::Closed).await),
            Err(error) => {
                let incident = self.incident(&error);
                self.close(tried(login), DeedOutcome::Failed, serde_json::json!({})).await?;
                Err(incident.into())
            }
        }
    }

    pub(crate) async fn sign_in(&self, login: &str, password: SecretString, source: Source<'_>) -> Result<SignedIn, SignInError> {
        let from = source.address;
        let login = login.trim().parse::<Login>().ok();
        let now = self.clock.now();
        let device = match (&login, source.device) {
            (Some(login), Some(note)) => devices::known(&self.device_key().await?, login, note, now),
            _ => None,
        };
        let (counted, lane) = match device {
            Some(device) => (Counted::from_device(device), Lane::Known),
            // Who is on this machine may try as often as any address, and strangers cannot use that up.
            None if source.is_this_machine => (Counted::from_address(from), Lane::Known),
            None => (Counted::from_stranger(login.as_ref(), from), Lane::Stranger),
        };
        let attempt = match self.attempts.begin(counted, now) {
            Ok(attempt) => attempt,
            Err(attempts::TooMany { first }) => {
                // One entry for a row of refusals: whoever floods the form should not flood the audit history.
                if first {
                    self.refuse_sign_in("", "slow_down", from).await?;
                }
                return Err(SignInError::SlowDown);
            }
        };
        match self.compare(login.as_ref(), password, lane).await? {
            None => {
                // Nothing was tried, so nothing is counted.
                self.attempts.forgive(attempt);
                self.say_busy();
                Err(SignInError::Busy)
            }
            Some((Some(person), true)) => {
                self.attempts.forgive(attempt);
                Ok(self.begin_session(person, from, device).await?)
            }
            Some((Some(person), false)) => {
                self.refuse_sign_in(person.login.as_str(), "wrong_password", from).await?;
                Err(SignInError::Wrong)
            }
            Some((None, _)) => {
                // What was typed is not written down: now and then it is somebody's password.
                self.refuse_sign_in("", "unknown_login", from).await?;
                Err(SignInError::Wrong)
            }
        }
    }

    /// Whose name it is and whether the password fits; nothing when too many are waiting. An unknown name takes the same work.
    async fn compare(&self, login: Option<&Login>, password: SecretString, lane: Lane) -> Result<Option<(Option<Person>, bool)>, Incident> {
        // Made before it is known whether it is needed, so that time tells nothing.
        let nobodys_hash = self.nobodys_hash.get_or_try_init(|| self.passwords.hash(secret::mint(self.chance.as_ref()), lane)).await;
        let nobodys_hash = match nobodys_hash {
            Ok(hash) => hash,
            Err(PasswordsFailed::Busy) => return Ok(None),
            Err(error) => return Err(self.incident(&error)),
        };
        let known = match login {
            Some(login) => self.store.person(login).await.map_err(|error| self.incident(&error))?,
            None => None,
        };
        let (person, hash) = match known {
            Some((person, hash)) => (Some(person), hash),
            None => (None, nobodys_hash.clone()),
        };
        match self.passwords.verify(password, hash, lane).await {
            Ok(fits) => Ok(Some((person, fits))),
            Err(PasswordsFailed::Busy) => Ok(None),
            Err(error) => Err(self.incident(&error)),
        }
    }

    async fn device_key(&self) -> Result<[u8; 32], Incident> {
        self.devices.key(self.store.as_ref(), self.chance.as_ref()).await.map_err(|error| self.incident(&error))
    }

    /// Logs now and then that people had to wait.
    fn say_busy(&self) {
        if let Some(times) = locked(&self.busy).count(self.clock.now(), BUSY_LOGGED_EVERY) {
            tracing::warn!(times, "too many sign-ins at once; some were asked to come back (logged once a minute)");
        }
    }

    /// Writes a refused sign-in down, or counts it when there are too many.
    async fn refuse_sign_in(&self, subject: &str, reason: &'static str, from: &str) -> Result<(), Incident> {
        let Some(unwritten) = locked(&self.refusals).write(self.clock.now()) else { return Ok(()) };
        let mut detail = serde_json::json!({ "reason": reason });
        if unwritten > 0 {
            detail["refused_before"] = unwritten.into();
        }
        self.close(audited(&Actor::stranger(from), Deed::SignIn, subject), DeedOutcome::Refused, detail).await
    }

    /// The session is in the store before the entry is, but its secret leaves only after it: without entry nobody can use it.
    async fn begin_session(&self, person: Person, from: &str, device: Option<devices::DeviceId>) -> Result<SignedIn, Incident> {
        let device = device.unwrap_or_else(|| devices::mint(self.chance.as_ref()));
        let device = devices::note(&self.device_key().await?, &person.login, &device, self.clock.now());
        let secret = secret::mint(self.chance.as_ref());
        let secret_hash = secret::hash(secret.expose_secret());
        let now = self.clock.now();
        let session = Session { secret_hash, login: person.login.clone(), created_at: now, used_at: now };
        self.store.add_session(&session).await.map_err(|error| self.incident(&error))?;
        let deed = audited(&Actor::person(&person.login, from), Deed::SignIn, person.login.as_str());
        if let Err(incident) = self.close(deed, DeedOutcome::Done, serde_json::json!({})).await {
            let _ = self.store.end_session(&secret_hash).await;
            return Err(incident);
        }
        let caller = caller_of(person, now + self.limits.absolute);
        Ok(SignedIn { secret, caller, device, device_known_for: devices::KNOWN_FOR })
    }

    /// Ends a session, at once. It is fine if it is gone already. What the store does not do now it is told again and again.
    pub(crate) async fn sign_out(&self, secret: &str, from: &str) -> Result<SignedOut, Incident> {
        if !secret::is_one(secret) {
            return Ok(SignedOut::Stored);
        }
        let secret_hash = secret::hash(secret);
        if self.ending().contains_key(&secret_hash) {
            return Ok(SignedOut::NotStoredYet);
        }
        let login = match self.store.session(&secret_hash).await {
            Ok(Some((_, person))) => Some(person.login),
            Ok(None) => return Ok(SignedOut::Stored),
            // Whose it is is not known, or whether there is one; it ends all the same.
            Err(error) => {
                self.incident(&error);
                None
            }
        };
        {
            let mut ending = self.ending();
            if ending.len() >= ENDING_MAX {
                drop(ending);
                return Err(self.incident(&StoreError::Failed("too many sessions wait for the store to end them".into())));
            }
            ending.insert(secret_hash, Ending { login, at: self.clock.now(), from: from.to_owned(), gone: false });
        }
        match self.end_in_store(&secret_hash).await {
            Ok(()) => Ok(SignedOut::Stored),
            Err(error) => {
                self.incident(&error);
                Ok(SignedOut::NotStoredYet)
            }
        }
    }

    /// Brings the end of a session into the store, and then into the audit history.
    async fn end_in_store(&self, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
        let Some(Ending { login, at, from, gone }) = self.ending().get(secret_hash).cloned() else { return Ok(()) };
        let login = match login {
            Some(login) => Some(login),
            None => self.store.session(secret_hash).await?.map(|(_, person)| person.login),
        };
        if !gone {
            // The session first: a right must end even where that cannot be written down yet.
            self.store.end_session(secret_hash).await?;
            if let Some(ending) = self.ending().get_mut(secret_hash) {
                (ending.gone, ending.login) = (true, login.clone());
            }
        }
        if let Some(login) = login {
            let deed = audited(&Actor::person(&login, &from), Deed::SignOut, login.as_str());
            self.store.append(&deed.done(at, serde_json::json!({}))).await?;
        }
        self.ending().remove(secret_hash);
        Ok(())
    }

    fn ending(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose session this is; nobody's when it is unknown, idle for too long or too old.
    pub(crate) async fn caller(&self, secret: &str) -> Result<Option<Caller>, Incident> {
        if !secret::is_one(secret) {
            return Ok(None);
        }
        let secret_hash = secret::hash(secret);
        if self.ending().contains_key(&secret_hash) {
            return Ok(None);
        }
        let Some((session, person)) = self.store.session(&secret_hash).await.map_err(|error| self.incident(&error))? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let session_ends_at = session.created_at + self.limits.absolute;
        if now >= session_ends_at || now >= session.used_at + self.limits.idle {
            return Ok(None);
        }
        if now >= session.used_at + TOUCH_EVERY
            && let Err(error) = self.store.touch_session(&secret_hash, now).await
        {
            figures::store_failed("touch_session");
            tracing::warn!(error = &error as &dyn Error, "the use of a session was not noted");
        }
        Ok(Some(caller_of(person, session_ends_at)))
    }

    async fn refuse(&self, deed: OpenDeed, reason: &str) -> Result<(), Incident> {
        self.close(deed, DeedOutcome::Refused, serde_json::json!({ "reason": reason })).await
    }

    /// Writes a deed into the audit history.
    async fn close(&self, deed: OpenDeed, outcome: DeedOutcome, detail: serde_json::Value) -> Result<(), Incident> {
        let entry = deed.close(self.clock.now(), outcome, detail);
        self.store.append(&entry).await.map_err(|error| self.incident(&error))
    }

    fn incident(&self, error: &(dyn Error + 'static)) -> Incident {
        Incident::log(self.chance.as_ref(), error)
    }
}

/// Roles cannot be given yet: whoever is signed in is an administrator.
fn caller_of(person: Person, session_ends_at: Timestamp) -> Caller {
    Caller { person, role: Role::Administrator, session_ends_at }
}

/// Something failed on our side; the cause is in the log under this id.
#[derive(Debug)]
pub(crate) struct Incident(String);

impl Incident {
    pub(crate) fn log(chance: &dyn Chance, error: &(dyn Error + 'static)) -> Incident {
        let mut bytes = [0; 4];
        chance.fill(&mut bytes);
        let id = hex(&bytes);
        tracing::error!(incident = %id, error, "failed");
        Incident(id)
    }
}

macro_rules! becomes {
    ($error:ident) => {
        impl From<Incident> for $error {
            fn from(incident: Incident) -> $error {
                $error::Internal { incident: incident.0 }
            }
        }
    };
}
becomes!(ConsoleError);
becomes!(SetUpError);
becomes!(SignInError);

/// Removes ended sessions every ten minutes.
pub(crate) async fn keep_pruning(people: Arc<People>, stop: CancellationToken) {
    while pause(PRUNE_EVERY, &stop).await {
        let now = people.clock.now();
        if let Err(error) = people.store.prune_sessions(now - people.limits.absolute, now - people.limits.idle).await {
            figures::store_failed("prune_sessions");
            tracing::warn!(error = &error as &dyn Error, "ended sessions were not removed");
        }
    }
}

/// Tells the store of sessions that have ended until it knows, and once more when everything stops.
pub(crate) async fn keep_ending(people: Arc<People>, stop: CancellationToken) {
    loop {
        let goes_on = pause(END_AGAIN_EVERY, &stop).await;
        let ending: Vec<[u8; 32]> = people.ending().keys().copied().collect();
        for secret_hash in ending {
            if let Err(error) = people.end_in_store(&secret_hash).await {
                figures::store_failed("end_session");
                tracing::warn!(error = &error as &dyn Error, "a session that has ended is not stored as ended yet");
                break;
            }
        }
        if !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
