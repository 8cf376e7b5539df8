//! Name resolution, exchange by exchange: what each server said, not what a resolver made of it.
//!
//! A plain question goes to the first server, and to the next when that fails or has used up its share of the time.
//! A thorough one goes to all at once. Once one server has settled it, everything else (the other family, the other
//! servers, the zone's own, the targets) is a comparison and has at most a third of the time left, and at most one
//! second: who has not answered by then is a `Reply::Timeout`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_proto::rr::Name;
use tokio::time::Instant;

use self::exchange::Link;
use self::round::Round;
use self::system::HostsFile;
use self::target::Pools;
use self::zone::Zones;
use crate::outcome::{
    AddressSource, Answer, Family, Reply, Resolution, ServerRole, TargetResolution, TargetStanding,
};

pub mod facts;

mod caa;
mod dnssec;
mod exchange;
mod lookup;
mod round;
mod system;
mod target;
mod zone;

/// The longest that comparisons may delay what is already known.
const COMPARISON: Duration = Duration::from_secs(1);

/// Whom to ask.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The servers, in order; the first that answers is believed, all are compared.
    pub servers: Vec<Server>,
    /// The port that authoritative servers are asked on: 53.
    pub authoritative_port: u16,
    /// PEM roots for DNS over TLS and HTTPS, in place of the public ones.
    pub roots: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: vec![Server::System],
            authoritative_port: 53,
            roots: None,
        }
    }
}

/// A server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// Those of the system's configuration, with its hosts file.
    System,
    /// Plain DNS over UDP, TCP when truncated.
    Udp(SocketAddr),
    /// Plain DNS over TCP.
    Tcp(SocketAddr),
    /// DNS over TLS (RFC 7858), with the name that its certificate must have.
    Tls(SocketAddr, String),
    /// DNS over HTTPS (RFC 8484): address, certificate name, path.
    Https(SocketAddr, String, String),
}

/// What to find out.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The host: a name in ASCII form, or an address.
    pub host: &'a str,
    /// The family whose addresses come first.
    pub preferred: Family,
    /// Whether the other family is used too (with `AddressChoice::One`: used when the preferred has none).
    pub fallback: bool,
    /// Ask every server, and the zone's own when targets are expected, and compare; else the first that answers.
    pub thorough: bool,
    /// Names that the host should lead to, now or formerly: looked up too.
    pub targets: &'a [(&'a str, TargetStanding)],
}

/// Asks DNS servers.
///
/// Keeps connections to servers that need one, the servers of zones for their time to live (one minute to one hour)
/// and the addresses of targets for ten minutes; never the answer to a question.
#[derive(Debug)]
pub struct Resolver {
    servers: Vec<Link>,
    hosts: HostsFile,
    zones: Zones,
    targets: Pools,
}

impl Resolver {
    /// Reads the system's configuration where `Server::System` is among the servers.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings {
            servers,
            authoritative_port,
            roots,
        } = settings;
        let runtime = TokioRuntimeProvider::new();
        let tls = exchange::client_config(roots.as_deref());
        let hosts = if servers.contains(&Server::System) {
            HostsFile::of_system()
        } else {
            HostsFile::default()
        };
        let links = servers
            .iter()
            .flat_map(|server| match Link::to(server, &tls, &runtime) {
                Some(link) => vec![link],
                None => system::servers()
                    .into_iter()
                    .map(|address| Link::udp(address, &runtime))
                    .collect(),
            });
        Self {
            servers: links.collect(),
            hosts,
            zones: Zones::new(authoritative_port, runtime.clone()),
            targets: Pools::default(),
        }
    }

    /// Takes a text in the form of hosts(5) in place of the system's hosts file.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &str) -> Self {
        self.hosts = HostsFile::parse(hosts);
        self
    }

    /// Asks; whatever happens is in the resolution. Ends by the deadline.
    pub async fn resolve(&self, question: &Question<'_>, deadline: Instant) -> Resolution {
        let started = Instant::now();
        let host = question.host.trim_end_matches('.').to_ascii_lowercase();
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return literal(question, address);
        }
        let Some(name) = facts::name(&host) else {
            return unanswered(host, question.preferred, Reply::NoName);
        };
        if let Some(found) = self.hosts.lookup(&name) {
            let elapsed = started.elapsed();
            let limit = comparison_limit(Instant::now(), deadline);
            return Resolution {
                name: host,
                source: AddressSource::HostsFile,
                elapsed,
                answers: Vec::new(),
                addresses: ordered(question, &found),
                targets: Box::pin(self.look_up_targets(question, limit)).await,
            };
        }
        // On the heap: the rest of the probe need not carry the room for it.
        Box::pin(self.ask(question, host, &name, deadline)).await
    }

    /// Asks the servers, in as many rounds as it takes until one has settled the question.
    async fn ask(&self, question: &Question<'_>, host: String, name: &Name, deadline: Instant) -> Resolution {
        let started = Instant::now();
        let both = [question.preferred, other(question.preferred)];
        let families = if question.thorough || question.fallback {
            &both[..]
        } else {
            &both[..1]
        };
        let at_once = if question.thorough { self.servers.len() } else { 1 };
        let rounds = self.servers.chunks(at_once.max(1));
        let mut left = rounds.len();
        let mut answers = Vec::new();
        for links in rounds {
            let until = share(Instant::now(), deadline, left);
            left -= 1;
            let round_began = started.elapsed();
            let mut round = Round::start(links, ServerRole::Resolver, name, families, until);
            if !round.until_settled().await && left > 0 {
                answers.extend(round.into_answers());
                continue;
            }
            let settled = started.elapsed();
            let limit = comparison_limit(Instant::now(), deadline);
            let ((), targets, authoritative) = tokio::join!(
                round.until(limit),
                self.look_up_targets(question, limit),
                self.ask_zone(question, name, families, limit),
            );
            let believed = round.believed();
            let said = || believed.into_iter().flat_map(|server| round.said(server));
            let elapsed = said()
                .map(|(_, _, after)| round_began + after)
                .max()
                .unwrap_or(settled);
            let found: Vec<_> = said()
                .flat_map(|(_, message, _)| message.addresses.iter().copied())
                .collect();
            let addresses = ordered(question, &found);
            answers.extend(round.into_answers());
            answers.extend(authoritative);
            return Resolution {
                name: host,
                source: AddressSource::Dns,
                elapsed,
                answers,
                addresses,
                targets,
            };
        }
        let nobody = Reply::Broken("no dns server is configured".to_owned());
        unanswered(host, question.preferred, nobody)
    }

    /// Asks the zone's own servers, where a target is expected: no cache delays what they say.
    async fn ask_zone(
        &self,
        question: &Question<'_>,
        name: &Name,
        families: &[Family],
        limit: Instant,
    ) -> Vec<Answer> {
        if !question.thorough || question.targets.is_empty() {
            return Vec::new();
        }
        let servers = self.zones.servers(&self.servers, name, limit).await;
        if Instant::now() >= limit {
            return Vec::new();
        }
        let mut round = Round::start(&servers, ServerRole::Authoritative, name, families, limit);
        round.until(limit).await;
        round.into_answers().collect()
    }

    /// What the servers of the name's own zone say, both families; none where they cannot be found by the deadline.
    pub async fn authoritative(&self, host: &str, deadline: Instant) -> Vec<Answer> {
        let Some(name) = facts::name(host) else {
            return Vec::new();
        };
        let servers = self.zones.servers(&self.servers, &name, deadline).await;
        let families = [Family::Ipv4, Family::Ipv6];
        let mut round = Round::start(&servers, ServerRole::Authoritative, &name, &families, deadline);
        round.until(deadline).await;
        round.into_answers().collect()
    }

    async fn look_up_targets(&self, question: &Question<'_>, limit: Instant) -> Vec<TargetResolution> {
        join_all(question.targets.iter().map(|(name, standing)| async move {
            let (state, addresses) = self.targets.lookup(&self.servers, name, limit).await;
            TargetResolution {
                name: (*name).to_owned(),
                standing: *standing,
                state,
                addresses,
            }
        }))
        .await
    }
}

/// The addresses that would be tried, in that order: the preferred family first, or only it without a fallback.
fn ordered(question: &Question<'_>, found: &[IpAddr]) -> Vec<IpAddr> {
    let mut addresses = Vec::with_capacity(found.len().min(facts::MAX_ADDRESSES));
    let families = [
        Some(question.preferred),
        question.fallback.then_some(other(question.preferred)),
    ];
    for family in families.into_iter().flatten() {
        for address in found
            .iter()
            .filter(|address| address.is_ipv4() == (family == Family::Ipv4))
        {
            if addresses.len() < facts::MAX_ADDRESSES && !addresses.contains(address) {
                addresses.push(*address);
            }
        }
    }
    addresses
}

const fn other(family: Family) -> Family {
    match family {
        Family::Ipv4 => Family::Ipv6,
        Family::Ipv6 => Family::Ipv4,
    }
}

/// An address is its own answer, where its family may be used.
fn literal(question: &Question<'_>, address: IpAddr) -> Resolution {
    Resolution {
        source: AddressSource::Literal,
        addresses: ordered(question, &[address]),
        ..Resolution::default()
    }
}

/// What is known of a host when no question about it could go out: an answer of ourselves.
fn unanswered(host: String, family: Family, reply: Reply) -> Resolution {
    Resolution {
        answers: vec![Answer {
            server: Arc::from("none"),
            role: ServerRole::Resolver,
            family,
            reply,
        }],
        name: host,
        ..Resolution::default()
    }
}

/// An equal share of the time left, for the first of so many.
fn share(now: Instant, deadline: Instant, among: usize) -> Instant {
    let among = u32::try_from(among.max(1)).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / among
}

/// When comparisons end that begin now: a third of the time left, at most a second.
fn comparison_limit(now: Instant, deadline: Instant) -> Instant {
    now + COMPARISON.min(deadline.saturating_duration_since(now) / 3)
}
