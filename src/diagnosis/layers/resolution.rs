//! The look-up of the endpoint's own name.

use super::{Fact, Layer, servers};
use crate::cause::Stage;
use crate::endpoint::Endpoint;
use crate::outcome::{AddressSource, Resolution};

/// What DNS said, server by server, and where the expected targets lead.
pub(super) fn layer(endpoint: &Endpoint, resolution: &Resolution) -> Layer {
    if resolution.source == AddressSource::Literal {
        return Layer::skipped("dns", Stage::Dns, "not asked: the URL holds the address");
    }
    if resolution.source == AddressSource::Elsewhere {
        let why = if endpoint.url.host().is_none() {
            "not asked: a socket of this machine has no address"
        } else {
            "not asked: nothing is resolved here"
        };
        return Layer::skipped("dns", Stage::Dns, why);
    }
    let mut facts = vec![addresses(resolution)];
    facts.extend(servers::lines(&resolution.answers).into_iter().map(Fact::aside));
    facts.extend(resolution.targets.iter().map(servers::target).map(Fact::aside));
    Layer::passed("dns", Stage::Dns, resolution.elapsed, facts).expecting(expected(endpoint))
}

fn addresses(resolution: &Resolution) -> Fact {
    let addresses: Vec<String> = resolution.addresses.iter().map(ToString::to_string).collect();
    if addresses.is_empty() {
        return Fact::bad(format!("no address for {}", resolution.name));
    }
    let origin = match resolution.source {
        AddressSource::HostsFile => ", by the hosts file of this machine",
        AddressSource::Literal | AddressSource::Dns | AddressSource::Elsewhere => "",
    };
    Fact::plain(format!(
        "{} has {}{origin}",
        resolution.name,
        addresses.join(", ")
    ))
}

fn expected(endpoint: &Endpoint) -> Vec<String> {
    match endpoint.dns() {
        Some(dns) if !dns.targets.is_empty() => dns.targets.iter().map(ToString::to_string).collect(),
        Some(_) => vec!["the target that the platform will name".to_owned()],
        None => vec!["an address".to_owned()],
    }
}
