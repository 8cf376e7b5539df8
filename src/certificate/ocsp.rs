//! The stapled OCSP response (RFC 6960): believed only when its issuer, or whom the issuer named, signed it.

use aws_lc_rs::digest::{self, Algorithm};
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus,
    ResponseData, SingleResponse,
};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;

use super::signature::{PublicKey, Signed};
use crate::outcome::Staple;

/// How far the responder's clock may be ahead of or behind ours, in seconds.
const SKEW: i64 = 300;

/// How long a response without `nextUpdate` is believed, in seconds.
const UNLIMITED: i64 = 24 * 3600;

/// The most certificates of a response that are tried as its signer's.
const MAX_SIGNERS: usize = 4;

/// What a staple proves, apart from the time: it is worked out once per staple.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// There is none.
    Absent,
    /// It proves nothing at any time.
    Worthless,
    /// Its issuer speaks of this certificate.
    Signed {
        /// Seconds since the epoch from which on it is current.
        from: i64,
        /// The last second in which it is.
        until: i64,
        /// Since when the certificate is revoked, if it is.
        revoked: Option<Timestamp>,
    },
}

impl Evidence {
    /// What it is worth at a time, and since when the certificate is revoked.
    pub(super) fn at(self, now: Timestamp) -> (Staple, Option<Timestamp>) {
        match self {
            Self::Absent => (Staple::Absent, None),
            Self::Signed { from, until, revoked } if (from..=until).contains(&now.as_second()) => {
                match revoked {
                    Some(at) => (Staple::Revoked, Some(at)),
                    None => (Staple::Good, None),
                }
            }
            Self::Worthless | Self::Signed { .. } => (Staple::Invalid, None),
        }
    }
}

/// Reads a staple for the leaf of a chain; its issuer may be one of the others or an anchor.
pub(super) fn read(staple: &[u8], chain: &[CertificateDer<'_>], anchors: &[TrustAnchor<'_>]) -> Evidence {
    if staple.is_empty() {
        return Evidence::Absent;
    }
    evidence(staple, chain, anchors).unwrap_or(Evidence::Worthless)
}

fn evidence(staple: &[u8], chain: &[CertificateDer<'_>], anchors: &[TrustAnchor<'_>]) -> Option<Evidence> {
    let response = OcspResponse::from_der(staple).ok()?;
    let bytes = response.response_bytes?;
    let kind = <BasicOcspResponse as der::oid::AssociatedOid>::OID;
    if response.response_status != OcspResponseStatus::Successful || bytes.response_type != kind {
        return None;
    }
    // Taken apart by hand and not as a `BasicOcspResponse`: the signature is over the bytes as they were sent.
    let basic = Signed::read(bytes.response.as_bytes())?;
    let data = ResponseData::from_der(basic.content).ok()?;

    let (leaf, others) = chain.split_first()?;
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let issuer = Issuer::of(leaf, &certificate, others, anchors)?;
    let single = issuer.answer(&data.responses, certificate.raw_serial())?;
    said(single, issuer.signer(&basic)?)
}

/// What an answer says, for as long as both it and its signer are current.
fn said(single: &SingleResponse, (signer_from, signer_until): (i64, i64)) -> Option<Evidence> {
    let revoked = match single.cert_status {
        CertStatus::Good(_) => None,
        CertStatus::Revoked(info) => Some(Timestamp::from_second(seconds(info.revocation_time)).ok()?),
        CertStatus::Unknown(_) => return None,
    };
    let from = seconds(single.this_update);
    let until = single
        .next_update
        .map_or_else(|| from.saturating_add(UNLIMITED), seconds);
    Some(Evidence::Signed {
        from: (from - SKEW).max(signer_from),
        until: until.saturating_add(SKEW).min(signer_until),
        revoked,
    })
}

fn seconds(time: OcspGeneralizedTime) -> i64 {
    i64::try_from(time.0.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

/// Who issued the leaf.
#[derive(Debug)]
pub(super) struct Issuer<'a> {
    /// Its name in DER.
    name: &'a [u8],
    /// Its `SubjectPublicKeyInfo`.
    key: Vec<u8>,
}

impl<'a> Issuer<'a> {
    /// The one of that name whose key signed the leaf: a certificate sent along for show is not believed.
    pub(super) fn of(
        leaf: &CertificateDer<'_>,
        certificate: &'a X509Certificate<'_>,
        others: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
    ) -> Option<Self> {
        let name = certificate.issuer().as_raw();
        let content = super::signature::sequence(name)?;
        let presented = others.iter().filter_map(|der| {
            let (_, other) = X509Certificate::from_der(der).ok()?;
            (other.subject().as_raw() == name).then(|| other.public_key().raw.to_vec())
        });
        let trusted = anchors.iter().filter(|anchor| anchor.subject.as_ref() == content);
        let trusted = trusted.map(|anchor| webpki::spki_for_anchor(anchor).as_ref().to_vec());
        let signed = Signed::read(leaf)?;
        let key = presented.chain(trusted).find(|key| signed.is_signed_by(key))?;
        Some(Self { name, key })
    }

    /// Its key alone.
    pub(super) fn into_key(self) -> Vec<u8> {
        self.key
    }

    /// The answer about a serial number of this issuer; of several, one that says revoked.
    fn answer<'r>(&self, responses: &'r [SingleResponse], serial: &[u8]) -> Option<&'r SingleResponse> {
        let mut matching = responses.iter().filter(|one| self.is_meant(&one.cert_id, serial));
        let first = matching.next()?;
        let revoked = |one: &&SingleResponse| matches!(one.cert_status, CertStatus::Revoked(_));
        Some(
            std::iter::once(first)
                .chain(matching)
                .find(revoked)
                .unwrap_or(first),
        )
    }

    fn is_meant(&self, id: &CertId, serial: &[u8]) -> bool {
        let Some(algorithm) = algorithm(&id.hash_algorithm.oid.to_string()) else {
            return false;
        };
        let Some(key) = PublicKey::read(&self.key) else {
            return false;
        };
        without_zeros(id.serial_number.as_bytes()) == without_zeros(serial)
            && id.issuer_name_hash.as_bytes() == digest::digest(algorithm, self.name).as_ref()
            && id.issuer_key_hash.as_bytes() == digest::digest(algorithm, key.bits).as_ref()
    }

    /// When the signer's authority begins and ends: without end for the issuer itself.
    fn signer(&self, response: &Signed<'_>) -> Option<(i64, i64)> {
        if response.is_signed_by(&self.key) {
            return Some((i64::MIN, i64::MAX));
        }
        let delegates = certificates(response.rest).unwrap_or_default();
        delegates.iter().find_map(|der| self.delegate(response, der))
    }

    /// A delegated responder (RFC 6960 section 4.2.2.2): issued by the same issuer, for this purpose.
    fn delegate(&self, response: &Signed<'_>, der: &[u8]) -> Option<(i64, i64)> {
        let (_, delegate) = X509Certificate::from_der(der).ok()?;
        let purpose = delegate.extended_key_usage().ok()??;
        let issued = delegate.issuer().as_raw() == self.name && Signed::read(der)?.is_signed_by(&self.key);
        let validity = delegate.validity();
        (purpose.value.ocsp_signing && issued && response.is_signed_by(delegate.public_key().raw))
            .then(|| (validity.not_before.timestamp(), validity.not_after.timestamp()))
    }
}

/// The digests that certificate ids are made with.
fn algorithm(oid: &str) -> Option<&'static Algorithm> {
    match oid {
        "1.3.14.3.2.26" => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        "2.16.840.1.101.3.4.2.1" => Some(&digest::SHA256),
        "2.16.840.1.101.3.4.2.2" => Some(&digest::SHA384),
        "2.16.840.1.101.3.4.2.3" => Some(&digest::SHA512),
        _ => None,
    }
}

/// `certs [0] EXPLICIT SEQUENCE OF Certificate`, each as its own bytes.
fn certificates(rest: &[u8]) -> Option<Vec<&[u8]>> {
    let list = AnyRef::from_der(rest).ok()?.value();
    let mut reader = SliceReader::new(super::signature::sequence(list)?).ok()?;
    let mut found = Vec::new();
    while found.len() < MAX_SIGNERS && !reader.is_finished() {
        found.push(reader.tlv_bytes().ok()?);
    }
    Some(found)
}

fn without_zeros(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    &serial[zeros..]
}
