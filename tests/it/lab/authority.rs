//! A certificate authority, made at run time: a root, an intermediate, and every certificate a server should
//! or should not present. All keys are P-256.

pub mod flaw;
pub mod ocsp;

use std::{
    io::Write as _,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::ResolvesServerCert,
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

pub use self::{flaw::Flaw, ocsp::Staple};

/// An hour, in seconds.
pub const HOUR: i64 = 3600;

/// A day, in seconds.
pub const DAY: i64 = 24 * HOUR;

/// An issuer's certificate with its key.
pub type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A root, and an intermediate that signs the leaves.
pub struct Authority {
    now: OffsetDateTime,
    root: Issuer,
    intermediate: Issuer,
    root_file: OnceLock<tempfile::NamedTempFile>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// An authority whose certificates are judged by the system's clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "servers under test are judged by the real clock"
    )]
    pub fn new() -> Self {
        Self::at(SystemTime::now())
    }

    /// An authority whose certificates are dated from `now`.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self::named(now, "Lab")
    }

    /// An authority whose names begin with `organisation`: "… Root" and "… Intermediate".
    #[must_use]
    pub fn named(now: SystemTime, organisation: &str) -> Self {
        let now = OffsetDateTime::from(now);
        let root_params = ca_params(&format!("{organisation} Root"), organisation, now);
        let root = Issuer::self_signed(root_params, new_key()).expect("sign the root");
        let intermediate_params = ca_params(&format!("{organisation} Intermediate"), organisation, now);
        let intermediate =
            Issuer::signed_by(intermediate_params, new_key(), &root).expect("sign the intermediate");
        Self {
            now,
            root,
            intermediate,
            root_file: OnceLock::new(),
        }
    }

    /// What all validity is counted from.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now.into()
    }

    /// The root certificate.
    #[must_use]
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// The intermediate certificate: what an incomplete chain lacks.
    #[must_use]
    pub fn intermediate(&self) -> CertificateDer<'static> {
        self.intermediate.der().clone()
    }

    /// The root as the only trust anchor.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).expect("a root of our own");
        roots
    }

    /// The root in PEM.
    #[must_use]
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// The intermediate in PEM.
    #[must_use]
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// The root as a PEM file, for `ca_file`; it goes with the authority.
    #[must_use]
    pub fn root_pem_file(&self) -> PathBuf {
        let file = self.root_file.get_or_init(|| {
            let mut file = tempfile::Builder::new()
                .suffix(".pem")
                .tempfile()
                .expect("a temporary file");
            file.write_all(self.root_pem().as_bytes())
                .expect("write the root");
            file
        });
        file.path().to_owned()
    }

    /// A good certificate for a host name or an address: 30 of its 90 days are over.
    #[must_use]
    pub fn good(&self, name: &str) -> Issued {
        self.leaf(name).issue()
    }

    /// A certificate that a client identifies itself with.
    #[must_use]
    pub fn client(&self, name: &str) -> Issued {
        self.leaf(name).usage(ExtendedKeyUsagePurpose::ClientAuth).issue()
    }

    /// A certificate to be described further.
    #[must_use]
    pub fn leaf(&self, name: &str) -> LeafSpec<'_> {
        LeafSpec::new(self, name)
    }

    fn after(&self, seconds: i64) -> OffsetDateTime {
        self.now + Duration::seconds(seconds)
    }
}

/// A leaf to be issued by the intermediate.
#[derive(Debug)]
pub struct LeafSpec<'a> {
    authority: &'a Authority,
    params: CertificateParams,
    sends_intermediate: bool,
}

impl<'a> LeafSpec<'a> {
    fn new(authority: &'a Authority, name: &str) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name for a certificate");
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(SerialNumber::from_slice(&serial()));
        Self {
            authority,
            params,
            sends_intermediate: true,
        }
        .valid(-30 * DAY, 60 * DAY)
    }

    /// Also for these names and addresses.
    #[must_use]
    pub fn also(mut self, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let more = CertificateParams::new(names)
            .expect("names for a certificate")
            .subject_alt_names;
        self.params.subject_alt_names.extend(more);
        self
    }

    /// Without any alternative name; the common name stays.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        self.params.subject_alt_names.clear();
        self
    }

    /// Valid from and until, in seconds from the authority's now.
    #[must_use]
    pub fn valid(mut self, not_before: i64, not_after: i64) -> Self {
        self.params.not_before = self.authority.after(not_before);
        self.params.not_after = self.authority.after(not_after);
        self
    }

    /// For this use only, in place of server authentication.
    #[must_use]
    pub fn usage(mut self, usage: ExtendedKeyUsagePurpose) -> Self {
        self.params.extended_key_usages = vec![usage];
        self
    }

    /// Names where the issuer's certificate can be fetched (RFC 5280 section 4.2.2.1, caIssuers).
    #[must_use]
    pub fn ca_issuers(self, url: &str) -> Self {
        let content = access_description(&[1, 3, 6, 1, 5, 5, 7, 48, 2], url);
        self.extension(CustomExtension::from_oid_content(AUTHORITY_INFORMATION, content))
    }

    /// With an extension of any kind.
    #[must_use]
    pub fn extension(mut self, extension: CustomExtension) -> Self {
        self.params.custom_extensions.push(extension);
        self
    }

    /// Presented alone, without the intermediate.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.sends_intermediate = false;
        self
    }

    /// Signs it with the intermediate.
    #[must_use]
    pub fn issue(self) -> Issued {
        let issuer = &self.authority.intermediate;
        let sent = if self.sends_intermediate {
            vec![issuer.der().clone()]
        } else {
            Vec::new()
        };
        self.issue_by(issuer, sent)
    }

    /// Signs it with another issuer, and presents `sent` behind it.
    #[must_use]
    pub fn issue_by(self, issuer: &Issuer, sent: Vec<CertificateDer<'static>>) -> Issued {
        let key = new_key();
        let leaf = self.params.signed_by(&key, issuer).expect("sign a leaf");
        let serial = self.serial();
        let chain = std::iter::once(leaf.der().clone()).chain(sent).collect();
        Issued {
            chain,
            key: private_key(&key),
            staple: None,
            serial,
        }
    }

    /// Signs it with its own key; there is no chain.
    #[must_use]
    pub fn self_signed(self) -> Issued {
        let key = new_key();
        let leaf = self.params.self_signed(&key).expect("sign a leaf");
        Issued {
            chain: vec![leaf.der().clone()],
            key: private_key(&key),
            staple: None,
            serial: self.serial(),
        }
    }

    fn serial(&self) -> Vec<u8> {
        self.params
            .serial_number
            .as_ref()
            .map(SerialNumber::to_bytes)
            .unwrap_or_default()
    }
}

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

/// Whether a name is an address: such a host is sent without SNI.
#[must_use]
pub fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

pub(crate) fn ca_params(common: &str, organisation: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(common);
    params
        .distinguished_name
        .push(DnType::OrganizationName, organisation);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - Duration::days(365);
    params.not_after = now + Duration::days(3650);
    params
}

fn common_name(common: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common);
    subject
}

pub(crate) fn new_key() -> KeyPair {
    KeyPair::generate().expect("generate a P-256 key")
}

pub(crate) fn private_key(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// Sixteen random bytes that are a positive number.
fn serial() -> [u8; 16] {
    let mut bytes = [0; 16];
    provider().secure_random.fill(&mut bytes).expect("random bytes");
    bytes[0] = bytes[0] & 0x7f | 0x40;
    bytes
}

/// `AuthorityInfoAccessSyntax` with one URL.
fn access_description(method: &[u64], url: &str) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|access| {
            access.next().write_sequence(|description| {
                description
                    .next()
                    .write_oid(&yasna::models::ObjectIdentifier::from_slice(method));
                description
                    .next()
                    .write_tagged_implicit(yasna::Tag::context(6), |uri| uri.write_ia5_string(url));
            });
        });
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
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

/// authorityInfoAccess (RFC 5280 section 4.2.2.1).
const AUTHORITY_INFORMATION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
