//! What a certificate says beyond what a verdict needs: for those who look at one closely.

use jiff::Timestamp;
use serde::Serialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry as oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::name::hex;
use crate::text::bounded;

/// The close look at one certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Algorithm and size of its key, as in `ECDSA P-256`.
    pub key: String,
    /// How it is signed, as in `ECDSA with SHA-256`.
    pub signature: String,
    /// What the key may be used for.
    pub usages: Vec<&'static str>,
    /// Whether it may issue others.
    pub authority: bool,
    /// Logs of Certificate Transparency that promise to hold it (RFC 6962).
    pub timestamps: Vec<LogTimestamp>,
    /// Where its revocation can be asked for (OCSP).
    pub ocsp: Vec<String>,
    /// Where revocation lists are.
    pub revocation_lists: Vec<String>,
    /// Where its issuer's certificate is (caIssuers).
    pub issuers: Vec<String>,
}

/// The promise of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogTimestamp {
    /// The log: the SHA-256 of its key, lower-case hexadecimal.
    pub log: String,
    /// When it promised.
    pub at: Option<Timestamp>,
}

/// Reads a certificate in DER; `None` of what is none.
#[must_use]
pub fn detail(der: &[u8]) -> Option<Detail> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut detail = Detail {
        key: key(certificate.public_key()),
        signature: signature(&certificate.signature_algorithm),
        ..Detail::default()
    };
    for extension in certificate.iter_extensions() {
        detail.take(extension.parsed_extension());
    }
    Some(detail)
}

impl Detail {
    fn take(&mut self, extension: &ParsedExtension<'_>) {
        if let ParsedExtension::BasicConstraints(basic) = extension {
            self.authority = basic.ca;
        } else if let ParsedExtension::ExtendedKeyUsage(usage) = extension {
            let known = [
                (usage.any, "any"),
                (usage.server_auth, "server"),
                (usage.client_auth, "client"),
                (usage.code_signing, "code signing"),
                (usage.email_protection, "e-mail"),
                (usage.ocsp_signing, "OCSP signing"),
            ];
            let set = known.iter().filter(|(set, _)| *set);
            self.usages.extend(set.map(|(_, name)| *name));
        } else if let ParsedExtension::SCT(promises) = extension {
            self.timestamps.extend(promises.iter().map(|promise| {
                LogTimestamp {
                    log: hex(promise.id.key_id),
                    at: i64::try_from(promise.timestamp)
                        .ok()
                        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()),
                }
            }));
        } else if let ParsedExtension::AuthorityInfoAccess(access) = extension {
            for description in access.iter() {
                if description.access_method == oid::OID_PKIX_ACCESS_DESCRIPTOR_OCSP {
                    self.ocsp.extend(url(&description.access_location));
                } else if description.access_method == oid::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS {
                    self.issuers.extend(url(&description.access_location));
                }
            }
        } else if let ParsedExtension::CRLDistributionPoints(points) = extension {
            for point in points.iter() {
                if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                    self.revocation_lists.extend(names.iter().filter_map(url));
                }
            }
        }
    }
}

fn url(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::URI(url) = name {
        Some(bounded(url))
    } else {
        None
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    let curve = info
        .algorithm
        .parameters
        .as_ref()
        .and_then(|any| any.as_oid().ok());
    let curves = [
        (oid::OID_EC_P256, "ECDSA P-256"),
        (oid::OID_NIST_EC_P384, "ECDSA P-384"),
        (oid::OID_NIST_EC_P521, "ECDSA P-521"),
    ];
    let known = curve.and_then(|curve| curves.into_iter().find(|(known, _)| *known == curve));
    if let Some((_, name)) = known {
        return name.to_owned();
    }
    if info.algorithm.algorithm == oid::OID_SIG_ED25519 {
        return "Ed25519".to_owned();
    }
    if let Ok(PublicKey::RSA(key)) = info.parsed() {
        return format!("RSA {} bits", key.key_size());
    }
    bounded(&info.algorithm.algorithm.to_id_string())
}

/// The usual algorithms by name, others by their identifier.
fn signature(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let known = [
        (oid::OID_SIG_ECDSA_WITH_SHA256, "ECDSA with SHA-256"),
        (oid::OID_SIG_ECDSA_WITH_SHA384, "ECDSA with SHA-384"),
        (oid::OID_SIG_ECDSA_WITH_SHA512, "ECDSA with SHA-512"),
        (oid::OID_PKCS1_SHA256WITHRSA, "RSA with SHA-256"),
        (oid::OID_PKCS1_SHA384WITHRSA, "RSA with SHA-384"),
        (oid::OID_PKCS1_SHA512WITHRSA, "RSA with SHA-512"),
        (oid::OID_PKCS1_SHA1WITHRSA, "RSA with SHA-1"),
        (oid::OID_PKCS1_RSASSAPSS, "RSA-PSS"),
        (oid::OID_SIG_ED25519, "Ed25519"),
    ];
    let found = known.iter().find(|(known, _)| *known == algorithm.algorithm);
    found.map_or_else(
        || bounded(&algorithm.algorithm.to_id_string()),
        |(_, name)| (*name).to_owned(),
    )
}
