//! Looks at authorities, renewal windows, CAA records, registrations and status pages, each at its own slow pace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::acme::{AcmeError, Authority};
use super::rdap::{self, Registries};
use super::{Settings, feed, rdap::registrable};
use crate::clock::Clock;
use crate::endpoint::EndpointName;
use crate::outcome::CertificateFacts;
use crate::outlook::caa;
use crate::probe::Prober;
use crate::record::Recorder;
use crate::state::{Slot, State};

/// How often it is looked whether anything is due.
const TICK: Duration = Duration::from_secs(1);

/// How often the endpoints are gone through for what there is to look at: with thousands it takes milliseconds.
const REVIEW: Duration = Duration::from_secs(5);

/// Looks that begin in one tick, so that thousands are spread over minutes, and nobody is asked by all at once.
const AT_ONCE: usize = 16;

/// How long after a first failure an authority is asked again, before it is called down.
const CONFIRM: Duration = Duration::from_secs(5);

/// How often CAA records are looked at: they are consulted at each renewal, and change rarely.
const BETWEEN_CAA: Duration = Duration::from_secs(3_600);

/// After a look that came to nothing.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

/// After a window that makes no sense (RFC 9773 section 4.3.3).
const AFTER_NONSENSE: Duration = Duration::from_secs(6 * 3_600);

/// A climb may take so long.
const CLIMB: Duration = Duration::from_secs(10);

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// An authority, by its place in the configuration.
    Authority(usize),
    /// When the certificate of an endpoint should be renewed: its place, the endpoint, the certificate.
    Window(usize, EndpointName, String),
    /// Whether the issuer may renew it.
    Caa(usize, EndpointName),
    /// How long a domain is registered.
    Registration(String),
    /// A status page, by its place in the configuration.
    Feed(usize),
}

/// The loop.
#[derive(Debug)]
pub struct Watch {
    authorities: Vec<Watched>,
    registries: Option<Registries>,
    feeds: Vec<(feed::Settings, feed::Client)>,
    interval: Duration,
    means: Means,
}

/// What it works with.
#[derive(Debug)]
pub struct Means {
    /// Asks DNS.
    pub prober: Arc<Prober>,
    /// What is watched, and what is known of it.
    pub state: Arc<State>,
    /// Makes known what was learnt.
    pub recorder: Arc<Recorder>,
    /// Dates it.
    pub clock: Arc<dyn Clock>,
}

/// An authority, with what it was last heard to offer.
#[derive(Debug)]
struct Watched {
    authority: Authority,
    heard: Mutex<Heard>,
}

#[derive(Debug, Clone, Default)]
struct Heard {
    renewal_info: Option<Url>,
    /// Failures in a row.
    failures: u32,
}

impl Watch {
    /// Makes ready; what cannot be used is said and left out.
    #[must_use]
    pub fn new(settings: &Settings, means: Means) -> Self {
        let authority = |settings: &super::acme::Settings| match Authority::new(settings.clone()) {
            Ok(authority) => Some(Watched {
                authority,
                heard: Mutex::default(),
            }),
            Err(error) => {
                means.recorder.authority(&settings.name, Some(&error.to_string()));
                None
            }
        };
        let registries = settings.registration.clone().map(Registries::new);
        let registries = registries.and_then(|registries| {
            registries
                .inspect_err(|error| tracing::error!(%error, "registrations cannot be looked up"))
                .ok()
        });
        let page = |settings: &feed::Settings| match feed::Client::new(settings) {
            Ok(client) => Some((settings.clone(), client)),
            Err(error) => {
                means.recorder.feed(&settings.name, Err(error.to_string()));
                None
            }
        };
        Self {
            feeds: settings.feeds.iter().filter_map(page).collect(),
            authorities: settings.authorities.iter().filter_map(authority).collect(),
            registries,
            interval: settings.interval,
            means,
        }
    }

    /// Looks until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        let mut due: BTreeMap<Subject, Instant> = BTreeMap::new();
        let mut looking: JoinSet<(Subject, Duration)> = JoinSet::new();
        let (mut wanted, mut reviewed) = (this.wanted(), Instant::now());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(Ok((subject, wait))) = looking.join_next(), if !looking.is_empty() => {
                    due.insert(subject, Instant::now() + wait);
                    continue;
                }
                _ = tick.tick() => {}
            }
            let now = Instant::now();
            if now.duration_since(reviewed) >= REVIEW {
                (wanted, reviewed) = (this.wanted(), now);
                due.retain(|subject, _| wanted.contains(subject));
            }
            let room = AT_ONCE.saturating_sub(looking.len());
            let waiting = |subject: &&Subject| due.get(*subject).is_none_or(|due| *due <= now);
            let next: Vec<Subject> = wanted.iter().filter(waiting).take(room).cloned().collect();
            for subject in next {
                // Not again before this look has ended; a look that is lost is made again in an hour.
                due.insert(subject.clone(), now + BETWEEN_CAA);
                let this = Arc::clone(&this);
                looking.spawn(async move {
                    let wait = this.look(&subject).await;
                    (subject, wait)
                });
            }
        }
    }

    /// All that there is to look at now.
    fn wanted(&self) -> BTreeSet<Subject> {
        let mut wanted: BTreeSet<Subject> = (0..self.authorities.len()).map(Subject::Authority).collect();
        wanted.extend((0..self.feeds.len()).map(Subject::Feed));
        for slot in &self.means.state.catalogue().slots {
            if self.registries.is_some()
                && let Some(domain) = registrable(&slot.endpoint.host)
            {
                self.means.recorder.registered_under(slot, &domain);
                wanted.insert(Subject::Registration(domain));
            }
            let state = slot.current();
            let chain = state.as_ref().and_then(|state| state.chain.as_ref());
            let Some(leaf) = chain.and_then(|chain| chain.leaf()) else {
                continue;
            };
            let Some(place) = self.issuer(leaf) else { continue };
            let name = slot.endpoint.name.clone();
            wanted.insert(Subject::Caa(place, name.clone()));
            if let Some(id) = &leaf.renewal_id
                && self
                    .heard(place)
                    .is_some_and(|heard| heard.renewal_info.is_some())
            {
                wanted.insert(Subject::Window(place, name, id.clone()));
            }
        }
        wanted
    }

    fn issuer(&self, leaf: &CertificateFacts) -> Option<usize> {
        let foresight = self.means.state.foresight();
        let name = &foresight.issuer(leaf)?.name;
        let mut authorities = self.authorities.iter();
        authorities.position(|watched| watched.authority.settings().name == *name)
    }

    fn heard(&self, place: usize) -> Option<Heard> {
        let heard = self.authorities.get(place)?.heard.lock();
        Some(heard.unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Looks once; gives how long to wait before the next time.
    async fn look(&self, subject: &Subject) -> Duration {
        match subject {
            Subject::Authority(place) => self.look_at_authority(*place).await,
            Subject::Window(place, name, certificate) => self.look_at_window(*place, name, certificate).await,
            Subject::Caa(place, name) => self.look_at_caa(*place, name).await,
            Subject::Registration(domain) => self.look_at_registration(domain).await,
            Subject::Feed(place) => self.look_at_feed(*place).await,
        }
    }

    async fn look_at_authority(&self, place: usize) -> Duration {
        let Some(watched) = self.authorities.get(place) else {
            return self.interval;
        };
        let found = watched.authority.probe().await;
        let mut heard = watched.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let name = &watched.authority.settings().name;
        match found {
            Ok(offer) => {
                *heard = Heard {
                    renewal_info: offer.renewal_info,
                    failures: 0,
                };
                self.means.recorder.authority(name, None);
                self.interval
            }
            Err(error) => {
                heard.failures = heard.failures.saturating_add(1);
                if heard.failures == 1 {
                    return CONFIRM.min(self.interval);
                }
                self.means.recorder.authority(name, Some(&error.to_string()));
                self.interval
            }
        }
    }

    async fn look_at_window(&self, place: usize, name: &EndpointName, certificate: &str) -> Duration {
        let heard = self.heard(place).and_then(|heard| heard.renewal_info);
        let (Some(watched), Some(url)) = (self.authorities.get(place), heard) else {
            return AFTER_FAILURE;
        };
        let asked = watched
            .authority
            .window(&url, certificate, self.means.clock.now());
        match asked.await {
            Ok((window, wait)) => {
                self.with(name, |slot| self.means.recorder.renewal_window(slot, window));
                wait
            }
            Err(error) => {
                // The last window stays: an authority that is silent has not changed its mind.
                let authority = &watched.authority.settings().name;
                tracing::debug!(endpoint = %name, authority, %error, "no renewal window");
                match error {
                    AcmeError::Window(_) => AFTER_NONSENSE,
                    AcmeError::Fetch(_) | AcmeError::NoNonce(_) => AFTER_FAILURE,
                }
            }
        }
    }

    async fn look_at_caa(&self, place: usize, name: &EndpointName) -> Duration {
        let catalogue = self.means.state.catalogue();
        let (Some(watched), Some(slot)) = (self.authorities.get(place), catalogue.find(name.as_str())) else {
            return AFTER_FAILURE;
        };
        let state = slot.current();
        let chain = state.as_ref().and_then(|state| state.chain.as_ref());
        let leaf = chain.and_then(|chain| chain.leaf());
        let host = leaf.map_or_else(
            || slot.endpoint.host.clone(),
            |leaf| issued_for(leaf, &slot.endpoint.host),
        );
        let resolver = &self.means.prober.resolver;
        let answers = resolver.caa(&host, Instant::now() + CLIMB).await;
        let verdict = caa::judge(&answers, &host, &watched.authority.settings().identifiers);
        let wait = match &verdict {
            caa::Caa::Permits => BETWEEN_CAA,
            caa::Caa::Forbids(_) | caa::Caa::Unknown(_) => AFTER_FAILURE,
        };
        self.with(name, |slot| self.means.recorder.caa(slot, verdict));
        wait
    }

    async fn look_at_registration(&self, domain: &str) -> Duration {
        let Some(registries) = &self.registries else {
            return rdap::BETWEEN_LOOKS;
        };
        let now = self.means.clock.now();
        let known = self.means.state.foresight().registrations.get(domain).cloned();
        let age = known.and_then(|known| Duration::try_from(now.duration_since(known.observed)).ok());
        if let Some(left) = age.and_then(|age| rdap::BETWEEN_LOOKS.checked_sub(age)) {
            // An earlier run has looked today.
            return left.max(TICK);
        }
        match registries.look_up(domain, now).await {
            Ok(registration) => {
                self.means.recorder.registration(registration);
                rdap::BETWEEN_LOOKS
            }
            Err(error) => {
                self.means.recorder.no_registration(domain, &error.to_string());
                error.wait()
            }
        }
    }

    async fn look_at_feed(&self, place: usize) -> Duration {
        let Some((settings, client)) = self.feeds.get(place) else {
            return AFTER_FAILURE;
        };
        let now = self.means.clock.now();
        let (look, error) = match client.ask(now).await {
            Ok(report) => (Ok(report), None),
            Err(error) => (Err(error.to_string()), Some(error)),
        };
        let known = self.means.recorder.feed(&settings.name, look);
        known.map_or(settings.interval, |known| {
            feed::wait(settings.interval, &known, error.as_ref(), now)
        })
    }

    /// The endpoint, if it is still watched.
    fn with(&self, name: &EndpointName, then: impl FnOnce(&Slot)) {
        if let Some(slot) = self.means.state.catalogue().find(name.as_str()) {
            then(slot);
        }
    }
}

/// The name that a certificate was issued for: the host itself, or the wildcard above it, which other CAA records
/// permit (RFC 8659 section 4.3).
fn issued_for(leaf: &CertificateFacts, host: &str) -> String {
    let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let has = |name: &str| leaf.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match wildcard {
        Some(wildcard) if !has(host) && has(&wildcard) => wildcard,
        Some(_) | None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str]) -> CertificateFacts {
        CertificateFacts {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..crate::certificate::facts(&[])
        }
    }

    #[test]
    fn caa_is_asked_for_the_wildcard_where_the_certificate_has_nothing_else() {
        let wild = certificate(&["*.example.com", "example.com"]);
        assert_eq!(issued_for(&wild, "a.example.com"), "*.example.com");
        assert_eq!(issued_for(&wild, "example.com"), "example.com");
        let both = certificate(&["*.example.com", "a.example.com"]);
        assert_eq!(issued_for(&both, "a.example.com"), "a.example.com");
        assert_eq!(
            issued_for(&certificate(&["b.test"]), "a.example.com"),
            "a.example.com"
        );
    }
}
