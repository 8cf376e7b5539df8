//! What `/probe` says beside blackbox_exporter's series: certificates that are not accepted, and every address.

use crate::lab::{Authority, Connect, DAY, DnsLab, Flaw, WebLab};
use crate::prober::Asking;

fn module(authority: &Authority, prober: &str, more: &str) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!(
        "prober: {prober}\n{prober}:\n  preferred_ip_protocol: ip4\n{more}  tls_config:\n    ca: |\n      {roots}"
    )
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_told_by_every_prober_that_speaks_tls() {
    let authority = Authority::new();
    let begin = authority.now() - std::time::Duration::from_secs(60 * 86_400);
    let begin = begin
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a date")
        .as_secs_f64()
        .floor();
    let expired = authority.leaf("127.0.0.1").valid(-60 * DAY, -30 * DAY).issue();
    let web = WebLab::tls(expired).start().await;
    for (module, url) in [
        (module(&authority, "http", ""), web.url("/")),
        (
            module(&authority, "tcp", "  tls: true\n"),
            format!("tcp://{}", web.addr()),
        ),
    ] {
        let seen = Asking::by(&module).probe(&url).await;
        assert_eq!(
            (seen.root(), seen.value("probe_success")),
            ("tls_expired", Some(0.0))
        );
        let series = seen.series();
        assert!(
            !series.contains("probe_ssl"),
            "blackbox_exporter has none: {series}"
        );
        let of = |name: &str| seen.value(&format!("linkwatch_probe_certificate_{name}"));
        assert_eq!(of("trusted"), Some(0.0));
        let (from, until) = (
            of("not_before_timestamp_seconds{position=\"0\"}").expect("a begin"),
            of("not_after_timestamp_seconds{position=\"0\"}").expect("an end"),
        );
        assert!(
            (from - begin).abs() <= 1.0 && (until - from - 30.0 * 86_400.0).abs() <= 1.0,
            "{from} {until}"
        );
        assert!((of("lifetime_left_ratio").expect("a share") + 1.0).abs() < 0.01);
        assert!(
            of("not_after_timestamp_seconds{position=\"1\"}").is_some(),
            "the intermediate too"
        );
        assert!(
            series.contains("linkwatch_probe_certificate_info{position=\"0\",issuer="),
            "{series}"
        );
    }
}

#[tokio::test]
async fn what_is_accepted_is_trusted_and_without_tls_nothing_is_said() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("127.0.0.1")).start().await;
    let by = module(&authority, "http", "");
    let seen = Asking::by(&by).probe(&web.url("/")).await;
    assert_eq!(seen.value("linkwatch_probe_certificate_trusted"), Some(1.0));
    let plain = WebLab::plain().start().await;
    let seen = Asking::by(&by).probe(&plain.url("/")).await;
    assert!(!seen.series().contains("linkwatch_probe_certificate"));
    let skips = by.replace(
        "  tls_config:\n",
        "  tls_config:\n    insecure_skip_verify: true\n",
    );
    web.certificate(&authority.bad("127.0.0.1", Flaw::WrongName));
    let seen = Asking::by(&skips).probe(&web.url("/")).await;
    assert_eq!(seen.value("probe_success"), Some(1.0));
    assert_eq!(seen.value("linkwatch_probe_certificate_trusted"), Some(0.0));
}

#[tokio::test]
async fn every_address_is_probed_where_all_are_asked_for_and_each_has_its_series() {
    let authority = Authority::new();
    let first = WebLab::plain().start().await;
    let second = WebLab::plain()
        .at(([127, 0, 0, 2], first.port()).into())
        .start()
        .await;
    let dns = DnsLab::start().await;
    dns.a("a.test", &["127.0.0.1", "127.0.0.2"]);
    let by = module(&authority, "http", "");
    let url = first.url_of("a.test", "/");
    let of = |address: &str| format!("linkwatch_probe_address_success{{address=\"{address}\"}}");
    let all = Asking::by(&by).asking(&dns).everywhere();
    let seen = all.probe(&url).await;
    assert_eq!(seen.value("probe_success"), Some(1.0));
    assert_eq!(
        (seen.value(&of("127.0.0.1")), seen.value(&of("127.0.0.2"))),
        (Some(1.0), Some(1.0))
    );
    second.connect(Connect::Refuse).await;
    let seen = all.probe(&url).await;
    assert_eq!(
        seen.value("probe_success"),
        Some(0.0),
        "one that fails is one too many"
    );
    assert_eq!(
        (seen.value(&of("127.0.0.1")), seen.value(&of("127.0.0.2"))),
        (Some(1.0), Some(0.0))
    );
    let one = Asking::by(&by).asking(&dns).probe(&url).await;
    assert_eq!(
        one.series().matches("linkwatch_probe_address_success{").count(),
        1
    );
}
