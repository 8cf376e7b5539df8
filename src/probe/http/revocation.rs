//! Whether presented certificates stand on their issuers' lists: each list is fetched once, and kept while it is current.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Settings;
use super::hop::{Journey, Leg};
use super::redirect::Trail;
use super::room::Held;
use crate::certificate::revocation::{List, points};
use crate::certificate::{Presented, Roots};
use crate::endpoint::Expectation;
use crate::outcome::{ListFacts, RevocationFacts};
use crate::probe::call::Call;
use crate::probe::tls;

/// The largest list that is read: 10 MB, as blackbox_exporter has it.
const SIZE_LIMIT: u64 = 10_000_000;

/// Lists that are kept.
const MOST_LISTS: usize = 32;

/// Revoked certificates that are kept, of all lists.
const MOST_SERIALS: usize = 1_000_000;

/// The lists of a module.
pub struct Lists {
    /// Lists are signed: how they are fetched does not matter.
    settings: Settings,
    kept: Mutex<HashMap<String, Arc<List>>>,
}

impl std::fmt::Debug for Lists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lists")
    }
}

impl Lists {
    /// With nothing fetched yet.
    pub fn new(tls: tls::Connector) -> Self {
        let mut settings = Settings::new(tls);
        settings.body_size_limit = SIZE_LIMIT;
        Self {
            settings,
            kept: Mutex::default(),
        }
    }

    /// What the lists of a chain say. Ends by the probe's deadline.
    pub(super) async fn check(
        &self,
        call: Call<'_>,
        presented: &Presented,
        roots: &Roots,
    ) -> RevocationFacts {
        let begun = Instant::now();
        let points = points(presented);
        let lists = self.lists(call, presented, roots, &points).await;
        let now = call.prober.clock.now();
        let facts = points.iter().map(|(position, url)| {
            let list = lists.get(url);
            let revoked = list.and_then(|list| list.revokes(presented, *position, roots));
            let next_update = list.and_then(|list| list.next_update);
            ListFacts {
                position: *position,
                url: url.clone(),
                available: revoked.is_some(),
                stale: next_update.is_some_and(|next| next < now),
                revoked: revoked.unwrap_or(false),
                next_update,
            }
        });
        RevocationFacts {
            lists: facts.collect(),
            took: begun.elapsed(),
        }
    }

    /// The lists by their URLs, those that are missing or no longer current fetched. One probe fetches, others wait.
    async fn lists(
        &self,
        call: Call<'_>,
        presented: &Presented,
        roots: &Roots,
        points: &[(usize, String)],
    ) -> HashMap<String, Arc<List>> {
        let Ok(mut kept) = timeout_at(call.request.deadline, self.kept.lock()).await else {
            return HashMap::new();
        };
        let now = call.prober.clock.now();
        let missing: HashMap<&String, usize> = points
            .iter()
            .filter(|(_, url)| !kept.get(url).is_some_and(|list| is_current(list, now)))
            .map(|(position, url)| (url, *position))
            .collect();
        let fetches = missing.into_iter().map(|(url, position)| async move {
            let body = self.fetch(call, url).await?;
            let list = List::read(&body, presented, position, roots)?;
            Some((url.clone(), Arc::new(list)))
        });
        for (url, list) in join_all(fetches).await.into_iter().flatten() {
            make_room(&mut kept, list.len());
            kept.insert(url, list);
        }
        let wanted = points
            .iter()
            .filter_map(|(_, url)| Some((url.clone(), Arc::clone(kept.get(url)?))));
        wanted.collect()
    }

    async fn fetch(&self, call: Call<'_>, url: &str) -> Option<Held> {
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let expect = Expectation::default();
        let own = call.aside(&url, &expect);
        let mut trail = Trail::new(Method::GET);
        trail.keeps_body = true;
        let journey = Journey {
            call: Call {
                prober: call.prober,
                request: &own,
                dns: Duration::ZERO,
            },
            settings: &self.settings,
        };
        let leg = Box::pin(journey.leg(&url, &trail, None, true)).await;
        let right =
            leg.hop.failure.is_none() && leg.hop.response.is_some_and(|response| response.status == 200);
        right.then_some(leg.body)
    }
}

impl Journey<'_> {
    /// Whether what was presented stands on a list, where the module asks.
    pub(super) async fn look_at_lists(&self, leg: &mut Leg) {
        let record = leg.record.take();
        let presented = record.as_ref().and_then(|record| record.presented());
        if let (Some(lists), Some(presented)) = (&self.settings.lists, presented) {
            let check = lists.check(self.call, presented, self.settings.tls.roots());
            leg.hop.revocation = Some(Box::pin(check).await);
        }
    }
}

/// A list without an end is fetched every time.
fn is_current(list: &List, now: Timestamp) -> bool {
    list.next_update.is_some_and(|next| now < next)
}

/// Everything goes when there is no room: what is in use comes back, once.
fn make_room(kept: &mut HashMap<String, Arc<List>>, serials: usize) {
    let all: usize = kept.values().map(|list| list.len()).sum();
    if kept.len() >= MOST_LISTS || all + serials > MOST_SERIALS {
        kept.clear();
    }
}
