//! Why a handshake failed, told by the error's type and never by its text.

use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

use crate::outcome::TlsFailure;

/// How far a chain of sources is followed.
const MAX_DEPTH: usize = 16;

/// The most bytes of a text that are kept.
const MAX_TEXT: usize = 200;

/// What TLS says was wrong, wherever in the chain of sources it stands; `None` when TLS had no part in it.
///
/// A server that wants a client certificate says so only after the handshake in TLS 1.3: the error then arrives while
/// the response is read.
#[must_use]
pub fn classify(error: &io::Error) -> Option<TlsFailure> {
    let mut at: &(dyn std::error::Error + 'static) = error;
    for _ in 0..MAX_DEPTH {
        if let Some(found) = at.downcast_ref::<rustls::Error>() {
            return Some(describe(found));
        }
        // The source of an `io::Error` is that of the error inside: the inner one itself would be passed over.
        let inner = at.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        at = match inner {
            Some(inner) => inner,
            None => at.source()?,
        };
    }
    None
}

/// What went wrong during the handshake, after the peer's first byte or without one.
pub(super) fn during_handshake(error: &io::Error) -> TlsFailure {
    if let Some(failure) = classify(error) {
        failure
    } else if error.kind() == io::ErrorKind::TimedOut {
        TlsFailure::Timeout
    } else {
        TlsFailure::Closed
    }
}

fn describe(error: &rustls::Error) -> TlsFailure {
    if let rustls::Error::AlertReceived(alert) = error {
        TlsFailure::Alert(alert_name(*alert))
    } else if let rustls::Error::InvalidCertificate(fault) = error {
        TlsFailure::BadCertificate(if *fault == CertificateError::BadSignature {
            "its key did not sign the handshake".to_owned()
        } else {
            bounded(fault)
        })
    } else if *error == rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) {
        TlsFailure::Protocol("the answer is not TLS: plain text on the port".to_owned())
    } else {
        TlsFailure::Protocol(bounded(error))
    }
}

fn bounded(text: &impl std::fmt::Display) -> String {
    text.to_string()
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_TEXT)
        .collect()
}

/// The name of an alert as the RFCs spell it (RFC 8446 section 6 and the registry of IANA).
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls' enum is open; an alert without a name here is told by its number"
)]
pub(super) fn alert_name(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    let name = match alert {
        Alert::CloseNotify => "close_notify",
        Alert::UnexpectedMessage => "unexpected_message",
        Alert::BadRecordMac => "bad_record_mac",
        Alert::RecordOverflow => "record_overflow",
        Alert::HandshakeFailure => "handshake_failure",
        Alert::NoCertificate => "no_certificate",
        Alert::BadCertificate => "bad_certificate",
        Alert::UnsupportedCertificate => "unsupported_certificate",
        Alert::CertificateRevoked => "certificate_revoked",
        Alert::CertificateExpired => "certificate_expired",
        Alert::CertificateUnknown => "certificate_unknown",
        Alert::IllegalParameter => "illegal_parameter",
        Alert::UnknownCA => "unknown_ca",
        Alert::AccessDenied => "access_denied",
        Alert::DecodeError => "decode_error",
        Alert::DecryptError => "decrypt_error",
        Alert::ProtocolVersion => "protocol_version",
        Alert::InsufficientSecurity => "insufficient_security",
        Alert::InternalError => "internal_error",
        Alert::InappropriateFallback => "inappropriate_fallback",
        Alert::UserCanceled => "user_canceled",
        Alert::NoRenegotiation => "no_renegotiation",
        Alert::MissingExtension => "missing_extension",
        Alert::UnsupportedExtension => "unsupported_extension",
        Alert::CertificateUnobtainable => "certificate_unobtainable",
        Alert::UnrecognisedName => "unrecognized_name",
        Alert::BadCertificateStatusResponse => "bad_certificate_status_response",
        Alert::UnknownPSKIdentity => "unknown_psk_identity",
        Alert::CertificateRequired => "certificate_required",
        Alert::NoApplicationProtocol => "no_application_protocol",
        Alert::EncryptedClientHelloRequired => "ech_required",
        other => return format!("alert {}", u8::from(other)),
    };
    name.to_owned()
}
