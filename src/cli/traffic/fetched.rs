//! The history that a backtest takes from a source.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::BacktestArgs;
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::probe::tls;
use crate::traffic::Bin;
use crate::traffic::backtest::{Column, Table};
use crate::traffic::bucket::{self, Buckets, Stretch};
use crate::traffic::plan::{Kind, OwnProbes, Plan, StreamPlan};
use crate::traffic::source::{Api, Client, Question, Settings, Source};

/// So much of what is before the range that is shown is learned from.
const LEARNED: SignedDuration = SignedDuration::from_hours(28 * 24);

/// Without `--from`, so much is shown.
pub(super) const SHOWN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Bins of one question; with very many series an answer stays below the source's bounds.
const AT_ONCE: i64 = 1_440;

/// Asks the source that the arguments name.
pub(super) fn fetch(args: &BacktestArgs) -> Result<Table, String> {
    let (settings, stream) = resolve(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let to = args.to.unwrap_or_else(|| SystemClock.now() - stream.ingest_delay);
    let from = args.from.unwrap_or(to - SHOWN) - LEARNED;
    let bin = stream.bin.as_secs();
    let whole = Stretch {
        first: from.as_second().div_euclid(bin),
        last: to.as_second().div_euclid(bin) - 1,
    };
    if whole.is_empty() {
        return Err("--from is not before --to: name a range of time".into());
    }
    let source = Source::new(settings).map_err(|error| error.to_string())?;
    let ask = |query: &str, kind: Kind| {
        let settings = bucket::Settings {
            kind,
            ..bucket::Settings::of(&stream)
        };
        runtime.block_on(columns(&source, settings, query, whole))
    };
    let named = ask(&stream.query, stream.kind)?;
    if named.is_empty() {
        return Err(format!("{} has no series in this range of time", stream.query));
    }
    let reference = stream.reference.as_ref();
    let reference = reference.map(|reference| ask(&reference.query, reference.kind));
    Ok(Table {
        start: Timestamp::from_second(whole.first * bin).map_err(|error| error.to_string())?,
        bin: stream.bin,
        columns: named
            .into_iter()
            .map(|(name, bins)| Column { name, bins })
            .collect(),
        reference: reference.transpose()?.map(|series| sum(&series)),
    })
}

/// Every series' bins, by name.
async fn columns(
    source: &Source,
    settings: bucket::Settings,
    query: &str,
    whole: Stretch,
) -> Result<BTreeMap<String, Vec<Bin>>, String> {
    let (bin, counters) = (settings.bin, settings.kind == Kind::Counter);
    let mut buckets = Buckets::new(settings);
    let mut columns: BTreeMap<String, Vec<Bin>> = BTreeMap::new();
    let mut first = whole.first;
    while first <= whole.last {
        let part = Stretch {
            first,
            last: whole.last.min(first + AT_ONCE - 1),
        };
        let end = |bin_number: i64| Timestamp::from_second((bin_number + 1) * bin);
        let question = Question {
            query: query.to_owned(),
            from: end(part.first).map_err(|error| error.to_string())?,
            to: end(part.last).map_err(|error| error.to_string())?,
            step: SignedDuration::from_secs(bin),
            counters,
        };
        let answer = source.fetch(&question).await.map_err(|error| error.to_string())?;
        let before = usize::try_from(part.first - whole.first).unwrap_or(0);
        for row in buckets.take(part, part.last, &answer).rows {
            let column = columns.entry(row.name.to_string()).or_default();
            column.resize(before, Bin::Missing);
            column.extend(row.bins);
        }
        first = part.last + 1;
    }
    Ok(columns)
}

/// One reference for all, as a file has it: the sum of its series.
fn sum(series: &BTreeMap<String, Vec<Bin>>) -> Vec<Bin> {
    let length = series.values().map(Vec::len).max().unwrap_or(0);
    let at = |place: usize| {
        let known = series.values().filter_map(|bins| bins.get(place)?.count());
        known
            .fold(None, |sum: Option<f64>, count| Some(sum.unwrap_or(0.0) + count))
            .map_or(Bin::Missing, Bin::Count)
    };
    (0..length).map(at).collect()
}

/// Whom to ask what: a stream or a source of the configuration by name, or the Prometheus at a URL.
fn resolve(args: &BacktestArgs) -> Result<(Settings, StreamPlan), String> {
    let name = args.source.as_deref().unwrap_or_default();
    let query = |instead: Option<&str>| {
        let query = args.query.as_deref().or(instead);
        query
            .map(str::to_owned)
            .ok_or_else(|| "say with --query what the source is asked".to_owned())
    };
    let Some(file) = &args.config_file else {
        let url = Url::parse(name)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| format!("{name:?} is no URL: name its configuration with --config.file"))?;
        return Ok((prometheus(url), stream(args, query(None)?, Api::Prometheus)?));
    };
    let plan = load(file)?;
    if let Some(planned) = plan.streams.iter().find(|stream| *stream.name == *name) {
        let source = plan
            .sources
            .get(planned.source)
            .ok_or("the stream has no source")?;
        let mut planned = StreamPlan::clone(planned);
        planned.query = query(Some(&planned.query))?;
        return Ok((Settings::clone(source), planned));
    }
    let source = plan
        .sources
        .iter()
        .find(|source| *source.name == *name)
        .ok_or_else(|| {
            let streams = plan.streams.iter().map(|stream| &*stream.name);
            let sources = plan.sources.iter().map(|source| &*source.name);
            let known: Vec<&str> = streams.chain(sources).collect();
            format!(
                "{} has no stream and no source {name:?}: it has {}",
                file.display(),
                known.join(", ")
            )
        })?;
    Ok((
        Settings::clone(source),
        stream(args, query(None)?, source.api.clone())?,
    ))
}

fn load(file: &Path) -> Result<Arc<Plan>, String> {
    let config = config::load(file).map_err(|errors| errors.to_string())?;
    config
        .traffic
        .ok_or_else(|| format!("{} has no section traffic", file.display()))
}

fn prometheus(url: Url) -> Settings {
    Settings {
        name: Arc::from(url.host_str().unwrap_or_default()),
        url,
        api: Api::Prometheus,
        client: Client {
            timeout: std::time::Duration::from_secs(30),
            headers: HeaderMap::new(),
            tls: tls::Settings::default(),
            proxy: None,
            follow_redirects: true,
        },
    }
}

fn stream(args: &BacktestArgs, query: String, api: Api) -> Result<StreamPlan, String> {
    let kind = match (args.kind, api) {
        (Some(super::ValueKind::Increase), _) | (None, Api::Loki | Api::Json(_)) => Kind::Increase,
        (Some(super::ValueKind::Counter) | None, Api::Prometheus) => Kind::Counter,
        (Some(super::ValueKind::Counter), Api::Loki | Api::Json(_)) => {
            return Err("only a Prometheus has counters: use --kind increase".into());
        }
    };
    Ok(StreamPlan {
        name: Arc::from("all"),
        source: 0,
        query,
        kind,
        sum_by: args.sum_by.clone(),
        host_label: None,
        bin: SignedDuration::from_mins(1),
        ingest_delay: SignedDuration::from_mins(2),
        history: LEARNED,
        reference: None,
        own_probes: OwnProbes::Excluded,
        ignore: Vec::new(),
    })
}
