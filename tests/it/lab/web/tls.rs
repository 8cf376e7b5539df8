//! The TLS stage: which certificate, and what goes wrong before HTTP.

use std::{collections::HashMap, future::pending, io, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use rustls_pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::super::authority::{Issued, provider};
use super::{State, http1, http2, seen::Client};

/// What becomes of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It is completed.
    Complete,
    /// The client's hello is answered in plain HTTP.
    PlainText,
    /// The client's hello is answered with a fatal alert (RFC 8446 section 6), then closed.
    Alert(u8),
    /// Closed as soon as it is accepted.
    CloseAtOnce,
    /// Closed after the client's hello.
    Close,
    /// Reset after the client's hello.
    Reset,
    /// The client's hello is never answered.
    Stall,
    /// Half of the server's first flight is sent, then nothing.
    StallMidway,
    /// Half of the server's first flight is sent, then it is closed.
    CloseMidway,
    /// The client's hello is answered with bytes that are no TLS.
    Garbage,
    /// A TLS record that says it is longer than any may be.
    OversizedRecord,
}

/// Who gets which certificate.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    pub(crate) everyone: Option<Arc<CertifiedKey>>,
    pub(crate) by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    pub(crate) fn of(issued: &Issued) -> Self {
        Self {
            everyone: Some(issued.certified_key()),
            by_name: HashMap::new(),
        }
    }
}

#[derive(Debug)]
struct Chooser(ArcSwap<Certificates>);

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let own = hello
            .server_name()
            .and_then(|name| certificates.by_name.get(name));
        own.or(certificates.everyone.as_ref()).cloned()
    }
}

/// The TLS side of a server.
#[derive(Debug)]
pub(crate) struct TlsSettings {
    chooser: Arc<Chooser>,
    config: Arc<ServerConfig>,
}

impl TlsSettings {
    pub(crate) fn new(
        certificates: Certificates,
        alpn: Vec<Vec<u8>>,
        versions: &[&'static SupportedProtocolVersion],
        clients_of: Option<RootCertStore>,
    ) -> Self {
        let chooser = Arc::new(Chooser(ArcSwap::from_pointee(certificates)));
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("versions that the provider has");
        let builder = match clients_of {
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                    .build()
                    .expect("an authority with a root"),
            ),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&chooser) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = alpn;
        // Every handshake is a full one: a resumed one shows no certificate.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Self {
            chooser,
            config: Arc::new(config),
        }
    }

    pub(crate) fn certificates(&self) -> &ArcSwap<Certificates> {
        &self.chooser.0
    }
}

/// Serves one connection as the handshake's behaviour says.
pub(crate) async fn serve(mut stream: TcpStream, settings: &TlsSettings, state: &Arc<State>) {
    let handshake = **state.handshake.load();
    if handshake == Handshake::Complete {
        return complete(stream, settings, state).await;
    }
    if handshake == Handshake::CloseAtOnce {
        return farewell(stream, &[]).await;
    }
    let Ok(hello) = read_record(&mut stream).await else {
        return;
    };
    match handshake {
        Handshake::Complete | Handshake::CloseAtOnce | Handshake::Close => farewell(stream, &[]).await,
        Handshake::PlainText => farewell(stream, PLAIN_TEXT).await,
        Handshake::Alert(description) => farewell(stream, &[21, 3, 3, 0, 2, 2, description]).await,
        Handshake::Garbage => farewell(stream, &[0x80; 64]).await,
        Handshake::OversizedRecord => farewell(stream, &[22, 3, 3, 0xff, 0xff]).await,
        Handshake::Reset => drop(stream.set_zero_linger()),
        Handshake::Stall => stall(stream, &[]).await,
        Handshake::StallMidway => stall(stream, &half_a_flight(&hello, settings)).await,
        Handshake::CloseMidway => farewell(stream, &half_a_flight(&hello, settings)).await,
    }
}

async fn complete(stream: TcpStream, settings: &TlsSettings, state: &Arc<State>) {
    let acceptor = TlsAcceptor::from(Arc::clone(&settings.config));
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let client = client_of(&stream);
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, state, client).await;
    } else {
        http1::serve(stream, state, client).await;
    }
}

fn client_of(stream: &TlsStream<TcpStream>) -> Client {
    let connection = stream.get_ref().1;
    let certificate = connection
        .peer_certificates()
        .and_then(|chain| chain.first())
        .cloned();
    Client {
        sni: connection.server_name().map(str::to_owned),
        certificate: certificate.map(CertificateDer::into_owned),
    }
}

/// One TLS record, header and all.
async fn read_record(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut record = vec![0; 5];
    stream.read_exact(&mut record).await?;
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    stream.read_exact(&mut record[5..]).await?;
    Ok(record)
}

/// The first half of what a good server would answer.
fn half_a_flight(mut hello: &[u8], settings: &TlsSettings) -> Vec<u8> {
    let mut flight = Vec::new();
    let mut server = ServerConnection::new(Arc::clone(&settings.config)).expect("a configuration of our own");
    drop(server.read_tls(&mut hello));
    drop(server.process_new_packets());
    while server.wants_write() && server.write_tls(&mut flight).is_ok() {}
    flight.truncate(flight.len() / 2);
    flight
}

/// Sends the bytes and closes properly: the peer reads them and an end, never a reset.
async fn farewell(mut stream: TcpStream, bytes: &[u8]) {
    drop(stream.write_all(bytes).await);
    http1::close(&mut stream).await;
}

/// Sends the bytes and then nothing, for as long as the server lives.
async fn stall(mut stream: TcpStream, bytes: &[u8]) {
    drop(stream.write_all(bytes).await);
    pending::<()>().await;
}

const PLAIN_TEXT: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
