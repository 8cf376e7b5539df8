//! When a certificate should be renewed: by what its authority says (ARI, RFC 9773), else by habit.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::outcome::CertificateFacts;

/// When an authority wants a certificate to be renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The certificate that it is for (section 4.1).
    pub certificate: String,
    /// First instant.
    pub start: Timestamp,
    /// Last instant.
    pub end: Timestamp,
    /// A page that says why the window is what it is; at most 200 bytes.
    pub explanation: Option<String>,
}

/// Certificates of at most so long a life are renewed at half of it, others with a third left: the practice of ACME
/// clients since there are short-lived certificates.
const SHORT_LIVED: SignedDuration = SignedDuration::from_hours(10 * 24);

/// A habit is not broken by a little: that much later than usual, as a share of the usual rest.
const GRACE: f64 = 0.2;

/// The share of its lifetime that a certificate has left, 0 to 1, negative once it has ended; `None` of one that ends
/// before it begins.
#[must_use]
pub fn left(facts: &CertificateFacts, now: Timestamp) -> Option<f64> {
    let lifetime = facts.not_after.duration_since(facts.not_before).as_secs_f64();
    (lifetime > 0.0).then(|| facts.not_after.duration_since(now).as_secs_f64() / lifetime)
}

/// The share that is usually left when a certificate of this lifetime is renewed: as it was the last time, else as
/// clients do it.
#[must_use]
pub fn habit(facts: &CertificateFacts, renewed_with: Option<f64>) -> f64 {
    let short = facts.not_after.duration_since(facts.not_before) <= SHORT_LIVED;
    let usual = if short { 0.5 } else { 1.0 / 3.0 };
    // One that was renewed by hand, early or at the last moment, makes no habit.
    renewed_with
        .filter(|left| (0.05..0.9).contains(left))
        .map_or(usual, |left| left.min(usual))
}

/// Whether the renewal has begun to be due: the window is open, or the habit's time has come.
#[must_use]
pub fn is_due(
    facts: &CertificateFacts,
    window: Option<&Window>,
    renewed_with: Option<f64>,
    now: Timestamp,
) -> bool {
    match window {
        Some(window) => window.start <= now,
        None => left(facts, now).is_some_and(|left| left < habit(facts, renewed_with)),
    }
}

/// Why the renewal is overdue: what should have been, and what is. `None` while it is not.
///
/// With a window: it has ended and the same certificate is still served, weeks before it expires. Without: the habit's
/// time is over by a fifth.
#[must_use]
pub fn overdue(
    facts: &CertificateFacts,
    window: Option<&Window>,
    renewed_with: Option<f64>,
    now: Timestamp,
) -> Option<(String, String)> {
    if let Some(window) = window {
        let actual = format!("serial {} is still served", facts.serial);
        return (window.end < now).then(|| (format!("renewed by {}", window.end), actual));
    }
    let habit = habit(facts, renewed_with);
    let left = left(facts, now)?;
    (left < habit * (1.0 - GRACE)).then(|| {
        let expected = format!("renewed with {:.0} % of its lifetime left", habit * 100.0);
        (
            expected,
            format!("serial {} ends {}", facts.serial, facts.not_after),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(days: i64) -> CertificateFacts {
        CertificateFacts {
            serial: "0a".to_owned(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after: day(days),
            subject: String::new(),
            issuer: String::new(),
            issuer_name: String::new(),
            fingerprint_sha256: String::new(),
            names: Vec::new(),
            name_count: 0,
            self_signed: false,
            has_ca_issuers: false,
            renewal_id: None,
        }
    }

    fn day(days: i64) -> Timestamp {
        Timestamp::from_second(days * 86_400).unwrap()
    }

    #[test]
    fn a_window_that_has_ended_is_overdue_however_long_the_certificate_is_valid() {
        let facts = certificate(90);
        let window = Window {
            certificate: String::new(),
            start: day(30),
            end: day(31),
            explanation: None,
        };
        assert_eq!(overdue(&facts, Some(&window), None, day(31)), None);
        let (expected, actual) = overdue(&facts, Some(&window), None, day(32)).unwrap();
        assert_eq!(expected, "renewed by 1970-02-01T00:00:00Z");
        assert_eq!(actual, "serial 0a is still served");
        assert!(is_due(&facts, Some(&window), None, day(30)));
        assert!(!is_due(&facts, Some(&window), None, day(29)));
    }

    #[test]
    fn without_a_window_the_habit_counts_and_a_late_one_is_learnt() {
        let facts = certificate(90);
        assert!(!is_due(&facts, None, None, day(59)));
        assert!(is_due(&facts, None, None, day(61)));
        assert_eq!(overdue(&facts, None, None, day(65)), None);
        assert!(overdue(&facts, None, None, day(67)).is_some());
        // A platform that always renews with a fifth left is not late with a quarter left.
        assert_eq!(overdue(&facts, None, Some(0.2), day(68)), None);
        assert!(overdue(&facts, None, Some(0.2), day(77)).is_some());
        // The last renewal was made by hand on the first day: that is no habit.
        assert!(overdue(&facts, None, Some(0.99), day(67)).is_some());
    }

    #[test]
    fn a_short_lived_certificate_is_renewed_at_half() {
        let facts = certificate(6);
        assert!(is_due(&facts, None, None, day(4)));
        assert!(overdue(&facts, None, None, day(4)).is_some());
        assert!(!is_due(&facts, None, None, day(2)));
    }
}
