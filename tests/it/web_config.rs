//! `--web.config.file`: who is let in, seen by real clients over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::sync::Arc;

use linkwatch::app::{Settings, WebSettings};
use linkwatch::clock::SystemClock;
use linkwatch::config::{Files, parse_web};
use reqwest::{Client, StatusCode, Version};
use rustls::{CipherSuite, ClientConfig, NamedGroup, ProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::lab::authority::provider;
use crate::lab::{Authority, Issued};
use crate::program::{Home, Program, Site, run, until};

/// A program that serves what a web configuration says.
struct Guarded {
    home: Home,
    authority: Authority,
    program: Program,
}

impl Guarded {
    /// With `web.yml`, and the files that it may name: `server.pem`, `server.key`, `clients.pem`.
    async fn start(web: &str) -> Self {
        let authority = Authority::new();
        let home = Home::new("groups: []");
        let server = authority.good("localhost");
        present(&home, &server);
        home.write("clients.pem", &authority.root_pem());
        home.write("web.yml", web);
        let settings = Settings {
            web: WebSettings {
                config_file: Some(home.path().join("web.yml")),
                ..WebSettings::default()
            },
            ..home.settings()
        };
        let program = Program::unasked(settings, Arc::new(SystemClock)).await.unwrap();
        Self {
            home,
            authority,
            program,
        }
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://localhost:{}{path}", self.program.web.0.port())
    }

    async fn get(&self, client: &Client, scheme: &str) -> reqwest::Result<reqwest::Response> {
        client.get(self.url(scheme, "/-/healthy")).send().await
    }

    /// A client that trusts the server, and has this certificate.
    fn client(&self, identity: Option<&Issued>) -> Client {
        client(self.trusting(identity))
    }

    fn trusting(&self, identity: Option<&Issued>) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots());
        match identity {
            Some(issued) => builder
                .with_client_auth_cert(issued.chain.clone(), issued.key.clone_key())
                .unwrap(),
            None => builder.with_no_client_auth(),
        }
    }
}

fn present(home: &Home, server: &Issued) {
    home.write("server.pem", &server.chain_pem());
    home.write("server.key", &server.key_pem());
}

fn offer_http_2(tls: &mut ClientConfig) {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
}

/// Every request by a connection of its own.
fn client(mut tls: ClientConfig) -> Client {
    offer_http_2(&mut tls);
    Client::builder()
        .tls_backend_preconfigured(tls)
        .pool_max_idle_per_host(0)
        .resolve("localhost", "127.0.0.1:0".parse().unwrap())
        .build()
        .unwrap()
}

/// What a handshake agreed on; why there was none, if so.
async fn shake(
    site: Site,
    config: ClientConfig,
) -> std::io::Result<(ProtocolVersion, CipherSuite, NamedGroup, Vec<u8>)> {
    let stream = TcpStream::connect(site.0).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let session = stream.get_ref().1;
    Ok((
        session.protocol_version().unwrap(),
        session.negotiated_cipher_suite().unwrap().suite(),
        session.negotiated_key_exchange_group().unwrap().name(),
        session.peer_certificates().unwrap()[0].to_vec(),
    ))
}

const TLS: &str = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n";

#[tokio::test]
async fn tls_is_spoken_with_http_2_and_the_headers_that_are_configured() {
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    \
                   Strict-Transport-Security: max-age=31536000\n";
    let guarded = Guarded::start(&format!("{TLS}{headers}")).await;
    let answer = guarded.get(&guarded.client(None), "https").await.unwrap();
    assert_eq!(
        (answer.status(), answer.version()),
        (StatusCode::OK, Version::HTTP_2)
    );
    assert_eq!(answer.headers()["x-frame-options"], "deny");
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    assert!(
        guarded.get(&guarded.client(None), "http").await.is_err(),
        "nothing is answered without TLS"
    );
    guarded.program.stop().await;
}

#[tokio::test]
async fn http_2_can_be_turned_off_and_many_requests_share_a_connection_where_it_is_not() {
    let guarded = Guarded::start(&format!("{TLS}http_server_config: {{http2: false}}\n")).await;
    let answer = guarded.get(&guarded.client(None), "https").await.unwrap();
    assert_eq!(
        (answer.status(), answer.version()),
        (StatusCode::OK, Version::HTTP_11)
    );
    guarded.program.stop().await;

    let guarded = Guarded::start(TLS).await;
    let mut tls = guarded.trusting(None);
    offer_http_2(&mut tls);
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .resolve("localhost", "127.0.0.1:0".parse().unwrap())
        .build()
        .unwrap();
    let all = (0..32).map(|_| client.get(guarded.url("https", "/metrics")).send());
    for answer in futures_util::future::join_all(all).await {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status(), answer.version()),
            (StatusCode::OK, Version::HTTP_2)
        );
        assert!(answer.text().await.unwrap().contains("linkwatch_build_info"));
    }
    guarded.program.stop().await;
}

#[tokio::test]
async fn only_users_with_their_password_are_let_in() {
    let hash = bcrypt::hash("right", 4).unwrap();
    let guarded = Guarded::start(&format!("basic_auth_users:\n  ann: {hash}\n")).await;
    let client = guarded.client(None);
    let url = guarded.url("http", "/metrics");
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["www-authenticate"], "Basic");
    for (user, password, expected) in [
        ("ann", "right", StatusCode::OK),
        ("ann", "wrong", StatusCode::UNAUTHORIZED),
        ("ann", "", StatusCode::UNAUTHORIZED),
        ("bob", "right", StatusCode::UNAUTHORIZED),
        ("ann", "right", StatusCode::OK),
    ] {
        let answer = client
            .get(&url)
            .basic_auth(user, Some(password))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), expected, "{user}:{password}");
    }
    guarded.program.stop().await;
}

/// What becomes of clients without a certificate, with one of a stranger's, with one of the authority's.
async fn admitted(policy: &str) -> [bool; 3] {
    let guarded = Guarded::start(&format!(
        "tls_server_config: {{cert_file: server.pem, key_file: server.key, {policy}}}\n"
    ))
    .await;
    let stranger = Authority::named(guarded.authority.now(), "Stranger").client("scraper.test");
    let known = guarded.authority.client("scraper.test");
    let mut admitted = [false; 3];
    for (admitted, identity) in admitted.iter_mut().zip([None, Some(&stranger), Some(&known)]) {
        let answer = guarded.get(&guarded.client(identity), "https").await;
        *admitted = answer.is_ok_and(|answer| answer.status() == StatusCode::OK);
    }
    guarded.program.stop().await;
    admitted
}

#[tokio::test]
async fn clients_present_what_the_policy_asks_for() {
    let authorities = "client_ca_file: clients.pem";
    for (policy, expected) in [
        ("client_auth_type: NoClientCert".to_owned(), [true, true, true]),
        (
            "client_auth_type: RequestClientCert".to_owned(),
            [true, true, true],
        ),
        (
            "client_auth_type: RequireAnyClientCert".to_owned(),
            [false, true, true],
        ),
        (
            format!("client_auth_type: VerifyClientCertIfGiven, {authorities}"),
            [true, false, true],
        ),
        (
            format!("client_auth_type: RequireAndVerifyClientCert, {authorities}"),
            [false, false, true],
        ),
        (
            format!(
                "client_auth_type: RequireAndVerifyClientCert, {authorities}, client_allowed_sans: [scraper.test]"
            ),
            [false, false, true],
        ),
        (
            format!(
                "client_auth_type: RequireAndVerifyClientCert, {authorities}, client_allowed_sans: [other.test]"
            ),
            [false, false, false],
        ),
        (
            "client_auth_type: RequireAnyClientCert, client_allowed_sans: [scraper.test]".to_owned(),
            [false, true, true],
        ),
    ] {
        assert_eq!(admitted(&policy).await, expected, "{policy}");
    }
}

#[tokio::test]
async fn versions_suites_and_curves_are_those_of_the_file() {
    let choice = "max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256], \
                  curve_preferences: [CurveP384]";
    let file = format!("tls_server_config: {{cert_file: server.pem, key_file: server.key, {choice}}}\n");
    let guarded = Guarded::start(&file).await;
    let (version, suite, group, _) = shake(guarded.program.web, guarded.trusting(None)).await.unwrap();
    assert_eq!(version, ProtocolVersion::TLSv1_2);
    assert_eq!(suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
    assert_eq!(group, NamedGroup::secp384r1);
    guarded.program.stop().await;

    let file = "tls_server_config: {cert_file: server.pem, key_file: server.key, min_version: TLS13}\n";
    let guarded = Guarded::start(file).await;
    let old = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(guarded.authority.roots())
        .with_no_client_auth();
    assert!(shake(guarded.program.web, old).await.is_err());
    assert!(shake(guarded.program.web, guarded.trusting(None)).await.is_ok());
    guarded.program.stop().await;
}

#[tokio::test]
async fn more_requests_than_the_rate_allows_are_turned_away() {
    let guarded = Guarded::start("rate_limit: {interval: 1h, burst: 3}\n").await;
    let client = guarded.client(None);
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(guarded.get(&client, "http").await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [200, 200, 200, 429, 429]);
    guarded.program.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_presented_without_a_restart() {
    let guarded = Guarded::start(TLS).await;
    let presented = async || {
        shake(guarded.program.web, guarded.trusting(None))
            .await
            .unwrap()
            .3
    };
    let first = presented().await;
    let renewed = guarded.authority.good("localhost");
    // For a moment the key does not belong to the certificate: what was in force stays.
    present(&guarded.home, &renewed);
    until("the new certificate is presented", async || {
        let now = presented().await;
        assert!(now == first || now == renewed.leaf().to_vec());
        (now == renewed.leaf().to_vec()).then_some(())
    })
    .await;
    guarded.program.stop().await;
}

#[tokio::test]
async fn a_file_that_is_empty_for_a_moment_opens_no_door() {
    let ann = bcrypt::hash("one", 4).unwrap();
    let users = format!("basic_auth_users: {{ann: {ann}}}\n");
    let guarded = Guarded::start(&users).await;
    let client = guarded.client(None);
    let url = guarded.url("http", "/metrics");
    let known = async || {
        client
            .get(&url)
            .basic_auth("ann", Some("one"))
            .send()
            .await
            .unwrap()
    };
    let says = |value: u8| format!("\nlinkwatch_web_config_last_reload_successful {value}\n");
    for half in ["", "http_server_config: {http2: true}\n"] {
        guarded.home.write("web.yml", half);
        until("what the file no longer has is noticed", async || {
            let stranger = client.get(&url).send().await.unwrap().status();
            assert_eq!(stranger, 401, "nobody else is let in");
            known()
                .await
                .text()
                .await
                .unwrap()
                .contains(&says(0))
                .then_some(())
        })
        .await;
        guarded.home.write("web.yml", &users);
        until("the whole file is in force", async || {
            known()
                .await
                .text()
                .await
                .unwrap()
                .contains(&says(1))
                .then_some(())
        })
        .await;
    }
    guarded.program.stop().await;
}

#[tokio::test]
async fn a_broken_file_changes_nothing_but_the_metric_that_says_so() {
    let ann = bcrypt::hash("one", 4).unwrap();
    let guarded = Guarded::start(&format!("basic_auth_users: {{ann: {ann}}}\n")).await;
    let client = guarded.client(None);
    let url = guarded.url("http", "/metrics");
    let ask = async |password: &str| {
        let answer = client
            .get(&url)
            .basic_auth("ann", Some(password))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let says = |text: &str, value: u8| {
        text.contains(&format!(
            "\nlinkwatch_web_config_last_reload_successful {value}\n"
        ))
    };
    assert!(says(&ask("one").await.1, 1));
    guarded.home.write("web.yml", "basic_auth_users: {ann: plain}\n");
    until("the broken file is noticed", async || {
        let (status, text) = ask("one").await;
        assert_eq!(status, 200, "the one in force stays");
        says(&text, 0).then_some(())
    })
    .await;
    assert_eq!(ask("plain").await.0, 401);
    let other = bcrypt::hash("two", 4).unwrap();
    guarded
        .home
        .write("web.yml", &format!("basic_auth_users: {{ann: {other}}}\n"));
    until("the new password is known", async || {
        let (status, text) = ask("two").await;
        (status == 200 && says(&text, 1)).then_some(())
    })
    .await;
    assert_eq!(ask("one").await.0, 401);
    guarded.program.stop().await;
}

/// What may be wrong with a file, and what is said of it.
const WRONG: [(&str, &str); 15] = [
    (
        "tls_server_config:\n  cert_file: server.pem\n",
        "web.yml:1:1: \"key\" is missing",
    ),
    (
        "tls_server_config:\n  cert_file: no.pem\n  key_file: no.key\n",
        "web.yml:2:14: cannot read no.pem",
    ),
    (
        "tls_server_config: {client_auth_type: RequireClientcert}\n",
        "did you mean \"RequireClientCert\"?",
    ),
    (
        "tls_server_config: {client_ca_file: ca.pem, cert_file: a.pem, key_file: a.pem}\n",
        "without a client_auth_type",
    ),
    (
        "tls_server_config: {client_auth_type: VerifyClientCertIfGiven, client_allowed_sans: [a]}\n",
        "client_allowed_sans has no effect",
    ),
    (
        "tls_server_config: {cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265]}\n",
        "did you mean \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"?",
    ),
    (
        "tls_server_config: {curve_preferences: [CurveP255]}\n",
        "did you mean \"CurveP256\"?",
    ),
    ("tls_server_config: {max_version: TLS11}\n", "no version is left"),
    (
        "tls_server_config: {min_version: SSL3}\n",
        "there is no version \"SSL3\"",
    ),
    (
        "http_server_config: {headers: {X-Powered-By: us}}\n",
        "web.yml:1:46: the header \"X-Powered-By\" cannot be set here",
    ),
    (
        "http_server_config: {headers: {X-Frame-Options: allow}}\n",
        "write deny or sameorigin",
    ),
    (
        "basic_auth_users:\n  ann: plain\n",
        "web.yml:2:8: what stands for the password of \"ann\" is not a bcrypt hash",
    ),
    ("rate_limit: {interval: 1s}\n", "without a burst"),
    ("tls_config: {}\n", "did you mean \"tls_server_config\"?"),
    (
        "tls_server_config: {cert_file: a.pem, key_file: a.pem}\n",
        "the certificate cannot be used: no certificate",
    ),
];

#[test]
fn everything_that_is_wrong_with_a_file_is_said_with_its_place() {
    let wrong: Vec<_> = WRONG
        .into_iter()
        .filter_map(|(text, expected)| {
            let files = Files::memory([("ca.pem".into(), Vec::new()), ("a.pem".into(), Vec::new())]);
            let said = match parse_web(Path::new("web.yml"), text.as_bytes(), files) {
                Ok(_) => "nothing".to_owned(),
                Err(errors) => errors.to_string(),
            };
            (!said.contains(expected)).then(|| format!("{text}  expected: {expected}\n  said: {said}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let hash = "not-a-hash-but-a-secret";
    let secret = format!("basic_auth_users: {{ann: {hash}}}\n");
    let errors = parse_web(Path::new("web.yml"), secret.as_bytes(), Files::memory([])).unwrap_err();
    assert!(!errors.to_string().contains(hash), "{errors}");
}

#[test]
fn what_is_not_spoken_is_a_warning_and_an_empty_file_is_one() {
    let text =
        "tls_server_config:\n  min_version: TLS10\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n";
    let config = parse_web(Path::new("web.yml"), text.as_bytes(), Files::memory([])).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("web.yml:2:16: TLS10 is not spoken"),
        "{warnings:?}"
    );
    let empty = parse_web(Path::new("web.yml"), b"", Files::memory([])).unwrap();
    assert_eq!(empty.access.to_string(), "no TLS, no users");
}

#[tokio::test]
async fn the_command_line_checks_both_files() {
    let home = Home::new("modules: {http_2xx: {prober: http}}");
    home.write("web.yml", "basic_auth_users: {}\n");
    home.write("broken.yml", "rate_limit: {burst: 1, interval: soon}\n");
    let file = |name: &str| home.path().join(name).display().to_string();
    let flag = |name: &str| format!("--web.config.file={}", file(name));
    let config = format!("--config.file={}", file("linkwatch.yml"));
    for (arguments, code, said) in [
        (vec!["config", "check", &flag("web.yml")], 0, "no TLS, no users"),
        (
            vec!["config", "check", &flag("broken.yml")],
            2,
            "\"soon\" is not a duration",
        ),
        (vec!["--config.check", &config], 0, "valid"),
        (
            vec!["--config.check", &config, &flag("web.yml")],
            0,
            "web.yml: valid",
        ),
        (
            vec!["--config.check", &config, &flag("broken.yml")],
            1,
            "\"soon\" is not a duration",
        ),
        (
            vec!["--config.check", "--config.file=nowhere.yml"],
            1,
            "cannot read the configuration",
        ),
    ] {
        let output = run(&arguments).await;
        let all = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        assert!(all.contains(said), "{arguments:?}: {all}");
    }
}
