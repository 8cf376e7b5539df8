//! The `query_response` of a module: what is heard and said, step by step.

use super::at::At;
use super::error::{Findings, shown};
use super::raw::module::{ExpectLabel, QueryResponse};
use super::regexp;
use crate::discovery::label;
use crate::probe::dialogue::{Expect, Step};

/// Checks the steps; one that cannot be used is reported and left out.
pub(super) fn resolve(raw: Option<&[At<QueryResponse>]>, findings: &Findings) -> Vec<Step> {
    let raw = raw.unwrap_or_default().iter();
    raw.map(|step| resolve_step(step, findings)).collect()
}

fn resolve_step(At { place, value: raw }: &At<QueryResponse>, findings: &Findings) -> Step {
    let labels = labels(raw.labels.as_deref().unwrap_or_default(), findings);
    if let (Some(_), Some(bytes)) = (&raw.expect, &raw.expect_bytes) {
        let hint = "a step waits for one of them: make it two steps";
        findings.fault_with_hint(
            bytes.place,
            "\"expect\" and \"expect_bytes\" are both given",
            hint,
        );
    }
    if raw.expect.is_none() && !labels.is_empty() {
        let hint = "they are made of what \"expect\" captures";
        findings.warn(*place, "labels without \"expect\" are not used", hint);
    }
    let expect = match (&raw.expect, &raw.expect_bytes) {
        (Some(pattern), _) => match regexp::of_bytes(&pattern.regex) {
            Ok(pattern) => Some(Expect::Line { pattern, labels }),
            Err(why) => {
                findings.fault(
                    *place,
                    format!("bad regexp {}: {why}", shown(pattern.regex.as_str())),
                );
                None
            }
        },
        (None, Some(bytes)) if !bytes.value.is_empty() => {
            Some(Expect::Bytes(bytes.value.clone().into_bytes()))
        }
        (None, _) => None,
    };
    Step {
        expect,
        send: raw.send.as_ref().map(|text| text.value.reveal().to_owned()),
        starttls: raw.starttls.unwrap_or(false),
    }
}

fn labels(raw: &[At<ExpectLabel>], findings: &Findings) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for At { place, value: raw } in raw {
        let Some(name) = &raw.name else {
            findings.missing(*place, "name", "name the label");
            continue;
        };
        if !label::is_name(&name.value) {
            let what = format!("{} cannot be a label", shown(&name.value));
            findings.fault_with_hint(
                name.place,
                what,
                "letters, digits and underscores, not beginning with a digit",
            );
        } else if labels.iter().any(|(known, _)| *known == name.value) {
            findings.fault(
                name.place,
                format!("the label {} is given twice", shown(&name.value)),
            );
        } else {
            let value = raw.value.as_ref().map_or("", |value| value.value.as_str());
            labels.push((name.value.clone(), value.to_owned()));
        }
    }
    labels
}
