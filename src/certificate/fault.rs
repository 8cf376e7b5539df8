//! webpki's errors in words, for `ChainProblem::Bad`.

use webpki::Error;

use super::name::shortened;

/// What is wrong, in a few words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "webpki's enum is open; what has no words here is shown as webpki names it"
)]
pub(super) fn describe(error: &Error) -> String {
    let words = match error {
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) => "the encoding is broken",
        Error::UnsupportedCertVersion => "not an X.509 version 3 certificate",
        Error::UnsupportedCriticalExtension => "a critical extension is unknown",
        Error::MalformedExtensions | Error::ExtensionValueInvalid => "an extension is broken",
        Error::InvalidSignatureForPublicKey => "a signature does not fit the key of its issuer",
        Error::SignatureAlgorithmMismatch => "two signature algorithms are named",
        Error::UnsupportedSignatureAlgorithmContext(_) => "a signature algorithm is not accepted",
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a signature algorithm does not go with the key of its issuer"
        }
        Error::CaUsedAsEndEntity => "an authority's certificate is used as a server's",
        Error::EndEntityUsedAsCa => "a certificate that is not an authority's has issued another",
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            "the extended key usage does not include server authentication"
        }
        Error::NameConstraintViolation => "a name constraint of an issuer is violated",
        Error::PathLenConstraintViolated => "a path length constraint of an issuer is violated",
        Error::InvalidCertValidity => "the validity ends before it begins",
        Error::CertDistrusted => "a key is known to be compromised",
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => "the chain is too complex",
        other => return shortened(format!("{other:?}"), 200),
    };
    words.to_owned()
}
