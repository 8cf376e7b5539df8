//! The log of a probe on demand: every prober tells its steps in their order, in lines that can be read by a machine too.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails as the test does"
)]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use linkwatch::endpoint::ProberName;
use url::form_urlencoded::byte_serialize;

use crate::lab::{
    Answer, Authority, Check, DnsLab, GrpcLab, Move, SocketLab, TalkLab, Turn, WebLab, web::UNREACHABLE,
};
use crate::program::{Home, Program};

const MODULES: &str = r#"
modules:
  http: {prober: http}
  trusting: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}
  tcp: {prober: tcp}
  banner: {prober: tcp, timeout: 2s, tcp: {query_response: [{expect: "^220 (.*)$", labels: [{name: by, value: "${1}"}]}]}}
  secure: {prober: tcp, tcp: {tls: true}}
  dns: {prober: dns, dns: {query_name: a.test, query_type: A}}
  icmp: {prober: icmp}
  grpc: {prober: grpc}
  unix: {prober: unix, unix: {query_response: [{expect: "^ready"}]}}
  websocket: {prober: websocket, websocket: {query_response: [{expect: hello}]}}
"#;

/// A line, read by its keys.
#[derive(Debug)]
struct Line(BTreeMap<String, String>);

impl Line {
    /// Reads `key=value` pairs; values in quotes are JSON texts.
    fn read(line: &str) -> Self {
        let mut pairs = BTreeMap::new();
        let mut rest = line;
        while !rest.is_empty() {
            let (key, after) = rest.split_once('=').unwrap();
            let (value, after) = if after.starts_with('"') {
                let mut texts = serde_json::Deserializer::from_str(after).into_iter::<String>();
                let value = texts.next().unwrap().unwrap();
                (value, &after[texts.byte_offset()..])
            } else {
                let end = after.find(' ').unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            };
            assert_eq!(pairs.insert(key.to_owned(), value), None, "{key} twice in {line}");
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
        Self(pairs)
    }

    fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }
}

/// A log, with what goes before and after it taken off.
#[derive(Debug)]
struct Log(Vec<Line>);

impl Log {
    async fn of(program: &Program, module: &str, target: &str) -> Self {
        let target: String = byte_serialize(target.as_bytes()).collect();
        let text = program
            .web
            .get(&format!("/probe?module={module}&debug=true&target={target}"))
            .await
            .body;
        let log = text.strip_prefix("Logs for the probe:\n").unwrap();
        let (log, _) = log.split_once("\n\n\n").unwrap();
        Self(log.lines().map(Line::read).collect())
    }

    fn steps(&self) -> Vec<&str> {
        self.0.iter().map(|line| line.get("msg")).collect()
    }

    fn line(&self, msg: &str) -> &Line {
        self.0
            .iter()
            .find(|line| line.get("msg") == msg)
            .unwrap_or_else(|| panic!("{msg} is missing in {self:?}"))
    }

    fn errors(&self) -> Vec<(&str, &str, &str)> {
        let errors = self.0.iter().filter(|line| line.get("level") == "error");
        errors
            .map(|line| (line.get("cause"), line.get("expected"), line.get("actual")))
            .collect()
    }
}

async fn program(rules: &str) -> Program {
    Program::start(Home::new(&format!("{MODULES}{rules}")).settings()).await
}

/// What every log of a literal address begins and ends with, around this.
fn around<'a>(steps: &[&'a str], end: &'a str) -> Vec<&'a str> {
    let begin = ["Beginning probe", "Target holds its address: nothing to resolve"];
    [&begin[..], steps, &[end]].concat()
}

/// The steps of a probe that goes well, between the first two and the last. A new prober does not compile without its own.
const fn steps(prober: ProberName) -> &'static [&'static str] {
    match prober {
        ProberName::Http => &[
            "Connecting",
            "Connected",
            "Making HTTP request",
            "Received HTTP response",
        ],
        ProberName::Tcp => &[
            "Connecting",
            "Connected",
            "Went through the dialogue",
            "Captured label",
        ],
        ProberName::Dns => &[
            "Connecting",
            "Connected",
            "Sending DNS query",
            "Received DNS response",
            "Received record",
        ],
        ProberName::Icmp => &["Sending echo request", "Received echo reply"],
        ProberName::Grpc => &[
            "Connecting",
            "Connected",
            "Asking for health",
            "Received gRPC response",
        ],
        ProberName::Unix => &["Connecting", "Connected", "Went through the dialogue"],
        ProberName::WebSocket => &[
            "Connecting",
            "Connected",
            "Asking for WebSocket",
            "Received answer to upgrade",
            "Went through the dialogue",
        ],
    }
}

/// The log of a probe that goes well.
async fn told(program: &Program, prober: ProberName, directory: &Path) -> Log {
    match prober {
        ProberName::Http => {
            let site = WebLab::plain().start().await;
            Log::of(program, "http", &site.url("/")).await
        }
        ProberName::Tcp => {
            let server = TalkLab::start([Turn::say("220 here\r\n")]).await;
            Log::of(program, "banner", &server.addr().to_string()).await
        }
        ProberName::Dns => {
            let dns = DnsLab::start().await;
            dns.a("a.test", &["192.0.2.1"]);
            Log::of(program, "dns", &dns.addr().to_string()).await
        }
        ProberName::Icmp => Log::of(program, "icmp", "127.0.0.1").await,
        ProberName::Grpc => {
            let server = GrpcLab::plain(Check::Health(1)).await;
            Log::of(program, "grpc", &server.addr().to_string()).await
        }
        ProberName::Unix => {
            let path = directory.join("lab.sock");
            let _server = TalkLab::unix(&path, [Turn::say("ready\n")]);
            Log::of(program, "unix", path.to_str().unwrap()).await
        }
        ProberName::WebSocket => {
            let server = SocketLab::plain([Move::say("hello"), Move::Hang]).await;
            Log::of(program, "websocket", &format!("ws://{}/", server.addr())).await
        }
    }
}

#[tokio::test]
async fn every_prober_tells_its_steps_in_order() {
    let program = program("").await;
    let directory = tempfile::tempdir().unwrap();
    for prober in ProberName::ALL {
        let log = told(&program, prober, directory.path()).await;
        let steps = [steps(prober), &["Response timings for roundtrip"]].concat();
        let mut expected = around(&steps, "Probe succeeded");
        // A path is nothing to resolve.
        expected.retain(|step| prober != ProberName::Unix || !step.starts_with("Target holds"));
        assert_eq!(log.steps(), expected, "{prober:?}: {log:#?}");
        let moments = log
            .0
            .iter()
            .map(|line| line.get("ts").parse::<Timestamp>().unwrap());
        assert!(moments.is_sorted(), "{prober:?}: {log:#?}");
        assert!(log.0.iter().all(|line| line.get("level") == "info"), "{log:#?}");
        assert_eq!(log.line("Beginning probe").get("prober"), prober.as_str());
        let took: f64 = log
            .line("Probe succeeded")
            .get("duration_seconds")
            .parse()
            .unwrap();
        assert!(took > 0.0 && took < 10.0, "{took}");
    }
    program.stop().await;
}

#[tokio::test]
async fn redirects_and_handshakes_are_steps_of_their_own() {
    let site = WebLab::tls(Authority::new().good("127.0.0.1")).start().await;
    site.answer(Answer::redirect(302, "/next"));
    site.route("/next", Answer::text("well"));
    let program = program("").await;
    let log = Log::of(&program, "trusting", &site.url("/")).await;
    let hop = [
        "Connecting",
        "Connected",
        "Beginning TLS handshake",
        "Received certificate",
        "Finished TLS handshake",
        "Making HTTP request",
        "Received HTTP response",
        "Response timings for roundtrip",
    ];
    let steps = [&hop[..], &["Following redirect"], &hop].concat();
    assert_eq!(log.steps(), around(&steps, "Probe succeeded"), "{log:#?}");
    let response = log.line("Received HTTP response");
    assert_eq!(
        (response.get("status_code"), response.get("location")),
        ("302", "/next")
    );
    assert_eq!(log.line("Following redirect").get("url"), site.url("/next"));
    assert!(
        log.line("Finished TLS handshake")
            .get("version")
            .starts_with("TLS 1.")
    );
    assert_eq!(log.line("Received certificate").get("trusted"), "false");
    program.stop().await;
}

/// The last step before a fault, and the fault: `step; cause: expected | actual`.
async fn fault(program: &Program, module: &str, target: &str) -> String {
    let log = Log::of(program, module, target).await;
    let steps = log.steps();
    assert_eq!(steps.last(), Some(&"Probe failed"), "{log:#?}");
    let last = steps.len().checked_sub(3).map_or("", |at| steps[at]);
    let errors = log.errors();
    let [(cause, expected, actual), (told, "", "")] = errors.as_slice() else {
        panic!("a fault and the end: {log:#?}");
    };
    assert!(cause == told || cause.is_empty(), "{log:#?}");
    format!("{last}; {told}: {expected} | {actual}")
}

#[tokio::test]
async fn a_fault_has_its_cause_and_what_should_be_beside_what_is() {
    let sick = WebLab::plain().answer(Answer::status(500)).start().await;
    let untrusted = WebLab::tls(Authority::new().good("127.0.0.1")).start().await;
    let silent = TalkLab::start([Turn::say("221 bye\r\n"), Turn::Hang]).await;
    let dns = DnsLab::start().await;
    let program = program(&format!(
        "resolver: {{servers: [\"{}\"]}}\nprobe: {{allow: [127.0.0.0/8, \"*.test\"], deny: [127.0.0.9]}}\n",
        dns.addr()
    ))
    .await;
    let answered = "Response timings for roundtrip";
    let literal = "Target holds its address: nothing to resolve";
    for (module, target, expected) in [
        (
            "http",
            sick.url("/"),
            format!("{answered}; http_status: 2xx | 500"),
        ),
        (
            "http",
            "http://127.0.0.1:1/".to_owned(),
            "Connecting; connect_refused: a connection | connection refused".to_owned(),
        ),
        (
            "http",
            format!("http://{UNREACHABLE}:1/"),
            "Connecting; connect_unreachable: a connection | no route".to_owned(),
        ),
        (
            "http",
            "a.test".to_owned(),
            "Received DNS answer; dns_nxdomain: an address | NXDOMAIN".to_owned(),
        ),
        (
            "banner",
            silent.addr().to_string(),
            format!("{answered}; exchange_timeout: a complete answer | none in time, after \"221 bye\""),
        ),
        (
            "http",
            "http://127.0.0.9/".to_owned(),
            format!("{literal}; target_forbidden:  | "),
        ),
        ("tcp", "127.0.0.1".to_owned(), "; target_invalid:  | ".to_owned()),
    ] {
        assert_eq!(fault(&program, module, &target).await, expected);
    }
    let told = fault(&program, "http", &untrusted.url("/")).await;
    let expected = "Received certificate; tls_unknown_issuer: certificate of a trusted authority | ";
    assert!(told.starts_with(expected), "{told}");
    program.stop().await;
}

#[tokio::test]
async fn what_a_peer_says_stays_within_its_value() {
    let hostile = "220 \"bye\" level=error\\ \u{1b}[2J\u{202e}x";
    let server = TalkLab::start([Turn::say(hostile), Turn::say("\r\n")]).await;
    let program = program("").await;
    let log = Log::of(&program, "banner", &server.addr().to_string()).await;
    assert_eq!(log.line("Went through the dialogue").get("last_read"), hostile);
    assert_eq!(log.line("Captured label").get("value"), &hostile[4..]);
    let page = program.web.get("/logs?id=0").await.body;
    let (log, _) = page.split_once("Metrics that would have been returned:").unwrap();
    assert!(!log.contains(['\u{1b}', '\u{202e}']), "{log}");
    program.stop().await;
}
