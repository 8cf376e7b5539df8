//! The differences that are meant: each has a name, a reason, and what it covers.

use super::compare::Finding;

/// A difference that is meant. The documents list them, in these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    OwnSeries,
    Escaping,
    Format,
    Uncompressed,
    NoTarget,
    Scheme,
    Loop,
    UnreadBody,
    BrokenHead,
    Interim,
    RefusedClient,
    StageBudget,
    ToldUnreachable,
    ResetRace,
    LongHead,
    PatternAndCel,
    QuicPhases,
    PastProxy,
    OtherQuestion,
    SocketUrl,
    LocalName,
    CheckedTls,
}

/// Every one with its name and its reason, in the order and the words of the documents.
pub(super) const ALL: [(Difference, &str, &str); 22] = [
    (
        Difference::OwnSeries,
        "own series",
        "`linkwatch_probe_…` stand beside the `probe_…` series: the cause, certificates that are not accepted too, addresses",
    ),
    (
        Difference::Escaping,
        "escaping scheme",
        "the content type names none: every name is of the old grammar, so there is nothing to escape",
    ),
    (
        Difference::Format,
        "newer text format",
        "a scraper that asks for text 1.0.0, as Prometheus 3 does, gets it",
    ),
    (
        Difference::Uncompressed,
        "uncompressed answer",
        "an answer of `/probe` is a few kilobytes and is sent as it is: packing it would cost more than it saves",
    ),
    (
        Difference::NoTarget,
        "target that is none",
        "the probe fails as in blackbox_exporter, with all series that a target has which does not resolve; \
    blackbox_exporter has some of them, by where it noticed",
    ),
    (
        Difference::Scheme,
        "scheme in capitals",
        "`HTTP://` is `http://`, as in blackbox_exporter after 0.28, which takes it for a host",
    ),
    (
        Difference::Loop,
        "loops are noticed",
        "a redirect to what was asked already, with the same cookies, is not followed ten times: \
    `probe_http_redirects` counts fewer",
    ),
    (
        Difference::UnreadBody,
        "unread body",
        "`probe_failed_due_to_regex` stays 0 where a body was not read whole: no rule was broken",
    ),
    (
        Difference::BrokenHead,
        "unfinished head",
        "`phase=\"processing\"` is 0 where the head of the answer never became whole; blackbox_exporter stops \
    at the first byte",
    ),
    (
        Difference::Interim,
        "interim answers",
        "1xx answers without end are waited through until the limit; blackbox_exporter stops after some",
    ),
    (
        Difference::RefusedClient,
        "refused client",
        "TLS 1.3 refuses a client's certificate after the handshake; the phases of such a connection are 0, \
    as for every refused handshake",
    ),
    (
        Difference::StageBudget,
        "stage that hangs",
        "a stage that hangs ends after three quarters of the time left, so that there is time to say so",
    ),
    (
        Difference::LongHead,
        "head without end",
        "it is given up after 64 KiB; blackbox_exporter reads 10 MB first",
    ),
    (
        Difference::ResetRace,
        "reset at once",
        "whether `phase=\"connect\"` is 0 where a connection is reset as soon as it stands is a matter of chance in \
    blackbox_exporter; here it never is",
    ),
    (
        Difference::SocketUrl,
        "socket as a URL",
        "`unix:///run/app.sock` is the socket at that path, as it is written in groups; blackbox_exporter takes the \
    whole for a path",
    ),
    (
        Difference::LocalName,
        "socket with TLS",
        "the server must be `localhost` where the module does not name it; blackbox_exporter has no name to verify \
    then and fails",
    ),
    (
        Difference::CheckedTls,
        "TLS of a refused check",
        "`probe_grpc_ssl` is 1 and the certificate has its series whenever the handshake succeeded; \
    blackbox_exporter has them only where the status of the call is OK",
    ),
    (
        Difference::ToldUnreachable,
        "unreachable address",
        "what this machine or a router says of an echo request ends the probe at once; blackbox_exporter waits for its limit",
    ),
    (
        Difference::PatternAndCel,
        "pattern and expression",
        "a module may have both on one body; in blackbox_exporter the pattern leaves the expression nothing to read, and \
    the probe fails",
    ),
    (
        Difference::QuicPhases,
        "HTTP/3",
        "`phase=\"tls\"` is the time of the handshake, and the cipher suite is not told by the QUIC library",
    ),
    (
        Difference::PastProxy,
        "past the proxy",
        "`skip_resolve_phase_with_proxy` leaves a name to the proxy that is asked for it; what goes past every proxy is \
    resolved here, and has the series of that",
    ),
    (
        Difference::OtherQuestion,
        "answer to another question",
        "it is no answer, and is waited past: blackbox_exporter takes any DNS message with the right id",
    ),
];

impl Difference {
    /// Its name in the documents.
    pub(super) fn name(self) -> &'static str {
        ALL.into_iter()
            .find_map(|(difference, name, _)| (difference == self).then_some(name))
            .expect("a difference of the list")
    }

    /// Whether it may stand in any answer, so that no case has to name it.
    pub(super) fn is_everywhere(self) -> bool {
        matches!(self, Self::OwnSeries | Self::Escaping)
    }

    /// Whether a case that names it need not show it every time.
    pub(super) fn is_by_chance(self) -> bool {
        matches!(self, Self::ResetRace | Self::LongHead)
    }

    /// Whether it explains a finding.
    pub(super) fn covers(self, finding: &Finding) -> bool {
        let of = |name: &str| finding.series().is_some_and(|series| series.starts_with(name));
        match self {
            Self::OwnSeries => matches!(finding, Finding::Added(_)) && of("linkwatch_probe_"),
            Self::Escaping => matches!(
                finding,
                Finding::ContentType { real, ours } if real.split_once("; escaping=").is_some_and(|(real, _)| real == ours)
            ),
            Self::Format => matches!(
                finding,
                Finding::ContentType { real, ours } if real.replace("0.0.4", "1.0.0") == *ours
            ),
            Self::Uncompressed => {
                matches!(finding, Finding::Encoding { real, ours } if real == "gzip" && ours.is_empty())
            }
            Self::ToldUnreachable => of("probe_duration_seconds") || of("probe_icmp_duration_seconds"),
            Self::NoTarget => matches!(finding, Finding::Added(_) | Finding::Missing(_)) || of("probe_ip_"),
            // Something else is asked altogether.
            Self::Scheme | Self::SocketUrl | Self::LocalName => finding.series().is_some(),
            Self::Loop => fewer(finding) && of("probe_http_redirects"),
            Self::UnreadBody => fewer(finding) && of("probe_failed_due_to_regex"),
            Self::BrokenHead => fewer(finding) && of("probe_http_duration_seconds{phase=\"processing\"}"),
            Self::Interim => matches!(finding, Finding::Time { .. }) && of("probe_duration_seconds"),
            Self::RefusedClient => fewer(finding) && of("probe_http_duration_seconds"),
            Self::CheckedTls => {
                of("probe_grpc_ssl")
                    || (of("probe_ssl_") || of("probe_tls_")) && matches!(finding, Finding::Added(_))
            }
            Self::PatternAndCel => of("probe_success") || of("probe_failed_due_to_cel"),
            Self::QuicPhases => of("probe_http_duration_seconds") || of("probe_tls_cipher_info"),
            Self::PastProxy => {
                let resolved = "probe_http_duration_seconds{phase=\"resolve\"}";
                let looked_up = of("probe_dns_lookup_time_seconds") || of("probe_ip_") || of(resolved);
                looked_up && matches!(finding, Finding::Added(_))
            }
            Self::StageBudget => {
                let connect = "probe_dns_duration_seconds{phase=\"connect\"}";
                fewer(finding) && (of("probe_duration_seconds") || of(connect))
            }
            Self::LongHead => fewer(finding) && of("probe_duration_seconds"),
            // One has an answer with its records, the other waits for it.
            Self::OtherQuestion => of("probe_"),
            Self::ResetRace => of("probe_http_duration_seconds{phase=\"connect\"}"),
        }
    }
}

/// Whether linkwatch says less than blackbox_exporter.
fn fewer(finding: &Finding) -> bool {
    if let Finding::Value { real, ours, .. } | Finding::Time { real, ours, .. } = finding {
        return ours < real;
    }
    false
}
