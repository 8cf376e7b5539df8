//! What the bodies of all answers may cost together, whoever sends them.
//!
//! Those that are kept share a room of memory (`room`), and wait where it is full. A body is judged where it was read only if
//! that costs next to nothing. Any other is judged beside the runtime's workers, few at once: such a judgement cannot be
//! interrupted. A probe waits for it until its deadline.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::body::{self, Reading};
use super::hop::Journey;
use super::room::{Held, Room};
use crate::outcome::{Failure, HttpFailure, Violation};

/// Bytes that bodies which are kept to be judged may take together: sixteen of the largest, and what a program of this kind can
/// spare. Without it four hundred of the largest took 1.9 GB.
const ROOM: usize = 128 * 1024 * 1024;

/// The largest body that is kept, whatever the module's limit: half of the room.
const MOST_KEPT: u64 = ROOM as u64 / 2;

/// Bodies that are judged at once: each may hold a thread for seconds, and memory for all that is in it.
const JUDGED_AT_ONCE: usize = 2;

/// What is there for all bodies in common. One for the whole program, whatever its configuration.
#[derive(Debug)]
pub struct Bodies {
    room: Room,
    judges: Arc<Semaphore>,
    unread: AtomicU64,
    unjudged: AtomicU64,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(ROOM)
    }
}

impl Bodies {
    /// With room for so many bytes; some more than the largest body that is read where a module sets no limit.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            room: Room::new(room),
            judges: Arc::new(Semaphore::new(JUDGED_AT_ONCE)),
            unread: AtomicU64::new(0),
            unjudged: AtomicU64::new(0),
        }
    }

    /// Bytes that they may take together.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.room.bytes()
    }

    /// Bytes of it that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.room.taken()
    }

    /// How many were not read to their end, because others took the room for too long.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.unread.load(Relaxed)
    }

    /// How many are judged now, beside the workers.
    #[must_use]
    pub fn judged_now(&self) -> u64 {
        JUDGED_AT_ONCE.saturating_sub(self.judges.available_permits()) as u64
    }

    /// How many were not judged, because others were judged for too long.
    #[must_use]
    pub fn unjudged(&self) -> u64 {
        self.unjudged.load(Relaxed)
    }

    /// Whose fault it is that an exchange did not come to its end: who had to wait for room may have been late for that, and a
    /// server that nobody read from may have hung up.
    pub(super) fn blame(&self, met: Failure, waited: Duration) -> Failure {
        let late = matches!(met, Failure::Http(HttpFailure::Timeout | HttpFailure::Closed));
        if !late || waited.is_zero() {
            return met;
        }
        self.unread.fetch_add(1, Relaxed);
        Failure::Unable("others' bodies took the memory that there is for them".to_owned())
    }

    /// Does the work of a judgement beside the workers, and waits for it until the deadline.
    ///
    /// Who waited for others is not to blame for being late; who did not, sent what takes too long, or sent it late.
    pub(super) async fn judge<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let late = || {
            self.unjudged.fetch_add(1, Relaxed);
            Failure::Unable("others' bodies were judged until it was too late for this one".to_owned())
        };
        let at_once = Arc::clone(&self.judges).try_acquire_owned();
        let waited = at_once.is_err();
        let judge = match at_once {
            Ok(judge) => judge,
            Err(_) => self.wait(deadline).await.ok_or_else(late)?,
        };
        let judging = spawn_blocking(move || {
            let judged = work();
            drop(judge);
            judged
        });
        match timeout_at(deadline, judging).await {
            Ok(judged) => judged.map_err(unfinished),
            Err(_) if waited => Err(late()),
            Err(_) => Err(Failure::Http(HttpFailure::Timeout)),
        }
    }

    async fn wait(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let judge = Arc::clone(&self.judges).acquire_owned();
        // Nobody closes the semaphore.
        timeout_at(deadline, judge).await.ok()?.ok()
    }
}

impl Journey<'_> {
    /// How the body is read after a head that was judged so.
    pub(super) fn reading(&self, head: &[Violation], wanted: bool) -> Reading<'_> {
        let settings = self.settings;
        let keep = wanted || self.rules().judges_body_after(head);
        let (limit, limit_is_rule) = match settings.body_size_limit {
            0 => (body::OWN_LIMIT, keep),
            limit if keep => (limit.min(MOST_KEPT), true),
            limit => (limit, true),
        };
        Reading {
            limit,
            limit_is_rule,
            room: keep.then_some(&self.call.prober.bodies.room),
            compression: settings.compression,
        }
    }

    /// Judges a body: here, or where nobody else waits for it.
    pub(super) async fn judge_body(&self, body: &mut Held) -> Result<Vec<Violation>, Failure> {
        let rules = self.rules().on_body();
        if let Some(violations) = rules.judge_light(body) {
            return Ok(violations);
        }
        let (bodies, waited) = (&self.call.prober.bodies, body.waited());
        let (rules, taken) = (rules.into_owned(), std::mem::take(body));
        let work = move || (rules.judge(&taken), taken);
        // On the heap, as most bodies are judged without it.
        let judging = Box::pin(bodies.judge(work, self.call.request.deadline));
        let violations;
        (violations, *body) = judging.await.map_err(|met| bodies.blame(met, waited))?;
        Ok(violations)
    }
}

/// A defect in a judgement is one of the probe; else the runtime has ended before it began.
fn unfinished(error: JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Failure::Unable("it stops".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    /// The work of a judgement that ends when its other end is dropped.
    fn endless() -> (mpsc::Sender<()>, impl FnOnce() -> bool + Send + 'static) {
        let (end, ended) = mpsc::channel::<()>();
        (end, move || ended.recv().is_err())
    }

    #[tokio::test]
    async fn who_waits_for_the_judgement_of_others_is_not_to_blame_and_who_makes_them_wait_is() {
        let bodies = Bodies::default();
        let (ends, works): (Vec<_>, Vec<_>) = (0..JUDGED_AT_ONCE).map(|_| endless()).unzip();
        for work in works {
            let judged = bodies.judge(work, soon()).await;
            assert_eq!(judged, Err(Failure::Http(HttpFailure::Timeout)));
        }
        assert_eq!(bodies.judged_now(), JUDGED_AT_ONCE as u64, "they go on");
        let late = bodies.judge(|| true, soon()).await;
        assert!(matches!(late, Err(Failure::Unable(_))), "{late:?}");
        assert_eq!(bodies.unjudged(), 1);
        let patient = bodies.judge(|| true, Instant::now() + Duration::from_secs(60));
        let (judged, ()) = tokio::join!(patient, async {
            tokio::task::yield_now().await;
            drop(ends);
        });
        assert_eq!(judged, Ok(true));
        assert_eq!(bodies.unjudged(), 1);
    }

    #[tokio::test]
    async fn who_waited_first_and_is_then_not_judged_in_time_is_not_to_blame_either() {
        let bodies = Bodies::default();
        let (ends, works): (Vec<_>, Vec<_>) = (0..JUDGED_AT_ONCE).map(|_| endless()).unzip();
        for work in works {
            assert!(bodies.judge(work, soon()).await.is_err());
        }
        let (end, work) = endless();
        let late = bodies.judge(work, Instant::now() + Duration::from_millis(200));
        let (judged, ()) = tokio::join!(late, async {
            tokio::task::yield_now().await;
            drop(ends);
        });
        assert!(matches!(judged, Err(Failure::Unable(_))), "{judged:?}");
        drop(end);
    }
}
