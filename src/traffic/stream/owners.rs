//! Which endpoint a series belongs to, by its host.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::endpoint::{Endpoint, EndpointName, GroupName};

/// The endpoints, by host.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<String, Owner>);

/// Who a host belongs to: of several endpoints the first by name.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) name: EndpointName,
    pub(super) group: GroupName,
    /// Of all endpoints of the host, by one instance of linkwatch.
    pub(super) probes_per_second: f64,
}

impl Owners {
    pub(super) fn of(endpoints: &[Arc<Endpoint>]) -> Self {
        let mut owners = HashMap::new();
        for endpoint in endpoints {
            let owner = Owner::of(endpoint);
            match owners.entry(normal(&endpoint.host)) {
                Entry::Vacant(new) => {
                    new.insert(owner);
                }
                Entry::Occupied(mut known) => known.get_mut().share(owner),
            }
        }
        Self(owners)
    }

    pub(super) fn find(&self, host: &str) -> Option<&Owner> {
        self.0.get(&normal(host))
    }
}

impl Owner {
    fn of(endpoint: &Endpoint) -> Self {
        let interval = endpoint.group.interval.as_secs_f64();
        Self {
            name: endpoint.name.clone(),
            group: endpoint.group.name.clone(),
            probes_per_second: if interval > 0.0 { interval.recip() } else { 0.0 },
        }
    }

    fn share(&mut self, other: Self) {
        let probes_per_second = self.probes_per_second + other.probes_per_second;
        if other.name < self.name {
            *self = other;
        }
        self.probes_per_second = probes_per_second;
    }
}

/// A host as a label may spell it: in capitals, with a port, in brackets, or with the dot of the root.
fn normal(host: &str) -> String {
    let bare = match host.rsplit_once(':') {
        Some((bare, port))
            if (!bare.contains(':') || bare.ends_with(']'))
                && port.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            bare
        }
        _ => host,
    };
    bare.trim_end_matches('.')
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_host_is_found_however_a_label_spells_it() {
        for (spelt, host) in [
            ("a.example", "a.example"),
            ("A.Example.", "a.example"),
            ("a.example:443", "a.example"),
            ("[2001:db8::1]:8443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(normal(spelt), host, "{spelt}");
        }
    }
}
