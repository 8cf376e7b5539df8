//! DNS that answers what it is told: one [`DnsLab`] is one server, on UDP and TCP at the same address.
//!
//! It looks like a recursive resolver (it follows a CNAME within what it knows, and what it does not know does
//! not exist) or, with [`DnsSpec::authoritative`], like a server of its zones only.

mod handler;
pub mod raw;
pub mod says;
pub mod zone;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use hickory_proto::rr::{
    RData, RecordType,
    rdata::{A, AAAA, CNAME, NS, SOA},
};
use hickory_server::Server;
use tokio::net::{TcpListener, UdpSocket};

use self::handler::Handler;
use super::authority::Issued;

pub use self::{
    raw::{RawAnswer, RawDns},
    says::{Role, Says},
    zone::{Zone, name},
};

/// The lifetime of records that are set without one, in seconds.
pub const TTL: u32 = 300;

/// The shared state of a server: its zone, and how often each name was asked.
pub(crate) type SharedZone = Arc<Mutex<Zone>>;

/// What a DNS server shall be before it starts.
#[derive(Debug)]
pub struct DnsSpec {
    addr: SocketAddr,
    role: Role,
    tls: Option<Issued>,
    https: Option<Issued>,
}

impl DnsSpec {
    /// Binds this address instead of 127.0.0.1 and any port; port 0 is any port.
    #[must_use]
    pub fn at(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// Answers for its own zones only (those with an SOA) and refuses every other name.
    #[must_use]
    pub fn authoritative(mut self) -> Self {
        self.role = Role::Authoritative;
        self
    }

    /// Answers DNS over TLS (RFC 7858) too, on a port of its own.
    #[must_use]
    pub fn tls(mut self, issued: Issued) -> Self {
        self.tls = Some(issued);
        self
    }

    /// Answers DNS over HTTPS (RFC 8484) too, at `/dns-query` on a port of its own.
    #[must_use]
    pub fn https(mut self, issued: Issued) -> Self {
        self.https = Some(issued);
        self
    }

    /// Binds and answers.
    pub async fn start(self) -> DnsLab {
        let (udp, tcp) = bind_both(self.addr).await.expect("bind a DNS server on loopback");
        self.serve(udp, tcp).await
    }

    async fn serve(self, udp: UdpSocket, tcp: TcpListener) -> DnsLab {
        let addr = udp.local_addr().expect("the address of a bound socket");
        let zone: SharedZone = Arc::new(Mutex::new(Zone::new(self.role)));
        let mut server = Server::new(Handler::new(Arc::clone(&zone)));
        server.register_socket(udp);
        server.register_listener(tcp, IDLE, 64);
        let mut lab = DnsLab {
            addr,
            tls_addr: None,
            https_addr: None,
            zone,
            server,
        };
        let any_port = SocketAddr::new(addr.ip(), 0);
        if let Some(issued) = self.tls {
            lab.tls_addr = Some(lab.serve_tls(any_port, &issued).await);
        }
        if let Some(issued) = self.https {
            lab.https_addr = Some(lab.serve_https(any_port, &issued).await);
        }
        lab
    }
}

/// A running DNS server; dropping it ends it.
pub struct DnsLab {
    addr: SocketAddr,
    tls_addr: Option<SocketAddr>,
    https_addr: Option<SocketAddr>,
    zone: SharedZone,
    server: Server<Handler>,
}

impl std::fmt::Debug for DnsLab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DnsLab")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// Life of an instance.
impl DnsLab {
    /// A recursive look-alike on 127.0.0.1.
    pub async fn start() -> Self {
        Self::spec().start().await
    }

    /// A server to be described further, on 127.0.0.1 and any port.
    #[must_use]
    pub fn spec() -> DnsSpec {
        DnsSpec {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            role: Role::Recursive,
            tls: None,
            https: None,
        }
    }

    /// `count` authoritative servers at 127.0.0.2, 127.0.0.3 and so on, all at the same port: what NS and A
    /// records can name, once the client under test asks authoritative servers at that port.
    pub async fn nameservers(count: u8) -> Vec<Self> {
        for _ in 0..ATTEMPTS {
            if let Some(servers) = Self::try_nameservers(count).await {
                return servers;
            }
        }
        unreachable!("no port is free on {count} loopback addresses")
    }

    async fn try_nameservers(count: u8) -> Option<Vec<Self>> {
        let mut servers = Vec::new();
        let mut port = 0;
        for host in (2..).take(usize::from(count)) {
            let addr = SocketAddr::from(([127, 0, 0, host], port));
            let (udp, tcp) = bind_both(addr).await?;
            port = udp.local_addr().expect("the address of a bound socket").port();
            servers.push(Self::spec().authoritative().serve(udp, tcp).await);
        }
        Some(servers)
    }

    /// Where UDP and TCP are answered.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where DNS over TLS is answered, if asked for by [`DnsSpec::tls`].
    #[must_use]
    pub fn tls_addr(&self) -> SocketAddr {
        self.tls_addr.expect("a server that was started with tls")
    }

    /// Where DNS over HTTPS is answered, if asked for by [`DnsSpec::https`].
    #[must_use]
    pub fn https_addr(&self) -> SocketAddr {
        self.https_addr.expect("a server that was started with https")
    }

    async fn serve_tls(&mut self, addr: SocketAddr, issued: &Issued) -> SocketAddr {
        let listener = TcpListener::bind(addr)
            .await
            .expect("bind DNS over TLS on loopback");
        let bound = listener.local_addr().expect("the address of a bound socket");
        let config = Arc::new(issued.server_config(&[b"dot"]));
        self.server
            .register_tls_listener_with_tls_config(listener, IDLE, config)
            .expect("register DNS over TLS");
        bound
    }

    async fn serve_https(&mut self, addr: SocketAddr, issued: &Issued) -> SocketAddr {
        let listener = TcpListener::bind(addr)
            .await
            .expect("bind DNS over HTTPS on loopback");
        let bound = listener.local_addr().expect("the address of a bound socket");
        let config = Arc::new(issued.server_config(&[b"h2"]));
        let path = "/dns-query".to_owned();
        self.server
            .register_https_listener_with_tls_config(listener, IDLE, config, None, path)
            .expect("register DNS over HTTPS");
        bound
    }
}

/// What the zone holds. Names are absolute, with or without the last dot.
impl DnsLab {
    /// Replaces the IPv4 addresses of a name.
    pub fn a(&self, owner: &str, addresses: &[&str]) {
        let data = addresses
            .iter()
            .map(|text| RData::A(A(text.parse().expect("an IPv4 address"))));
        self.set(owner, RecordType::A, TTL, data.collect());
    }

    /// Replaces the IPv6 addresses of a name.
    pub fn aaaa(&self, owner: &str, addresses: &[&str]) {
        let data = addresses
            .iter()
            .map(|text| RData::AAAA(AAAA(text.parse().expect("an IPv6 address"))));
        self.set(owner, RecordType::AAAA, TTL, data.collect());
    }

    /// Replaces the addresses of a name, of both families.
    pub fn addresses(&self, owner: &str, addresses: &[IpAddr]) {
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().copied().partition(IpAddr::is_ipv4);
        for (kind, family) in [(RecordType::A, v4), (RecordType::AAAA, v6)] {
            self.set(owner, kind, TTL, family.into_iter().map(RData::from).collect());
        }
    }

    /// Makes a name an alias of another. Aliases of each other are a loop; a target that is not known dangles.
    pub fn cname(&self, owner: &str, target: &str) {
        let mut zone = self.zone();
        zone.remove(owner);
        zone.set(
            owner,
            RecordType::CNAME,
            TTL,
            vec![RData::CNAME(CNAME(name(target)))],
        );
    }

    /// Replaces the name servers of a name.
    pub fn ns(&self, owner: &str, servers: &[&str]) {
        let data = servers.iter().map(|server| RData::NS(NS(name(server)))).collect();
        self.set(owner, RecordType::NS, TTL, data);
    }

    /// Makes a name the top of a zone.
    pub fn soa(&self, owner: &str) {
        let apex = name(owner);
        let primary = apex.prepend_label("ns1").expect("a short name");
        let mailbox = apex.prepend_label("hostmaster").expect("a short name");
        let soa = SOA::new(primary, mailbox, 1, 3600, 600, 86400, 60);
        self.set(owner, RecordType::SOA, TTL, vec![RData::SOA(soa)]);
    }

    /// Replaces the records of one type at a name, with their lifetime in seconds. No data, no records.
    pub fn set(&self, owner: &str, kind: RecordType, ttl: u32, data: Vec<RData>) {
        self.zone().set(owner, kind, ttl, data);
    }

    /// Makes A and AAAA of a name what its target resolves to here and now, as a flattening provider does:
    /// no CNAME shows. A target without addresses is an empty answer.
    pub fn flatten(&self, owner: &str, target: &str) {
        self.zone().flatten(owner, target);
    }

    /// Forgets a name: from now on it does not exist (unless names below it do).
    pub fn remove(&self, owner: &str) {
        self.zone().remove(owner);
    }

    /// Takes the zone of another server as it is now. Behaviours and counts are not taken.
    pub fn copy_records(&self, other: &Self) {
        let records = other.zone().records();
        self.zone().replace_records(records);
    }
}

/// Behaviour and observation.
impl DnsLab {
    /// How the server answers for one name, whatever its records; [`Says::Records`] heals it.
    pub fn says(&self, owner: &str, says: Says) {
        self.zone().says(owner, says);
    }

    /// How the server answers for every name without a behaviour of its own.
    pub fn says_to_all(&self, says: Says) {
        self.zone().says_to_all(says);
    }

    /// Ends every behaviour; records stay.
    pub fn heal(&self) {
        self.zone().heal();
    }

    /// How many queries have asked for this name, of any type, answered or not.
    #[must_use]
    pub fn queries(&self, owner: &str) -> u64 {
        self.zone().queries(owner)
    }

    /// How many queries have arrived.
    #[must_use]
    pub fn all_queries(&self) -> u64 {
        self.zone().all_queries()
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().expect("a zone that no test panicked in")
    }
}

/// Binds UDP and TCP at one address. With port 0 the port that TCP got may be taken for UDP: then another.
async fn bind_both(addr: SocketAddr) -> Option<(UdpSocket, TcpListener)> {
    for _ in 0..ATTEMPTS {
        let tcp = TcpListener::bind(addr).await.ok()?;
        let bound = tcp.local_addr().ok()?;
        if let Ok(udp) = UdpSocket::bind(bound).await {
            return Some((udp, tcp));
        }
    }
    None
}

/// How many ports are tried before giving up.
const ATTEMPTS: usize = 50;

/// How long a connection without queries is kept.
const IDLE: Duration = Duration::from_secs(30);
