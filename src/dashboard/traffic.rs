//! Clicks against their baseline.

use serde_json::json;

use super::board::{Board, Variable};
use super::panel::{AMBER, GREEN, GREY, Kind, Panel, RED};
use super::query::{GROUP, count, max};

pub(super) fn board() -> Board {
    Board::new(
        "Clicks that arrive, against what the time of the week and the last hours let expect.",
        &[Variable::Group, Variable::Name],
    )
    .row("Now", now())
    .row(
        "Groups",
        vec![judged(
            "Clicks of groups",
            "A group is judged as a whole: it shows what no single host would.",
            &groups(),
            "{{stream}} {{group}}",
        )],
    )
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
            .size(6, 4)
            .query(low(&groups()), "groups")
            .steps(GREEN, &[(1.0, RED)]),
        Panel::new(Kind::Stat, "Hosts too low", "Hosts whose clicks are too low: a warning each.")
            .size(6, 4)
            .query(low(&of_hosts()), "hosts")
            .steps(GREEN, &[(1.0, AMBER)]),
        Panel::new(Kind::Stat, "Blind", "Series and groups in which an outage of 72 minutes could pass unseen: too few clicks.")
            .size(6, 4)
            .query(count(&format!("{} == 1", max("traffic_blind", GROUP))), "blind")
            .steps(GREEN, &[(1.0, GREY)]),
        Panel::new(Kind::Stat, "Sources that are silent", "Sources of counts that did not answer when they were last asked: of their streams nothing is said.")
            .size(6, 4)
            .query(count(&format!("{} == 0", max("traffic_source_up", ""))), "silent")
            .steps(GREEN, &[(1.0, RED)]),
    ]
}

/// Observed and expected, over the shade of the lower limit.
fn judged(title: &'static str, description: &'static str, matchers: &str, who: &'static str) -> Panel {
    let legend = |what: &'static str| -> &'static str {
        match (who, what) {
            ("{{series}}", "observed") => "{{series}} observed",
            ("{{series}}", "expected") => "{{series}} expected",
            ("{{series}}", _) => "{{series}} lower limit",
            (_, "observed") => "{{stream}} {{group}} observed",
            (_, "expected") => "{{stream}} {{group}} expected",
            _ => "{{stream}} {{group}} lower limit",
        }
    };
    Panel::new(Kind::Lines, title, description)
        .size(24, 10)
        .unit("cpm")
        .query(max("traffic_observed", matchers), legend("observed"))
        .query(max("traffic_expected", matchers), legend("expected"))
        .query(max("traffic_expected_low", matchers), legend("lower limit"))
        .empty("No stream of clicks is configured.")
        .fields("/ observed$/", &[("custom.lineWidth", json!(2))])
        .fields(
            "/ expected$/",
            &[("custom.lineStyle", json!({"fill": "dash", "dash": [8, 6]}))],
        )
        // What falls into the shade is an alarm.
        .fields(
            "/ lower limit$/",
            &[("custom.lineWidth", json!(0)), ("custom.fillOpacity", json!(25))],
        )
}

fn hosts() -> Vec<Panel> {
    let matchers = of_hosts();
    vec![
        judged(
            "Clicks of hosts",
            "Choose a group or an endpoint above to see few at a time.",
            &matchers,
            "{{series}}",
        ),
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
            "The strongest evidence for a drop over what raises an alarm: 1 and more alarms.",
        )
        .size(24, 8)
        .unit("none")
        .query(max("traffic_evidence_ratio", GROUP), "{{group}} {{series}}")
        .steps(GREEN, &[(1.0, RED)])
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
            format!("sort_desc({})", max("traffic_time_to_notice_seconds", GROUP)),
            "",
        )
        .columns(&[("group", "group"), ("series", "series"), ("Value", "time")])
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
        .size(12, 8)
        .unit("percentunit")
        .query(format!("avg({})", max("traffic_baseline_ready", GROUP)), "ready")
        .steps(AMBER, &[(1.0, GREEN)])
        .empty("No stream of clicks is configured."),
    ]
}
