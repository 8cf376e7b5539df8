//! Intermediate certificates known from elsewhere: what proves that a chain is incomplete and not of a private root.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The most certificates that are learnt from other endpoints; there are about this many in use on the public web.
const MAX_LEARNT: usize = 256;

/// Intermediate certificates that other endpoints or a file have shown: they prove a chain incomplete.
#[derive(Debug, Default)]
pub struct Intermediates {
    learnt: ArcSwap<Vec<CertificateDer<'static>>>,
    given: usize,
}

impl Intermediates {
    /// Begins with the certificates of a PEM file; sections that are no certificate are passed over.
    #[must_use]
    pub fn from_pem(pem: &[u8]) -> Self {
        let given: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .filter_map(Result::ok)
            .collect();
        Self {
            given: given.len(),
            learnt: ArcSwap::from_pointee(given),
        }
    }

    /// Keeps certificates of a trusted path, first come, as long as there is room.
    pub fn learn<'a>(&self, certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>) {
        for certificate in certificates {
            if self.learnt.load().contains(certificate) {
                continue;
            }
            self.learnt.rcu(|known| {
                let mut known = Vec::clone(known);
                if known.len() < self.given + MAX_LEARNT && !known.contains(certificate) {
                    known.push(certificate.clone().into_owned());
                }
                known
            });
        }
    }

    /// Those known now.
    #[must_use]
    pub fn known(&self) -> Arc<Vec<CertificateDer<'static>>> {
        self.learnt.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_are_learnt_each_once() {
        let intermediates = Intermediates::default();
        for _ in 0..2 {
            for number in 0..1_000_u32 {
                let certificate = CertificateDer::from(number.to_be_bytes().to_vec());
                intermediates.learn([&certificate]);
            }
        }
        assert_eq!(intermediates.known().len(), MAX_LEARNT);
    }
}
