//! Traffic by scenario files (`tests/scenarios/traffic/*.yaml`): clicks, and what a source tells of them, in; alarms out.
//!
//! Everything but the network: history is taken in at once, then every minute is judged as it would be live.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use linkwatch::endpoint::Endpoint;
use linkwatch::traffic::plan::{Kind, OwnProbes, Plan, StreamPlan};
use linkwatch::traffic::stream::Stream;
use linkwatch::traffic::{Judgement, Tier};
use serde::Deserialize;

mod world;

use world::{Moment, World, WorldPlan};

use crate::watched::group;

/// A scenario.
#[derive(Debug, Deserialize)]
struct Scenario {
    /// A sentence of behaviour.
    name: String,
    #[serde(flatten)]
    world: WorldPlan,
    /// From here on every minute is judged as it comes; what was before is history.
    live: Moment,
    /// Here everything is forgotten, and history is fetched anew.
    restart: Option<Moment>,
    /// The series that are endpoints of one group.
    #[serde(default)]
    group: Vec<String>,
    /// Every alarm that is to be raised: an alarm beyond these is false.
    #[serde(default)]
    alarms: Vec<Alarm>,
    /// What else is to be known, and when.
    #[serde(default)]
    states: Vec<Wanted>,
}

/// An alarm that is to be raised.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alarm {
    /// The series, or `group`.
    of: String,
    /// What it is about begins here.
    from: Moment,
    /// It is raised within so many minutes.
    within: i64,
    /// The tier it reaches.
    tier: Tier,
    /// It has ended by then.
    ended: Option<Moment>,
    /// It still stands then.
    stands: Option<Moment>,
}

/// What is to be known at a moment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    at: Moment,
    /// The series; without one it is about the source.
    of: Option<String>,
    ready: Option<bool>,
    blind: Option<bool>,
    shifted: Option<bool>,
    all_missing: Option<bool>,
}

/// An alarm that was raised.
#[derive(Debug)]
struct Raised {
    of: String,
    minute: i64,
    tier: Tier,
    ended: Option<i64>,
}

/// Late samples are waited for so long.
const INGEST_DELAY: i64 = 120;

fn stream_plan(scenario: &Scenario) -> Arc<StreamPlan> {
    Arc::new(StreamPlan {
        name: "clicks".into(),
        source: 0,
        query: "link_clicks_total".to_owned(),
        kind: if scenario.world.increase {
            Kind::Increase
        } else {
            Kind::Counter
        },
        sum_by: Some("host".to_owned()),
        host_label: Some("host".to_owned()),
        bin: SignedDuration::from_mins(1),
        ingest_delay: SignedDuration::from_secs(INGEST_DELAY),
        history: SignedDuration::from_hours(24 * 35),
        reference: None,
        own_probes: OwnProbes::Excluded,
        ignore: Vec::new(),
    })
}

fn begin(scenario: &Scenario, world: &World<'_>, now: Timestamp) -> Stream {
    let plan = Plan {
        sources: Vec::new(),
        streams: Vec::new(),
        mean_between_false_alarms: SignedDuration::from_hours(24 * 30),
        accept_after: SignedDuration::from_hours(24),
        time_zone: TimeZone::get(&scenario.world.zone).unwrap(),
    };
    let mut stream = Stream::new(&plan, stream_plan(scenario));
    let tracking = group("tracking");
    let endpoint = |host: &String| {
        let url = format!("https://{host}/").parse().unwrap();
        Arc::new(Endpoint::of(url, Arc::clone(&tracking)))
    };
    let endpoints: Arc<[Arc<Endpoint>]> = scenario.group.iter().map(endpoint).collect();
    stream.join(&endpoints);
    stream.plan_history(now, &world.answer(stream.census(now), now));
    stream
}

/// Runs a scenario; gives the alarms, and what was wrong beside them.
fn run(scenario: &Scenario) -> (Vec<Raised>, Vec<String>) {
    let world = World::new(&scenario.world);
    let (mut standing, mut raised) = (BTreeMap::<String, Raised>::new(), Vec::new());
    let mut wrong = Vec::new();
    let mut stream = begin(scenario, &world, world.now(scenario.live.0, INGEST_DELAY));
    for minute in scenario.live.0..world.minutes() {
        let now = world.now(minute, INGEST_DELAY);
        if scenario.restart.is_some_and(|restart| restart.0 == minute) {
            stream = begin(scenario, &world, now);
        }
        while let Some(stretch) = stream.due(now) {
            stream.take(now, stretch, &world.answer(stretch, now), None);
            stream.share_among(stream.judged_subjects());
        }
        let report = stream.report();
        let known: BTreeMap<String, Judgement> = report
            .judgements
            .into_iter()
            .map(|(subject, judgement)| {
                let of = subject
                    .series
                    .map_or_else(|| "group".to_owned(), |series| series.to_string());
                (of, judgement)
            })
            .collect();
        for wanted in scenario.states.iter().filter(|wanted| wanted.at.0 == minute) {
            wrong.extend(wanted.differs(&known, stream.all_missing().is_some()));
        }
        for (of, judgement) in known {
            match (judgement.low, standing.get_mut(&of)) {
                (Some(tier), None) => {
                    let begun = Raised {
                        of: of.clone(),
                        minute,
                        tier,
                        ended: None,
                    };
                    standing.insert(of, begun);
                }
                (Some(tier), Some(alarm)) => alarm.tier = alarm.tier.max(tier),
                (None, Some(alarm)) => {
                    alarm.ended = Some(minute);
                    raised.extend(standing.remove(&of));
                }
                (None, None) => {}
            }
        }
    }
    raised.extend(standing.into_values());
    (raised, wrong)
}

impl Wanted {
    fn differs(&self, known: &BTreeMap<String, Judgement>, all_missing: bool) -> Vec<String> {
        let judgement = self.of.as_ref().and_then(|of| known.get(of));
        let of = |what: fn(&Judgement) -> bool| judgement.map(what);
        [
            ("ready", self.ready, of(|judgement| judgement.ready)),
            ("blind", self.blind, of(Judgement::blind)),
            (
                "shifted",
                self.shifted,
                of(|judgement| judgement.level_shift.is_some()),
            ),
            ("all_missing", self.all_missing, Some(all_missing)),
        ]
        .into_iter()
        .filter(|(_, should, is)| should.is_some() && should != is)
        .map(|(what, should, is)| format!("at {}: {what} should be {should:?}, is {is:?}", self.at))
        .collect()
    }
}

/// What of the alarms is not as it should be.
fn compare(scenario: &Scenario, mut raised: Vec<Raised>) -> Vec<String> {
    let mut wrong = Vec::new();
    for alarm in &scenario.alarms {
        let meant = |raised: &Raised| {
            let within = alarm.from.0..=alarm.from.0 + alarm.within;
            raised.of == alarm.of && within.contains(&raised.minute)
        };
        let Some(place) = raised.iter().position(meant) else {
            wrong.push(format!(
                "no alarm of {} within {} minutes of {}",
                alarm.of, alarm.within, alarm.from
            ));
            continue;
        };
        let found = raised.swap_remove(place);
        if found.tier != alarm.tier {
            wrong.push(format!("{}: the tier is {}", alarm.of, found.tier));
        }
        let ended = found.ended.map(Moment);
        if alarm
            .ended
            .is_some_and(|by| found.ended.is_none_or(|ended| ended > by.0))
        {
            wrong.push(format!("{} ended at {ended:?}", alarm.of));
        }
        if alarm
            .stands
            .is_some_and(|until| found.ended.is_some_and(|ended| ended <= until.0))
        {
            wrong.push(format!("{} ended at {ended:?}", alarm.of));
        }
    }
    for extra in raised {
        let (from, until) = (Moment(extra.minute), extra.ended.map(Moment));
        wrong.push(format!(
            "a false alarm of {}: {} from {from} until {until:?}",
            extra.of, extra.tier
        ));
    }
    wrong
}

#[test]
fn traffic_is_judged_as_the_scenarios_say() {
    let mut wrong = Vec::new();
    for scenario in crate::scenarios::load::<Scenario>("traffic") {
        let (raised, mut problems) = run(&scenario);
        problems.extend(compare(&scenario, raised));
        wrong.extend(
            problems
                .into_iter()
                .map(|problem| format!("{}: {problem}", scenario.name)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
