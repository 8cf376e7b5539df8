//! Clicks on ten hosts' links: weeks of them written down, and more while a test runs.
//!
//! The numbers are random, and the same in every run. It depends on nothing else of the tests.

use std::f64::consts::TAU;
use std::fmt::Write as _;

/// The name of the counter.
pub const METRIC: &str = "link_clicks_total";

/// How many hosts there are.
pub const HOSTS: usize = 10;

/// The days of history.
pub const DAYS: i64 = 28;

/// Seconds between two samples of the history.
pub const SCRAPED_EVERY: i64 = 60;

/// A sample of the history is taken so many seconds before the end of its minute.
pub const SCRAPED_BEFORE: i64 = 13;

/// A host; the same name as the lab's domains.
#[must_use]
pub fn host(number: usize) -> String {
    format!("link-{number:04}.example")
}

/// Clicks per minute that a host expects at a time (in seconds since 1970): more by day than by night.
#[must_use]
pub fn rate(number: usize, at: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a day, and ten hosts")]
    let (day, number) = (at.rem_euclid(86_400) as f64 / 86_400.0, number as f64);
    (200.0 + 40.0 * number) * 0.6f64.mul_add(-(TAU * day).cos(), 1.0)
}

/// The counter of one host.
#[derive(Debug, Clone)]
pub struct Counter {
    number: usize,
    chance: Chance,
    /// Its value.
    value: u64,
    /// Until when clicks have been counted, in milliseconds.
    until: i64,
    /// The share of clicks that still comes.
    pub share: f64,
}

/// One sample: a time in milliseconds since 1970, and the counter's value.
pub type Sample = (i64, u64);

impl Counter {
    /// A counter that has counted nothing yet.
    #[must_use]
    pub fn new(number: usize, from: i64) -> Self {
        Self {
            number,
            chance: Chance(0x9e37_79b9 + number as u64),
            value: 0,
            until: from * 1000,
            share: 1.0,
        }
    }

    /// Its labels, as they stand between braces.
    #[must_use]
    pub fn labels(&self) -> String {
        let (host, instance) = (host(self.number), self.number % 2);
        format!(r#"host="{host}",instance="tracker-{instance}:9100",job="tracker""#)
    }

    /// Counts until a time in milliseconds, at a rate as at the end.
    pub fn count_until(&mut self, at: i64) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two scrapes")]
        let minutes = (at - self.until).max(0) as f64 / 60_000.0;
        let mean = rate(self.number, at / 1000) * minutes * self.share;
        self.value += self.chance.poisson(mean);
        self.until = self.until.max(at);
        self.value
    }

    /// Begins anew, as its process does.
    pub fn reset(&mut self) {
        self.value = 0;
    }
}

/// Weeks of samples that end before a full minute (in seconds), and the counters as they then stand.
///
/// Every few days the process of a counter begins anew. Clicks of the first `quiet.0` hosts end at `quiet.1`.
#[must_use]
pub fn history(end: i64, quiet: (usize, i64)) -> Vec<(Counter, Vec<Sample>)> {
    let begin = end - DAYS * 86_400;
    let of_host = |number: usize| {
        let mut counter = Counter::new(number, begin - SCRAPED_BEFORE);
        let mut samples = Vec::new();
        let life = 3 * 1440 + 37 * i64::try_from(number).unwrap_or(0);
        for minute in 1..=DAYS * 1440 {
            let at = begin + minute * SCRAPED_EVERY - SCRAPED_BEFORE;
            if minute % life == 0 {
                counter.reset();
            }
            if number < quiet.0 && at > quiet.1 {
                counter.share = 0.0;
            }
            samples.push((at * 1000, counter.count_until(at * 1000)));
        }
        (counter, samples)
    };
    (0..HOSTS).map(of_host).collect()
}

/// Samples as `OpenMetrics` text, with times in seconds.
#[must_use]
pub fn openmetrics(history: &[(Counter, Vec<Sample>)]) -> String {
    let mut text = "# TYPE link_clicks counter\n".to_owned();
    for (counter, samples) in history {
        let labels = counter.labels();
        for (at, value) in samples {
            let (seconds, rest) = (at / 1000, at % 1000);
            let _ = writeln!(text, "{METRIC}{{{labels}}} {value} {seconds}.{rest:03}");
        }
    }
    text + "# EOF\n"
}

/// Samples in the text format, with times in milliseconds.
#[must_use]
pub fn exposition(history: &[(Counter, Vec<Sample>)]) -> String {
    let mut text = String::new();
    for (counter, samples) in history {
        let labels = counter.labels();
        for (at, value) in samples {
            let _ = writeln!(text, "{METRIC}{{{labels}}} {value} {at}");
        }
    }
    text
}

/// What is scraped at a time (in milliseconds): counters that go on where the history ends.
#[must_use]
pub fn scraped(counters: &mut [Counter], now: i64) -> String {
    let mut text = format!("# TYPE {METRIC} counter\n");
    for counter in counters {
        let (labels, value) = (counter.labels(), counter.count_until(now));
        let _ = writeln!(text, "{METRIC}{{{labels}}} {value}");
    }
    text
}

/// The job that scrapes such an exporter, within `scrape_configs`. Its labels are the history's.
#[must_use]
pub fn scrape_config(target: &str, interval: &str) -> String {
    format!(
        "\n  - {{job_name: tracker, honor_labels: true, scrape_interval: {interval}, scrape_timeout: {interval}, \
         static_configs: [{{targets: ['{target}']}}]}}"
    )
}

/// Random numbers, the same in every run (`SplitMix64`).
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let high = (mixed >> 11) as f64;
        high * 2.0_f64.powi(-53)
    }

    /// A number of the Poisson distribution, from parts that are small enough for products of uniform numbers.
    fn poisson(&mut self, mean: f64) -> u64 {
        let (mut left, mut count) = (mean, 0);
        while left > 0.0 {
            let floor = (-left.min(100.0)).exp();
            left -= 100.0;
            let mut product = self.uniform();
            while product > floor {
                product *= self.uniform();
                count += 1;
            }
        }
        count
    }
}
