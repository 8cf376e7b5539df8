//! An existing set-up of `blackbox_exporter` and Prometheus becomes a catalogue.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::Path;

use linkwatch::config::{self, Config, Files, Source};

use crate::program::{Home, run};

const BLACKBOX: &str = "
modules:
  http_2xx: {prober: http, timeout: 5s}
  http_post: {prober: http, http: {method: POST}}
  banner: {prober: tcp, tcp: {query_response: [{expect: \"^SSH-\"}]}}
";

/// The relabelling that everybody copies.
const USUAL: &str = "
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: instance
      - target_label: __address__
        replacement: 127.0.0.1:9115
";

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.into(),
        text: text.as_bytes().to_vec(),
    }
}

/// What became of a `prometheus.yml`: the text, its notes, and what linkwatch makes of it.
fn carried(prometheus: &str) -> (String, Vec<String>, Config) {
    let carried = config::carry(
        &source("blackbox.yml", BLACKBOX),
        &[source("prometheus.yml", prometheus)],
    )
    .unwrap();
    let files = Files::memory([("blackbox.yml".into(), BLACKBOX.as_bytes().to_vec())]);
    let config = config::parse(Path::new("linkwatch.yml"), carried.text.as_bytes(), files);
    let config = config.unwrap_or_else(|errors| panic!("{errors}\n{}", carried.text));
    let notes = carried.notes.iter().map(ToString::to_string).collect();
    (carried.text, notes, config)
}

fn urls(config: &Config) -> Vec<(String, Vec<String>)> {
    let urls = |plan: &config::GroupPlan| {
        plan.endpoints
            .iter()
            .map(|endpoint| endpoint.url.to_string())
            .collect()
    };
    config
        .groups
        .iter()
        .map(|plan| (plan.group.module.to_string(), urls(plan)))
        .collect()
}

#[test]
fn jobs_become_groups_with_their_modules_targets_labels_and_times() {
    let (text, notes, config) = carried(&format!(
        "
global: {{scrape_interval: 30s, scrape_timeout: 8s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: [\"127.0.0.1:9100\"]}}]
  - job_name: sites
    metrics_path: /probe
    params: {{module: [http_2xx]}}
    scrape_interval: 1m
    static_configs:
      - targets: [https://shop.example/health, blog.example]
        labels: {{team: web}}
      - targets: [\"http://old.example:8080\"]
{USUAL}
  - job_name: ssh
    metrics_path: /probe
    params: {{module: [banner]}}
    static_configs: [{{targets: [\"gate.example:22\"]}}]
{USUAL}"
    ));
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(
        urls(&config),
        [
            (
                "http_2xx".to_owned(),
                vec![
                    "https://shop.example/health".to_owned(),
                    "http://blog.example/".to_owned()
                ]
            ),
            ("http_2xx".to_owned(), vec!["http://old.example:8080/".to_owned()]),
            ("banner".to_owned(), vec!["tcp://gate.example:22".to_owned()]),
        ]
    );
    assert!(!text.contains("9100"), "jobs that do not probe are left alone");
    let [sites, more, ssh] = &config.groups[..] else {
        panic!("{text}")
    };
    assert_eq!(
        (sites.group.name.as_str(), more.group.name.as_str()),
        ("sites", "sites-2")
    );
    assert_eq!(
        (sites.group.interval.as_secs(), sites.group.timeout.as_secs()),
        (60, 8)
    );
    assert_eq!(ssh.group.interval.as_secs(), 30);
    assert_eq!(sites.labels.iter().collect::<Vec<_>>(), [("team", "web")]);
}

#[test]
fn what_a_job_leaves_to_prometheus_is_as_prometheus_has_it() {
    let times = |interval: &str| {
        let (text, _, config) = carried(&format!(
            "
scrape_configs:
  - job_name: sites
    metrics_path: /probe
    params: {{module: [http_2xx]}}
{interval}    static_configs: [{{targets: [\"https://shop.example/\"]}}]
{USUAL}"
        ));
        let [plan] = &config.groups[..] else {
            panic!("{text}")
        };
        (plan.group.interval.as_secs(), plan.group.timeout.as_secs())
    };
    assert_eq!(times(""), (60, 5));
    assert_eq!(times("    scrape_interval: 2s\n"), (2, 2));
}

#[test]
fn discovery_is_carried_over_with_what_a_target_becomes() {
    let (text, notes, config) = carried(
        "
scrape_configs:
  - job_name: fleet
    metrics_path: /probe
    params: {module: [http_2xx]}
    file_sd_configs: [{files: [targets/*.yml, /etc/more.json], refresh_interval: 2m}]
    http_sd_configs: [{url: \"http://127.0.0.1:1/targets\"}]
    relabel_configs:
      - {source_labels: [__address__], regex: '(.*)', replacement: 'https://$1/health', target_label: __param_target}
      - {target_label: __address__, replacement: '127.0.0.1:9115'}
",
    );
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(config.groups.len(), 2);
    assert!(
        config
            .groups
            .iter()
            .all(|plan| plan.template.url == "https://{host}/health"),
        "{text}"
    );
    assert!(
        text.contains("file_sd: {files: [\"targets/*.yml\", \"/etc/more.json\"], refresh_interval: 2m}"),
        "{text}"
    );
    assert!(
        text.contains("http_sd: {url: \"http://127.0.0.1:1/targets\"}"),
        "{text}"
    );
}

#[test]
fn the_module_may_stand_in_a_label_and_the_target_in_the_parameters() {
    let (text, notes, config) = carried(
        "
scrape_configs:
  - job_name: by-label
    metrics_path: /probe
    static_configs:
      - {targets: [a.example], labels: {module: http_post}}
      - {targets: [b.example], labels: {module: http_2xx}}
    relabel_configs:
      - {source_labels: [module], target_label: __param_module}
      - {source_labels: [__address__], target_label: __param_target}
  - job_name: fixed
    metrics_path: /probe
    params: {module: [http_2xx], target: [https://c.example/]}
    static_configs: [{targets: ['127.0.0.1:9115']}]
",
    );
    assert_eq!(notes, Vec::<String>::new(), "{text}");
    let expected = [
        ("http_post", "http://a.example/"),
        ("http_2xx", "http://b.example/"),
        ("http_2xx", "https://c.example/"),
    ];
    let expected = expected.map(|(module, url)| (module.to_owned(), vec![url.to_owned()]));
    assert_eq!(urls(&config), expected);
}

#[test]
fn what_cannot_be_carried_over_is_said_with_its_place_and_the_rest_is() {
    let (text, notes, config) = carried(
        "scrape_configs:
  - job_name: mixed
    metrics_path: /probe
    params: {module: [http_2xx, http_post]}
    kubernetes_sd_configs: [{role: ingress}]
    metric_relabel_configs: [{action: drop}]
    static_configs:
      - targets: ['https://ann:secret@a.example/', 'https://b.example/', 'web-{1..3}.example']
        labels: {namespace: shop, team: web}
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [team], regex: test, action: drop}
      - {source_labels: [__address__], target_label: __param_hostname}
  - job_name: pings
    metrics_path: /probe
    params: {module: [nonesuch]}
    static_configs: [{targets: [c.example]}]
",
    );
    let expected = [
        (4, "more than one module"),
        (5, "the targets of kubernetes_sd_configs"),
        (6, "rules for series"),
        (8, "a target with credentials"),
        (8, "a target with braces"),
        (9, "the label \"namespace\""),
        (12, "this relabelling (drop) is not carried over"),
        (13, "the parameter hostname"),
        (17, "there is no module \"nonesuch\""),
    ];
    for (line, what) in expected {
        let place = format!("prometheus.yml:{line}:");
        let said = notes
            .iter()
            .any(|note| note.starts_with(&place) && note.contains(what));
        assert!(said, "{line} {what}: {notes:#?}");
    }
    assert_eq!(notes.len(), expected.len(), "{notes:#?}");
    assert!(
        notes.iter().all(|note| text.contains(&format!("# - {note}"))),
        "{text}"
    );
    assert_eq!(
        urls(&config),
        [("http_2xx".to_owned(), vec!["https://b.example/".to_owned()])]
    );
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn one_target_under_two_modules_is_two_endpoints() {
    let job = |name: &str, module: &str| {
        format!(
            "  - job_name: {name}\n    metrics_path: /probe\n    params: {{module: [{module}]}}\n    \
             static_configs: [{{targets: [a.example]}}]\n{USUAL}"
        )
    };
    let (_, _, config) = carried(&format!(
        "scrape_configs:\n{}{}",
        job("get", "http_2xx"),
        job("post", "http_post")
    ));
    let names: Vec<_> = config
        .groups
        .iter()
        .flat_map(|plan| &plan.endpoints)
        .map(|endpoint| endpoint.name.to_string())
        .collect();
    assert_eq!(names, ["get: http://a.example/", "post: http://a.example/"]);
}

#[test]
fn probe_resources_of_the_operator_are_taken_too() {
    let (_, notes, config) = carried(
        "
apiVersion: v1
kind: List
items:
  - apiVersion: monitoring.coreos.com/v1
    kind: Probe
    metadata: {name: sites, namespace: shop}
    spec:
      interval: 60s
      scrapeTimeout: 10s
      module: http_2xx
      prober: {url: 'blackbox:9115'}
      targets:
        staticConfig: {static: ['https://a.example/'], labels: {team: web}}
  - apiVersion: monitoring.coreos.com/v1
    kind: Probe
    metadata: {name: ingresses}
    spec: {module: http_2xx, targets: {ingress: {}}}
",
    );
    assert_eq!(
        urls(&config),
        [("http_2xx".to_owned(), vec!["https://a.example/".to_owned()])]
    );
    assert_eq!(config.groups[0].group.interval.as_secs(), 60);
    assert!(
        notes.len() == 1 && notes[0].contains("the targets of ingress are not carried over"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn what_the_command_prints_is_a_configuration_that_is_accepted() {
    let home = Home::new("");
    home.write("blackbox.yml", BLACKBOX);
    let job = "scrape_configs:\n  - job_name: sites\n    metrics_path: /probe\n    static_configs: [{targets: [a.example]}]\n";
    home.write("prometheus.yml", &format!("{job}{USUAL}"));
    let path = |name: &str| home.path().join(name).display().to_string();
    let printed = run(&[
        "config",
        "from-blackbox",
        &path("blackbox.yml"),
        &path("prometheus.yml"),
    ])
    .await;
    assert_eq!(
        printed.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    home.configure(&String::from_utf8(printed.stdout).unwrap());
    let checked = run(&["config", "check", "--config.file", &path("linkwatch.yml")]).await;
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("valid, 1 groups, 1 endpoints"), "{said}");
    home.write("broken.yml", "scrape_configs: [\n");
    let broken = run(&[
        "config",
        "from-blackbox",
        &path("blackbox.yml"),
        &path("broken.yml"),
    ])
    .await;
    assert_eq!(broken.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&broken.stderr).contains("broken.yml:"),
        "the file is named"
    );
}
