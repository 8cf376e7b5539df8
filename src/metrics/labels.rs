//! Label sets: who a series belongs to, and what else tells it from its siblings.

use std::fmt;

use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};

use crate::endpoint::{Endpoint, EndpointName, Group, GroupName, Labels};
use crate::traffic;

/// The longest value that a label takes from the network, in bytes.
pub const MOST_BYTES: usize = 200;

/// Whom a series belongs to.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An endpoint: `name`, `group`, then the user's labels.
    Endpoint(&'a Endpoint),
    /// A group: `group`, then the user's labels.
    Group(&'a Group, &'a Labels),
    /// A series of click traffic, or a group of them: `stream`, and what there is of `series`, `group` and `name`.
    Traffic(&'a traffic::Subject),
    /// linkwatch itself: none.
    Own,
}

/// A label of linkwatch's own.
pub type Extra<'a> = (&'static str, &'a str);

/// The labels of one series, borrowed: a scrape writes them without making any text.
#[derive(Debug, Clone, Copy)]
pub struct SeriesLabels<'a> {
    /// Whom it belongs to.
    pub subject: Subject<'a>,
    /// What tells it from its siblings.
    pub extra: &'a [Extra<'a>],
}

impl SeriesLabels<'_> {
    /// Whether there is no label at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self.subject, Subject::Own) && self.extra.is_empty()
    }
}

impl EncodeLabelSet for SeriesLabels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let user = match self.subject {
            Subject::Endpoint(endpoint) => {
                ("name", endpoint.name.as_str()).encode(encoder.encode_label())?;
                ("group", endpoint.group.name.as_str()).encode(encoder.encode_label())?;
                Some(&endpoint.labels)
            }
            Subject::Group(group, labels) => {
                ("group", group.name.as_str()).encode(encoder.encode_label())?;
                Some(labels)
            }
            Subject::Traffic(subject) => {
                let present = [
                    ("stream", Some(&*subject.stream)),
                    ("series", subject.series.as_deref().map(bounded)),
                    ("group", subject.group.as_ref().map(GroupName::as_str)),
                    ("name", subject.name.as_ref().map(EndpointName::as_str)),
                ];
                for (label, value) in present {
                    if let Some(value) = value {
                        (label, value).encode(encoder.encode_label())?;
                    }
                }
                None
            }
            Subject::Own => None,
        };
        for pair in user.into_iter().flat_map(Labels::iter) {
            pair.encode(encoder.encode_label())?;
        }
        for pair in self.extra {
            pair.encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// The text, cut to `MOST_BYTES` at a character: what comes from the network may be of any length.
#[must_use]
pub fn bounded(text: &str) -> &str {
    if text.len() <= MOST_BYTES {
        return text;
    }
    let end = (0..=MOST_BYTES).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ü".repeat(MOST_BYTES);
        assert_eq!(bounded(&text).len(), MOST_BYTES);
        let odd = format!("x{text}");
        assert_eq!(bounded(&odd).len(), MOST_BYTES - 1);
        assert_eq!(bounded("short"), "short");
    }
}
