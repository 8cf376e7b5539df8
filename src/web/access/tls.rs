//! TLS of the web side: what is presented, to whom, and who must present what.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CipherSuite, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use client::{Anyone, Named};

mod client;

/// What TLS is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The certificate and what leads to its root, in PEM, the leaf first.
    pub chain: Vec<u8>,
    /// Its key, in PEM.
    pub key: Vec<u8>,
    /// Who must present what.
    pub clients: Clients,
    /// Which versions are spoken.
    pub versions: Versions,
    /// The suites of TLS 1.2; `None`: all that there are. Those of 1.3 are not to be chosen, as in Go.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// The groups for the key exchange, in order; empty: all that there are.
    pub groups: Vec<NamedGroup>,
    /// Whether our order of suites counts, not the client's.
    pub own_order: bool,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// Which versions are spoken; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// TLS 1.2.
    pub tls12: bool,
    /// TLS 1.3.
    pub tls13: bool,
}

/// What a client is asked to present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    None,
    /// A certificate, if it has one, whichever.
    Request,
    /// A certificate, whichever.
    RequireAny,
    /// A certificate of the authorities, if it presents one at all.
    VerifyIfGiven,
    /// A certificate of the authorities.
    RequireAndVerify,
}

/// Who must present what.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// What is asked for.
    pub auth: ClientAuth,
    /// The authorities in PEM.
    pub authorities: Option<Vec<u8>>,
    /// Subject alternative names of which a certificate must have one; `None`: any will do.
    pub allowed_names: Option<Vec<String>>,
}

/// Why there can be no TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The certificate.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// The key.
    #[error("the key cannot be used: {0}")]
    Key(String),
    /// The authorities of clients.
    #[error("the authorities of clients cannot be used: {0}")]
    Authorities(String),
    /// Versions, suites and groups that leave nothing to speak.
    #[error("nothing can be spoken with these versions, suites and curves: {0}")]
    Nothing(String),
}

impl Settings {
    /// Checks and prepares all of it.
    pub fn build(&self) -> Result<ServerConfig, SettingsError> {
        let provider = Arc::new(self.provider());
        let nothing = |error: rustls::Error| SettingsError::Nothing(error.to_string());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions())
            .map_err(nothing)?;
        let builder = match self.clients.verifier(&provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| SettingsError::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(SettingsError::Certificate(
                "no certificate in PEM form".to_owned(),
            ));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| SettingsError::Key(error.to_string()))?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| SettingsError::Key(error.to_string()))?;
        config.ignore_client_order = self.own_order;
        config.alpn_protocols = if self.http2 {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            vec![b"http/1.1".to_vec()]
        };
        Ok(config)
    }

    fn provider(&self) -> CryptoProvider {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        if let Some(chosen) = &self.cipher_suites {
            provider
                .cipher_suites
                .retain(|suite| suite.tls13().is_some() || chosen.contains(&suite.suite()));
        }
        if !self.groups.is_empty() {
            let all = std::mem::take(&mut provider.kx_groups);
            let known = |name: &NamedGroup| all.iter().find(|group| group.name() == *name).copied();
            provider.kx_groups = self.groups.iter().filter_map(known).collect();
        }
        provider
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let Versions { tls12, tls13 } = self.versions;
        let spoken = [(tls13, &rustls::version::TLS13), (tls12, &rustls::version::TLS12)];
        spoken
            .into_iter()
            .filter_map(|(wanted, version)| wanted.then_some(version))
            .collect()
    }
}

impl Clients {
    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, SettingsError> {
        let algorithms = provider.signature_verification_algorithms;
        let verifier: Arc<dyn ClientCertVerifier> = match self.auth {
            ClientAuth::None => return Ok(None),
            ClientAuth::Request => Arc::new(Anyone::new(algorithms, false)),
            ClientAuth::RequireAny => Arc::new(Anyone::new(algorithms, true)),
            ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
                let roots = Arc::new(self.roots()?);
                let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
                let builder = match self.auth {
                    ClientAuth::VerifyIfGiven => builder.allow_unauthenticated(),
                    ClientAuth::None
                    | ClientAuth::Request
                    | ClientAuth::RequireAny
                    | ClientAuth::RequireAndVerify => builder,
                };
                builder
                    .build()
                    .map_err(|error| SettingsError::Authorities(error.to_string()))?
            }
        };
        Ok(Some(match &self.allowed_names {
            Some(names) => Arc::new(Named::new(verifier, names.clone())),
            None => verifier,
        }))
    }

    fn roots(&self) -> Result<RootCertStore, SettingsError> {
        let broken = |error: &dyn std::fmt::Display| SettingsError::Authorities(error.to_string());
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.authorities.as_deref().unwrap_or_default()) {
            let root = root.map_err(|error| broken(&error))?;
            roots.add(root).map_err(|error| broken(&error))?;
        }
        if roots.is_empty() {
            return Err(broken(&"no certificate in PEM form"));
        }
        Ok(roots)
    }
}
