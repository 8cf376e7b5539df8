//! Users and their passwords. A password is hashed once while it is the same: bcrypt is slow by design, and a scraper
//! sends its password every few seconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::header::HeaderValue;
use tokio::sync::Semaphore;

/// Verdicts that are remembered.
const REMEMBERED: usize = 100;

/// Requests that may wait for their password to be checked.
const WAITING: usize = 32;

/// A hash that no password has: what it takes to check is spent on names that are not known, too, so that the time
/// does not tell which are.
const NOBODY: &str = "$2b$10$TmV2ZXJBUGFzc3dvcmQuuOeJdXbhuLuDxTjBZyM2sTQhiUtAmS7Bq";

/// What is made of the credentials of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Known,
    Unknown,
    /// Too many others are being checked.
    Busy,
}

/// The users and what is remembered of their passwords.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    verdicts: Mutex<HashMap<[u8; 32], bool>>,
    /// One password at a time: checking costs a core.
    turn: Semaphore,
    waiting: AtomicUsize,
}

impl Users {
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Self {
        Self {
            hashes,
            verdicts: Mutex::default(),
            turn: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.hashes.len()
    }

    /// Judges the `Authorization` header of a request.
    pub(super) async fn verdict(&self, header: Option<&HeaderValue>) -> Verdict {
        let Some((user, password)) = header.and_then(credentials) else {
            return Verdict::Unknown;
        };
        let known = self.hashes.get(&user);
        let hash = known.map_or(NOBODY, String::as_str);
        let key = fingerprint([user.as_bytes(), hash.as_bytes(), &password]);
        if let Some(verdict) = self.remembered(key) {
            return told(verdict);
        }
        let Some(_place) = Place::take(&self.waiting) else {
            return Verdict::Busy;
        };
        // Nobody closes the semaphore.
        let _turn = self.turn.acquire().await;
        // Whoever was before us may have brought the same password.
        if let Some(verdict) = self.remembered(key) {
            return told(verdict);
        }
        let hash = Arc::<str>::from(hash);
        let checked =
            tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await;
        let verdict = known.is_some() && checked.unwrap_or(false);
        self.remember(key, verdict);
        told(verdict)
    }

    fn remembered(&self, key: [u8; 32]) -> Option<bool> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.get(&key).copied()
    }

    fn remember(&self, key: [u8; 32], verdict: bool) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= REMEMBERED {
            // A wrong one, so that guesses do not push out those who are known; of these, any.
            let wrong = verdicts
                .iter()
                .find(|(_, verdict)| !**verdict)
                .map(|(key, _)| *key);
            let leaving = wrong.or_else(|| verdicts.keys().next().copied());
            leaving.map(|key| verdicts.remove(&key));
        }
        verdicts.insert(key, verdict);
    }
}

const fn told(known: bool) -> Verdict {
    if known { Verdict::Known } else { Verdict::Unknown }
}

/// A place among those who wait.
struct Place<'u>(&'u AtomicUsize);

impl<'u> Place<'u> {
    fn take(waiting: &'u AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        // Over the limit, the place that was counted is given back at once.
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The user and the password of a `Basic` header (RFC 7617).
fn credentials(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, rest) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64.decode(rest.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(pair.get(..colon)?.to_vec()).ok()?;
    Some((user, pair.get(colon + 1..)?.to_vec()))
}

/// What stands for the parts in memory, so that no password does; each with its length, so that no two lists are alike.
fn fingerprint(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut all = digest::Context::new(&digest::SHA256);
    for part in parts {
        all.update(&(part.len() as u64).to_be_bytes());
        all.update(part);
    }
    let mut key = [0; 32];
    key.copy_from_slice(all.finish().as_ref());
    key
}

/// Why a text is not the hash of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a bcrypt hash")]
pub struct BadHash;

/// Checks that a text is the bcrypt hash of a password, and tells its cost.
pub fn check_hash(text: &str) -> Result<u32, BadHash> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| BadHash)?;
    let cost = parts.get_cost();
    if (4..=31).contains(&cost) {
        Ok(cost)
    } else {
        Err(BadHash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    fn basic(user: &str, password: &str) -> HeaderValue {
        header(&format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
    }

    fn users() -> Users {
        let hash = bcrypt::hash("right", 4).unwrap();
        Users::new([("ann".to_owned(), hash)].into())
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_known() {
        let users = users();
        for (credentials, expected) in [
            (Some(basic("ann", "right")), Verdict::Known),
            (Some(basic("ann", "wrong")), Verdict::Unknown),
            (Some(basic("bob", "right")), Verdict::Unknown),
            (Some(header("Bearer right")), Verdict::Unknown),
            (Some(header("Basic !!")), Verdict::Unknown),
            (None, Verdict::Unknown),
        ] {
            for _ in 0..2 {
                assert_eq!(
                    users.verdict(credentials.as_ref()).await,
                    expected,
                    "{credentials:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn guesses_do_not_push_out_who_is_known() {
        let users = users();
        assert_eq!(users.verdict(Some(&basic("ann", "right"))).await, Verdict::Known);
        for guess in 0..2 * REMEMBERED {
            users.remember(fingerprint([b"ann", b"", guess.to_string().as_bytes()]), false);
        }
        let verdicts = users.verdicts.lock().unwrap();
        assert_eq!(verdicts.len(), REMEMBERED);
        assert_eq!(verdicts.values().filter(|verdict| **verdict).count(), 1);
    }

    #[tokio::test]
    async fn beyond_a_number_of_unchecked_passwords_no_more_wait() {
        let users = users();
        let turn = users.turn.acquire().await.unwrap();
        let crowd = (0..WAITING + 3).map(|guess| {
            let users = &users;
            async move { users.verdict(Some(&basic("ann", &guess.to_string()))).await }
        });
        let (verdicts, ()) = tokio::join!(futures_util::future::join_all(crowd), async { drop(turn) });
        let busy = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Busy)
            .count();
        assert_eq!(busy, 3, "{verdicts:?}");
    }

    #[test]
    fn only_a_bcrypt_hash_is_one() {
        assert_eq!(check_hash(&bcrypt::hash("x", 5).unwrap()), Ok(5));
        assert_eq!(check_hash(NOBODY), Ok(10));
        for text in ["", "plain", "$1$abc$def", "$2y$10$short"] {
            assert_eq!(check_hash(text), Err(BadHash), "{text}");
        }
    }
}
