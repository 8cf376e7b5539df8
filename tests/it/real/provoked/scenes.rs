//! What is broken for each alert, and what must come of it.

use linkwatch::alert::{AlertName, Severity};

/// How an alert is provoked, who gets it, and what it must say.
pub(super) struct Scene {
    /// What is broken, for the documents.
    pub(super) broken: &'static str,
    pub(super) severity: Severity,
    pub(super) receiver: &'static str,
    /// The group that it speaks of, if it speaks of one.
    pub(super) group: Option<&'static str>,
    /// The host that is broken, where it is one of the sites'.
    pub(super) host: Option<&'static str>,
    /// What the text must hold: domains, cause, what should be, what is, what to do.
    pub(super) says: &'static [&'static str],
}

/// Of an endpoint.
const fn at(group: &'static str, host: &'static str, severity: Severity) -> Scene {
    Scene {
        broken: "",
        severity,
        receiver: match severity {
            Severity::Critical => "page",
            Severity::Warning => "ticket",
            Severity::Info => "none",
        },
        group: Some(group),
        host: Some(host),
        says: &[],
    }
}

/// Of linkwatch itself, or of something that it asks.
const fn own(severity: Severity) -> Scene {
    Scene {
        group: None,
        host: None,
        ..at("", "", severity)
    }
}

pub(super) fn host(alert: AlertName) -> Option<&'static str> {
    scene(alert).host
}

pub(super) fn group(alert: AlertName) -> Option<&'static str> {
    scene(alert).group
}

/// Without a wildcard: an alert that is added needs a scene to compile.
#[expect(
    clippy::too_many_lines,
    reason = "one table, an arm per alert: split up it would need wildcards"
)]
pub(super) const fn scene(alert: AlertName) -> Scene {
    use Severity::{Critical, Info, Warning};
    match alert {
        AlertName::EndpointDown => Scene {
            broken: "a site answers 503",
            says: &[
                "www.website.example of group website is down.",
                "http_status: expected 2xx, found 503",
                "http_status: Check the application",
            ],
            ..at("website", "www.website.example", Critical)
        },
        AlertName::GroupDown => Scene {
            broken: "two of three domains serve another host's certificate, the third answers 503",
            host: None,
            says: &[
                "3 endpoints of group tracking are down.",
                "link-0.tracking.example: tls_hostname_mismatch: expected link-0.tracking.example, found *.herokuapp.example",
                "link-1.tracking.example: tls_hostname_mismatch: expected link-1.tracking.example, found *.herokuapp.example",
                "link-2.tracking.example: http_status: expected 2xx, found 503",
                "http_status: Check the application",
                "tls_hostname_mismatch: Check where DNS points",
            ],
            ..at("tracking", "", Critical)
        },
        AlertName::EndpointDegraded => Scene {
            broken: "a site answers, but more slowly than `expect.duration` allows",
            says: &[
                "www.shop.example of group shop works, but not as it should.",
                "http_slow: expected at most 400ms",
                "The last probe spent most of its time on ",
                "http_slow: See on the endpoint's page which phase takes the time",
            ],
            ..at("shop", "www.shop.example", Warning)
        },
        AlertName::EndpointFlapping => Scene {
            broken: "every second request to a site is answered 503",
            says: &[
                "api.service.example of group api fails and recovers in turn",
                "Probes that failed in the last 15 minutes: ",
            ],
            ..at("api", "api.service.example", Warning)
        },
        AlertName::DnsTargetDrift => Scene {
            broken: "a name is led to another address, where the site answers as well",
            says: &[
                "docs.service.example of group docs does not lead where it should.",
                "dns_target_drift: expected 127.0.0.1, found",
                "Set the record of docs.service.example to 127.0.0.1, or change the expectation if 127.0.0.2 is right.",
            ],
            ..at("docs", "docs.service.example", Warning)
        },
        AlertName::PlatformTargetChanged => Scene {
            broken: "the platform expects another target than before; links still work",
            says: &[
                "go.campaigns.example",
                "platform_target_changed: expected stark-cove-1234.herokudns.example, found",
                "Set the record of go.campaigns.example to stark-cove-1234.herokudns.example",
            ],
            ..at("campaigns", "go.campaigns.example", Critical)
        },
        AlertName::PlatformCertificateFailing => Scene {
            broken: "the platform says that it cannot renew the certificate, and why",
            says: &[
                "go.events.example",
                "platform_certificate_failing: expected a certificate from heroku-main, found failing: CAA records forbid the authority",
            ],
            ..at("events", "go.events.example", Warning)
        },
        AlertName::CertificateInvalid => Scene {
            broken: "a certificate has ended, of a site whose module does not verify it",
            says: &[
                "intranet.service.example of group intranet serves a certificate that browsers refuse.",
                "issued by CN=Lab Intermediate,O=Lab.",
                "It ends, or ended, ",
                "Install a certificate that browsers accept",
            ],
            ..at("intranet", "intranet.service.example", Warning)
        },
        AlertName::CertificateExpiring => Scene {
            broken: "a certificate of 90 days has 10 left",
            says: &[
                "www.blog.example in group blog",
                "Its own has 9d 23h",
                "Find out why the renewal has not happened",
            ],
            ..at("blog", "www.blog.example", Warning)
        },
        AlertName::RenewalOverdue => Scene {
            broken: "the window in which the authority wanted the certificate renewed ended two days ago (ARI)",
            says: &[
                "www.help.example",
                "renewal_overdue: expected renewed by",
                "is still served",
            ],
            ..at("help", "www.help.example", Warning)
        },
        AlertName::CertificateAuthorityDown => Scene {
            broken: "an authority refuses connections",
            says: &["The authority spare has not answered for ten minutes"],
            ..own(Warning)
        },
        AlertName::CaaForbidsIssuer => Scene {
            broken: "a CAA record permits another authority only",
            says: &[
                "www.forum.example",
                "caa_forbids_issuer: expected CAA records that permit plain, found",
                "other-authority.example",
            ],
            ..at("forum", "www.forum.example", Warning)
        },
        AlertName::RegistrationExpiring => Scene {
            broken: "the registry says that a registration ends in five days (RDAP)",
            says: &[
                "www.brand.com",
                "registration_expiring: expected brand.com registered for 30 days and more, found the registration ends",
            ],
            ..at("brand", "www.brand.com", Warning)
        },
        AlertName::TrafficLow => Scene {
            broken: "nobody clicks on the links of a group whose probes are all well",
            host: None,
            says: &[
                "group newsletter",
                "clicks a minute",
                "a.newsletter.example: ",
                "b.newsletter.example: ",
                "c.newsletter.example: ",
                "No probe of the group fails with it.",
                "Follow a real link to its end",
            ],
            ..at("newsletter", "", Critical)
        },
        AlertName::ProbeStale => Scene {
            broken: "a probe fails in a group that is told to wait a minute before it confirms, with an interval of a second",
            says: &["group archive", "www.archive.example: ", "Read linkwatch's log"],
            ..at("archive", "www.archive.example", Warning)
        },
        AlertName::TrafficSourceDown => Scene {
            broken: "a source of click counts refuses connections",
            says: &[
                "The source warehouse gives no usable answer to linkwatch-clicks:9716",
                "Check that the source runs",
            ],
            ..own(Warning)
        },
        AlertName::HostUnwatched => Scene {
            broken: "a list of hosts names two that no group watches",
            says: &[
                "source zone names",
                "forgotten.example\nold-shop.example",
                "linkwatch discover",
            ],
            ..own(Info)
        },
        AlertName::PlatformDown => Scene {
            broken: "a platform's API refuses connections",
            says: &[
                "Platform heroku-old has not told",
                "Check that the token is valid",
            ],
            ..own(Warning)
        },
        AlertName::VantageOffline => Scene {
            broken: "both anchors of a linkwatch refuse connections",
            says: &[
                "No anchor answers on linkwatch-offline:9716:",
                "Check the network of the machine",
            ],
            ..own(Warning)
        },
        AlertName::ClockSkewed => Scene {
            broken: "the servers' dates are five minutes ahead of linkwatch's clock",
            says: &["off against the servers' on linkwatch-skewed:9716.", "NTP"],
            ..own(Warning)
        },
        AlertName::ConfigReloadFailed => Scene {
            broken: "a linkwatch is told to take over a file with an error in it",
            says: &["refused by linkwatch-skewed:9716:", "linkwatch config check"],
            ..own(Warning)
        },
        AlertName::RulesOutdated => Scene {
            broken: "Prometheus evaluates the rules of version 0.0.9",
            says: &[
                "linkwatch 0.0.9;",
                "linkwatch-sites:9716 (0.1.0)",
                "linkwatch bundle rules",
            ],
            ..own(Info)
        },
        AlertName::Down => Scene {
            broken: "every linkwatch is stopped",
            says: &["has scraped no linkwatch for a minute", "Targets of Prometheus"],
            ..own(Critical)
        },
        AlertName::Watchdog => Scene {
            broken: "nothing: it always fires",
            receiver: "deadman",
            says: &["always fires"],
            ..own(Warning)
        },
    }
}
