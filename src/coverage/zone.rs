//! The hosts of a zone: owners of records that a link can lead to.

use std::collections::BTreeSet;

use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::txt::Parser;

use super::host;
use super::source::CoverageError;

/// Records that a browser follows.
pub(super) const fn leads_somewhere(kind: RecordType) -> bool {
    matches!(
        kind,
        RecordType::A | RecordType::AAAA | RecordType::CNAME | RecordType::ANAME | RecordType::HTTPS
    )
}

/// The hosts of a master file.
pub(super) fn hosts(text: &str, origin: &str, place: &str) -> Result<BTreeSet<String>, CoverageError> {
    let wrong = |error: String| CoverageError::Format {
        place: place.to_owned(),
        error,
    };
    // What it names would be read from wherever it says.
    let includes = |line: &str| line.trim_start().to_ascii_uppercase().starts_with("$INCLUDE");
    if let Some(line) = text.lines().position(includes) {
        return Err(wrong(format!(
            "line {}: $INCLUDE is not followed; give the whole zone",
            line + 1
        )));
    }
    let origin = Name::from_ascii(origin).map_err(|error| wrong(format!("its origin: {error}")))?;
    let (_, records) = Parser::new(text, None, Some(origin))
        .parse()
        .map_err(|error| wrong(error.to_string()))?;
    let owners = records.keys().filter(|key| leads_somewhere(key.record_type));
    Ok(owners.filter_map(|key| host(&key.name().to_string())).collect())
}
