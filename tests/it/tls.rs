//! The TLS stage over real sockets: what is recorded, judged and told of a failure.

#![expect(clippy::expect_used, reason = "what a test asks the lab for, it needs")]
#![expect(clippy::panic, reason = "an outcome of another kind fails the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linkwatch::outcome::{ChainFacts, ChainProblem, ConnectFailure, Staple as Stapled, TlsFailure};
use linkwatch::probe::connect::connect;
use linkwatch::probe::tls::{
    Alpn, ClientCertificate, Connector, Handshake as Shake, Intermediates, Settings, SettingsError,
    ShakeFailure, Shaken, Version, classify,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::lab::{Authority, Connect, Flaw, Handshake, Issued, Staple, WebLab};

const NAME: &str = "a.test";

#[tokio::test]
async fn a_good_handshake_tells_what_was_agreed_and_carries_data() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME))
        .alpn(&["h2", "http/1.1"])
        .start()
        .await;
    let client = Client::new(&authority);
    let shaken = client.shake(site.addr(), NAME).await;
    assert_eq!(shaken.facts.version, Some("TLS 1.3"));
    assert!(shaken.facts.cipher.is_some_and(|name| name.starts_with("TLS_")));
    assert_eq!(shaken.facts.alpn.as_deref(), Some("http/1.1"));
    assert!(chain(&shaken).trusted());
    let mut stream = shaken.stream.expect("a stream");
    let request = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("a request sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.expect("a response");
    assert_eq!(&head, b"HTTP/1.1 200");
    assert_eq!(site.last_request().sni.as_deref(), Some(NAME));
    let http2 = client.shake_with(site.addr(), NAME, true, soon()).await;
    assert_eq!(http2.facts.alpn.as_deref(), Some("h2"));
}

#[tokio::test]
async fn every_bad_chain_is_recorded_judged_and_sent_nothing() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME)).start().await;
    let client = Client::new(&authority);
    for flaw in Flaw::ALL {
        site.certificate(&authority.bad(NAME, flaw));
        let shaken = client.shake(site.addr(), NAME).await;
        let problems = &chain(&shaken).problems;
        let unusable = [Flaw::UnknownCriticalExtension, Flaw::BrokenEncoding].contains(&flaw);
        match shaken.stream {
            Err(ShakeFailure::Tls(TlsFailure::BadCertificate(_))) if flaw == Flaw::OtherLeafKey => {
                assert_eq!(problems, &[]);
            }
            Err(ShakeFailure::Tls(TlsFailure::BadCertificate(_))) if unusable => {
                assert!(
                    matches!(problems[..], [ChainProblem::Bad(_)]),
                    "{flaw:?}: {problems:?}"
                );
            }
            Err(ShakeFailure::Untrusted) if flaw != Flaw::OtherLeafKey && !unusable => {
                assert!(!problems.is_empty(), "{flaw:?}");
                assert_eq!(shaken.facts.version, Some("TLS 1.3"), "{flaw:?}");
            }
            other => panic!("{flaw:?}: {other:?}"),
        }
    }
    assert_eq!(site.requests(), 0);
}

#[tokio::test]
async fn a_verdict_that_is_skipped_is_recorded_all_the_same() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.bad(NAME, Flaw::Expired)).start().await;
    let client = Client::with(&authority, |settings| settings.insecure_skip_verify = true);
    let shaken = client.shake(site.addr(), NAME).await;
    assert!(matches!(
        chain(&shaken).problems[..],
        [ChainProblem::Expired { .. }]
    ));
    assert!(shaken.stream.is_ok());
}

#[tokio::test]
async fn every_broken_handshake_has_its_failure() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME)).start().await;
    let client = Client::new(&authority);
    for (behaviour, expected) in [
        (
            Handshake::Alert(40),
            TlsFailure::Alert("handshake_failure".to_owned()),
        ),
        (
            Handshake::Alert(112),
            TlsFailure::Alert("unrecognized_name".to_owned()),
        ),
        (
            Handshake::Alert(70),
            TlsFailure::Alert("protocol_version".to_owned()),
        ),
        (Handshake::Alert(200), TlsFailure::Alert("alert 200".to_owned())),
        (
            Handshake::PlainText,
            TlsFailure::Protocol("the answer is not TLS: plain text on the port".to_owned()),
        ),
        (Handshake::CloseAtOnce, TlsFailure::Closed),
        (Handshake::Close, TlsFailure::Closed),
        (Handshake::CloseMidway, TlsFailure::Closed),
    ] {
        site.handshake(behaviour);
        assert_eq!(
            tls_failure(client.shake(site.addr(), NAME).await),
            expected,
            "{behaviour:?}"
        );
    }
    for behaviour in [Handshake::Garbage, Handshake::OversizedRecord] {
        site.handshake(behaviour);
        let failure = tls_failure(client.shake(site.addr(), NAME).await);
        assert!(
            matches!(failure, TlsFailure::Protocol(_)),
            "{behaviour:?}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn silence_is_a_timeout_by_the_deadline() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME)).start().await;
    let client = Client::new(&authority);
    for behaviour in [Handshake::Stall, Handshake::StallMidway] {
        site.handshake(behaviour);
        let deadline = Instant::now() + Duration::from_millis(200);
        let shaken = client.shake_with(site.addr(), NAME, false, deadline).await;
        assert!(Instant::now() >= deadline);
        assert_eq!(tls_failure(shaken), TlsFailure::Timeout, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_reset_before_the_first_byte_is_the_connections() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME)).start().await;
    let client = Client::new(&authority);
    site.handshake(Handshake::Reset);
    assert_eq!(client.connect_failure(site.addr()).await, ConnectFailure::Reset);
    site.connect(Connect::Reset).await;
    assert_eq!(client.connect_failure(site.addr()).await, ConnectFailure::Reset);
}

#[tokio::test]
async fn a_reset_after_the_first_byte_is_a_close() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let client = Client::new(&Authority::new());
    let rude = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream
            .write_all(&[22, 3, 3, 0, 100, 2])
            .await
            .expect("half a record");
        // Read to the end of the hello, so that both know of the bytes before the reset.
        stream.read_exact(&mut [0; 64]).await.expect("a hello");
        stream.set_zero_linger().expect("the option");
    };
    let (shaken, ()) = tokio::join!(client.shake(address, NAME), rude);
    assert_eq!(tls_failure(shaken), TlsFailure::Closed);
}

#[tokio::test]
async fn no_version_in_common_is_an_alert_or_a_protocol_fault() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME))
        .versions(&[&rustls::version::TLS13])
        .start()
        .await;
    let client = Client::with(&authority, |settings| settings.max_version = Some(Version::Tls12));
    let failure = tls_failure(client.shake(site.addr(), NAME).await);
    assert_eq!(failure, TlsFailure::Alert("protocol_version".to_owned()));
    let site = WebLab::tls(authority.good(NAME))
        .versions(&[&rustls::version::TLS12])
        .start()
        .await;
    let shaken = client.shake(site.addr(), NAME).await;
    assert_eq!(shaken.facts.version, Some("TLS 1.2"));
    assert!(shaken.stream.is_ok());
}

#[tokio::test]
async fn a_missing_client_certificate_is_an_alert_in_whatever_stage_it_arrives() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let site = WebLab::tls(authority.good(NAME))
            .versions(&[version])
            .demand_client(&authority)
            .start()
            .await;
        let shaken = Client::new(&authority).shake(site.addr(), NAME).await;
        assert!(chain(&shaken).trusted(), "{version:?}");
        let failure = match shaken.stream {
            Err(ShakeFailure::Tls(failure)) => failure,
            Ok(mut stream) => {
                let error = stream.read(&mut [0; 1]).await.expect_err("an alert");
                classify(&error).expect("a fault of TLS")
            }
            Err(other) => panic!("{other:?}"),
        };
        let expected = TlsFailure::Alert("certificate_required".to_owned());
        assert_eq!(failure, expected, "{version:?}");
        let client = Client::with(&authority, |settings| {
            settings.client = Some(pem(&authority.client("probe")));
        });
        assert!(
            client.shake(site.addr(), NAME).await.stream.is_ok(),
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_an_address_is_verified_as_one_and_not_named() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("127.0.0.1")).start().await;
    let client = Client::new(&authority);
    assert!(client.shake(site.addr(), "127.0.0.1").await.stream.is_ok());
    assert!(matches!(
        client.shake(site.addr(), "::1").await.stream,
        Err(ShakeFailure::Untrusted)
    ));
    assert!(matches!(
        client.shake(site.addr(), NAME).await.stream,
        Err(ShakeFailure::Untrusted)
    ));
}

#[tokio::test]
async fn the_settings_name_is_asked_for_and_verified_in_place_of_the_host() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("other.test")).start().await;
    site.certificate_for(NAME, &authority.good(NAME));
    let client = Client::with(&authority, |settings| {
        settings.server_name = Some(NAME.to_owned());
    });
    assert!(client.shake(site.addr(), "whatever.test").await.stream.is_ok());
}

#[tokio::test]
async fn a_staple_is_seen() {
    let authority = Authority::new();
    let good = authority.good(NAME);
    let site = WebLab::tls(good.clone()).start().await;
    let client = Client::new(&authority);
    for (staple, expected) in [
        (Staple::Good, Stapled::Good),
        (Staple::Revoked, Stapled::Revoked),
        (Staple::WronglySigned, Stapled::Invalid),
    ] {
        site.certificate(&good.clone().stapled(authority.staple(&good, staple)));
        let shaken = client.shake(site.addr(), NAME).await;
        assert_eq!(chain(&shaken).staple, expected);
        assert_eq!(shaken.stream.is_ok(), expected != Stapled::Revoked);
    }
}

#[tokio::test]
async fn an_intermediate_seen_elsewhere_proves_a_chain_incomplete() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.bad(NAME, Flaw::MissingIntermediate))
        .start()
        .await;
    let client = Client::new(&authority);
    let first = client.shake(site.addr(), NAME).await;
    assert_eq!(chain(&first).problems, [ChainProblem::UnknownIssuer]);
    let elsewhere = WebLab::tls(authority.good("b.test")).start().await;
    assert!(client.shake(elsewhere.addr(), "b.test").await.stream.is_ok());
    let second = client.shake(site.addr(), NAME).await;
    assert_eq!(
        chain(&second).problems,
        [ChainProblem::IncompleteChain { proven: true }]
    );
    assert!(matches!(second.stream, Err(ShakeFailure::Untrusted)));
    let mut from_file = Client::new(&authority);
    from_file.intermediates = Intermediates::from_pem(authority.intermediate_pem().as_bytes());
    let third = from_file.shake(site.addr(), NAME).await;
    assert_eq!(
        chain(&third).problems,
        [ChainProblem::IncompleteChain { proven: true }]
    );
}

#[tokio::test]
async fn unchanged_facts_are_one_value_over_all_probes() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME)).start().await;
    let client = Client::new(&authority);
    let first = client.shake(site.addr(), NAME).await;
    let second = client.shake(site.addr(), NAME).await;
    assert!(Arc::ptr_eq(&chain(&first), &chain(&second)));
    site.certificate(&authority.good(NAME));
    let third = client.shake(site.addr(), NAME).await;
    assert_ne!(chain(&first), chain(&third));
}

#[tokio::test]
async fn a_host_that_is_no_name_at_all_is_a_protocol_fault() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good(NAME)).start().await;
    let failure = tls_failure(Client::new(&authority).shake(site.addr(), "not a name").await);
    assert!(matches!(failure, TlsFailure::Protocol(_)));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let authority = Authority::new();
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        Connector::new(settings).expect_err("unusable settings")
    };
    let no_roots = refused(|settings| settings.roots = Some(b"nothing".to_vec()));
    assert!(matches!(no_roots, SettingsError::Roots(_)));
    let versions = refused(|settings| {
        settings.min_version = Some(Version::Tls13);
        settings.max_version = Some(Version::Tls12);
    });
    assert!(matches!(versions, SettingsError::Versions));
    let name = refused(|settings| settings.server_name = Some("not a name".to_owned()));
    assert!(matches!(name, SettingsError::ServerName(_)));
    let mut mixed = pem(&authority.client("one"));
    mixed.key = pem(&authority.client("two")).key;
    let mixed = Connector::new(Settings {
        client: Some(mixed),
        ..Settings::default()
    });
    assert!(matches!(mixed, Err(SettingsError::Client(_))));
}

#[test]
fn an_error_that_is_not_of_tls_is_not_classified() {
    assert_eq!(classify(&std::io::Error::other("no such thing")), None);
    let wrapped = std::io::Error::other(std::io::Error::other(rustls::Error::DecryptError));
    assert!(matches!(classify(&wrapped), Some(TlsFailure::Protocol(_))));
}

struct Client {
    connector: Connector,
    intermediates: Intermediates,
    now: Timestamp,
}

impl Client {
    fn new(authority: &Authority) -> Self {
        Self::with(authority, |_| {})
    }

    fn with(authority: &Authority, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            roots: Some(authority.root_pem().into_bytes()),
            ..Settings::default()
        };
        change(&mut settings);
        Self {
            connector: Connector::new(settings).expect("usable settings"),
            intermediates: Intermediates::default(),
            now: Timestamp::try_from(authority.now()).expect("a date"),
        }
    }

    async fn shake(&self, address: SocketAddr, host: &str) -> Shaken {
        self.shake_with(address, host, false, soon()).await
    }

    async fn shake_with(&self, address: SocketAddr, host: &str, http2: bool, deadline: Instant) -> Shaken {
        let stream = connect(address, soon()).await.expect("a connection");
        let handshake = Shake {
            host,
            alpn: if http2 { Alpn::Http2OrHttp1 } else { Alpn::Http1 },
            now: self.now,
            intermediates: &self.intermediates,
            deadline,
        };
        self.connector.handshake(stream.into(), handshake).await
    }

    /// Of the connection, whether it shows while connecting or during the handshake.
    async fn connect_failure(&self, address: SocketAddr) -> ConnectFailure {
        let stream = match connect(address, soon()).await {
            Ok(stream) => stream,
            Err(failure) => return failure,
        };
        let handshake = Shake {
            host: NAME,
            alpn: Alpn::Http1,
            now: self.now,
            intermediates: &self.intermediates,
            deadline: soon(),
        };
        match self.connector.handshake(stream.into(), handshake).await.stream {
            Err(ShakeFailure::Connect(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }
}

fn chain(shaken: &Shaken) -> Arc<ChainFacts> {
    shaken.facts.chain.clone().expect("a recorded chain")
}

fn tls_failure(shaken: Shaken) -> TlsFailure {
    match shaken.stream {
        Err(ShakeFailure::Tls(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn pem(issued: &Issued) -> ClientCertificate {
    ClientCertificate {
        chain: issued.chain_pem().into_bytes(),
        key: issued.key_pem().into_bytes(),
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}
