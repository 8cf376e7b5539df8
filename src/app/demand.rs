//! What `/probe` may be asked for, and how much of it.

use std::net::IpAddr;
use std::path::Path;

use procfs::process::{LimitValue, Process};
use url::Url;

use crate::config::Demand;
use crate::state::Catalogue;
use crate::web::{Room, Unprobed, shown_target};

/// Files that a probe may have open: the request's connection, the target's, and those of questions to DNS.
const FILES_PER_PROBE: u64 = 10;

/// Files that are left to everything else: scrapes, the catalogue's probes, the store, libraries.
const FILES_LEFT: u64 = 384;

/// Connections that are left to requests that are not for probes.
const CONNECTIONS_LEFT: usize = 128;

/// Files that a process may open where the system does not tell.
const FILES_UNKNOWN: u64 = 1024;

/// How many probes may run and wait: what the configuration says, as far as the files that may be open suffice.
pub(super) fn room(demand: &Demand) -> Room {
    within(demand, most_files())
}

fn within(demand: &Demand, files: u64) -> Room {
    let suffices = (files.saturating_sub(FILES_LEFT) / (FILES_PER_PROBE + 1)).max(2);
    let suffices = usize::try_from(suffices).unwrap_or(usize::MAX);
    let room = Room {
        running: demand.concurrency.min(suffices),
        waiting: demand.queue.min(suffices),
    };
    if room.running < demand.concurrency {
        tracing::warn!(
            wanted = demand.concurrency,
            probes = room.running,
            files,
            "fewer probes on demand at once than configured: the process may open too few files"
        );
    }
    room
}

/// How many connections the web side may hold.
pub(super) const fn connections(room: Room) -> usize {
    let needed = room.running + room.waiting + CONNECTIONS_LEFT;
    if needed > 512 || room.running < 64 {
        needed
    } else {
        512
    }
}

fn most_files() -> u64 {
    let limits = Process::myself().and_then(|process| process.limits());
    match limits.map(|limits| limits.max_open_files.soft_limit) {
        Ok(LimitValue::Value(most)) => most,
        Ok(LimitValue::Unlimited) => u64::MAX,
        Err(_) => FILES_UNKNOWN,
    }
}

/// Whether a target may be asked for, as far as its name tells. Where it leads is looked at when it is dialled.
pub(super) fn admit(demand: &Demand, catalogue: &Catalogue, target: &str) -> Result<(), Unprobed> {
    if demand.policy.is_open() && !demand.catalogue_only {
        return Ok(());
    }
    let forbidden = |why: String| Err(Unprobed::Forbidden(why));
    let Some(host) = host(target) else {
        // What names no host at all is for the prober to object to; a path of this machine is not for everybody.
        let refused = demand.policy.permits_path(Path::new(target)).err();
        return refused
            .filter(|_| target.starts_with('/'))
            .map_or(Ok(()), |refusal| {
                forbidden(refusal.to_string().replace(target, &shown_target(target)))
            });
    };
    if demand.catalogue_only && !catalogue.slots.iter().any(|slot| slot.endpoint.host == host) {
        return forbidden(format!(
            "{host} may not be probed: nothing watches it, and probe.targets is catalogue"
        ));
    }
    let permitted = demand.policy.permits_host(&host);
    permitted.or_else(|refusal| forbidden(refusal.to_string()))
}

/// The host that a target names: a URL's, or what stands before a port.
fn host(target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    if let Ok(address) = target.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let whole = if target.contains("://") {
        target.to_owned()
    } else {
        format!("http://{target}")
    };
    // By way of a scheme whose hosts are read as those of the web are.
    let (_, rest) = whole.split_once("://")?;
    let url = Url::parse(&format!("http://{rest}")).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_whatever_a_target_is() {
        for (target, expected) in [
            ("https://ann:x@A.test./y", Some("a.test")),
            ("a.test", Some("a.test")),
            ("a.test:443/x", Some("a.test")),
            ("::1", Some("::1")),
            ("[::1]:80", Some("::1")),
            ("HTTP://0x7f.1/", Some("127.0.0.1")),
            ("icmp://b.test", Some("b.test")),
            ("", None),
            ("/run/x.sock", None),
        ] {
            assert_eq!(host(target).as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn few_files_mean_few_probes() {
        let demand = crate::config::parse(
            Path::new("test"),
            b"probe: {concurrency: 300}",
            crate::config::Files::memory([]),
        );
        let demand = demand.unwrap().demand;
        for (files, running) in [(64, 2), (1024, 58), (4096, 300), (u64::MAX, 300)] {
            let room = within(&demand, files);
            assert_eq!((room.running, room.waiting), (running, running), "{files}");
            let used = running as u64 * FILES_PER_PROBE + connections(room) as u64;
            assert!(used <= files.max(FILES_LEFT), "{files}: {used}");
        }
    }
}
