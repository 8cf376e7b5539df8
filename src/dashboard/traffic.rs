//! Clicks against their baseline.

use serde_json::json;

use super::board::{Board, Variable};
use super::panel::{AMBER, GREEN, GREY, Kind, PLAIN, Panel, RED};
use super::query::{GROUP, count, max};

pub(super) fn board() -> Board {
    Board::new(
        "Clicks that arrive, against what the time of the week and the last hours let expect.",
        &[Variable::Group, Variable::Name],
    )
    .row("Now", [now(), vec![quiet()]].concat())
    .row("Groups", vec![of_groups()])
    .row("Hosts", hosts())
    .row("Whether it can be believed", belief())
}

/// Groups as a whole have neither `series` nor `name`.
fn groups() -> String {
    format!("{GROUP}, name=\"\", series=\"\"")
}

/// The series of hosts.
fn of_hosts() -> String {
    format!("{GROUP}, name=~\"$name\", series!=\"\"")
}

fn now() -> Vec<Panel> {
    let low = |matchers: &str| count(&format!("{} == 1", max("traffic_low", matchers)));
    vec![
        Panel::new(Kind::Stat, "Groups too low", "Groups whose clicks as a whole are too low: this pages.")
            .size(6, 3)
            .query(low(&groups()), "groups")
            .steps(GREEN, &[(1.0, RED)]),
        Panel::new(Kind::Stat, "Hosts too low", "Hosts whose clicks are too low: a warning each.")
            .size(6, 3)
            .query(low(&of_hosts()), "hosts")
            .steps(GREEN, &[(1.0, AMBER)]),
        Panel::new(Kind::Stat, "Blind", "Series and groups in which an outage of 72 minutes could pass unseen: too few clicks.")
            .size(6, 3)
            .query(count(&format!("{} == 1", max("traffic_blind", GROUP))), "blind")
            .steps(GREEN, &[(1.0, GREY)]),
        Panel::new(Kind::Stat, "Sources that are silent", "Sources of counts that did not answer when they were last asked: of their streams nothing is said.")
            .size(6, 3)
            .query(count(&format!("{} == 0", max("traffic_source_up", ""))), "silent")
            .steps(GREEN, &[(1.0, RED)]),
    ]
}

/// The same series; a group as a whole says that it is one, and stands before its hosts.
fn whole_groups_named(query: &str) -> String {
    format!("label_replace({query}, \"series\", \"(the whole group)\", \"series\", \"\")")
}

/// What is too low, in figures.
fn quiet() -> Panel {
    let low = format!("{} == 1", max("traffic_low", GROUP));
    let of_low = |family: &str, factor: &str| {
        let figures = format!("{factor}sum by(stream, group, series) ({})", max(family, GROUP));
        whole_groups_named(&format!("{figures} and on(stream, group, series) ({low})"))
    };
    Panel::new(
        Kind::Table,
        "Too few clicks",
        "Groups and hosts of which too few clicks arrive: how many come, how many should, and since when. Outage: next to nothing arrives.",
    )
    .size(24, 7)
    .unit("cpm")
    .query(whole_groups_named(&format!("sum by(stream, group, series, tier) ({low})")), "")
    .query(of_low("traffic_observed", ""), "")
    .query(of_low("traffic_expected", ""), "")
    .query(of_low("traffic_low_since_timestamp_seconds", "1000 * "), "")
    .empty("Clicks arrive as expected.")
    .columns(&[
        ("group", "group"), ("series", "host"), ("tier", "how low"), ("Value #B", "observed"), ("Value #C", "expected"), ("Value #D", "since"),
        ("stream", "stream"),
    ])
    .without(&["Value #A"])
    .steps(PLAIN, &[])
    .sorted_by(&[("host", false)])
    .means("outage", "outage", RED)
    .means("partial", "partial", AMBER)
    .field("how low", &[("custom.cellOptions", json!({"type": "color-text"}))])
    .field("since", &[("unit", json!("dateTimeAsIsoNoDateIfToday"))])
}

/// Observed and expected of every group. What raises its alarm is all of its hosts together: it has no limit of its own.
fn of_groups() -> Panel {
    let matchers = groups();
    Panel::new(
        Kind::Lines,
        "Clicks of groups",
        "A group is judged as a whole: it shows what no single host would.",
    )
    .size(24, 9)
    .unit("cpm")
    .query(
        max("traffic_observed", &matchers),
        "{{stream}} {{group}} observed",
    )
    .query(
        max("traffic_expected", &matchers),
        "{{stream}} {{group}} expected",
    )
    .against_a_baseline()
    .empty("No stream of clicks is configured.")
}

fn hosts() -> Vec<Panel> {
    let matchers = of_hosts();
    vec![
        Panel::new(
            Kind::Lines,
            "Clicks of hosts",
            "Clicks that arrive as a share of those that are expected: the twenty hosts with the least. An endpoint's own dashboard shows both.",
        )
        .size(24, 10)
        .unit("percentunit")
        .query(
            format!(
                "bottomk(20, {} / ({} > 0))",
                max("traffic_observed", &matchers),
                max("traffic_expected", &matchers)
            ),
            "{{series}}",
        )
        .listed()
        .empty("No stream of clicks is configured."),
        Panel::new(
            Kind::Timeline,
            "Alarms",
            "Series and groups whose clicks are too low, while they are; outage: next to nothing arrives.",
        )
        .size(24, 8)
        .query(
            format!("{} == 1", max("traffic_low", GROUP)),
            "{{group}} {{series}} {{tier}}",
        )
        .steps(RED, &[])
        .means("1", "low", RED)
        .empty("No alarm has stood."),
        Panel::new(
            Kind::Lines,
            "Evidence",
            "The strongest evidence for a drop over what raises an alarm: from 1 on it alarms. The twenty with the most.",
        )
        .size(24, 8)
        .unit("none")
        .query(
            format!("topk(20, {})", max("traffic_evidence_ratio", GROUP)),
            "{{group}} {{series}}",
        )
        .steps("transparent", &[(1.0, RED)])
        .fields(
            "/.+/",
            &[
                ("custom.thresholdsStyle", json!({"mode": "dashed"})),
                ("custom.axisSoftMax", json!(1.2)),
            ],
        )
        .listed()
        .empty("No stream of clicks is configured."),
    ]
}

fn belief() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::Table,
            "Time to notice",
            "How long a total outage that begins now would take to be noticed.",
        )
        .size(12, 8)
        .unit("s")
        .query(
            format!(
                "sort_desc({})",
                whole_groups_named(&max("traffic_time_to_notice_seconds", GROUP))
            ),
            "",
        )
        .columns(&[("group", "group"), ("series", "host"), ("Value", "time")])
        .without(&["stream", "name"])
        .empty("No stream of clicks is configured."),
        Panel::new(
            Kind::Lines,
            "Age of the newest count",
            "Time since the end of the newest bin that held a count.",
        )
        .unit("s")
        .query(
            format!(
                "max by(stream) (time() - {})",
                max("traffic_sample_timestamp_seconds", GROUP)
            ),
            "{{stream}}",
        )
        .empty("No stream of clicks is configured."),
        Panel::new(
            Kind::Timeline,
            "Sources",
            "Whether each source of counts answers.",
        )
        .size(12, 4)
        .query(max("traffic_source_up", ""), "{{source}}")
        .steps(RED, &[(1.0, GREEN)])
        .means("0", "silent", RED)
        .means("1", "answers", GREEN)
        .empty("No source of clicks is configured."),
        Panel::new(
            Kind::Stat,
            "Baselines that know the time of day",
            "Share of the series and groups whose baseline knows a whole day.",
        )
        .size(12, 4)
        .unit("percentunit")
        .query(format!("avg({})", max("traffic_baseline_ready", GROUP)), "ready")
        .steps(AMBER, &[(1.0, GREEN)])
        .empty("No stream of clicks is configured."),
    ]
}
