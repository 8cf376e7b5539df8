//! The causes as a document: `docs/CAUSES.md`.

use std::fmt::Write as _;

use super::explain::explained_by;
use crate::alert::alert_of;
use crate::cause::{Cause, Effect, ProbeCause, Stage};

/// Every stage that has causes, with what it is about.
const STAGES: &[(Stage, &str)] = &[
    (Stage::Vantage, "The place that probes are sent from."),
    (Stage::Platform, "What the hosting platform says of the name."),
    (Stage::Dns, "Whether the name has addresses, and the right ones."),
    (
        Stage::Connect,
        "Whether each address lets itself be connected to.",
    ),
    (
        Stage::Tls,
        "Whether a browser would accept what the handshake shows.",
    ),
    (Stage::Http, "Whether the answer is the right one."),
    (
        Stage::Exchange,
        "Whether a dialogue other than HTTP went as it should.",
    ),
    (Stage::Foresight, "What will break if nothing is done."),
    (Stage::Traffic, "What arrives, whatever probes say."),
];

/// Every cause with its stage, effect, meaning, remedy, what it explains and the alert that it raises.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(PREFACE);
    for (stage, about) in STAGES {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {}\n\n{about}\n", stage.as_str());
        for cause in Cause::ALL.iter().filter(|cause| cause.stage() == *stage) {
            text.push_str(&entry(*cause));
        }
    }
    text.push_str(ON_DEMAND);
    for cause in ProbeCause::OWN {
        let (meaning, remedy) = (cause.meaning(), cause.remedy());
        let _ = write!(text, "\n### `{cause}`\n\n{meaning}\n\n- **Do:** {remedy}\n");
    }
    text
}

fn entry(cause: Cause) -> String {
    let effect = match cause.effect() {
        Effect::Down => "takes the endpoint down",
        Effect::Warns => "warns; the endpoint works",
        Effect::Suspends => "suspends judgement: neither up nor down is said",
    };
    let alert = alert_of(cause);
    let mut text = format!(
        "\n### `{cause}`\n\n{}\n\n- **Effect:** {effect}.\n- **Do:** {}\n",
        cause.meaning(),
        cause.remedy()
    );
    let explained: Vec<Cause> = roots(cause).collect();
    let explains: Vec<Cause> = symptoms(cause).collect();
    for (label, causes) in [("Explained by", explained), ("Explains", explains)] {
        if !causes.is_empty() {
            let names: Vec<String> = causes
                .iter()
                .map(|cause| format!("[`{cause}`](#{cause})"))
                .collect();
            let _ = writeln!(text, "- **{label}:** {}.", names.join(", "));
        }
    }
    let _ = writeln!(text, "- **Alert:** [{alert}](runbooks/{alert}.md)");
    text
}

/// The causes that can be the root of this one.
pub fn roots(symptom: Cause) -> impl Iterator<Item = Cause> {
    let all = Cause::ALL.iter().copied();
    all.filter(move |root| explained_by(symptom, *root))
}

/// The causes that this one can be the root of.
pub fn symptoms(root: Cause) -> impl Iterator<Item = Cause> {
    let all = Cause::ALL.iter().copied();
    all.filter(move |symptom| explained_by(*symptom, root))
}

const PREFACE: &str = "\
# Causes

Generated from `src/cause.rs` and `src/diagnosis`; a test holds the two together (`UPDATE_GOLDEN=1 cargo test --test it documents` writes this
page). `linkwatch explain CAUSE` says the same on a terminal.

A cause is the one spelling of what is wrong, on pages, in metrics (`linkwatch_endpoint_cause`), alerts, logs and the API. They stand here in the
order of the causal chain. Of an endpoint that is down, the first failing stage's cause is the **symptom**; a cause that explains it is the
**root**, and what is shown first; every further one stands beside them.
";

const ON_DEMAND: &str = "
## Of `/probe` alone

What only who asks for a probe can meet. They stand in `linkwatch_probe_cause` and in the log of the probe; nothing that is watched has them.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_stands_in_the_document_once() {
        let text = document();
        for cause in Cause::ALL {
            let heading = format!("\n### `{cause}`\n");
            assert_eq!(text.matches(&heading).count(), 1, "{cause}");
        }
        for cause in ProbeCause::OWN {
            assert_eq!(text.matches(&format!("\n### `{cause}`\n")).count(), 1, "{cause}");
            let closed = Cause::ALL.iter().any(|other| other.as_str() == cause.as_str());
            assert!(!closed, "{cause} is of the closed list too");
        }
    }
}
