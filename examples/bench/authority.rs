//! A root, an intermediate and leaves, all with P-256 keys, made for one run.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Who signs the servers' certificates.
pub(crate) struct Authority {
    root: Issuer,
    intermediate: Issuer,
    /// One key for all leaves: it is the certificates that differ.
    leaf_key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let root = Issuer::self_signed(issuer("Bench Root")?, KeyPair::generate()?)?;
        let intermediate = Issuer::signed_by(issuer("Bench Intermediate")?, KeyPair::generate()?, &root)?;
        Ok(Self {
            root,
            intermediate,
            leaf_key: KeyPair::generate()?,
        })
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// A server at this address: HTTP/1.1 over TLS, no resumption of any kind.
    pub(crate) fn server(&self, address: IpAddr) -> anyhow::Result<Arc<ServerConfig>> {
        let mut params = CertificateParams::new(vec![address.to_string()])?;
        params
            .distinguished_name
            .push(DnType::CommonName, address.to_string());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&self.leaf_key, &self.intermediate)?;
        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone(), self.intermediate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn issuer(name: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}
