//! People, the set-up link of the first one, and sessions.

use crate::sql::{SqlStore, parsed, rows, run, time, unreadable, without_nul};
use jiff::Timestamp;
use switchback_domain::{Login, people::Person};
use switchback_engine::ports::{PeopleStore, Session, StoreError, Stored};

fn person_of(login: &str, name: String, created_at: i64) -> Result<Person, StoreError> {
    Ok(Person { login: parsed("a sign-in name", login)?, name, created_at: time(created_at)? })
}

impl PeopleStore for SqlStore {
    fn people_count(&self) -> Stored<'_, u64> {
        Box::pin(async move {
            let rows: Vec<(i64,)> = rows!(&self.readers, "SELECT count(*) FROM people")?;
            let count = rows.first().map_or(0, |(count,)| *count);
            u64::try_from(count).map_err(|_| unreadable("a count", count))
        })
    }

    fn open_set_up<'a>(&'a self, secret_hash: &'a [u8; 32], expires_at: Timestamp) -> Stored<'a, ()> {
        Box::pin(async move {
            run!(
                &self.writers,
                "INSERT INTO set_up (only_one, secret_hash, expires_at) VALUES (1, $1, $2)
                 ON CONFLICT (only_one) DO UPDATE SET secret_hash = excluded.secret_hash, expires_at = excluded.expires_at",
                secret_hash.as_slice(),
                expires_at.as_millisecond(),
            )?;
            Ok(())
        })
    }

    fn set_up_is_open<'a>(&'a self, secret_hash: &'a [u8; 32], now: Timestamp) -> Stored<'a, bool> {
        Box::pin(async move {
            let open: Vec<(i64,)> = rows!(
                &self.readers,
                "SELECT only_one FROM set_up WHERE secret_hash = $1 AND expires_at > $2",
                secret_hash.as_slice(),
                now.as_millisecond(),
            )?;
            Ok(!open.is_empty())
        })
    }

    fn set_up<'a>(&'a self, secret_hash: &'a [u8; 32], person: &'a Person, password_hash: &'a str, now: Timestamp) -> Stored<'a, ()> {
        Box::pin(async move {
            let mut work = self.work().await?;
            // Of two people who use the link at the same time, the second waits here for the first, and then finds no link.
            let used = run!(
                work.on(),
                "DELETE FROM set_up WHERE secret_hash = $1 AND expires_at > $2",
                secret_hash.as_slice(),
                now.as_millisecond(),
            )?;
            if used == 0 {
                return Err(StoreError::Taken);
            }
            let made = run!(
                work.on(),
                "INSERT INTO people (login, name, password_hash, created_at)
                 SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM people)",
                person.login.as_str(),
                without_nul(&person.name),
                password_hash,
                person.created_at.as_millisecond(),
            )?;
            if made == 0 {
                return Err(StoreError::Taken);
            }
            work.commit().await
        })
    }

    fn person<'a>(&'a self, login: &'a Login) -> Stored<'a, Option<(Person, String)>> {
        Box::pin(async move {
            let rows: Vec<(String, String, i64, String)> =
                rows!(&self.readers, "SELECT login, name, created_at, password_hash FROM people WHERE login = $1", login.as_str(),)?;
            let found = rows.into_iter().next();
            found.map(|(login, name, created_at, hash)| Ok((person_of(&login, name, created_at)?, hash))).transpose()
        })
    }

    fn device_key<'a>(&'a self, fresh: &'a [u8; 32]) -> Stored<'a, [u8; 32]> {
        Box::pin(async move {
            let mut work = self.work().await?;
            // Of two consoles that start at the same time, the second one takes the first one's key.
            run!(
                work.on(),
                "INSERT INTO signing_keys (name, secret) VALUES ('device', $1) ON CONFLICT (name) DO NOTHING",
                fresh.as_slice()
            )?;
            let kept: Vec<(Vec<u8>,)> = rows!(work.on(), "SELECT secret FROM signing_keys WHERE name = 'device'",)?;
            work.commit().await?;
            let key = kept.into_iter().next().and_then(|(key,)| <[u8; 32]>::try_from(key).ok());
            key.ok_or_else(|| unreadable("a signing key", "another length"))
        })
    }

    fn add_session<'a>(&'a self, session: &'a Session) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                run!(
                    &self.writers,
                    "INSERT INTO sessions (secret_hash, login, created_at, used_at) VALUES ($1, $2, $3, $4)",
                    session.secret_hash.as_slice(),
                    session.login.as_str(),
                    session.created_at.as_millisecond(),
                    session.used_at.as_millisecond(),
                )?;
                Ok(())
            })
        })
    }

    fn session<'a>(&'a self, secret_hash: &'a [u8; 32]) -> Stored<'a, Option<(Session, Person)>> {
        Box::pin(async move {
            let rows: Vec<(String, i64, i64, String, i64)> = rows!(
                &self.readers,
                "SELECT people.login, sessions.created_at, sessions.used_at, people.name, people.created_at
                 FROM sessions JOIN people ON people.login = sessions.login WHERE sessions.secret_hash = $1",
                secret_hash.as_slice(),
            )?;
            let Some((login, began, used, name, created_at)) = rows.into_iter().next() else { return Ok(None) };
            let person = person_of(&login, name, created_at)?;
            let session =
                Session { secret_hash: *secret_hash, login: person.login.clone(), created_at: time(began)?, used_at: time(used)? };
            Ok(Some((session, person)))
        })
    }

    fn touch_session<'a>(&'a self, secret_hash: &'a [u8; 32], used_at: Timestamp) -> Stored<'a, ()> {
        Box::pin(async move {
            // Requests of one session overlap, and the one that came first may be written last.
            run!(
                &self.writers,
                "UPDATE sessions SET used_at = $2 WHERE secret_hash = $1 AND used_at < $2",
                secret_hash.as_slice(),
                used_at.as_millisecond(),
            )?;
            Ok(())
        })
    }

    fn end_session<'a>(&'a self, secret_hash: &'a [u8; 32]) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                run!(&self.writers, "DELETE FROM sessions WHERE secret_hash = $1", secret_hash.as_slice())?;
                Ok(())
            })
        })
    }

    fn prune_sessions(&self, created_before: Timestamp, used_before: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            run!(
                &self.writers,
                "DELETE FROM sessions WHERE created_at < $1 OR used_at < $2",
                created_before.as_millisecond(),
                used_before.as_millisecond(),
            )
        })
    }
}
