//! Which cause explains which: the step from what is seen to why.

use crate::cause::{Cause, Effect, Stage};

/// Whether a warning cause explains a symptom; `status` is that of the answer, if there was one.
///
/// A name that leads to the wrong place explains that nothing answers there, or something else does. It does not
/// explain a server error: what fails with a 5xx is an application that knows the name.
pub(super) fn explains(root: Cause, symptom: Cause, status: Option<u16>) -> bool {
    if symptom.effect() != Effect::Down {
        return false;
    }
    let leads_astray = matches!(
        root,
        Cause::PlatformTargetChanged | Cause::PlatformDomainMissing | Cause::DnsTargetDrift
    );
    let hinders_issue = matches!(
        root,
        Cause::PlatformCertificateFailing
            | Cause::CaaForbidsIssuer
            | Cause::IssuerDown
            | Cause::RenewalOverdue
    );
    (leads_astray && drift_explains(symptom, status))
        || (hinders_issue && unissued_explains(symptom))
        || (root == Cause::RegistrationExpiring && symptom.stage() == Stage::Dns)
        || (root == Cause::DnsDisagreement && symptom.stage() == Stage::Dns)
}

/// Whether a root can explain a symptom, whatever the answer's status was.
#[must_use]
pub fn explained_by(symptom: Cause, root: Cause) -> bool {
    explains(root, symptom, None) || explains(root, symptom, Some(404))
}

/// A certificate that could not be had explains that an old one or another one is served.
const fn unissued_explains(symptom: Cause) -> bool {
    matches!(
        symptom,
        Cause::TlsExpired | Cause::TlsHostnameMismatch | Cause::TlsSelfSigned | Cause::TlsUnknownIssuer
    )
}

fn drift_explains(symptom: Cause, status: Option<u16>) -> bool {
    match symptom.stage() {
        Stage::Vantage | Stage::Platform | Stage::Foresight | Stage::Traffic => false,
        Stage::Dns => matches!(symptom, Cause::DnsTargetDangling | Cause::DnsNxdomain),
        // The proxy's own.
        Stage::Connect if symptom == Cause::ConnectProxy => false,
        Stage::Connect | Stage::Tls => true,
        Stage::Http if symptom == Cause::HttpStatus => matches!(status, Some(404 | 410 | 421)),
        Stage::Http => {
            let server_error = status.is_some_and(|status| status >= 500);
            let content = matches!(
                symptom,
                Cause::HttpRedirectWrong | Cause::HttpHeader | Cause::HttpBody
            );
            content && !server_error
        }
        // Another service answers where the name leads; that a service says it is ill is its own.
        Stage::Exchange => matches!(symptom, Cause::ExchangeProtocol | Cause::ExchangeMismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_explains_what_a_wrong_place_does_and_never_a_server_error() {
        let drift = |symptom, status| explains(Cause::DnsTargetDrift, symptom, status);
        assert!(drift(Cause::TlsHostnameMismatch, None));
        assert!(drift(Cause::ConnectTimeout, None));
        assert!(drift(Cause::DnsTargetDangling, None));
        assert!(drift(Cause::HttpStatus, Some(404)));
        assert!(!drift(Cause::HttpStatus, Some(500)));
        assert!(!drift(Cause::HttpStatus, Some(403)));
        assert!(!drift(Cause::HttpBody, Some(503)));
        assert!(!drift(Cause::HttpTimeout, None));
        assert!(!drift(Cause::DnsTimeout, None));
        assert!(!drift(Cause::ConnectProxy, None));
    }

    #[test]
    fn what_hinders_the_issue_explains_a_wrong_certificate_and_nothing_else() {
        assert!(explains(
            Cause::PlatformCertificateFailing,
            Cause::TlsHostnameMismatch,
            None
        ));
        assert!(explains(Cause::IssuerDown, Cause::TlsExpired, None));
        assert!(!explains(Cause::RenewalOverdue, Cause::TlsAlert, None));
        assert!(!explains(Cause::CaaForbidsIssuer, Cause::ConnectRefused, None));
        assert!(explains(Cause::RegistrationExpiring, Cause::DnsNxdomain, None));
    }

    #[test]
    fn only_the_roots_of_the_table_explain_anything_and_only_what_takes_down() {
        for root in Cause::ALL {
            for symptom in Cause::ALL {
                let table = matches!(
                    root,
                    Cause::PlatformTargetChanged
                        | Cause::PlatformDomainMissing
                        | Cause::PlatformCertificateFailing
                        | Cause::DnsTargetDrift
                        | Cause::DnsDisagreement
                        | Cause::RenewalOverdue
                        | Cause::CaaForbidsIssuer
                        | Cause::IssuerDown
                        | Cause::RegistrationExpiring
                );
                if explains(*root, *symptom, Some(404)) {
                    assert!(
                        table && symptom.effect() == Effect::Down,
                        "{root} explains {symptom}"
                    );
                }
            }
        }
    }
}
