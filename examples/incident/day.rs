//! May 8th as it was: the reset, the certificates, the authority in trouble, and the proxy that rescues the rest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkwatch::cause::Cause;
use linkwatch::state::EndpointState;
use tokio::task::JoinSet;

use super::internet::{DOMAINS, REISSUED, domain};
use super::replay::{Replay, Scenario};
use super::watched::{Watched, root, symptom};

/// What is said of a domain at one time, clicks aside: up or down, the root, the symptom.
type Said = (bool, Option<Cause>, Option<Cause>);

const WELL: Said = (true, None, None);
const RESET: Said = (true, Some(Cause::PlatformTargetChanged), None);
const RESET_AND_DOWN: Said = (
    false,
    Some(Cause::PlatformTargetChanged),
    Some(Cause::TlsHostnameMismatch),
);
const UNISSUED: Said = (
    false,
    Some(Cause::PlatformCertificateFailing),
    Some(Cause::TlsHostnameMismatch),
);
const RESCUED: Said = (true, Some(Cause::PlatformCertificateFailing), None);

/// Everything that is said of each domain, in its order.
#[derive(Debug)]
pub(crate) struct Told {
    by_domain: Arc<Mutex<Vec<Vec<Said>>>>,
    _listening: JoinSet<()>,
}

impl Told {
    pub(crate) fn listen(watched: &Watched) -> Self {
        let by_domain = Arc::new(Mutex::new(vec![Vec::new(); DOMAINS]));
        let (state, kept) = (Arc::clone(&watched.state), Arc::clone(&by_domain));
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            loop {
                tick.tick().await;
                let catalogue = state.catalogue();
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                for (said, slot) in kept.iter_mut().zip(&catalogue.slots) {
                    let now = slot.current().and_then(|known| of(&known));
                    if let Some(now) = now
                        && said.last() != Some(&now)
                    {
                        said.push(now);
                    }
                }
            }
        });
        Self {
            by_domain,
            _listening: listening,
        }
    }

    /// Forgets what was said so far.
    fn restart(&self) {
        let mut kept = self.by_domain.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter_mut().for_each(Vec::clear);
    }

    /// What was said of a domain, each change once.
    fn of(&self, number: usize) -> Vec<Said> {
        let kept = self.by_domain.lock().unwrap_or_else(PoisonError::into_inner);
        kept[number].clone()
    }
}

/// What is said of it; that clicks are missing is said beside it and is no other cause.
fn of(known: &EndpointState) -> Option<Said> {
    let root = root(known).filter(|cause| *cause != Cause::TrafficLow);
    Some((known.up?, root, symptom(known)))
}

impl Replay {
    pub(crate) async fn day(&mut self) -> bool {
        self.told.restart();
        let failed_before = self.watched.failures();
        let seen = if self.scenario == Scenario::DayAtOnce {
            self.timeline.restart(
                "the platform resets the targets; DNS keeps the old ones; certificates fail with it",
            );
            self.internet.reset_targets();
            self.internet.end_certificates();
            true
        } else {
            self.timeline
                .restart("the platform resets the targets; DNS keeps the old ones; links still work");
            self.internet.reset_targets();
            self.see_the_reset(failed_before).await
                && self.see_the_page("LinkwatchPlatformTargetChanged").await
                && self.certificates_end().await
        };
        let seen = seen && self.see_certificates_fail().await && self.see_one_page().await;
        let seen = seen && self.see_quiet().await && self.see_no_second_page().await;
        tokio::time::sleep(self.pace.stands).await;
        let seen = seen && self.see_dashboards().await;
        self.moments.note_outage(self.internet.clock);
        if !seen || !self.pace.repairs {
            return seen;
        }
        self.see_three_reissued().await
            && self.see_the_rest_rescued().await
            && self.see_all_well().await
            && self.see_clicks_back().await
            && self.stay_well().await
            && self.see_dashboards().await
            && self.has_never_paged_for_clicks().await
            && self.see_one_page().await
            && self.see_no_wrong_cause().await
    }

    /// The reset is said of every domain before any request has failed.
    async fn see_the_reset(&mut self, failed_before: u64) -> bool {
        let (watched, limit) = (&self.watched, self.pace.noticed);
        let all = async || watched.all(|known| of(known) == Some(RESET));
        let event = "all ten: platform_target_changed, at the first poll after the reset";
        if !self.timeline.wait(event, limit, all).await {
            return false;
        }
        let failed = watched.failures() - failed_before;
        let event = format!("requests that have failed so far: {failed}");
        self.timeline.check(&event, failed == 0) && self.advise()
    }

    async fn certificates_end(&mut self) -> bool {
        tokio::time::sleep(self.pace.minutes_later).await;
        self.timeline
            .note("minutes later the old target's certificates are taken away");
        self.internet.end_certificates();
        true
    }

    async fn see_certificates_fail(&mut self) -> bool {
        let (watched, limit) = (&self.watched, self.pace.verdict);
        let all = async || watched.all(|known| of(known) == Some(RESET_AND_DOWN));
        let event = "all ten are confirmed down: platform_target_changed, therefore tls_hostname_mismatch";
        if !self.timeline.wait(event, limit, all).await {
            return false;
        }
        let scrape = watched.scrape().await;
        let down = scrape.count("linkwatch_endpoint_up", &[], " 0");
        let roots = scrape.count(
            "linkwatch_endpoint_cause",
            &["cause=\"platform_target_changed\"", "role=\"root\""],
            " 1",
        );
        let event = format!("/metrics: endpoint_up 0 on {down}, root platform_target_changed on {roots}");
        let holds = (down, roots) == (DOMAINS, DOMAINS);
        let advised = self.scenario == Scenario::Day || self.advise();
        self.timeline.check(&event, holds) && advised
    }

    /// However many alerts there are, and however they change: one page.
    async fn see_one_page(&mut self) -> bool {
        if !self.alerts.are_judged() {
            return true;
        }
        let (alerts, limit) = (&self.alerts, self.pace.verdict);
        let fires = async || {
            alerts
                .paging()
                .await
                .iter()
                .any(|name| name == "LinkwatchGroupDown")
        };
        if self.watched.count(|known| known.up == Some(false)) == DOMAINS
            && !self
                .timeline
                .wait("LinkwatchGroupDown fires for group tracking", limit, fires)
                .await
        {
            return false;
        }
        // What has just begun to fire is counted with Prometheus' next step; a page too many stays counted.
        let (alerts, limit) = (&self.alerts, self.pace.verdict);
        let once = async || alerts.paged_once().await;
        self.timeline.wait("one page so far", limit, once).await
    }

    /// Every panel of every dashboard shows what it is for, or says why it is empty.
    async fn see_dashboards(&mut self) -> bool {
        let Some(panels) = self.alerts.panels(&self.pace).await else {
            return true;
        };
        for fault in &panels.faults {
            self.timeline.say(&format!("   ---   {fault}"));
        }
        let event = format!(
            "dashboards: {} panels show it, {} say why they are empty, faults: {}",
            panels.with_data,
            panels.said_empty,
            panels.faults.len()
        );
        self.timeline.check(&event, panels.faults.is_empty())
    }

    async fn see_three_reissued(&mut self) -> bool {
        self.timeline.restart(
            "the owner sets the records that the page names; the authority issues three, and fails for the rest",
        );
        self.internet.repair_dns().await;
        let (watched, limit) = (&self.watched, self.pace.verdict);
        let three = async || {
            watched.count(|known| of(known) == Some(WELL)) == REISSUED
                && watched.count(|known| of(known) == Some(UNISSUED)) == DOMAINS - REISSUED
        };
        let event = "three up; seven down: platform_certificate_failing, therefore tls_hostname_mismatch";
        self.timeline.wait(event, limit, three).await && self.see_authority("down", Some(false)).await
    }

    /// The authority is asked every ten seconds; a second failure confirms the first.
    async fn see_authority(&mut self, state: &str, up: Option<bool>) -> bool {
        let (watched, limit) = (&self.watched, self.pace.noticed + self.pace.verdict);
        let told = async || {
            let foresight = watched.state.foresight();
            foresight.authorities.iter().all(|authority| authority.up == up)
        };
        let event = format!("the certificate authority is {state}");
        self.timeline.wait(&event, limit, told).await
    }

    async fn see_the_rest_rescued(&mut self) -> bool {
        self.timeline
            .restart("the owner puts a proxy before the seven, and says so in linkwatch.yml");
        self.internet
            .write_config(self.directory.path(), &self.pace, true);
        if !self.watched.reload().await {
            return false;
        }
        self.internet.put_proxy();
        let (watched, limit) = (&self.watched, self.pace.verdict);
        let rescued = async || watched.count(|known| of(known) == Some(RESCUED)) == DOMAINS - REISSUED;
        let event = "all ten up; the platform's certificates for seven are still failing";
        self.timeline.wait(event, limit, rescued).await
    }

    async fn see_all_well(&mut self) -> bool {
        self.timeline
            .restart("the authority is well again; the platform gets the rest; the proxy is taken away");
        self.internet.recover().await;
        let (watched, limit) = (&self.watched, self.pace.noticed + self.pace.verdict);
        let well = async || watched.all(|known| of(known) == Some(WELL));
        let event = "all ten up, no cause but missing clicks";
        self.timeline.wait(event, limit, well).await && self.see_authority("up again", Some(true)).await
    }

    async fn stay_well(&self) -> bool {
        tokio::time::sleep(self.pace.calm).await;
        self.watched.all(|known| of(known) == Some(WELL))
    }

    /// What was said of each domain from the reset on is what was true, in its order.
    async fn see_no_wrong_cause(&mut self) -> bool {
        let at_once = self.scenario == Scenario::DayAtOnce;
        // What has just been said is heard in a moment; a wrong cause that was heard stays heard.
        let (told, limit) = (&self.told, self.pace.verdict);
        let none = async || (0..DOMAINS).all(|number| is_right(number, &told.of(number), at_once));
        let event = "domains with a wrong cause, or a right one out of order: 0";
        if self.timeline.wait(event, limit, none).await {
            return true;
        }
        for number in 0..DOMAINS {
            let said = self.told.of(number);
            self.timeline
                .say(&format!("   ---   of {} was said: {said:?}", domain(number)));
        }
        false
    }
}

/// Whether all that was said of a domain is what was true, in its order.
fn is_right(number: usize, said: &[Said], at_once: bool) -> bool {
    let begin: &[Said] = if at_once {
        &[WELL, RESET_AND_DOWN]
    } else {
        &[WELL, RESET, RESET_AND_DOWN]
    };
    let end: &[&[Said]] = if number < REISSUED {
        // The platform's last word is at most one poll old.
        &[&[WELL], &[RESCUED, WELL]]
    } else {
        &[&[UNISSUED, RESCUED, WELL]]
    };
    end.iter().any(|end| said == [begin, end].concat())
}
