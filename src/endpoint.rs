//! The vocabulary: what is watched and what should be true of it.
//!
//! Plain data, made by `config` and read by everything else. How a module asks belongs to its prober
//! (`probe::Module`); what must be true of the answer stands here.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use regex::Regex;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::cause::Cause;

mod maintenance;
mod name;
mod prober;
mod socket;

pub use name::{NO_NAME, is_name};
pub use prober::ProberName;
pub(crate) use socket::host;
pub use socket::{socket_path, socket_url};

macro_rules! name_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(Arc::from(name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// The name of an endpoint, unique over all groups; the host unless the user says otherwise.
    EndpointName
}
name_type! {
    /// The name of a group.
    GroupName
}
name_type! {
    /// The name of a module in blackbox_exporter's sense.
    ModuleName
}
name_type! {
    /// The name of a hosting platform.
    PlatformName
}

/// Users' labels, sorted by name; the names are checked by `config`, so they can go out as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Labels(Arc<[(String, String)]>);

impl Labels {
    /// Sorts the pairs by name; of two with one name the later stays.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let sorted: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
        Self(sorted.into_iter().collect())
    }

    /// The pairs of name and value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// These labels with `over` laid over them.
    #[must_use]
    pub fn with(&self, over: &Self) -> Self {
        Self::new(self.0.iter().chain(over.0.iter()).cloned())
    }
}

/// One public endpoint: a URL that should answer.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Unique over all groups.
    pub name: EndpointName,
    /// The group that it belongs to, with everything the two share.
    pub group: Arc<Group>,
    /// The host of the URL: a DNS name in ASCII form, or an address without brackets; of a socket of this machine,
    /// its path.
    pub host: String,
    /// What is asked for.
    pub url: Url,
    /// The group's labels with those of discovery laid over them.
    pub labels: Labels,
    /// Where its platform says that the name must lead, in place of what the group expects; `None` until it has.
    pub told: Option<Arc<[DnsTarget]>>,
}

impl Endpoint {
    /// An endpoint that is named by its host and has no labels of its own.
    #[must_use]
    pub fn of(url: Url, group: Arc<Group>) -> Self {
        let host = host(&url).into_owned();
        Self {
            name: EndpointName::from(host.as_str()),
            group,
            host,
            url,
            labels: Labels::default(),
            told: None,
        }
    }

    /// Where the name must lead: what the group expects, with what the platform says filled in.
    #[must_use]
    pub fn dns(&self) -> Option<Cow<'_, DnsExpectation>> {
        let dns = self.group.expect.dns.as_ref()?;
        let Some(told) = &self.told else {
            return Some(Cow::Borrowed(dns));
        };
        Some(Cow::Owned(DnsExpectation {
            targets: told.to_vec(),
            ..dns.clone()
        }))
    }

    /// The platform that says where the name must lead.
    #[must_use]
    pub fn platform(&self) -> Option<&PlatformName> {
        self.group.expect.dns.as_ref()?.platform.as_ref()
    }

    /// The names that DNS should lead to, the old ones of a move too.
    #[must_use]
    pub fn target_names(&self) -> Vec<String> {
        let dns = self.dns();
        let names = dns.iter().flat_map(|dns| dns.names());
        names.map(str::to_owned).collect()
    }
}

/// What the endpoints of a group share.
#[derive(Debug, Clone)]
pub struct Group {
    /// Unique.
    pub name: GroupName,
    /// The module that says how to ask.
    pub module: ModuleName,
    /// Time from one scheduled probe of an endpoint to the next.
    pub interval: Duration,
    /// The whole of one probe: all stages, all hops.
    pub timeout: Duration,
    /// How a first failure is confirmed.
    pub confirm: Confirm,
    /// Which of the resolved addresses are probed.
    pub addresses: AddressChoice,
    /// Whether its alerts may page.
    pub page: bool,
    /// Windows in which nothing of the group pages.
    pub maintenance: Vec<Maintenance>,
    /// Warnings that somebody has accepted for a time.
    pub accepted: Vec<Accepted>,
    /// What must be true of every endpoint.
    pub expect: Expectation,
}

/// How a first failure is confirmed before `down` is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirm {
    /// Further probes that must all fail; 0 believes the first.
    pub attempts: u32,
    /// The pause before each of them.
    pub pause: Duration,
}

/// Which of a name's addresses a probe connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressChoice {
    /// Every address, each with its own verdict.
    All,
    /// The first of the preferred family, as blackbox_exporter does.
    One,
}

/// A time in which nothing of the group pages.
#[derive(Debug, Clone, PartialEq)]
pub enum Maintenance {
    /// Once.
    Once {
        /// First instant of the window.
        from: Timestamp,
        /// First instant after it.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Every week on some days, by the clock of a time zone; one that ends before it begins runs over midnight.
    Weekly {
        /// The days on which the window begins; empty means every day.
        days: Vec<Weekday>,
        /// First minute.
        from: Time,
        /// First minute after it.
        until: Time,
        /// Whose clock.
        zone: TimeZone,
        /// Why.
        reason: String,
    },
}

/// A warning that somebody has accepted: it is not raised until the acceptance ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The warning; a cause that takes down cannot be accepted.
    pub cause: Cause,
    /// Why.
    pub reason: String,
    /// When it is raised again.
    pub until: Timestamp,
}

/// What must be true of an endpoint.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    /// Statuses that are right; empty leaves it to the module.
    pub status: Vec<u16>,
    /// Where the first answer must redirect to.
    pub location: Option<TextMatch>,
    /// Headers of the judged answer.
    pub headers: Vec<HeaderExpectation>,
    /// Patterns that the body must match.
    pub body: Vec<TextMatch>,
    /// Where the name must lead.
    pub dns: Option<DnsExpectation>,
    /// Of the certificate.
    pub certificate: CertificateExpectation,
    /// A slower answer is `http_slow`.
    pub duration: Option<Duration>,
}

impl Expectation {
    /// Whether the first answer is judged and nothing followed: a redirect itself is expected.
    #[must_use]
    pub fn judges_first_answer(&self) -> bool {
        self.location.is_some() || self.status.iter().any(|status| (300..400).contains(status))
    }
}

/// A text to compare with.
#[derive(Debug, Clone)]
pub enum TextMatch {
    /// Letter for letter (for a body: contained in it).
    Exact(String),
    /// Found anywhere unless the pattern is anchored.
    Regexp(Regex),
}

impl fmt::Display for TextMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Regexp(pattern) => write!(f, "/{pattern}/"),
        }
    }
}

/// What a header must be.
#[derive(Debug, Clone)]
pub struct HeaderExpectation {
    /// The header, in lower case.
    pub name: String,
    /// Its value; `None`: it must be there.
    pub value: Option<TextMatch>,
}

/// Where a name must lead: to any one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsExpectation {
    /// At least one; none while the platform that is to say them has not spoken yet.
    pub targets: Vec<DnsTarget>,
    /// Who says the targets, where the configuration does not.
    pub platform: Option<PlatformName>,
    /// Where it may still lead during a move.
    pub moving: Option<Moving>,
    /// What may stand in front of the targets and hides them: judged by what answers alone.
    pub proxies: Vec<DnsTarget>,
}

/// A move from one platform to another: until it is over, the old targets are as right as the new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// The old targets, at least one.
    pub from: Vec<DnsTarget>,
    /// From then on only the new ones are right.
    pub until: Timestamp,
}

impl DnsExpectation {
    /// The names to look up: of the targets, of the old ones of a move, whether it is over or not, and of the proxies.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let moving = self.moving.iter().flat_map(|moving| &moving.from);
        let all = self.targets.iter().chain(moving).chain(&self.proxies);
        all.filter_map(DnsTarget::name)
    }

    /// The targets that are right at a time.
    pub fn targets_at(&self, now: Timestamp) -> impl Iterator<Item = &DnsTarget> {
        let moving = self.moving.iter().filter(move |moving| now < moving.until);
        self.targets.iter().chain(moving.flat_map(|moving| &moving.from))
    }
}

/// One place that a name may lead to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum DnsTarget {
    /// A CNAME target, in lower case without the final dot; may be flattened to addresses.
    Name(String),
    /// An address or a network that must hold every address of the answer.
    Network(IpNet),
}

impl fmt::Display for DnsTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Network(net) if net.prefix_len() == net.max_prefix_len() => write!(f, "{}", net.addr()),
            Self::Network(net) => write!(f, "{net}"),
        }
    }
}

impl From<DnsTarget> for String {
    fn from(target: DnsTarget) -> Self {
        target.to_string()
    }
}

/// An address or a network where the text is one, else a name.
impl From<String> for DnsTarget {
    fn from(text: String) -> Self {
        if let Ok(address) = text.parse() {
            return Self::address(address);
        }
        match text.parse() {
            Ok(net) => Self::Network(net),
            Err(_) => Self::Name(text.trim_end_matches('.').to_ascii_lowercase()),
        }
    }
}

impl DnsTarget {
    /// The name, of a target that is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Network(_) => None,
        }
    }

    /// A single address as a target.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Network(IpNet::from(address))
    }
}

/// What must be true of a certificate beyond being trusted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CertificateExpectation {
    /// Texts of which one must stand in the issuer's organisation or common name; empty: any issuer.
    pub issuer: Vec<String>,
    /// The least share of its lifetime that must be left, 0 to 1.
    pub lifetime_left: Option<f64>,
}
