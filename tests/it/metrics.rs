//! What `/metrics` says: every family of the catalogue, in every format.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use linkwatch::cause::Cause;
use linkwatch::diagnosis::Verdict;
use linkwatch::metrics::Exporter;
use linkwatch::metrics::catalog::{Kind, document, families};
use linkwatch::metrics::negotiate::{Coding, Format};
use linkwatch::state::{EndpointState, State};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prost::Message as _;

use crate::watched::{
    assert_golden, catalogue, clock, down, drifted, finding, group, healthy, large, slot, small, state,
};

fn scrape(state: &Arc<State>, format: Format, coding: Coding) -> Vec<u8> {
    let exporter = Exporter::new(Arc::clone(state), clock());
    let chunks = exporter.scrape(format, coding).map(Result::unwrap);
    chunks.flat_map(|chunk| chunk.to_vec()).collect()
}

fn text(state: &Arc<State>) -> String {
    String::from_utf8(scrape(state, Format::CLASSIC, Coding::Identity)).unwrap()
}

/// The samples: name and labels as they stand.
fn samples(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (series, _value) = line.rsplit_once(' ').unwrap();
        series.split_once('{').unwrap_or((series, "}"))
    })
}

/// The names of the labels of a series; values with commas or equals signs do not occur in the small state.
fn label_names(labels: &str) -> Vec<&str> {
    let pairs = labels
        .trim_end_matches('}')
        .split(',')
        .filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap().0).collect()
}

/// Without what differs from run to run.
fn stable(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("process_") && !line.contains("_build_info{"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn a_small_state_reads_as_it_always_has() {
    let state = small();
    assert_golden("tests/golden/metrics.prom", &stable(&text(&state)));
    let open = scrape(&state, Format::OPEN_METRICS, Coding::Identity);
    assert_golden(
        "tests/golden/metrics.openmetrics",
        &stable(&String::from_utf8(open).unwrap()),
    );
}

#[test]
fn the_document_lists_what_the_catalogue_holds() {
    assert_golden("docs/METRICS.md", &document());
}

#[test]
fn every_family_is_described_once_and_has_the_labels_that_it_says() {
    let text = text(&small());
    for family in families() {
        let described = |what: &str| {
            let line = format!("# {what} {} ", family.name);
            text.lines()
                .filter(|candidate| candidate.starts_with(&line))
                .count()
        };
        assert_eq!((described("HELP"), described("TYPE")), (1, 1), "{}", family.name);
        let of_subject: &[&str] = match family.subject() {
            "endpoint" => &["name", "group", "team"],
            "group" => &["group", "team"],
            "traffic" => &["stream", "group"],
            _ => &[],
        };
        let expected: BTreeSet<_> = of_subject.iter().chain(family.labels).copied().collect();
        let name = match family.kind {
            Kind::Histogram => format!("{}_bucket", family.name),
            Kind::Gauge | Kind::Counter | Kind::Info => family.name.to_owned(),
        };
        let mut series = samples(&text).filter(|(sample, _)| *sample == name).peekable();
        assert!(series.peek().is_some(), "{} has no series", family.name);
        for (_, labels) in series {
            let mut found: BTreeSet<_> = label_names(labels).into_iter().collect();
            if family.subject() == "traffic" {
                // A group judged as a whole has neither.
                assert_eq!(found.remove("series"), found.remove("name"), "{name}");
            }
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn no_two_series_have_the_same_name_and_labels() {
    let text = text(&small());
    let mut seen = BTreeSet::new();
    for series in samples(&text) {
        assert!(seen.insert(series), "{series:?} stands twice");
    }
}

fn series_of_an_endpoint(known: EndpointState) -> usize {
    let group = group("tracking");
    let state = state(catalogue(&group, vec![slot(&group, "a.example", Some(known))]));
    let text = text(&state);
    samples(&text)
        .filter(|(_, labels)| labels.contains("name=\"a.example\""))
        .count()
}

#[test]
fn an_endpoint_that_is_down_has_at_most_28_series() {
    assert!(series_of_an_endpoint(healthy()) <= 25);
    assert_eq!(series_of_an_endpoint(down()), 28);
}

#[test]
fn a_certificate_chain_of_any_length_has_a_bounded_number_of_series() {
    let mut chain = crate::watched::chain(Vec::new());
    while chain.certificates.len() < 16 {
        chain.certificates.push(chain.certificates[0].clone());
    }
    let known = EndpointState {
        chain: Some(Arc::new(chain)),
        ..healthy()
    };
    assert_eq!(
        series_of_an_endpoint(known),
        series_of_an_endpoint(healthy()) + 2 * 3
    );
}

#[test]
fn a_removed_endpoint_leaves_no_series_behind() {
    let state = small();
    assert!(text(&state).contains("b.example"));
    let group = group("tracking");
    state.replace(catalogue(
        &group,
        vec![slot(&group, "a.example", Some(healthy()))],
    ));
    let text = text(&state);
    assert!(text.contains("a.example"));
    for gone in ["b.example", "c.example", "d.example"] {
        assert!(!text.contains(gone), "{gone}");
    }
}

#[test]
fn hostile_values_are_escaped_and_bounded() {
    let group = group("tracking");
    let mut known = drifted();
    let hostile = format!(
        "\"}} 1\n# EOF\nlinkwatch_endpoint_up{{name=\"x\\{}",
        "ü".repeat(500)
    );
    let verdict = Verdict::clone(known.verdict.as_ref().unwrap());
    known.verdict = Some(Arc::new(Verdict {
        root: Some(finding(Cause::HttpBody, "a \\ b", &hostile)),
        ..verdict
    }));
    let state = state(catalogue(&group, vec![slot(&group, "a.example", Some(known))]));
    let text = text(&state);
    let line = text
        .lines()
        .find(|line| line.contains("expected=\"a \\\\ b\""))
        .unwrap();
    assert!(
        line.contains(r#"actual="\"} 1\n# EOF\nlinkwatch_endpoint_up{name=\"x\\ü"#),
        "{line}"
    );
    assert!(line.ends_with("ü\"} 1"), "{line}");
    assert!(line.len() < 500, "{}", line.len());
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("linkwatch_endpoint_up{"))
            .count(),
        1
    );
}

#[test]
fn dates_are_told_and_ages_computed_at_the_scrape() {
    let text = text(&small());
    let value = |series: &str| {
        let line = text.lines().find(|line| line.starts_with(series)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    let labels = "{name=\"a.example\",group=\"tracking\",team=\"delivery\"";
    let ends = value(&format!(
        "linkwatch_certificate_not_after_timestamp_seconds{labels},position=\"0\"}}"
    ));
    let left = value(&format!("linkwatch_certificate_expiry_seconds{labels}}}"));
    let now = crate::watched::now().as_duration().as_secs_f64();
    assert!((ends - now - left).abs() < 1e-3);
    let ratio = value(&format!("linkwatch_certificate_lifetime_left_ratio{labels}}}"));
    assert!((0.23..0.25).contains(&ratio), "{ratio}");
}

fn decode(mut bytes: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut bytes).unwrap());
    }
    families
}

#[test]
fn protobuf_holds_the_series_of_the_text() {
    let state = large(150);
    let decoded = decode(&scrape(&state, Format::PROTOBUF, Coding::Identity));
    let text = text(&state);
    let mut expected = BTreeMap::new();
    for (name, _) in samples(&text) {
        if !name.starts_with("linkwatch_probe_lag") {
            *expected.entry(name).or_insert(0) += 1;
        }
    }
    let found: BTreeMap<_, _> = decoded
        .iter()
        .filter(|family| family.name != "linkwatch_probe_lag_seconds")
        .map(|family| (family.name.as_str(), family.metric.len()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(decoded.len(), found.len() + 1, "a family stands twice");
    let up = decoded
        .iter()
        .find(|family| family.name == "linkwatch_endpoint_up")
        .unwrap();
    assert_eq!(up.help, families().next().unwrap().help);
    assert!(decoded.iter().all(|family| !family.help.is_empty()));
}

#[test]
fn a_family_of_many_pieces_is_described_once() {
    let text = text(&large(300));
    let mut seen = BTreeSet::new();
    let mut last = "";
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            assert!(seen.insert(described), "{described} stands twice");
            last = described.split(' ').next().unwrap();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(last), "{line} stands under {last}");
        }
    }
}

#[test]
fn gzip_holds_the_same_text() {
    let state = large(300);
    for format in [Format::CLASSIC, Format::OPEN_METRICS] {
        let plain = scrape(&state, format, Coding::Identity);
        let coded = scrape(&state, format, Coding::Gzip);
        let mut decoded = String::new();
        flate2::read::GzDecoder::new(coded.as_slice())
            .read_to_string(&mut decoded)
            .unwrap();
        assert_eq!(stable(&decoded), stable(str::from_utf8(&plain).unwrap()));
        assert!(
            coded.len() * 8 < plain.len(),
            "{} of {}",
            coded.len(),
            plain.len()
        );
    }
}

#[test]
fn open_metrics_ends_as_it_must() {
    for state in [small(), large(0)] {
        let text = scrape(&state, Format::OPEN_METRICS, Coding::Identity);
        assert!(text.ends_with(b"\n# EOF\n"));
    }
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let page = procfs::page_size() / 1024;
    procfs::process::Process::myself()
        .unwrap()
        .statm()
        .unwrap()
        .resident
        * page
}

#[test]
fn five_thousand_endpoints_are_scraped_in_bounded_chunks() {
    let state = large(5_000);
    let exporter = Exporter::new(Arc::clone(&state), clock());
    let before = resident();
    for (format, coding) in [
        (Format::CLASSIC, Coding::Identity),
        (Format::CLASSIC, Coding::Gzip),
        (Format::OPEN_METRICS, Coding::Gzip),
        (Format::PROTOBUF, Coding::Gzip),
    ] {
        let begun = tokio::time::Instant::now();
        let (mut chunks, mut bytes, mut largest) = (0, 0, 0);
        for chunk in exporter.scrape(format, coding) {
            let size = chunk.unwrap().len();
            chunks += 1;
            bytes += size;
            largest = largest.max(size);
        }
        let took = begun.elapsed();
        println!("{format} {coding:?}: {bytes} bytes in {chunks} chunks, at most {largest}, {took:?}");
        // The unoptimised build is ten times slower than the release; a scrape there takes a fraction of a second.
        assert!(took.as_secs() < 20, "{took:?}");
        match coding {
            Coding::Identity => assert!(largest < 256 * 1024 && chunks > 100, "{largest} in {chunks}"),
            Coding::Gzip => assert!(bytes < 4 * 1024 * 1024, "{bytes}"),
        }
    }
    // Loose, because other tests share the process: the text alone is more than twenty megabytes.
    println!(
        "resident: {} KiB more than before",
        resident().saturating_sub(before)
    );
}
