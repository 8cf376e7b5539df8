//! The alerts about linkwatch itself: what keeps it from seeing, or from being heard.

use super::catalogue::{AT_ONCE, KEEP_FIRING, MINUTE, warning};
use super::expression::{Expressions, aggregate};
use super::{Alert, AlertName, Parameters, Rule, Scope, Severity, text};
use crate::cause::Cause;

pub(super) fn vantage_offline(expressions: Expressions<'_>) -> Alert {
    let offline = format!("{} == 0", expressions.series("vantage_up", ""));
    Alert {
        name: AlertName::VantageOffline,
        scope: Scope::Installation,
        summary: "A vantage point of linkwatch is offline and judges nothing.",
        description: format!(
            "No anchor answers on {}: what is watched from there is not judged until one does.",
            text::instances(&offline)
        ),
        remedy: Some(Cause::VantageOffline.remedy().to_owned()),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(aggregate("count", "", &offline))],
    }
}

pub(super) fn clock_skewed(expressions: Expressions<'_>, parameters: &Parameters) -> Alert {
    let skew = expressions.series("clock_skew_seconds", "");
    let limit = parameters.clock_skew_seconds;
    Alert {
        name: AlertName::ClockSkewed,
        scope: Scope::Installation,
        summary: "The clock of a linkwatch is wrong, and certificates cannot be judged by it.",
        description: format!(
            "The clock is {{{{ $value | humanizeDuration }}}} off against the servers' on {}.",
            text::instances(&format!("abs({skew}) > {limit}"))
        ),
        remedy: Some("Set that machine's clock by NTP (timedatectl, chronyc tracking).".to_owned()),
        hold: MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "{} > {limit}",
            aggregate("max", "", &format!("abs({skew})"))
        ))],
    }
}

pub(super) fn config_reload_failed(expressions: Expressions<'_>) -> Alert {
    let failed = format!("{} == 0", expressions.series("config_last_reload_successful", ""));
    Alert {
        name: AlertName::ConfigReloadFailed,
        scope: Scope::Installation,
        summary: "linkwatch runs with an older configuration than its file holds.",
        description: format!(
            "The configuration file was refused by {}: the last good one still runs.",
            text::instances(&failed)
        ),
        remedy: Some(
            "Run linkwatch config check on the file: it names every error with its line.".to_owned(),
        ),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(aggregate("count", "", &failed))],
    }
}

pub(super) fn rules_outdated(expressions: Expressions<'_>, parameters: &Parameters) -> Alert {
    let other = expressions.series("build_info", &format!("version!=\"{}\"", parameters.version));
    Alert {
        name: AlertName::RulesOutdated,
        scope: Scope::Installation,
        summary: "The alert rules and linkwatch are of different versions.",
        description: format!(
            "These rules belong to linkwatch {}; another version runs on {}.",
            parameters.version,
            text::versions(&other)
        ),
        remedy: Some(
            "Write the rules with the linkwatch that runs (linkwatch bundle rules) and load them into Prometheus.".to_owned(),
        ),
        hold: 10 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![Rule {
            severity: Severity::Info,
            expr: aggregate("count", "version, revision, rustversion", &other),
        }],
    }
}

pub(super) fn down(expressions: Expressions<'_>) -> Alert {
    let any = aggregate(
        "max",
        "version, revision, rustversion",
        &expressions.series("build_info", ""),
    );
    Alert {
        name: AlertName::Down,
        scope: Scope::Installation,
        summary: "No linkwatch is scraped: nothing is watched.",
        description: "Prometheus has scraped no linkwatch for a minute. No public endpoint is watched now."
            .to_owned(),
        remedy: Some(
            "See whether linkwatch runs; if it does, the page Targets of Prometheus says why it cannot be scraped.".to_owned(),
        ),
        hold: MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![Rule {
            severity: Severity::Critical,
            expr: format!("absent({any})"),
        }],
    }
}

pub(super) fn watchdog() -> Alert {
    Alert {
        name: AlertName::Watchdog,
        scope: Scope::Installation,
        summary: "Alerting works.",
        description:
            "This alert always fires. A dead man's switch that stops hearing it should page: Prometheus, \
                      Alertmanager or the way between them is broken."
                .to_owned(),
        remedy: None,
        hold: AT_ONCE,
        keep_firing: AT_ONCE,
        rules: vec![warning("vector(1)".to_owned())],
    }
}
