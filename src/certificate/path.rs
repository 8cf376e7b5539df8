//! One look for a path from a leaf to a trust anchor, and the links between what was presented.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

/// A path that was verified.
#[derive(Debug)]
pub(super) struct Path<'a> {
    /// The intermediates used, as positions in what was given: 0 is the first one given.
    pub(super) used: Vec<usize>,
    /// The anchor it leads to.
    pub(super) anchor: &'a TrustAnchor<'a>,
}

/// Verifies everything but the name at a time: signatures, constraints, usage, validity.
pub(super) fn verify<'a>(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    anchors: &'a [TrustAnchor<'static>],
    at: Timestamp,
) -> Result<Path<'a>, Error> {
    let leaf = EndEntityCert::try_from(leaf)?;
    let path = leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        intermediates,
        unix_time(at),
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    let position = |der: &CertificateDer<'_>| intermediates.iter().position(|one| one == der);
    let used = path.intermediate_certificates();
    let used = used
        .filter_map(|certificate| position(&certificate.der()))
        .collect();
    let found = path.anchor();
    let anchor = anchors.iter().find(|one| std::ptr::eq(*one, found));
    anchor
        .map(|anchor| Path { used, anchor })
        .ok_or(Error::UnknownIssuer)
}

/// The positions in a chain from its leaf on, each the issuer of the one before by name, as far as they lead.
pub(super) fn lineage(chain: &[CertificateDer<'_>]) -> Vec<usize> {
    let names: Vec<_> = chain.iter().map(names).collect();
    let mut line = vec![0];
    let mut last = 0;
    while let Some((_, issuer)) = &names[last] {
        let next = (0..chain.len()).find(|position| {
            let subject = names[*position].as_ref().map(|(subject, _)| subject);
            !line.contains(position) && subject == Some(issuer)
        });
        let Some(next) = next else { break };
        line.push(next);
        last = next;
    }
    line
}

/// Whether a certificate names itself as its issuer.
pub(super) fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    names(certificate).is_some_and(|(subject, issuer)| subject == issuer)
}

/// Subject and issuer; `None` when it cannot be read.
fn names(certificate: &CertificateDer<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    Some((certificate.subject().to_vec(), certificate.issuer().to_vec()))
}

fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0)))
}
