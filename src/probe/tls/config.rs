//! From settings to what rustls needs.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::{ClientConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::recorder::Recorder;
use super::{Settings, SettingsError, Version};
use crate::certificate::Roots;

/// The algorithms of the handshakes, AES-128-GCM before the others as browsers offer them: what a server picks is what
/// their users get, and its SHA-256 costs a handshake less than the SHA-384 that comes with AES-256-GCM.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let first = [
        cipher_suite::TLS13_AES_128_GCM_SHA256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    provider.cipher_suites.sort_by_key(|suite| !first.contains(suite));
    provider
}

/// What all handshakes of a module share, offering no protocol; each sets its own verifier.
pub(super) fn base(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientConfig, SettingsError> {
    let verifier: Arc<dyn ServerCertVerifier> =
        Arc::new(Recorder::new(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&versions(settings)?)
        .map_err(|_| SettingsError::Versions)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&client.chain).collect();
            let chain = chain.map_err(|_| SettingsError::Client("the chain is not valid PEM".to_owned()))?;
            let key = PrivateKeyDer::from_pem_slice(&client.key)
                .map_err(|_| SettingsError::Client("no private key could be read".to_owned()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| SettingsError::Client(error.to_string()))?
        }
    };
    // A resumed session presents no certificate, and early data would be sent before the verdict.
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(config)
}

/// The public authorities, or those of the settings in their place.
pub(super) fn roots(pem: Option<&[u8]>) -> Result<Roots, SettingsError> {
    let Some(pem) = pem else {
        return Ok(Roots::public());
    };
    Roots::from_pem(pem).ok_or_else(|| SettingsError::Roots("no certificate in PEM form".to_owned()))
}

/// The name of the settings.
pub(super) fn server_name(name: Option<String>) -> Result<Option<ServerName<'static>>, SettingsError> {
    name.filter(|name| !name.is_empty())
        .map(|name| ServerName::try_from(name.clone()).map_err(|_| SettingsError::ServerName(name)))
        .transpose()
}

fn versions(settings: &Settings) -> Result<Vec<&'static SupportedProtocolVersion>, SettingsError> {
    let offered = [
        (Version::Tls12, &rustls::version::TLS12),
        (Version::Tls13, &rustls::version::TLS13),
    ];
    let least = settings.min_version.unwrap_or(Version::Tls12);
    let greatest = settings.max_version.unwrap_or(Version::Tls13);
    let left: Vec<_> = offered
        .into_iter()
        .filter(|(version, _)| (least..=greatest).contains(version))
        .collect();
    if left.is_empty() {
        return Err(SettingsError::Versions);
    }
    Ok(left.into_iter().map(|(_, version)| version).collect())
}
