//! How many probes on demand run at once, and which wait.
//!
//! No module may hold all of it: a module may begin another probe only while it runs fewer than three times as many as
//! there are places free. So one that hangs leaves a quarter, and of several that hang each leaves room for the next; they
//! give places back as their probes end, and a module that has none comes before those that have many.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::state::State;
use crate::state::demand::Rejection;

/// The longest that a probe waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many times as much as is left for all a module may have.
const SHARE: usize = 3;

/// How many probes run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// At once.
    pub running: usize,
    /// Until one of them ends.
    pub waiting: usize,
}

/// Lets probes begin, in their turn.
#[derive(Debug)]
pub struct Gate {
    taken: Arc<Taken>,
    state: Arc<State>,
}

/// What is taken of the room.
#[derive(Debug)]
struct Taken {
    room: Room,
    lanes: Mutex<Lanes>,
}

/// What the modules have taken, all together and each.
#[derive(Debug, Default)]
struct Lanes {
    running: usize,
    waiting: usize,
    /// By module; one that has nothing is not there.
    by_module: HashMap<Arc<str>, Lane>,
}

/// What one module has taken.
#[derive(Debug, Default)]
struct Lane {
    running: usize,
    /// Who waits, the longest first.
    waiting: VecDeque<Waiter>,
}

/// Somebody who waits since then.
#[derive(Debug)]
struct Waiter {
    came: Instant,
    turn: oneshot::Sender<Place>,
}

/// The right to probe; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    _place: Place,
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
        let taken = Taken {
            room,
            lanes: Mutex::default(),
        };
        Self {
            taken: Arc::new(taken),
            state,
        }
    }

    /// How much room there is.
    #[must_use]
    pub fn room(&self) -> Room {
        self.taken.room
    }

    /// Waits until a probe of the module may begin: for half of its time at most, and not for long in any case.
    pub(super) async fn enter(&self, module: &str, time: Duration) -> Result<Pass, Rejection> {
        let entered = self
            .pass(module.into(), Instant::now() + (time / 2).min(PATIENCE))
            .await;
        entered.inspect_err(|why| self.state.demand.reject(*why))
    }

    async fn pass(&self, module: Arc<str>, until: Instant) -> Result<Pass, Rejection> {
        let came = Instant::now();
        let turn = match Taken::come(&self.taken, &module, came)? {
            Turn::Now(place) => return Ok(self.through(place, Duration::ZERO)),
            Turn::Later(turn) => turn,
        };
        let _shown = Shown::new(&self.state, |state| &state.demand.queued);
        // Dropped after the turn that is waited for, wherever the waiting ends.
        let _queued = Queued {
            taken: Arc::clone(&self.taken),
            module,
        };
        match timeout_at(until, turn).await {
            Ok(Ok(place)) => Ok(self.through(place, came.elapsed())),
            // Nobody takes the turn from somebody who waits.
            Ok(Err(_)) | Err(_) => Err(Rejection::Waited),
        }
    }

    fn through(&self, place: Place, waited: Duration) -> Pass {
        Pass {
            _place: place,
            _shown: Shown::new(&self.state, |state| &state.demand.in_flight),
            waited,
        }
    }
}

/// When somebody's turn is.
enum Turn {
    Now(Place),
    Later(oneshot::Receiver<Place>),
}

impl Taken {
    /// Takes a place for a probe of the module, or one among those who wait.
    fn come(this: &Arc<Self>, module: &Arc<str>, came: Instant) -> Result<Turn, Rejection> {
        let mut lanes = this.lanes();
        let room = this.room;
        let lane = lanes.by_module.get(module);
        let (running, waiting) = lane.map_or((0, 0), |lane| (lane.running, lane.waiting.len()));
        // Whoever came before goes before.
        if waiting == 0 && fits(running, lanes.running, room.running) {
            return Ok(Turn::Now(Self::place(this, &mut lanes, module)));
        }
        if !fits(waiting, lanes.waiting, room.waiting) {
            return Err(Rejection::QueueFull);
        }
        let (turn, mine) = oneshot::channel();
        lanes.waiting += 1;
        let lane = lanes.by_module.entry(Arc::clone(module)).or_default();
        lane.waiting.push_back(Waiter { came, turn });
        Ok(Turn::Later(mine))
    }

    fn place(this: &Arc<Self>, lanes: &mut Lanes, module: &Arc<str>) -> Place {
        lanes.running += 1;
        lanes.by_module.entry(Arc::clone(module)).or_default().running += 1;
        Place {
            taken: Arc::clone(this),
            module: Arc::clone(module),
        }
    }

    /// Gives what is free to those who wait.
    fn give(this: &Arc<Self>) {
        let mut given = Vec::new();
        let mut lanes = this.lanes();
        while let Some((module, turn)) = lanes.next(this.room) {
            given.push((turn, Self::place(this, &mut lanes, &module)));
        }
        drop(lanes);
        for (turn, place) in given {
            // Who has gone in the meantime gives it back by not taking it.
            let _ = turn.send(place);
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    /// Who may begin: of the modules that may, one that runs the fewest; there, who has waited the longest.
    fn next(&mut self, room: Room) -> Option<(Arc<str>, oneshot::Sender<Place>)> {
        if self.waiting == 0 {
            return None;
        }
        let waiting = self.by_module.iter().filter_map(|(module, lane)| {
            let first = lane.waiting.front()?;
            fits(lane.running, self.running, room.running).then_some((lane.running, first.came, module))
        });
        let (.., module) = waiting.min_by_key(|(running, came, _)| (*running, *came))?;
        let module = Arc::clone(module);
        let waiter = self.by_module.get_mut(&module)?.waiting.pop_front()?;
        self.waiting -= 1;
        Some((module, waiter.turn))
    }

    /// Forgets a module that has nothing: names come from requests.
    fn tidy(&mut self, module: &Arc<str>) {
        let empty = |lane: &Lane| lane.running == 0 && lane.waiting.is_empty();
        if self.by_module.get(module).is_some_and(empty) {
            self.by_module.remove(module);
        }
    }
}

/// Whether a module that has so many may have one more of what all of them take: it must have fewer than its share of
/// what is free.
const fn fits(own: usize, taken: usize, room: usize) -> bool {
    own < SHARE.saturating_mul(room.saturating_sub(taken))
}

/// A place for one probe.
#[derive(Debug)]
struct Place {
    taken: Arc<Taken>,
    module: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lanes = self.taken.lanes();
        lanes.running -= 1;
        if let Some(lane) = lanes.by_module.get_mut(&self.module) {
            lane.running -= 1;
        }
        lanes.tidy(&self.module);
        drop(lanes);
        Taken::give(&self.taken);
    }
}

/// Somebody's stay in the queue of a module.
#[derive(Debug)]
struct Queued {
    taken: Arc<Taken>,
    module: Arc<str>,
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut lanes = self.taken.lanes();
        if let Some(lane) = lanes.by_module.get_mut(&self.module) {
            let before = lane.waiting.len();
            lane.waiting.retain(|waiter| !waiter.turn.is_closed());
            let gone = before - lane.waiting.len();
            lanes.waiting -= gone;
        }
        lanes.tidy(&self.module);
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
        for number in 0..1_000 {
            drop(gate.enter(&number.to_string(), LONG).await.unwrap());
        }
        let lanes = gate.taken.lanes();
        assert_eq!(
            lanes.by_module.keys().map(|name| &**name).collect::<Vec<_>>(),
            ["held"]
        );
    }

    /// Takes all that a module gets without waiting.
    async fn hang(gate: &Gate, module: &str) -> Vec<Pass> {
        let mut held = Vec::new();
        while let Ok(pass) = gate.enter(module, Duration::ZERO).await {
            held.push(pass);
        }
        held
    }

    #[tokio::test]
    async fn several_modules_that_hang_leave_room_for_another() {
        let (gate, _) = gate(512, 0);
        let mut held: Vec<Vec<Pass>> = Vec::new();
        for number in 0..4 {
            held.push(hang(&gate, &number.to_string()).await);
        }
        let taken: Vec<usize> = held.iter().map(Vec::len).collect();
        assert_eq!(taken, [384, 96, 24, 6]);
        assert!(gate.enter("well", LONG).await.is_ok());
        // As their probes end and begin again, those that hang come to have as much as each other.
        for _ in 0..64 {
            for (number, passes) in held.iter_mut().enumerate() {
                passes.truncate(passes.len() / 2);
                passes.extend(hang(&gate, &number.to_string()).await);
            }
        }
        let taken: Vec<usize> = held.iter().map(Vec::len).collect();
        let all: usize = taken.iter().sum();
        assert!(taken.iter().all(|count| (100..=130).contains(count)), "{taken:?}");
        assert!(512 - all >= 512 / 14, "{all}");
    }

    #[tokio::test]
    async fn a_hundred_modules_that_hang_leave_room_for_another() {
        let (gate, _) = gate(512, 0);
        let mut held: Vec<Vec<Pass>> = (0..100).map(|_| Vec::new()).collect();
        // One probe of each ends, and it asks for as many as it can get.
        for _ in 0..512 {
            for (number, passes) in held.iter_mut().enumerate() {
                passes.pop();
                passes.extend(hang(&gate, &number.to_string()).await);
            }
        }
        let taken: Vec<usize> = held.iter().map(Vec::len).collect();
        assert!(taken.iter().all(|count| (3..=10).contains(count)), "{taken:?}");
        assert!(gate.enter("well", LONG).await.is_ok(), "{taken:?}");
    }

    #[tokio::test]
    async fn what_becomes_free_goes_to_who_has_least_and_then_to_who_came_first() {
        let (gate, state) = gate(4, 4);
        let mut many = hang(&gate, "many").await;
        let one = gate.enter("one", LONG).await.unwrap();
        assert_eq!(many.len(), 3);
        let order = Mutex::new(Vec::new());
        let wait = async |module: &str, name: &'static str| {
            let pass = gate.enter(module, LONG).await.unwrap();
            order.lock().unwrap().push(name);
            pass
        };
        let free = async {
            tokio::task::yield_now().await;
            assert_eq!(state.demand.queued.load(Relaxed), 3);
            for _ in 0..3 {
                many.pop();
                tokio::task::yield_now().await;
            }
        };
        let (first, second, third, ()) =
            tokio::join!(wait("many", "many"), wait("one", "one"), wait("new", "new"), free);
        assert_eq!(*order.lock().unwrap(), ["new", "many", "one"]);
        drop((one, first, second, third));
        assert_eq!(state.demand.in_flight.load(Relaxed), 0);
        assert!(gate.taken.lanes().by_module.is_empty());
    }
}
