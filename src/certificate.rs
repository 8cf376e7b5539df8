//! Certificates: what a presented chain says, and what it is worth.
//!
//! Pure: everything comes in as an argument, the time too. A handshake only records ([`Presented`]); [`judge`]
//! then says everything that is wrong at once, where a TLS library stops at the first fault.

use std::borrow::Cow;

use jiff::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};

mod detail;
mod facts;
mod fault;
mod judge;
mod name;
mod ocsp;
mod path;
pub mod revocation;
mod signature;

pub use detail::{Detail, LogTimestamp, detail};
pub use facts::facts;
pub use judge::{Judged, Question, judge};

/// The most certificates of a chain that are looked at.
pub const MAX_CHAIN: usize = 16;

/// What a server sent: bytes, not yet believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presented {
    /// The certificates in DER, leaf first, at most [`MAX_CHAIN`].
    pub chain: Vec<CertificateDer<'static>>,
    /// The stapled OCSP response in DER; empty: none.
    pub staple: Vec<u8>,
}

impl Presented {
    /// Keeps what is looked at.
    #[must_use]
    pub fn new(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], staple: &[u8]) -> Self {
        let certificates = std::iter::once(leaf).chain(others).take(MAX_CHAIN);
        Self {
            chain: certificates.map(|der| der.clone().into_owned()).collect(),
            staple: staple.to_vec(),
        }
    }
}

/// Who is trusted.
#[derive(Debug, Clone)]
pub struct Roots {
    anchors: Cow<'static, [TrustAnchor<'static>]>,
    /// The anchors' own certificates where they are known, with the ends of their validity, in the same order.
    certificates: Vec<(CertificateDer<'static>, Timestamp)>,
}

impl Roots {
    /// Mozilla's list of public authorities, as compiled in.
    #[must_use]
    pub const fn public() -> Self {
        Self {
            anchors: Cow::Borrowed(webpki_roots::TLS_SERVER_ROOTS),
            certificates: Vec::new(),
        }
    }

    /// The certificates of a PEM file; what cannot be an anchor is passed over. `None` when nothing is left.
    #[must_use]
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        let mut anchors = Vec::new();
        let mut certificates = Vec::new();
        for der in CertificateDer::pem_slice_iter(pem).filter_map(Result::ok) {
            if let Ok(anchor) = webpki::anchor_from_trusted_cert(&der) {
                anchors.push(anchor.to_owned());
                let ends = facts(&der).not_after;
                certificates.push((der, ends));
            }
        }
        if anchors.is_empty() {
            return None;
        }
        Some(Self {
            anchors: Cow::Owned(anchors),
            certificates,
        })
    }

    /// The root that a chain leads to at a time, by its name; `None` where it leads to none.
    #[must_use]
    pub fn reached(&self, presented: &Presented, at: Timestamp) -> Option<String> {
        let (leaf, others) = presented.chain.split_first()?;
        let path = path::verify(leaf, others, &self.anchors, at).ok()?;
        name::of_anchor(path.anchor)
    }

    /// Whether a certificate is, byte for byte, one of those trusted: then it needs no issuer, as in Go.
    fn hold(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.iter().any(|(der, _)| der == certificate)
    }

    /// When the last of the certificates ends that an anchor of this list has, if it is known: any of them will do.
    fn end_of(&self, anchor: &TrustAnchor<'_>) -> Option<Timestamp> {
        let known = self.anchors.iter().zip(&self.certificates);
        let of_it = known.filter(|(one, _)| *one == anchor);
        of_it.map(|(_, (_, ends))| *ends).max()
    }
}
