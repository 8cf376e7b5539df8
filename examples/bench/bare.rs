//! The least that a probe can be: connect, shake hands with the chain verified, ask, read to the end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

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
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\nuser-agent: bare\r\n\r\n",
            url.path()
        );
        Ok(Self {
            address: SocketAddr::new(host.parse()?, port),
            request: head.into_bytes(),
            tls,
        })
    }

    /// Asks so many times, one after the other; tells how often it failed.
    pub(crate) async fn ask(&self, count: usize) -> usize {
        let mut failed = 0;
        for _ in 0..count {
            failed += usize::from(self.once(self.address).await.is_err());
        }
        failed
    }

    async fn once(&self, address: SocketAddr) -> anyhow::Result<()> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some((connector, name)) => {
                exchange(connector.connect(name.clone(), stream).await?, &self.request).await
            }
            None => exchange(stream, &self.request).await,
        }
    }
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
