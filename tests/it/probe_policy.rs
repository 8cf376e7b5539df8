//! What `/probe` may be asked for, and how much of it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::lab::{Answer, Authority, DnsLab, ProxyLab, Proxying, Quic, QuicLab, WebLab};
use crate::program::{Answer as Said, Home, Program, Served, Site, until};

/// A web server at another address of the loopback network.
async fn site_at(last: u8) -> WebLab {
    WebLab::plain()
        .at(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))
        .start()
        .await
}

async fn program(config: &str) -> Program {
    Program::start(Home::new(config).settings()).await
}

fn refused(answer: &Said) -> bool {
    answer.status == 200 && answer.body.contains("\nprobe_success 0\n")
}

fn succeeded(answer: &Said) -> bool {
    answer.status == 200 && answer.body.contains("\nprobe_success 1\n")
}

#[tokio::test]
async fn addresses_of_this_machine_are_refused_by_every_name_and_nothing_is_sent() {
    let site = site_at(1).await;
    let dns = DnsLab::start().await;
    dns.a("harmless.test", &["127.0.0.1"]);
    let program = program(&format!("resolver: {{servers: [\"{}\"]}}", dns.addr())).await;
    let port = site.port();
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://harmless.test:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        format!("http://0.0.0.0:{port}/"),
    ] {
        let answer = program.web.get(&format!("/probe?target={target}")).await;
        assert!(refused(&answer), "{target}: {} {}", answer.status, answer.body);
        assert!(
            answer
                .body
                .contains("\nlinkwatch_probe_cause{cause=\"target_forbidden\"} 1\n"),
            "{target}: {}",
            answer.body
        );
        assert!(
            answer.body.contains("probe_http_status_code 0\n"),
            "{target}: {}",
            answer.body
        );
        let logs = program.web.get(&format!("/logs?target={target}")).await.body;
        assert!(logs.contains("may not be probed"), "{target}: {logs}");
    }
    assert_eq!(site.connections(), 0);
    let metrics = program.web.metrics().await;
    assert_eq!(
        metrics.value("linkwatch_probe_requests_refused_total", &[]),
        Some(7.0)
    );
    assert!(
        !metrics.mentions("target_forbidden"),
        "it is no cause of what is watched"
    );
    program.stop().await;
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_may_not_be_probed() {
    let (outside, inside) = (site_at(1).await, site_at(2).await);
    let dns = DnsLab::start().await;
    dns.a("outside.test", &["127.0.0.1"]);
    dns.a("inside.test", &["127.0.0.2"]);
    let config = format!(
        "resolver: {{servers: [\"{}\"]}}\nprobe: {{allow: [127.0.0.1]}}",
        dns.addr()
    );
    let program = program(&config).await;
    let from = outside.url_of("outside.test", "/");
    outside.answer(Answer::redirect(302, &inside.url_of("inside.test", "/secret")));
    let answer = program.web.get(&format!("/probe?target={from}&debug=true")).await;
    assert!(answer.body.contains("\nprobe_success 0\n"), "{}", answer.body);
    assert!(
        answer.body.contains("127.0.0.2 may not be probed"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("probe_http_redirects 1\n"),
        "{}",
        answer.body
    );
    assert_eq!(inside.connections(), 0, "nothing was sent inside");

    outside.answer(Answer::text("well"));
    assert!(succeeded(
        &program.web.get(&format!("/probe?target={from}")).await
    ));
    program.stop().await;
}

#[tokio::test]
async fn a_later_hop_is_held_to_the_same_rules_however_it_spells_the_address() {
    let (outside, further, inside) = (site_at(1).await, site_at(1).await, site_at(2).await);
    let program = program("probe: {allow: [127.0.0.1]}").await;
    let ask = async || {
        let path = format!("/probe?target={}&debug=true", outside.url("/"));
        program.web.get(&path).await.body
    };
    outside.answer(Answer::redirect(302, "/next"));
    outside.route("/next", Answer::redirect(307, &further.url("/last")));
    let port = inside.port();
    for host in [
        "127.0.0.2",
        "2130706434",
        "0x7f.2",
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
    ] {
        further.answer(Answer::redirect(
            301,
            &format!("http://ann:x@{host}:{port}/secret"),
        ));
        let told = ask().await;
        assert!(told.contains("\nprobe_success 0\n"), "{host}: {told}");
        assert!(
            told.contains("may not be probed: it is a loopback address"),
            "{host}: {told}"
        );
        assert!(told.contains("probe_http_redirects 3\n"), "{host}: {told}");
        assert_eq!(inside.connections(), 0, "{host}");
    }
    further.answer(Answer::text("well"));
    assert!(ask().await.contains("\nprobe_success 1\n"));
    program.stop().await;
}

#[tokio::test]
async fn a_name_that_a_redirect_leads_to_is_looked_up_before_a_proxy_is_asked_for_it() {
    let (outside, dns) = (site_at(1).await, DnsLab::start().await);
    dns.a("inside.test", &["127.0.0.2"]);
    dns.a("outside.test", &["127.0.0.1"]);
    let proxy = ProxyLab::start(Proxying::Http, outside.addr()).await;
    let program = program(&format!(
        "resolver: {{servers: [\"udp://{}\"]}}
modules: {{by_proxy: {{prober: http, http: {{proxy_url: \"http://{}\"}}}}}}
probe: {{allow: [127.0.0.1]}}",
        dns.addr(),
        proxy.addr()
    ))
    .await;
    let ask = async |to: &str| {
        outside.route("/", Answer::redirect(302, to));
        let path = format!("/probe?module=by_proxy&target={}&debug=true", outside.url("/"));
        program.web.get(&path).await.body
    };
    for to in ["http://inside.test/secret", "https://inside.test/secret"] {
        let told = ask(to).await;
        assert!(told.contains("\nprobe_success 0\n"), "{to}: {told}");
        assert!(told.contains("it is a loopback address"), "{to}: {told}");
        assert!(told.contains("msg=\"Probe failed\""), "{told}");
    }
    assert!(
        !proxy.told().iter().any(|line| line.contains("inside.test")),
        "{:?}",
        proxy.told()
    );
    let told = ask("http://outside.test/well").await;
    assert!(told.contains("\nprobe_success 1\n"), "{told}");
    program.stop().await;
}

#[tokio::test]
async fn a_redirect_over_quic_is_held_to_the_same_rules() {
    let inside = UdpSocket::bind("127.0.0.2:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let location = format!("https://{}/secret", inside.local_addr().unwrap());
    let redirect = Quic::Reply(302, vec![("location", location)], "");
    let outside = QuicLab::start(&Authority::new().good("127.0.0.1"), "h3", redirect).await;
    let module = "{enable_http3: true, enable_http2: false, tls_config: {insecure_skip_verify: true}}";
    let modules = format!("modules: {{quic: {{prober: http, http: {module}}}}}");
    let program = program(&format!("{modules}\nprobe: {{allow: [127.0.0.1]}}")).await;
    let path = format!(
        "/probe?module=quic&target={}&debug=true",
        outside.url("https", "/")
    );
    let told = program.web.get(&path).await.body;
    assert!(told.contains("127.0.0.2 may not be probed"), "{told}");
    assert!(told.contains("probe_http_redirects 1\n"), "{told}");
    assert_eq!(outside.seen().len(), 1);
    let heard = inside.recv(&mut [0; 2048]).map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock), "nothing was sent inside");
    program.stop().await;
}

#[tokio::test]
async fn a_dialogue_over_tcp_is_held_to_the_same_rules() {
    let site = site_at(1).await;
    let modules = "modules: {tcp: {prober: tcp}}";
    let closed = program(&format!("{modules}\nprobe: {{}}")).await;
    let path = format!("/probe?module=tcp&target={}", site.addr());
    assert!(refused(&closed.web.get(&path).await));
    assert_eq!(site.connections(), 0);
    closed.stop().await;
    let open = program(&format!("{modules}\nprobe: {{allow: [127.0.0.0/8]}}")).await;
    assert!(succeeded(&open.web.get(&path).await));
    open.stop().await;
}

#[tokio::test]
async fn a_socket_is_judged_by_where_its_path_leads_and_so_is_what_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for name in ["inside", "outside"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    let inside = UnixListener::bind(path("inside/s.sock")).unwrap();
    let outside = UnixListener::bind(path("outside/s.sock")).unwrap();
    outside.set_nonblocking(true).unwrap();
    symlink(path("inside"), path("run")).unwrap();
    symlink(path("outside/s.sock"), path("inside/out.sock")).unwrap();
    symlink(path("inside/s.sock"), path("inside/in.sock")).unwrap();
    let run = path("run");
    let program = program(&format!(
        "modules: {{unix: {{prober: unix}}}}\nprobe: {{allow: [\"{}\"]}}",
        run.display()
    ))
    .await;
    let ask = async |name: &str| {
        let target = format!("{}/{name}", run.display());
        program
            .web
            .get(&format!("/probe?module=unix&target={target}"))
            .await
    };
    for name in ["s.sock", "in.sock"] {
        let answer = ask(name).await;
        assert!(succeeded(&answer), "{name}: {}", answer.body);
    }
    let answer = ask("out.sock").await;
    assert!(refused(&answer), "{}", answer.body);
    let cause = "\nlinkwatch_probe_cause{cause=\"target_forbidden\"} 1\n";
    assert!(answer.body.contains(cause), "{}", answer.body);
    let heard = outside.accept().map_err(|error| error.kind());
    assert_eq!(heard.map(drop), Err(ErrorKind::WouldBlock), "nobody came there");
    drop(inside);
    program.stop().await;
}

#[tokio::test]
async fn what_is_refused_by_name_is_403_and_a_denied_network_is_an_outcome() {
    let site = site_at(1).await;
    let dns = DnsLab::start().await;
    dns.a("a.test", &["127.0.0.1"]);
    dns.a("deep.b.test", &["127.0.0.3"]);
    let rules = "probe:\n  allow: [a.test, \"*.b.test\", 127.0.0.0/8]\n  deny: [admin.a.test, 127.0.0.3]";
    let program = program(&format!("resolver: {{servers: [\"{}\"]}}\n{rules}", dns.addr())).await;
    let ask = async |host: &str| {
        let target = site.url_of(host, "/");
        program.web.get(&format!("/probe?target={target}")).await
    };
    assert!(succeeded(&ask("a.test").await));
    assert!(refused(&ask("deep.b.test").await), "its network is denied");
    let denied = ask("admin.a.test").await;
    assert_eq!(denied.status, 403, "{}", denied.body);
    assert!(
        denied
            .body
            .contains("admin.a.test may not be probed: it is denied"),
        "{}",
        denied.body
    );
    program.stop().await;
}

#[tokio::test]
async fn only_what_is_watched_may_be_asked_for_where_that_is_said() {
    let site = site_at(1).await;
    let config = format!(
        "probe: {{targets: catalogue, allow: [127.0.0.0/8]}}\ngroups:\n  - {{name: shop, hosts: [\"{}\"], url: \"http://{{host}}/\"}}",
        site.addr()
    );
    let program = program(&config).await;
    let watched = format!("/probe?target={}", site.url("/elsewhere"));
    assert!(succeeded(&program.web.get(&watched).await));
    for target in ["http://127.0.0.9/", "other.test"] {
        let answer = program.web.get(&format!("/probe?target={target}")).await;
        assert_eq!(answer.status, 403, "{target}: {}", answer.body);
        assert!(answer.body.contains("nothing watches it"), "{}", answer.body);
    }
    program.stop().await;
}

#[tokio::test]
async fn a_file_of_blackbox_exporter_is_as_open_as_that_is_and_says_so_once() {
    let site = site_at(1).await;
    let home = Home::new("modules: {http_2xx: {prober: http}}");
    let served = Served::start(&home, &[]).await;
    assert!(succeeded(
        &served.web.get(&format!("/probe?target={}", site.url("/"))).await
    ));
    assert_eq!(
        served.log().matches("/probe asks whatever it is told to").count(),
        1,
        "{}",
        served.log()
    );
    home.configure("modules: {http_2xx: {prober: http}}\nprobe: {}");
    served.signal("HUP");
    until("the reload closes it", async || {
        let answer = served.web.get(&format!("/probe?target={}", site.url("/"))).await;
        refused(&answer).then_some(())
    })
    .await;
}

#[tokio::test]
async fn credentials_of_a_target_are_shown_nowhere() {
    let site = site_at(1).await;
    let program = program("modules: {http_2xx: {prober: http}}").await;
    let target = format!("http://ann:hush-hush@{}/", site.addr());
    let debug = program
        .web
        .get(&format!("/probe?debug=true&target={target}"))
        .await
        .body;
    assert!(debug.contains("\nprobe_success 1\n"), "{debug}");
    let page = program.web.get("/probes").await.body;
    let logs = program.web.get(&format!("/logs?target={target}")).await;
    assert_eq!(logs.status, 200);
    assert!(page.contains(&site.addr().to_string()), "{page}");
    let refused = program.web.get("/probe?target=//ann:hush-hush@10.9.9.9:80").await;
    let config = program.web.get("/config").await.body;
    for text in [debug, page, logs.body, config, refused.body] {
        assert!(!text.contains("hush-hush"), "{text}");
    }
    program.stop().await;
}

/// A module whose targets hang, one whose targets do not, and room for a hundred probes.
const CROWDED: &str = "
modules: {hangs: {prober: http}, http_2xx: {prober: http}}
probe: {allow: [127.0.0.0/8], concurrency: 100}
";

/// Asks 500 times at once for what hangs, and meanwhile for what does not; how many of the 500 were probed, and how many
/// turned away.
///
/// Every answer meanwhile must come within `patience`; without one where the crowd has this thread to itself, too.
async fn crowd(web: Site, hanging: &WebLab, well: &WebLab, patience: Option<Duration>) -> (usize, usize) {
    let mut crowd = JoinSet::new();
    for _ in 0..500 {
        let path = format!("/probe?module=hangs&target={}", hanging.url("/"));
        crowd.spawn(async move {
            web.ask("GET", &path, "X-Prometheus-Scrape-Timeout-Seconds: 15\r\n")
                .await
        });
    }
    let full = web.until_metrics("the hanging module has its share", |metrics| {
        metrics.value("linkwatch_probe_requests_in_flight", &[]) == Some(75.0)
            && metrics.value("linkwatch_probe_requests_queued", &[]) == Some(75.0)
    });
    full.await;
    for _ in 0..10 {
        let begun = Instant::now();
        assert!(succeeded(
            &web.get(&format!("/probe?target={}", well.url("/"))).await
        ));
        web.metrics().await;
        assert!(
            patience.is_none_or(|patience| begun.elapsed() < patience),
            "{:?}",
            begun.elapsed()
        );
    }
    let answers = crowd.join_all().await;
    let statuses = answers
        .iter()
        .map(|answer| answer.as_ref().map_or(0, |answer| answer.status));
    let count = |wanted| statuses.clone().filter(|status| *status == wanted).count();
    (count(200), count(503))
}

#[tokio::test]
async fn a_module_that_hangs_leaves_the_others_and_the_scrape_as_they_were_and_nothing_behind() {
    let hanging = WebLab::plain().answer(Answer::Stall).start().await;
    let well = site_at(1).await;
    let home = Home::new(CROWDED);
    let served = Served::start(&home, &[]).await;
    let files = async || {
        let metrics = served.web.metrics().await;
        metrics.value("process_open_fds", &[]).unwrap()
    };
    assert!(succeeded(
        &served.web.get(&format!("/probe?target={}", well.url("/"))).await
    ));
    let before = files().await;
    assert_eq!(
        crowd(served.web, &hanging, &well, Some(Duration::from_secs(1))).await,
        (75, 425)
    );
    until("all files are closed again", async || {
        (files().await <= before).then_some(())
    })
    .await;
    let metrics = served.web.metrics().await;
    for gauge in ["in_flight", "queued"] {
        let gauge = format!("linkwatch_probe_requests_{gauge}");
        assert_eq!(metrics.value(&gauge, &[]), Some(0.0), "{gauge}");
    }
    let rejected = |reason| {
        metrics
            .value("linkwatch_probe_requests_rejected_total", &[reason])
            .unwrap()
    };
    assert!((rejected("queue_full") + rejected("queue_timeout") - 425.0).abs() < 0.5);
    let of =
        |family: &str, module| metrics.value(&format!("linkwatch_probe_module_{family}_total"), &[module]);
    assert_eq!(of("probes", "\"hangs\""), Some(75.0));
    assert_eq!(of("failures", "\"hangs\""), Some(75.0));
    assert_eq!(of("failures", "\"http_2xx\""), Some(0.0));
    assert!(of("duration_seconds", "\"hangs\"").unwrap() > 75.0 * 2.0);
}

#[tokio::test]
async fn tasks_end_with_what_they_were_for() {
    let well = site_at(1).await;
    let program = program(CROWDED).await;
    assert!(succeeded(
        &program.web.get(&format!("/probe?target={}", well.url("/"))).await
    ));
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let hanging = WebLab::plain().answer(Answer::Stall).start().await;
    assert_eq!(crowd(program.web, &hanging, &well, None).await, (75, 425));
    drop(hanging);
    until("all tasks have ended", async || (tasks() <= before).then_some(())).await;
    program.stop().await;
}
