//! The log of a probe: a line for each step, in the order in which they happened, and for each fault with what should be
//! beside what is.
//!
//! It is made of the outcome when somebody reads it. Outcomes hold how long each phase took, not when it began, so the
//! moments of the lines are reckoned from the beginning: what belongs to no phase is not in them.

use std::fmt;

use url::Url;

use super::super::ProbeAnswer;
use super::super::logs::shown_target;
use super::logfmt::{Level, Line, Lines};
use crate::cause::{Effect, ProbeCause, Stage};
use crate::diagnosis::layers::servers;
use crate::diagnosis::{Context, Finding, diagnose, findings_of};
use crate::endpoint::Endpoint;
use crate::metrics::blackbox::success;
use crate::outcome::{AddressSource, Attempt, Failure, Outcome, Resolution, Violation};
use crate::text::without_credentials;

mod answer;
mod hop;

/// All of it.
pub(super) fn log(f: &mut fmt::Formatter<'_>, answer: &ProbeAnswer) -> fmt::Result {
    let outcome = &answer.outcome;
    let mut lines = Lines {
        to: f,
        at: outcome.started,
    };
    match &answer.asked {
        Ok(endpoint) => probed(&mut lines, endpoint, outcome)?,
        Err(reason) => {
            let invalid = Line::error("The target is not one that the module can ask");
            lines.say(&invalid.with("reason", reason))?;
        }
    }
    lines.at = outcome.ended();
    let last = if success(outcome) {
        Line::info("Probe succeeded")
    } else {
        Line::error("Probe failed")
    };
    let last = last.seconds("duration_seconds", outcome.elapsed);
    lines.say(&last.maybe("cause", answer.cause))
}

fn probed(lines: &mut Lines<'_, '_>, endpoint: &Endpoint, outcome: &Outcome) -> fmt::Result {
    let Endpoint { url, group, .. } = endpoint;
    let begun = Line::info("Beginning probe")
        .with("module", &group.module)
        .with("prober", outcome.prober.as_str())
        .with("target", without_credentials(url));
    lines.say(&begun.seconds("timeout_seconds", group.timeout))?;
    let context = Context::at(outcome.ended());
    resolved(lines, &outcome.resolution)?;
    for finding in untried(outcome, endpoint, &context) {
        found(lines, &finding)?;
    }
    let resolved = lines.at;
    for attempt in &outcome.attempts {
        // All addresses are tried side by side.
        lines.at = resolved;
        if outcome.attempts.len() > 1 {
            lines.say(&Line::info("Trying address").with("address", &attempt.peer))?;
        }
        attempted(lines, outcome, attempt)?;
        judged(lines, attempt, &findings_of(attempt, endpoint, &context))?;
    }
    Ok(())
}

/// What is said of the look-up: all of it where nothing could be tried, else what only warns.
fn untried(outcome: &Outcome, endpoint: &Endpoint, context: &Context<'_>) -> Vec<Finding> {
    let verdict = diagnose(outcome, endpoint, context);
    let mut findings: Vec<Finding> = Vec::new();
    for finding in verdict.findings() {
        let of_names = finding.cause.stage() == Stage::Dns && finding.cause.effect() == Effect::Warns;
        if (outcome.attempts.is_empty() || of_names) && !findings.contains(finding) {
            findings.push(finding.clone());
        }
    }
    findings
}

fn resolved(lines: &mut Lines<'_, '_>, resolution: &Resolution) -> fmt::Result {
    let addresses: Vec<String> = resolution.addresses.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(",");
    match resolution.source {
        AddressSource::Elsewhere => return Ok(()),
        AddressSource::Literal => {
            let line = Line::info("Target holds its address: nothing to resolve");
            return lines.say(&line.with("ip", addresses));
        }
        AddressSource::HostsFile | AddressSource::Dns => {}
    }
    lines.say(&Line::info("Resolving target address").with("host", &resolution.name))?;
    lines.pass(resolution.elapsed);
    for saying in servers::sayings(&resolution.answers) {
        let line = Line::info("Received DNS answer").with("server", saying.servers);
        lines.say(&line.with("answer", saying.said))?;
    }
    if addresses.is_empty() {
        return Ok(());
    }
    let hosts_file = resolution.source == AddressSource::HostsFile;
    let line = Line::info("Resolved target address")
        .with("ip", addresses)
        .maybe("source", hosts_file.then_some("hosts file"));
    lines.say(&line.seconds("duration_seconds", resolution.elapsed))
}

fn attempted(lines: &mut Lines<'_, '_>, outcome: &Outcome, attempt: &Attempt) -> fmt::Result {
    for (place, hop) in attempt.hops.iter().enumerate() {
        if place > 0 {
            hop::redirected(lines, hop)?;
        }
        hop::reached(lines, (outcome.prober, &attempt.peer), hop)?;
        answer::answered(lines, outcome.prober, hop)?;
    }
    Ok(())
}

/// What an attempt is at fault for, and what no cause speaks of.
fn judged(lines: &mut Lines<'_, '_>, attempt: &Attempt, findings: &[Finding]) -> fmt::Result {
    for finding in findings {
        found(lines, finding)?;
    }
    let told = |broken: &Violation| {
        let mut findings = findings.iter();
        findings.any(|one| (&one.expected, &one.actual) == (&broken.expected, &broken.actual))
    };
    for broken in attempt.violations.iter().filter(|broken| !told(broken)) {
        let line = Line::error("A rule is broken").with("expected", &broken.expected);
        lines.say(&line.with("actual", &broken.actual))?;
    }
    let Some(failure) = attempt.failure().filter(|_| findings.is_empty()) else {
        return Ok(());
    };
    let line = match failure {
        Failure::Forbidden(_) => of(ProbeCause::TargetForbidden),
        Failure::Unable(_) => of(ProbeCause::VantageUnable),
        Failure::Dns(_)
        | Failure::Connect(_)
        | Failure::Tls(_)
        | Failure::Untrusted
        | Failure::Proxy(_)
        | Failure::Token(_)
        | Failure::Http(_)
        | Failure::Exchange(_) => Line::error("The probe ended early"),
    };
    lines.say(&line.with("reason", failure))
}

/// A cause that has no more to it than a reason.
fn of(cause: ProbeCause) -> Line {
    Line::error(cause.meaning().trim_end_matches('.')).with("cause", cause)
}

fn found(lines: &mut Lines<'_, '_>, finding: &Finding) -> fmt::Result {
    let level = match finding.cause.effect() {
        Effect::Down => Level::Error,
        Effect::Warns | Effect::Suspends => Level::Warn,
    };
    let line = Line::new(level, finding.cause.meaning().trim_end_matches('.'))
        .with("cause", finding.cause)
        .with("expected", &finding.expected)
        .with("actual", &finding.actual);
    lines.say(&line)
}

/// A URL as it may be printed.
fn shown(url: &str) -> String {
    Url::parse(url).map_or_else(|_| shown_target(url), |url| without_credentials(&url).to_string())
}
