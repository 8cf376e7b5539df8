//! How many probes on demand run at once, and which wait.
//!
//! No module may hold all of it: a module whose targets hang leaves room for the others, in what runs and in what waits.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::state::State;
use crate::state::demand::Rejection;

/// The longest that a probe waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lanes that are kept while nobody is in them.
const IDLE_LANES: usize = 256;

/// How many probes run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// At once.
    pub running: usize,
    /// Until one of them ends.
    pub waiting: usize,
}

impl Room {
    /// What one module may take of it: three quarters, but always something.
    const fn share(self) -> Self {
        Self {
            running: share(self.running),
            waiting: share(self.waiting),
        }
    }
}

const fn share(of: usize) -> usize {
    of - of / 4
}

/// Lets probes begin, in their turn.
#[derive(Debug)]
pub struct Gate {
    room: Room,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
    state: Arc<State>,
}

/// What one module has taken.
#[derive(Debug)]
struct Lane {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The right to probe; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    _lane: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
    _shown: Shown,
    waited: Duration,
}

impl Pass {
    /// How long it took to get it.
    pub(super) const fn waited(&self) -> Duration {
        self.waited
    }
}

impl Gate {
    /// A gate with so much room; what happens at it is counted in the state.
    #[must_use]
    pub fn new(room: Room, state: Arc<State>) -> Self {
        state.demand.limit.store(room.running as u64, Relaxed);
        Self {
            room,
            running: Arc::new(Semaphore::new(room.running)),
            waiting: AtomicUsize::new(0),
            lanes: Mutex::default(),
            state,
        }
    }

    /// How much room there is.
    #[must_use]
    pub const fn room(&self) -> Room {
        self.room
    }

    /// Waits until a probe of the module may begin: for half of its time at most, and not for long in any case.
    pub(super) async fn enter(&self, module: &str, time: Duration) -> Result<Pass, Rejection> {
        let lane = self.lane(module);
        let entered = self.pass(&lane, Instant::now() + (time / 2).min(PATIENCE)).await;
        entered.inspect_err(|why| self.state.demand.reject(*why))
    }

    async fn pass(&self, lane: &Lane, until: Instant) -> Result<Pass, Rejection> {
        if let Some(pass) = self.walk_through(lane) {
            return Ok(pass);
        }
        let came = Instant::now();
        let share = self.room.share();
        let _places = (
            Place::take(&lane.waiting, share.waiting).ok_or(Rejection::QueueFull)?,
            Place::take(&self.waiting, self.room.waiting).ok_or(Rejection::QueueFull)?,
            Shown::new(&self.state, |state| &state.demand.queued),
        );
        let both = async {
            // The module's own room first: who waits there holds nothing of what is everybody's.
            let lane = Arc::clone(&lane.running).acquire_owned().await.ok()?;
            Some((lane, Arc::clone(&self.running).acquire_owned().await.ok()?))
        };
        match timeout_at(until, both).await {
            Ok(Some((lane, room))) => Ok(self.through(lane, room, came.elapsed())),
            // Nobody closes the semaphores.
            Ok(None) | Err(_) => Err(Rejection::Waited),
        }
    }

    fn walk_through(&self, lane: &Lane) -> Option<Pass> {
        let lane = Arc::clone(&lane.running).try_acquire_owned().ok()?;
        let room = Arc::clone(&self.running).try_acquire_owned().ok()?;
        Some(self.through(lane, room, Duration::ZERO))
    }

    fn through(&self, lane: OwnedSemaphorePermit, room: OwnedSemaphorePermit, waited: Duration) -> Pass {
        Pass {
            _lane: lane,
            _room: room,
            _shown: Shown::new(&self.state, |state| &state.demand.in_flight),
            waited,
        }
    }

    fn lane(&self, module: &str) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(module) {
            return Arc::clone(lane);
        }
        if lanes.len() >= IDLE_LANES {
            // Names come from requests: those that nobody uses go.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || Arc::strong_count(&lane.running) > 1);
        }
        let lane = Arc::new(Lane {
            running: Arc::new(Semaphore::new(self.room.share().running)),
            waiting: AtomicUsize::new(0),
        });
        lanes.insert(module.to_owned(), Arc::clone(&lane));
        lane
    }
}

/// A place among those who wait.
#[derive(Debug)]
struct Place<'g>(&'g AtomicUsize);

impl<'g> Place<'g> {
    fn take(waiting: &'g AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(waiting);
        // Beyond the limit, the place that was counted is given back at once.
        (waiting.fetch_add(1, Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// One in a gauge, for as long as it lives.
#[derive(Debug)]
pub(super) struct Shown {
    state: Arc<State>,
    gauge: fn(&State) -> &AtomicU64,
}

impl Shown {
    pub(super) fn new(state: &Arc<State>, gauge: fn(&State) -> &AtomicU64) -> Self {
        gauge(state).fetch_add(1, Relaxed);
        Self {
            state: Arc::clone(state),
            gauge,
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        (self.gauge)(&self.state).fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Catalogue, Own};

    const LONG: Duration = Duration::from_secs(60);

    fn gate(running: usize, waiting: usize) -> (Gate, Arc<State>) {
        let state = Arc::new(State::new(Catalogue::default(), Own::new(false)));
        (Gate::new(Room { running, waiting }, Arc::clone(&state)), state)
    }

    #[tokio::test]
    async fn one_module_leaves_room_for_the_others() {
        let (gate, state) = gate(8, 4);
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(gate.enter("hangs", LONG).await.unwrap());
        }
        let waiting =
            futures_util::future::join_all((0..5).map(|_| gate.enter("hangs", Duration::from_millis(400))));
        let other = async {
            tokio::task::yield_now().await;
            assert_eq!(state.demand.queued.load(Relaxed), 3);
            let passes = (gate.enter("well", LONG).await, gate.enter("well", LONG).await);
            assert!(passes.0.is_ok() && passes.1.is_ok());
            assert_eq!(state.demand.in_flight.load(Relaxed), 8);
        };
        let (waited, ()) = tokio::join!(waiting, other);
        let rejected: Vec<_> = waited.into_iter().map(Result::unwrap_err).collect();
        assert_eq!(
            rejected
                .iter()
                .filter(|why| **why == Rejection::QueueFull)
                .count(),
            2
        );
        assert_eq!(state.demand.rejected(Rejection::Waited), 3);
        drop(held);
        assert_eq!(state.demand.in_flight.load(Relaxed), 0);
        assert_eq!(state.demand.queued.load(Relaxed), 0);
        assert!(gate.enter("hangs", LONG).await.is_ok());
    }

    #[tokio::test]
    async fn a_probe_waits_for_half_of_its_time() {
        let (gate, _) = gate(1, 1);
        let _held = gate.enter("a", LONG).await.unwrap();
        let begun = Instant::now();
        let time = Duration::from_millis(100);
        assert_eq!(gate.enter("a", time).await.unwrap_err(), Rejection::Waited);
        assert!(begun.elapsed() >= time / 2);
    }

    #[tokio::test]
    async fn names_that_nobody_uses_do_not_pile_up() {
        let (gate, _) = gate(4, 4);
        let _held = gate.enter("held", LONG).await.unwrap();
        for number in 0..5 * IDLE_LANES {
            drop(gate.enter(&number.to_string(), LONG).await.unwrap());
        }
        let lanes = gate.lanes.lock().unwrap();
        assert!(lanes.len() <= IDLE_LANES, "{}", lanes.len());
        assert!(lanes.contains_key("held"));
    }
}
