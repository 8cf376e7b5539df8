//! Two answers to one question, and every point in which they differ.

use std::collections::BTreeMap;

use super::ask::Said;

/// Up to here two times are of the same order: both short, or both about as long as the limit that ended them.
const APART: f64 = 1.0;

/// A point in which linkwatch differs from blackbox_exporter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding {
    /// The status of the answer.
    Status { real: u16, ours: u16 },
    /// What the answer says that it is.
    ContentType { real: String, ours: String },
    /// What its body is encoded in.
    Encoding { real: String, ours: String },
    /// A series that linkwatch lacks.
    Missing(String),
    /// A series that only linkwatch has.
    Added(String),
    /// A value that is to be the same.
    Value { series: String, real: f64, ours: f64 },
    /// A time of another order, or one that is zero for one of the two.
    Time { series: String, real: f64, ours: f64 },
    /// A family of another type.
    Type {
        family: String,
        real: String,
        ours: String,
    },
}

impl Finding {
    /// The series or family that it is about.
    pub(super) fn series(&self) -> Option<&str> {
        match self {
            Self::Missing(series)
            | Self::Added(series)
            | Self::Value { series, .. }
            | Self::Time { series, .. }
            | Self::Type { family: series, .. } => Some(series),
            Self::Status { .. } | Self::ContentType { .. } | Self::Encoding { .. } => None,
        }
    }
}

/// Every point in which they differ.
pub(super) fn compare(real: &Said, ours: &Said) -> Vec<Finding> {
    let mut findings = Vec::new();
    if real.status != ours.status {
        findings.push(Finding::Status {
            real: real.status,
            ours: ours.status,
        });
    }
    if real.content_type != ours.content_type {
        findings.push(Finding::ContentType {
            real: real.content_type.clone(),
            ours: ours.content_type.clone(),
        });
    }
    if real.encoding != ours.encoding {
        findings.push(Finding::Encoding {
            real: real.encoding.clone(),
            ours: ours.encoding.clone(),
        });
    }
    if real.status == 200 && ours.status == 200 && real.content_type.starts_with("text/plain") {
        series(
            &Exposition::read(&real.body),
            &Exposition::read(&ours.body),
            &mut findings,
        );
    }
    findings
}

fn series(real: &Exposition<'_>, ours: &Exposition<'_>, findings: &mut Vec<Finding>) {
    for (series, theirs) in &real.samples {
        match ours.samples.get(series) {
            None => findings.push(Finding::Missing(series.clone())),
            Some(value) => findings.extend(value_of(series, *theirs, *value)),
        }
    }
    let added = ours
        .samples
        .keys()
        .filter(|series| !real.samples.contains_key(*series));
    findings.extend(added.cloned().map(Finding::Added));
    for (family, theirs) in &real.types {
        if let Some(kind) = ours.types.get(family).filter(|kind| *kind != theirs) {
            findings.push(Finding::Type {
                family: (*family).to_owned(),
                real: (*theirs).to_owned(),
                ours: (*kind).to_owned(),
            });
        }
    }
}

fn value_of(series: &str, real: f64, ours: f64) -> Option<Finding> {
    let family = series.split('{').next().unwrap_or(series);
    let series = series.to_owned();
    if family.ends_with("duration_seconds") || family.ends_with("lookup_time_seconds") {
        // Looking up an address that needs no looking up takes no time, or a microsecond.
        let lookup = family.ends_with("lookup_time_seconds") || series.contains("phase=\"resolve\"");
        let alike = (lookup || (real == 0.0) == (ours == 0.0)) && (real - ours).abs() < APART;
        return (!alike).then_some(Finding::Time { series, real, ours });
    }
    (real.to_bits() != ours.to_bits()).then_some(Finding::Value { series, real, ours })
}

/// What an answer in the text format holds.
struct Exposition<'a> {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<&'a str, &'a str>,
}

impl<'a> Exposition<'a> {
    fn read(body: &'a str) -> Self {
        let samples = body
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let types = body
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        Self {
            samples: samples
                .map(|line| {
                    let (series, value) = line.rsplit_once(' ').expect("a sample");
                    (in_order(series), value.parse().expect("a value"))
                })
                .collect(),
            types: types.collect(),
        }
    }
}

/// A series with its labels in the order of their names: the format leaves it open.
fn in_order(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else {
        return series.to_owned();
    };
    let mut labels: Vec<_> = split(labels.strip_suffix('}').expect("an end of labels"));
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

/// The labels between commas that stand outside of quotes.
fn split(labels: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = labels.split(|letter| {
        let ends = letter == ',' && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    parts.filter(|label| !label.is_empty()).collect()
}
