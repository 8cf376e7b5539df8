//! What is known of authorities and registrations, and what is known of an endpoint beside its probes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::outcome::CertificateFacts;
use crate::outlook::caa::Caa;
use crate::outlook::feed::Feed;
use crate::outlook::registration::Registration;
use crate::outlook::renewal::Window;
use crate::outlook::{Foreseen, Issuer};

/// What concerns many endpoints; replaced by every change, so that a reader sees one moment.
#[derive(Debug, Clone, Default)]
pub struct Foresight {
    /// In the order of the configuration.
    pub authorities: Vec<Authority>,
    /// What others say of themselves, in the order of the configuration.
    pub feeds: Vec<Feed>,
    /// Whether the registrations of domains are looked up.
    pub looks_up_registrations: bool,
    /// By registrable domain.
    pub registrations: BTreeMap<String, Arc<Registration>>,
}

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its name, unique.
    pub name: String,
    /// Texts of which one stands in the issuer of its certificates.
    pub issuers: Vec<String>,
    /// Whether it answered when it was last asked; `None` before.
    pub up: Option<bool>,
    /// What was wrong then, at most 200 bytes.
    pub problem: Option<String>,
}

/// What is known of one endpoint beside its probes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlook {
    /// When its certificate should be renewed.
    pub window: Option<Window>,
    /// Whether the issuer of its certificate may renew it.
    pub caa: Option<Caa>,
    /// The domain that its host is registered under.
    pub domain: Option<String>,
}

impl Authority {
    /// Whether it has issued a certificate.
    #[must_use]
    pub fn issued(&self, facts: &CertificateFacts) -> bool {
        let mut texts = self.issuers.iter();
        texts.any(|text| facts.issuer_name.contains(text.as_str()) || facts.issuer.contains(text.as_str()))
    }
}

impl Foresight {
    /// The same knowledge under a configuration with these authorities.
    #[must_use]
    pub fn succeed(
        &self,
        authorities: &[(String, Vec<String>)],
        feeds: &[String],
        registrations: bool,
    ) -> Self {
        let authority = |(name, issuers): &(String, Vec<String>)| {
            let before = self.authorities.iter().find(|before| before.name == *name);
            Authority {
                name: name.clone(),
                issuers: issuers.clone(),
                up: before.and_then(|before| before.up),
                problem: before.and_then(|before| before.problem.clone()),
            }
        };
        Self {
            authorities: authorities.iter().map(authority).collect(),
            feeds: feeds
                .iter()
                .map(|name| {
                    let before = self.feeds.iter().find(|before| before.name == *name);
                    before.cloned().unwrap_or_else(|| Feed::new(name))
                })
                .collect(),
            looks_up_registrations: registrations,
            registrations: if registrations {
                self.registrations.clone()
            } else {
                BTreeMap::new()
            },
        }
    }

    /// Who has issued a certificate, if it is an authority that is watched.
    #[must_use]
    pub fn issuer(&self, facts: &CertificateFacts) -> Option<&Authority> {
        self.authorities.iter().find(|authority| authority.issued(facts))
    }

    /// What concerns an endpoint that serves this leaf.
    #[must_use]
    pub fn about<'a>(
        &'a self,
        outlook: &'a Outlook,
        leaf: Option<&CertificateFacts>,
        renewed_with: Option<f64>,
        now: Timestamp,
    ) -> Foreseen<'a> {
        let issuer = leaf.and_then(|leaf| self.issuer(leaf)).map(|authority| Issuer {
            name: &authority.name,
            up: authority.up,
        });
        let id = leaf.and_then(|leaf| leaf.renewal_id.as_deref());
        let registration = outlook.domain.as_ref();
        Foreseen {
            issuer,
            window: outlook
                .window
                .as_ref()
                .filter(|window| Some(window.certificate.as_str()) == id),
            renewed_with,
            caa: outlook.caa.as_ref(),
            registration: registration
                .and_then(|domain| self.registrations.get(domain))
                .filter(|registration| registration.is_fresh(now))
                .map(AsRef::as_ref),
        }
    }
}
