//! A leaf: described, then issued.

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::CertificateDer;

use super::{
    Authority, DAY, Issuer, common_name,
    issued::{Issued, private_key, provider},
    new_key,
};

/// A leaf to be issued by the intermediate.
#[derive(Debug)]
pub struct LeafSpec<'a> {
    authority: &'a Authority,
    pub(crate) params: CertificateParams,
    sends_intermediate: bool,
}

impl<'a> LeafSpec<'a> {
    pub(crate) fn new(authority: &'a Authority, name: &str) -> Self {
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

    /// Of an organisation with its seat, as certificates that vouch for one name it: country, state, town, itself.
    #[must_use]
    pub fn seated(mut self, common: &str) -> Self {
        let mut subject = DistinguishedName::new();
        for (kind, value) in [
            (DnType::CountryName, "US"),
            (DnType::StateOrProvinceName, "California"),
            (DnType::LocalityName, "San Francisco"),
            (DnType::OrganizationName, "Lab, Inc."),
            (DnType::OrganizationalUnitName, "One + Two"),
            (DnType::CommonName, common),
        ] {
            subject.push(kind, value);
        }
        self.params.distinguished_name = subject;
        self
    }

    /// With this serial number.
    #[must_use]
    pub fn numbered(mut self, serial: &[u8]) -> Self {
        self.params.serial_number = Some(SerialNumber::from_slice(serial));
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

    /// Names where its issuer's list of revoked certificates is.
    #[must_use]
    pub fn listed_at(mut self, url: &str) -> Self {
        let uris = vec![url.to_owned()];
        self.params
            .crl_distribution_points
            .push(rcgen::CrlDistributionPoint { uris });
        self
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

/// authorityInfoAccess (RFC 5280 section 4.2.2.1).
const AUTHORITY_INFORMATION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
