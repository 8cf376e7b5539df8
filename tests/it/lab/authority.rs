//! A certificate authority, made at run time: a root, an intermediate, and every certificate a server should
//! or should not present. All keys are P-256.

pub mod flaw;
pub mod issued;
pub mod leaf;
pub mod ocsp;

use std::{io::Write as _, path::PathBuf, sync::OnceLock, time::SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

pub use self::{
    flaw::Flaw,
    issued::{Issued, provider},
    leaf::LeafSpec,
    ocsp::Staple,
};

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

    /// Another certificate of the root, of the same name and key, that ends so many seconds from now.
    #[must_use]
    pub fn root_until(&self, seconds: i64) -> CertificateDer<'static> {
        let mut params = ca_params("Lab Root", "Lab", self.now);
        params.not_after = self.after(seconds);
        let other = params.self_signed(self.root.key()).expect("sign the root again");
        other.der().clone()
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

    /// The intermediate's list of revoked certificates in DER, with these leaves on it, current until then (in seconds
    /// from the authority's now).
    #[must_use]
    pub fn list(&self, revoked: &[&Issued], until: i64) -> Vec<u8> {
        let revoked = revoked.iter().map(|issued| rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from_slice(&issued.serial),
            revocation_time: self.after(-HOUR),
            reason_code: None,
            invalidity_date: None,
        });
        let params = rcgen::CertificateRevocationListParams {
            this_update: self.after(-2 * DAY),
            next_update: self.after(until),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.intermediate).expect("sign a list");
        list.der().to_vec()
    }

    fn after(&self, seconds: i64) -> OffsetDateTime {
        self.now + Duration::seconds(seconds)
    }
}

pub(crate) fn ca_params(common: &str, organisation: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    // The organisation first, as authorities write their own names.
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::CommonName, common);
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
