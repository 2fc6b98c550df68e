//! Passwords: argon2id off the async workers, a bounded number at once, and few tries per name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Tries that a name may use at once; one more every [`REFILL`].
const TRIES: f64 = 10.0;
const REFILL: Duration = Duration::from_secs(3);
/// Names whose tries are remembered. Names with all their tries are forgotten past it; when none has, log-ins wait.
const MAX_NAMES: usize = 10_000;
/// Log-ins that may wait for a core.
const MAX_WAITING: usize = 64;

/// Hashes and verifies passwords. Each takes tens of milliseconds and 19 MiB by argon2's defaults, which is why they are bounded.
pub(crate) struct Passwords {
    cores: Semaphore,
    waiting: AtomicUsize,
    tries: Mutex<HashMap<String, Tries>>,
    /// Verified in place of the hash that an unknown name does not have, so that both take the same time.
    nobody: String,
}

struct Tries {
    left: f64,
    since: Instant,
}

/// Why a password was not looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many tries for this name.
    Throttled { retry_after: Duration },
    /// Too many log-ins at once.
    Busy,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            cores: Semaphore::new(cores),
            waiting: AtomicUsize::new(0),
            tries: Mutex::default(),
            nobody: hash(&random_password()?)?,
        })
    }

    /// Whether `password` is the one that `stored` was made from. Without a stored hash it takes as long and says no.
    pub(crate) async fn verify(
        self: &Arc<Self>,
        name: &str,
        stored: Option<String>,
        password: String,
    ) -> Result<bool, Refused> {
        self.take_try(name)?;
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Busy);
        }
        let this = self.clone();
        // A task of its own: a client that hangs up must not leave the count behind.
        let verified = tokio::spawn(async move {
            let permit = this.cores.acquire().await;
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| this.nobody.clone());
            let matches = tokio::task::spawn_blocking(move || verify(&stored, &password)).await.unwrap_or(false);
            drop(permit);
            this.waiting.fetch_sub(1, Ordering::Relaxed);
            matches && known
        });
        Ok(verified.await.unwrap_or(false))
    }

    fn take_try(&self, name: &str) -> Result<(), Refused> {
        let now = Instant::now();
        let mut names = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_NAMES && !names.contains_key(name) {
            names.retain(|_, tries| tries.at(now) < TRIES);
            if names.len() >= MAX_NAMES {
                return Err(Refused::Busy);
            }
        }
        let tries = names.entry(name.to_owned()).or_insert(Tries { left: TRIES, since: now });
        let left = tries.at(now);
        if left < 1.0 {
            return Err(Refused::Throttled { retry_after: REFILL.mul_f64(1.0 - left) });
        }
        *tries = Tries { left: left - 1.0, since: now };
        Ok(())
    }
}

impl Tries {
    fn at(&self, now: Instant) -> f64 {
        (self.left + (now - self.since).div_duration_f64(REFILL)).min(TRIES)
    }
}

/// A new hash of a password, in PHC form with its own salt.
pub(crate) fn hash(password: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| format!("the password cannot be hashed: {error}"))
}

fn verify(stored: &str, password: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
}

/// 144 random bits as letters, digits, `-` and `_`.
pub(crate) fn random_password() -> Result<String, String> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect())
}
