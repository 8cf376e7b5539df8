//! The closed list of causes: one spelling, used by metric, alert, page, command line and log.
//!
//! The order is the causal chain; where several causes hold, the one that stands first here is the root.

use std::fmt;

use serde::{Deserialize, Serialize};

mod on_demand;

pub use on_demand::ProbeCause;

/// A layer of a probe, in the order in which a probe passes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The place that probes are sent from.
    Vantage,
    /// What the hosting platform says.
    Platform,
    /// Name resolution.
    Dns,
    /// The TCP connection.
    Connect,
    /// The TLS handshake and the certificate.
    Tls,
    /// The HTTP exchange.
    Http,
    /// What is said over the connection by the probers other than `http`.
    Exchange,
    /// What will break if nothing is done.
    Foresight,
    /// The clicks that arrive, whatever probes say.
    Traffic,
}

impl Stage {
    /// The name in metrics and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vantage => "vantage",
            Self::Platform => "platform",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Exchange => "exchange",
            Self::Foresight => "foresight",
            Self::Traffic => "traffic",
        }
    }
}

/// What a cause does to the endpoint that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Judgement is suspended: neither up nor down can be said.
    Suspends,
    /// The endpoint does not do its job.
    Down,
    /// It works, but not as it should.
    Warns,
}

/// Declares the enum and its table together, so that no cause can lack a name, a meaning or a remedy.
macro_rules! causes {
    ($($variant:ident $name:literal $stage:ident $effect:ident $meaning:literal, $remedy:literal;)+) => {
        /// Why an endpoint is not as it should be.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Cause {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)+
        }

        impl Cause {
            /// Every cause, in the order of the causal chain.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in metrics, alerts, pages and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The layer that the cause belongs to.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $(Self::$variant => Stage::$stage,)+ }
            }

            /// Whether the cause takes its endpoint down, warns, or suspends judgement.
            #[must_use]
            pub const fn effect(self) -> Effect {
                match self { $(Self::$variant => Effect::$effect,)+ }
            }

            /// One sentence: what the cause means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// One sentence: what to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

causes! {
    VantageOffline "vantage_offline" Vantage Suspends
        "Every anchor fails: this vantage point is offline, nothing can be said of its targets.",
        "Check the network of the machine that runs linkwatch; its targets may be fine.";
    PlatformTargetChanged "platform_target_changed" Platform Warns
        "The platform now expects the name to lead elsewhere, and DNS still leads where it should have before.",
        "Set the record to the target that the platform expects now; do it before certificates fail.";
    PlatformDomainMissing "platform_domain_missing" Platform Warns
        "The platform does not know the name (any more).",
        "Add the domain to the platform again, or stop watching it there; whoever can add it elsewhere can take it over.";
    PlatformCertificateFailing "platform_certificate_failing" Platform Warns
        "The platform fails to get or renew the certificate.",
        "Read the platform's reason; check where DNS leads, CAA records and stray AAAA records.";
    DnsNxdomain "dns_nxdomain" Dns Down
        "The name does not exist in DNS.",
        "Create the record, or check that the zone is delegated and the registration has not lapsed.";
    DnsNoRecords "dns_no_records" Dns Down
        "The name exists but has no address.",
        "Add an A, AAAA or CNAME record (at the apex: ALIAS or ANAME) for the name.";
    DnsServfail "dns_servfail" Dns Down
        "The resolver failed to get an answer from the zone's servers.",
        "Check the zone's authoritative servers and its DNSSEC chain.";
    DnsRefused "dns_refused" Dns Down
        "The server refuses to answer for the name.",
        "Check that the server is meant to serve the zone and permits this client.";
    DnsTimeout "dns_timeout" Dns Down
        "No usable answer came from any DNS server in time.",
        "Check that the resolvers and the zone's authoritative servers are reachable on port 53.";
    DnsBogus "dns_bogus" Dns Down
        "The answer fails DNSSEC validation.",
        "Compare the DS record at the registrar with the zone's keys and renew expired signatures.";
    DnsTargetDangling "dns_target_dangling" Dns Down
        "The name points at a target that does not exist.",
        "Point the record at the target that the platform expects now; a dangling target can be taken over.";
    DnsTargetDrift "dns_target_drift" Dns Warns
        "The name resolves, but not to where it should.",
        "Set the record to the expected target, or change the expectation if the new one is right.";
    DnsDisagreement "dns_disagreement" Dns Warns
        "Resolvers or authoritative servers give different answers.",
        "Compare the zone's serial on all its servers and wait for caches to run out.";
    ConnectRefused "connect_refused" Connect Down
        "The address refuses connections on the port.",
        "Check that the service listens there, and that it is the right machine: for a name, where DNS points.";
    ConnectTimeout "connect_timeout" Connect Down
        "The address does not answer on the port.",
        "Check firewalls, routing and whether the machine is up.";
    ConnectUnreachable "connect_unreachable" Connect Down
        "There is no route to the address, or no socket at the path.",
        "Check routing, and whether this vantage point has the address family at all.";
    ConnectReset "connect_reset" Connect Down
        "The connection was reset before the peer said anything.",
        "Check load balancers and firewalls in front of the service.";
    ConnectProxy "connect_proxy" Connect Down
        "The proxy does not make the connection.",
        "Read what the proxy says: it names its own rules or credentials, or a target that it cannot reach.";
    TlsHostnameMismatch "tls_hostname_mismatch" Tls Down
        "The certificate is not for this name.",
        "Check where DNS points and that the platform has a certificate for the name.";
    TlsExpired "tls_expired" Tls Down
        "A certificate of the chain has expired.",
        "Renew the certificate and find out why the renewal failed.";
    TlsNotYetValid "tls_not_yet_valid" Tls Down
        "A certificate of the chain is not valid yet.",
        "Check the clock of the issuer and of this machine, or wait until it is valid.";
    TlsSelfSigned "tls_self_signed" Tls Down
        "The certificate is signed by itself.",
        "Install a certificate of a public authority, or name this one in ca_file.";
    TlsUnknownIssuer "tls_unknown_issuer" Tls Down
        "No trusted authority vouches for the certificate.",
        "Install a certificate of a public authority, or name its root in ca_file.";
    TlsIncompleteChain "tls_incomplete_chain" Tls Down
        "The server does not send the intermediate certificates that clients need.",
        "Configure the server with the full chain (leaf first, then intermediates).";
    TlsBadCertificate "tls_bad_certificate" Tls Down
        "The certificate cannot be used: signature, constraint, algorithm or encoding.",
        "Have the certificate issued anew and check that it fits its private key.";
    TlsRevoked "tls_revoked" Tls Down
        "The certificate has been revoked by its issuer.",
        "Replace the certificate at once; find out who revoked it and why.";
    TlsUnexpectedIssuer "tls_unexpected_issuer" Tls Warns
        "The certificate is valid, but not from an issuer that is expected here.",
        "Find out who obtained it; correct the CAA record or the expectation.";
    TlsAlert "tls_alert" Tls Down
        "The server refused the handshake with an alert.",
        "Read the alert: it names the protocol, the name or the client certificate it did not accept.";
    TlsProtocol "tls_protocol" Tls Down
        "What answers on the port does not speak TLS as it should.",
        "Check that TLS is enabled on this port and which protocol versions it offers.";
    TlsClosed "tls_closed" Tls Down
        "The server closed the connection during the handshake.",
        "Check the server's log; often no certificate is configured for the name.";
    TlsTimeout "tls_timeout" Tls Down
        "The handshake did not finish in time.",
        "Check the load of the server and what sits in front of it.";
    HttpToken "http_token" Http Down
        "The endpoint that issues tokens gave none: nothing was asked.",
        "Check the token endpoint and the client's credentials there; the target itself may be fine.";
    HttpTimeout "http_timeout" Http Down
        "The response did not arrive in time.",
        "Check the application behind the endpoint.";
    HttpClosed "http_closed" Http Down
        "The connection ended before the response was complete.",
        "Check the application and the proxies in front of it for crashes and limits.";
    HttpProtocol "http_protocol" Http Down
        "What came back is not valid HTTP.",
        "Check what listens on the port and the proxies in front of it.";
    HttpTooLarge "http_too_large" Http Down
        "The response is larger than the limit.",
        "Check what the endpoint serves, or raise body_size_limit.";
    HttpRedirectLoop "http_redirect_loop" Http Down
        "The redirects do not end.",
        "Look for two rules that send to each other, often http and https or two spellings of the host.";
    HttpRedirectWrong "http_redirect_wrong" Http Down
        "The redirect does not lead where it should.",
        "Correct the redirect, or the expected location.";
    HttpRateLimited "http_rate_limited" Http Warns
        "The endpoint limits or challenges this client: it cannot be judged.",
        "Let the probe's user agent pass, or probe less often.";
    HttpStatus "http_status" Http Down
        "The status is not one that is expected.",
        "Check the application: a 5xx is its own, a 404, 410 or 421 is often a name it does not know.";
    HttpHeader "http_header" Http Down
        "A header is missing or not as it should be.",
        "Correct the header, or the expectation.";
    HttpBody "http_body" Http Down
        "The body is not as it should be.",
        "Look at the body; correct the page, or the expectation.";
    HttpSlow "http_slow" Http Warns
        "The response took longer than expected.",
        "See on the endpoint's page which phase takes the time, and start there: DNS, connection, TLS or the answer.";
    ExchangeTimeout "exchange_timeout" Exchange Down
        "No complete answer came in time.",
        "Check that the service behind the address is alive, and that firewalls let its protocol pass.";
    ExchangeClosed "exchange_closed" Exchange Down
        "The connection ended before the answer was complete.",
        "Check the service and the proxies in front of it for crashes, limits and access lists.";
    ExchangeProtocol "exchange_protocol" Exchange Down
        "What came back is not in the protocol that the module speaks.",
        "Check what listens on the port, and that the module's prober is the right one for it.";
    ExchangeStatus "exchange_status" Exchange Down
        "The service answers in its protocol that something is wrong: a response code, a health status, a refused upgrade.",
        "Look into the service's own log for what it refuses or lacks; if the status is right, name it in the module.";
    ExchangeMismatch "exchange_mismatch" Exchange Down
        "The answer is not the one that the module expects.",
        "Compare the answer with the module's rules; correct the service, or the rules.";
    CertificateExpiring "certificate_expiring" Foresight Warns
        "Less of the certificate's lifetime is left than should be.",
        "Find out why the renewal has not happened, before it expires.";
    RenewalOverdue "renewal_overdue" Foresight Warns
        "The certificate should have been renewed by now, and is not.",
        "Start the renewal by hand and read why it fails: DNS target, CAA, the authority or the platform.";
    CaaForbidsIssuer "caa_forbids_issuer" Foresight Warns
        "A CAA record forbids the authority that issued the certificate to renew it.",
        "Add the authority to the CAA records, or have the certificate issued by one that they permit.";
    IssuerDown "issuer_down" Foresight Warns
        "The authority that issues the certificate does not answer.",
        "Wait, or have the certificate issued by another authority; nothing can be renewed meanwhile.";
    RegistrationExpiring "registration_expiring" Foresight Warns
        "The registration of the domain is about to end, has ended, or is on hold.",
        "Renew the domain at its registrar today; check that the means of payment is valid.";
    Flapping "flapping" Foresight Warns
        "Probes fail and recover in turn.",
        "Look for one bad replica, one bad address or an overloaded service.";
    TrafficLow "traffic_low" Traffic Warns
        "Far fewer clicks arrive than at this time of the week.",
        "Follow a real link to its end; check what was sent, and whether the links lead to these hosts.";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_their_stage() {
        let mut seen = std::collections::BTreeSet::new();
        for cause in Cause::ALL {
            assert!(seen.insert(cause.as_str()), "{cause} stands twice");
            if cause.stage() != Stage::Foresight {
                assert!(
                    cause.as_str().starts_with(&format!("{}_", cause.stage())),
                    "{cause}"
                );
            }
        }
    }

    #[test]
    fn the_order_is_that_of_the_stages() {
        assert!(
            Cause::ALL
                .windows(2)
                .all(|pair| pair[0].stage() <= pair[1].stage())
        );
        assert!(Cause::ALL.is_sorted());
    }
}
