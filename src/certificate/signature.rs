//! Signatures over DER structures, checked with webpki's algorithms.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};

/// `SEQUENCE { what is signed, AlgorithmIdentifier, BIT STRING, … }`: a certificate or a basic OCSP response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// What is signed, with its tag and length.
    pub(super) content: &'a [u8],
    /// The algorithm, without tag and length.
    algorithm: &'a [u8],
    signature: &'a [u8],
    /// What follows the signature.
    pub(super) rest: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes it apart; `None` when it is not of that form.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut inside = SliceReader::new(sequence(der)?).ok()?;
        let content = inside.tlv_bytes().ok()?;
        let algorithm = sequence(inside.tlv_bytes().ok()?)?;
        let signature = BitStringRef::decode(&mut inside).ok()?.as_bytes()?;
        let rest = inside.read_slice(inside.remaining_len()).ok()?;
        Some(Self {
            content,
            algorithm,
            signature,
            rest,
        })
    }

    /// Whether a key, given as a whole `SubjectPublicKeyInfo`, made the signature.
    pub(super) fn is_signed_by(&self, key: &[u8]) -> bool {
        let Some(key) = PublicKey::read(key) else {
            return false;
        };
        webpki::ALL_VERIFICATION_ALGS
            .iter()
            .filter(|known| known.signature_alg_id().as_ref() == self.algorithm)
            .filter(|known| known.public_key_alg_id().as_ref() == key.algorithm)
            .any(|known| {
                let verified = known.verify_signature(key.bits, self.content, self.signature);
                verified.is_ok()
            })
    }
}

/// A `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicKey<'a> {
    algorithm: &'a [u8],
    /// The content of the bit string.
    pub(super) bits: &'a [u8],
}

impl<'a> PublicKey<'a> {
    /// Takes it apart; `None` when it is not of that form.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut inside = SliceReader::new(sequence(der)?).ok()?;
        let algorithm = sequence(inside.tlv_bytes().ok()?)?;
        let bits = BitStringRef::decode(&mut inside).ok()?.as_bytes()?;
        Some(Self { algorithm, bits })
    }
}

/// The content of a sequence.
pub(super) fn sequence(der: &[u8]) -> Option<&[u8]> {
    let any = AnyRef::from_der(der).ok()?;
    (any.tag() == der::Tag::Sequence).then(|| any.value())
}
