//! The bytes of bodies that are kept to be judged, and the room that all of them share.
//!
//! A small body takes nothing of it. A larger one takes its share before its memory grows, and waits where there is none left. Who
//! waits keeps what it has, so that all could wait for each other: one at a time may therefore go beyond the room.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::body::OWN_LIMIT;

/// Bytes of a body that take nothing of the room: a connection over TLS has buffers of that size.
const FREE: usize = 64 * 1024;

/// What one body at a time may take beyond the room: all that a body may have where the module sets no limit.
const BEYOND: usize = 8 * 1024 * 1024;
const _: () = assert!(
    BEYOND as u64 == OWN_LIMIT,
    "one body goes through whatever others hold"
);

/// Bytes that are counted together.
const UNIT: usize = 1024;

/// What all bodies share.
#[derive(Debug)]
pub(super) struct Room {
    units: usize,
    shared: Arc<Semaphore>,
    beyond: Arc<Semaphore>,
}

impl Room {
    /// Room for so many bytes, what one may take beyond it counted in.
    pub(super) fn new(bytes: usize) -> Self {
        let units = bytes.saturating_sub(BEYOND) / UNIT;
        Self {
            units,
            shared: Arc::new(Semaphore::new(units)),
            beyond: Arc::new(Semaphore::new(1)),
        }
    }

    /// Bytes that there are in all.
    pub(super) const fn bytes(&self) -> usize {
        self.units * UNIT + BEYOND
    }

    /// Bytes that are taken.
    pub(super) fn taken(&self) -> usize {
        let beyond = if self.beyond.available_permits() == 0 {
            BEYOND
        } else {
            0
        };
        self.units.saturating_sub(self.shared.available_permits()) * UNIT + beyond
    }
}

/// The bytes of a body, with what they take of the room. It is given back when they are dropped.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
    beyond: Option<OwnedSemaphorePermit>,
    waited: Duration,
    waits_since: Option<Instant>,
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    /// Takes more bytes, of `most` in all, once there is room for them.
    pub(super) async fn extend(&mut self, data: &[u8], most: u64, room: &Room) {
        let length = self.bytes.len() + data.len();
        if length > self.bytes.capacity() {
            self.grow(length, most, room).await;
        }
        self.bytes.extend_from_slice(data);
    }

    /// How long it has waited for room, or waits now.
    pub(super) fn waited(&self) -> Duration {
        self.waited + self.waits_since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Doubles, but for the last time: no body takes more than it may become.
    async fn grow(&mut self, length: usize, most: u64, room: &Room) {
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(length);
        let twice = self.bytes.capacity().saturating_mul(2).max(length);
        let wanted = if length <= FREE { twice.min(FREE) } else { twice }.min(most);
        if wanted > FREE {
            self.take(wanted, room).await;
        }
        self.bytes.reserve_exact(wanted - self.bytes.len());
    }

    async fn take(&mut self, wanted: usize, room: &Room) {
        loop {
            let units = match u32::try_from(self.lacks(wanted)) {
                Ok(0) => return,
                Ok(units) => units,
                // No body may become so large.
                Err(_) => std::future::pending().await,
            };
            if let Ok(share) = Arc::clone(&room.shared).try_acquire_many_owned(units) {
                return self.add(share);
            }
            let since = Instant::now();
            self.waits_since = Some(since);
            let taken = Taken::first(room, units, self.beyond.is_none()).await;
            self.waits_since = None;
            self.waited += since.elapsed();
            match taken {
                Ok(Taken::Share(share)) => return self.add(share),
                Ok(Taken::Beyond(beyond)) => self.beyond = Some(beyond),
                // Nobody closes the semaphores.
                Err(_) => return,
            }
        }
    }

    /// Units that it lacks.
    fn lacks(&self, wanted: usize) -> usize {
        let beyond = if self.beyond.is_some() { BEYOND } else { 0 };
        let has = self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        wanted.saturating_sub(beyond).div_ceil(UNIT).saturating_sub(has)
    }

    fn add(&mut self, share: OwnedSemaphorePermit) {
        match &mut self.share {
            Some(has) => has.merge(share),
            None => self.share = Some(share),
        }
    }
}

/// What was waited for.
enum Taken {
    Share(OwnedSemaphorePermit),
    Beyond(OwnedSemaphorePermit),
}

impl Taken {
    async fn first(room: &Room, units: u32, may_go_beyond: bool) -> Result<Self, AcquireError> {
        let beyond = Arc::clone(&room.beyond).acquire_owned();
        tokio::select! {
            biased;
            share = Arc::clone(&room.shared).acquire_many_owned(units) => share.map(Self::Share),
            beyond = beyond, if may_go_beyond => beyond.map(Self::Beyond),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MIB: usize = 1 << 20;
    const MOST: u64 = OWN_LIMIT;

    async fn held(bytes: usize, room: &Room) -> Held {
        let mut held = Held::default();
        let chunk = vec![b'x'; 16 * 1024];
        while held.len() < bytes {
            let more = chunk.len().min(bytes - held.len());
            held.extend(&chunk[..more], MOST, room).await;
        }
        held
    }

    #[tokio::test]
    async fn a_small_body_takes_nothing_and_a_large_one_what_it_may_become() {
        let room = Room::new(32 * MIB);
        assert_eq!((room.bytes(), room.taken()), (32 * MIB, 0));
        let small = held(FREE, &room).await;
        assert_eq!((room.taken(), small.bytes.capacity()), (0, FREE));
        let middling = held(FREE + 1, &room).await;
        assert_eq!(room.taken(), 2 * FREE);
        let large = held(8 * MIB, &room).await;
        assert_eq!(
            (large.bytes.capacity(), room.taken()),
            (8 * MIB, 8 * MIB + 2 * FREE)
        );
        assert_eq!(large.waited(), Duration::ZERO);
        drop((small, middling, large));
        assert_eq!(room.taken(), 0);
    }

    #[tokio::test]
    async fn bodies_that_all_wait_for_each_other_are_read_one_after_the_other() {
        let room = Room::new(BEYOND + 4 * MIB);
        let bodies = (0..20).map(|_| async {
            let body = held(8 * MIB, &room).await;
            assert!(room.taken() <= room.bytes());
            // Others grow meanwhile.
            tokio::task::yield_now().await;
            body.len()
        });
        let read = timeout(Duration::from_secs(60), futures_util::future::join_all(bodies));
        assert_eq!(read.await.unwrap(), [8 * MIB; 20]);
        assert_eq!(room.taken(), 0);
    }

    #[tokio::test]
    async fn who_is_told_to_wait_no_longer_has_waited() {
        let room = Room::new(BEYOND);
        let first = held(8 * MIB, &room).await;
        let mut second = held(FREE, &room).await;
        let more = timeout(Duration::from_millis(10), second.extend(b"x", MOST, &room)).await;
        assert!(more.is_err());
        assert!(second.waited() >= Duration::from_millis(10));
        drop((first, second));
        assert_eq!(room.taken(), 0);
    }
}
