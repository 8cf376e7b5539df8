//! What the server answers, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use linkwatch::cause::{Cause, ProbeCause};
use linkwatch::clock::Clock;
use linkwatch::metrics::Exporter;
use linkwatch::metrics::negotiate::{Coding, Format};
use linkwatch::outcome::{Outcome, Resolution};
use linkwatch::record::Recorder;
use linkwatch::state::State;
use linkwatch::traffic::{Report, Tier};
use linkwatch::web::{
    BadProbe, Command, Ended, Front, Gate, Limits, ProbeAnswer, ProbeRequest, Probing, Room, Site, Unprobed,
    serve,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::watched::{
    catalogue, clock, down, drifted, finding, group, large, now, quiet, slot, small, state, subject,
};

/// A server under test, and the other end of its channel.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    site: Site,
    commands: mpsc::Receiver<Command>,
    probes: mpsc::Receiver<Wanted>,
    stop: oneshot::Sender<()>,
    server: JoinSet<Ended>,
}

impl Running {
    pub(crate) async fn with(state: Arc<State>, limits: Limits) -> Self {
        Self::timed(state, limits, clock()).await
    }

    async fn timed(state: Arc<State>, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, commands) = mpsc::channel(2);
        let (wants, probes) = mpsc::channel(2);
        let room = Room {
            running: 1,
            waiting: 0,
        };
        let site = Site {
            access: Arc::default(),
            gate: Arc::new(ArcSwap::from_pointee(Gate::new(room, Arc::clone(&state)))),
            prefix: "".into(),
            state,
            clock,
            front: Arc::new(ArcSwap::from_pointee(Front::default())),
            commands: sender,
            probing: Arc::new(Passed(wants)),
            timeout_offset: Duration::from_millis(500),
            limits,
        };
        let (stop, stopped) = oneshot::channel();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, site.clone(), async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            site,
            commands,
            probes,
            stop,
            server,
        }
    }

    pub(crate) async fn small() -> Self {
        Self::with(small(), Limits::default()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Reply {
        ask(self.address, method, path, headers).await
    }

    async fn stopped(mut self) -> Ended {
        self.stop.send(()).unwrap();
        self.server.join_next().await.unwrap().unwrap()
    }
}

/// A probe that somebody asks for, and whom to tell.
type Wanted = (ProbeRequest, oneshot::Sender<Result<ProbeAnswer, BadProbe>>);

/// Passes probes on to the test.
#[derive(Debug)]
struct Passed(mpsc::Sender<Wanted>);

impl Probing for Passed {
    fn probe(&self, request: ProbeRequest) -> BoxFuture<'_, Result<Arc<ProbeAnswer>, Unprobed>> {
        async move {
            let (reply, answer) = oneshot::channel();
            self.0.send((request, reply)).await.unwrap();
            Ok(Arc::new(answer.await.unwrap()?))
        }
        .boxed()
    }
}

/// An answer, its chunks put together.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut reply = Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: bytes[end + 4..].to_vec(),
        };
        if reply.header("transfer-encoding") == Some("chunked") && !reply.body.is_empty() {
            reply.body = dechunk(&reply.body);
        }
        reply
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    Reply::parse(&bytes)
}

fn answer(cause: Option<Cause>) -> ProbeAnswer {
    ProbeAnswer {
        outcome: Outcome {
            prober: linkwatch::endpoint::ProberName::Http,
            judges_json: false,
            started: now(),
            elapsed: Duration::from_millis(7),
            resolution: Resolution::default(),
            attempts: Vec::new(),
        },
        asked: Err("resolved nothing".to_owned()),
        cause: cause.map(ProbeCause::Of),
        module: "prober: http\n".into(),
    }
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let server = Running::small().await;
    for (accept, content_type) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        ),
    ] {
        let reply = server
            .ask("GET", "/metrics", &[&format!("accept: {accept}")])
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some(content_type));
        assert_eq!(reply.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(reply.header("content-encoding"), None);
        assert!(
            reply
                .body
                .windows(21)
                .any(|window| window == b"linkwatch_endpoint_up")
        );
    }
}

#[tokio::test]
async fn metrics_are_compressed_where_that_is_welcome() {
    let server = Running::with(large(200), Limits::default()).await;
    let reply = server.ask("GET", "/metrics", &["accept-encoding: gzip"]).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(reply.body.as_slice());
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    assert_eq!(text.matches("linkwatch_endpoint_up{").count(), 200);
}

#[tokio::test]
async fn metrics_answer_200_when_every_endpoint_is_down() {
    let group = group("tracking");
    let slots = ["a.example", "b.example"].map(|name| slot(&group, name, Some(down())));
    let server = Running::with(state(catalogue(&group, slots.into())), Limits::default()).await;
    let reply = server.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.text().matches("linkwatch_endpoint_up{").count(), 2);
    assert!(
        !reply
            .text()
            .lines()
            .any(|line| line.starts_with("linkwatch_endpoint_up{") && line.ends_with(" 1"))
    );
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = Running::small().await;
    server.site.front.store(Arc::new(Front {
        ready: true,
        config: "groups: []\n".into(),
        ..Front::default()
    }));
    for path in ["/", "/metrics", "/-/healthy", "/config", "/api/v1/endpoints"] {
        let get = server.get(path).await;
        let head = server.ask("HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for header in ["content-type", "vary", "content-length"] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405() {
    let server = Running::small().await;
    assert_eq!(server.get("/nothing").await.status, 404);
    assert_eq!(server.get("/metrics/").await.status, 404);
    for (method, path, allow) in [
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("GET", "/-/reload", "POST, PUT"),
        ("OPTIONS", "/probe", "GET, HEAD"),
    ] {
        let reply = server.ask(method, path, &[]).await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn it_is_healthy_at_once_and_ready_when_app_says_so() {
    let server = Running::small().await;
    assert_eq!(server.get("/-/healthy").await.status, 200);
    assert_eq!(server.get("/-/ready").await.status, 503);
    server.site.front.store(Arc::new(Front {
        ready: true,
        config: "groups: []\n".into(),
        ..Front::default()
    }));
    assert_eq!(server.get("/-/ready").await.status, 200);
    assert_eq!(server.get("/config").await.text(), "groups: []\n");
}

#[tokio::test]
async fn a_reload_says_how_it_ended() {
    let mut server = Running::small().await;
    for (result, status, told) in [
        (Ok(()), 200, "reloaded"),
        (
            Err("linkwatch.yml:3:1: unknown key".to_owned()),
            500,
            "linkwatch.yml:3:1",
        ),
    ] {
        let address = server.address;
        let (reply, ()) = tokio::join!(ask(address, "POST", "/-/reload", &[]), async {
            let Some(Command::Reload { reply }) = server.commands.recv().await else {
                panic!("no reload was asked for");
            };
            reply.send(result).unwrap();
        });
        assert_eq!(reply.status, status);
        assert!(reply.text().contains(told), "{}", reply.text());
    }
}

/// Asks for a probe and answers it, and returns what was asked.
async fn probed(
    server: &mut Running,
    path: &str,
    headers: &[&str],
    result: Result<ProbeAnswer, BadProbe>,
) -> (Reply, ProbeRequest) {
    let address = server.address;
    tokio::join!(ask(address, "GET", path, headers), async {
        let (request, reply) = server.probes.recv().await.unwrap();
        reply.send(result).unwrap();
        request
    })
}

#[tokio::test]
async fn a_probe_is_asked_for_in_full_and_answered_in_blackbox_terms() {
    let mut server = Running::small().await;
    let (reply, asked) = probed(
        &mut server,
        "/probe?target=https%3A%2F%2Fa.example%2F%3Fx%3D1&module=http_redirect&hostname=b.example",
        &["x-prometheus-scrape-timeout-seconds: 10"],
        Ok(answer(Some(Cause::DnsNxdomain))),
    )
    .await;
    assert_eq!(asked.target, "https://a.example/?x=1");
    assert_eq!(asked.module, "http_redirect");
    assert_eq!(asked.hostname.as_deref(), Some("b.example"));
    assert_eq!(asked.timeout, Duration::from_millis(9_500));
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(reply.text().contains("\nprobe_success 0\n"), "{}", reply.text());
    assert!(
        reply
            .text()
            .contains("linkwatch_probe_cause{cause=\"dns_nxdomain\"} 1\n")
    );
    assert!(!reply.text().contains("linkwatch_build_info"));
}

#[tokio::test]
async fn a_probe_has_blackbox_defaults() {
    let mut server = Running::small().await;
    let accept = "accept: application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.2";
    let (reply, asked) = probed(
        &mut server,
        "/probe?target=a.example",
        &[accept],
        Ok(answer(None)),
    )
    .await;
    assert_eq!(
        (asked.target.as_str(), asked.module.as_str()),
        ("a.example", "http_2xx")
    );
    assert_eq!(asked.timeout, Duration::from_millis(119_500));
    assert_eq!(asked.hostname, None);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
}

#[tokio::test]
async fn debug_tells_log_series_and_module() {
    let mut server = Running::small().await;
    let path = "/probe?target=a.example&debug=true";
    let (reply, _) = probed(&mut server, path, &[], Ok(answer(None))).await;
    let order = [
        "Logs for the probe:\n",
        "reason=\"resolved nothing\"\n",
        "Metrics that would have been returned:\n",
        "probe_success 0\n",
        "Module configuration:\n",
        "prober: http\n",
    ];
    let places = order.map(|text| {
        reply
            .text()
            .find(text)
            .unwrap_or_else(|| panic!("{text} is missing"))
    });
    assert!(places.is_sorted(), "{places:?}");
}

#[tokio::test]
async fn a_bad_probe_is_400_with_the_reason() {
    let mut server = Running::small().await;
    let reply = server.get("/probe").await;
    assert_eq!(
        (reply.status, reply.text()),
        (400, "the parameter target is missing\n")
    );
    let reply = server
        .ask(
            "GET",
            "/probe?target=a",
            &["x-prometheus-scrape-timeout-seconds: soon"],
        )
        .await;
    assert_eq!(reply.status, 500, "as blackbox_exporter has it");
    let bad = BadProbe("no module is named \"nothing\"".to_owned());
    let (reply, _) = probed(&mut server, "/probe?target=a&module=nothing", &[], Err(bad)).await;
    assert_eq!(
        (reply.status, reply.text()),
        (400, "no module is named \"nothing\"\n")
    );
}

#[tokio::test]
async fn probes_beyond_the_limit_are_refused_and_metrics_are_not() {
    let mut server = Running::small().await;
    let address = server.address;
    let mut parked = JoinSet::new();
    parked.spawn(async move { ask(address, "GET", "/probe?target=a", &[]).await });
    let (_, reply) = server.probes.recv().await.unwrap();
    assert_eq!(server.get("/probe?target=b").await.status, 503);
    assert_eq!(server.get("/metrics").await.status, 200);
    reply.send(Ok(answer(None))).unwrap();
    assert_eq!(parked.join_next().await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_full_channel_is_answered_with_503() {
    let server = Running::small().await;
    let mut held = Vec::new();
    while let Ok(permit) = server.site.commands.clone().try_reserve_owned() {
        held.push(permit);
    }
    assert_eq!(server.ask("POST", "/-/reload", &[]).await.status, 503);
    assert_eq!(server.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_server_ends() {
    let mut server = Running::small().await;
    let address = server.address;
    let mut parked = JoinSet::new();
    parked.spawn(async move { ask(address, "GET", "/probe?target=a", &[]).await });
    let (_, reply) = server.probes.recv().await.unwrap();
    let mut ending = JoinSet::new();
    ending.spawn(server.stopped());
    // The listener goes first: wait for that, so that the answer surely comes after the stop.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    reply.send(Ok(answer(None))).unwrap();
    assert_eq!(parked.join_next().await.unwrap().unwrap().status, 200);
    assert_eq!(ending.join_next().await.unwrap().unwrap(), Ended::Clean);
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_period_is_cut_off() {
    let limits = Limits {
        grace: Duration::from_millis(50),
        ..Limits::default()
    };
    let mut server = Running::with(small(), limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /probe?target=a HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    let parked = server.probes.recv().await.unwrap();
    assert_eq!(server.stopped().await, Ended::Cut(1));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    drop(parked);
}

#[tokio::test]
async fn who_goes_away_takes_the_probe_along() {
    let mut server = Running::small().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let ask = b"GET /probe?target=a HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(ask).await.unwrap();
    let (_, mut reply) = server.probes.recv().await.unwrap();
    drop(stream);
    reply.closed().await;
    let (after, _) = probed(&mut server, "/probe?target=b", &[], Ok(answer(None))).await;
    assert_eq!(after.status, 200, "its place is free again");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_server() {
    let server = Running::small().await;
    let _never_asks = TcpStream::connect(server.address).await.unwrap();
    let mut asked = TcpStream::connect(server.address).await.unwrap();
    asked
        .write_all(b"GET /-/healthy HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 16];
    asked.read_exact(&mut first).await.unwrap();
    assert_eq!(server.stopped().await, Ended::Clean);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let limits = Limits {
        head: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Running::with(small(), limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_none_lies_idle() {
    let limits = Limits {
        connections: 4,
        ..Limits::default()
    };
    let server = Running::with(small(), limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut last = TcpStream::connect(server.address).await.unwrap();
    last.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    // Ends although it was not asked to.
    last.read_to_end(&mut bytes).await.unwrap();
    let reply = Reply::parse(&bytes);
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    held.pop();
    assert_eq!(server.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn whoever_connects_and_sends_nothing_does_not_keep_a_scraper_out() {
    let limits = Limits {
        connections: 8,
        scarce: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Running::with(small(), limits).await;
    let mut silent = Vec::new();
    for _ in 0..24 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert_eq!(server.get("/metrics").await.status, 200);
    // Those that came while there was room have the usual time.
    let mut first = [0];
    assert!(
        silent[0]
            .try_read(&mut first)
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    );
}

#[tokio::test]
async fn the_api_lists_every_endpoint_with_its_verdict() {
    let server = Running::small().await;
    let list = server.get("/api/v1/endpoints").await.json();
    let names: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|endpoint| endpoint["name"].clone())
        .collect();
    assert_eq!(names, ["a.example", "b.example", "c.example", "d.example"]);
    let drifted = server.get("/api/v1/endpoints/c.example").await.json();
    assert_eq!(drifted, list[2]);
    assert_eq!(drifted["up"], false);
    assert_eq!(drifted["root"]["cause"], "dns_target_drift");
    assert_eq!(drifted["root"]["stage"], "dns");
    assert_eq!(drifted["root"]["expected"], "new.dns.example");
    assert_eq!(drifted["root"]["actual"], "192.0.2.7");
    assert!(
        drifted["root"]["remedy"]
            .as_str()
            .unwrap()
            .contains("to new.dns.example, as heroku-main expects")
    );
    assert_eq!(drifted["symptom"]["cause"], "tls_hostname_mismatch");
    assert_eq!(drifted["labels"]["team"], "delivery");
    assert_eq!(drifted["dns"]["target"], "drift");
    assert_eq!(drifted["certificate"]["trusted"], false);
    assert_eq!(
        drifted["certificate"]["chain"][0]["not_after"],
        "2026-05-30T00:00:00Z"
    );
    assert_eq!(drifted["since"], "2026-05-08T10:12:03Z");
    assert_eq!(list[3]["up"], serde_json::Value::Null);
    assert_eq!(server.get("/api/v1/endpoints/nobody").await.status, 404);
}

#[tokio::test]
async fn the_api_tells_what_is_known_of_traffic() {
    let server = Running::small().await;
    let traffic = server.get("/api/v1/traffic").await.json();
    let sources = serde_json::json!([{"name": "prometheus", "up": true, "problem": null}]);
    assert_eq!(traffic["sources"], sources);
    let group = &traffic["series"][0];
    assert_eq!(
        (&group["series"], &group["name"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    let own = serde_json::json!({
        "stream": "clicks", "series": "a.example", "group": "tracking", "name": "a.example",
        "at": "2026-05-08T10:29:00Z", "observed_per_minute": 0.0, "expected_per_minute": 12.34,
        "expected_low_per_minute": 3.5, "low": "outage", "since": "2026-05-08T10:12:00Z",
        "evidence_ratio": 2.5, "ready": true, "blind": false, "time_to_notice_seconds": 240.0,
        "level_shift": "2026-04-01T00:00:00Z",
    });
    assert_eq!(traffic["series"][1], own);
    let none = Running::with(large(1), Limits::default()).await;
    let nothing = serde_json::json!({"sources": [], "series": []});
    assert_eq!(none.get("/api/v1/traffic").await.json(), nothing);
}

#[tokio::test]
async fn the_api_lists_traffic_in_chunks_that_make_one_array() {
    let server = Running::small().await;
    let recorder = Recorder::new(Arc::clone(&server.site.state), clock(), None);
    for count in [0, 1, 64, 65, 200] {
        let judgements =
            (0..count).map(|number| (subject(Some(&format!("{number}.example"))), quiet(Tier::Partial)));
        let stream = "clicks".into();
        let judgements = judgements.collect();
        recorder.record_traffic(Report { stream, judgements });
        let traffic = server.get("/api/v1/traffic").await.json();
        assert_eq!(traffic["series"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn quiet_traffic_is_named_with_what_is_expected() {
    let server = Running::small().await;
    let overview = server.get("/").await;
    assert!(
        overview.text().contains("Clicks of group "),
        "{}",
        overview.text()
    );
    let reply = server.get("/endpoints/a.example").await;
    let (_, section) = reply.text().split_once("<h2 id=\"traffic\">Clicks</h2>").unwrap();
    assert!(
        section.contains("0.0 clicks a minute, 12.3 expected"),
        "{section}"
    );
}

#[tokio::test]
async fn the_api_lists_none_and_many() {
    for count in [0, 1, 64, 65, 200] {
        let server = Running::with(large(count), Limits::default()).await;
        let list = server.get("/api/v1/endpoints").await.json();
        assert_eq!(list.as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn the_page_says_what_is_wrong_first() {
    let server = Running::small().await;
    let reply = server.get("/").await;
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    let text = reply.text();
    let order = [
        "2 of 4 endpoints are down",
        "dns_target_drift",
        "new.dns.example",
        "192.0.2.7",
        "c.example",
        "connect_refused",
        "b.example",
        "id=\"groups\"",
        "id=\"endpoints\"",
    ];
    let places = order.map(|part| {
        text.find(part)
            .unwrap_or_else(|| panic!("{part} is missing in {text}"))
    });
    assert!(places.is_sorted(), "{places:?}");
    assert!(!text.contains("<script"));
}

#[tokio::test]
async fn the_page_escapes_what_comes_from_the_network() {
    let group = group("tracking");
    let mut known = drifted();
    let verdict = known.verdict.as_deref().unwrap().clone();
    known.verdict = Some(Arc::new(linkwatch::diagnosis::Verdict {
        root: Some(finding(Cause::HttpBody, "a", "<script>alert(1)</script>")),
        ..verdict
    }));
    let state = state(catalogue(&group, vec![slot(&group, "a.example", Some(known))]));
    let server = Running::with(state, Limits::default()).await;
    let reply = server.get("/").await;
    assert!(!reply.text().contains("<script>"));
    assert!(reply.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(
        reply
            .header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
}

/// Panics when it is asked first.
#[derive(Debug, Default)]
struct FaultyClock(AtomicBool);

impl Clock for FaultyClock {
    fn now(&self) -> Timestamp {
        assert!(
            self.0.swap(true, Ordering::Relaxed),
            "the clock fails, as it should here"
        );
        now()
    }
}

#[tokio::test]
async fn a_page_that_panics_takes_nothing_else_away() {
    let clock = Arc::new(FaultyClock::default());
    let server = Running::timed(small(), Limits::default(), clock).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    // The connection ends before the page does.
    let _ = stream.read_to_end(&mut bytes).await;
    assert!(!bytes.ends_with(b"0\r\n\r\n"));
    assert_eq!(server.get("/metrics").await.status, 200);
    assert_eq!(server.get("/").await.status, 200);
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_given_up_and_others_are_served() {
    let limits = Limits {
        stall: Duration::from_millis(100),
        grace: Duration::from_secs(10),
        ..Limits::default()
    };
    let server = Running::with(large(3_000), limits).await;
    let mut stalled = TcpStream::connect(server.address).await.unwrap();
    stalled
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(server.get("/-/healthy").await.status, 200);
    // The text is larger than every socket buffer: only giving the reader up lets the server end cleanly.
    assert_eq!(server.stopped().await, Ended::Clean);
    drop(stalled);
}

#[tokio::test]
async fn a_scrape_over_a_socket_is_the_scrape_of_the_exporter() {
    let state = large(100);
    let server = Running::with(Arc::clone(&state), Limits::default()).await;
    let accept = "accept: application/openmetrics-text";
    let reply = server.ask("GET", "/metrics", &[accept]).await;
    let exporter = Exporter::new(state, clock());
    let chunks = exporter
        .scrape(Format::OPEN_METRICS, Coding::Identity)
        .map(Result::unwrap);
    let direct: Vec<_> = chunks.flat_map(|chunk| chunk.to_vec()).collect();
    let steady = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        text.lines()
            .filter(|line| !line.starts_with("process_"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(steady(&reply.body), steady(&direct));
    assert!(reply.text().ends_with("# EOF\n"));
}
