//! What a check prints: a report to read, or the same as JSON or as series.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::Checked;
use crate::clock::SystemClock;
use crate::diagnosis::{self, Finding, Standing};
use crate::endpoint::Labels;
use crate::metrics::Exporter;
use crate::metrics::labels::without_credentials;
use crate::metrics::negotiate::{Coding, Format};
use crate::outcome::{
    AddressSource, Answer, Attempt, ChainFacts, Hop, Reply, Resolution, ServerRole, Timings,
};
use crate::record::Recorder;
use crate::state::{Catalogue, Own, State};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();

/// The report; coloured on a terminal, plain in a pipe.
pub(super) fn text(checked: &[Checked]) {
    let mut out = String::new();
    for one in checked {
        // Writing to a String cannot fail.
        let _ = endpoint(&mut out, one);
    }
    if checked.len() > 1 {
        let up = checked.iter().filter(|one| one.verdict.root.is_none()).count();
        let _ = writeln!(out, "{} of {} endpoints are as they should be", up, checked.len());
    }
    anstream::print!("{out}");
}

fn endpoint(out: &mut String, checked: &Checked) -> std::fmt::Result {
    let Checked {
        endpoint,
        outcome,
        verdict,
    } = checked;
    let (style, standing) = match (verdict.standing, &verdict.root) {
        (Standing::Up, None) => (GOOD, "up"),
        (Standing::Up, Some(_)) => (WARNING, "up, with a warning"),
        (Standing::Down, _) => (BAD, "down"),
        (Standing::Unknown, _) => (WARNING, "cannot be told"),
    };
    writeln!(
        out,
        "{BOLD}{}{BOLD:#}  {style}{standing}{style:#}  {DIM}{}{DIM:#}\n",
        endpoint.name,
        without_credentials(&endpoint.url)
    )?;
    if let Some(root) = &verdict.root {
        finding(out, style, root)?;
        if let Some(symptom) = verdict
            .symptom
            .as_ref()
            .filter(|symptom| symptom.cause != root.cause)
        {
            writeln!(out, "  hence     {}: {}", symptom.cause, symptom.cause.meaning())?;
            writeln!(
                out,
                "            expected {}, actual {}",
                symptom.expected, symptom.actual
            )?;
        }
        writeln!(out, "  do        {}\n", diagnosis::remedy(root, endpoint))?;
    }
    for other in &verdict.others {
        writeln!(
            out,
            "  also      {}: expected {}, actual {}",
            other.cause, other.expected, other.actual
        )?;
    }
    if !verdict.others.is_empty() {
        writeln!(out)?;
    }
    resolution(out, &outcome.resolution)?;
    for attempt in &outcome.attempts {
        layers(out, attempt)?;
    }
    writeln!(out)
}

fn finding(out: &mut String, style: Style, root: &Finding) -> std::fmt::Result {
    writeln!(
        out,
        "  cause     {style}{}{style:#}: {}",
        root.cause,
        root.cause.meaning()
    )?;
    writeln!(out, "  expected  {}", root.expected)?;
    match root.address {
        Some(address) => writeln!(out, "  actual    {} (at {address})", root.actual),
        None => writeln!(out, "  actual    {}", root.actual),
    }
}

fn resolution(out: &mut String, resolution: &Resolution) -> std::fmt::Result {
    if resolution.source == AddressSource::Literal {
        return Ok(());
    }
    let addresses: Vec<String> = resolution.addresses.iter().map(ToString::to_string).collect();
    let said = if addresses.is_empty() {
        "no address".to_owned()
    } else {
        addresses.join(", ")
    };
    let origin = if resolution.source == AddressSource::HostsFile {
        " (hosts file)"
    } else {
        ""
    };
    writeln!(
        out,
        "  dns      {:>9}  {said}{origin}",
        milliseconds(resolution.elapsed)
    )?;
    for answer in &resolution.answers {
        if let Some(note) = noteworthy(answer) {
            let role = if answer.role == ServerRole::Authoritative {
                ", authoritative"
            } else {
                ""
            };
            writeln!(
                out,
                "  {DIM}                    {}{role}: {note}{DIM:#}",
                answer.server
            )?;
        }
    }
    Ok(())
}

/// What a server said that the addresses do not tell.
fn noteworthy(answer: &Answer) -> Option<String> {
    match &answer.reply {
        Reply::Message(message) if !message.chain.is_empty() => {
            let chain: Vec<&str> = message.chain.iter().map(|alias| alias.target.as_str()).collect();
            Some(format!(
                "CNAME {} (TTL {} s), {:?}",
                chain.join(" -> "),
                message.ttl,
                message.rcode
            ))
        }
        Reply::Message(message) if message.addresses.is_empty() => {
            Some(format!("{:?} for {:?}", message.rcode, answer.family))
        }
        Reply::Message(_) => None,
        Reply::Timeout => Some("no usable answer in time".to_owned()),
        Reply::Broken(why) => Some(why.clone()),
    }
}

fn layers(out: &mut String, attempt: &Attempt) -> std::fmt::Result {
    for (place, hop) in attempt.hops.iter().enumerate() {
        if place > 0 {
            writeln!(out, "  {DIM}redirect             {}{DIM:#}", hop.url)?;
        }
        hop_layers(out, hop)?;
    }
    for violation in &attempt.violations {
        writeln!(
            out,
            "  {BAD}rule{BAD:#}                 {:?}: expected {}, actual {}",
            violation.rule, violation.expected, violation.actual
        )?;
    }
    Ok(())
}

fn hop_layers(out: &mut String, hop: &Hop) -> std::fmt::Result {
    let Timings {
        connect,
        tls,
        processing,
        transfer,
        ..
    } = hop.timings;
    if let Some(address) = hop.address {
        writeln!(out, "  connect  {:>9}  {address}", milliseconds(connect))?;
    }
    if let Some(facts) = &hop.tls {
        let version = facts.version.unwrap_or("no version agreed");
        let alpn = facts
            .alpn
            .as_deref()
            .map(|alpn| format!(", {alpn}"))
            .unwrap_or_default();
        writeln!(out, "  tls      {:>9}  {version}{alpn}", milliseconds(tls))?;
        if let Some(chain) = &facts.chain {
            certificates(out, chain)?;
        }
    }
    if let Some(response) = &hop.response {
        let location = response
            .location
            .as_deref()
            .map(|to| format!(" -> {to}"))
            .unwrap_or_default();
        let took = milliseconds(processing + transfer);
        writeln!(
            out,
            "  http     {took:>9}  {}{location}, {} bytes",
            response.status, response.body_length
        )?;
    }
    if let Some(failure) = &hop.failure {
        writeln!(out, "  {BAD}failed{BAD:#}               {failure}")?;
    }
    Ok(())
}

fn certificates(out: &mut String, chain: &ChainFacts) -> std::fmt::Result {
    for (position, certificate) in chain.certificates.iter().enumerate() {
        let names = match certificate.names.as_slice() {
            [] => certificate.subject.clone(),
            [one] => one.clone(),
            [first, ..] => format!("{first} and {} more", certificate.name_count - 1),
        };
        writeln!(
            out,
            "  {DIM}                    {position}  {names}, by {}, {} to {}{DIM:#}",
            certificate.issuer_name,
            certificate.not_before.strftime("%Y-%m-%d"),
            certificate.not_after.strftime("%Y-%m-%d"),
        )?;
    }
    Ok(())
}

fn milliseconds(duration: std::time::Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// An array with one object per endpoint.
pub(super) fn json(checked: &[Checked]) {
    let array: Vec<Value> = checked.iter().map(object).collect();
    anstream::println!("{:#}", Value::Array(array));
}

fn object(checked: &Checked) -> Value {
    let Checked {
        endpoint,
        outcome,
        verdict,
    } = checked;
    let root = verdict.root.as_ref();
    let slowest = outcome.slowest_timings();
    let up = match verdict.standing {
        Standing::Up => Some(true),
        Standing::Down => Some(false),
        Standing::Unknown => None,
    };
    json!({
        "name": endpoint.name,
        "group": endpoint.group.name,
        "url": without_credentials(&endpoint.url),
        "up": up,
        "root": root.map(|root| root.cause),
        "symptom": verdict.symptom.as_ref().map(|symptom| symptom.cause),
        "stage": root.map(|root| root.cause.stage()),
        "consequences": consequences(checked),
        "summary": diagnosis::summary(verdict),
        "expected": root.map(|root| &root.expected),
        "actual": root.map(|root| &root.actual),
        "remedy": root.map(|root| diagnosis::remedy(root, endpoint)),
        "addresses": outcome.attempts.iter().map(|attempt| json!({
            "address": attempt.address,
            "failure": attempt.failure(),
            "status": attempt.last().and_then(|hop| hop.response.as_ref()).map(|response| response.status),
        })).collect::<Vec<_>>(),
        "timings": {
            "dns": slowest.dns.as_secs_f64(),
            "connect": slowest.connect.as_secs_f64(),
            "tls": slowest.tls.as_secs_f64(),
            "processing": slowest.processing.as_secs_f64(),
            "transfer": slowest.transfer.as_secs_f64(),
            "total": outcome.elapsed.as_secs_f64(),
        },
        "certificate": outcome.chain(),
    })
}

/// What follows from the root: the symptom, and every other cause that stands.
fn consequences(checked: &Checked) -> Vec<crate::cause::Cause> {
    let verdict = &checked.verdict;
    let root = verdict.root.as_ref().map(|root| root.cause);
    let symptom = verdict
        .symptom
        .as_ref()
        .map(|symptom| symptom.cause)
        .filter(|symptom| Some(*symptom) != root);
    symptom
        .into_iter()
        .chain(verdict.others.iter().map(|other| other.cause))
        .collect()
}

/// The series that `/metrics` would show of these probes, each believed at once.
pub(super) fn prometheus(checked: Vec<Checked>) {
    let state = Arc::new(State::new(Catalogue::default(), Own::new(false)));
    let recorder = Recorder::new(Arc::clone(&state), Arc::new(SystemClock), None);
    let groups: BTreeMap<_, _> = checked
        .iter()
        .map(|one| {
            (
                one.endpoint.group.name.clone(),
                (Arc::clone(&one.endpoint.group), Labels::default()),
            )
        })
        .collect();
    recorder.replace_catalogue(
        groups.into_values(),
        checked.iter().map(|one| Arc::clone(&one.endpoint)),
        |_| None,
    );
    let catalogue = state.catalogue();
    for Checked {
        endpoint,
        outcome,
        verdict,
    } in checked
    {
        if let Some(slot) = catalogue.find(endpoint.name.as_str()) {
            recorder.record_at_once(slot, &outcome, verdict);
        }
    }
    let mut out = std::io::stdout().lock();
    for chunk in Exporter::new(state, Arc::new(SystemClock)).scrape(Format::CLASSIC, Coding::Identity) {
        match chunk {
            // A reader that has gone wants no more.
            Ok(chunk) if out.write_all(&chunk).is_ok() => {}
            Ok(_) => return,
            Err(error) => return anstream::eprintln!("linkwatch: {error}"),
        }
    }
}
