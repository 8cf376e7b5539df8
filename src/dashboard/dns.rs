//! Where names lead, and where the platforms that host them say that they must.

use serde_json::json;

use super::board::{Board, Variable};
use super::fleet::TO_ENDPOINT;
use super::panel::{AMBER, GREEN, GREY, Kind, Panel, RED};
use super::query::{ENDPOINT, TARGETS, count, fresh, max, places, series};
use super::wrong::coloured;
use crate::alert::expression::aggregate;

pub(super) fn board() -> Board {
    Board::new(
        "Where names lead, compared with where they should, and what hosting platforms say.",
        &[Variable::Group, Variable::Name],
    )
    .row("Now", now())
    .row("Where names lead", names())
    .row("What platforms say", platforms())
}

fn state(state: &str) -> String {
    let matchers = format!("{ENDPOINT}, state=\"{state}\"");
    count(&format!("{} == 1", max("dns_target_state", &matchers)))
}

fn now() -> Vec<Panel> {
    let stat = |title, description, query: String, colour| {
        Panel::new(Kind::Stat, title, description)
            .size(6, 3)
            .query(query, title)
            .steps(GREEN, &[(1.0, colour)])
    };
    vec![
        stat(
            "Elsewhere",
            "Names that resolve, but not to where they should.",
            state("drift"),
            RED,
        ),
        stat(
            "Dangling",
            "Names that lead to a target that does not exist, and that somebody else may take.",
            state("dangling"),
            RED,
        ),
        stat(
            "Not comparable",
            "Names of which the comparison proves nothing: a proxy hides the target, or the target itself fails.",
            state("unverifiable"),
            GREY,
        ),
        stat(
            "Disagreement",
            "Names of which servers give different answers.",
            count(&max("dns_disagreement_since_timestamp_seconds", ENDPOINT)),
            AMBER,
        ),
    ]
}

fn names() -> Vec<Panel> {
    let changes = series("dns_answer_changes_total", ENDPOINT);
    vec![
        apart(),
        Panel::new(
            Kind::Timeline,
            "Targets that are not matched",
            "Every name that leads elsewhere, dangles, or cannot be compared, while it does.",
        )
        .size(24, 9)
        .query(
            format!(
                "({}) > 0",
                places("dns_target_state", ENDPOINT, "state", &TARGETS)
            ),
            "{{name}}",
        )
        .steps(GREY, &[])
        .means("1", "elsewhere", RED)
        .means("2", "dangling", RED)
        .means("3", "not comparable", GREY)
        .empty("Every name leads where it should, or none is expected to lead anywhere."),
        Panel::new(
            Kind::Lines,
            "Changes of answers",
            "How often the end of the CNAME chain changed, or the addresses where there is none.",
        )
        .query(
            format!(
                "{} > 0",
                aggregate("max", "", &format!("increase({changes}[$__rate_interval])"))
            ),
            "{{name}}",
        )
        .listed()
        .empty("No answer has changed."),
        Panel::new(
            Kind::Table,
            "Servers that disagree",
            "How long servers have given different answers of a name.",
        )
        .size(12, 8)
        .unit("s")
        .query(
            format!(
                "time() - {}",
                max("dns_disagreement_since_timestamp_seconds", ENDPOINT)
            ),
            "",
        )
        .columns(&[("group", "group"), ("name", "name"), ("Value", "for")])
        .empty("All servers agree."),
    ]
}

/// What should be and what is, of every fault of DNS or of a platform.
fn apart() -> Panel {
    let matchers = format!("{ENDPOINT}, cause=~\"dns_.+|platform_.+\"");
    let panel = Panel::new(
        Kind::Table,
        "What should be, and what is",
        "Every fault of DNS or of a platform that stands, root or not: where the name should lead, and where it does. The name leads to the endpoint.",
    )
    .size(24, 12)
    .query(fresh("endpoint_fault_info", &matchers), "")
    .columns(&[
        ("group", "group"),
        ("name", "name"),
        ("cause", "cause"),
        ("expected", "expected"),
        ("actual", "actual"),
    ])
    .without(&["Value"])
    .empty("Every name leads where it should, as far as anyone has said where.")
    .sorted_by(&[("cause", false), ("name", false)])
    .field("group", &[("custom.width", json!(100))])
    .field("expected", &[("custom.width", json!(255))])
    .field("actual", &[("custom.width", json!(360))]);
    coloured(
        panel
            .field(
                "name",
                &[
                    ("links", json!([{"title": "The endpoint", "url": TO_ENDPOINT}])),
                    ("custom.width", json!(220)),
                ],
            )
            .field(
                "cause",
                &[
                    ("custom.cellOptions", json!({"type": "color-text"})),
                    ("custom.width", json!(230)),
                ],
            ),
    )
}

fn platforms() -> Vec<Panel> {
    let timeline = |title, description, query: String, legend, words: (&str, &str)| {
        Panel::new(Kind::Timeline, title, description)
            .size(12, 5)
            .query(query, legend)
            .steps(RED, &[(1.0, GREEN)])
            .means("0", words.0, RED)
            .means("1", words.1, GREEN)
            .empty("No platform is configured.")
    };
    let least = |family: &str| format!("min by(group) ({})", series(family, ENDPOINT));
    vec![
        timeline(
            "Platforms",
            "Whether the platform told what it expects when it was last asked.",
            max("platform_up", ""),
            "{{platform}}",
            ("silent", "answers"),
        ),
        Panel::new(
            Kind::Lines,
            "Age of what platforms said",
            "Time since a platform last told what it expects.",
        )
        .size(12, 5)
        .unit("s")
        .query(
            format!("time() - {}", max("platform_observed_timestamp_seconds", "")),
            "{{platform}}",
        )
        .empty("No platform is configured."),
        timeline(
            "DNS as the platform expects",
            "Whether every name of a group leads where its platform expects it to.",
            least("platform_target_match"),
            "{{group}}",
            ("not all", "all"),
        ),
        timeline(
            "Certificates as the platform says",
            "Whether the platform has a certificate in place for every name of a group.",
            least("platform_certificate_ok"),
            "{{group}}",
            ("not all", "all"),
        ),
        Panel::new(
            Kind::Table,
            "Domains by the platform's own word",
            "How many domains have which status.",
        )
        .size(24, 4)
        .query(
            format!(
                "count by(group, status) ({})",
                max("platform_status_info", ENDPOINT)
            ),
            "",
        )
        .columns(&[("group", "group"), ("status", "status"), ("Value", "domains")])
        .empty("No platform is configured."),
    ]
}
