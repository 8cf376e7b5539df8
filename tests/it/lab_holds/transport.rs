use std::{
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};

use rustls::{AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage, ProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::lab::{Authority, Connect, Flaw, Handshake, WebLab, authority::provider, web::UNREACHABLE};

#[tokio::test]
async fn a_port_refuses_hangs_resets_and_heals_while_it_runs() {
    let site = WebLab::plain().start().await;
    assert!(TcpStream::connect(site.addr()).await.is_ok());
    site.connect(Connect::Refuse).await;
    assert_eq!(connect_error(&site).await, ErrorKind::ConnectionRefused);
    site.connect(Connect::Hang).await;
    assert!(timeout(SHORT, TcpStream::connect(site.addr())).await.is_err());
    site.connect(Connect::Reset).await;
    assert_eq!(read_error(&site).await, Some(ErrorKind::ConnectionReset));
    site.heal().await;
    assert!(TcpStream::connect(site.addr()).await.is_ok());
}

#[tokio::test]
async fn the_broadcast_address_of_loopback_is_unreachable() {
    let error = TcpStream::connect((UNREACHABLE, 443))
        .await
        .expect_err("no connection");
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
}

#[tokio::test]
async fn a_refusing_port_is_given_to_nobody_else() {
    let site = WebLab::plain().start().await;
    site.connect(Connect::Refuse).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    assert_eq!(
        socket.bind(site.addr()).expect_err("a taken port").kind(),
        ErrorKind::AddrInUse
    );
}

#[tokio::test]
async fn a_dropped_server_takes_its_connections_along() {
    let site = WebLab::plain().start().await;
    let addr = site.addr();
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    drop(site);
    let end = timeout(LIMIT, stream.read(&mut [0; 1])).await.expect("an end");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    let refused = TcpStream::connect(addr).await.expect_err("no connection");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn both_families_can_be_served() {
    let site = WebLab::plain()
        .at("[::1]:0".parse().expect("an address"))
        .start()
        .await;
    assert!(site.addr().is_ipv6() && TcpStream::connect(site.addr()).await.is_ok());
    let there = WebLab::plain()
        .at("127.0.0.7:0".parse().expect("an address"))
        .start()
        .await;
    let here = WebLab::plain()
        .at(([127, 0, 0, 8], there.port()).into())
        .start()
        .await;
    assert_eq!(here.port(), there.port());
}

#[tokio::test]
async fn a_good_certificate_completes_and_a_bad_one_is_named() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("a.test")).start().await;
    assert!(shake(&site, &authority, "a.test").await.is_ok());
    site.certificate(&authority.bad("a.test", Flaw::Expired));
    let expired = tls_error(shake(&site, &authority, "a.test").await);
    assert!(
        matches!(
            expired,
            Error::InvalidCertificate(CertificateError::ExpiredContext { .. })
        ),
        "{expired:?}"
    );
    site.certificate(&authority.bad("a.test", Flaw::OtherLeafKey));
    let other_key = tls_error(shake(&site, &authority, "a.test").await);
    assert_eq!(
        other_key,
        Error::InvalidCertificate(CertificateError::BadSignature)
    );
}

#[tokio::test]
async fn the_certificate_follows_the_name_that_the_client_asks_for() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("a.test")).start().await;
    site.certificate_for("b.test", &authority.good("b.test"));
    assert!(shake(&site, &authority, "a.test").await.is_ok());
    assert!(shake(&site, &authority, "b.test").await.is_ok());
    site.no_other_certificate();
    assert!(matches!(
        tls_error(shake(&site, &authority, "a.test").await),
        Error::AlertReceived(_)
    ));
}

#[tokio::test]
async fn every_broken_handshake_breaks_as_it_is_called() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("a.test")).start().await;
    let mut outcomes = Vec::new();
    for handshake in [
        Handshake::PlainText,
        Handshake::Garbage,
        Handshake::OversizedRecord,
        Handshake::Alert(40),
    ] {
        site.handshake(handshake);
        outcomes.push(tls_error(shake(&site, &authority, "a.test").await));
    }
    let not_tls = |error: &Error| matches!(error, Error::InvalidMessage(InvalidMessage::InvalidContentType));
    assert!(not_tls(&outcomes[0]) && not_tls(&outcomes[1]), "{outcomes:?}");
    assert!(matches!(outcomes[2], Error::InvalidMessage(_)), "{outcomes:?}");
    assert_eq!(
        outcomes[3],
        Error::AlertReceived(AlertDescription::HandshakeFailure)
    );
    let closing = [
        Handshake::Close,
        Handshake::CloseAtOnce,
        Handshake::CloseMidway,
        Handshake::Reset,
    ];
    for handshake in closing {
        site.handshake(handshake);
        let error = shake(&site, &authority, "a.test")
            .await
            .expect_err("a broken handshake");
        let reset = handshake == Handshake::Reset;
        let expected = if reset {
            ErrorKind::ConnectionReset
        } else {
            ErrorKind::UnexpectedEof
        };
        assert_eq!(error.kind(), expected, "{handshake:?}: {error}");
    }
    for handshake in [Handshake::Stall, Handshake::StallMidway] {
        site.handshake(handshake);
        assert!(
            timeout(SHORT, shake(&site, &authority, "a.test")).await.is_err(),
            "{handshake:?}"
        );
    }
    site.handshake(Handshake::Complete);
    assert!(shake(&site, &authority, "a.test").await.is_ok());
}

#[tokio::test]
async fn versions_and_protocols_are_those_that_were_asked_for() {
    let authority = Authority::new();
    let old = WebLab::tls(authority.good("a.test"))
        .versions(&[&rustls::version::TLS12])
        .start()
        .await;
    let stream = shake(&old, &authority, "a.test").await.expect("a handshake");
    assert_eq!(
        stream.get_ref().1.protocol_version(),
        Some(ProtocolVersion::TLSv1_2)
    );
    let site = WebLab::tls(authority.good("a.test")).alpn(&["h2"]).start().await;
    let config = trusting(&authority, &["h2", "http/1.1"]);
    let stream = shake_with(&site, config, "a.test").await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let refused = tls_error(shake_with(&site, trusting(&authority, &["http/1.1"]), "a.test").await);
    assert_eq!(
        refused,
        Error::AlertReceived(AlertDescription::NoApplicationProtocol)
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_demanded() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let spec = WebLab::tls(authority.good("a.test"))
            .demand_client(&authority)
            .versions(&[version]);
        let site = spec.start().await;
        let refused = async {
            let mut stream = shake(&site, &authority, "a.test").await?;
            stream.read(&mut [0; 1]).await
        };
        let refused = refused.await.expect_err("an alert");
        let inner = refused.get_ref().and_then(|error| error.downcast_ref::<Error>());
        assert!(matches!(inner, Some(Error::AlertReceived(_))), "{refused:?}");
        let identity = authority.client("prober.test");
        let config = client_builder(&authority).with_client_auth_cert(identity.chain, identity.key);
        assert!(
            shake_with(&site, config.expect("an identity"), "a.test")
                .await
                .is_ok()
        );
    }
}

/// A client that trusts only this authority and offers these protocols.
pub(super) fn trusting(authority: &Authority, alpn: &[&str]) -> ClientConfig {
    let mut config = client_builder(authority).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

fn client_builder(
    authority: &Authority,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    builder
        .expect("the default versions")
        .with_root_certificates(authority.roots())
}

async fn shake(site: &WebLab, authority: &Authority, name: &str) -> io::Result<TlsStream<TcpStream>> {
    shake_with(site, trusting(authority, &[]), name).await
}

pub(super) async fn shake_with(
    site: &WebLab,
    config: ClientConfig,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(site.addr()).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn tls_error(outcome: io::Result<TlsStream<TcpStream>>) -> Error {
    let error = outcome.expect_err("a broken handshake");
    error.downcast::<Error>().expect("an error of TLS")
}

async fn connect_error(site: &WebLab) -> ErrorKind {
    TcpStream::connect(site.addr())
        .await
        .expect_err("no connection")
        .kind()
}

async fn read_error(site: &WebLab) -> Option<ErrorKind> {
    match TcpStream::connect(site.addr()).await {
        Ok(mut stream) => stream.read(&mut [0; 1]).await.err().map(|error| error.kind()),
        Err(error) => Some(error.kind()),
    }
}

const SHORT: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_secs(5);
