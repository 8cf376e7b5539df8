//! Where expected targets lead: remembered over several look-ups, because their addresses rotate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::exchange::Link;
use super::round::Round;
use super::{comparison_limit, facts};
use crate::outcome::{Family, ServerRole, TargetLookup};

/// How long an address counts as one of the target's after it was last seen.
const MEMORY: Duration = Duration::from_secs(600);

/// The most addresses remembered of a target; the longest unseen go first.
const MAX_ADDRESSES: usize = 64;

/// The most targets remembered.
const MAX_TARGETS: usize = 4_096;

/// A look-up that found addresses is good for their time to live, but at least and at most for these.
const FRESH: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// One that found none is soon repeated, but not by every endpoint of a group.
const FRESH_ABSENT: Duration = Duration::from_secs(5);

/// One that found out nothing likewise.
const FRESH_FAILED: Duration = Duration::from_secs(2);

/// What each resolver is asked in one look-up: both families, twice, since some pools answer differently each time.
const SAMPLES: [Family; 4] = [Family::Ipv4, Family::Ipv6, Family::Ipv4, Family::Ipv6];

/// The targets that were looked up lately.
#[derive(Debug, Default)]
pub(super) struct Pools {
    pools: Mutex<HashMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    used: Instant,
    /// Locked for the time of a look-up: whoever else wants the target waits for its result.
    pool: Arc<tokio::sync::Mutex<Pool>>,
}

/// What is known of one target.
#[derive(Debug, Default)]
struct Pool {
    /// The addresses, each with when it was last seen.
    seen: Vec<(IpAddr, Instant)>,
    last: Option<Finding>,
}

#[derive(Debug, Clone, Copy)]
struct Finding {
    state: TargetLookup,
    fresh_until: Instant,
}

impl Pools {
    /// How the target's look-up ended, and every address seen over the last ten minutes.
    pub(super) async fn lookup(
        &self,
        resolvers: &[Link],
        target: &str,
        limit: Instant,
    ) -> (TargetLookup, Vec<IpAddr>) {
        let Some(name) = facts::name(target) else {
            return (TargetLookup::Failed, Vec::new());
        };
        let pool = self.pool(target);
        let Ok(mut pool) = timeout_at(limit, pool.lock()).await else {
            return (TargetLookup::Failed, Vec::new());
        };
        let now = Instant::now();
        if now < limit && pool.last.is_none_or(|last| last.fresh_until <= now) {
            let mut round = Round::start(resolvers, ServerRole::Resolver, &name, &SAMPLES, limit);
            round.until_settled().await;
            round.until(comparison_limit(Instant::now(), limit)).await;
            pool.learn(&round, Instant::now());
        }
        pool.report(Instant::now())
    }

    fn pool(&self, target: &str) -> Arc<tokio::sync::Mutex<Pool>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(entry) = pools.get_mut(target) {
            entry.used = now;
            return Arc::clone(&entry.pool);
        }
        if pools.len() >= MAX_TARGETS {
            pools.retain(|_, entry| now.duration_since(entry.used) < MEMORY);
        }
        let pool = Arc::default();
        if pools.len() < MAX_TARGETS {
            pools.insert(
                target.to_owned(),
                Entry {
                    used: now,
                    pool: Arc::clone(&pool),
                },
            );
        }
        pool
    }
}

impl Pool {
    fn learn(&mut self, round: &Round<'_>, now: Instant) {
        let ttl = round
            .messages()
            .filter(|message| !message.addresses.is_empty())
            .map(|message| Duration::from_secs(message.ttl.into()))
            .min();
        let (state, fresh_for) = match ttl {
            Some(ttl) => {
                round.addresses().for_each(|address| self.see(address, now));
                self.forget(now);
                (TargetLookup::Resolved, ttl.clamp(FRESH.0, FRESH.1))
            }
            None if round.believed().is_some() => {
                self.seen.clear();
                (TargetLookup::Absent, FRESH_ABSENT)
            }
            None => (TargetLookup::Failed, FRESH_FAILED),
        };
        self.last = Some(Finding {
            state,
            fresh_until: now + fresh_for,
        });
    }

    /// A failed look-up takes nothing back of what was seen shortly before.
    fn report(&mut self, now: Instant) -> (TargetLookup, Vec<IpAddr>) {
        self.forget(now);
        let last = self.last.map_or(TargetLookup::Failed, |last| last.state);
        let state = if last == TargetLookup::Failed && !self.seen.is_empty() {
            TargetLookup::Resolved
        } else {
            last
        };
        let mut addresses: Vec<_> = self.seen.iter().map(|(address, _)| *address).collect();
        addresses.sort_unstable();
        (state, addresses)
    }

    fn see(&mut self, address: IpAddr, now: Instant) {
        match self.seen.iter_mut().find(|(seen, _)| *seen == address) {
            Some((_, when)) => *when = now,
            None => self.seen.push((address, now)),
        }
    }

    fn forget(&mut self, now: Instant) {
        self.seen.retain(|(_, when)| now.duration_since(*when) < MEMORY);
        if self.seen.len() > MAX_ADDRESSES {
            self.seen
                .sort_unstable_by_key(|(_, when)| std::cmp::Reverse(*when));
            self.seen.truncate(MAX_ADDRESSES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u16) -> IpAddr {
        let [high, low] = last.to_be_bytes();
        IpAddr::from([192, 0, high, low])
    }

    #[test]
    fn an_address_is_forgotten_ten_minutes_after_it_was_last_seen() {
        let start = Instant::now();
        let mut pool = Pool::default();
        pool.see(address(1), start);
        pool.see(address(2), start);
        pool.see(address(2), start + Duration::from_secs(300));
        assert_eq!(pool.report(start + Duration::from_secs(599)).1.len(), 2);
        assert_eq!(pool.report(start + Duration::from_secs(601)).1, [address(2)]);
    }

    #[test]
    fn a_pool_without_end_keeps_the_latest_addresses() {
        let start = Instant::now();
        let mut pool = Pool::default();
        for last in 0..1_000 {
            pool.see(address(last), start + Duration::from_millis(last.into()));
            pool.forget(start + Duration::from_millis(last.into()));
        }
        assert_eq!(pool.seen.len(), MAX_ADDRESSES);
        assert!(pool.seen.iter().any(|(seen, _)| *seen == address(999)));
        assert!(!pool.seen.iter().any(|(seen, _)| *seen == address(0)));
    }

    #[test]
    fn a_failed_look_up_leaves_what_was_seen_before() {
        let now = Instant::now();
        let failed = Finding {
            state: TargetLookup::Failed,
            fresh_until: now,
        };
        let mut pool = Pool {
            seen: vec![(address(1), now)],
            last: Some(failed),
        };
        assert_eq!(pool.report(now), (TargetLookup::Resolved, vec![address(1)]));
        pool.seen.clear();
        assert_eq!(pool.report(now), (TargetLookup::Failed, vec![]));
    }
}
