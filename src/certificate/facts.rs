//! What one certificate says (RFC 5280). Total: whatever the bytes are, there is a record.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use jiff::Timestamp;
use x509_parser::asn1_rs::{Any, FromDer as _, Oid, Tag};
use x509_parser::certificate::{Validity, X509Certificate, X509CertificateParser};
use x509_parser::extensions::{
    AuthorityInfoAccess, AuthorityKeyIdentifier, GeneralName, SubjectAlternativeName,
};
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry as oid;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::name::{self, hex, shortened};
use super::signature::Signed;
use crate::outcome::CertificateFacts;
use crate::text::visible;

/// The most alternative names that are kept.
pub(super) const MAX_NAMES: usize = 100;

/// The longest alternative name: that of a domain name.
const MAX_NAME: usize = 253;

/// The most bytes of a serial number that are shown; RFC 5280 allows 20.
const MAX_SERIAL: usize = 64;

/// Reads a certificate in DER. What cannot be read is empty (both dates: the epoch), the fingerprint is always there.
#[must_use]
pub fn facts(der: &[u8]) -> CertificateFacts {
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    match parser.parse(der) {
        Ok((_, certificate)) => read(der, &certificate),
        Err(_) => salvage(der),
    }
}

/// Whether the dates could be read.
pub(super) fn is_dated(facts: &CertificateFacts) -> bool {
    facts.not_before != Timestamp::UNIX_EPOCH || facts.not_after != Timestamp::UNIX_EPOCH
}

fn blank(der: &[u8]) -> CertificateFacts {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    CertificateFacts {
        subject: String::new(),
        issuer: String::new(),
        issuer_name: String::new(),
        serial: String::new(),
        fingerprint_sha256: hex(digest.as_ref()),
        not_before: Timestamp::UNIX_EPOCH,
        not_after: Timestamp::UNIX_EPOCH,
        names: Vec::new(),
        name_count: 0,
        self_signed: false,
        has_ca_issuers: false,
        renewal_id: None,
    }
}

fn read(der: &[u8], certificate: &X509Certificate<'_>) -> CertificateFacts {
    let mut facts = CertificateFacts {
        subject: name::text(certificate.subject()),
        serial: serial(certificate.raw_serial()),
        self_signed: is_self_signed(der, certificate),
        has_ca_issuers: has_ca_issuers(certificate),
        renewal_id: renewal_id(certificate),
        ..blank(der)
    };
    set_issuer(&mut facts, certificate.issuer());
    set_validity(&mut facts, certificate.validity());
    set_names(&mut facts, certificate);
    facts
}

/// The parts of the fixed order of RFC 5280 section 4.1, one by one, as far as they can be read.
fn salvage(der: &[u8]) -> CertificateFacts {
    let mut facts = blank(der);
    let _ = salvage_into(&mut facts, der);
    facts
}

fn salvage_into(facts: &mut CertificateFacts, der: &[u8]) -> Option<()> {
    let (_, certificate) = Any::from_der(der).ok()?;
    let (_, signed) = Any::from_der(certificate.data).ok()?;
    let (mut rest, mut part) = Any::from_der(signed.data).ok()?;
    if part.tag() == Tag(0) {
        (rest, part) = Any::from_der(rest).ok()?;
    }
    facts.serial = serial(part.data);
    let (rest, _algorithm) = Any::from_der(rest).ok()?;
    let (after, _) = Any::from_der(rest).ok()?;
    if let Ok((_, issuer)) = X509Name::from_der(rest) {
        set_issuer(facts, &issuer);
    }
    let (rest, _) = Any::from_der(after).ok()?;
    if let Ok((_, validity)) = Validity::from_der(after) {
        set_validity(facts, &validity);
    }
    let (_, subject) = X509Name::from_der(rest).ok()?;
    facts.subject = name::text(&subject);
    Some(())
}

fn set_issuer(facts: &mut CertificateFacts, issuer: &X509Name<'_>) {
    facts.issuer = name::text(issuer);
    facts.issuer_name = name::spoken(issuer);
}

fn set_validity(facts: &mut CertificateFacts, validity: &Validity) {
    facts.not_before = instant(validity.not_before);
    facts.not_after = instant(validity.not_after);
}

/// The certificate's instant; jiff's range ends a day before the year 9999 does, which some certificates use.
fn instant(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn serial(bytes: &[u8]) -> String {
    hex(&bytes[..bytes.len().min(MAX_SERIAL)])
}

fn set_names(facts: &mut CertificateFacts, certificate: &X509Certificate<'_>) {
    let Some(extension) = extension(certificate, &oid::OID_X509_EXT_SUBJECT_ALT_NAME) else {
        return;
    };
    let Ok((_, alternative)) = SubjectAlternativeName::from_der(extension) else {
        return;
    };
    for general in &alternative.general_names {
        if let Some(name) = subject_name(general) {
            facts.name_count += 1;
            if facts.names.len() < MAX_NAMES {
                facts.names.push(name);
            }
        }
    }
}

fn subject_name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some(shortened(visible(name).into_owned(), MAX_NAME)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|v4| Ipv4Addr::from(v4).to_string());
            let v6 = || <[u8; 16]>::try_from(*bytes).map(|v6| Ipv6Addr::from(v6).to_string());
            v4.or_else(|_| v6()).ok()
        }
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::URI(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

/// The content of the first extension of a kind.
fn extension<'a>(certificate: &X509Certificate<'a>, kind: &Oid<'_>) -> Option<&'a [u8]> {
    let mut extensions = certificate.iter_extensions();
    extensions
        .find(|extension| extension.oid == *kind)
        .map(|extension| extension.value)
}

fn has_ca_issuers(certificate: &X509Certificate<'_>) -> bool {
    extension(certificate, &oid::OID_PKIX_AUTHORITY_INFO_ACCESS)
        .and_then(|extension| AuthorityInfoAccess::from_der(extension).ok())
        .is_some_and(|(_, access)| {
            let mut methods = access.iter().map(|description| &description.access_method);
            methods.any(|method| *method == oid::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        })
}

/// The identifier of RFC 9773 section 4.1; none without a key identifier of the issuer.
fn renewal_id(certificate: &X509Certificate<'_>) -> Option<String> {
    let extension = extension(certificate, &oid::OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER)?;
    let (_, authority) = AuthorityKeyIdentifier::from_der(extension).ok()?;
    let key = authority.key_identifier?.0;
    let serial = certificate.raw_serial();
    (key.len() <= MAX_SERIAL && serial.len() <= MAX_SERIAL)
        .then(|| format!("{}.{}", BASE64_URL.encode(key), BASE64_URL.encode(serial)))
}

/// Self-issued, and its own key made the signature. webpki's algorithms leave out SHA-1, which many a device still
/// signs its own certificate with; x509-parser has it.
fn is_self_signed(der: &[u8], certificate: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == certificate.subject().as_raw()
        && (Signed::read(der).is_some_and(|signed| signed.is_signed_by(certificate.public_key().raw))
            || certificate.verify_signature(None).is_ok())
}
