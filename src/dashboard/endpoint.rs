//! One endpoint, layer by layer.

use super::board::{Board, Variable};
use super::fleet::wrong;
use super::panel::{AMBER, GREEN, GREY, Kind, Panel, RED};
use super::query::{ENDPOINT, fresh, max, series, up};
use crate::alert::Parameters;
use crate::alert::expression::aggregate;

pub(super) fn board(parameters: &Parameters) -> Board {
    Board::new(
        "How an endpoint stands, layer by layer, and how it came to this.",
        &[Variable::Group, Variable::Name],
    )
    .row("Now", [now(), facts()].concat())
    .row("Why", vec![
        wrong(parameters, 24),
        Panel::new(Kind::Timeline, "Up", "1 up, 0 down and confirmed; a gap where nothing is known.")
            .query(up(ENDPOINT), "{{name}}")
            .steps(RED, &[(1.0, GREEN)])
            .means("0", "down", RED)
            .means("1", "up", GREEN),
        Panel::new(Kind::Timeline, "Causes", "Every cause that stands, with its role: root, symptom, or other.")
            .query(aggregate("max", "stage", &series("endpoint_cause", ENDPOINT)), "{{name}} {{cause}} ({{role}})")
            .steps(AMBER, &[])
            .means("1", "stands", AMBER)
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
            .empty("No stream of clicks has this host."),
    ])
}

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
            .size(8, 4)
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
    let age = format!("time() - {}", max("probe_last_run_timestamp_seconds", ENDPOINT));
    vec![
        Panel::new(Kind::Stat, "HTTP status", "Of the last answer; 0 without one.")
            .size(3, 4)
            .unit("none")
            .query(
                format!("max({})", fresh("endpoint_http_status_code", ENDPOINT)),
                "status",
            )
            .steps(RED, &[(100.0, GREEN), (500.0, RED)]),
        Panel::new(
            Kind::Stat,
            "Addresses that answer",
            "Share of the addresses behind the name that answer as expected.",
        )
        .size(3, 4)
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
            "Time until the certificate that ends first does.",
        )
        .size(3, 4)
        .unit("s")
        .query(
            format!("min({})", max("certificate_expiry_seconds", ENDPOINT)),
            "time left",
        )
        .steps(RED, &[(604_800.0, AMBER), (1_814_400.0, GREEN)])
        .empty("none"),
        Panel::new(
            Kind::Stat,
            "Last probe",
            "Time since the last probe. Much more than the interval means that what stands here is old.",
        )
        .size(3, 4)
        .unit("s")
        .query(format!("max({age})"), "ago")
        .steps(GREEN, &[(60.0, AMBER), (300.0, GREY)]),
    ]
}

fn layers() -> Vec<Panel> {
    let failures = series("endpoint_probe_failures_total", ENDPOINT);
    vec![
        Panel::new(Kind::Stack, "Time by phase", "Phases of the last probe at the slowest address, the mean of the chosen endpoints.")
            .unit("s")
            .query(format!("avg by(phase) ({})", series("endpoint_duration_seconds", ENDPOINT)), "{{phase}}"),
        Panel::new(Kind::Lines, "Failed probes", "Probes that failed, unconfirmed ones too: flapping shows here.")
            .unit("reqps")
            .query(format!("{} > 0", aggregate("sum", "", &format!("rate({failures}[$__rate_interval])"))), "{{name}}")
            .empty("No probe has failed."),
        Panel::new(Kind::Timeline, "DNS target", "Where the name leads, compared with where it should.")
            .query(format!("{} == 1", max("dns_target_state", ENDPOINT)), "{{name}} {{state}}")
            .steps(GREEN, &[])
            .means("1", "so", GREEN)
            .empty("No target is expected."),
        Panel::new(Kind::Timeline, "HTTP status over time", "Of the last answer; 0 without one.")
            .unit("none")
            .query(fresh("endpoint_http_status_code", ENDPOINT), "{{name}}")
            .steps(RED, &[(100.0, GREEN), (400.0, AMBER), (500.0, RED)])
            .means("0", "none", RED),
        Panel::new(Kind::Table, "Certificates", "What the presented chain says of itself; position 0 is the leaf. It stays while the endpoint is unreachable.")
            .size(24, 7)
            .query(max("certificate_info", ENDPOINT), "")
            .columns(&[("name", "name"), ("position", "position"), ("subject", "subject"), ("issuer", "issuer"), ("serial", "serial")])
            .without(&["Value", "fingerprint_sha256", "group"]),
    ]
}
