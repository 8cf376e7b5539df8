//! The dashboards that ship: they are those of the code, and Grafana's documented rules hold for them.
//!
//! The rules are those of Grafana's dashboard-linter, each a function of its name; `target-logql` and `target-logql-auto`
//! speak of another source. What a query returns is looked at with a real Prometheus, in `real/dashboards.rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::path::Path;

use linkwatch::alert::Parameters;
use linkwatch::dashboard::{self, DashboardName};
use serde_json::Value;

use crate::watched::assert_golden;

fn all() -> Vec<(DashboardName, Value)> {
    let parameters = Parameters::default();
    let json = |name| (name, dashboard::json(name, &parameters));
    DashboardName::ALL.map(json).into()
}

/// The panels that show something.
fn panels(board: &Value) -> Vec<&Value> {
    let panels = board["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

/// Every query, with the title of its panel.
fn queries(board: &Value) -> Vec<(&str, &str)> {
    panels(board)
        .iter()
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap();
            let targets = panel["targets"].as_array().unwrap();
            targets
                .iter()
                .map(move |target| (title, target["expr"].as_str().unwrap()))
        })
        .collect()
}

/// Every selector of a query: the family with what stands in its braces.
fn selectors(query: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (open, _) in query.match_indices('{') {
        let start = query[..open]
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
            .map_or(0, |before| before + 1);
        let close = open + query[open..].find('}').unwrap();
        found.push((&query[start..open], &query[open + 1..close]));
    }
    found
}

fn variable<'a>(board: &'a Value, name: &str) -> &'a Value {
    let list = board["templating"]["list"].as_array().unwrap();
    list.iter().find(|variable| variable["name"] == name).unwrap()
}

fn is_template(source: &Value) -> bool {
    source["type"] == "prometheus" && source["uid"] == "${datasource}"
}

#[test]
fn the_files_are_those_of_the_code() {
    for (name, board) in all() {
        let text = format!("{board:#}\n");
        assert_golden(&format!("dashboards/{}.json", name.uid()), &text);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let named: BTreeSet<String> = DashboardName::ALL
        .iter()
        .map(|name| format!("{}.json", name.uid()))
        .collect();
    assert_eq!(files, named);
}

#[test]
fn template_datasource() {
    for (name, board) in all() {
        let list = board["templating"]["list"].as_array().unwrap();
        let sources = list.iter().filter(|variable| variable["type"] == "datasource");
        assert_eq!(sources.count(), 1, "{name}");
        let source = variable(&board, "datasource");
        assert_eq!(
            (source["label"].as_str(), source["query"].as_str()),
            (Some("Data Source"), Some("prometheus")),
            "{name}"
        );
    }
}

#[test]
fn template_job() {
    replicas_can_be_chosen("job", "Job");
}

#[test]
fn template_instance() {
    replicas_can_be_chosen("instance", "Instance");
}

fn replicas_can_be_chosen(variable_name: &str, label: &str) {
    for (name, board) in all() {
        let variable = variable(&board, variable_name);
        assert_eq!(variable["type"], "query", "{name}");
        assert_eq!(variable["label"], label, "{name}");
        assert_eq!(variable["multi"], true, "{name}");
        assert_eq!(variable["allValue"], ".+", "{name}");
        assert!(is_template(&variable["datasource"]), "{name}");
    }
}

#[test]
fn template_label_promql() {
    for (name, board) in all() {
        for variable in board["templating"]["list"].as_array().unwrap() {
            let Some(query) = variable["query"]["query"].as_str() else {
                continue;
            };
            let inner = query
                .strip_prefix("label_values(")
                .unwrap()
                .strip_suffix(')')
                .unwrap();
            let (selector, label) = inner.rsplit_once(", ").unwrap();
            assert_eq!(
                selector.matches('{').count(),
                selector.matches('}').count(),
                "{name}: {query}"
            );
            assert!(
                label.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}: {query}"
            );
        }
    }
}

#[test]
fn template_on_time_change_reload() {
    for (name, board) in all() {
        let list = board["templating"]["list"].as_array().unwrap();
        for variable in list.iter().filter(|variable| variable["type"] == "query") {
            assert_eq!(variable["refresh"], 2, "{name}: {}", variable["name"]);
        }
    }
}

#[test]
fn panel_datasource() {
    for (name, board) in all() {
        for panel in panels(&board) {
            assert!(is_template(&panel["datasource"]), "{name}: {}", panel["title"]);
            for target in panel["targets"].as_array().unwrap() {
                assert!(is_template(&target["datasource"]), "{name}: {}", panel["title"]);
            }
        }
    }
}

#[test]
fn panel_title_description() {
    for (name, board) in all() {
        let mut titles = BTreeSet::new();
        for panel in panels(&board) {
            let title = panel["title"].as_str().unwrap();
            assert!(!title.is_empty(), "{name}");
            assert!(
                panel["description"].as_str().is_some_and(|text| text.len() > 10),
                "{name}: {title}"
            );
            assert!(titles.insert(title), "{name}: two panels are called {title}");
        }
    }
}

/// The ids that we use, of the list in Grafana's `valueFormats/categories.ts`.
const UNITS: [&str; 7] = ["short", "none", "s", "bytes", "percentunit", "reqps", "cpm"];

#[test]
fn panel_units() {
    for (name, board) in all() {
        for panel in panels(&board) {
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
            assert!(UNITS.contains(&unit), "{name}: {}: {unit}", panel["title"]);
        }
    }
}

#[test]
fn panel_no_targets() {
    for (name, board) in all() {
        for panel in panels(&board) {
            assert!(
                !panel["targets"].as_array().unwrap().is_empty(),
                "{name}: {}",
                panel["title"]
            );
        }
    }
}

/// That Prometheus takes them is shown in `real/dashboards.rs`; here that nothing is left open.
#[test]
fn target_promql() {
    for (name, board) in all() {
        for (title, query) in queries(&board) {
            for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                assert_eq!(
                    query.matches(open).count(),
                    query.matches(close).count(),
                    "{name}: {title}: {query}"
                );
            }
            assert!(!query.contains('\n'), "{name}: {title}: {query}");
        }
    }
}

#[test]
fn target_rate_interval() {
    for (name, board) in all() {
        for (title, query) in queries(&board) {
            for (at, _) in query.match_indices('[') {
                assert!(
                    query[at..].starts_with("[$__rate_interval]"),
                    "{name}: {title}: {query}"
                );
            }
        }
    }
}

#[test]
fn target_job() {
    matched("job=~\"$job\"");
}

#[test]
fn target_instance() {
    matched("instance=~\"$instance\"");
}

fn matched(matcher: &str) {
    for (name, board) in all() {
        for (title, query) in queries(&board) {
            let selectors = selectors(query);
            assert!(!selectors.is_empty(), "{name}: {title}: {query}");
            for (family, matchers) in selectors {
                assert!(
                    matchers.contains(matcher),
                    "{name}: {title}: {family}{{{matchers}}}"
                );
            }
            // No family stands without braces.
            let bare = query.replace(|c: char| !(c.is_ascii_alphanumeric() || "_{".contains(c)), " ");
            for word in bare.split(' ').filter(|word| word.starts_with("linkwatch_")) {
                assert!(word.contains('{'), "{name}: {title}: {word}");
            }
        }
    }
}

#[test]
fn target_counter_agg() {
    for (name, board) in all() {
        for (title, query) in queries(&board) {
            for (at, family) in query
                .match_indices("linkwatch_")
                .map(|(at, _)| (at, query[at..].split('{').next().unwrap()))
                .filter(|(_, family)| family.ends_with("_total"))
            {
                let before = &query[..at];
                assert!(
                    before.ends_with("rate(") || before.ends_with("increase("),
                    "{name}: {title}: {family}"
                );
            }
        }
    }
}

#[test]
fn uneditable_dashboard() {
    for (name, board) in all() {
        assert_eq!(board["editable"], false, "{name}");
    }
}

#[test]
fn an_import_finds_nothing_of_another_installation() {
    for (name, board) in all() {
        assert_eq!(board["uid"], name.uid());
        assert!(name.uid().len() <= 40);
        assert_eq!(board["tags"][0], "linkwatch");
        assert_eq!(board["graphTooltip"], 1);
        for absent in ["id", "__inputs", "__requires"] {
            assert!(board.get(absent).is_none(), "{name}: {absent}");
        }
        assert!(
            board["annotations"]["list"][0]["expr"]
                .as_str()
                .unwrap()
                .starts_with("ALERTS{")
        );
    }
}

#[test]
fn panels_do_not_lie_on_each_other() {
    for (name, board) in all() {
        let mut taken = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(
                        x < 24 && taken.insert((x, y)),
                        "{name}: {} at {x}, {y}",
                        panel["title"]
                    );
                }
            }
        }
    }
}

#[test]
fn only_metrics_that_there_are_are_asked_for() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md");
    let metrics = std::fs::read_to_string(path).unwrap();
    for (name, board) in all() {
        for (title, query) in queries(&board) {
            for (family, _) in selectors(query) {
                let family = family.strip_suffix("_bucket").unwrap_or(family);
                // Those of Prometheus itself, about every scrape.
                let known = family.starts_with("scrape_") || metrics.contains(&format!("`{family}`"));
                assert!(known, "{name}: {title}: {family} is not in docs/METRICS.md");
            }
        }
    }
}
