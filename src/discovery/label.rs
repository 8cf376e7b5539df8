//! Which names a user's label may have.

/// Names that linkwatch or Prometheus needs for itself.
const RESERVED: [&str; 38] = [
    "name",
    "group",
    "job",
    "instance",
    "namespace",
    "pod",
    "container",
    "service",
    "endpoint",
    "cause",
    "stage",
    "role",
    "position",
    "phase",
    "state",
    "stream",
    "series",
    "tier",
    "host",
    "url",
    "module",
    "platform",
    "expected",
    "actual",
    "issuer",
    "subject",
    "serial",
    "fingerprint_sha256",
    "status",
    "source",
    "authority",
    "domain",
    "node",
    "le",
    "quantile",
    "severity",
    "alertname",
    "__name__",
];

/// Beginnings that are reserved whatever follows.
const RESERVED_PREFIXES: [&str; 2] = ["exported_", "__"];

/// Why a label cannot have its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Not what Prometheus takes for a label name.
    #[error(
        "a label name begins with a letter or an underscore and goes on with letters, digits and underscores"
    )]
    Grammar,
    /// One of linkwatch's or Prometheus' own.
    #[error("the name is reserved")]
    Reserved,
}

/// Whether Prometheus takes a text for a label name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let begins_well = characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins_well && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Checks a name against Prometheus' grammar and the reserved names.
pub fn check(name: &str) -> Result<(), LabelError> {
    if !is_name(name) {
        return Err(LabelError::Grammar);
    }
    if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(LabelError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_against_the_grammar_and_the_reserved_names() {
        for good in ["team", "_x", "Team2", "names"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "1st", "a-b", "ä", "a b", "a:b"] {
            assert_eq!(check(bad), Err(LabelError::Grammar), "{bad}");
        }
        for reserved in ["job", "cause", "exported_team", "__meta", "le"] {
            assert_eq!(check(reserved), Err(LabelError::Reserved), "{reserved}");
        }
    }
}
