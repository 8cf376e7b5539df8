//! Certificates as processes: how much of their life is left, when they should be renewed, and whether they can be.

use serde_json::json;

use super::board::{Board, Variable};
use super::fleet::TO_ENDPOINT;
use super::panel::{AMBER, GREEN, Kind, PLAIN, Panel, RED};
use super::query::{ENDPOINT, count, max};

pub(super) fn board() -> Board {
    Board::new(
        "How much of their life certificates have left, when they should be renewed, and whether they can be.",
        &[Variable::Group, Variable::Name],
    )
    .row("Now", now())
    .row("Life", life())
    .row("Renewal", renewal())
    .row("Who issues, and who registers", around())
}

fn now() -> Vec<Panel> {
    let overdue = format!(
        "time() > {}",
        max("certificate_renewal_window_end_timestamp_seconds", ENDPOINT)
    );
    vec![
        Panel::new(Kind::Stat, "Not trusted", "Endpoints whose certificate a browser would not accept.")
            .size(6, 3)
            .query(count(&format!("{} == 0", max("certificate_trusted", ENDPOINT))), "not trusted")
            .steps(GREEN, &[(1.0, RED)]),
        Panel::new(Kind::Stat, "Least life left", "The least share of its lifetime that any certificate has left that a browser would accept.")
            .size(6, 3)
            .unit("percentunit")
            .query(format!(
                "min({} and on(group, name) ({} == 1))",
                max("certificate_lifetime_left_ratio", ENDPOINT),
                max("certificate_trusted", ENDPOINT)
            ), "least")
            .steps(RED, &[(0.1, AMBER), (0.25, GREEN)])
            .empty("none trusted"),
        Panel::new(Kind::Stat, "Renewal overdue", "Certificates that are served although the window in which their authority wants them renewed has passed.")
            .size(6, 3)
            .query(count(&overdue), "overdue")
            .steps(GREEN, &[(1.0, RED)]),
        Panel::new(Kind::Stat, "CAA forbids", "Endpoints whose CAA records do not let the issuer renew.")
            .size(6, 3)
            .query(count(&format!("{} == 0", max("caa_permits_issuer", ENDPOINT))), "forbidden")
            .steps(GREEN, &[(1.0, RED)]),
    ]
}

fn life() -> Vec<Panel> {
    let issuer = max("certificate_info", &format!("{ENDPOINT}, position=\"0\""));
    let left = max("certificate_expiry_seconds", ENDPOINT);
    vec![
        Panel::new(Kind::Table, "Every certificate", "Time until the certificate that ends first does, with the leaf's issuer; whether a browser would accept it; the least time first.")
            .unit("s")
            .size(24, 12)
            .query(format!("sort({left} * on(group, name) group_left(issuer, subject) {issuer})"), "")
            .query(max("certificate_trusted", ENDPOINT), "")
            .columns(&[
                ("group", "group"), ("name", "name"), ("Value #B", "trusted"), ("Value #A", "time left"), ("issuer", "issuer"), ("subject", "subject"),
            ])
            .steps(RED, &[(604_800.0, AMBER), (1_814_400.0, PLAIN)])
            .sorted_by(&[("trusted", false), ("time left", false), ("name", false)])
            .field("group", &[("custom.width", json!(120))])
            .field("name", &[("links", json!([{"title": "The endpoint", "url": TO_ENDPOINT}])), ("custom.width", json!(230))])
            .field("trusted", &[
                ("custom.width", json!(90)),
                ("custom.align", json!("left")),
                ("unit", json!("none")),
                ("mappings", json!([{"type": "value", "options": {
                    "0": {"text": "no", "color": RED, "index": 0}, "1": {"text": "yes", "color": GREEN, "index": 1},
                }}])),
                ("custom.cellOptions", json!({"type": "color-background", "mode": "basic"})),
            ])
            .field("time left", &[("custom.cellOptions", json!({"type": "color-text"})), ("custom.width", json!(120))]),
        Panel::new(Kind::Timeline, "Trusted", "Whether a browser would accept the last chain seen, of every endpoint of the group.")
            .size(24, 4)
            .query(format!("min by(group) ({})", max("certificate_trusted", ENDPOINT)), "{{group}}")
            .steps(RED, &[(1.0, GREEN)])
            .means("0", "not all", RED)
            .means("1", "all", GREEN),
        Panel::new(Kind::Lines, "Share of life left", "Falls steadily and jumps at each renewal. What falls below a third without a jump is a renewal that does not come.")
            .size(24, 8)
            .unit("percentunit")
            .query(format!("bottomk(20, {})", max("certificate_lifetime_left_ratio", ENDPOINT)), "{{name}}")
            .between(0.0, 1.0)
            .listed(),
    ]
}

fn renewal() -> Vec<Panel> {
    let window = |edge: &str| {
        format!(
            "{} - time()",
            max(
                &format!("certificate_renewal_window_{edge}_timestamp_seconds"),
                ENDPOINT
            )
        )
    };
    vec![
        Panel::new(Kind::Table, "Renewal windows", "Time until the window in which the authority wants the certificate renewed (ARI) ends; negative: renewal is broken.")
            .size(12, 6)
            .unit("s")
            .query(format!("sort({})", window("end")), "")
            .columns(&[("group", "group"), ("name", "name"), ("Value", "window ends in")])
            .steps(RED, &[(0.0, AMBER), (86_400.0, GREEN)])
            .field("window ends in", &[("custom.cellOptions", json!({"type": "color-text"}))])
            .empty("No authority is asked for its windows, or none answers."),
        Panel::new(Kind::Lines, "Time until windows begin", "The twenty that begin first.")
            .size(12, 6)
            .unit("s")
            .query(format!("bottomk(20, {})", window("start")), "{{name}}")
            .empty("No authority is asked for its windows, or none answers."),
    ]
}

fn around() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Timeline, "Certificate authorities", "Whether the authority's directory answers and gives a nonce. While it does not, nothing can be renewed.")
            .size(12, 5)
            .query(max("certificate_authority_up", ""), "{{authority}}")
            .steps(RED, &[(1.0, GREEN)])
            .means("0", "down", RED)
            .means("1", "up", GREEN)
            .empty("No authority is configured."),
        Panel::new(Kind::Table, "Registrations of domains", "Time until the registration of a domain ends.")
            .size(12, 5)
            .unit("s")
            .query(format!("sort({} - time())", max("registration_expiry_timestamp_seconds", "")), "")
            .columns(&[("domain", "domain"), ("Value", "ends in")])
            .steps(RED, &[(1_209_600.0, AMBER), (2_592_000.0, GREEN)])
            .field("ends in", &[("custom.cellOptions", json!({"type": "color-text"}))])
            .empty("Registrations are not looked up."),
        Panel::new(Kind::Table, "What status pages say", "What others say of themselves: context, never a cause.")
            .size(24, 5)
            .query(max("upstream_status_info", ""), "")
            .columns(&[("source", "source"), ("indicator", "indicator"), ("headline", "headline")])
            .without(&["Value"])
            .empty("No status page is read."),
    ]
}
