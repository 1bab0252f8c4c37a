//! Password hashing: argon2id with explicit parameters, where it holds up nobody else.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use switchback_engine::ports::{Lane, Passwords, PasswordsFailed};
use tokio::sync::Semaphore;

/// Memory, in KiB, and rounds: what OWASP recommends for argon2id with one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;

/// So many of a lane at a time: a flood of attempts must not take the memory or all cores of the machine.
const AT_ONCE: usize = 1;

/// So many of a lane may wait: beyond that it is better to say so at once than to answer after the browser has given up.
const WAITING_MAX: usize = 16;

/// Hashes and compares passwords with argon2id.
#[derive(Debug, Clone, Default)]
pub struct Argon2id {
    known: Queue,
    strangers: Queue,
}

/// Those of one lane.
#[derive(Debug, Clone)]
struct Queue {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { running: Arc::new(Semaphore::new(AT_ONCE)), admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)) }
    }
}

impl Queue {
    /// Does slow work on a thread made for that.
    async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordsFailed> + Send + 'static,
    ) -> Result<T, PasswordsFailed> {
        let failed = |why: &dyn std::fmt::Display| PasswordsFailed::Failed(why.to_string());
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| PasswordsFailed::Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|why| failed(&why))?;
        let work = move || {
            // Released when the work has ended, even if whoever asked has gone away meanwhile.
            let _held = (admitted, turn);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|why| failed(&why))?
    }
}

impl Argon2id {
    fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Known => &self.known,
            Lane::Stranger => &self.strangers,
        }
    }
}

fn argon2id() -> Result<Argon2<'static>, PasswordsFailed> {
    let params = Params::new(MEMORY_KIB, ROUNDS, 1, None).map_err(|why| PasswordsFailed::Failed(why.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Passwords for Argon2id {
    fn hash(&self, password: SecretString, lane: Lane) -> BoxFuture<'_, Result<String, PasswordsFailed>> {
        Box::pin(self.queue(lane).slowly(move || {
            let hash: PasswordHash =
                argon2id()?.hash_password(password.expose_secret().as_bytes()).map_err(|why| PasswordsFailed::Failed(why.to_string()))?;
            Ok(hash.to_string())
        }))
    }

    fn verify(&self, password: SecretString, hash: String, lane: Lane) -> BoxFuture<'_, Result<bool, PasswordsFailed>> {
        Box::pin(self.queue(lane).slowly(move || {
            let hash = PasswordHash::new(&hash).map_err(|why| PasswordsFailed::Failed(why.to_string()))?;
            // The parameters are those of the stored hash, so that they can be raised later.
            match argon2id()?.verify_password(password.expose_secret().as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(why) => Err(PasswordsFailed::Failed(why.to_string())),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits_and_the_parameters_are_written_down() {
        let passwords = Argon2id::default();
        let hash = passwords.hash("correct horse battery".into(), Lane::Known).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery".into(), hash.clone(), Lane::Known).await.expect("an answer"));
        assert!(!passwords.verify("correct horse".into(), hash.clone(), Lane::Known).await.expect("an answer"));
        assert_ne!(
            passwords.hash("correct horse battery".into(), Lane::Known).await.expect("a hash"),
            hash,
            "each hash has a salt of its own"
        );
        assert!(passwords.verify("x".into(), "no hash".to_owned(), Lane::Known).await.is_err());
    }

    #[tokio::test]
    async fn a_flood_is_refused_instead_of_queued_for_ever() {
        let passwords = Argon2id::default();
        // Nobody gets done before everybody has asked: the work goes on when the sender is gone.
        let (everybody_asked, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let work = |wait: Arc<std::sync::Mutex<std::sync::mpsc::Receiver<()>>>| {
            move || {
                let _ = wait.lock().map(|wait| wait.recv());
                Ok(())
            }
        };
        let mut all =
            futures::future::join_all((0..AT_ONCE + WAITING_MAX + 10).map(|_| passwords.strangers.slowly(work(Arc::clone(&wait)))));
        assert!(futures::poll!(&mut all).is_pending());
        let known = passwords.hash("correct horse battery".into(), Lane::Known);
        assert!(known.await.is_ok(), "somebody who is known does not wait behind strangers");
        drop(everybody_asked);
        let outcomes = all.await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(PasswordsFailed::Busy))).count(), 10);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 10);
        assert!(passwords.strangers.slowly(|| Ok(())).await.is_ok(), "afterwards there is room again");
    }
}
