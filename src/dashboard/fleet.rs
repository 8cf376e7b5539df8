//! The whole: is anything wrong, what, where, since when, and what to do.

use serde_json::json;

use super::board::{Board, Variable};
use super::panel::{AMBER, GREEN, GREY, Kind, PLAIN, Panel, RED, failures_colour, fixed};
use super::query::{GROUP, count, fresh, max, rooted, series, up, watched};
use super::wrong::{which, why};
use crate::alert::Parameters;

/// To the endpoint of a row, with time and variables kept.
pub(super) const TO_ENDPOINT: &str = "/d/linkwatch-endpoint?${__url_time_range}&var-datasource=${datasource}&var-group=${__data.fields.group}&var-name=${__data.fields.name}";

pub(super) fn board(parameters: &Parameters) -> Board {
    let (up, rooted, watched) = (up(GROUP), rooted(GROUP), watched(GROUP));
    Board::new(
        "What is wrong now, and how all that is watched stands.",
        &[Variable::Group],
    )
    .row("Now", now(&up, &rooted, &watched))
    .row(
        "What is wrong, and what to do",
        vec![why(parameters, GROUP, 5), which(GROUP, 12)],
    )
    .row("How it came to this", history(&up, &rooted, &watched))
    .row("What comes next", next())
}

fn now(up: &str, rooted: &str, watched: &str) -> Vec<Panel> {
    // An endpoint whose own clicks are too low, or those of its group as a whole.
    let low = |matchers: &str| format!("{} == 1", max("traffic_low", &format!("{GROUP}, {matchers}")));
    let (own, whole) = (low("name!=\"\""), low("name=\"\", series=\"\""));
    let quiet = format!("{watched} and on(group, name) ({own}) or {watched} and on(group) ({whole})");
    let soon = format!("{} < 0.25", fresh("certificate_lifetime_left_ratio", GROUP));
    vec![
        Panel::new(Kind::Stat, "Down", "Endpoints that are down, confirmed, as every fresh replica sees it.")
            .query(count(&format!("{up} == 0")), "down")
            .steps(GREEN, &[(1.0, RED)]),
        Panel::new(Kind::Stat, "With a warning", "Endpoints that work, and of which a cause stands all the same.")
            .query(count(&format!("{rooted} and on(group, name) ({up} == 1)")), "with a warning")
            .steps(GREEN, &[(1.0, AMBER)]),
        Panel::new(Kind::Stat, "Not known", "Endpoints of which no replica has said anything for three intervals, or that have no verdict yet. Not known is not well.")
            .query(count(&format!("{watched} unless on(group, name) {up}")), "not known")
            .steps(GREEN, &[(1.0, GREY)]),
        Panel::new(Kind::Stat, "Clicks too low", "Endpoints of which, or of whose group, fewer clicks come than the time of the week and the last hours let expect.")
            .query(count(&quiet), "too low")
            .steps(GREEN, &[(1.0, RED)]),
        Panel::new(Kind::Stat, "Certificates late", "Endpoints whose certificate has less than a quarter of its lifetime left.")
            .query(count(&soon), "late")
            .steps(GREEN, &[(1.0, AMBER)]),
        Panel::new(Kind::Stat, "Watched", "Endpoints that are watched.")
            .query(count(watched), "watched")
            .steps(GREY, &[]),
    ]
}

fn history(up: &str, rooted: &str, watched: &str) -> Vec<Panel> {
    let failures = series("probe_failures_total", GROUP);
    vec![
        Panel::new(Kind::Stack, "Endpoints by state", "How many endpoints are down, have a warning, are not known, and are well.")
            .query(count(&format!("{up} == 0")), "down")
            .query(count(&format!("{rooted} and on(group, name) ({up} == 1)")), "with a warning")
            .query(count(&format!("{watched} unless on(group, name) {up}")), "not known")
            .query(count(&format!("({up} == 1) unless on(group, name) {rooted}")), "well")
            .field("down", &[fixed(RED)])
            .field("with a warning", &[fixed(AMBER)])
            .field("not known", &[fixed(GREY)])
            .field("well", &[fixed(GREEN)])
            .fields("/.+/", &[("custom.lineInterpolation", json!("stepAfter"))]),
        Panel::new(Kind::Stack, "Failed probes by cause", "Probes that failed, unconfirmed ones too, by the first failing layer's cause. A line here without an endpoint down is a failure that was not confirmed.")
            .unit("reqps")
            .query(format!("sum by(cause) (rate({failures}[$__rate_interval])) > 0"), "{{cause}}")
            .fields("/.+/", &[failures_colour()])
            .empty("No probe has failed."),
        Panel::new(
            Kind::Timeline,
            "Endpoints down, by group",
            "How many endpoints of each group are down, confirmed. A group that is well is green.",
        )
        .size(24, 5)
        .unit("none")
        .query(
            format!("count by(group) ({up} == 0) or 0 * count by(group) ({watched})"),
            "{{group}}",
        )
        .steps(GREEN, &[(1.0, RED)])
        .means("0", "well", GREEN),
    ]
}

fn next() -> Vec<Panel> {
    let ends = format!("bottomk(10, {})", fresh("certificate_expiry_seconds", GROUP));
    vec![
        Panel::new(Kind::Table, "Certificates that end first", "The ten certificates with the least time left.")
            .size(12, 8)
            .unit("s")
            .query(ends, "")
            .columns(&[("group", "group"), ("name", "name"), ("Value", "time left")])
            .steps(RED, &[(604_800.0, AMBER), (1_814_400.0, PLAIN)])
            .field("name", &[("links", json!([{"title": "The endpoint", "url": TO_ENDPOINT}])), ("custom.width", json!(220))])
            .field("time left", &[("custom.cellOptions", json!({"type": "color-text"}))]),
        Panel::new(Kind::Table, "Hosts that nobody watches", "Public hosts that a source of coverage knows of and that no group watches. `linkwatch discover` prints them as a group.")
            .size(12, 8)
            .query(max("host_unwatched_info", ""), "")
            .empty("Every host that is known of is watched, or no source is configured.")
            .columns(&[("host", "host"), ("source", "source")])
            .without(&["Value"]),
    ]
}
