//! Which public hosts there are, and which of them nobody watches.
//!
//! Pure rules; `source` asks for lists, `watch` keeps asking.

use std::collections::BTreeSet;

use crate::endpoint::EndpointName;

pub mod cloudflare;
pub mod source;
mod transfer;
mod transparency;
pub mod watch;
mod zone;

/// Names that one source may tell of.
pub const MOST_HOSTS: usize = 100_000;

/// Hosts that nobody needs to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// A host, or `*.` and a domain: every name below it.
    pub host: String,
    /// Why.
    pub reason: String,
}

impl Ignored {
    /// Whether it is about this host.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        match self.host.strip_prefix("*.") {
            Some(domain) => host
                .strip_suffix(domain)
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
            None => self.host == host,
        }
    }
}

/// A name as it is compared: in lower case, without the final dot. `None` of what no link can lead to: wildcards, names
/// with an underscore (service records and keys), single labels, and what is no name.
#[must_use]
pub fn host(name: &str) -> Option<String> {
    let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        let bytes = label.bytes();
        !label.is_empty()
            && label.len() <= 63
            && bytes
                .clone()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (name.contains('.') && name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

/// The hosts of a list that are neither watched nor ignored, in their order.
#[must_use]
pub fn unwatched(
    known: &BTreeSet<String>,
    watched: &BTreeSet<String>,
    ignored: &[Ignored],
) -> BTreeSet<String> {
    let missing = known.difference(watched);
    missing
        .filter(|host| !ignored.iter().any(|ignored| ignored.covers(host)))
        .cloned()
        .collect()
}

/// A group that watches these hosts, as it can be put into `linkwatch.yml`.
#[must_use]
pub fn group<'a>(source: &str, hosts: impl IntoIterator<Item = &'a String>) -> String {
    let name: String = source
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .collect();
    let mut yaml = format!(
        "  - name: unwatched-{}\n    hosts:\n",
        EndpointName::from(name.as_str())
    );
    for host in hosts {
        yaml.push_str("      - ");
        yaml.push_str(host);
        yaml.push('\n');
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(hosts: &[&str]) -> BTreeSet<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }

    #[test]
    fn only_what_a_link_can_lead_to_is_a_host() {
        assert_eq!(host("Links.Example.COM.").as_deref(), Some("links.example.com"));
        assert_eq!(
            host("xn--bcher-kva.example").as_deref(),
            Some("xn--bcher-kva.example")
        );
        for name in [
            "*.example.com",
            "_dmarc.example.com",
            "localhost",
            "",
            "a..b",
            "a b.example",
        ] {
            assert_eq!(host(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_neither_watched_nor_ignored_is_left() {
        let ignored = |host: &str| Ignored {
            host: host.to_owned(),
            reason: "mail only".to_owned(),
        };
        let known = set(&[
            "a.example",
            "b.example",
            "mail.example",
            "x.inner.example",
            "inner.example",
        ]);
        let left = unwatched(
            &known,
            &set(&["a.example"]),
            &[ignored("mail.example"), ignored("*.inner.example")],
        );
        assert_eq!(left, set(&["b.example", "inner.example"]));
    }
}
