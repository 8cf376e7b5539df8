//! What came back from a probe in another protocol than HTTP.

use std::net::IpAddr;

use serde::Serialize;

/// What a peer answered, by protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFacts {
    /// A dialogue by lines or bytes, over TCP or a socket of this machine.
    Dialogue(DialogueFacts),
    /// A DNS message.
    Dns(DnsFacts),
    /// What a server of gRPC said of a service's health.
    Grpc(GrpcFacts),
    /// What came of a WebSocket.
    WebSocket(WebSocketFacts),
    /// An echo reply.
    Echo(EchoFacts),
}

/// How far a dialogue went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DialogueFacts {
    /// Steps of the module that were done.
    pub steps: usize,
    /// Steps that the module has; none: the connection is all.
    pub all: usize,
    /// The last line or bytes that were read, at most 200 bytes, as text.
    pub last_read: Option<String>,
    /// Of each matched expectation that names labels: those labels, with what it captured.
    pub labels: Vec<Vec<(String, String)>>,
    /// What the last step waited for; none where it only spoke.
    pub awaited: Option<Awaited>,
}

/// What a step of a dialogue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// A line that matches a pattern.
    Line,
    /// These very bytes.
    Bytes,
}

/// What a DNS server answered (RFC 1035 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DnsFacts {
    /// The response code, with the bits of EDNS (RFC 6891 section 6.1.3).
    pub rcode: u16,
    /// Its name.
    pub rcode_name: String,
    /// Records in the answer section.
    pub answers: usize,
    /// Records in the authority section.
    pub authorities: usize,
    /// Records in the additional section.
    pub additionals: usize,
    /// Whether the answer was cut short (TC).
    pub truncated: bool,
    /// Where an SOA record was asked for: the serial of the last one in the answer section, 0 without one.
    pub serial: Option<u32>,
    /// The first records of the answer section in presentation form, at most eight of at most 200 bytes.
    pub records: Vec<String>,
}

/// What a server of gRPC answered to `grpc.health.v1.Health/Check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrpcFacts {
    /// The status of the call, 0 is OK; the one that stands for what came in its place where that was no answer of gRPC.
    pub status: u32,
    /// The status in words, as the server gives them, at most 200 characters.
    pub message: String,
    /// What the service says of its health, where the call went well.
    pub serving: Option<ServingStatus>,
}

impl GrpcFacts {
    /// The status by its name, and what the server says of it.
    #[must_use]
    pub fn status_and_message(&self) -> String {
        let name = usize::try_from(self.status)
            .ok()
            .and_then(|status| STATUSES.get(status));
        let name = name.map_or_else(|| self.status.to_string(), |name| (*name).to_owned());
        if self.message.is_empty() {
            name
        } else {
            format!("{name}: {}", self.message)
        }
    }
}

/// The names of the status codes of gRPC, by number.
const STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// What a service says of its health (`grpc.health.v1.HealthCheckResponse.ServingStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServingStatus {
    /// It does not say.
    Unknown,
    /// It serves.
    Serving,
    /// It does not.
    NotServing,
    /// There is no such service.
    ServiceUnknown,
}

impl ServingStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Unknown,
        Self::Serving,
        Self::NotServing,
        Self::ServiceUnknown,
    ];

    /// The name in the protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }
}

/// What a server answered to the request for an upgrade (RFC 6455 section 4.2.2), and what was said then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebSocketFacts {
    /// The status; 101 is an upgrade.
    pub status: u16,
    /// Whether the connection was upgraded.
    pub upgraded: bool,
    /// How far the dialogue over it went.
    pub dialogue: DialogueFacts,
}

/// What an echo reply showed (RFC 792, RFC 4443 section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EchoFacts {
    /// Who answered.
    pub from: IpAddr,
    /// Hop limit (time to live) of the reply, where the kernel tells it.
    pub hop_limit: Option<u8>,
    /// What the request went through.
    pub socket: EchoSocket,
}

/// The kind of socket that an echo request goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoSocket {
    /// A datagram socket, which takes no privilege but the kernel's consent (`net.ipv4.ping_group_range`).
    Datagram,
    /// A raw socket, which takes `CAP_NET_RAW`.
    Raw,
    /// A raw socket for packets with a header of ours.
    RawWithHeader,
}
