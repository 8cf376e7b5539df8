//! What must be true of the records of an answer, each as its presentation: blackbox_exporter's rules.

use hickory_proto::op::Message;
use hickory_proto::rr::Record;
use regex::Regex;

use super::presentation;
use crate::outcome::{Rule, Violation};

/// The rules of the three sections.
#[derive(Debug, Default)]
pub struct Sections {
    /// Of the answer.
    pub answer: Records,
    /// Of the authority section.
    pub authority: Records,
    /// Of the additional section.
    pub additional: Records,
}

/// The rules on the records of a section: blackbox_exporter's keys.
#[derive(Debug, Default)]
pub struct Records {
    /// No record may match any of them.
    pub fail_if_matches: Vec<Regex>,
    /// Every record must match every one of them: so it is, whatever the key's name says.
    pub fail_if_all_match: Vec<Regex>,
    /// Every record must match every one of them, and there must be one.
    pub fail_if_not_matches: Vec<Regex>,
    /// Some record must match one of them.
    pub fail_if_none_matches: Vec<Regex>,
}

impl Sections {
    /// The first rule that is broken in each section.
    pub(super) fn broken(&self, message: &Message) -> Vec<Violation> {
        let sections = [
            ("answer", &self.answer, &message.answers),
            ("authority", &self.authority, &message.authorities),
            ("additional", &self.additional, &message.additionals),
        ];
        let broken = sections.into_iter().filter_map(|(section, rules, records)| {
            let (expected, actual) = rules.broken(records)?;
            Some(Violation {
                rule: Rule::Answer,
                expected: format!("{expected} in the {section} section"),
                actual,
            })
        });
        broken.collect()
    }
}

impl Records {
    fn is_empty(&self) -> bool {
        let rules = [
            &self.fail_if_matches,
            &self.fail_if_all_match,
            &self.fail_if_not_matches,
            &self.fail_if_none_matches,
        ];
        rules.into_iter().all(Vec::is_empty)
    }

    /// What should be and what is.
    fn broken(&self, records: &[Record]) -> Option<(String, String)> {
        if self.is_empty() {
            return None;
        }
        let mut wanted = self.fail_if_not_matches.iter().chain(&self.fail_if_none_matches);
        if let Some(pattern) = wanted.next()
            && records.is_empty()
        {
            return Some((
                format!("a record that matches /{pattern}/"),
                "no record".to_owned(),
            ));
        }
        let mut some = self.fail_if_none_matches.is_empty();
        for record in records {
            let text = presentation::record(record);
            if let Some(pattern) = self
                .fail_if_matches
                .iter()
                .find(|pattern| pattern.is_match(&text))
            {
                return Some((format!("no record that matches /{pattern}/"), text));
            }
            let mut each = self.fail_if_not_matches.iter().chain(&self.fail_if_all_match);
            if let Some(pattern) = each.find(|pattern| !pattern.is_match(&text)) {
                return Some((format!("only records that match /{pattern}/"), text));
            }
            some |= self
                .fail_if_none_matches
                .iter()
                .any(|pattern| pattern.is_match(&text));
        }
        if some {
            return None;
        }
        let patterns: Vec<_> = self
            .fail_if_none_matches
            .iter()
            .map(|pattern| format!("/{pattern}/"))
            .collect();
        let actual = records.first().map(presentation::record).unwrap_or_default();
        let actual = match records.len() {
            1 => actual,
            several => format!("none of {several} records does, the first is {actual}"),
        };
        Some((format!("a record that matches {}", patterns.join(" or ")), actual))
    }
}
