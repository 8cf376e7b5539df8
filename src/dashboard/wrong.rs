//! What is wrong, in words: the causes with their remedies, and the endpoints with what should be and what is.

use serde_json::{Map, Value, json};

use super::fleet::TO_ENDPOINT;
use super::panel::{AMBER, GREY, Kind, PLAIN, Panel, RED};
use super::query::{GROUP, roots, series, up};
use crate::alert::Parameters;
use crate::cause::{Cause, Effect};

/// Every root that stands in a group, in words: how many it takes, since when, and what to do.
pub(super) fn why(parameters: &Parameters, matchers: &str, height: u8) -> Panel {
    let runbook = format!("{}LinkwatchEndpointDown.md", parameters.runbook_base);
    let roots = roots(matchers);
    let all = format!("count by(group, cause) ({roots})");
    let down = format!(
        "count by(group, cause) ({roots} and on(group, name) ({} == 0)) or 0 * {all}",
        up(matchers)
    );
    let since = series("incident_since_timestamp_seconds", GROUP);
    let since = format!("1000 * min by(group, cause) ({since}) and on(group, cause) {all}");
    Panel::new(
        Kind::Table,
        "Why",
        "Every root cause that stands: how many endpoints it takes, how many of them are down, since when, and what to do. The cause leads to the runbook.",
    )
    .size(24, height)
    .two_lines()
    // The cause stands three times: its name, what it means, and what to do.
    .query(copied(&copied(&all, "meaning"), "remedy"), "")
    .query(down, "")
    .query(since, "")
    .unit("none")
    .empty("Nothing is wrong.")
    .columns(&[
        ("group", "group"), ("Value #A", "endpoints"), ("Value #B", "down"), ("Value #C", "since"), ("cause", "root cause"),
        ("meaning", "in words"), ("remedy", "what to do"),
    ])
    .steps(PLAIN, &[])
    .sorted_by(&[("down", true), ("since", false)])
    .field("group", &[("custom.width", json!(100))])
    .field("endpoints", &[("custom.width", json!(95))])
    .field("down", &[
        ("custom.width", json!(70)),
        ("custom.cellOptions", json!({"type": "color-background", "mode": "basic"})),
        ("thresholds", json!({"mode": "absolute", "steps": [{"value": null, "color": "transparent"}, {"value": 1, "color": RED}]})),
    ])
    .field("since", &[("custom.width", json!(110)), ("unit", json!("dateTimeAsIsoNoDateIfToday"))])
    .field("root cause", &[
        ("custom.width", json!(210)),
        ("mappings", words(|cause| cause.as_str().to_owned(), colour)),
        ("links", json!([{"title": "The runbook", "url": runbook, "targetBlank": true}])),
        ("custom.cellOptions", json!({"type": "color-text"})),
    ])
    .field("in words", &sentence(|cause| cause.meaning().to_owned()))
    .field("what to do", &sentence(|cause| cause.remedy().to_owned()))
}

/// Every endpoint with a root: how it stands, what should be, and what is.
pub(super) fn which(matchers: &str, height: u8) -> Panel {
    let (roots, up) = (roots(matchers), up(matchers));
    let panel = Panel::new(
        Kind::Table,
        "Which endpoints",
        "Every endpoint with a cause: whether it is down, the root, what should be, and what is. The name leads to the endpoint.",
    )
    .size(24, height)
    .query(format!("{roots} * on(group, name) group_left() max by(group, name) ({up}) or {roots} * 0 + 2"), "")
    .unit("none")
    .empty("No endpoint has a cause.")
    .columns(&[
        ("group", "group"), ("name", "name"), ("Value", "state"), ("cause", "root cause"), ("expected", "expected"), ("actual", "actual"),
    ])
    .steps(PLAIN, &[])
    .means("0", "down", RED)
    .means("1", "warning", AMBER)
    .means("2", "not known", GREY)
    .sorted_by(&[("state", false), ("name", false)])
    .field("group", &[("custom.width", json!(100))])
    .field("name", &[("links", json!([{"title": "The endpoint", "url": TO_ENDPOINT}])), ("custom.width", json!(220))])
    .field("state", &[
        ("custom.width", json!(125)),
        ("custom.align", json!("left")),
        ("custom.cellOptions", json!({"type": "color-background", "mode": "basic"})),
    ])
    .field("root cause", &[("custom.cellOptions", json!({"type": "color-text"})), ("custom.width", json!(220))])
    .field("expected", &[("custom.width", json!(255))])
    .field("actual", &[("custom.width", json!(360))]);
    coloured(panel)
}

/// Causes in the colour of what they do.
pub(super) fn coloured(panel: Panel) -> Panel {
    Cause::ALL.iter().fold(panel, |panel, cause| {
        panel.means(cause.as_str(), cause.as_str(), colour(*cause))
    })
}

/// The same series with their causes in one more label: a column of a table says one thing of it.
fn copied(query: &str, label: &str) -> String {
    format!("label_replace({query}, \"{label}\", \"$1\", \"cause\", \"(.+)\")")
}

/// The properties of a column that says something of causes in sentences. Grafana 12 and older read the one key for the
/// breaking of lines, later ones the other.
fn sentence(of: impl Fn(Cause) -> String) -> [(&'static str, Value); 3] {
    [
        ("mappings", words(of, |_| PLAIN)),
        ("custom.cellOptions", json!({"type": "auto", "wrapText": true})),
        ("custom.wrapText", json!(true)),
    ]
}

/// Words and a colour in place of the name of a cause.
fn words(of: impl Fn(Cause) -> String, colour: impl Fn(Cause) -> &'static str) -> Value {
    let all = Cause::ALL.iter().enumerate();
    let meant: Map<String, Value> = all
        .map(|(index, cause)| {
            let meant = json!({"text": of(*cause), "color": colour(*cause), "index": index});
            (cause.as_str().to_owned(), meant)
        })
        .collect();
    json!([{"type": "value", "options": meant}])
}

/// What a cause does to its endpoint.
const fn colour(cause: Cause) -> &'static str {
    match cause.effect() {
        Effect::Down => RED,
        Effect::Warns => AMBER,
        Effect::Suspends => GREY,
    }
}
