//! What a person reads: the verdict in a sentence, and what to do about a finding.

use super::text::{self, bounded};
use super::{Finding, Standing, Verdict};
use crate::cause::Cause;
use crate::endpoint::{DnsTarget, Endpoint, NO_NAME, PlatformName};

mod exchange;
mod place;

use exchange::Failed;
use place::Place;

/// What to do about a finding: as exact as what is known of the endpoint allows. It names the host or the value to set.
#[must_use]
pub fn remedy(finding: &Finding, endpoint: &Endpoint) -> String {
    // No record helps there.
    if finding.cause == Cause::DnsNxdomain && finding.actual.starts_with(NO_NAME) {
        let actual = &finding.actual;
        return format!("Correct the name where it is written, in the URL or in a redirect: it is {actual}.");
    }
    // A loop is mended where it begins.
    let place = if finding.cause == Cause::HttpRedirectLoop {
        Place::of(endpoint)
    } else {
        Place::where_seen(finding, endpoint)
    };
    if place.host == endpoint.host
        && let Some(remedy) =
            expected_record(endpoint).and_then(|record| with_record(finding, endpoint, &record))
    {
        return remedy;
    }
    at_place(finding, endpoint, &place)
}

/// Where the record to set is known, and setting it is the remedy.
fn with_record(finding: &Finding, endpoint: &Endpoint, record: &str) -> Option<String> {
    let actual = &finding.actual;
    if finding.cause == Cause::DnsTargetDrift {
        Some(match endpoint.platform() {
            None => format!("Set {record}; it is now {actual}. If that is right, change the expectation."),
            Some(platform) => format!("Set {record}, as {platform} expects; it is now {actual}."),
        })
    } else if finding.cause == Cause::PlatformTargetChanged {
        Some(format!(
            "Set {record}: the platform has changed what it expects. It is still {actual}."
        ))
    } else if finding.cause == Cause::DnsTargetDangling {
        Some(format!(
            "Set {record}; if it is set so already, create the target: a dangling one can be taken over."
        ))
    } else if matches!(finding.cause, Cause::DnsNxdomain | Cause::DnsNoRecords) {
        Some(format!(
            "Set {record}; if it is set so already, check that the zone is delegated: dig +trace {}",
            endpoint.host
        ))
    } else {
        None
    }
}

#[expect(clippy::too_many_lines, reason = "one table, an arm per cause")]
fn at_place(finding: &Finding, endpoint: &Endpoint, place: &Place<'_>) -> String {
    let host = &*place.host;
    let port = text::port(place.url);
    let url = &bounded(text::bare(place.url).as_str());
    let (expected, actual) = (&finding.expected, &finding.actual);
    let at = finding
        .address
        .map_or_else(String::new, |address| format!(" at {address}"));
    let platform = endpoint.platform().map_or("the platform", PlatformName::as_str);
    match finding.cause {
        Cause::VantageOffline => {
            format!(
                "Check the network of the machine that runs linkwatch: no anchor answers; {host} may be fine."
            )
        }
        Cause::PlatformTargetChanged => {
            format!(
                "Set the record of {host} to the target that {platform} expects now, before certificates fail."
            )
        }
        Cause::PlatformDomainMissing => format!(
            "Add {host} to the domains of {platform} again, or take its record out of DNS: whoever can add it \
             elsewhere can take it over."
        ),
        Cause::PlatformCertificateFailing => format!(
            "Read what {platform} says of the certificate; check where {host} leads, its CAA records and stray AAAA \
             records: dig {host} CNAME A AAAA CAA"
        ),
        Cause::DnsNxdomain => format!(
            "Create a record for {host}; if there is one, check that its zone is delegated and its registration has \
             not lapsed: dig +trace {host}"
        ),
        Cause::DnsNoRecords => {
            format!("Add an A, AAAA or CNAME record for {host} (at the apex of a zone: ALIAS or ANAME).")
        }
        Cause::DnsServfail => {
            format!(
                "Check the servers of the zone of {host} and its DNSSEC chain: dig +trace {host}, delv {host}"
            )
        }
        Cause::DnsRefused => {
            format!("Check that the server asked for {host} is meant to serve it and permits this client.")
        }
        Cause::DnsTimeout => {
            format!(
                "Check that the resolvers and the servers of the zone of {host} can be reached on port 53: dig +trace {host}"
            )
        }
        Cause::DnsBogus => format!(
            "Compare the DS record of the zone of {host} at its registrar with the zone's keys, and renew signatures \
             that have expired: delv {host}"
        ),
        Cause::DnsTargetDangling => {
            format!(
                "Point {host} at a target that exists: a dangling one can be taken over. It is now {actual}."
            )
        }
        Cause::DnsTargetDrift => {
            format!(
                "Set the record of {host} to {expected}; it is now {actual}. If that is right, change the expectation."
            )
        }
        Cause::DnsDisagreement => format!(
            "Compare the serial of the zone of {host} on all its servers (dig +nssearch), and wait for caches to run out."
        ),
        Cause::ConnectRefused if place.is_path() => {
            format!("Start the service behind {host}: its socket is there, and nobody listens on it.")
        }
        Cause::ConnectRefused if place.is_address() => format!(
            "Check that a service listens on port {port} of {host}, and that this is the right address."
        ),
        Cause::ConnectRefused => format!(
            "Check that a service listens on port {port}{at}, and that DNS points {host} at the right machine."
        ),
        Cause::ConnectTimeout => format!(
            "Check that the machine behind {host} is up{at}, and that no firewall drops connections to port {port}."
        ),
        Cause::ConnectUnreachable if place.is_path() => format!(
            "Check that the service behind {host} runs and makes its socket there, and that linkwatch may use it: {actual}."
        ),
        Cause::ConnectUnreachable => format!(
            "Check the route to {host}{at}, and whether this vantage point has that address family at all."
        ),
        Cause::ConnectReset => {
            format!(
                "Check the load balancer or firewall in front of {host} port {port}{at}: it resets connections."
            )
        }
        Cause::ConnectProxy => format!(
            "Read what the proxy says of the way to {host} port {port}: its rules, its credentials, or a target that it \
             cannot reach; {host} itself may be fine."
        ),
        // Nothing points an address or a path anywhere.
        Cause::TlsHostnameMismatch if place.is_path() || place.is_address() => format!(
            "Have a certificate issued for {expected}, or ask by a name that it holds; it is for {actual}."
        ),
        Cause::TlsHostnameMismatch => {
            format!("Check where {host} points, and have a certificate issued for {expected}.")
        }
        Cause::TlsExpired => format!(
            "Renew the certificate of {host} and make its server load it; find out why the renewal failed."
        ),
        Cause::TlsNotYetValid => format!(
            "Let the server of {host} use its former certificate until this one begins; check the clocks of the issuer \
             and of this machine."
        ),
        Cause::TlsSelfSigned => format!(
            "Install a certificate of a public authority for {host}, or name this one in ca_file if it is meant."
        ),
        Cause::TlsUnknownIssuer => format!(
            "Install a certificate of a public authority for {host}, or name the root of this one in ca_file."
        ),
        Cause::TlsIncompleteChain => format!(
            "Serve the full chain for {host}: leaf first, then the intermediates. The file is often called \
             fullchain.pem."
        ),
        Cause::TlsBadCertificate => format!(
            "Have the certificate of {host} issued anew, and check that it fits its private key and its chain."
        ),
        Cause::TlsRevoked => {
            format!("Replace the certificate of {host} at once; find out who revoked it and why.")
        }
        Cause::TlsUnexpectedIssuer => format!(
            "Find out who had {actual} issue a certificate for {host}; allow only {expected} by CAA, or correct the \
             expectation."
        ),
        Cause::TlsAlert => format!(
            "Look for the handshake in the log of the server of {host}: it refused the name, the protocol version or \
             the client certificate."
        ),
        Cause::TlsProtocol if place.url.scheme() == "http" => {
            format!("Correct the URL or the rule about TLS: {url} is asked without TLS.")
        }
        Cause::TlsProtocol => format!(
            "Check that {host} speaks TLS on port {port}, and version 1.2 or later: openssl s_client -connect \
             {host}:{port} -servername {host}"
        ),
        Cause::TlsClosed => format!(
            "Check the log of the server of {host}: often it has no certificate for the name. Add {host} to it."
        ),
        Cause::TlsTimeout => {
            format!("Check the load of the server of {host}, and what sits in front of port {port}{at}.")
        }
        Cause::HttpToken => format!(
            "Check the endpoint that issues tokens and the client's credentials there; {host} was not asked and may be \
             fine."
        ),
        Cause::HttpTimeout => {
            format!(
                "Check the application behind {host}: it accepts the request for {url} and does not answer."
            )
        }
        Cause::HttpClosed => {
            format!(
                "Look for crashes and limits in the log of the application behind {host}, and of the proxies before it."
            )
        }
        Cause::HttpProtocol => {
            format!("Check what listens on port {port} of {host}, and the proxies before it.")
        }
        Cause::HttpTooLarge => {
            format!(
                "Check what {url} serves; if it is right, allow for it by body_size_limit in module {}: what is read now is \
                 {expected}.",
                endpoint.group.module
            )
        }
        Cause::HttpRedirectLoop => format!(
            "Look for two rules of {host} that send to each other, often http and https or two spellings of the host: \
             curl -sIL {url}"
        ),
        Cause::HttpRedirectWrong => {
            format!(
                "Make {url} redirect to {expected}; it redirects to {actual}. If that is right, change the expectation."
            )
        }
        Cause::HttpRateLimited => {
            format!("Let the user agent linkwatch pass at {host}, or probe less often.")
        }
        Cause::HttpStatus => status_remedy(host, url, actual),
        Cause::HttpHeader | Cause::HttpBody => {
            format!(
                "Look at what {url} sends: expected {expected}, got {actual}. Correct it, or the expectation."
            )
        }
        Cause::HttpSlow => {
            format!("Find out which phase takes the time at {host}{at}; {expected} is expected.")
        }
        Cause::ExchangeTimeout => exchange::remedy(Failed::Timeout, finding, endpoint),
        Cause::ExchangeClosed => exchange::remedy(Failed::Closed, finding, endpoint),
        Cause::ExchangeProtocol => exchange::remedy(Failed::Protocol, finding, endpoint),
        Cause::ExchangeStatus => exchange::remedy(Failed::Status, finding, endpoint),
        Cause::ExchangeMismatch => exchange::remedy(Failed::Mismatch, finding, endpoint),
        Cause::CertificateExpiring => {
            format!("Renew the certificate of {host} now, and find out why that has not happened by itself.")
        }
        Cause::RenewalOverdue => format!(
            "Start the renewal of the certificate of {host} by hand, and read why it fails: DNS target, CAA, the \
             authority or the platform."
        ),
        Cause::CaaForbidsIssuer => format!(
            "Publish {expected} at {host} ({actual}), or have the certificate issued by an authority that they permit."
        ),
        Cause::IssuerDown => format!(
            "Wait for the authority, or have the certificate of {host} issued by another: the renewal is due and must \
             not fail unseen."
        ),
        Cause::RegistrationExpiring => format!(
            "Renew the registration of the domain of {host} at its registrar today; check that the means of payment is \
             valid."
        ),
        Cause::Flapping => {
            format!("Look for one bad replica, one bad address or an overload behind {host}: {actual}.")
        }
        Cause::TrafficLow => format!(
            "Follow a real link through {host} to its end; check what was sent, and whether its links lead here."
        ),
    }
}

/// A 5xx is the application's own; some of the 4xx mean that the server does not know the name.
fn status_remedy(host: &str, url: &str, actual: &str) -> String {
    let status: u16 = actual.split(' ').find_map(|word| word.parse().ok()).unwrap_or(0);
    match status {
        500.. => {
            format!("Look into the log of the application behind {host} for {url}: it answered {actual}.")
        }
        404 | 410 | 421 => format!(
            "Check that the application behind {host} knows this name and this path ({url}): it answered {actual}."
        ),
        401 | 403 => {
            format!("Check who may read {url}: it answered {actual} to a request without credentials.")
        }
        _ => format!("Correct what {url} answers, or the expected status: it answered {actual}."),
    }
}

/// The record that leads to the expected target, as one would enter it; `None` where none is expected.
fn expected_record(endpoint: &Endpoint) -> Option<String> {
    let dns = endpoint.dns()?;
    let targets = &dns.targets;
    if targets.is_empty() {
        return None;
    }
    let host = &endpoint.host;
    let names = text::list(targets.iter().filter_map(|target| match target {
        DnsTarget::Name(name) => Some(name),
        DnsTarget::Network(_) => None,
    }));
    if names.is_empty() {
        let networks = text::list(targets.iter().map(ToString::to_string));
        return Some(format!("the A and AAAA records of {host} to {networks}"));
    }
    let one_of = if names.contains(", ") { "one of " } else { "" };
    Some(match host.split('.').count() {
        // A zone's apex cannot be a CNAME (RFC 1034 section 3.6.2).
        ..=2 => format!("an ALIAS (or ANAME, or flattened CNAME) record for {host} to {one_of}{names}"),
        // It may still be an apex, as under co.uk.
        3 => format!("{host} as a CNAME (ALIAS or ANAME at a zone's apex) to {one_of}{names}"),
        _ => format!("{host} as a CNAME to {one_of}{names}"),
    })
}

/// The verdict in one sentence.
#[must_use]
pub fn summary(verdict: &Verdict) -> String {
    match (verdict.standing, &verdict.root, &verdict.symptom) {
        (Standing::Unknown, Some(_), _) => {
            "Not judged: every anchor fails, this vantage point is offline.".to_owned()
        }
        (Standing::Unknown, None, _) => {
            "Not judged: this machine cannot tell. By its clock alone the certificate is out of date, or it lacks what the probe takes."
                .to_owned()
        }
        (Standing::Up, None, _) => "Up: it works as expected.".to_owned(),
        (Standing::Up, Some(root), _) if verdict.addresses_up < verdict.addresses => format!(
            "Up at {} of {} addresses: {}.",
            verdict.addresses_up,
            verdict.addresses,
            clause(root)
        ),
        (Standing::Up, Some(root), _) => format!("Up, but {}.", clause(root)),
        (Standing::Down, Some(root), Some(symptom)) if root.cause != symptom.cause => {
            format!("Down: {}; therefore {}.", clause(root), clause(symptom))
        }
        (Standing::Down, Some(finding), _) | (Standing::Down, None, Some(finding)) => {
            format!("Down: {}.", clause(finding))
        }
        (Standing::Down, None, None) => "Down.".to_owned(),
    }
}

/// The meaning of a finding's cause as part of a sentence, with what was expected and what is.
fn clause(finding: &Finding) -> String {
    let meaning = finding.cause.meaning().trim_end_matches('.');
    let mut letters = meaning.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_lowercase).collect();
    let at = finding
        .address
        .map_or_else(String::new, |address| format!(", at {address}"));
    format!(
        "{first}{} (expected: {}; actual: {}{at})",
        letters.as_str(),
        finding.expected,
        finding.actual
    )
}
