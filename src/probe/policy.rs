//! What may be probed when somebody asks for it: hosts by name, and addresses once they are known.
//!
//! A probe on demand is a request that this machine makes for somebody else, so a name proves nothing: where it leads is
//! looked at when an address is dialled, on every hop. What the catalogue watches was chosen by whoever runs the
//! program, and is probed under [`OPEN`].

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;

/// What may be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Empty: everything that is not denied.
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    /// Whether addresses that belong to this machine or its surroundings may be probed like any other.
    special: Special,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    Permitted,
    /// Unless `allow` names a network within them.
    Refused,
}

/// Hosts or addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Addresses.
    Network(IpNet),
    /// One host, in lower case.
    Host(String),
    /// Every host below this one, in lower case.
    Below(String),
    /// Sockets of this machine: this path and everything below it.
    Path(PathBuf),
}

/// Why something may not be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A rule denies it.
    Denied(String),
    /// There is a list of what is allowed, and it is not on it.
    NotAllowed(String),
    /// It is an address of this machine or its surroundings.
    Special(IpAddr, &'static str),
}

/// Everything may be probed.
pub static OPEN: Policy = Policy {
    allow: Vec::new(),
    deny: Vec::new(),
    special: Special::Permitted,
};

impl Policy {
    /// Whether it permits whatever is asked for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == OPEN
    }

    /// Addresses of this machine and its surroundings may not be probed unless a network within them is allowed; of the
    /// others what is allowed, or everything where nothing is, and nothing that is denied.
    #[must_use]
    pub const fn guarded(allow: Vec<Rule>, deny: Vec<Rule>) -> Self {
        Self {
            allow,
            deny,
            special: Special::Refused,
        }
    }

    /// Whether a host can be refused by its name alone; where it leads is not known yet.
    pub fn permits_host(&self, host: &str) -> Result<(), Refusal> {
        let host = normal(host);
        if self.deny.iter().any(|rule| rule.names(&host)) {
            return Err(Refusal::Denied(host));
        }
        let by_name_only = !self.allow.iter().any(|rule| matches!(rule, Rule::Network(_)));
        if by_name_only && !self.allow.is_empty() && !self.allow.iter().any(|rule| rule.names(&host)) {
            return Err(Refusal::NotAllowed(host));
        }
        Ok(())
    }

    /// Whether a host may be asked at an address.
    pub fn permits(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        self.permits_host(host)?;
        let host = normal(host);
        let faces = faces(address);
        let within = |rule: &Rule| faces.iter().flatten().any(|face| rule.holds(*face));
        if self.deny.iter().any(within) {
            return Err(Refusal::Denied(address.to_string()));
        }
        let special = faces
            .iter()
            .flatten()
            .find_map(|face| Some((*face, special(*face)?)));
        if let Some((face, range)) = special
            && self.special == Special::Refused
            && !self.allow.iter().any(|rule| rule.opens(face))
        {
            return Err(Refusal::Special(address, range.kind));
        }
        if !self.allow.is_empty() && !self.allow.iter().any(|rule| rule.names(&host) || within(rule)) {
            return Err(Refusal::NotAllowed(format!("{host} at {address}")));
        }
        Ok(())
    }

    /// The paths that its rules name.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let rules = self.allow.iter().chain(&self.deny);
        rules.filter_map(|rule| match rule {
            Rule::Path(path) => Some(path.as_path()),
            Rule::Network(_) | Rule::Host(_) | Rule::Below(_) => None,
        })
    }

    /// The same policy with other paths in place of these.
    #[must_use]
    pub fn with_paths(&self, other: &HashMap<&Path, PathBuf>) -> Self {
        let replaced = |rule: &Rule| match rule {
            Rule::Path(path) => Rule::Path(other.get(path.as_path()).unwrap_or(path).clone()),
            Rule::Network(_) | Rule::Host(_) | Rule::Below(_) => rule.clone(),
        };
        Self {
            allow: self.allow.iter().map(replaced).collect(),
            deny: self.deny.iter().map(replaced).collect(),
            special: self.special,
        }
    }

    /// Whether a socket of this machine may be probed by its path: only where a path above it is allowed.
    pub fn permits_path(&self, path: &Path) -> Result<(), Refusal> {
        let above = |rule: &Rule| matches!(rule, Rule::Path(above) if path.starts_with(above));
        let climbs = path.components().any(|part| part == Component::ParentDir);
        let shown = || path.display().to_string();
        if self.deny.iter().any(above) {
            return Err(Refusal::Denied(shown()));
        }
        match self.special {
            Special::Permitted => Ok(()),
            Special::Refused if !climbs && self.allow.iter().any(above) => Ok(()),
            Special::Refused => Err(Refusal::NotAllowed(shown())),
        }
    }
}

impl Rule {
    fn names(&self, host: &str) -> bool {
        match self {
            Self::Network(_) | Self::Path(_) => false,
            Self::Host(name) => host == name,
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(&address),
            Self::Host(_) | Self::Below(_) | Self::Path(_) => false,
        }
    }

    /// Whether the rule is about the surroundings of this machine on purpose: a network that lies within them.
    fn opens(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => {
                network.contains(&address)
                    && special(network.network()).is_some_and(|range| range.network.contains(network))
            }
            Self::Host(_) | Self::Below(_) | Self::Path(_) => false,
        }
    }
}

/// An address, a network, a host, `*.` and the host above, or a path that begins with a slash.
impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        if text.starts_with('/') {
            return Ok(Self::Path(text.into()));
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, normal(name)),
            None => (false, normal(text)),
        };
        let labels = name.split('.');
        let plain = |label: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.bytes().all(known)
        };
        // What looks like an address and is none is a mistake, not a host.
        let number = labels
            .clone()
            .next_back()
            .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if number || !labels.into_iter().all(plain) {
            return Err(BadRule);
        }
        Ok(if below {
            Self::Below(name)
        } else {
            Self::Host(name)
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => write!(f, "{network}"),
            Self::Host(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why a text is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a network, an address (of IPv6 without brackets) nor a host")]
pub struct BadRule;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(what) => write!(f, "{what} may not be probed: it is denied"),
            Self::NotAllowed(what) => write!(f, "{what} may not be probed: it is not among what is allowed"),
            Self::Special(address, kind) => {
                write!(
                    f,
                    "{address} may not be probed: it is {kind}, and no network within those is allowed"
                )
            }
        }
    }
}

/// A host as rules have it.
fn normal(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The address as it is, and the address of IPv4 that it stands for, if it does: mapped, translated (RFC 6052), 6to4.
fn faces(address: IpAddr) -> [Option<IpAddr>; 2] {
    let canonical = address.to_canonical();
    let IpAddr::V6(six) = canonical else {
        return [Some(canonical), None];
    };
    let four = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    let within = match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => four(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => four(high, low),
        _ => None,
    };
    [Some(canonical), within]
}

/// Addresses that say something else of every machine.
struct Range {
    network: IpNet,
    kind: &'static str,
}

/// The range that an address is in, if any. The narrow ones come first, so that they are called by their names.
fn special(address: IpAddr) -> Option<Range> {
    let four = |a, b, c, d, length| IpNet::new(Ipv4Addr::new(a, b, c, d).into(), length).ok();
    let six = |segments: [u16; 8], length| IpNet::new(Ipv6Addr::from(segments).into(), length).ok();
    let metadata = "an address of a cloud's metadata service";
    let ranges = [
        (four(169, 254, 169, 254, 32), metadata),
        (four(169, 254, 170, 2, 32), metadata),
        (four(100, 100, 100, 200, 32), metadata),
        (four(168, 63, 129, 16, 32), metadata),
        (four(192, 0, 0, 192, 32), metadata),
        (six([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), metadata),
        (six([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), metadata),
        (four(127, 0, 0, 0, 8), "a loopback address"),
        (six([0, 0, 0, 0, 0, 0, 0, 1], 128), "a loopback address"),
        (four(169, 254, 0, 0, 16), "a link-local address"),
        (six([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
        (four(0, 0, 0, 0, 8), "an unspecified address"),
        (six([0; 8], 128), "an unspecified address"),
        (four(224, 0, 0, 0, 4), "a multicast address"),
        (six([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
        (four(255, 255, 255, 255, 32), "a broadcast address"),
    ];
    ranges.into_iter().find_map(|(network, kind)| {
        let network = network.filter(|network| network.contains(&address))?;
        Some(Range { network, kind })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_surroundings_of_this_machine_are_refused_in_every_spelling() {
        let policy = Policy::guarded(Vec::new(), Vec::new());
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.0.1",
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1:ffff::a9fe:a9fe",
            "2002:7f00:1::",
            "::127.0.0.1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            let refused = policy.permits("a.test", ip(address));
            assert!(
                matches!(refused, Err(Refusal::Special(..))),
                "{address}: {refused:?}"
            );
            assert_eq!(OPEN.permits("a.test", ip(address)), Ok(()));
        }
        for address in [
            "192.0.2.1",
            "10.0.0.1",
            "2001:db8::1",
            "fd00::1",
            "64:ff9b::c000:201",
        ] {
            assert_eq!(policy.permits("a.test", ip(address)), Ok(()), "{address}");
        }
    }

    #[test]
    fn a_network_within_them_opens_that_and_a_wider_one_does_not() {
        let narrow = Policy::guarded(rules(&["127.0.0.1"]), Vec::new());
        assert_eq!(narrow.permits("a.test", ip("127.0.0.1")), Ok(()));
        assert!(narrow.permits("a.test", ip("127.0.0.2")).is_err());
        assert!(
            narrow.permits("a.test", ip("192.0.2.1")).is_err(),
            "what is allowed is a list"
        );
        let wide = Policy::guarded(rules(&["0.0.0.0/0", "::/0"]), Vec::new());
        assert_eq!(wide.permits("a.test", ip("192.0.2.1")), Ok(()));
        for address in ["127.0.0.1", "169.254.169.254", "::1"] {
            assert!(wide.permits("a.test", ip(address)).is_err(), "{address}");
        }
        let link = Policy::guarded(rules(&["169.254.0.0/16"]), Vec::new());
        assert_eq!(link.permits("a.test", ip("169.254.1.1")), Ok(()));
        assert_eq!(
            link.permits("a.test", ip("169.254.169.254")),
            Ok(()),
            "it lies in what is named"
        );
    }

    #[test]
    fn a_name_does_not_open_an_address_of_this_machine() {
        let policy = Policy::guarded(rules(&["a.test", "*.b.test"]), Vec::new());
        for host in ["a.test", "A.test.", "x.b.test", "y.x.b.test"] {
            assert_eq!(policy.permits(host, ip("192.0.2.1")), Ok(()), "{host}");
            assert!(matches!(
                policy.permits(host, ip("127.0.0.1")),
                Err(Refusal::Special(..))
            ));
        }
        for host in ["b.test", "xb.test", "c.test"] {
            assert!(
                matches!(policy.permits_host(host), Err(Refusal::NotAllowed(_))),
                "{host}"
            );
        }
    }

    #[test]
    fn what_is_denied_stays_denied_whatever_is_allowed() {
        let policy = Policy::guarded(
            rules(&["*.test", "10.0.0.0/8"]),
            rules(&["admin.test", "10.1.0.0/16", "::ffff:0:0/96"]),
        );
        assert!(matches!(
            policy.permits_host("admin.test"),
            Err(Refusal::Denied(_))
        ));
        assert!(matches!(
            policy.permits("a.test", ip("10.1.2.3")),
            Err(Refusal::Denied(_))
        ));
        assert!(matches!(
            policy.permits("a.test", ip("::ffff:10.1.2.3")),
            Err(Refusal::Denied(_))
        ));
        assert_eq!(policy.permits("elsewhere.example", ip("10.2.0.1")), Ok(()));
        assert!(policy.permits("elsewhere.example", ip("192.0.2.1")).is_err());
    }

    #[test]
    fn sockets_of_this_machine_are_asked_only_below_a_path_that_is_allowed() {
        let policy = Policy::guarded(rules(&["/run/app"]), rules(&["/run/app/admin"]));
        let permits = |path: &str| policy.permits_path(Path::new(path)).is_ok();
        assert!(permits("/run/app/web.sock") && permits("/run/app"));
        for path in [
            "/run/apps.sock",
            "/run/docker.sock",
            "/run/app/../docker.sock",
            "/run/app/admin/x",
        ] {
            assert!(!permits(path), "{path}");
        }
        assert!(OPEN.permits_path(Path::new("/run/docker.sock")).is_ok());
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "10.0.0.0/33",
            "10.0.0",
            "a b",
            "http://a.test/",
            "a.test:80",
            "a..test",
        ] {
            assert_eq!(text.parse::<Rule>(), Err(BadRule), "{text}");
        }
        assert_eq!("10.9.9.9/8".parse::<Rule>().unwrap().to_string(), "10.0.0.0/8");
        assert_eq!("*.A.test.".parse::<Rule>().unwrap().to_string(), "*.a.test");
    }
}
