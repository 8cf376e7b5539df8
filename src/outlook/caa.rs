//! Whether CAA records permit an authority to issue (RFC 8659).

use serde::{Deserialize, Serialize};

use crate::text::bounded;

/// One CAA record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Property {
    /// An authority that does not know the tag must not issue.
    #[serde(default)]
    pub critical: bool,
    /// What the record is about, as `issue`.
    pub tag: String,
    /// For `issue` and `issuewild` the authority's domain, and parameters.
    #[serde(default)]
    pub value: String,
}

/// What DNS says of one name of the climb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These records; none where the name has none, or does not exist.
    Records(Vec<Property>),
    /// No answer that counts: an authority must not issue on it either.
    Failed(String),
}

/// What comes of the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caa {
    /// The authority may issue.
    Permits,
    /// It may not, for this reason.
    Forbids(String),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// Tags that an authority knows: those registered with IANA.
const KNOWN: [&str; 7] = [
    "issue",
    "issuewild",
    "iodef",
    "contactemail",
    "contactphone",
    "issuevmc",
    "issuemail",
];

/// The names whose records count, the closest first: the name itself and all above it but the root (section 3).
pub fn climb(host: &str) -> impl Iterator<Item = &str> {
    let host = host.trim_end_matches('.');
    let bare = host.strip_prefix("*.").unwrap_or(host);
    let starts = bare.match_indices('.').map(|(at, _)| at + 1);
    std::iter::once(0).chain(starts).map(|at| &bare[at..])
}

/// Judges the answers of a climb, the closest first, up to the first that has records or has failed. `identifiers` are
/// the domains by which the authority knows itself.
#[must_use]
pub fn judge(answers: &[(String, Answer)], host: &str, identifiers: &[String]) -> Caa {
    for (name, answer) in answers {
        match answer {
            Answer::Failed(why) => {
                let text = format!("no CAA answer for {name}: {why}; no authority may issue on that");
                return Caa::Unknown(bounded(&text));
            }
            Answer::Records(records) if records.is_empty() => {}
            Answer::Records(records) => return of_set(records, name, host.starts_with("*."), identifiers),
        }
    }
    Caa::Permits
}

fn of_set(records: &[Property], name: &str, wildcard: bool, identifiers: &[String]) -> Caa {
    let is = |record: &Property, tag: &str| record.tag.eq_ignore_ascii_case(tag);
    let unknown = |record: &&Property| record.critical && !KNOWN.iter().any(|tag| is(record, tag));
    if let Some(record) = records.iter().find(unknown) {
        let text = format!(
            "CAA of {name}: critical tag {}, which no authority knows",
            record.tag
        );
        return Caa::Forbids(bounded(&text));
    }
    let wild = wildcard && records.iter().any(|record| is(record, "issuewild"));
    let tag = if wild { "issuewild" } else { "issue" };
    let mut relevant = records.iter().filter(|record| is(record, tag)).peekable();
    if relevant.peek().is_none() {
        return Caa::Permits;
    }
    let mut permitted: Vec<&str> = relevant.map(|record| issuer(&record.value)).collect();
    let own = |issuer: &&str| identifiers.iter().any(|own| own.eq_ignore_ascii_case(issuer));
    if permitted.iter().any(own) {
        return Caa::Permits;
    }
    permitted.retain(|issuer| !issuer.is_empty());
    permitted.sort_unstable();
    let only = if permitted.is_empty() {
        "nobody".to_owned()
    } else {
        permitted.join(", ")
    };
    Caa::Forbids(bounded(&format!("CAA of {name} permits {only}")))
}

/// The authority's domain: what stands before the parameters (section 4.2). Account and validation method (RFC 8657)
/// narrow it further, which only the authority can judge.
fn issuer(value: &str) -> &str {
    let domain = value.split(';').next().unwrap_or_default();
    domain.trim().trim_end_matches('.')
}
