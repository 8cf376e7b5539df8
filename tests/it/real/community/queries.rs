//! Expressions of published dashboards and rules: where each is from, and what it must return of the targets.
//!
//! Variables are filled in as Grafana would: every instance, a minute.

/// What an expression must return.
#[derive(Debug, Clone, Copy)]
pub(super) enum Returns {
    /// A value for each of these targets, and for no other.
    Of(&'static [&'static str]),
    /// A value for every target.
    All,
    /// This value, of no target in particular.
    Value(f64),
    /// Values, of no target in particular.
    Some,
}

/// An expression, where it is from, and what it must return.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) source: &'static str,
    pub(super) expression: &'static str,
    pub(super) returns: Returns,
}

const fn query(source: &'static str, expression: &'static str, returns: Returns) -> Query {
    Query {
        source,
        expression,
        returns,
    }
}

/// Grafana dashboard 7587, "Prometheus Blackbox Exporter".
const G7587: &str = "Grafana dashboard 7587";
/// Grafana dashboard 13659, "Blackbox Exporter (HTTP prober)".
const G13659: &str = "Grafana dashboard 13659";
/// Grafana dashboard 5345, "Blackbox Exporter Overview".
const G5345: &str = "Grafana dashboard 5345";
/// Grafana dashboard 9965, "Prometheus Blackbox Exporter".
const G9965: &str = "Grafana dashboard 9965";
/// Grafana dashboard 14928, "Prometheus Blackbox Exporter".
const G14928: &str = "Grafana dashboard 14928";
/// The mixin that most installations begin with, `adinhodovic/blackbox-exporter-mixin`.
const MIXIN: &str = "blackbox-exporter-mixin";
/// The collection of alerts, `samber/awesome-prometheus-alerts`.
const AWESOME: &str = "awesome-prometheus-alerts";
/// The examples of the operator and of kube-prometheus.
const OPERATOR: &str = "kube-prometheus";
/// `CONFIGURATION.md` and `README.md` of `blackbox_exporter` itself, and the guide of Prometheus.
const GUIDE: &str = "Prometheus' guide to blackbox_exporter";

use Returns::{All, Of, Some, Value};

/// Over TLS, with an answer.
const SECURE: Returns = Of(&["healthy", "expiring", "expired", "talk"]);
/// Of the http prober.
const WEB: Returns = Of(&[
    "healthy", "plain", "broken", "refused", "slow", "expiring", "expired",
]);

/// What is asked.
pub(super) const QUERIES: &[Query] = &[
    query(G7587, r#"probe_success{instance=~".*"}"#, All),
    query(
        G7587,
        r#"avg(probe_duration_seconds{instance=~".*"}) by (instance)"#,
        All,
    ),
    query(
        G7587,
        r#"sum(probe_http_duration_seconds{instance=~".*"}) by (instance)"#,
        WEB,
    ),
    query(
        G7587,
        r#"probe_http_duration_seconds{instance=~".*", phase="connect"}"#,
        WEB,
    ),
    query(G7587, r#"probe_http_status_code{instance=~".*"}"#, WEB),
    query(G7587, r#"probe_http_version{instance=~".*"}"#, WEB),
    query(
        G7587,
        r#"probe_http_ssl{instance=~".*"} == 1"#,
        Of(&["healthy", "expiring", "expired"]),
    ),
    query(
        G7587,
        r#"probe_ssl_earliest_cert_expiry{instance=~".*"} - time()"#,
        SECURE,
    ),
    query(
        G7587,
        r#"avg(probe_dns_lookup_time_seconds{instance=~".*"}) by (instance)"#,
        All,
    ),
    query(G13659, r#"avg_over_time(probe_success{instance=~".*"}[1m])"#, All),
    query(
        G13659,
        r"sum(probe_success) / count(probe_success)",
        Value(7.0 / 10.0),
    ),
    query(G13659, r#"probe_tls_version_info{instance=~".*"}"#, SECURE),
    query(
        G13659,
        r#"min(probe_ssl_last_chain_expiry_timestamp_seconds{instance=~".*"}) by (instance) - time()"#,
        SECURE,
    ),
    query(G13659, r"sum(probe_http_duration_seconds) by (phase)", Some),
    query(G13659, r#"probe_ip_protocol{instance=~".*"}"#, All),
    query(G5345, r"count(probe_success == 1)", Value(7.0)),
    query(G5345, r"count(probe_success == 0)", Value(3.0)),
    query(
        G5345,
        r#"probe_http_content_length{job="http"}"#,
        Of(&["healthy", "plain", "broken", "refused", "slow", "expiring"]),
    ),
    query(
        G5345,
        r#"probe_http_redirects{job="http"} == 0"#,
        Of(&["healthy", "plain", "broken", "refused", "slow", "expiring"]),
    ),
    query(
        G9965,
        r"(probe_ssl_earliest_cert_expiry - time()) / 3600 / 24",
        SECURE,
    ),
    query(
        G9965,
        r"probe_http_status_code == 200",
        Of(&["healthy", "plain", "slow", "expiring", "expired"]),
    ),
    query(
        G9965,
        r"sort_desc(avg_over_time(probe_duration_seconds[1m]))",
        All,
    ),
    query(
        G9965,
        r"probe_http_uncompressed_body_length > 0",
        Of(&["healthy", "plain", "broken", "slow", "expiring", "expired"]),
    ),
    query(
        G14928,
        r#"probe_http_duration_seconds{phase=~"resolve|connect|tls|processing|transfer"}"#,
        WEB,
    ),
    query(
        G14928,
        r#"probe_ssl_last_chain_info{job="http"} * on(instance) group_left() (probe_ssl_earliest_cert_expiry - time())"#,
        Of(&["healthy", "expiring"]),
    ),
    query(G14928, r"changes(probe_success[1m]) == 0", All),
    query(
        MIXIN,
        r#"probe_success{job=~"http|unverified|talk|line"} == 0"#,
        Of(&["broken", "refused", "wrong"]),
    ),
    query(
        MIXIN,
        r#"avg_over_time(probe_success{job=~"http|unverified|talk|line"}[30d]) * 100 < 99.9"#,
        Of(&["broken", "refused", "wrong"]),
    ),
    query(
        MIXIN,
        r#"probe_ssl_earliest_cert_expiry{job=~"http|unverified|talk"} - time() < 21 * 24 * 3600"#,
        Of(&["expiring", "expired"]),
    ),
    query(
        MIXIN,
        r#"avg by (phase) (probe_http_duration_seconds{job=~"http"})"#,
        Some,
    ),
    query(
        AWESOME,
        r"probe_success == 0",
        Of(&["broken", "refused", "wrong"]),
    ),
    query(
        AWESOME,
        r"avg_over_time(probe_duration_seconds[1m]) > 1",
        Of(&["slow"]),
    ),
    query(
        AWESOME,
        r"probe_http_status_code <= 199 OR probe_http_status_code >= 400",
        Of(&["broken", "refused"]),
    ),
    query(
        AWESOME,
        r"3 <= round((last_over_time(probe_ssl_earliest_cert_expiry[10m]) - time()) / 86400, 0.1) < 20",
        Of(&["expiring"]),
    ),
    query(
        AWESOME,
        r"0 <= round((last_over_time(probe_ssl_earliest_cert_expiry[10m]) - time()) / 86400, 0.1) < 3",
        Of(&[]),
    ),
    query(
        AWESOME,
        r"round((last_over_time(probe_ssl_earliest_cert_expiry[10m]) - time()) / 86400, 0.1) < 0",
        Of(&["expired"]),
    ),
    query(
        AWESOME,
        r"sum by (instance) (avg_over_time(probe_http_duration_seconds[1m])) > 1",
        Of(&["slow"]),
    ),
    query(
        OPERATOR,
        r"probe_success != 1",
        Of(&["broken", "refused", "wrong"]),
    ),
    query(
        AWESOME,
        r"avg_over_time(probe_icmp_duration_seconds[1m]) > 1",
        Of(&[]),
    ),
    query(
        G7587,
        r#"probe_icmp_duration_seconds{instance=~".*", phase="rtt"}"#,
        Of(&["echo"]),
    ),
    query(OPERATOR, r"up == 1", All),
    query(OPERATOR, r"scrape_samples_scraped > 0", All),
    query(
        GUIDE,
        r#"probe_http_duration_seconds{phase="transfer"} >= 0"#,
        WEB,
    ),
    query(GUIDE, r"probe_ip_addr_hash != 0", All),
    query(GUIDE, r"probe_failed_due_to_regex == 1", Of(&["wrong"])),
];
