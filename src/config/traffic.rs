//! Click traffic: sources and streams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::at::At;
use super::defaults;
use super::error::{Place, did_you_mean, shown};
use super::raw::traffic as raw;
use super::resolve::Resolving;
use super::value::Lasting;
use crate::traffic::plan::{Kind, OwnProbes, Plan, Reference, StreamPlan};
use crate::traffic::source::Settings;

mod source;

pub(super) use source::pointer_of as pointer;

const DAY: Duration = Duration::from_secs(86_400);

/// Resolves the section.
pub(super) fn resolve(raw: raw::Traffic, at: &mut Resolving<'_>) -> Plan {
    let mut names = Names::default();
    let sources: Vec<Known> = raw
        .sources
        .unwrap_or_default()
        .into_iter()
        .filter_map(|source| known_source(source, &mut names, at))
        .collect();
    let mut names = Names::default();
    let streams = raw.streams.unwrap_or_default();
    let streams = streams
        .into_iter()
        .filter_map(|raw| stream(raw, &sources, &mut names, at));
    let streams = streams.map(Arc::new).collect();
    let budget = raw.false_alarms.as_ref();
    let accept = Bounds {
        what: "accept_after",
        least: Duration::from_secs(3600),
        most: 28 * DAY,
    };
    Plan {
        streams,
        sources: sources
            .into_iter()
            .filter_map(|known| known.settings)
            .map(Arc::new)
            .collect(),
        mean_between_false_alarms: budget
            .and_then(|budget| false_alarms(budget, at))
            .unwrap_or(SignedDuration::from_hours(30 * 24)),
        accept_after: accept.hold(raw.accept_after, defaults::ACCEPT_AFTER, at),
        time_zone: raw
            .time_zone
            .as_ref()
            .and_then(|zone| time_zone(zone, at))
            .unwrap_or(TimeZone::UTC),
    }
}

/// Names that may stand once.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, Place>);

impl Names {
    fn take(&mut self, name: &At<String>, at: &Resolving<'_>) {
        if name.value.is_empty() {
            at.findings.fault(name.place, "a name must not be empty");
        }
        if let Some(first) = self.0.insert(name.value.clone(), name.place) {
            let spot = at.findings.spot(first);
            at.findings.fault(
                name.place,
                format!("{} also stands at {spot}", shown(&name.value)),
            );
        }
    }
}

/// A length of time with its bounds.
struct Bounds {
    what: &'static str,
    least: Duration,
    most: Duration,
}

impl Bounds {
    fn hold(&self, given: Option<At<Lasting>>, default: Duration, at: &Resolving<'_>) -> SignedDuration {
        let length = given.map_or(default, |given| given.value.0);
        if let Some(At { place, .. }) = given
            && !(self.least..=self.most).contains(&length)
        {
            let what = format!(
                "{} is {}, which is not between {} and {}",
                self.what,
                Lasting(length),
                Lasting(self.least),
                Lasting(self.most)
            );
            at.findings.fault(place, what);
        }
        SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
    }
}

/// A source by name; without settings if it is faulty, so that its streams are not called lost as well.
struct Known {
    name: String,
    api: raw::SourceType,
    settings: Option<Settings>,
}

fn known_source(
    At { place, value: raw }: At<raw::Source>,
    names: &mut Names,
    at: &mut Resolving<'_>,
) -> Option<Known> {
    let Some(name) = raw.name.as_ref() else {
        at.findings.missing(place, "name", "name the source, as in prom");
        return None;
    };
    names.take(name, at);
    let api = raw
        .r#type
        .as_ref()
        .map_or(raw::SourceType::Prometheus, |kind| kind.value);
    Some(Known {
        name: name.value.clone(),
        api,
        settings: source::resolve(place, &raw, name, api, at),
    })
}

fn stream(
    At { place, value: raw }: At<raw::Stream>,
    sources: &[Known],
    names: &mut Names,
    at: &Resolving<'_>,
) -> Option<StreamPlan> {
    let Some(name) = raw.name.as_ref() else {
        at.findings
            .missing(place, "name", "name the stream, as in clicks");
        return None;
    };
    names.take(name, at);
    let source = source_of(place, raw.source.as_ref(), sources, at);
    let api = source
        .and_then(|source| sources.get(source))
        .map(|known| known.api);
    let kind = kind(raw.kind.as_ref(), api, at);
    let (bin, ingest_delay, history) = times(&raw, at);
    let reference = raw.reference.and_then(|At { place, value: raw }| {
        let Some(query) = raw.query else {
            at.findings.missing(place, "query", "say what is asked");
            return None;
        };
        Some(Reference {
            query: query.value,
            kind: raw.kind.map_or(kind, |given| self::kind(Some(&given), api, at)),
        })
    });
    let own_probes = match raw.own_probe_instances.map_or(0, |instances| instances.value) {
        0 => OwnProbes::Excluded,
        instances => OwnProbes::Subtracted { instances },
    };
    let Some(query) = raw.query.filter(|query| !query.value.trim().is_empty()) else {
        at.findings
            .missing(place, "query", "say what is asked, as in link_clicks_total");
        return None;
    };
    let sum_by = raw.sum_by.map(|label| label.value);
    // The place of a source that is faulty itself: nothing is built of it.
    Some(StreamPlan {
        name: Arc::from(name.value.as_str()),
        source: source?,
        query: query.value,
        kind,
        host_label: raw.host_label.map(|label| label.value).or_else(|| sum_by.clone()),
        sum_by,
        bin,
        ingest_delay,
        history,
        reference,
        own_probes,
        ignore: raw.ignore.into_iter().flatten().map(|name| name.value).collect(),
    })
}

/// The place of a stream's source among all.
fn source_of(
    place: Place,
    given: Option<&At<String>>,
    sources: &[Known],
    at: &Resolving<'_>,
) -> Option<usize> {
    let Some(given) = given else {
        if sources.len() != 1 {
            let why = format!("there are {} sources", sources.len());
            at.findings.missing(place, "source", &why);
        }
        return (sources.len() == 1).then_some(0);
    };
    let found = sources.iter().position(|source| source.name == given.value);
    if found.is_none() {
        let what = format!("there is no source {}", shown(&given.value));
        let names = sources.iter().map(|source| source.name.as_str());
        match did_you_mean(&given.value, names) {
            Some(hint) => at.findings.fault_with_hint(given.place, what, hint),
            None => at
                .findings
                .fault_with_hint(given.place, what, "declare it under traffic.sources"),
        }
    }
    found
}

fn kind(given: Option<&At<raw::Kind>>, api: Option<raw::SourceType>, at: &Resolving<'_>) -> Kind {
    let counts = !matches!(api, Some(raw::SourceType::Loki | raw::SourceType::Json));
    match given {
        Some(At {
            place,
            value: raw::Kind::Counter,
        }) if !counts => {
            at.findings.fault_with_hint(
                *place,
                "only a source of the type prometheus has counters",
                "ask for the clicks of each bin and write kind: increase",
            );
            Kind::Increase
        }
        Some(At {
            value: raw::Kind::Increase,
            ..
        }) => Kind::Increase,
        None if !counts => Kind::Increase,
        Some(At {
            value: raw::Kind::Counter,
            ..
        })
        | None => Kind::Counter,
    }
}

/// The length of a bin, the delay and the history.
fn times(raw: &raw::Stream, at: &Resolving<'_>) -> (SignedDuration, SignedDuration, SignedDuration) {
    let bounds = |what, least, most| Bounds { what, least, most };
    let bin = bounds("bin", Duration::from_secs(60), DAY).hold(raw.bin, defaults::BIN, at);
    let minutes = bin.as_secs() / 60;
    if let Some(given) = &raw.bin
        && minutes > 0
        && (bin.as_secs() % 60 != 0 || 1440 % minutes != 0 || bin.subsec_nanos() != 0)
    {
        at.findings.fault_with_hint(
            given.place,
            format!("a bin of {} does not divide a day", given.value),
            "write whole minutes, as in 1m, 5m, 15m or 1h",
        );
    }
    let delay =
        bounds("ingest_delay", Duration::ZERO, DAY).hold(raw.ingest_delay, defaults::INGEST_DELAY, at);
    let history = bounds("history", DAY, 366 * DAY).hold(raw.history, defaults::HISTORY, at);
    (bin, delay, history)
}

/// `1 per 30d` as the mean time between two.
fn false_alarms(given: &At<String>, at: &Resolving<'_>) -> Option<SignedDuration> {
    let between = parse_budget(&given.value);
    if between.is_none() {
        let what = format!("{} is not a number of false alarms", shown(&given.value));
        let hint = "write a number, per, and a duration, as in 1 per 30d; at most one per hour";
        at.findings.fault_with_hint(given.place, what, hint);
    }
    between
}

/// The mean time between two false alarms, at least an hour; none where the text cannot be used.
pub(super) fn parse_budget(text: &str) -> Option<SignedDuration> {
    let (number, duration) = text.split_once(" per ")?;
    let number: i32 = number.trim().parse().ok().filter(|number| *number > 0)?;
    let duration = SignedDuration::try_from(Lasting::parse(duration.trim()).ok()?.0).ok()?;
    let possible = SignedDuration::from_hours(1)..=SignedDuration::from_hours(24 * 3660);
    let between = duration.checked_div(number)?;
    possible.contains(&between).then_some(between)
}

fn time_zone(given: &At<String>, at: &Resolving<'_>) -> Option<TimeZone> {
    let zone = TimeZone::get(&given.value);
    if zone.is_err() {
        let what = format!("{} is not a time zone", shown(&given.value));
        at.findings.fault_with_hint(
            given.place,
            what,
            "write its name in the IANA database, as in Europe/Berlin",
        );
    }
    zone.ok()
}
