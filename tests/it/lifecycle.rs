//! The whole program over its life: reloads, restarts, stops, and what it does when its own view is not to be trusted.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::app::{Settings, StartError};
use linkwatch::cause::Cause;
use linkwatch::clock::{Clock, SystemClock};
use linkwatch::state::EndpointState;
use tokio::time::Instant;

use crate::lab::{Answer, Authority, Connect, DAY, DnsLab, WebLab};
use crate::program::{Home, LIMIT, Program, Served, until};

/// A site that says 200, and its port.
async fn site() -> WebLab {
    WebLab::plain().answer(Answer::status(200)).start().await
}

/// A group of endpoints on this site, told apart by their paths.
fn config(site: &WebLab, names: &[&str]) -> String {
    paced(site, names, "1s")
}

fn paced(site: &WebLab, names: &[&str], interval: &str) -> String {
    let hosts: Vec<String> = names.iter().map(|name| target(site, name)).collect();
    format!(
        "global: {{interval: {interval}, timeout: 1s, confirm: {{attempts: 2, pause: 100ms}}}}\n\
         groups:\n  - {{name: shop, endpoint_name: \"{{url}}\", hosts: [{}]}}\n",
        hosts
            .iter()
            .map(|host| format!("{host:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// The URL, which is also the name.
fn target(site: &WebLab, name: &str) -> String {
    site.url(&format!("/{name}"))
}

const BROKEN: &str = "groups: [{name: shop, hosts: [a.test], intervall: 5s}]\n";

fn up(known: &EndpointState) -> bool {
    known.up == Some(true)
}

fn down(known: &EndpointState) -> bool {
    known.up == Some(false)
}

fn root(known: &EndpointState) -> Option<Cause> {
    Some(known.verdict.as_ref()?.root.as_ref()?.cause)
}

#[tokio::test]
async fn an_invalid_reload_is_answered_with_its_errors_and_changes_nothing() {
    let site = site().await;
    let (one, two) = (target(&site, "one"), target(&site, "two"));
    let home = Home::new(&config(&site, &["one"]));
    let program = Program::start(home.settings()).await;
    program.until(&one, "the first is up", up).await;
    let successful = "linkwatch_config_last_reload_successful";
    assert_eq!(program.web.metrics().await.value(successful, &[]), Some(1.0));

    home.configure(BROKEN);
    let refused = program.web.reload().await;
    assert_eq!(refused.status, 500);
    assert!(
        refused.body.contains("linkwatch.yml:1:") && refused.body.contains("intervall"),
        "{}",
        refused.body
    );
    let metrics = program.web.metrics().await;
    assert_eq!(metrics.value(successful, &[]), Some(0.0));
    assert_eq!(metrics.value("linkwatch_endpoint_up", &[&one]), Some(1.0));
    assert!(program.web.get("/config").await.body.contains(&one));

    home.configure(&config(&site, &["one", "two"]));
    assert_eq!(program.web.reload().await.status, 200);
    assert_eq!(program.web.metrics().await.value(successful, &[]), Some(1.0));
    program.until(&two, "the second is up", up).await;
    program.stop().await;
}

#[tokio::test]
async fn what_is_removed_leaves_at_once_and_the_groups_counters_stay() {
    let site = site().await;
    let (one, two) = (target(&site, "one"), target(&site, "two"));
    let home = Home::new(&config(&site, &["one", "two"]));
    let program = Program::start(home.settings()).await;
    program.until(&one, "the first is up", up).await;
    program.until(&two, "the second is up", up).await;
    let probes = |metrics: &crate::program::Metrics| {
        metrics
            .value("linkwatch_probes_total", &["group=\"shop\""])
            .unwrap()
    };
    let before = probes(&program.web.metrics().await);
    assert!(before >= 2.0);

    home.configure(&config(&site, &["two"]));
    assert_eq!(program.web.reload().await.status, 200);
    let metrics = program.web.metrics().await;
    assert!(!metrics.mentions(&one), "{}", metrics.0);
    assert_eq!(metrics.value("linkwatch_endpoint_up", &[&two]), Some(1.0));
    assert!(probes(&metrics) >= before);
    let listed = program.web.get("/api/v1/endpoints").await.body;
    assert!(!listed.contains(&one) && listed.contains(&two), "{listed}");
    program.stop().await;
}

#[tokio::test]
async fn what_discovery_no_longer_names_leaves_too() {
    let site = site().await;
    let (one, two) = (target(&site, "one"), target(&site, "two"));
    let home = Home::new(
        "global: {interval: 1s, timeout: 1s}\n\
         groups:\n  - {name: found, endpoint_name: \"{url}\", discover: [{file_sd: {files: [\"targets.json\"], refresh_interval: 1s}}]}\n",
    );
    home.write(
        "targets.json",
        &serde_json::json!([{ "targets": [one, two] }]).to_string(),
    );
    let program = Program::start(home.settings()).await;
    program.until(&one, "the first is up", up).await;
    program.until(&two, "the second is up", up).await;

    home.write(
        "targets.json",
        &serde_json::json!([{ "targets": [two] }]).to_string(),
    );
    let metrics = program
        .web
        .until_metrics("the first is gone", |metrics| !metrics.mentions(&one))
        .await;
    assert_eq!(metrics.value("linkwatch_endpoint_up", &[&two]), Some(1.0));
    assert!(!program.web.get("/api/v1/endpoints").await.body.contains(&one));

    home.write("targets.json", "[{\"targets\": ");
    let broken = until("the broken file was read", async || {
        (program.state.catalogue().slots.len() == 1).then_some(())
    });
    broken.await;
    assert_eq!(
        program
            .web
            .metrics()
            .await
            .value("linkwatch_endpoint_up", &[&two]),
        Some(1.0)
    );
    program.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_comes_back_begins_with_nothing_known() {
    let site = site().await;
    let one = target(&site, "one");
    let home = Home::new(&config(&site, &["one", "two"]));
    let program = Program::start(home.persistent()).await;
    site.route("/one", Answer::status(500));
    program.until(&one, "it is down", down).await;
    program.stop().await;

    let program = Program::start(home.persistent()).await;
    assert!(program.known(&one).is_some_and(|known| down(&known)));
    home.configure(&paced(&site, &["two"], "1d"));
    assert_eq!(program.web.reload().await.status, 200);
    site.route("/one", Answer::status(200));
    home.configure(&paced(&site, &["one", "two"], "1d"));
    assert_eq!(program.web.reload().await.status, 200);
    assert!(
        program.known(&one).is_none_or(|known| !down(&known)),
        "what was forgotten is not remembered again"
    );
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_reloads_on_a_hangup_and_keeps_what_it_has_if_that_fails() {
    let site = site().await;
    let two = target(&site, "two");
    let home = Home::new(&config(&site, &["one"]));
    let served = Served::start(&home, &[]).await;
    home.configure(BROKEN);
    served.signal("HUP");
    let refused = served.web.until_metrics("the reload has failed", |metrics| {
        metrics.value("linkwatch_config_last_reload_successful", &[]) == Some(0.0)
    });
    assert!(refused.await.mentions("/one"));
    until("the log says why", async || {
        served.log().contains("intervall").then_some(())
    })
    .await;

    home.configure(&config(&site, &["two"]));
    served.signal("HUP");
    let metrics = served.web.until_metrics("the second is up", |metrics| {
        metrics.value("linkwatch_endpoint_up", &[&two]) == Some(1.0)
    });
    let metrics = metrics.await;
    assert_eq!(
        metrics.value("linkwatch_config_last_reload_successful", &[]),
        Some(1.0)
    );
    assert!(!metrics.mentions("/one"));
}

#[tokio::test]
async fn auto_reload_follows_the_file() {
    let site = site().await;
    let two = target(&site, "two");
    let home = Home::new(&config(&site, &["one"]));
    let settings = Settings {
        auto_reload: Some(Duration::from_millis(50)),
        ..home.settings()
    };
    let program = Program::start(settings).await;
    let successful = |expected: f64| {
        move |metrics: &crate::program::Metrics| {
            metrics.value("linkwatch_config_last_reload_successful", &[]) == Some(expected)
        }
    };
    // A file without contents is one that is being written: it takes nothing away.
    for broken in [BROKEN, "", "# to be continued\n", "groups:\n"] {
        home.configure(broken);
        let metrics = program
            .web
            .until_metrics("the reload has failed", successful(0.0));
        assert!(metrics.await.mentions("/one"), "{broken:?}");
        home.configure(&config(&site, &["one"]));
        let well = program
            .web
            .until_metrics("what was there is there again", successful(1.0));
        well.await;
    }
    home.configure(&config(&site, &["two"]));
    program.until(&two, "the second is up", up).await;
    assert!(!program.web.metrics().await.mentions("/one"));
    program.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_restart_goes_on_where_the_last_run_stopped() {
    let authority = Authority::new();
    let issued = authority.leaf("a.test").also(&["b.test"]).issue();
    let site = WebLab::tls(issued).answer(Answer::status(200)).start().await;
    site.host(&format!("b.test:{}", site.port()), Answer::status(503));
    site.host("b.test", Answer::status(503));
    let dns = DnsLab::start().await;
    for name in ["a.test", "b.test"] {
        dns.flatten(name, "old.test");
    }
    for name in ["old.test", "new.test"] {
        dns.a(name, &["127.0.0.1"]);
    }
    let config = |target: &str, interval: &str| {
        format!(
            "global: {{interval: {interval}, timeout: 1s, confirm: {{attempts: 1, pause: 50ms}}}}\n\
             resolver: {{servers: [\"udp://{dns}\"], authoritative_port: {port}}}\n\
             modules: {{m: {{prober: http, http: {{tls_config: {{ca_file: {ca:?}}}}}}}}}\n\
             groups:\n  - name: shop\n    hosts: [a.test, b.test]\n    url: \"https://{{host}}:{web}/\"\n    module: m\n\
             \x20   expect: {{dns: {{target: {target}}}}}\n",
            dns = dns.addr(),
            port = dns.addr().port(),
            ca = authority.root_pem_file(),
            web = site.port(),
        )
    };
    let home = Home::new(&config("old.test", "1s"));
    let program = Program::start(home.persistent()).await;
    assert_eq!(
        program
            .web
            .metrics()
            .await
            .value("linkwatch_storage_persistent", &[]),
        Some(1.0)
    );
    let a = program.until("a.test", "a is up", up).await;
    let b = program.until("b.test", "b is down", down).await;
    program.stop().await;

    // A day until the next probe, give or take: what is said now is what was remembered.
    home.configure(&config("new.test", "1d"));
    let program = Program::start(home.persistent()).await;
    let metrics = program.web.metrics().await;
    assert_eq!(
        metrics.value("linkwatch_endpoint_up", &["name=\"a.test\""]),
        Some(1.0)
    );
    assert_eq!(
        metrics.value("linkwatch_endpoint_up", &["name=\"b.test\""]),
        Some(0.0)
    );
    assert!(
        metrics
            .value(
                "linkwatch_certificate_not_after_timestamp_seconds",
                &["name=\"a.test\"", "position=\"0\""]
            )
            .is_some()
    );
    let (known_a, known_b) = (program.known("a.test").unwrap(), program.known("b.test").unwrap());
    assert_eq!(known_a.chain, a.chain);
    assert_eq!(known_a.answer, a.answer);
    assert_eq!(
        known_b.since.map(Timestamp::as_millisecond),
        b.since.map(Timestamp::as_millisecond)
    );
    assert_eq!(known_b.verdict, b.verdict);
    assert_eq!(known_a.former_targets, ["old.test"]);
    assert_eq!(known_a.last_run, None, "it was not probed yet");
    program.stop().await;

    // Probed again, what is down stays down without a blip.
    home.configure(&config("new.test", "1s"));
    let program = Program::start(home.persistent()).await;
    let seen = until("b is probed again", async || {
        let known = program.known("b.test").unwrap();
        assert_eq!(known.up, Some(false), "no blip");
        (known.failures > b.failures + 2).then_some(known)
    });
    assert_eq!(
        seen.await.since.map(Timestamp::as_millisecond),
        b.since.map(Timestamp::as_millisecond)
    );
    assert_eq!(program.known("a.test").unwrap().former_targets, ["old.test"]);
    program.stop().await;
}

#[tokio::test]
async fn without_a_store_nothing_claims_to_be_persistent() {
    let home = Home::new(&config(&site().await, &["one"]));
    let program = Program::start(home.settings()).await;
    assert_eq!(
        program
            .web
            .metrics()
            .await
            .value("linkwatch_storage_persistent", &[]),
        Some(0.0)
    );
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_set_aside_and_the_watch_goes_on() {
    let site = site().await;
    let home = Home::new(&config(&site, &["one"]));
    std::fs::create_dir(home.data()).unwrap();
    std::fs::write(home.data().join("linkwatch.redb"), vec![0x5a; 70_000]).unwrap();
    let data = home.data();
    let served = Served::start(&home, &["--storage.path", data.to_str().unwrap()]).await;
    let one = target(&site, "one");
    let metrics = served.web.until_metrics("it is up", |metrics| {
        metrics.value("linkwatch_endpoint_up", &[&one]) == Some(1.0)
    });
    assert_eq!(
        metrics.await.value("linkwatch_storage_persistent", &[]),
        Some(1.0)
    );
    let log = served.log();
    assert!(log.contains("set aside") && log.contains("damaged-1"), "{log}");
    assert_eq!(
        std::fs::read(home.data().join("linkwatch.redb.damaged-1")).unwrap(),
        vec![0x5a; 70_000]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_belongs_to_one_process() {
    let home = Home::new(&config(&site().await, &["one"]));
    let program = Program::start(home.persistent()).await;
    let second = Program::with_clock(home.persistent(), Arc::new(SystemClock)).await;
    assert!(matches!(second, Err(StartError::Store(_))));

    let (config, data) = (home.config_file(), home.data());
    let refused = crate::program::run(&[
        "--config.file",
        config.to_str().unwrap(),
        "--storage.path",
        data.to_str().unwrap(),
        "--web.listen-address=127.0.0.1:0",
    ])
    .await;
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("in use by another process") && said.contains("--storage.path"),
        "{said}"
    );
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_program_can_be_scraped_to_the_end_and_exits_clean() {
    // An endpoint that hangs keeps a probe under way, so that the end takes a moment.
    let hanging = WebLab::plain().answer(Answer::Stall).start().await;
    let home = Home::new(&paced(&hanging, &["one"], "30s").replace("timeout: 1s", "timeout: 20s"));
    let mut served = Served::start(&home, &[]).await;
    let in_flight =
        |metrics: &crate::program::Metrics| metrics.value("linkwatch_probes_in_flight", &[]) == Some(1.0);
    served.web.until_metrics("a probe is under way", in_flight).await;
    let began = Instant::now();
    served.signal("TERM");
    until("it is stopping", async || {
        served.log().contains("stopping").then_some(())
    })
    .await;
    let scraped = served.web.metrics().await;
    assert!(scraped.mentions("linkwatch_build_info"));
    let deadline = began + LIMIT;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let ended = loop {
        tick.tick().await;
        if let Some(ended) = served.ended() {
            break ended;
        }
        assert!(Instant::now() < deadline, "{}", served.log());
    };
    assert_eq!(ended.code(), Some(0), "{}", served.log());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_offline_vantage_point_suspends_judgement_and_goes_on_when_it_sees_again() {
    let (shop, first, second) = (site().await, site().await, site().await);
    let one = target(&shop, "one");
    let anchors = format!(
        "vantage: {{anchors: [\"http://127.0.0.1:{}/\", \"http://localhost:{}/\"]}}\n",
        first.port(),
        second.port()
    );
    let home = Home::new(&(anchors + &config(&shop, &["one"])));
    let program = Program::start(home.settings()).await;
    program.until(&one, "it is up", up).await;
    let vantage = |expected: f64| {
        move |metrics: &crate::program::Metrics| metrics.value("linkwatch_vantage_up", &[]) == Some(expected)
    };
    program
        .web
        .until_metrics("the anchors answer", vantage(1.0))
        .await;

    for site in [&first, &second, &shop] {
        site.connect(Connect::Refuse).await;
    }
    program
        .until(&one, "judgement is suspended", |known| {
            assert_eq!(known.up, Some(true), "nothing is said of the endpoint");
            root(known) == Some(Cause::VantageOffline)
        })
        .await;
    let metrics = program.web.metrics().await;
    assert!(vantage(0.0)(&metrics));
    assert_eq!(metrics.value("linkwatch_endpoint_up", &[&one]), Some(1.0));
    assert_eq!(
        metrics.value(
            "linkwatch_endpoint_cause",
            &["cause=\"vantage_offline\"", "role=\"root\""]
        ),
        Some(1.0)
    );

    // The anchors are back, the endpoint is not: now it is down.
    for site in [&first, &second] {
        site.connect(Connect::Accept).await;
    }
    let known = program.until(&one, "judgement goes on", down).await;
    assert_eq!(root(&known), Some(Cause::ConnectRefused));
    program.stop().await;
}

/// The machine's clock, wrong.
#[derive(Debug)]
struct Ahead(SignedDuration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

#[tokio::test]
async fn a_skewed_clock_is_said_and_no_certificate_is_blamed_on_its_word() {
    let authority = Authority::new();
    let good = authority.leaf("a.test").valid(-30 * DAY, 30 * DAY).issue();
    let tls = WebLab::tls(good).answer(Answer::status(200)).start().await;
    let (first, second) = (site().await, site().await);
    let dns = DnsLab::start().await;
    dns.a("a.test", &["127.0.0.1"]);
    for anchor in ["one.test", "two.test"] {
        dns.a(anchor, &["127.0.0.1"]);
    }
    let home = Home::new(&format!(
        "global: {{interval: 1s, timeout: 1s, confirm: {{attempts: 2, pause: 1s}}}}\n\
         vantage: {{anchors: [\"http://one.test:{}/\", \"http://two.test:{}/\"]}}\n\
         resolver: {{servers: [\"udp://{}\"]}}\n\
         modules: {{m: {{prober: http, http: {{tls_config: {{ca_file: {:?}}}}}}}}}\n\
         groups:\n  - {{name: shop, hosts: [a.test], url: \"https://{{host}}:{}/\", module: m}}\n",
        first.port(),
        second.port(),
        dns.addr(),
        authority.root_pem_file(),
        tls.port(),
    ));
    // Forty days ahead: by it alone, the certificate ended ten days ago.
    let clock = Arc::new(Ahead(SignedDuration::from_hours(40 * 24)));
    let program = Program::with_clock(home.settings(), clock).await.unwrap();
    let metrics = program.web.until_metrics("the skew is known", |metrics| {
        metrics
            .value("linkwatch_clock_skew_seconds", &[])
            .is_some_and(|skew| (skew - 40.0 * 86_400.0).abs() < 60.0)
    });
    metrics.await;
    let probed = program.until("a.test", "it is probed", |known| known.last_run.is_some());
    let before = probed.await.last_run.unwrap();
    // Longer than two confirmations take.
    let later = before + SignedDuration::from_secs(4);
    let known = program
        .until("a.test", "it is probed with the skew known", |known| {
            assert_ne!(root(known), Some(Cause::TlsExpired), "blamed on our clock's word");
            known.last_run > Some(later)
        })
        .await;
    assert_ne!(known.up, Some(false));
    program.stop().await;
}

#[tokio::test]
async fn a_failure_pulls_the_groups_other_probes_forward() {
    let site = site().await;
    let site_of = &site;
    // A day is long enough that nobody has a turn while this test runs, but for one that is chosen for it.
    let place = |name: &str| linkwatch::schedule::offset(&target(site_of, name), Duration::from_secs(86_400));
    let mut names: Vec<String> = (0..20).map(|number| format!("page-{number}")).collect();
    names.retain(|name| place(name) > Duration::from_secs(600));
    let turn = Duration::from_millis(500)..Duration::from_secs(3);
    let soon = (0..1_000_000)
        .map(|number| format!("soon-{number}"))
        .find(|name| turn.contains(&place(name)))
        .unwrap();
    let targets: Vec<String> = names.iter().map(|name| target(&site, name)).collect();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.push(&soon);
    site.answer(Answer::status(500));
    let home = Home::new(&paced(&site, &all, "1d"));
    let program = Program::start(home.settings()).await;
    let soon = target(&site, &soon);
    let failing = program.until(&soon, "the first fails", |known| known.failures > 0);
    failing.await;
    let began = Instant::now();
    for name in &targets {
        program
            .until(name, "its sibling is probed", |known| known.last_run.is_some())
            .await;
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    program.stop().await;
}

#[tokio::test]
async fn a_turn_that_finds_the_last_probe_under_way_is_counted() {
    let hanging = WebLab::plain().answer(Answer::Stall).start().await;
    let home = Home::new(&config(&hanging, &["one"]).replace("attempts: 2", "attempts: 0"));
    let program = Program::start(home.settings()).await;
    let missed = program.web.until_metrics("a run is missed", |metrics| {
        metrics
            .value("linkwatch_probe_missed_runs_total", &["group=\"shop\""])
            .is_some_and(|missed| missed >= 1.0)
    });
    missed.await;
    program.stop().await;
}

#[tokio::test]
async fn a_probe_on_demand_says_what_is_wrong_with_the_question() {
    let site = site().await;
    let home = Home::new(&format!(
        "{}\nprobe: {{allow: [127.0.0.0/8]}}\n",
        config(&site, &["one"])
    ));
    let program = Program::start(home.settings()).await;
    for (query, reason) in [
        ("", "target is missing"),
        ("?target=", "target is missing"),
        (
            "?target=http://a.test/&module=nonesuch",
            "unknown module \"nonesuch\"",
        ),
    ] {
        let answer = program.web.get(&format!("/probe{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(answer.body.contains(reason), "{query}: {}", answer.body);
    }
    // A target that nobody can be asked for is a failed probe, as in blackbox_exporter.
    let broken = program.web.get("/probe?debug=true&target=http%3A%2F%2F%5B").await;
    assert_eq!(broken.status, 200);
    assert!(broken.body.contains("is not a URL"), "{}", broken.body);
    let found = program.web.get(&format!("/probe?target={}", site.url("/"))).await;
    assert_eq!(found.status, 200);
    assert!(found.body.contains("\nprobe_success 1\n"), "{}", found.body);

    let debug = program
        .web
        .get(&format!("/probe?debug=true&target={}", site.url("/")))
        .await;
    for part in [
        "Logs for the probe:",
        "Metrics that would have been returned:",
        "Module configuration:",
        "probe_success 1",
        "prober: http",
    ] {
        assert!(debug.body.contains(part), "{part} in {}", debug.body);
    }
    program.stop().await;
}

#[tokio::test]
async fn a_probe_on_demand_ends_before_the_scrape_does() {
    let hanging = WebLab::plain().answer(Answer::Stall).start().await;
    let home = Home::new(&format!(
        "{}\nprobe: {{allow: [127.0.0.0/8]}}\n",
        config(&hanging, &["one"])
    ));
    let program = Program::start(home.settings()).await;
    let began = Instant::now();
    let answer = program
        .web
        .ask(
            "GET",
            &format!("/probe?target={}", hanging.url("/")),
            "X-Prometheus-Scrape-Timeout-Seconds: 1.5\r\n",
        )
        .await
        .unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\nprobe_success 0\n"), "{}", answer.body);
    program.stop().await;
}

#[tokio::test]
async fn the_pages_links_lead_where_users_reach_the_server() {
    let home = Home::new(&config(&site().await, &["one"]));
    let settings = Settings {
        external_url: Some("https://watch.test/linkwatch".parse().unwrap()),
        ..home.settings()
    };
    let program = Program::start(settings).await;
    let page = program.web.get("/").await.body;
    for path in ["metrics", "incidents", "endpoints/"] {
        let link = format!("href=\"https://watch.test/linkwatch/{path}");
        assert!(page.contains(&link), "{link} is missing in {page}");
    }
    assert!(!page.contains("href=\"/"), "{page}");
    program.stop().await;
}
