//! One endpoint, layer by layer.

use serde_json::json;

use super::board::{Board, Variable};
use super::panel::{AMBER, GREEN, GREY, Kind, Panel, RED, failures_colour, fixed};
use super::query::{ENDPOINT, TARGETS, fresh, max, places, series, up};
use super::wrong::{which, why};
use crate::alert::Parameters;
use crate::alert::expression::aggregate;

pub(super) fn board(parameters: &Parameters) -> Board {
    Board::new(
        "How an endpoint stands, layer by layer, and how it came to this.",
        &[Variable::Group, Variable::Name],
    )
    .row("Now", [now(), facts()].concat())
    .row("What is wrong, and what to do", vec![
        why(parameters, ENDPOINT, 4),
        which(ENDPOINT, 4),
        Panel::new(Kind::Timeline, "Up", "Up, or down and confirmed; a gap where nothing is known.")
            .size(24, 4)
            .query(up(ENDPOINT), "{{name}}")
            .steps(RED, &[(1.0, GREEN)])
            .means("0", "down", RED)
            .means("1", "up", GREEN),
        Panel::new(Kind::Timeline, "Causes", "Every cause while it stands, with its role: the root, the symptom of an endpoint that is down, or another.")
            .size(24, 8)
            .query(places("endpoint_cause", ENDPOINT, "role", &["root", "symptom", "other"]), "{{name}} {{cause}}")
            .steps(AMBER, &[])
            .means("0", "root", AMBER)
            .means("1", "symptom", RED)
            .means("2", "other", GREY)
            .empty("No cause has stood."),
    ])
    .row("Layers", layers())
    .row("Clicks", vec![
        Panel::new(Kind::Lines, "Clicks against their baseline", "Clicks a minute that came, that were expected, and the limit at which the last minutes alone would raise an alarm.")
            .size(24, 8)
            .query(max("traffic_observed", ENDPOINT), "{{name}} observed")
            .query(max("traffic_expected", ENDPOINT), "{{name}} expected")
            .query(max("traffic_expected_low", ENDPOINT), "{{name}} lower limit")
            .unit("cpm")
            .against_a_baseline()
            .empty("No stream of clicks has this host."),
    ])
}

/// The phases of a probe in their order, in colours that say neither good nor bad.
const PHASES: [(&str, &str); 5] = [
    ("dns", "super-light-blue"),
    ("connect", "light-purple"),
    ("tls", "blue"),
    ("processing", "purple"),
    ("transfer", "dark-blue"),
];

fn now() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::Stat,
            "State",
            "Up, or down and confirmed; the worst of the chosen endpoints.",
        )
        .query(format!("min({})", up(ENDPOINT)), "state")
        .steps(RED, &[(1.0, GREEN)])
        .means("0", "down", RED)
        .means("1", "up", GREEN)
        .empty("not known"),
        Panel::new(Kind::Name, "Root cause", "The cause that explains what is seen.")
            .size(8, 3)
            .query(
                format!(
                    "count by(cause) ({})",
                    fresh("endpoint_cause", &format!("{ENDPOINT}, role=\"root\""))
                ),
                "{{cause}}",
            )
            .steps(AMBER, &[])
            .empty("none"),
    ]
}

fn facts() -> Vec<Panel> {
    let life = max("certificate_expiry_seconds", ENDPOINT);
    let trusted = max("certificate_trusted", ENDPOINT);
    let age = format!("time() - {}", max("probe_last_run_timestamp_seconds", ENDPOINT));
    vec![
        Panel::new(Kind::Stat, "HTTP status", "Of the last answer; 0 without one.")
            .size(3, 3)
            .unit("none")
            .query(
                format!("max({})", fresh("endpoint_http_status_code", ENDPOINT)),
                "status",
            )
            .steps(RED, &[(100.0, GREEN), (500.0, RED)])
            .means("0", "none", RED),
        Panel::new(
            Kind::Stat,
            "Addresses up",
            "Share of the addresses behind the name that answer as expected.",
        )
        .size(3, 3)
        .unit("percentunit")
        .query(
            format!(
                "min({} / {})",
                fresh("endpoint_addresses_up", ENDPOINT),
                fresh("endpoint_addresses", ENDPOINT)
            ),
            "addresses",
        )
        .steps(RED, &[(0.01, AMBER), (1.0, GREEN)])
        .empty("none"),
        Panel::new(
            Kind::Stat,
            "Certificate",
            "Time until the certificate that ends first does, of one that a browser would accept.",
        )
        .size(3, 3)
        .unit("s")
        .query(
            format!("min({life}) * (min({trusted}) == 1) or 0 * (min({trusted}) == 0)"),
            "time left",
        )
        .means("0", "not trusted", RED)
        .steps(RED, &[(604_800.0, AMBER), (1_814_400.0, GREEN)])
        .empty("none"),
        Panel::new(
            Kind::Stat,
            "Last probe",
            "Time since the last probe. Much more than the interval means that what stands here is old.",
        )
        .size(3, 3)
        .unit("s")
        .query(format!("max({age})"), "ago")
        .steps(GREEN, &[(60.0, AMBER), (300.0, GREY)]),
    ]
}

fn layers() -> Vec<Panel> {
    let failures = series("endpoint_probe_failures_total", ENDPOINT);
    vec![
        PHASES.iter().fold(
            Panel::new(Kind::Stack, "Time by phase", "Phases of the last probe at the slowest address, the mean of the chosen endpoints.")
                .unit("s"),
            |panel, (phase, colour)| {
                let matchers = format!("{ENDPOINT}, phase=\"{phase}\"");
                panel
                    .query(format!("avg by(phase) ({})", series("endpoint_duration_seconds", &matchers)), "{{phase}}")
                    .field(phase, &[fixed(colour)])
            },
        ),
        Panel::new(Kind::Lines, "Failed probes", "Probes that failed, unconfirmed ones too: flapping shows here.")
            .unit("reqps")
            .query(format!("{} > 0", aggregate("sum", "", &format!("rate({failures}[$__rate_interval])"))), "{{name}}")
            .fields("/.+/", &[failures_colour()])
            .empty("No probe has failed."),
        Panel::new(Kind::Timeline, "DNS target", "Where the name leads, compared with where it should.")
            .query(places("dns_target_state", ENDPOINT, "state", &TARGETS), "{{name}}")
            .steps(GREY, &[])
            .means("0", "as expected", GREEN)
            .means("1", "elsewhere", RED)
            .means("2", "dangling", RED)
            .means("3", "not comparable", GREY)
            .empty("No target is expected."),
        Panel::new(Kind::Timeline, "HTTP status over time", "Of the last answer; 0 without one.")
            .unit("none")
            .query(fresh("endpoint_http_status_code", ENDPOINT), "{{name}}")
            .steps(RED, &[(100.0, GREEN), (400.0, AMBER), (500.0, RED)])
            .means("0", "none", RED),
        Panel::new(Kind::Table, "Certificates", "What the presented chain says of itself; position 0 is the leaf. It stays while the endpoint is unreachable.")
            .size(24, 5)
            .query(max("certificate_info", ENDPOINT), "")
            .columns(&[("name", "name"), ("position", "position"), ("subject", "subject"), ("issuer", "issuer"), ("serial", "serial")])
            .without(&["Value", "fingerprint_sha256", "group"])
            .sorted_by(&[("name", false), ("position", false)])
            .field("name", &[("custom.width", json!(220))])
            .field("position", &[("custom.width", json!(80))])
            .field("serial", &[("custom.width", json!(380))])
            .empty("No certificate has been seen."),
    ]
}
