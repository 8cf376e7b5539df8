//! Layer by layer: what was asked of whom, and what came; and how long each phase took, to scale.

use std::time::Duration;

use super::Checked;
use super::report::{LABEL, shown_attempt};
use crate::cli::servers;
use crate::cli::terminal::{BAD, DIM, GOOD, PLAIN, Sheet, Span, scaled, styled};
use crate::outcome::{AddressSource, Attempt, ChainFacts, Failure, Hop, Outcome, Resolution, Violation};

/// Columns of a time, with the space behind it.
const TIME: usize = 12;

/// The layers, in the order in which a probe passes through them.
pub(super) fn write(sheet: &mut Sheet, checked: &Checked) {
    dns(sheet, &checked.probed.outcome.resolution);
    let Some(attempt) = shown_attempt(checked) else {
        return unreached(sheet, &["connect", "tls", "http"]);
    };
    for (place, hop) in attempt.hops.iter().enumerate() {
        if place > 0 {
            sheet.row((PLAIN, "redirect"), LABEL, &[format!("to {}", hop.url).into()]);
        }
        self::hop(sheet, hop);
    }
    let shown = |violation: &&Violation| {
        let mut findings = checked.verdict.findings();
        !findings.any(|one| (&one.expected, &one.actual) == (&violation.expected, &violation.actual))
    };
    for violation in attempt.violations.iter().filter(shown) {
        layer(
            sheet,
            "rule",
            None,
            &[
                styled(BAD, "broken: "),
                format!("expected {}; actual {}", violation.expected, violation.actual).into(),
            ],
        );
    }
}

fn layer(sheet: &mut Sheet, label: &str, took: Option<Duration>, said: &[Span<'_>]) {
    let time = took.map_or_else(|| "-".to_owned(), milliseconds);
    let label = format!("{label:LABEL$}{time:>width$}", width = TIME - 2);
    sheet.row((PLAIN, &label), LABEL + TIME, said);
}

fn note(sheet: &mut Sheet, text: &str) {
    sheet.row((PLAIN, ""), LABEL + TIME, &[styled(DIM, text)]);
}

fn unreached(sheet: &mut Sheet, layers: &[&str]) {
    for label in layers {
        layer(sheet, label, None, &[styled(DIM, "not reached")]);
    }
}

fn dns(sheet: &mut Sheet, resolution: &Resolution) {
    match resolution.source {
        AddressSource::Literal => {
            return layer(
                sheet,
                "dns",
                None,
                &[styled(DIM, "not asked: the URL holds the address")],
            );
        }
        AddressSource::Elsewhere => {
            return layer(
                sheet,
                "dns",
                None,
                &[styled(DIM, "not asked: nothing is resolved here")],
            );
        }
        AddressSource::HostsFile => note_hosts(sheet, resolution),
        AddressSource::Dns => {
            layer(sheet, "dns", Some(resolution.elapsed), &[addresses(resolution)]);
        }
    }
    for said in servers::lines(&resolution.answers) {
        note(sheet, &said);
    }
    for target in &resolution.targets {
        note(sheet, &servers::target(target));
    }
}

fn note_hosts(sheet: &mut Sheet, resolution: &Resolution) {
    let origin = styled(DIM, ", by the hosts file of this machine");
    layer(
        sheet,
        "dns",
        Some(resolution.elapsed),
        &[addresses(resolution), origin],
    );
}

fn addresses(resolution: &Resolution) -> Span<'static> {
    let addresses: Vec<String> = resolution.addresses.iter().map(ToString::to_string).collect();
    if addresses.is_empty() {
        styled(BAD, format!("no address for {}", resolution.name))
    } else {
        styled(GOOD, format!("{} has {}", resolution.name, addresses.join(", ")))
    }
}

/// The layers of one request.
fn hop(sheet: &mut Sheet, hop: &Hop) {
    let timings = hop.timings;
    let failed = |failure: &Failure| styled(BAD, format!("failed: {failure}"));
    let Some(address) = hop.address else {
        let said: Vec<_> = hop.failure.iter().map(failed).collect();
        layer(sheet, "dns", Some(timings.dns), &said);
        return unreached(sheet, &["connect", "tls", "http"]);
    };
    if let Some(failure @ Failure::Connect(_)) = &hop.failure {
        let said = [format!("{address}; ").into(), failed(failure)];
        layer(sheet, "connect", Some(timings.connect), &said);
        return unreached(sheet, &["tls", "http"]);
    }
    layer(
        sheet,
        "connect",
        Some(timings.connect),
        &[styled(GOOD, address.to_string())],
    );
    let secure = hop.url.starts_with("https:");
    if let Some(failure @ (Failure::Tls(_) | Failure::Untrusted)) = &hop.failure {
        let session = format!("{}; ", session(hop));
        layer(
            sheet,
            "tls",
            Some(timings.tls),
            &[session.into(), failed(failure)],
        );
        return unreached(sheet, &["http"]);
    }
    if secure {
        layer(sheet, "tls", Some(timings.tls), &[styled(GOOD, session(hop))]);
    } else {
        layer(
            sheet,
            "tls",
            None,
            &[styled(DIM, "not asked for: the URL is http")],
        );
    }
    http(sheet, hop);
}

fn http(sheet: &mut Sheet, hop: &Hop) {
    let took = Some(hop.timings.processing + hop.timings.transfer);
    let mut said = vec![format!("{}: ", hop.url).into()];
    if let Some(response) = &hop.response {
        let location = response.location.as_deref();
        let location = location.map_or_else(String::new, |to| format!(" to {to}"));
        said.push(styled(GOOD, response.status.to_string()));
        said.push(
            format!(
                "{location}, HTTP/{:.1}, {} bytes",
                response.version, response.body_length
            )
            .into(),
        );
    }
    if let Some(failure) = &hop.failure {
        let separator = if hop.response.is_some() { "; " } else { "" };
        said.push(styled(BAD, format!("{separator}failed: {failure}")));
    }
    layer(sheet, "http", took, &said);
}

/// What the handshake agreed on.
fn session(hop: &Hop) -> String {
    let Some(facts) = &hop.tls else {
        return "no session".to_owned();
    };
    let parts = [facts.version, facts.cipher, facts.alpn.as_deref()];
    let agreed: Vec<&str> = parts.into_iter().flatten().collect();
    if agreed.is_empty() {
        "nothing agreed".to_owned()
    } else {
        agreed.join(", ")
    }
}

/// The chain that the attempt's last handshake showed.
pub(super) fn chain(attempt: &Attempt) -> Option<&ChainFacts> {
    let mut hops = attempt.hops.iter().rev();
    hops.find_map(|hop| hop.tls.as_ref()?.chain.as_deref())
}

/// A bar per phase, drawn to scale, each beginning where the one before has ended.
pub(super) fn waterfall(sheet: &mut Sheet, outcome: &Outcome, attempt: &Attempt) {
    let mut timings = attempt.timings();
    timings.dns = timings.dns.max(outcome.resolution.elapsed);
    let total = timings.total();
    if total.is_zero() {
        return;
    }
    sheet.row(
        (PLAIN, "time"),
        LABEL,
        &[format!("{} in all, at {}", milliseconds(total), attempt.peer).into()],
    );
    let cells = sheet.columns() - LABEL - TIME;
    let share = |duration: Duration| duration.as_secs_f64() / total.as_secs_f64();
    let mut begun = Duration::ZERO;
    for (label, took) in [
        ("dns", timings.dns),
        ("connect", timings.connect),
        ("tls", timings.tls),
        ("waiting", timings.processing),
        ("transfer", timings.transfer),
    ] {
        if took.is_zero() {
            continue;
        }
        let start = scaled(share(begun), cells - 1);
        let end = scaled(share(begun + took), cells).max(start + 1);
        let bar = format!("{}{}", " ".repeat(start), "█".repeat(end - start));
        layer(sheet, &format!("  {label}"), Some(took), &[bar.into()]);
        begun += took;
    }
}

/// A time as people compare them.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
