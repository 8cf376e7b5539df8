use der::{Decode as _, Encode as _};
use rustls_pki_types::{ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::lab::{Authority, Flaw, Issued, Staple};

#[test]
fn a_good_certificate_is_good_for_a_name_and_for_an_address() {
    let authority = Authority::new();
    for name in ["a.test", "127.0.0.1", "::1"] {
        assert_eq!(judge(&authority, &authority.good(name), name), Ok(()));
    }
    let both = authority.leaf("a.test").also(&["b.test", "*.c.test"]).issue();
    assert_eq!(judge(&authority, &both, "b.test"), Ok(()));
    assert_eq!(judge(&authority, &both, "x.c.test"), Ok(()));
}

#[test]
fn every_flaw_is_the_one_that_a_verifier_finds() {
    let authority = Authority::new();
    for flaw in Flaw::ALL {
        let verdict = judge(&authority, &authority.bad("a.test", flaw), "a.test");
        let as_said = match flaw {
            Flaw::Expired | Flaw::IntermediateExpired => matches!(verdict, Err(Error::CertExpired { .. })),
            Flaw::NotYetValid => matches!(verdict, Err(Error::CertNotValidYet { .. })),
            Flaw::WrongName | Flaw::NoNames => matches!(verdict, Err(Error::CertNotValidForName(_))),
            Flaw::SelfSigned
            | Flaw::UnknownIssuer
            | Flaw::UnknownIssuerWithoutRoot
            | Flaw::MissingIntermediate
            | Flaw::MissingIntermediateWithUrl => verdict == Err(Error::UnknownIssuer),
            Flaw::SelfSignedAuthority => verdict == Err(Error::CaUsedAsEndEntity),
            Flaw::DamagedSignature | Flaw::OtherIssuerKey => {
                verdict == Err(Error::InvalidSignatureForPublicKey)
            }
            Flaw::OtherLeafKey => verdict == Ok(()),
            Flaw::NotForServers => matches!(verdict, Err(Error::RequiredEkuNotFoundContext(_))),
            Flaw::IssuerNotAuthority => verdict == Err(Error::EndEntityUsedAsCa),
            Flaw::NameConstraint => verdict == Err(Error::NameConstraintViolation),
            Flaw::UnknownCriticalExtension => verdict == Err(Error::UnsupportedCriticalExtension),
            Flaw::BrokenEncoding => matches!(verdict, Err(Error::BadDer | Error::TrailingData(_))),
        };
        assert!(as_said, "{flaw:?}: {verdict:?}");
    }
}

#[test]
fn only_the_flaw_with_a_url_names_where_the_issuer_is() {
    let authority = Authority::new();
    let names_url = |flaw| {
        let issued = authority.bad("a.test", flaw);
        let (_, leaf) = X509Certificate::from_der(issued.leaf()).expect("a certificate");
        leaf.extensions()
            .iter()
            .any(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.1")
    };
    assert!(names_url(Flaw::MissingIntermediateWithUrl));
    assert!(!names_url(Flaw::MissingIntermediate));
}

#[test]
fn every_staple_parses_and_says_what_it_is_called() {
    let authority = Authority::new();
    let issued = authority.good("a.test");
    for staple in Staple::ALL {
        let bytes = authority.staple(&issued, staple);
        match staple {
            Staple::Garbage => assert!(OcspResponse::from_der(&bytes).is_err()),
            Staple::TryLater => {
                let response = OcspResponse::from_der(&bytes).expect("an OCSP response");
                assert_eq!(response.response_status, OcspResponseStatus::TryLater);
            }
            Staple::Good | Staple::GoodExpired | Staple::Delegated => {
                assert!(matches!(single(&bytes).0, CertStatus::Good(_)), "{staple:?}");
            }
            Staple::Unknown => assert!(matches!(single(&bytes).0, CertStatus::Unknown(_))),
            Staple::Revoked
            | Staple::RevokedExpired
            | Staple::WronglySigned
            | Staple::DelegatedRevoked
            | Staple::NotDelegated
            | Staple::OtherCertificate => {
                assert!(matches!(single(&bytes).0, CertStatus::Revoked(_)), "{staple:?}");
            }
        }
    }
}

#[test]
fn a_staple_is_signed_by_whom_it_says() {
    let authority = Authority::new();
    let issued = authority.good("a.test");
    let intermediate = authority.intermediate();
    for staple in [Staple::Good, Staple::Revoked, Staple::RevokedExpired] {
        assert!(
            signed_by(&authority.staple(&issued, staple), &intermediate),
            "{staple:?}"
        );
    }
    assert!(!signed_by(
        &authority.staple(&issued, Staple::WronglySigned),
        &intermediate
    ));
    for staple in [Staple::Delegated, Staple::DelegatedRevoked, Staple::NotDelegated] {
        let bytes = authority.staple(&issued, staple);
        let responder = basic(&bytes).certs.expect("the responder's certificate")[0]
            .to_der()
            .expect("DER");
        assert!(signed_by(&bytes, &responder), "{staple:?}");
        assert!(!signed_by(&bytes, &intermediate), "{staple:?}");
        let (_, parsed) = X509Certificate::from_der(&responder).expect("a certificate");
        let may_sign = parsed
            .extended_key_usage()
            .expect("a usage")
            .expect("a usage")
            .value
            .ocsp_signing;
        assert_eq!(may_sign, staple != Staple::NotDelegated);
    }
}

#[test]
fn a_staple_is_for_its_certificate_unless_it_is_anothers() {
    let authority = Authority::new();
    let issued = authority.good("a.test");
    assert_eq!(single(&authority.staple(&issued, Staple::Good)).1, issued.serial);
    assert_ne!(
        single(&authority.staple(&issued, Staple::OtherCertificate)).1,
        issued.serial
    );
    let (_, leaf) = X509Certificate::from_der(issued.leaf()).expect("a certificate");
    assert_eq!(leaf.raw_serial(), issued.serial);
}

#[test]
fn the_root_can_be_given_as_a_file() {
    let authority = Authority::new();
    let text = std::fs::read_to_string(authority.root_pem_file()).expect("the root's file");
    assert_eq!(text, authority.root_pem());
    assert!(text.starts_with("-----BEGIN CERTIFICATE-----"));
}

/// The path first, then the name.
fn judge(authority: &Authority, issued: &Issued, name: &str) -> Result<(), Error> {
    let roots = authority.roots();
    let leaf = EndEntityCert::try_from(issued.leaf())?;
    let now = authority
        .now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time after 1970");
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &roots.roots,
        &issued.chain[1..],
        UnixTime::since_unix_epoch(now),
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    leaf.verify_is_valid_for_subject_name(&ServerName::try_from(name.to_owned()).expect("a server name"))
}

fn basic(bytes: &[u8]) -> BasicOcspResponse {
    let response = OcspResponse::from_der(bytes).expect("an OCSP response");
    let body = response.response_bytes.expect("a successful response").response;
    BasicOcspResponse::from_der(body.as_bytes()).expect("a basic response")
}

fn single(bytes: &[u8]) -> (CertStatus, Vec<u8>) {
    let response = basic(bytes).tbs_response_data.responses.remove(0);
    (
        response.cert_status,
        response.cert_id.serial_number.as_bytes().to_vec(),
    )
}

fn signed_by(bytes: &[u8], certificate: &[u8]) -> bool {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    let (_, parsed) = X509Certificate::from_der(certificate).expect("a certificate");
    let key = UnparsedPublicKey::new(
        &ECDSA_P256_SHA256_ASN1,
        &parsed.public_key().subject_public_key.data,
    );
    let basic = basic(bytes);
    let data = basic.tbs_response_data.to_der().expect("DER");
    key.verify(&data, basic.signature.as_bytes().expect("whole bytes"))
        .is_ok()
}
