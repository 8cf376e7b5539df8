//! The servers of a name's own zone, found through the resolvers and remembered for as long as they say.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_proto::op;
use hickory_proto::rr::{Name, RecordType};
use tokio::time::Instant;

use super::exchange::{Asking, Link};
use super::facts;
use super::round::Round;
use crate::outcome::{Family, ServerRole};

/// The most servers of a zone that are asked.
const MAX_SERVERS: usize = 4;

/// The most questions on the way up from a name to its zone.
const MAX_STEPS: usize = 8;

/// The most names whose servers are remembered.
const MAX_KNOWN: usize = 16_384;

/// The servers of a zone are remembered for at least this long, whatever their time to live.
const SHORTEST: Duration = Duration::from_secs(60);

/// And for at most this long.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The servers of zones, by zone and by every name that was looked for in them.
#[derive(Debug)]
pub(super) struct Zones {
    port: u16,
    runtime: TokioRuntime,
    known: Mutex<HashMap<Name, Known>>,
}

/// The runtime of hickory, which does not print itself.
struct TokioRuntime(TokioRuntimeProvider);

impl std::fmt::Debug for TokioRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokioRuntime")
    }
}

#[derive(Debug, Clone)]
struct Known {
    until: Instant,
    servers: Arc<[Link]>,
}

impl Zones {
    pub(super) fn new(port: u16, runtime: TokioRuntimeProvider) -> Self {
        Self {
            port,
            runtime: TokioRuntime(runtime),
            known: Mutex::default(),
        }
    }

    /// The servers of the zone that holds the name; none when they cannot be found by the limit.
    ///
    /// One address of each server: IPv4, or IPv6 where there is no other.
    pub(super) async fn servers(&self, resolvers: &[Link], host: &Name, limit: Instant) -> Arc<[Link]> {
        if let Some(known) = self.known(host) {
            return known.servers;
        }
        let mut zone = host.clone();
        for _ in 0..MAX_STEPS {
            if zone.is_root() {
                break;
            }
            if let Some(known) = self.known(&zone) {
                self.remember(host, &known);
                return known.servers;
            }
            let Some(message) = name_servers(resolvers, &zone, limit).await else {
                return Arc::default();
            };
            let names = facts::name_servers(&zone, &message);
            if !names.is_empty() {
                let Some(known) = self.locate(resolvers, &names, limit).await else {
                    return Arc::default();
                };
                self.remember(&zone, &known);
                self.remember(host, &known);
                return known.servers;
            }
            zone = facts::denying_zone(&zone, &message)
                .filter(|denying| *denying != zone)
                .unwrap_or_else(|| zone.base_name());
        }
        let none = Known {
            until: Instant::now() + SHORTEST,
            servers: Arc::default(),
        };
        self.remember(host, &none);
        none.servers
    }

    /// Looks up the addresses of a zone's servers; `None` when none was found and time is up.
    async fn locate(&self, resolvers: &[Link], names: &[(Name, u32)], limit: Instant) -> Option<Known> {
        let names = &names[..names.len().min(MAX_SERVERS)];
        let located = join_all(names.iter().map(|(name, ttl)| async move {
            let (address, address_ttl) = address(resolvers, name, limit).await?;
            Some((SocketAddr::new(address, self.port), address_ttl.min(*ttl)))
        }))
        .await;
        let mut found: Vec<_> = located.into_iter().flatten().collect();
        if found.is_empty() && Instant::now() >= limit {
            return None;
        }
        let ttl = found.iter().map(|(_, ttl)| *ttl).min().unwrap_or(0);
        found.sort_unstable();
        found.dedup_by_key(|(address, _)| *address);
        Some(Known {
            until: Instant::now() + Duration::from_secs(ttl.into()).clamp(SHORTEST, LONGEST),
            servers: found
                .iter()
                .map(|(address, _)| Link::udp(*address, &self.runtime.0))
                .collect(),
        })
    }

    fn known(&self, name: &Name) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(name)
            .filter(|known| known.until > Instant::now())
            .cloned()
    }

    fn remember(&self, name: &Name, what: &Known) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            let now = Instant::now();
            known.retain(|_, known| known.until > now);
        }
        if known.len() < MAX_KNOWN {
            known.insert(name.clone(), what.clone());
        }
    }
}

/// Asks the resolvers in turn for the name servers of a name, each for an equal share of the time.
async fn name_servers(resolvers: &[Link], zone: &Name, limit: Instant) -> Option<op::Message> {
    let asking = Asking {
        name: zone,
        record: RecordType::NS,
        recursion: true,
        checking_disabled: false,
        authenticity: false,
    };
    for (tried, resolver) in resolvers.iter().enumerate() {
        let share = super::share(Instant::now(), limit, resolvers.len() - tried);
        if let Ok(message) = resolver.ask(asking, share).await
            && matches!(
                message.metadata.response_code,
                op::ResponseCode::NoError | op::ResponseCode::NXDomain
            )
        {
            return Some(message);
        }
    }
    None
}

/// The first address of a server, with its time to live in seconds.
async fn address(resolvers: &[Link], name: &Name, limit: Instant) -> Option<(std::net::IpAddr, u32)> {
    for family in [Family::Ipv4, Family::Ipv6] {
        let families = [family];
        let mut round = Round::start(resolvers, ServerRole::Resolver, name, &families, limit);
        round.until_settled().await;
        let found = round
            .messages()
            .find_map(|message| message.addresses.first().map(|address| (*address, message.ttl)));
        if found.is_some() {
            return found;
        }
    }
    None
}
