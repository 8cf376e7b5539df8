//! The unix prober: the dialogues of tcp over sockets of this machine, by paths that may lead nowhere.

#![expect(clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use linkwatch::config::{self, Files};
use linkwatch::endpoint::socket_url;
use tempfile::TempDir;

use crate::lab::{Authority, Flaw, TalkLab, Turn};
use crate::prober::Asking;

const SHORT: Duration = Duration::from_millis(300);

fn url(path: &Path) -> String {
    socket_url(path.to_str().expect("a path in UTF-8"))
        .expect("a path from the root")
        .into()
}

/// A server on a socket in a directory of its own.
struct Local {
    dir: TempDir,
    _server: TalkLab,
}

impl Local {
    fn start(script: impl IntoIterator<Item = Turn>) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let server = TalkLab::unix(&dir.path().join("lab.sock"), script);
        Self { dir, _server: server }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("lab.sock")
    }
}

/// A module that begins with TLS and trusts an authority.
fn over_tls(authority: &Authority, name: &str) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!("prober: unix\nunix:\n  tls: true\n  tls_config:\n    {name}\n    ca: |\n      {roots}")
}

#[tokio::test]
async fn a_connection_is_enough_and_no_address_is_told_of() {
    let server = Local::start([Turn::Hang]);
    let seen = Asking::by("prober: unix").probe(&url(&server.path())).await;
    assert_eq!((seen.root(), seen.value("probe_success")), ("", Some(1.0)));
    assert_eq!(seen.value("probe_failed_due_to_regex"), Some(0.0));
    assert_eq!(seen.value("probe_failed_due_to_bytes"), Some(0.0));
    for absent in ["probe_ip_", "probe_dns_", "probe_ssl_", "probe_tls_"] {
        assert!(!seen.series().contains(absent), "{}", seen.series());
    }
    assert!(seen.outcome.resolution.answers.is_empty());
    assert_eq!(
        seen.outcome.attempts[0].peer.to_string(),
        server.path().to_str().unwrap()
    );
}

#[tokio::test]
async fn a_dialogue_goes_as_over_tcp() {
    let server = Local::start([Turn::say("+PONG 7\r\n"), Turn::Echo]);
    let talk = |greeting: &str| {
        format!(
            r#"prober: unix
unix:
  query_response:
    - expect: "^\\+{greeting} (?P<number>[0-9]+)$"
      send: "seen ${{number}}"
      labels: [{{name: number, value: "${{1}}"}}]
    - expect_bytes: "seen 7""#
        )
    };
    let seen = Asking::by(&talk("PONG")).probe(&url(&server.path())).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert_eq!(seen.value("probe_expect_info{number=\"7\"}"), Some(1.0));
    let waiting = Asking::by(&talk("OK")).within(SHORT);
    let seen = waiting.probe(&url(&server.path())).await;
    assert_eq!(seen.root(), "exchange_timeout");
    let brief = Local::start([Turn::say("+PONG 7\r\n")]);
    let seen = waiting.probe(&url(&brief.path())).await;
    assert_eq!(seen.root(), "exchange_mismatch");
    assert_eq!(seen.value("probe_failed_due_to_regex"), Some(1.0));
}

#[tokio::test]
async fn a_path_that_leads_to_no_socket_says_what_is_there() {
    let dir = TempDir::new().unwrap();
    let (missing, plain, dead) = (
        dir.path().join("none"),
        dir.path().join("file"),
        dir.path().join("dead"),
    );
    fs::write(&plain, "").unwrap();
    drop(UnixListener::bind(&dead).unwrap());
    let long = dir.path().join("x".repeat(200));
    for (path, cause, actual) in [
        (&missing, "connect_unreachable", "no such file or directory"),
        (&plain, "connect_refused", "connection refused"),
        (&dead, "connect_refused", "connection refused"),
        (&long, "connect_unreachable", "path must be shorter than sun_len"),
    ] {
        let seen = Asking::by("prober: unix").probe(&url(path)).await;
        assert_eq!(seen.root(), cause, "{}", path.display());
        assert_eq!(seen.verdict.root.as_ref().unwrap().actual, actual);
        assert_eq!(seen.value("probe_success"), Some(0.0));
        assert_eq!(seen.value("probe_failed_due_to_regex"), None);
    }
}

#[test]
fn groups_name_sockets_by_their_paths() {
    let text = "
modules: {app: {prober: unix}}
groups:
  - name: local
    module: app
    hosts: [\"/run/{one,two}.sock\", \"unix:///run/three.sock\"]
";
    let config = config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory([])).unwrap();
    let endpoints = &config.groups[0].endpoints;
    let shown: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            (
                endpoint.name.as_str(),
                endpoint.host.as_str(),
                endpoint.url.as_str(),
            )
        })
        .collect();
    let expected =
        ["one", "two", "three"].map(|name| (format!("/run/{name}.sock"), format!("unix:///run/{name}.sock")));
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, url)| (path.as_str(), path.as_str(), url.as_str()))
        .collect();
    assert_eq!(shown, expected);
    for bad in ["unix://run/app.sock", "app.sock", "tcp:///run/app.sock"] {
        let text = text.replace("unix:///run/three.sock", bad);
        assert!(
            config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory([])).is_err(),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn tls_is_for_this_machine_unless_the_module_names_the_server() {
    let authority = Authority::new();
    let local = Arc::new(authority.good("localhost").server_config(&[]));
    let named = Arc::new(authority.good("app.test").server_config(&[]));
    let expired = Arc::new(authority.bad("app.test", Flaw::Expired).server_config(&[]));
    for (config, module, cause) in [
        (&local, over_tls(&authority, ""), ""),
        (&named, over_tls(&authority, "server_name: app.test"), ""),
        (&named, over_tls(&authority, ""), "tls_hostname_mismatch"),
        (
            &expired,
            over_tls(&authority, "server_name: app.test"),
            "tls_expired",
        ),
    ] {
        let server = Local::start([Turn::Tls(Arc::clone(config)), Turn::Hang]);
        let seen = Asking::by(&module).probe(&url(&server.path())).await;
        assert_eq!(seen.root(), cause);
        let certificate = seen.value("probe_ssl_earliest_cert_expiry").is_some();
        assert_eq!(certificate, cause.is_empty(), "{}", seen.series());
    }
}
