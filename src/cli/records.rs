//! CAA records, for people and for programs.

use serde_json::{Value, json};

use crate::outlook::caa::Answer;

/// What one name of the climb says; `None` of one without records, where the climb goes on.
pub(super) fn line((name, answer): &(String, Answer)) -> Option<String> {
    match answer {
        Answer::Records(records) if records.is_empty() => None,
        Answer::Records(records) => {
            let shown = records
                .iter()
                .map(|record| format!("{} \"{}\"", record.tag, record.value));
            Some(format!("{name}: {}", shown.collect::<Vec<_>>().join(", ")))
        }
        Answer::Failed(why) => Some(format!("{name}: {why}; no authority may issue on that")),
    }
}

/// The same as an object.
pub(super) fn object((name, answer): &(String, Answer)) -> Value {
    match answer {
        Answer::Records(records) => json!({
            "name": name,
            "records": records.iter().map(|record| json!({
                "critical": record.critical, "tag": record.tag, "value": record.value,
            })).collect::<Vec<_>>(),
        }),
        Answer::Failed(why) => json!({ "name": name, "failed": why }),
    }
}
