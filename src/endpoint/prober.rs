//! What can be spoken.

use serde::Serialize;

/// The protocols that a module can speak: blackbox_exporter's `prober`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProberName {
    /// HTTP, with or without TLS.
    Http,
    /// A dialogue by lines or bytes over TCP.
    Tcp,
    /// A dialogue over a socket of this machine.
    Unix,
    /// A question to a DNS server.
    Dns,
    /// An ICMP echo request.
    Icmp,
}

impl ProberName {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Http, Self::Tcp, Self::Unix, Self::Dns, Self::Icmp];

    /// The name in configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Unix => "unix",
            Self::Dns => "dns",
            Self::Icmp => "icmp",
        }
    }

    /// The schemes of the URLs that it can be asked for, the usual one first.
    #[must_use]
    pub const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Http => &["https", "http"],
            Self::Tcp => &["tcp"],
            Self::Unix => &["unix"],
            Self::Dns => &["dns"],
            Self::Icmp => &["icmp"],
        }
    }

    /// Whether a URL must name a port, because the protocol has none of its own.
    #[must_use]
    pub const fn needs_port(self) -> bool {
        match self {
            Self::Http | Self::Dns | Self::Unix | Self::Icmp => false,
            Self::Tcp => true,
        }
    }
}
