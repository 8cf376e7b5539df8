//! Traffic as it comes: a Prometheus of the lab is asked over the network, minute by minute.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use linkwatch::clock::{Clock, ManualClock};
use linkwatch::endpoint::{Endpoint, EndpointName};
use linkwatch::record::Recorder;
use linkwatch::state::State;
use linkwatch::state::traffic::{Series, Traffic};
use linkwatch::traffic::plan::{Kind, OwnProbes, Plan, StreamPlan};
use linkwatch::traffic::source::{Api, Client, Settings};
use linkwatch::traffic::watch::Watch;
use linkwatch::traffic::{Judgement, Tier};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lab::{ClickLab, Connect};
use crate::watched::{catalogue, endpoint, group, state};

/// A Friday noon, and twelve seconds: the bins that are over are known to be.
const START: &str = "2026-05-08T12:00:12Z";

/// A clock that is moved by hand; whoever waits for it looks again soon.
#[derive(Debug)]
struct Stepped(ManualClock);

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn time_for(&self, _: Duration) -> Duration {
        Duration::from_millis(5)
    }
}

/// A watch at work.
struct Watched {
    clock: Arc<Stepped>,
    lab: Arc<ClickLab>,
    state: Arc<State>,
    endpoints: watch::Sender<Arc<[Arc<Endpoint>]>>,
    stop: CancellationToken,
    task: JoinSet<()>,
}

fn plan(lab: &ClickLab) -> Arc<Plan> {
    let source = Settings {
        name: "prom".into(),
        url: lab.url().parse().unwrap(),
        api: Api::Prometheus,
        client: Client {
            timeout: Duration::from_secs(5),
            headers: http::HeaderMap::new(),
            tls: linkwatch::probe::tls::Settings::default(),
            proxy: None,
            follow_redirects: true,
        },
    };
    let stream = StreamPlan {
        name: "clicks".into(),
        source: 0,
        query: "link_clicks_total".to_owned(),
        kind: Kind::Counter,
        sum_by: Some("host".to_owned()),
        host_label: Some("host".to_owned()),
        bin: SignedDuration::from_mins(1),
        ingest_delay: SignedDuration::from_secs(10),
        history: SignedDuration::from_hours(8 * 24),
        reference: None,
        own_probes: OwnProbes::Excluded,
        ignore: Vec::new(),
    };
    Arc::new(Plan {
        sources: vec![Arc::new(source)],
        streams: vec![Arc::new(stream)],
        mean_between_false_alarms: SignedDuration::from_hours(30 * 24),
        accept_after: SignedDuration::from_hours(24),
        time_zone: TimeZone::UTC,
    })
}

fn tracking(hosts: &[&str]) -> Arc<[Arc<Endpoint>]> {
    let group = group("tracking");
    hosts.iter().map(|host| endpoint(&group, host)).collect()
}

/// Three hosts of a group, and a fourth that nobody watches.
async fn lab(clock: &Arc<Stepped>) -> Arc<ClickLab> {
    let now = Arc::clone(clock);
    let spec = ClickLab::spec()
        .past(SignedDuration::from_hours(9 * 24))
        .host("a.test", 20.0)
        .host("b.test", 20.0)
        .host("c.test", 2.0)
        .host("elsewhere.test", 5.0);
    Arc::new(spec.start(move || now.now()).await)
}

fn at_start() -> Arc<Stepped> {
    Arc::new(Stepped(ManualClock::at(START.parse().unwrap())))
}

impl Watched {
    fn begin(clock: Arc<Stepped>, lab: Arc<ClickLab>) -> Self {
        let state = state(catalogue(&group("tracking"), Vec::new()));
        let recorder = Recorder::new(Arc::clone(&state), Arc::clone(&clock) as Arc<dyn Clock>, None);
        let (endpoints, read) = watch::channel(tracking(&["a.test", "b.test", "c.test"]));
        let watch = Watch {
            plan: plan(&lab),
            endpoints: read,
            recorder: Arc::new(recorder),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(watch.run(stop.clone()));
        Self {
            clock,
            lab,
            state,
            endpoints,
            stop,
            task,
        }
    }

    async fn new() -> Self {
        let clock = at_start();
        let lab = lab(&clock).await;
        let watched = Self::begin(clock, lab);
        watched.judged().await;
        watched
    }

    /// Waits until what is known is as it should be.
    async fn until(&self, what: &str, holds: impl Fn(&Traffic) -> bool) {
        let reached = async {
            while !holds(&self.state.traffic()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), reached)
            .await
            .is_err()
        {
            panic!("not {what}: {:#?}", self.state.traffic());
        }
    }

    /// Waits until the bin that is over now has been judged.
    async fn judged(&self) {
        let end = self.clock.now().as_second().div_euclid(60) * 60;
        let end = Timestamp::from_second(end).unwrap();
        self.until("judged", |traffic| {
            find(traffic, "a.test").is_some_and(|a| a.at == Some(end))
        })
        .await;
    }

    /// Goes on by so many minutes, each of which is judged.
    async fn pass(&self, minutes: usize) {
        for _ in 0..minutes {
            self.clock.0.advance(SignedDuration::from_mins(1));
            self.judged().await;
        }
    }

    fn known(&self, series: &str) -> Judgement {
        find(&self.state.traffic(), series).unwrap_or_else(|| panic!("nothing of {series}"))
    }

    fn of_group(&self) -> Judgement {
        let traffic = self.state.traffic();
        let group = traffic.series().find(|series| series.subject.series.is_none());
        group.unwrap().judgement.clone()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.join_all().await;
    }
}

fn series(traffic: &Traffic, name: &str) -> Option<Arc<Series>> {
    let mut all = traffic.series();
    all.find(|series| series.subject.series.as_deref() == Some(name))
        .cloned()
}

fn find(traffic: &Traffic, name: &str) -> Option<Judgement> {
    series(traffic, name).map(|series| series.judgement.clone())
}

fn source_up(traffic: &Traffic) -> Option<bool> {
    traffic.sources.first().and_then(|source| source.up)
}

fn problem(traffic: &Traffic) -> String {
    let source = traffic.sources.first();
    source
        .and_then(|source| source.problem.clone())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_fetched_at_start_and_series_are_joined_to_the_endpoints_of_their_host() {
    let watched = Watched::new().await;
    let traffic = watched.state.traffic();
    assert_eq!(source_up(&traffic), Some(true));
    for (name, rate) in [("a.test", 20.0), ("c.test", 2.0), ("elsewhere.test", 5.0)] {
        let known = watched.known(name);
        assert!(known.ready, "{known:?}");
        assert!(
            (known.expected / rate - 1.2).abs() < 0.6,
            "around noon: {known:?}"
        );
        assert_eq!(known.low, None);
    }
    let a = series(&traffic, "a.test").unwrap();
    assert_eq!(a.subject.name, Some(EndpointName::from("a.test")));
    assert_eq!(
        a.subject.group.as_ref().map(ToString::to_string).as_deref(),
        Some("tracking")
    );
    let elsewhere = series(&traffic, "elsewhere.test").unwrap();
    assert_eq!(
        (&elsewhere.subject.name, &elsewhere.subject.group),
        (&None, &None)
    );
    assert!(watched.of_group().expected > 40.0, "the three together");
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_that_stop_are_an_alarm_of_the_series_and_of_the_group_until_they_are_back() {
    let watched = Watched::new().await;
    for host in ["a.test", "b.test", "c.test"] {
        watched.lab.quiet(host, watched.clock.now()..);
    }
    watched.pass(5).await;
    assert_eq!(watched.of_group().low, Some(Tier::Outage));
    assert_eq!(watched.known("a.test").low, Some(Tier::Outage));
    assert_eq!(watched.known("elsewhere.test").low, None);
    let begun = watched.known("a.test").since.unwrap();
    let start: Timestamp = START.parse().unwrap();
    assert!(
        begun.duration_since(start).abs() <= SignedDuration::from_mins(2),
        "{begun}"
    );
    for host in ["a.test", "b.test", "c.test"] {
        watched.lab.resume(host, watched.clock.now());
    }
    watched.pass(12).await;
    assert_eq!(
        (watched.of_group().low, watched.known("a.test").low),
        (None, None)
    );
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_does_not_answer_is_down_and_nothing_is_said_of_traffic() {
    let watched = Watched::new().await;
    watched.lab.connect(Connect::Refuse).await;
    watched.clock.0.advance(SignedDuration::from_mins(10));
    watched
        .until("down", |traffic| source_up(traffic) == Some(false))
        .await;
    assert!(
        problem(&watched.state.traffic()).contains("prom"),
        "{}",
        problem(&watched.state.traffic())
    );
    assert_eq!(
        (watched.known("a.test").low, watched.of_group().low),
        (None, None)
    );
    watched.lab.connect(Connect::Accept).await;
    watched
        .until("up again", |traffic| source_up(traffic) == Some(true))
        .await;
    watched.judged().await;
    assert_eq!(
        watched.known("a.test").low,
        None,
        "what was missed is asked for afterwards"
    );
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_series_are_missing_the_source_is_down_and_traffic_is_not() {
    let watched = Watched::new().await;
    watched.lab.gap(watched.clock.now()..);
    for _ in 0..8 {
        watched.clock.0.advance(SignedDuration::from_mins(1));
    }
    watched
        .until("down", |traffic| source_up(traffic) == Some(false))
        .await;
    let problem = problem(&watched.state.traffic());
    assert!(
        problem.starts_with("no series of stream clicks has a sample since 2026-05-08T12:0"),
        "{problem}"
    );
    assert_eq!(
        (watched.known("a.test").low, watched.of_group().low),
        (None, None)
    );
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_in_the_middle_of_an_outage_finds_the_alarm_and_since_when() {
    let clock = at_start();
    let lab = lab(&clock).await;
    let began: Timestamp = "2026-05-08T11:00:00Z".parse().unwrap();
    lab.quiet("a.test", began..);
    let watched = Watched::begin(clock, lab);
    watched.judged().await;
    let known = watched.known("a.test");
    assert_eq!(known.low, Some(Tier::Outage));
    let since = known.since.unwrap().duration_since(began).abs();
    assert!(since <= SignedDuration::from_mins(2), "{known:?}");
    assert!(known.expected > 10.0, "the outage is not learned: {known:?}");
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_becomes_an_endpoint_is_joined_at_once() {
    let watched = Watched::new().await;
    watched
        .endpoints
        .send_replace(tracking(&["a.test", "elsewhere.test"]));
    let joined = |traffic: &Traffic| {
        let name = |host| series(traffic, host).and_then(|series| series.subject.name.clone());
        name("elsewhere.test").is_some() && name("b.test").is_none()
    };
    watched.until("joined", joined).await;
    watched.end().await;
}
