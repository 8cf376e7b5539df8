//! What to do about an exchange that failed: each prober speaks with somebody else.

use super::super::{Finding, text};
use crate::endpoint::{Endpoint, ProberName};

/// How an exchange failed: the causes of its stage.
#[derive(Debug, Clone, Copy)]
pub(super) enum Failed {
    Timeout,
    Closed,
    Protocol,
    Status,
    Mismatch,
}

/// What was asked, in the words of a remedy.
struct Asked<'a> {
    /// The URL, or the path of a socket, and the address that it failed at, where not all are alike.
    place: String,
    /// That address alone.
    at: String,
    host: &'a str,
    module: &'a str,
    expected: &'a str,
    actual: &'a str,
}

/// The remedy for a cause of the stage `exchange`.
pub(super) fn remedy(failed: Failed, finding: &Finding, endpoint: &Endpoint) -> String {
    let at = finding
        .address
        .map_or_else(String::new, |address| format!(" at {address}"));
    let place = if endpoint.url.host().is_some() {
        text::bounded(text::bare(&endpoint.url).as_str())
    } else {
        text::bounded(&endpoint.host)
    };
    let asked = Asked {
        place: format!("{place}{at}"),
        at,
        host: &endpoint.host,
        module: endpoint.group.module.as_str(),
        expected: &finding.expected,
        actual: &finding.actual,
    };
    match ProberName::of_scheme(endpoint.url.scheme()) {
        Some(ProberName::Dns) => asked.of_dns(failed),
        Some(ProberName::Icmp) => asked.of_icmp(),
        Some(ProberName::Grpc) => asked.of_grpc(failed),
        // HTTP has causes of its own: what is asked by its schemes here is a WebSocket.
        Some(ProberName::WebSocket | ProberName::Http) => asked.of_websocket(failed),
        Some(ProberName::Tcp | ProberName::Unix) | None => asked.of_dialogue(failed),
    }
}

impl Asked<'_> {
    fn of_dialogue(&self, failed: Failed) -> String {
        let (place, module, expected, actual) = (&self.place, self.module, self.expected, self.actual);
        match failed {
            Failed::Timeout => format!(
                "Check the load and the log of the service at {place}: it takes the connection, and does not say in \
                 time what module {module} waits for."
            ),
            Failed::Closed => format!(
                "Look for crashes, limits and access lists in the log of the service at {place}: it takes the \
                 connection and hangs up."
            ),
            Failed::Mismatch => format!(
                "Compare what the service at {place} says with module {module}, which waits for {expected}: it said \
                 {actual}."
            ),
            Failed::Protocol | Failed::Status => format!(
                "Check what listens at {place}, and that module {module} speaks its protocol: {actual}."
            ),
        }
    }

    fn of_dns(&self, failed: Failed) -> String {
        let (place, module, expected, actual) = (&self.place, self.module, self.expected, self.actual);
        match failed {
            Failed::Timeout => format!(
                "Check that the DNS server behind {place} runs, and that firewalls let its port pass, over UDP and TCP."
            ),
            Failed::Closed => format!(
                "Look for limits and access lists of the DNS server behind {place}: it takes the connection and hangs \
                 up."
            ),
            Failed::Status => self.of_response_code(),
            Failed::Mismatch => format!(
                "Compare the records that the DNS server behind {place} gives with the rules of module {module}: \
                 expected {expected}, got {actual}."
            ),
            Failed::Protocol => format!(
                "Check that what answers behind {place} is a DNS server, and speaks what module {module} does: \
                 {actual}."
            ),
        }
    }

    /// What a DNS server means by a response code that is not expected.
    fn of_response_code(&self) -> String {
        let (place, module, actual) = (&self.place, self.module, self.actual);
        let look = match actual {
            "SERVFAIL" => format!(
                "Look into the log of the DNS server behind {place}: it cannot load or resolve the zone of what it is \
                 asked for"
            ),
            "REFUSED" => format!(
                "Check that the DNS server behind {place} serves the zone of what it is asked for, and permits this \
                 client"
            ),
            "NXDOMAIN" => format!(
                "Check the name that module {module} asks for, and that the zone on the DNS server behind {place} \
                 holds it"
            ),
            _ => {
                format!("Look into the log of the DNS server behind {place} for why it answers {actual}")
            }
        };
        format!("{look}; if {actual} is right, name it in valid_rcodes of module {module}.")
    }

    fn of_icmp(&self) -> String {
        let (host, at) = (self.host, &self.at);
        format!(
            "Check that {host} is up{at}, and that no firewall drops echo requests or their replies: ping {host}"
        )
    }

    fn of_grpc(&self, failed: Failed) -> String {
        let (place, module, actual) = (&self.place, self.module, self.actual);
        match failed {
            Failed::Status => self.of_health(),
            Failed::Timeout => format!(
                "Check the load and the log of the gRPC server at {place}: it takes the connection, and does not \
                 answer in time how its service is."
            ),
            Failed::Protocol => format!(
                "Check that a gRPC server listens at {place}, and no web server or proxy, and that \"tls\" in module \
                 {module} is as it needs it: {actual}."
            ),
            Failed::Closed | Failed::Mismatch => self.of_dialogue(failed),
        }
    }

    /// What a gRPC server means by a status that is not expected: of the service, or of the question.
    fn of_health(&self) -> String {
        let (place, module, actual) = (&self.place, self.module, self.actual);
        match actual.split(':').next().unwrap_or_default() {
            "NOT_SERVING" | "UNKNOWN" => format!(
                "Look into the log of the gRPC server at {place} for what its service lacks: its own health check says \
                 {actual}."
            ),
            "UNIMPLEMENTED" => format!(
                "Let the gRPC server at {place} offer the standard health check (grpc.health.v1.Health), or ask by a \
                 module that needs none: it answers {actual}."
            ),
            "SERVICE_UNKNOWN" | "NOT_FOUND" => format!(
                "Check \"service\" in module {module}: the gRPC server at {place} knows no service of that name, and \
                 answers {actual}."
            ),
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => format!(
                "Check \"metadata\" and the client certificate in module {module}: the gRPC server at {place} answers \
                 {actual}."
            ),
            _ => format!(
                "Look into the log of the gRPC server at {place} for why it answers {actual} when asked for its \
                 health."
            ),
        }
    }

    fn of_websocket(&self, failed: Failed) -> String {
        let (place, module, expected, actual) = (&self.place, self.module, self.expected, self.actual);
        match failed {
            Failed::Status if actual.starts_with('5') => format!(
                "Look into the log of the application behind {place}, and of the proxies before it, for why the \
                 upgrade to a WebSocket fails: {actual}."
            ),
            Failed::Status if actual.starts_with("401") || actual.starts_with("403") => format!(
                "Check the credentials of module {module}, and who may open {place}: the upgrade to a WebSocket is \
                 answered {actual}."
            ),
            Failed::Status => format!(
                "Check the path, and that the proxies before {place} pass the upgrade to a WebSocket on: it is answered \
                 {actual}."
            ),
            Failed::Mismatch => format!(
                "Compare the messages of {place} with module {module}, which waits for {expected}: it sent {actual}."
            ),
            Failed::Protocol => format!(
                "Check that what listens at {place}, and every proxy before it, speaks WebSocket: {actual}."
            ),
            Failed::Timeout | Failed::Closed => self.of_dialogue(failed),
        }
    }
}
