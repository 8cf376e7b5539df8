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
    /// The health check of gRPC.
    Grpc,
    /// A dialogue by messages over a WebSocket.
    WebSocket,
    /// An ICMP echo request.
    Icmp,
}

impl ProberName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Http,
        Self::Tcp,
        Self::Dns,
        Self::Icmp,
        Self::Unix,
        Self::Grpc,
        Self::WebSocket,
    ];

    /// The name in configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Unix => "unix",
            Self::Dns => "dns",
            Self::Grpc => "grpc",
            Self::WebSocket => "websocket",
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
            Self::Grpc => &["grpc"],
            Self::WebSocket => &["wss", "ws", "https", "http"],
            Self::Icmp => &["icmp"],
        }
    }

    /// Who is asked for a URL of this scheme where nothing else says it.
    #[must_use]
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|prober| prober.schemes().contains(&scheme))
    }

    /// Whether a URL must name a port, because the protocol has none of its own.
    #[must_use]
    pub const fn needs_port(self) -> bool {
        match self {
            Self::Http | Self::Dns | Self::Icmp | Self::Unix | Self::Grpc | Self::WebSocket => false,
            Self::Tcp => true,
        }
    }
}
