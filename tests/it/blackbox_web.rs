//! The program in the place of `blackbox_exporter`: its paths, its parameters, its metrics, around whatever is probed.

use std::time::Duration;

use linkwatch::app::{Settings, WebSettings};
use tokio::time::Instant;

use crate::lab::{Answer, Authority, Quic, QuicLab, WebLab};
use crate::program::{Home, Program, Served, command};

const MODULES: &str = r#"
modules:
  http_2xx: {prober: http}
  short: {prober: http, timeout: 1s}
  host: {prober: http, http: {headers: {Host: own.test}}}
  secure: {prober: http, http: {fail_if_not_ssl: true}}
  trusting: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}
  quic: {prober: http, http: {enable_http3: true, enable_http2: false, tls_config: {insecure_skip_verify: true}}}
  secret:
    prober: http
    http:
      method: POST
      body: body-secret
      headers: {X-Api-Key: header-secret, X-Plain: plain-secret}
      basic_auth: {username: ann, password: password-secret}
  dialogue:
    prober: tcp
    tcp: {query_response: [{send: "AUTH send-secret"}]}
"#;

async fn started(history: usize) -> (Home, Program) {
    let home = Home::new(MODULES);
    let settings = Settings {
        web: WebSettings {
            history,
            ..WebSettings::default()
        },
        ..home.settings()
    };
    let program = Program::start(settings).await;
    (home, program)
}

#[tokio::test]
async fn a_module_that_there_is_not_is_400_and_counted() {
    let (_home, program) = started(0).await;
    let answer = program.web.get("/probe?target=a.test&module=nonesuch").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (400, "unknown module \"nonesuch\"\n")
    );
    // Unlike in a catalogue, nothing is there that the file does not declare.
    let answer = program.web.get("/probe?target=a.test&module=http_redirect").await;
    assert_eq!(answer.status, 400);
    let metrics = program.web.metrics().await;
    assert_eq!(metrics.value("blackbox_module_unknown_total", &[]), Some(2.0));
    program.stop().await;
}

#[tokio::test]
async fn the_families_of_blackbox_exporter_stand_beside_our_own() {
    let (home, program) = started(0).await;
    let metrics = program.web.metrics().await;
    let one = Some(1.0);
    assert_eq!(
        metrics.value("blackbox_exporter_config_last_reload_successful", &[]),
        one
    );
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        metrics.value("blackbox_exporter_build_info", &["goos=\"linux\"", &version]),
        one
    );
    assert!(
        metrics
            .value(
                "blackbox_exporter_config_last_reload_success_timestamp_seconds",
                &[]
            )
            .unwrap()
            > 1e9
    );
    assert_eq!(
        metrics.value("promhttp_metric_handler_requests_in_flight", &[]),
        one
    );
    assert_eq!(
        metrics.value("promhttp_metric_handler_requests_total", &["\"200\""]),
        Some(0.0)
    );
    let again = program.web.metrics().await;
    assert_eq!(
        again.value("promhttp_metric_handler_requests_total", &["\"200\""]),
        one
    );
    assert!(!again.mentions("go_goroutines"), "there is no such runtime");
    home.configure("modules: {x: {prober: nonesuch}}");
    let answer = program.web.reload().await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.body.contains("there is no prober \"nonesuch\""),
        "{}",
        answer.body
    );
    let metrics = program.web.metrics().await;
    assert_eq!(
        metrics.value("blackbox_exporter_config_last_reload_successful", &[]),
        Some(0.0)
    );
    program.stop().await;

    let catalogue = Program::start(Home::new("groups: []").settings()).await;
    let metrics = catalogue.web.metrics().await;
    assert_eq!(
        metrics.value("blackbox_exporter_config_last_reload_successful", &[]),
        None
    );
    catalogue.stop().await;
}

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_put_in_force_again() {
    let home = Home::new(MODULES);
    let served = Served::start(&home, &[]).await;
    let in_force = || served.log().matches("is in force").count();
    assert_eq!(in_force(), 1);
    assert_eq!(served.web.reload().await.status, 200);
    assert_eq!(in_force(), 1, "{}", served.log());
    assert_eq!(served.web.ask("GET", "/-/reload", "").await.unwrap().status, 405);
    home.configure(&format!("{MODULES}\n  another: {{prober: http}}\n"));
    assert_eq!(served.web.reload().await.status, 200);
    assert_eq!(in_force(), 2);
}

#[tokio::test]
async fn the_configuration_is_shown_without_any_secret() {
    let (_home, program) = started(10).await;
    let site = WebLab::plain().start().await;
    let shown = program.web.get("/config").await.body;
    assert!(shown.starts_with("modules:"), "{shown}");
    let debug = program
        .web
        .get(&format!(
            "/probe?module=secret&debug=true&target={}",
            site.url("/")
        ))
        .await
        .body;
    assert!(debug.contains("\nprobe_success 1\n"), "{debug}");
    for text in [shown, debug] {
        for secret in ["body", "header", "plain", "password", "send"] {
            assert!(!text.contains(&format!("{secret}-secret")), "{secret} in {text}");
        }
    }
    program.stop().await;
}

#[tokio::test]
async fn the_host_name_of_a_request_takes_the_place_of_the_targets_unless_the_module_sets_one() {
    let (_home, program) = started(0).await;
    let site = WebLab::plain().start().await;
    let ask = async |module: &str, hostname: &str| {
        let path = format!(
            "/probe?module={module}&hostname={hostname}&target={}",
            site.url("/")
        );
        program.web.get(&path).await
    };
    assert_eq!(ask("http_2xx", "other.test").await.status, 200);
    assert_eq!(site.last_request().host, "other.test");
    let conflict = ask("host", "other.test").await;
    assert_eq!(conflict.status, 400);
    assert!(
        conflict.body.contains("own.test") && conflict.body.contains("other.test"),
        "{}",
        conflict.body
    );
    assert_eq!(ask("host", "own.test").await.status, 200, "both say the same");
    let path = format!(
        "/probe?module=dialogue&hostname=other.test&target={}",
        site.addr()
    );
    assert_eq!(
        program.web.get(&path).await.status,
        200,
        "it only names the server in TLS"
    );
    program.stop().await;
}

#[tokio::test]
async fn the_shorter_of_the_modules_and_the_scrapes_time_counts() {
    let (_home, program) = started(0).await;
    let hanging = WebLab::plain().answer(Answer::Stall).start().await;
    // The scrape's time less half a second, or the module's own where that is shorter, or where nothing is left.
    for (module, scrape, expected) in [
        ("http_2xx", "1.1", 0.6),
        ("short", "60", 1.0),
        ("short", "0.3", 1.0),
        ("http_2xx", "0.3", 0.0),
    ] {
        let path = format!("/probe?module={module}&target={}", hanging.url("/"));
        let header = format!("X-Prometheus-Scrape-Timeout-Seconds: {scrape}\r\n");
        let begun = Instant::now();
        let answer = program.web.ask("GET", &path, &header).await.unwrap();
        let took = begun.elapsed();
        assert!(
            answer.body.contains("\nprobe_success 0\n"),
            "{module} {scrape}: {}",
            answer.body
        );
        let (least, most) = (
            Duration::from_secs_f64(expected),
            Duration::from_secs_f64(expected + 0.45),
        );
        assert!(least <= took && took < most, "{module} {scrape}: {took:?}");
    }
    let bad = program.web.ask(
        "GET",
        "/probe?target=a.test",
        "X-Prometheus-Scrape-Timeout-Seconds: soon\r\n",
    );
    assert_eq!(bad.await.unwrap().status, 500);
    program.stop().await;
}

#[tokio::test]
async fn a_scheme_may_be_written_in_capitals() {
    let (_home, program) = started(0).await;
    let issued = Authority::new().good("127.0.0.1");
    let (plain, secure) = (
        WebLab::plain().start().await,
        WebLab::tls(issued.clone()).start().await,
    );
    let quic = QuicLab::start(&issued, "h3", Quic::Reply(200, Vec::new(), "hello")).await;
    for (module, target, version) in [
        ("http_2xx", format!("HTTP://{}/", plain.addr()), "1.1"),
        ("trusting", format!("HtTpS://{}/", secure.addr()), "1.1"),
        // Without TLS there is no HTTP/3: the URL is asked over TLS.
        ("quic", quic.url("HtTp", "/"), "3"),
    ] {
        let path = format!("/probe?module={module}&target={target}");
        let answer = program.web.get(&path).await.body;
        for line in ["probe_success 1", &format!("probe_http_version {version}")] {
            assert!(answer.contains(&format!("\n{line}\n")), "{line} in {answer}");
        }
    }
    program.stop().await;
}

#[tokio::test]
async fn the_debug_output_says_that_tls_is_missing_only_where_that_is_the_reason() {
    let (_home, program) = started(0).await;
    let (site, closing) = (
        WebLab::plain().start().await,
        WebLab::plain().answer(Answer::CloseBeforeHead).start().await,
    );
    for (module, site, success, said) in [
        ("secure", &site, 0, true),
        ("http_2xx", &site, 1, false),
        ("secure", &closing, 0, false),
    ] {
        let path = format!("/probe?debug=true&module={module}&target={}", site.url("/"));
        let text = program.web.get(&path).await.body;
        assert!(text.contains(&format!("\nprobe_success {success}\n")), "{text}");
        assert_eq!(text.contains("expected=tls actual=\"no tls\""), said, "{text}");
    }
    program.stop().await;
}

#[tokio::test]
async fn the_debug_output_has_every_line_whatever_is_logged() {
    let home = Home::new(MODULES);
    let site = WebLab::plain().answer(Answer::status(500)).start().await;
    let path = format!("/probe?debug=true&target={}", site.url("/"));
    for arguments in [
        ["--log.level=info", "--log.prober=error"],
        ["--log.level=debug", "--log.prober=debug"],
    ] {
        let served = Served::start(&home, &arguments).await;
        let text = served.web.get(&path).await.body;
        for line in [
            "level=info msg=\"Beginning probe\"",
            "level=info msg=Connecting",
            "level=info msg=\"Received HTTP response\" status_code=500",
            "level=error msg=\"The status is not one that is expected\" cause=http_status expected=2xx actual=500",
            "level=error msg=\"Probe failed\"",
        ] {
            assert!(
                text.contains(&format!(" {line}")),
                "{line} by {arguments:?} in {text}"
            );
        }
    }
}

#[tokio::test]
async fn the_start_page_says_what_can_be_asked_and_what_failed() {
    let (_home, program) = started(10).await;
    let page = async |path: &str| program.web.get(path).await.body;
    let empty = page("/").await;
    for part in [
        "<h1>Nothing has been asked of /probe yet</h1>",
        "In the place of blackbox_exporter: ",
        "by one of 8 modules",
        "<option value=\"trusting\"",
        "href=\"probe?target=https%3A%2F%2Fexample.com%2F&amp;module=http_2xx\"",
        "href=\"config\"",
        "href=\"metrics\"",
    ] {
        assert!(empty.contains(part), "{part} is missing in {empty}");
    }
    let (well, sick) = (
        WebLab::plain().start().await,
        WebLab::plain().answer(Answer::status(500)).start().await,
    );
    for site in [&sick, &well] {
        program.web.get(&format!("/probe?target={}", site.url("/"))).await;
    }
    let hostile = "%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AEtxt.exe";
    program.web.get(&format!("/probe?target={hostile}")).await;
    let full = page("/").await;
    for part in [
        "<h1>2 of 3 targets failed at the last probe</h1>",
        "The status is not one that is expected: <code>http_status</code>",
        "The target is not one that the module can ask: <code>target_invalid</code>",
        "&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}txt.exe",
        "href=\"logs?id=0\"",
        "href=\"probes?state=down\"",
    ] {
        assert!(full.contains(part), "{part} is missing in {full}");
    }
    assert!(!full.contains("<script") && !full.contains('\u{202e}'), "{full}");
    let (failing, last) = full.split_once("<h2 id=\"last\">").unwrap();
    let (sick, well) = (sick.url("/"), well.url("/"));
    assert!(failing.contains(&sick) && !failing.contains(&well), "{failing}");
    assert!(last.contains(&sick) && last.contains(&well), "{last}");
    let failed = page("/probes?state=down").await;
    assert!(failed.contains(&sick) && !failed.contains(&well), "{failed}");
    program.stop().await;
}

#[tokio::test]
async fn what_was_asked_stands_on_the_page_of_what_is_watched_too() {
    let site = WebLab::plain().answer(Answer::status(500)).start().await;
    let home = Home::new(&format!(
        "{MODULES}\nprobe: {{allow: [127.0.0.0/8]}}\ngroups:\n  - {{name: shop, hosts: [\"{}\"], url: \"http://{{host}}/\"}}\n",
        site.addr()
    ));
    let program = Program::start(home.settings()).await;
    program
        .web
        .get(&format!("/probe?target={}", site.url("/asked")))
        .await;
    let page = program.web.get("/").await.body;
    let (watched, asked) = page.split_once("<h2 id=\"demand\">").unwrap();
    assert!(watched.contains("<h2 id=\"endpoints\">"), "{page}");
    for part in [
        "/asked",
        "http_status",
        "href=\"logs?id=",
        "<option value=\"trusting\"",
    ] {
        assert!(asked.contains(part), "{part} is missing in {asked}");
    }
    let narrowed = program.web.get("/?state=down").await.body;
    assert!(!narrowed.contains("id=\"demand\""), "{narrowed}");
    program.stop().await;
}

#[tokio::test]
async fn the_file_of_blackbox_exporter_is_read_where_no_other_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let start = async || {
        let mut command = command(&["--web.listen-address", "127.0.0.1:0"]);
        command.current_dir(directory.path());
        Served::of(command).await
    };
    write("blackbox.yml", "modules: {of_blackbox: {prober: http}}");
    let served = start().await;
    assert!(served.log().contains("blackbox.yml is read"), "{}", served.log());
    assert!(served.web.get("/config").await.body.contains("of_blackbox"));
    drop(served);
    write("linkwatch.yml", "modules: {of_linkwatch: {prober: http}}");
    let served = start().await;
    assert!(!served.log().contains("is read"), "{}", served.log());
    assert!(served.web.get("/config").await.body.contains("of_linkwatch"));
}

#[tokio::test]
async fn results_are_remembered_the_failed_ones_longer() {
    let (_home, program) = started(2).await;
    let (well, sick) = (
        WebLab::plain().start().await,
        WebLab::plain().answer(Answer::status(500)).start().await,
    );
    for site in [&sick, &well, &well, &well] {
        program.web.get(&format!("/probe?target={}", site.url("/"))).await;
    }
    let status = async |query: &str| program.web.get(&format!("/logs?{query}")).await.status;
    let well = well.url("/");
    for (query, expected) in [
        ("id=0".to_owned(), 200),
        ("id=1".to_owned(), 404),
        ("id=3".to_owned(), 200),
        ("id=4".to_owned(), 404),
        ("id=x".to_owned(), 400),
        (String::new(), 400),
        ("module=http_2xx".to_owned(), 400),
        (format!("id=3&target={well}"), 400),
        (format!("target={well}"), 200),
        (format!("target={well}&module=http_2xx"), 200),
        (format!("target={well}&module=short"), 404),
        ("target=nowhere.test".to_owned(), 404),
    ] {
        assert_eq!(status(&query).await, expected, "{query}");
    }
    let text = async |query: &str| program.web.get(&format!("/logs?{query}")).await.body;
    let newest = text(&format!("target={well}")).await;
    assert_eq!(
        newest,
        text("id=3").await,
        "of several results of a target the newest"
    );
    let kept = program.web.get("/logs?id=0").await.body;
    let parts = [
        "Logs for the probe:",
        "Metrics that would have been returned:",
        "\nprobe_success 0\n",
        "Module configuration:",
    ];
    let places = parts.map(|part| kept.find(part).unwrap());
    assert!(places.is_sorted(), "{kept}");
    let page = program.web.get("/probes").await.body;
    let listed: Vec<_> = page
        .match_indices("logs?id=")
        .map(|(at, found)| &page[at + found.len()..=at + found.len()])
        .collect();
    assert_eq!(
        listed,
        ["3", "2", "0"],
        "the newest first, the failed one of before last"
    );
    program.stop().await;
}

#[tokio::test]
async fn paths_begin_with_the_prefix_and_the_root_leads_there() {
    let home = Home::new(MODULES);
    let site = WebLab::plain().start().await;
    let served = Served::unready(&home, &["--web.external-url=https://watch.test/black/box/"]).await;
    for (path, expected) in [
        ("/black/box/-/healthy", 200),
        ("/black/box/metrics", 200),
        ("/black/box/", 200),
        ("/-/healthy", 404),
        ("/metrics", 404),
        ("/", 302),
        ("/black/box", 302),
        ("/black/boxes", 404),
    ] {
        assert_eq!(served.web.get(path).await.status, expected, "{path}");
    }
    let probe = served
        .web
        .get(&format!("/black/box/probe?target={}", site.url("/")))
        .await;
    assert!(probe.body.contains("\nprobe_success 1\n"), "{}", probe.body);
    assert_eq!(served.web.get("/black/box/-/healthy").await.body, "Healthy\n");
}

#[tokio::test]
async fn single_probes_are_logged_only_for_who_asks() {
    let home = Home::new(MODULES);
    let site = WebLab::plain().answer(Answer::status(500)).start().await;
    let target = format!("/probe?target={}", site.url("/"));
    let silent = Served::start(&home, &[]).await;
    silent.web.get(&target).await;
    assert!(!silent.log().contains("probe failed"), "{}", silent.log());
    let telling = Served::start(&home, &["--log.prober=error", "--log.level=info"]).await;
    telling.web.get(&target).await;
    crate::program::until("the line is written", async || {
        telling.log().contains("probe failed").then_some(())
    })
    .await;
}
