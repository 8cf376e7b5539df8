//! Lists of revoked certificates (RFC 5280 section 5): where they are, and what they say once their issuer's key has
//! signed them.

use std::collections::HashSet;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::ocsp::Issuer;
use super::signature::Signed;
use super::{Presented, Roots};

/// Lists of one certificate that are looked at.
const MAX_POINTS: usize = 4;

/// The longest URL of a list.
const MAX_URL: usize = 2048;

/// Where the lists of a chain are: the certificate's position and the URL, for each.
#[must_use]
pub fn points(presented: &Presented) -> Vec<(usize, String)> {
    let each = presented.chain.iter().enumerate();
    each.flat_map(|(position, der)| urls(der).into_iter().map(move |url| (position, url)))
        .collect()
}

fn urls(der: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let mut urls = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else {
            continue;
        };
        for point in points.iter() {
            let Some(DistributionPointName::FullName(names)) = &point.distribution_point else {
                continue;
            };
            urls.extend(names.iter().filter_map(|name| match name {
                GeneralName::URI(url) if url.starts_with("http") && url.len() <= MAX_URL => {
                    Some((*url).to_owned())
                }
                _ => None,
            }));
        }
    }
    urls.truncate(MAX_POINTS);
    urls
}

/// A list that its issuer has signed.
#[derive(Debug)]
pub struct List {
    /// The key that signed it.
    key: Vec<u8>,
    serials: HashSet<Box<[u8]>>,
    /// Until when it is current.
    pub next_update: Option<Timestamp>,
}

impl List {
    /// Reads the list of the certificate at a position of a chain; `None` where it is no list, or not by its issuer.
    #[must_use]
    pub fn read(der: &[u8], presented: &Presented, position: usize, roots: &Roots) -> Option<Self> {
        let (_, list) = CertificateRevocationList::from_der(der).ok()?;
        let key = issuer_key(presented, position, roots, Some(list.issuer().as_raw()))?;
        if !Signed::read(der)?.is_signed_by(&key) {
            return None;
        }
        let next_update = list.next_update();
        Some(Self {
            serials: list
                .iter_revoked_certificates()
                .map(|revoked| revoked.raw_serial().into())
                .collect(),
            next_update: next_update.and_then(|at| Timestamp::from_second(at.timestamp()).ok()),
            key,
        })
    }

    /// Whether it revokes the certificate at a position of a chain; `None` where it is not by that one's issuer.
    #[must_use]
    pub fn revokes(&self, presented: &Presented, position: usize, roots: &Roots) -> Option<bool> {
        let key = issuer_key(presented, position, roots, None)?;
        if key != self.key {
            return None;
        }
        let (_, certificate) = X509Certificate::from_der(presented.chain.get(position)?).ok()?;
        Some(self.serials.contains(certificate.raw_serial()))
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.serials.len()
    }

    /// Whether it revokes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.serials.is_empty()
    }
}

/// The key that signed a certificate, of the issuer whose name it gives, which is this one.
fn issuer_key(presented: &Presented, position: usize, roots: &Roots, name: Option<&[u8]>) -> Option<Vec<u8>> {
    let der = presented.chain.get(position)?;
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    if name.is_some_and(|name| certificate.issuer().as_raw() != name) {
        return None;
    }
    Issuer::of(der, &certificate, &presented.chain, &roots.anchors).map(Issuer::into_key)
}
