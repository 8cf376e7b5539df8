//! What a server presents.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::KeyPair;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::ResolvesServerCert,
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server presents: a chain, the key it signs with, perhaps an OCSP staple.
#[derive(Debug)]
pub struct Issued {
    /// The certificates in the order they are sent, the leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
    /// The OCSP response that is sent along, in DER.
    pub staple: Option<Vec<u8>>,
    /// The serial number of the leaf.
    pub serial: Vec<u8>,
}

impl Clone for Issued {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            staple: self.staple.clone(),
            serial: self.serial.clone(),
        }
    }
}

impl Issued {
    /// With this OCSP response.
    #[must_use]
    pub fn stapled(mut self, staple: Vec<u8>) -> Self {
        self.staple = Some(staple);
        self
    }

    /// The leaf.
    #[must_use]
    pub fn leaf(&self) -> &CertificateDer<'static> {
        self.chain.first().expect("a chain begins with its leaf")
    }

    /// The chain in PEM, for a file of a server.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| pem("CERTIFICATE", der)).collect()
    }

    /// The key in PEM (PKCS #8).
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }

    /// For a server that presents it whatever it is: that the key fits is not checked.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        let key = provider()
            .key_provider
            .load_private_key(self.key.clone_key())
            .expect("a key of our own");
        let mut certified = CertifiedKey::new(self.chain.clone(), key);
        certified.ocsp.clone_from(&self.staple);
        Arc::new(certified)
    }

    /// A TLS server that presents it to everybody and offers these protocols.
    #[must_use]
    pub fn server_config(&self, alpn: &[&[u8]]) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the default versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(self.certified_key())));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        config
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// The cryptography of every lab server.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

pub(crate) fn private_key(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
