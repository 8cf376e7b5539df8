//! How long a domain is registered (RFC 9083).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text::bounded;

/// What a registry says of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The registrable domain, as in `example.co.uk`.
    pub domain: String,
    /// When the registration ends; many registries say nothing of it.
    pub expiry: Option<Timestamp>,
    /// Its states, as in `redemption period`; at most 16, each at most 200 bytes.
    pub statuses: Vec<String>,
    /// When this was learnt.
    pub observed: Timestamp,
}

/// Warned of from so long before the end: a registrar's own mails begin then.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An answer is believed for so long: an end that was looked up months ago says nothing of a renewal since.
const BELIEVED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// States in which the domain does not resolve, or is about to be lost (RFC 8056).
const ALARMING: [&str; 6] = [
    "redemption period",
    "pending delete",
    "client hold",
    "server hold",
    "inactive",
    "pending restore",
];

impl Registration {
    /// Whether what was learnt is recent enough to be held against the domain.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.observed) <= BELIEVED
    }

    /// What should be and what is, where the registration is about to end, has ended, or is on hold.
    #[must_use]
    pub fn trouble(&self, now: Timestamp) -> Option<(String, String)> {
        let bad = self
            .statuses
            .iter()
            .find(|status| ALARMING.iter().any(|bad| status.eq_ignore_ascii_case(bad)));
        if let Some(status) = bad {
            return Some((
                format!("{} registered and delegated", self.domain),
                bounded(&format!("status {status}")),
            ));
        }
        let expiry = self.expiry.filter(|expiry| expiry.duration_since(now) < NOTICE)?;
        let ends = if expiry < now { "ended" } else { "ends" };
        Some((
            format!("{} registered for 30 days and more", self.domain),
            format!("the registration {ends} {expiry}"),
        ))
    }
}
