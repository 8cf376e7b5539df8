//! OCSP responses (RFC 6960), to be stapled.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, KeyPair, SigningKey as _};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use yasna::{
    Tag, construct_der,
    models::{GeneralizedTime, ObjectIdentifier},
};

use super::{Authority, DAY, HOUR, Issued, LeafSpec, new_key};

/// What a staple says of its certificate, and whether it can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Staple {
    /// Good, for a week; signed by the issuer.
    Good,
    /// Revoked since yesterday; signed by the issuer.
    Revoked,
    /// The responder does not know it.
    Unknown,
    /// Revoked, but the answer ended a week ago.
    RevokedExpired,
    /// Good, but the answer ended a week ago.
    GoodExpired,
    /// Revoked, signed by a stranger's key.
    WronglySigned,
    /// Good, signed by a responder that the issuer delegated to.
    Delegated,
    /// Revoked, signed by a responder that the issuer delegated to.
    DelegatedRevoked,
    /// Revoked, signed by a certificate of the issuer that is no responder's.
    NotDelegated,
    /// Revoked, but it is another certificate's.
    OtherCertificate,
    /// The responder says "try later": no statement at all.
    TryLater,
    /// No OCSP response.
    Garbage,
}

impl Staple {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Good,
        Self::Revoked,
        Self::Unknown,
        Self::RevokedExpired,
        Self::GoodExpired,
        Self::WronglySigned,
        Self::Delegated,
        Self::DelegatedRevoked,
        Self::NotDelegated,
        Self::OtherCertificate,
        Self::TryLater,
        Self::Garbage,
    ];

    fn status(self) -> Status {
        match self {
            Self::Good | Self::GoodExpired | Self::Delegated => Status::Good,
            Self::Unknown => Status::Unknown,
            Self::Revoked
            | Self::RevokedExpired
            | Self::WronglySigned
            | Self::DelegatedRevoked
            | Self::NotDelegated
            | Self::OtherCertificate
            | Self::TryLater
            | Self::Garbage => Status::Revoked,
        }
    }
}

#[derive(Clone, Copy)]
enum Status {
    Good,
    Revoked,
    Unknown,
}

/// Who signs a response: a key, and the certificate that is sent along.
struct Responder<'a> {
    key: &'a KeyPair,
    certificate: Option<Vec<u8>>,
    name: Vec<u8>,
}

impl Authority {
    /// A good certificate for a name with an OCSP response of its own.
    #[must_use]
    pub fn stapled(&self, name: &str, staple: Staple) -> Issued {
        let issued = self.good(name);
        let response = self.staple(&issued, staple);
        issued.stapled(response)
    }

    /// An OCSP response for a certificate of this authority's intermediate, in DER.
    #[must_use]
    pub fn staple(&self, issued: &Issued, staple: Staple) -> Vec<u8> {
        let issuer_key = self.intermediate.key();
        match staple {
            Staple::TryLater => construct_der(|w| w.write_sequence(|s| s.next().write_enum(3))),
            Staple::Garbage => vec![0x30, 0x03, 0x0a, 0x01],
            Staple::WronglySigned => self.respond(issued, staple, &self.issuer_responder(&new_key())),
            Staple::Delegated | Staple::DelegatedRevoked => {
                let leaf = self.leaf("responder").without_names();
                self.delegated(issued, staple, leaf.usage(ExtendedKeyUsagePurpose::OcspSigning))
            }
            Staple::NotDelegated => self.delegated(issued, staple, self.leaf("responder").without_names()),
            Staple::Good
            | Staple::Revoked
            | Staple::Unknown
            | Staple::RevokedExpired
            | Staple::GoodExpired
            | Staple::OtherCertificate => self.respond(issued, staple, &self.issuer_responder(issuer_key)),
        }
    }

    fn issuer_responder<'a>(&self, key: &'a KeyPair) -> Responder<'a> {
        Responder {
            key,
            certificate: None,
            name: subject(self.intermediate.der()),
        }
    }

    fn delegated(&self, issued: &Issued, staple: Staple, leaf: LeafSpec<'_>) -> Vec<u8> {
        let no_check = CustomExtension::from_oid_content(OCSP_NO_CHECK, vec![5, 0]);
        let responder = leaf.extension(no_check).issue();
        let key = KeyPair::try_from(&responder.key).expect("a key of our own");
        let name = subject(responder.leaf());
        self.respond(
            issued,
            staple,
            &Responder {
                key: &key,
                certificate: Some(responder.leaf().to_vec()),
                name,
            },
        )
    }

    /// `OCSPResponse`, successful, with a `BasicOCSPResponse`.
    fn respond(&self, issued: &Issued, staple: Staple, responder: &Responder<'_>) -> Vec<u8> {
        let data = self.response_data(issued, staple, responder);
        let signature = responder.key.sign(&data).expect("sign an OCSP response");
        let basic = construct_der(|writer| {
            writer.write_sequence(|basic| {
                basic.next().write_der(&data);
                basic
                    .next()
                    .write_sequence(|algorithm| algorithm.next().write_oid(&oid(ECDSA_WITH_SHA256)));
                basic.next().write_bitvec_bytes(&signature, signature.len() * 8);
                if let Some(certificate) = &responder.certificate {
                    basic.next().write_tagged(Tag::context(0), |certificates| {
                        certificates.write_sequence(|list| list.next().write_der(certificate));
                    });
                }
            });
        });
        construct_der(|writer| {
            writer.write_sequence(|response| {
                response.next().write_enum(0);
                response.next().write_tagged(Tag::context(0), |bytes| {
                    bytes.write_sequence(|bytes| {
                        bytes.next().write_oid(&oid(BASIC_RESPONSE));
                        bytes.next().write_bytes(&basic);
                    });
                });
            });
        })
    }

    /// `ResponseData` with one `SingleResponse`.
    fn response_data(&self, issued: &Issued, staple: Staple, responder: &Responder<'_>) -> Vec<u8> {
        let expired = matches!(staple, Staple::RevokedExpired | Staple::GoodExpired);
        let this_update = if expired { -14 * DAY } else { -HOUR };
        let until = this_update + 7 * DAY;
        let mut serial = issued.serial.clone();
        if staple == Staple::OtherCertificate {
            serial.reverse();
            serial[0] = 0x41;
        }
        construct_der(|writer| {
            writer.write_sequence(|data| {
                data.next()
                    .write_tagged(Tag::context(1), |by_name| by_name.write_der(&responder.name));
                data.next()
                    .write_generalized_time(&whole_second(self.after(this_update)));
                data.next().write_sequence(|responses| {
                    responses.next().write_sequence(|single| {
                        single.next().write_der(&self.certificate_id(&serial));
                        single.next().write_der(&self.certificate_status(staple.status()));
                        single
                            .next()
                            .write_generalized_time(&whole_second(self.after(this_update)));
                        single.next().write_tagged(Tag::context(0), |next| {
                            next.write_generalized_time(&whole_second(self.after(until)));
                        });
                    });
                });
            });
        })
    }

    /// `CertID` with SHA-1, as every responder makes it.
    fn certificate_id(&self, serial: &[u8]) -> Vec<u8> {
        let issuer = self.intermediate.der();
        let (_, parsed) = X509Certificate::from_der(issuer).expect("a certificate of our own");
        let name_hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, parsed.subject().as_raw());
        let key_hash = digest(
            &SHA1_FOR_LEGACY_USE_ONLY,
            &parsed.public_key().subject_public_key.data,
        );
        construct_der(|writer| {
            writer.write_sequence(|id| {
                id.next().write_sequence(|algorithm| {
                    algorithm.next().write_oid(&oid(SHA1));
                    algorithm.next().write_null();
                });
                id.next().write_bytes(name_hash.as_ref());
                id.next().write_bytes(key_hash.as_ref());
                id.next().write_bigint_bytes(serial, true);
            });
        })
    }

    fn certificate_status(&self, status: Status) -> Vec<u8> {
        construct_der(|writer| match status {
            Status::Good => writer.write_der(GOOD),
            Status::Unknown => writer.write_der(UNKNOWN),
            Status::Revoked => writer.write_tagged_implicit(Tag::context(1), |revoked| {
                revoked.write_sequence(|info| {
                    info.next()
                        .write_generalized_time(&whole_second(self.after(-DAY)));
                    info.next()
                        .write_tagged(Tag::context(0), |reason| reason.write_enum(KEY_COMPROMISE));
                });
            }),
        })
    }
}

fn subject(der: &[u8]) -> Vec<u8> {
    let (_, parsed) = X509Certificate::from_der(der).expect("a certificate of our own");
    parsed.subject().as_raw().to_vec()
}

/// DER times have no fraction (RFC 5280 section 4.1.2.5.2).
fn whole_second(at: OffsetDateTime) -> GeneralizedTime {
    GeneralizedTime::from_datetime(at.replace_nanosecond(0).expect("zero is a nanosecond"))
}

fn oid(components: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(components)
}

const BASIC_RESPONSE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const OCSP_NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
const ECDSA_WITH_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const SHA1: &[u64] = &[1, 3, 14, 3, 2, 26];
/// `[0] IMPLICIT NULL` and `[2] IMPLICIT NULL`.
const GOOD: &[u8] = &[0x80, 0];
const UNKNOWN: &[u8] = &[0x82, 0];
const KEY_COMPROMISE: i64 = 1;
