//! Coverage: a zone of 500 hosts of which 12 are unwatched, from each source that can tell of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use linkwatch::clock::SystemClock;
use linkwatch::coverage::source::{Http, Kind, Monitor, Settings, Transparency};
use linkwatch::coverage::{cloudflare, group, host, unwatched};
use linkwatch::fetch;
use linkwatch::record::Recorder;
use linkwatch::state::{Catalogue, Own, State};

use crate::lab::{Answer, HerokuLab, WebLab};

/// Every host of the zone.
pub(crate) fn zone() -> Vec<String> {
    (0..500)
        .map(|number| format!("host-{number:03}.example.com"))
        .collect()
}

/// Those that are watched: all but every fortieth, twelve in all.
pub(crate) fn watched() -> BTreeSet<String> {
    let hosts = zone().into_iter().enumerate();
    hosts
        .filter(|(number, _)| number % 40 != 7 || *number > 450)
        .map(|(_, host)| host)
        .collect()
}

/// The twelve.
pub(crate) fn missing() -> BTreeSet<String> {
    let watched = watched();
    zone()
        .into_iter()
        .filter(|host| !watched.contains(host))
        .collect()
}

/// The zone as a master file, with records that are no hosts.
pub(crate) fn master_file() -> String {
    let mut file = "$TTL 300\n@ IN SOA ns.other.test. admin.example.com. 1 3600 600 86400 60\n@ IN NS ns.other.test.\n\
                    @ IN MX 10 mx.other.test.\n_dmarc IN TXT \"v=DMARC1\"\n* IN A 192.0.2.9\nkey._domainkey IN CNAME key.other.test.\n"
        .to_owned();
    for (number, name) in zone().iter().enumerate() {
        let label = name.trim_end_matches(".example.com");
        let record = match number % 3 {
            0 => "A 192.0.2.1",
            1 => "AAAA 2001:db8::1",
            _ => "CNAME target.other.test.",
        };
        writeln!(file, "{label} IN {record}").unwrap();
    }
    file
}

fn source(kind: Kind) -> Settings {
    Settings {
        name: "zone".to_owned(),
        interval: Duration::from_secs(3_600),
        kind,
    }
}

async fn assert_finds_the_twelve(kind: Kind) {
    let text = format!("{kind:?}");
    let hosts = source(kind).ask().await.unwrap();
    assert_eq!(hosts.len(), 500, "{text}");
    assert_eq!(unwatched(&hosts, &watched(), &[]), missing(), "{text}");
}

#[tokio::test]
async fn files_tell_of_exactly_the_unwatched_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db.example.com");
    std::fs::write(&file, master_file()).unwrap();
    let origin = "example.com".to_owned();
    assert_eq!(missing().len(), 12);
    assert_finds_the_twelve(Kind::ZoneFile { file, origin }).await;

    let list = folder.path().join("hosts.txt");
    let text = format!(
        "# inventory\n\n{}  # the last\n*.example.com\n",
        zone().join("\n")
    );
    std::fs::write(&list, text).unwrap();
    assert_finds_the_twelve(Kind::File(list)).await;
}

#[tokio::test]
async fn a_zone_file_that_includes_others_or_is_none_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let asked = async |text: &str| {
        let file = folder.path().join("db");
        std::fs::write(&file, text).unwrap();
        let origin = "example.com".to_owned();
        source(Kind::ZoneFile { file, origin })
            .ask()
            .await
            .unwrap_err()
            .to_string()
    };
    assert!(
        asked("@ IN A 192.0.2.1\n$INCLUDE /etc/passwd\n")
            .await
            .contains("line 2: $INCLUDE is not followed")
    );
    assert!(
        asked("this is not a zone")
            .await
            .contains("is not what was expected")
    );
    let nowhere = source(Kind::File(folder.path().join("nowhere")))
        .ask()
        .await
        .unwrap_err();
    assert!(nowhere.to_string().contains("cannot read"), "{nowhere}");
}

#[tokio::test]
async fn lists_over_http_tell_of_exactly_the_unwatched_ones() {
    let hosts = serde_json::to_string(&zone()).unwrap();
    let targets = format!(r#"[{{"targets": {hosts}, "labels": {{"team": "x"}}}}]"#);
    let urls: Vec<String> = zone()
        .iter()
        .map(|host| format!("https://{host}:8443/x"))
        .collect();
    for body in [hosts, targets, serde_json::to_string(&urls).unwrap()] {
        let lab = WebLab::plain().answer(Answer::text(&body)).start().await;
        let http = Http {
            url: lab.url("/hosts").parse().unwrap(),
            client: fetch::Settings::default(),
        };
        assert_finds_the_twelve(Kind::Http(Box::new(http))).await;
    }
    let lab = WebLab::plain().answer(Answer::text("[1]")).start().await;
    let http = Http {
        url: lab.url("/hosts").parse().unwrap(),
        client: fetch::Settings::default(),
    };
    let error = source(Kind::Http(Box::new(http))).ask().await.unwrap_err();
    assert!(error.to_string().contains("neither a host nor"), "{error}");
}

/// Hosts in pages of so many, after a place that the query names.
fn paged(request: &str, key: &str, size: usize) -> (usize, Vec<String>) {
    let pairs = url::form_urlencoded::parse(request.as_bytes());
    let from = pairs
        .filter(|(name, _)| name == key)
        .find_map(|(_, value)| value.parse().ok());
    let from: usize = from.unwrap_or(0);
    (from, zone().into_iter().skip(from).take(size).collect())
}

#[tokio::test]
async fn monitors_of_transparency_tell_of_exactly_the_unwatched_ones() {
    let spotter = WebLab::plain()
        .answer(Answer::decide(|request| {
            let (from, hosts) = paged(&request.query, "after", 90);
            let rows: Vec<_> = hosts
                .iter()
                .enumerate()
                .map(|(place, host)| {
                    let names = [host.as_str(), "*.example.com", "other.example.org"];
                    serde_json::json!({"id": (from + place + 1).to_string(), "dns_names": names})
                })
                .collect();
            Answer::text(&serde_json::to_string(&rows).unwrap())
        }))
        .start()
        .await;
    let transparency = |monitor, url: String| {
        Kind::Transparency(Box::new(Transparency {
            monitor,
            url: url.parse().unwrap(),
            domain: "example.com".to_owned(),
            client: fetch::Settings::default(),
        }))
    };
    assert_finds_the_twelve(transparency(Monitor::CertSpotter, spotter.url("/v1/issuances"))).await;
    assert_eq!(spotter.requests(), 7);

    let entries: Vec<_> = zone()
        .chunks(10)
        .map(|names| serde_json::json!({"name_value": names.join("\n"), "common_name": names[0]}))
        .collect();
    let search = WebLab::plain().answer(Answer::text(&serde_json::to_string(&entries).unwrap()));
    let search = search.start().await;
    assert_finds_the_twelve(transparency(Monitor::CrtSh, search.url("/"))).await;
    assert!(search.last_request().query.contains("q=%25.example.com"));

    let endless = WebLab::plain().answer(endless_issuances()).start().await;
    let error = source(transparency(Monitor::CertSpotter, endless.url("/")))
        .ask()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}

/// Issuances that do not end.
fn endless_issuances() -> Answer {
    let next = Arc::new(AtomicU64::new(0));
    Answer::decide(move |_| {
        let id = next.fetch_add(1, Ordering::Relaxed);
        Answer::text(&format!(r#"[{{"id": "{id}", "dns_names": ["a.example.com"]}}]"#))
    })
}

#[tokio::test]
async fn records_at_cloudflare_tell_of_exactly_the_unwatched_ones() {
    let lab = WebLab::plain()
        .answer(Answer::decide(|request| {
            assert_eq!(request.path, "/v4/zones/0123/dns_records");
            let pairs = url::form_urlencoded::parse(request.query.as_bytes());
            let page = pairs
                .filter(|(key, _)| key == "page")
                .find_map(|(_, value)| value.parse::<usize>().ok());
            let page = page.unwrap();
            let hosts = zone().into_iter().skip((page - 1) * 200).take(200);
            let mut records: Vec<_> = hosts
                .map(|host| serde_json::json!({"name": host, "type": "CNAME", "proxied": true}))
                .collect();
            records.push(serde_json::json!({"name": "text.example.com", "type": "TXT"}));
            let body =
                serde_json::json!({"success": true, "result": records, "result_info": {"total_pages": 3}});
            Answer::text(&body.to_string())
        }))
        .start()
        .await;
    assert_finds_the_twelve(Kind::CloudflareRecords(Box::new(cloudflare::Settings {
        url: lab.url("/v4").parse().unwrap(),
        zone: "0123".to_owned(),
        client: fetch::Settings::default(),
    })))
    .await;
}

#[test]
fn a_source_that_is_down_says_so_and_keeps_its_last_list_and_a_watched_host_clears() {
    let state = Arc::new(State::new(Catalogue::default(), Own::new(false)));
    let recorder = Recorder::new(Arc::clone(&state), Arc::new(SystemClock), None);
    recorder.coverage_list("zone", zone().into_iter().collect());
    recorder.coverage_held_against(&watched(), &[]);
    let source = || state.coverage().0[0].clone();
    assert_eq!(*source().unwatched, missing());
    recorder.coverage_failed("zone", "refused");
    assert_eq!(
        (source().up, source().problem.as_deref()),
        (Some(false), Some("refused"))
    );
    assert_eq!(*source().unwatched, missing());
    let mut more = watched();
    more.extend(missing().into_iter().skip(1));
    recorder.coverage_held_against(&more, &[]);
    assert_eq!(source().unwatched.len(), 1);
    recorder.coverage_list("zone", zone().into_iter().take(5).collect());
    recorder.coverage_held_against(&more, &[]);
    assert_eq!((source().up, source().unwatched.len()), (Some(true), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn discover_prints_the_unwatched_ones_as_a_group_that_loads() {
    let platform = HerokuLab::start().await;
    for host in zone() {
        platform.domain(&host, "target.herokudns.example", "ok", None);
    }
    let folder = tempfile::tempdir().unwrap();
    let watched: Vec<String> = watched().into_iter().collect();
    let config = format!(
        "groups:\n  - {{name: web, hosts: {}}}\nplatforms:\n  - {{name: heroku-main, type: heroku, app: x, url: \"{}\", token: {}}}\n\
         coverage:\n  ignore: [{{host: host-007.example.com, reason: gone}}]\n",
        serde_json::to_string(&watched).unwrap(),
        platform.url(),
        crate::lab::heroku::TOKEN,
    );
    let file = folder.path().join("linkwatch.yml");
    std::fs::write(&file, config).unwrap();
    let output = tokio::task::spawn_blocking(move || {
        let program = env!("CARGO_BIN_EXE_linkwatch");
        Command::new(program)
            .args(["discover", "--config.file"])
            .arg(file)
            .output()
    });
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("heroku-main: 500 hosts, 11 of them new and unwatched"),
        "{said}"
    );
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut expected = missing();
    expected.remove("host-007.example.com");
    assert_eq!(printed, format!("groups:\n{}", group("heroku-main", &expected)));
    let parsed = linkwatch::config::parse(
        std::path::Path::new("printed.yml"),
        printed.as_bytes(),
        linkwatch::config::Files::memory([]),
    )
    .unwrap();
    let hosts: BTreeSet<_> = parsed.groups[0]
        .endpoints
        .iter()
        .filter_map(|endpoint| host(&endpoint.host))
        .collect();
    assert_eq!(hosts, expected);
}
