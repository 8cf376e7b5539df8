//! What a check prints for programs: JSON, or the series of `/metrics`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::warn;
use super::{Checked, Probed};
use crate::clock::SystemClock;
use crate::diagnosis::{self, Standing};
use crate::endpoint::Labels;
use crate::metrics::Exporter;
use crate::metrics::negotiate::{Coding, Format};
use crate::record::Recorder;
use crate::state::{Catalogue, Own, State};
use crate::text::without_credentials;

/// An array with one object per endpoint.
pub(super) fn json(checked: &[Checked]) {
    let array: Vec<Value> = checked.iter().map(object).collect();
    anstream::println!("{:#}", Value::Array(array));
}

fn object(checked: &Checked) -> Value {
    let Checked {
        endpoint,
        probed: Probed { outcome, .. },
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
        "url": without_credentials(&endpoint.url).as_str(),
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
            "address": attempt.peer,
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
        probed,
        verdict,
    } in checked
    {
        if let Some(slot) = catalogue.find(endpoint.name.as_str()) {
            recorder.record_at_once(slot, &probed.outcome, verdict);
        }
    }
    let mut out = std::io::stdout().lock();
    for chunk in Exporter::new(state, Arc::new(SystemClock)).scrape(Format::CLASSIC, Coding::Identity) {
        match chunk {
            // A reader that has gone wants no more.
            Ok(chunk) if out.write_all(&chunk).is_ok() => {}
            Ok(_) => return,
            Err(error) => return warn(&error.to_string()),
        }
    }
}
