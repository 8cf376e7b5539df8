//! The judgement by scenario files: facts in, verdicts out (`tests/scenarios/*.yaml`), and what must hold of any
//! facts whatever.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a scenario file that cannot be read fails its test"
)]

use std::collections::BTreeSet;
use std::path::Path;

use linkwatch::cause::Cause;
use linkwatch::diagnosis::{self, Finding, TargetState, Verdict};
use linkwatch::endpoint::Endpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;

mod facts;
mod properties;
mod sequence;

use facts::Facts;

/// One scenario of `tests/scenarios/verdicts/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// A sentence of behaviour.
    name: String,
    #[serde(default)]
    facts: Facts,
    verdict: Wanted,
}

/// What the verdict must be; what is left out is not looked at, but for the causes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    standing: String,
    symptom: Option<Cause>,
    root: Option<Cause>,
    #[serde(default)]
    others: Vec<Cause>,
    target: Option<String>,
    /// Up and all, as in `1/2`.
    addresses: Option<String>,
    /// Of the root.
    expected: Option<String>,
    /// Of the root.
    actual: Option<String>,
    /// Of the root.
    address: Option<String>,
    /// Of the root.
    remedy: Option<String>,
    summary: Option<String>,
}

#[test]
fn facts_lead_to_the_verdicts_of_the_scenarios() {
    let mut wrong = Vec::new();
    for scenario in load::<Scenario>("verdicts") {
        let verdict = scenario.facts.verdict();
        let endpoint = scenario.facts.endpoint();
        for (what, should, is) in differences(&scenario.verdict, &verdict, &endpoint) {
            wrong.push(format!("{}: {what} should be {should}, is {is}", scenario.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_cause_has_a_scenario_that_names_it() {
    let mut seen: BTreeSet<Cause> = load::<Scenario>("verdicts")
        .iter()
        .flat_map(|scenario| causes(&scenario.facts.verdict()))
        .collect();
    seen.extend(
        load::<sequence::Sequence>("sequences")
            .iter()
            .flat_map(sequence::Sequence::causes),
    );
    let missing: Vec<&Cause> = Cause::ALL.iter().filter(|cause| !seen.contains(cause)).collect();
    assert!(missing.is_empty(), "no scenario leads to {missing:?}");
}

#[test]
fn sequences_of_probes_lead_to_what_the_scenarios_say() {
    for sequence in load::<sequence::Sequence>("sequences") {
        sequence.check();
    }
}

fn causes(verdict: &Verdict) -> Vec<Cause> {
    verdict.findings().map(|finding| finding.cause).collect()
}

/// What is not as it should be: what, as it should be, as it is.
fn differences(
    should: &Wanted,
    verdict: &Verdict,
    endpoint: &Endpoint,
) -> Vec<(&'static str, String, String)> {
    let cause = |finding: &Option<Finding>| finding.as_ref().map(|finding| finding.cause);
    let others: Vec<Cause> = verdict.others.iter().map(|finding| finding.cause).collect();
    let is = format!(
        "{:?}, symptom {:?}, root {:?}, others {others:?}",
        verdict.standing,
        cause(&verdict.symptom),
        cause(&verdict.root)
    );
    let causes = format!(
        "{}, symptom {:?}, root {:?}, others {:?}",
        should.standing, should.symptom, should.root, should.others
    );
    let target = verdict.target.map_or("none", TargetState::as_str).to_owned();
    let addresses = format!("{}/{}", verdict.addresses_up, verdict.addresses);
    let mut checks = vec![
        ("verdict", Some(causes), is.to_lowercase()),
        ("target", should.target.clone(), target),
        ("addresses", should.addresses.clone(), addresses),
        ("summary", should.summary.clone(), diagnosis::summary(verdict)),
    ];
    if let Some(root) = &verdict.root {
        let address = root
            .address
            .map_or_else(|| "none".to_owned(), |address| address.to_string());
        checks.extend([
            ("expected text", should.expected.clone(), root.expected.clone()),
            ("actual text", should.actual.clone(), root.actual.clone()),
            ("address", should.address.clone(), address),
            ("remedy", should.remedy.clone(), diagnosis::remedy(root, endpoint)),
        ]);
    }
    checks
        .into_iter()
        .filter_map(|(what, should, is)| should.map(|should| (what, should, is)))
        .filter(|(what, should, is)| match *what {
            "verdict" => should.to_lowercase() != *is,
            _ => should != is,
        })
        .collect()
}

/// Every scenario of a folder's files, in order of file name.
pub(crate) fn load<T: DeserializeOwned>(folder: &str) -> Vec<T> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scenarios")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scenarios in {}", folder.display());
    files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            serde_saphyr::from_str::<Vec<T>>(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}
