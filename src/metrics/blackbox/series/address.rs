//! Of every prober that resolves its target.

use std::net::IpAddr;

use super::{ProbeSeries, Sample, one};
use crate::metrics::blackbox::{View, succeeded};
use crate::outcome::AddressSource;

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "linkwatch_probe_address_success",
        labels: &["address"],
        help: "Whether the probe of this address succeeded; one address, or all of them with the parameter addresses=all.",
        samples: |view| {
            let each = view.outcome.attempts.iter().filter_map(|attempt| {
                let address = attempt.peer.ip()?.to_canonical().to_string();
                let labels = vec![("address".into(), address)];
                Some((labels, f64::from(u8::from(succeeded(attempt)))))
            });
            each.collect()
        },
    },
    ProbeSeries {
        name: "probe_dns_lookup_time_seconds",
        labels: &[],
        help: "Time until the addresses of the target were known.",
        samples: |view| resolved(view, view.outcome.resolution.elapsed.as_secs_f64()),
    },
    ProbeSeries {
        name: "probe_ip_addr_hash",
        labels: &[],
        help: "Hash of the address that was probed (FNV-1a, 32 bit), to see it change.",
        samples: |view| {
            resolved(
                view,
                view.address().map_or(0.0, |address| f64::from(hash(address))),
            )
        },
    },
    ProbeSeries {
        name: "probe_ip_protocol",
        labels: &[],
        help: "Version of IP that was probed: 4 or 6; 0 without an address.",
        samples: |view| {
            let version = |address: IpAddr| if address.is_ipv4() { 4.0 } else { 6.0 };
            resolved(view, view.address().map_or(0.0, version))
        },
    },
];

/// Absent where nothing was resolved here.
fn resolved(view: &View<'_>, value: f64) -> Vec<Sample> {
    match view.outcome.resolution.source {
        AddressSource::Elsewhere => Vec::new(),
        AddressSource::Literal | AddressSource::HostsFile | AddressSource::Dns => one(value),
    }
}

/// FNV-1a over the bytes of the address (draft-eastlake-fnv).
fn hash(address: IpAddr) -> u32 {
    let fold = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        })
    };
    match address {
        IpAddr::V4(address) => fold(&address.octets()),
        IpAddr::V6(address) => fold(&address.octets()),
    }
}
