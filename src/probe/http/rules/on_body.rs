//! What must be true of the body. Pure, and apart from all else that a probe knows, so that it can be judged elsewhere.

use std::borrow::Cow;

use regex::Regex;

use super::super::json::{self, Expression, Heavy};
use super::super::{Settings, json::Limit};
use super::violation;
use crate::endpoint::{Expectation, TextMatch};
use crate::outcome::{Rule, Violation};

/// Bytes of a body that may be judged where it was read. JSON of this size that is all small values takes half a
/// millisecond, an ordinary pattern some 30 µs.
const LIGHT_BYTES: usize = 16 * 1024;

/// Bytes that the patterns may go over there, all together.
const LIGHT_MATCHING: usize = 16 * LIGHT_BYTES;

/// The rules on the body, the module's first.
#[derive(Debug, Clone)]
pub(in crate::probe::http) struct BodyRules<'a> {
    absent: Cow<'a, [Regex]>,
    present: Cow<'a, [Regex]>,
    expected: Cow<'a, [TextMatch]>,
    /// What must not hold, and what must.
    json: [Option<Cow<'a, Expression>>; 2],
}

impl<'a> BodyRules<'a> {
    pub(super) fn of(settings: &'a Settings, expect: &'a Expectation) -> Self {
        Self {
            absent: Cow::Borrowed(&settings.fail_if_body_matches),
            present: Cow::Borrowed(&settings.fail_if_body_not_matches),
            expected: Cow::Borrowed(&expect.body),
            json: [
                &settings.fail_if_body_json_matches,
                &settings.fail_if_body_json_not_matches,
            ]
            .map(|expression| expression.as_ref().map(Cow::Borrowed)),
        }
    }

    /// Whether there are any.
    pub(super) fn exist(&self) -> bool {
        self.patterns() > 0 || self.judge_json()
    }

    fn patterns(&self) -> usize {
        self.absent.len() + self.present.len() + self.expected.len()
    }

    fn judge_json(&self) -> bool {
        self.json.iter().any(Option::is_some)
    }

    /// The same rules, for whoever outlives the probe.
    pub(in crate::probe::http) fn into_owned(self) -> BodyRules<'static> {
        BodyRules {
            absent: Cow::Owned(self.absent.into_owned()),
            present: Cow::Owned(self.present.into_owned()),
            expected: Cow::Owned(self.expected.into_owned()),
            json: self
                .json
                .map(|expression| expression.map(|expression| Cow::Owned(expression.into_owned()))),
        }
    }

    /// Judges a body that costs next to nothing to judge; `None` for any other.
    pub(in crate::probe::http) fn judge_light(&self, body: &[u8]) -> Option<Vec<Violation>> {
        let light = body.len() <= LIGHT_BYTES && body.len().saturating_mul(self.patterns()) <= LIGHT_MATCHING;
        if !light {
            return None;
        }
        self.judge_within(body, Limit::Light).ok()
    }

    /// Judges a body, whatever it costs: some tenths of a second at most for what a module is likely to say.
    pub(in crate::probe::http) fn judge(&self, body: &[u8]) -> Vec<Violation> {
        // Nothing is too heavy for this limit: it makes a broken rule of it.
        self.judge_within(body, Limit::Hard).unwrap_or_default()
    }

    fn judge_within(&self, body: &[u8], limit: Limit) -> Result<Vec<Violation>, Heavy> {
        let text = String::from_utf8_lossy(body);
        let violation = |expected: String, found: bool| {
            let actual = if found { "found" } else { "not found" };
            violation(
                Rule::Body,
                &expected,
                &format!("{actual} in {} bytes", body.len()),
            )
        };
        let found = self.absent.iter().filter(|pattern| pattern.is_match(&text));
        let found = found.map(|pattern| violation(format!("no match of /{pattern}/"), true));
        let missing = self.present.iter().filter(|pattern| !pattern.is_match(&text));
        let missing = missing.map(|pattern| violation(format!("/{pattern}/"), false));
        let expected = self.expected.iter().filter(|expected| !contains(expected, &text));
        let expected = expected.map(|expected| violation(expected.to_string(), false));
        let mut violations: Vec<_> = found.chain(missing).chain(expected).collect();
        if violations.is_empty() && self.judge_json() {
            self.judge_as_json(&text, limit, &mut violations)?;
        }
        Ok(violations)
    }

    /// Both expressions are on the same body, read once.
    fn judge_as_json(&self, text: &str, limit: Limit, violations: &mut Vec<Violation>) -> Result<(), Heavy> {
        let body = json::Body::parse(text);
        for (expression, right) in self.json.iter().zip([false, true]) {
            let Some(expression) = expression else { continue };
            let held = match &body {
                Ok(body) => expression.holds(body, limit)?,
                Err(why) => Err(why.clone()),
            };
            let actual = match held {
                Ok(held) if held == right => continue,
                Ok(held) => held.to_string(),
                Err(why) => why,
            };
            let expected = format!("{right} from {}", expression.text());
            violations.push(violation(Rule::Cel, &expected, &actual));
        }
        Ok(())
    }
}

fn contains(expected: &TextMatch, body: &str) -> bool {
    match expected {
        TextMatch::Exact(text) => body.contains(text.as_str()),
        TextMatch::Regexp(pattern) => Regex::is_match(pattern, body),
    }
}
