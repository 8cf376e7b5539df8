//! One fault's way to its notification, leg by leg.

use std::time::Duration;

use linkwatch::cause::Cause;
use linkwatch::state::State;
use tokio::time::Instant;

use crate::fleet::Manner;
use crate::it::lab::Delivery;
use crate::it::real::peers::Prometheus;

/// What is reached on the way, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    FailedProbe,
    Confirmed,
    Scraped,
    Firing,
    Notified,
}

/// The heads of the columns.
const COLUMNS: [&str; 5] = ["probe", "confirm", "scrape", "rule", "notify"];

/// A broken endpoint on its way.
#[derive(Debug)]
pub(crate) struct Way {
    name: String,
    manner: Manner,
    cause: Option<Cause>,
    /// How long after the last good probe it broke.
    phase: Duration,
    broken: Instant,
    failures_before: u64,
    reached: [Option<Instant>; 5],
    found: Option<Cause>,
}

impl Way {
    /// Begins now; `cause` is what it must be called, where that is the same for the whole way.
    pub(crate) fn begin(
        name: &str,
        manner: Manner,
        cause: Option<Cause>,
        phase: Duration,
        state: &State,
    ) -> Self {
        Self {
            name: name.to_owned(),
            manner,
            cause,
            phase,
            broken: Instant::now(),
            failures_before: failures(state, name),
            reached: [None; 5],
            found: None,
        }
    }

    /// Looks at what linkwatch knows.
    pub(crate) fn look(&mut self, state: &State) {
        let now = Instant::now();
        let catalogue = state.catalogue();
        let Some(known) = catalogue.find(&self.name).and_then(|slot| slot.current()) else {
            return;
        };
        if known.failures > self.failures_before {
            self.reach(Leg::FailedProbe, now);
        }
        if known.up == Some(false) {
            self.reach(Leg::Confirmed, now);
            self.found = known
                .verdict
                .as_ref()
                .and_then(|verdict| verdict.root.as_ref())
                .map(|root| root.cause);
        }
    }

    /// Takes a notification in.
    pub(crate) fn hear(&mut self, delivery: &Delivery, body: &serde_json::Value) {
        let alerts = body["alerts"].as_array().into_iter().flatten();
        let names_it = alerts.into_iter().any(|alert| {
            alert["labels"]["alertname"] == "LinkwatchEndpointDown"
                && alert["labels"]["name"] == self.name.as_str()
                && alert["status"] == "firing"
        });
        if names_it && delivery.path == "/page" {
            self.reach(Leg::Notified, delivery.at);
        }
    }

    /// The endpoint's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How it broke.
    pub(crate) fn manner(&self) -> Manner {
        self.manner
    }

    /// Whether it broke alone.
    pub(crate) fn is_single(&self) -> bool {
        self.cause.is_some()
    }

    /// Whether the notification has come.
    pub(crate) fn is_over(&self) -> bool {
        self.reached[Leg::Notified as usize].is_some()
    }

    /// Fault to notification.
    pub(crate) fn whole(&self) -> Option<Duration> {
        Some(self.reached[Leg::Notified as usize]?.duration_since(self.broken))
    }

    /// Whether it came in time and with the right cause.
    pub(crate) fn passed(&self) -> bool {
        self.whole().is_some_and(|whole| whole <= self.manner.limit())
            && self.cause.is_none_or(|cause| self.found == Some(cause))
    }

    /// One line of the table.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "  {:<20} {:<22} {:>6.1}",
            self.name,
            self.found.map_or("-", Cause::as_str),
            self.phase.as_secs_f64()
        );
        let mut last = self.broken;
        for reached in self.reached {
            let leg = reached.map_or_else(
                || "-".to_owned(),
                |at| seconds(at.saturating_duration_since(last)),
            );
            line += &cell(&leg);
            last = reached.unwrap_or(last);
        }
        let whole = self.whole().map_or_else(|| "-".to_owned(), seconds);
        let verdict = if self.passed() {
            ""
        } else {
            "   <-- too late or wrong"
        };
        format!("{line} {whole:>8}{verdict}")
    }

    fn reach(&mut self, leg: Leg, at: Instant) {
        let reached = &mut self.reached[leg as usize];
        *reached = reached.or(Some(at));
    }
}

/// Asks Prometheus which of the broken ones it knows of, and for which an alert fires.
pub(crate) async fn ask(prometheus: &Prometheus, ways: &mut [Way]) {
    let asked = [
        (Leg::Scraped, "max by (name) (linkwatch_endpoint_up) == 0"),
        (
            Leg::Firing,
            r#"ALERTS{alertname="LinkwatchEndpointDown", alertstate="firing"}"#,
        ),
    ];
    for (leg, expression) in asked {
        let samples = prometheus.query(expression).await;
        let now = Instant::now();
        for way in ways.iter_mut() {
            if samples
                .iter()
                .any(|sample| sample.labels.get("name") == Some(&way.name))
            {
                way.reach(leg, now);
            }
        }
    }
}

/// The table's head, with the analytic bound of each leg.
pub(crate) fn head(manner: Manner) -> String {
    let bounds = manner.bounds();
    let columns = COLUMNS.map(cell).concat();
    let limits = bounds
        .map(|bound| cell(&format!("<= {}", bound.as_secs())))
        .concat();
    let whole = bounds.iter().sum::<Duration>().as_secs();
    format!(
        "  {:<20} {:<22} {:>6}{columns} {:>8}\n  {:<50}{limits} {:>8}",
        "endpoint",
        "root cause",
        "moment",
        "whole",
        "analytic bound",
        format!("<= {whole}"),
    )
}

fn failures(state: &State, name: &str) -> u64 {
    let catalogue = state.catalogue();
    let known = catalogue.find(name).and_then(|slot| slot.current());
    known.map_or(0, |known| known.failures)
}

/// A cell of the table.
fn cell(text: &str) -> String {
    format!(" {text:>8}")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}
