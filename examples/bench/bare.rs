//! The least that a probe can be: connect, shake hands with the chain verified, ask, read to the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::meter::count;
use crate::{fleet, server};

/// A target and how to speak to it.
pub(crate) struct Bare {
    address: SocketAddr,
    request: Vec<u8>,
    /// `None` for plain HTTP.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Bare {
    /// For a URL with an address as its host.
    pub(crate) fn new(url: &Url, root: &[u8]) -> anyhow::Result<Self> {
        let host = url.host_str().context("a url without a host")?;
        let port = url.port_or_known_default().context("a url without a port")?;
        let tls = if url.scheme() == "https" {
            Some((connector(root)?, ServerName::try_from(host.to_owned())?))
        } else {
            None
        };
        Ok(Self {
            address: SocketAddr::new(host.parse()?, port),
            request: head(&format!("{host}:{port}"), url.path()),
            tls,
        })
    }

    /// Asks so many times, one after the other; tells how often it failed.
    pub(crate) async fn ask(&self, count: usize) -> usize {
        let mut failed = 0;
        for _ in 0..count {
            failed += usize::from(self.once().await.is_err());
        }
        failed
    }

    async fn once(&self) -> anyhow::Result<()> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some((connector, name)) => {
                exchange(connector.connect(name.clone(), stream).await?, &self.request).await
            }
            None => exchange(stream, &self.request).await,
        }
    }
}

/// The same for a whole fleet, spread evenly over an interval.
pub(crate) struct Fleet {
    bare: Vec<Bare>,
}

impl Fleet {
    /// The endpoints of the server at this port.
    pub(crate) fn new(port: u16, endpoints: usize, root: &[u8]) -> anyhow::Result<Self> {
        let shared = connector(root)?;
        let bare = (0..endpoints).map(|number| {
            let host = server::address(number);
            Bare {
                address: SocketAddr::new(host, port),
                request: head(&format!("{host}:{port}"), "/"),
                tls: Some((shared.clone(), ServerName::from(host))),
            }
        });
        Ok(Self { bare: bare.collect() })
    }

    /// Asks for so long; says how late the latest hundredth was, and what failed.
    pub(crate) async fn ask(self: Arc<Self>, length: Duration) -> String {
        let begun = Instant::now();
        let step = fleet::INTERVAL.div_f64(count(self.bare.len() as u64));
        let mut asked = JoinSet::new();
        let mut late = Vec::new();
        let mut failed = 0;
        let mut due = begun;
        for number in (0..self.bare.len()).cycle() {
            tokio::time::sleep_until(due).await;
            late.push(due.elapsed());
            due += step;
            if begun.elapsed() >= length {
                break;
            }
            let fleet = Arc::clone(&self);
            asked.spawn(async move { fleet.bare[number].once().await.is_ok() });
            while let Some(ended) = asked.try_join_next() {
                failed += usize::from(!ended.unwrap_or(false));
            }
        }
        for ended in asked.join_all().await {
            failed += usize::from(!ended);
        }
        late.sort_unstable();
        let worst = late.get(late.len() * 99 / 100).copied().unwrap_or_default();
        format!(
            "p99 {} ms, {} probes, {failed} failed",
            worst.as_millis(),
            late.len()
        )
    }
}

fn head(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nuser-agent: bare\r\n\r\n")
        .into_bytes()
}

/// A connector that trusts this root alone; the groups are those of rustls' provider, as in linkwatch.
pub(crate) fn connector(root: &[u8]) -> anyhow::Result<TlsConnector> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(root) {
        roots.add(certificate?)?;
    }
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> anyhow::Result<()> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(1024);
    stream.read_to_end(&mut answer).await?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "not the expected answer");
    Ok(())
}
