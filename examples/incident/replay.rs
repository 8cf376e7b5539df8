//! What all scenarios share, and the wrong page: what breaks, what must come of it, and how it is mended.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use linkwatch::cause::Cause;
use linkwatch::state::EndpointState;
use tokio::net::TcpListener;

use super::alerts::Alerts;
use super::day::Told;
use super::internet::{DOMAINS, Internet, LANDING, OLD_TARGET, WRONG_PAGE, domain};
use super::moments::Moments;
use super::pace::Pace;
use super::timeline::Timeline;
use super::watched::{Watched, is_quiet, root, symptom};

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// The incident of May 8th; certificates fail minutes after the reset.
    Day,
    /// The same, and certificates fail with the reset.
    DayAtOnce,
    /// All links but the canary lead to a wrong page.
    WrongPage,
}

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) scenario: Scenario,
    pub(crate) pace: Pace,
    pub(crate) internet: Internet,
    pub(crate) watched: Watched,
    pub(crate) alerts: Alerts,
    pub(crate) timeline: Timeline,
    pub(crate) told: Told,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) moments: Moments,
}

impl Replay {
    /// Starts the lab, linkwatch and, if there is one, Prometheus, whose `data` is kept if a folder is named.
    pub(crate) async fn set_up(
        scenario: Scenario,
        pace: Pace,
        address: SocketAddr,
        data: Option<&Path>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let directory = tempfile::tempdir()?;
        let clock = pace.clock();
        let internet = Internet::start(clock).await;
        internet.write_config(directory.path(), &pace, false);
        let watched = Watched::start(directory.path(), listener, Arc::new(clock));
        let alerts = Alerts::start(directory.path(), watched.web, &pace, data).await;
        let mut timeline = Timeline::new(clock);
        let (web, resolver) = (watched.web, internet.dns.addr());
        timeline.say(&format!(
            "lab:    {DOMAINS} domains, flattened to {OLD_TARGET}; a resolver at {resolver}"
        ));
        timeline.say(&format!(
            "watch:  http://{web}/          the status of every endpoint"
        ));
        timeline.say(&format!("        http://{web}/metrics   what Prometheus scrapes"));
        timeline.say(&format!("alerts: {}", alerts.place()));
        if pace.times > 1 {
            timeline.say(&format!("clock:  {} times as fast as yours", pace.times));
        }
        let told = Told::listen(&watched);
        Ok(Self {
            scenario,
            pace,
            internet,
            watched,
            alerts,
            timeline,
            told,
            directory,
            moments: Moments::begin(clock),
        })
    }

    /// Breaks things, watches, repairs; true if everything was seen as it should be.
    pub(crate) async fn run(&mut self) -> bool {
        let mut passed = self.begin().await;
        self.pace.half_a_minute(self.internet.clock).await;
        tokio::time::sleep(self.pace.calm).await;
        passed = passed
            && match self.scenario {
                Scenario::Day | Scenario::DayAtOnce => self.day().await,
                Scenario::WrongPage => self.wrong_page().await,
            };
        if !passed {
            self.show_instead();
        }
        passed
    }

    /// All is well, and enough is known of the clicks.
    async fn begin(&mut self) -> bool {
        self.timeline.restart("linkwatch starts");
        self.wait_until_healthy("all ten up, no cause").await
            && self
                .wait_for_clicks(
                    "the clicks of a week are known, and none are missing",
                    |watched| {
                        let ready =
                            watched.series(|series| series.judgement.ready && series.judgement.low.is_none());
                        let group = watched.group().is_some_and(|group| group.judgement.ready);
                        ready == DOMAINS && group
                    },
                )
                .await
            && self.note_clicks()
    }

    async fn wrong_page(&mut self) -> bool {
        self.timeline
            .restart("a release sends every link but the canary's to a wrong page");
        let failed_before = self.watched.failures();
        self.internet.mislead();
        let seen = self.see_readers_astray().await
            && self.see_quiet().await
            && self.see_only_clicks(failed_before).await
            && self.see_the_page("LinkwatchTrafficLow").await;
        if !seen || !self.pace.repairs {
            return seen;
        }
        self.timeline.restart("the release is taken back");
        self.internet.lead_right();
        self.see_clicks_back().await
    }
}

/// What is seen of the probes.
impl Replay {
    pub(crate) async fn wait_until_healthy(&mut self, event: &str) -> bool {
        let healthy = |known: &EndpointState| known.up == Some(true) && root(known).is_none();
        let watched = &self.watched;
        let holds = async || watched.all(healthy);
        self.timeline.wait(event, self.pace.verdict, holds).await
    }

    /// What linkwatch says of the first endpoint.
    pub(crate) fn advise(&mut self) -> bool {
        let catalogue = self.watched.state.catalogue();
        let slot = catalogue.slots.first();
        let verdict = slot.and_then(|slot| slot.current()?.verdict.clone());
        let (Some(slot), Some(found)) = (slot, verdict.and_then(|verdict| verdict.root.clone())) else {
            return false;
        };
        let remedy = linkwatch::diagnosis::remedy(&found, &slot.endpoint);
        self.timeline.say(&format!(
            "\n  {}: {}\n    expected  {}\n    actual    {}\n    remedy    {remedy}\n",
            slot.endpoint.name,
            found.cause.meaning(),
            found.expected,
            found.actual
        ));
        true
    }

    /// Shows what is known in place of what should be.
    fn show_instead(&mut self) {
        self.timeline.note("what is known instead:");
        for slot in &self.watched.state.catalogue().slots {
            let verdict = slot.current().and_then(|known| known.verdict.clone());
            self.timeline
                .say(&format!("         {}: {verdict:?}", slot.endpoint.name));
        }
        let traffic = self.watched.state.traffic();
        for source in &traffic.sources {
            self.timeline.say(&format!("         {source:?}"));
        }
        for series in traffic.series() {
            self.timeline
                .say(&format!("         {:?}: {:?}", series.subject, series.judgement));
        }
    }
}

/// What is seen of the clicks.
impl Replay {
    async fn wait_for_clicks(&mut self, event: &str, holds: impl Fn(&Watched) -> bool) -> bool {
        let watched = &self.watched;
        let holds = async || holds(watched);
        self.timeline.wait(event, self.pace.clicks, holds).await
    }

    /// Notes what came and what was expected of the whole group.
    fn note_clicks(&mut self) -> bool {
        let Some(group) = self.watched.group() else {
            return false;
        };
        let (observed, expected) = (group.judgement.observed, group.judgement.expected);
        self.timeline.note(&format!(
            "of {expected:.0} clicks a minute that are expected of the group, {observed:.0} came in the last five"
        ));
        true
    }

    /// Waits until the group and every one of its domains is quiet; and looks at what Prometheus would see.
    pub(crate) async fn see_quiet(&mut self) -> bool {
        let group = |watched: &Watched| watched.group().is_some_and(|group| is_quiet(&group));
        let everywhere = |watched: &Watched| watched.series(is_quiet) == DOMAINS && group(watched);
        let low = "the group's clicks are low: next to nothing arrives";
        if !(self.wait_for_clicks(low, group).await
            && self.note_clicks()
            && self
                .wait_for_clicks("the clicks of all ten are low", everywhere)
                .await)
        {
            return false;
        }
        let scrape = self.watched.scrape().await;
        let outage = ["group=\"tracking\"", "tier=\"outage\""];
        let joined = (0..DOMAINS).map(|number| {
            let host = domain(number);
            let (name, series) = (format!("name=\"{host}"), format!("series=\"{host}\""));
            let labels = [&outage[..], &[&name, &series]].concat();
            scrape.count("linkwatch_traffic_low", &labels, " 1")
        });
        let joined: usize = joined.sum();
        let all = scrape.count("linkwatch_traffic_low", &outage, " 1");
        let event =
            format!("/metrics: traffic_low{{tier=\"outage\"}} 1 on {joined} endpoints and on group tracking");
        self.timeline
            .check(&event, (joined, all) == (DOMAINS, DOMAINS + 1))
    }

    /// Every probe is green; the verdict of every endpoint knows the clicks alone.
    async fn see_only_clicks(&mut self, failed_before: u64) -> bool {
        let only_clicks = |known: &EndpointState| {
            known.up == Some(true) && root(known) == Some(Cause::TrafficLow) && symptom(known).is_none()
        };
        let (watched, limit) = (&self.watched, self.pace.verdict);
        let event = "the only cause of all ten is traffic_low";
        if !self
            .timeline
            .wait(event, limit, async || watched.all(only_clicks))
            .await
        {
            return false;
        }
        let scrape = watched.scrape().await;
        let up = scrape.count("linkwatch_endpoint_up", &[], " 1");
        let roots = scrape.count(
            "linkwatch_endpoint_cause",
            &["cause=\"traffic_low\"", "role=\"root\""],
            " 1",
        );
        let causes = scrape.count("linkwatch_endpoint_cause", &[], " 1");
        let failed = watched.failures() - failed_before;
        let event =
            format!("/metrics: endpoint_up 1 on {up}, root traffic_low on {roots}, failed probes {failed}");
        let holds = (up, roots, causes, failed) == (DOMAINS, DOMAINS, DOMAINS, 0);
        self.timeline.check(&event, holds) && self.advise()
    }

    async fn see_readers_astray(&mut self) -> bool {
        let (canary, link) = (
            self.internet.follow("/c/canary").await,
            self.internet.follow("/c/1").await,
        );
        let shown = link.as_deref().unwrap_or("nothing");
        let event = format!(
            "a reader of {}/c/1 arrives at {shown}; the canary leads where it should",
            domain(0)
        );
        let holds = canary.as_deref() == Some(LANDING) && link.as_deref() == Some(WRONG_PAGE);
        self.timeline.check(&event, holds)
    }

    pub(crate) async fn see_clicks_back(&mut self) -> bool {
        let back = |watched: &Watched| watched.series(|series| series.judgement.low.is_none()) == DOMAINS;
        self.wait_for_clicks("the clicks of all ten are back", back).await
            && self
                .wait_until_healthy("all ten up, no cause: the clicks are back")
                .await
            && self.note_clicks()
    }
}

/// What is seen of the alerts.
impl Replay {
    /// Waits for the alert that pages, and sees that it is the only one of its group.
    pub(crate) async fn see_the_page(&mut self, alert: &str) -> bool {
        if !self.alerts.are_judged() {
            return true;
        }
        let (alerts, limit) = (&self.alerts, self.pace.verdict);
        // Endpoints that are down page with their group, in one notification.
        let whole = |name: &String| name != "LinkwatchEndpointDown";
        let fires = async || alerts.paging().await.iter().any(|name| name == alert);
        let event = format!("{alert} fires for group tracking");
        if !self.timeline.wait(&event, limit, fires).await {
            return false;
        }
        let paging: Vec<String> = self.alerts.paging().await.into_iter().filter(whole).collect();
        self.timeline.check("nothing else pages", paging == [alert])
    }

    /// The rules of quiet traffic know of it, and do not fire while the group is down.
    pub(crate) async fn see_no_second_page(&mut self) -> bool {
        if !self.alerts.are_judged() {
            return true;
        }
        let (alerts, limit) = (&self.alerts, self.pace.verdict);
        let mut seen = None;
        let judged = async || {
            if seen.is_none() {
                seen = alerts.sees_quiet(DOMAINS + 1).await;
            }
            match seen {
                Some(time) => alerts.were_judged_after("LinkwatchTrafficLow", time).await,
                None => false,
            }
        };
        let event = "Prometheus knows of the quiet and has judged its rules";
        self.timeline.wait(event, limit, judged).await && self.has_never_paged_for_clicks().await
    }

    pub(crate) async fn has_never_paged_for_clicks(&mut self) -> bool {
        if !self.alerts.are_judged() {
            return true;
        }
        let fired = self.alerts.has_fired("LinkwatchTrafficLow").await;
        self.timeline
            .check("LinkwatchTrafficLow has not fired: no second page", !fired)
    }
}
