//! What the system says of name resolution: its resolvers and its hosts file.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::Query;
use hickory_proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, system_conf};
use tracing::warn;

/// The most resolvers of the system that are used.
const MAX_SERVERS: usize = 8;

/// The system's resolvers; without a configuration the local one, as the C library does (resolv.conf(5)).
///
/// Its search list is not used: endpoints are public names.
pub(super) fn servers() -> Vec<SocketAddr> {
    match system_conf::read_system_conf() {
        Ok((config, _)) => config
            .name_servers()
            .iter()
            .take(MAX_SERVERS)
            .map(|server| SocketAddr::new(server.ip, server.connections.first().map_or(53, |c| c.port)))
            .collect(),
        Err(error) => {
            warn!(%error, "the system's resolver configuration cannot be used, asking 127.0.0.1:53");
            vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]
        }
    }
}

/// Names that need no DNS.
#[derive(Debug, Default)]
pub(super) struct HostsFile(Option<Hosts>);

impl HostsFile {
    /// The system's; one that is missing or unreadable holds nothing.
    pub(super) fn of_system() -> Self {
        Self(
            Hosts::from_system()
                .inspect_err(
                    |error| warn!(%error, "the hosts file cannot be read, its names are asked of dns"),
                )
                .ok(),
        )
    }

    /// One with this text.
    pub(super) fn parse(text: &str) -> Self {
        let mut hosts = Hosts::default();
        match hosts.read_hosts_conf(text.as_bytes()) {
            Ok(()) => Self(Some(hosts)),
            Err(_) => Self(None),
        }
    }

    /// The addresses of a name; `localhost` has its own even where no file says so (RFC 6761 section 6.3).
    pub(super) fn lookup(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let mut addresses = self.in_file(name);
        if addresses.is_empty() && name.is_localhost() {
            addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        (!addresses.is_empty()).then_some(addresses)
    }

    fn in_file(&self, name: &Name) -> Vec<IpAddr> {
        let Some(hosts) = &self.0 else {
            return Vec::new();
        };
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|record| hosts.lookup_static_host(&Query::query(name.clone(), record)))
            .flat_map(|found| {
                let addresses: Vec<_> = found
                    .answers()
                    .iter()
                    .filter_map(|record| record.data.ip_addr())
                    .collect();
                addresses
            })
            .collect()
    }
}
