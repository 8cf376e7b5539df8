//! A Prometheus that counts the clicks of some hosts: weeks of past, any time range, and what is told to go wrong.
//!
//! Clicks come by day and by night, at random but the same in every run: a seed, a host and a minute lead to a number.
//! Every 15 seconds they are scraped; `query_range` answers from those scrapes as Prometheus does, for the counter and
//! for `timestamp(COUNTER)`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded;

use super::web::{Answer, Connect, Reply, SeenRequest, WebLab};

/// The counter, unless it is called otherwise.
pub const CLICKS: &str = "link_clicks_total";

/// What clicks shall be counted.
#[derive(Debug, Clone)]
pub struct ClickSpec {
    hosts: BTreeMap<String, f64>,
    metric: String,
    seed: u64,
    past: SignedDuration,
}

impl ClickSpec {
    /// With one more host and its mean number of clicks per minute: 0.4 times as many at three at night, 1.6 times at
    /// three in the afternoon, in UTC.
    #[must_use]
    pub fn host(mut self, host: &str, per_minute: f64) -> Self {
        self.hosts.insert(host.to_owned(), per_minute);
        self
    }

    /// With a counter of this name.
    #[must_use]
    pub fn metric(mut self, name: &str) -> Self {
        name.clone_into(&mut self.metric);
        self
    }

    /// With other numbers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// With so much of a past instead of five weeks.
    #[must_use]
    pub fn past(mut self, past: SignedDuration) -> Self {
        self.past = past;
        self
    }

    /// Binds and answers; what is later than this clock has not happened yet.
    pub async fn start(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> ClickLab {
        let begin = (clock() - self.past).as_second().div_euclid(60);
        let counter = |(host, rate): (&String, &f64)| {
            let seed = self.seed ^ fingerprint(host);
            (host.clone(), Counter::new(begin, *rate, seed))
        };
        let hosts = self.hosts.iter().map(counter).collect();
        let script = Arc::new(Mutex::new(Script {
            metric: self.metric,
            hosts,
            gaps: Vec::new(),
            late: 0,
        }));
        let web = WebLab::plain().start().await;
        let asked = Arc::clone(&script);
        web.answer(Answer::decide(move |request| {
            lock(&asked).answer(request, milliseconds(clock()))
        }));
        ClickLab { web, script }
    }
}

/// A running Prometheus; dropping it ends it.
#[derive(Debug)]
pub struct ClickLab {
    web: WebLab,
    script: Arc<Mutex<Script>>,
}

impl ClickLab {
    /// No hosts yet; the counter is [`CLICKS`].
    #[must_use]
    pub fn spec() -> ClickSpec {
        ClickSpec {
            hosts: BTreeMap::new(),
            metric: CLICKS.to_owned(),
            seed: 1,
            past: SignedDuration::from_hours(24 * 35),
        }
    }

    /// Its URL, as a source is configured with.
    #[must_use]
    pub fn url(&self) -> String {
        self.web.url("")
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.web.requests()
    }

    /// What becomes of connections: refused, for one, until they are accepted again.
    pub async fn connect(&self, connect: Connect) {
        self.web.connect(connect).await;
    }
}

/// What goes wrong, also in the past or the future.
impl ClickLab {
    /// Nobody clicks on a host's links: its counter stands still. An open end is closed by [`ClickLab::resume`].
    pub fn quiet(&self, host: &str, during: impl RangeBounds<Timestamp>) {
        self.fall(host, during, 0.0);
    }

    /// Only so large a share of a host's clicks comes.
    pub fn fall(&self, host: &str, during: impl RangeBounds<Timestamp>, share: f64) {
        let span = Span::of(&during);
        self.counter(host, |counter| counter.falls.push((span, share)));
    }

    /// Clicks come again from this time on, wherever they do not.
    pub fn resume(&self, host: &str, at: Timestamp) {
        self.counter(host, |counter| {
            for (span, _) in &mut counter.falls {
                span.until = span.until.min(milliseconds(at));
            }
        });
    }

    /// A host's counter is not there.
    pub fn vanish(&self, host: &str, during: impl RangeBounds<Timestamp>) {
        let span = Span::of(&during);
        self.counter(host, |counter| counter.gaps.push(span));
    }

    /// No counter is there: answers are empty.
    pub fn gap(&self, during: impl RangeBounds<Timestamp>) {
        lock(&self.script).gaps.push(Span::of(&during));
    }

    /// A host's counter begins anew, from 0.
    pub fn reset(&self, host: &str, at: Timestamp) {
        self.counter(host, |counter| counter.resets.push(milliseconds(at)));
    }

    /// Samples can be asked for only so many seconds after they were taken.
    pub fn late(&self, seconds: i64) {
        lock(&self.script).late = seconds * 1_000;
    }

    /// Ends all of that, as if it had never been; the port accepts again.
    pub async fn heal(&self) {
        {
            let mut script = lock(&self.script);
            script.gaps.clear();
            script.late = 0;
            for counter in script.hosts.values_mut() {
                counter.falls.clear();
                counter.gaps.clear();
                counter.resets.clear();
            }
        }
        self.connect(Connect::Accept).await;
    }

    /// How many clicks a host really has after `from`, up to and including `to`.
    #[must_use]
    pub fn clicks(&self, host: &str, from: Timestamp, to: Timestamp) -> u64 {
        self.counter(host, |counter| {
            counter.clicked(milliseconds(to)) - counter.clicked(milliseconds(from))
        })
    }

    fn counter<T>(&self, host: &str, use_it: impl FnOnce(&mut Counter) -> T) -> T {
        let mut script = lock(&self.script);
        use_it(
            script
                .hosts
                .get_mut(host)
                .expect("a host that was named at the start"),
        )
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// From a time, included, to another, excluded; in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: i64,
    until: i64,
}

impl Span {
    fn of(range: &impl RangeBounds<Timestamp>) -> Self {
        let from = match range.start_bound() {
            Bound::Included(at) => milliseconds(*at),
            Bound::Excluded(at) => milliseconds(*at) + 1,
            Bound::Unbounded => i64::MIN,
        };
        let until = match range.end_bound() {
            Bound::Included(at) => milliseconds(*at) + 1,
            Bound::Excluded(at) => milliseconds(*at),
            Bound::Unbounded => i64::MAX,
        };
        Self { from, until }
    }

    fn holds(self, at: i64) -> bool {
        (self.from..self.until).contains(&at)
    }
}

/// One host's clicks.
#[derive(Debug)]
struct Counter {
    /// The minute, since 1970, that it begins with.
    begin: i64,
    rate: f64,
    seed: u64,
    /// Clicks from the beginning to the start of each minute; grows as later minutes are asked for.
    sums: Vec<u64>,
    falls: Vec<(Span, f64)>,
    gaps: Vec<Span>,
    resets: Vec<i64>,
}

impl Counter {
    fn new(begin: i64, rate: f64, seed: u64) -> Self {
        Self {
            begin,
            rate,
            seed,
            sums: vec![0],
            falls: Vec::new(),
            gaps: Vec::new(),
            resets: Vec::new(),
        }
    }

    /// What the counter shows at a time.
    fn value(&mut self, at: i64) -> u64 {
        let reset = self.resets.iter().filter(|reset| **reset <= at).max().copied();
        self.clicked(at) - reset.map_or(0, |reset| self.clicked(reset))
    }

    /// Clicks from the beginning to a time, without those that did not come.
    fn clicked(&mut self, at: i64) -> u64 {
        let all = self.planned(at);
        let falls = self.falls.clone();
        let lost = falls.into_iter().map(|(span, share)| {
            let until = span.until.min(at);
            let during = self
                .planned(until)
                .saturating_sub(self.planned(span.from.min(until)));
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clicks are millions at most"
            )]
            let lost = (during as f64 * (1.0 - share)) as u64;
            lost
        });
        all.saturating_sub(lost.sum())
    }

    /// Clicks from the beginning to a time, had nothing gone wrong; within a minute they come evenly.
    fn planned(&mut self, at: i64) -> u64 {
        let Ok(minute) = usize::try_from(at.div_euclid(MINUTE) - self.begin) else {
            return 0;
        };
        for place in self.sums.len() - 1..=minute {
            let clicks = self.clicks_in(place);
            self.sums.push(self.sums[place] + clicks);
        }
        let (before, after) = (self.sums[minute], self.sums[minute + 1]);
        before + (after - before) * at.rem_euclid(MINUTE).unsigned_abs() / MINUTE.unsigned_abs()
    }

    /// A number from the Poisson distribution of a minute's rate, by multiplying uniform numbers (Knuth), in parts
    /// that `exp` can take.
    fn clicks_in(&self, place: usize) -> u64 {
        let minute = self.begin + i64::try_from(place).unwrap_or_default();
        let mut state = scramble(self.seed ^ minute.unsigned_abs());
        let mut left = self.rate * time_of_day(minute);
        let mut clicks = 0;
        while left > 0.0 {
            let floor = (-left.min(MOST_AT_ONCE)).exp();
            left -= MOST_AT_ONCE;
            let mut product = uniform(&mut state);
            while product > floor {
                clicks += 1;
                product *= uniform(&mut state);
            }
        }
        clicks
    }
}

/// How much of the mean rate a minute has.
fn time_of_day(minute: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most 1440")]
    let day = minute.rem_euclid(1_440) as f64 / 1_440.0;
    1.0 + 0.6 * ((day - 9.0 / 24.0) * std::f64::consts::TAU).sin()
}

/// The next number between 0 and 1.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    let [number, all] = [scramble(*state) >> 11, 1 << 53].map(|bits: u64| bits as f64);
    number / all
}

/// The finalizer of splitmix64.
fn scramble(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// FNV-1a.
fn fingerprint(host: &str) -> u64 {
    let step = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    host.bytes().fold(0xCBF2_9CE4_8422_2325, step)
}

#[derive(Debug)]
struct Script {
    metric: String,
    hosts: BTreeMap<String, Counter>,
    gaps: Vec<Span>,
    late: i64,
}

/// What was asked.
struct Asked {
    /// Whether the times of the samples are asked for, instead of their values.
    times: bool,
    start: i64,
    end: i64,
    step: i64,
}

impl Script {
    fn answer(&mut self, request: &SeenRequest, now: i64) -> Answer {
        if request.path.trim_start_matches('/') != "api/v1/query_range" {
            return Answer::status(404);
        }
        let form = match request.method.as_str() {
            "POST" => &request.body[..],
            _ => request.query.as_bytes(),
        };
        let asked: BTreeMap<String, String> = form_urlencoded::parse(form).into_owned().collect();
        let series = self.asked(&asked).map(|asked| {
            let asked = asked.filter(|asked| asked.start <= asked.end);
            asked.map_or_else(String::new, |asked| self.matrix(&asked, now))
        });
        let (status, body) = match series {
            Ok(series) => (
                200,
                format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#),
            ),
            Err(problem) => (
                400,
                format!(r#"{{"status":"error","errorType":"bad_data","error":"{problem}"}}"#),
            ),
        };
        Reply::new(status, body)
            .header("content-type", "application/json")
            .into()
    }

    /// The question, none if it is about another metric; or what is wrong with it.
    fn asked(&self, form: &BTreeMap<String, String>) -> Result<Option<Asked>, &'static str> {
        let query = form.get("query").ok_or("no query")?.trim();
        let inner = query
            .strip_prefix("timestamp(")
            .and_then(|query| query.strip_suffix(')'));
        let metric = inner.unwrap_or(query).trim();
        let of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
        if !metric.chars().all(of_name) {
            return Err("only the plain name of a metric can be asked for here");
        }
        let time = |name: &str| {
            let seconds: Option<f64> = form.get(name).and_then(|text| text.parse().ok());
            #[expect(clippy::cast_possible_truncation, reason = "times of this age")]
            let milliseconds = seconds.map(|seconds| (seconds * 1_000.0).round() as i64);
            milliseconds.ok_or("start, end and step must be numbers")
        };
        let asked = Asked {
            times: inner.is_some(),
            start: time("start")?,
            end: time("end")?,
            step: time("step")?,
        };
        if asked.step <= 0 {
            return Err("zero or negative query resolution step widths are not accepted");
        }
        if (asked.end - asked.start) / asked.step > 11_000 {
            return Err("exceeded maximum resolution of 11,000 points per timeseries");
        }
        Ok((metric == self.metric).then_some(asked))
    }

    /// The series that have any point, as JSON.
    fn matrix(&mut self, asked: &Asked, now: i64) -> String {
        let name = if asked.times {
            String::new()
        } else {
            format!(r#""__name__":"{}","#, self.metric)
        };
        let visible = now - self.late;
        let mut out = String::new();
        for (host, counter) in &mut self.hosts {
            let mut points = String::new();
            let mut at = asked.start;
            while at <= asked.end {
                if let Some(sample) = newest(counter, &self.gaps, at, visible) {
                    let comma = if points.is_empty() { "" } else { "," };
                    let (seconds, rest) = (at.div_euclid(1_000), at.rem_euclid(1_000));
                    let written = if asked.times {
                        write!(points, r#"{comma}[{seconds}.{rest:03},"{}"]"#, sample / 1_000)
                    } else {
                        write!(
                            points,
                            r#"{comma}[{seconds}.{rest:03},"{}"]"#,
                            counter.value(sample)
                        )
                    };
                    written.expect("write into a string");
                }
                at += asked.step;
            }
            if !points.is_empty() {
                let comma = if out.is_empty() { "" } else { "," };
                write!(
                    out,
                    r#"{comma}{{"metric":{{{name}"host":"{host}","instance":"redirector:9100","job":"links"}},"values":[{points}]}}"#
                )
                .expect("write into a string");
            }
        }
        out
    }
}

/// The time of the sample that is in force at a time, if there is one: a series that is gone is marked as such, one
/// that is late is taken for valid for five minutes.
fn newest(counter: &Counter, gaps: &[Span], at: i64, visible: i64) -> Option<i64> {
    let scraped = |at: i64| at - at.rem_euclid(SCRAPE);
    let sample = scraped(at.min(visible));
    let gone = |at: i64| gaps.iter().chain(&counter.gaps).any(|gap| gap.holds(at));
    let there = sample >= counter.begin * MINUTE && at - sample <= LOOKBACK && !gone(sample);
    there.then_some(sample)
}

const MINUTE: i64 = 60_000;

/// Between two scrapes.
const SCRAPE: i64 = 15_000;

/// Prometheus' `query.lookback-delta`.
const LOOKBACK: i64 = 300_000;

/// Beyond this a rate is drawn in parts.
const MOST_AT_ONCE: f64 = 64.0;
