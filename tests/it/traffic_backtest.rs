//! `linkwatch traffic backtest`: a file of counts in, what the detector would have said of it out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::lab::ClickLab;
use crate::program::{Home, run};

/// Ten days of ten-minute bins of two series; on the ninth day both are silent for five hours.
fn history() -> Home {
    let start: Timestamp = "2026-05-01T00:00:00Z".parse().unwrap();
    let mut text = "timestamp,a<b,\"c&d\"\n".to_owned();
    for bin in 0..1_440_i64 {
        let at = start + SignedDuration::from_mins(10 * bin);
        let silent = (1_200..1_230).contains(&bin);
        let count = if silent { 0 } else { 100 + bin % 7 };
        writeln!(text, "{at},{count},{count}").unwrap();
    }
    let home = Home::new("");
    home.write("counts.csv", &text);
    home
}

async fn backtest(home: &Home, more: &[&str]) -> (Option<i32>, String, String) {
    let file = home.path().join("counts.csv");
    let mut call = vec!["traffic", "backtest", "--csv", file.to_str().unwrap()];
    call.extend(more);
    let output = run(&call).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn csv_has_a_row_for_each_alarm_and_tier_and_exits_with_0() {
    let (code, out, err) = backtest(&history(), &["-o", "csv"]).await;
    assert_eq!(code, Some(0), "{err}");
    let mut lines = out.lines();
    let header = "scope,series,start,end,tier,expected,observed,evidence,threshold";
    assert_eq!(lines.next(), Some(header));
    let rows: Vec<&str> = lines.collect();
    assert!(
        rows.iter()
            .any(|row| row.starts_with("series,a<b,2026-05-09T08:")),
        "{out}"
    );
    assert!(
        rows.iter().any(|row| row.starts_with("group,,2026-05-09T08:")),
        "{out}"
    );
    assert!(rows.iter().all(|row| row.split(',').count() == 9), "{out}");
}

#[tokio::test]
async fn a_range_shows_only_the_alarms_in_it() {
    let (code, out, err) = backtest(&history(), &["-o", "csv", "--to", "2026-05-09T00:00:00Z"]).await;
    assert_eq!((code, out.lines().count()), (Some(0), 1), "{out}{err}");
}

#[tokio::test]
async fn a_report_and_an_object_add_how_soon_outages_are_noticed() {
    let home = history();
    let (_, report, err) = backtest(&home, &[]).await;
    for part in ["2 series", "noticed", "a<b", "(group)", " of ", "limit"] {
        assert!(report.contains(part), "{part} in {report}{err}");
    }
    let (_, object, _) = backtest(&home, &["-o", "json"]).await;
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["bin_seconds"], 600);
    assert_eq!(object["series"].as_array().unwrap().len(), 3);
    assert!(
        object["series"][0]["simulated_outages"]["outages"]
            .as_u64()
            .unwrap()
            > 4
    );
    let (_, object, _) = backtest(&home, &["-o", "json", "--no-simulate"]).await;
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["series"][0]["simulated_outages"], Value::Null);
}

#[tokio::test]
async fn a_picture_has_a_panel_for_each_series_and_escapes_its_name() {
    let (code, picture, err) = backtest(&history(), &["-o", "svg", "--from", "2026-05-08T00:00:00Z"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(picture.starts_with("<svg"), "{picture}");
    for part in ["a&lt;b: ", "c&amp;d: ", "expected", "outage", "05-09"] {
        assert!(picture.contains(part), "{part} in {picture}");
    }
    assert!(!picture.contains("a<b"));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_wrong_call_that_names_file_and_line() {
    let home = Home::new("");
    home.write("counts.csv", "timestamp,a\n2026-05-01T00:00:00Z,many\n");
    let (code, out, err) = backtest(&home, &[]).await;
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        err.contains("counts.csv: line 2: \"many\" is not a count"),
        "{err}"
    );
    let (code, _, err) = backtest(&history(), &["--reference", "sent"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("no column is called \"sent\""), "{err}");
}

/// A Prometheus with two hosts, of which one was silent from ten to eleven; and when it is noon there.
async fn clicks() -> (ClickLab, Timestamp) {
    let noon: Timestamp = "2026-05-08T12:00:00Z".parse().unwrap();
    let spec = ClickLab::spec().host("a.test", 20.0).host("b.test", 20.0);
    let lab = spec.start(move || noon).await;
    let silent = SignedDuration::from_hours(2);
    lab.quiet("a.test", noon - silent..noon - silent / 2);
    (lab, noon)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_is_asked_for_history_and_the_outage_in_it_is_found() {
    let (lab, noon) = clicks().await;
    let (url, to) = (lab.url(), noon.to_string());
    let asked = ["--query", "link_clicks_total", "--sum-by", "host", "-o", "csv"];
    let call = ["traffic", "backtest", "--source", &url, "--to", &to];
    let output = run(&[&call[..], &asked].concat()).await;
    let rows = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    let alarm = rows
        .lines()
        .find(|row| row.starts_with("series,a.test,2026-05-08T10:0"));
    assert!(alarm.is_some_and(|row| row.contains(",outage,")), "{rows}{err}");
    assert!(!rows.contains("series,b.test,"), "{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_the_configuration_brings_its_own_query() {
    let (lab, noon) = clicks().await;
    let (url, to) = (lab.url(), noon.to_string());
    let home = Home::new(&format!(
        "traffic:\n  sources: [{{name: prom, url: \"{url}\"}}]\n  streams: [{{name: clicks, query: link_clicks_total, sum_by: host}}]\n"
    ));
    let file = home.config_file().to_string_lossy().into_owned();
    let call = [
        "traffic",
        "backtest",
        "--config.file",
        &file,
        "--to",
        &to,
        "-o",
        "csv",
        "--source",
    ];
    let output = run(&[&call[..], &["clicks"]].concat()).await;
    let rows = String::from_utf8(output.stdout).unwrap();
    assert!(
        rows.contains("series,a.test,2026-05-08T10:0"),
        "{rows}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = run(&[&call[..], &["klicks"]].concat()).await;
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err.contains("no stream and no source \"klicks\": it has clicks, prom"),
        "{err}"
    );
}
