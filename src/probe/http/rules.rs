//! What must be true of the judged answer: the module's rules and the endpoint's expectation. Pure.
//!
//! The module's rules have blackbox_exporter's order: headers only when the status is right, the body only when
//! the headers are right too. The endpoint's own follow the same order.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use url::Url;

use super::response::{cut, location, version_name};
use super::{HeaderRule, Settings};
use crate::endpoint::{Expectation, HeaderExpectation, TextMatch};
use crate::outcome::{Rule, Violation};

mod on_body;

pub(super) use on_body::BodyRules;

/// Bytes of the texts of a violation.
const TEXT_LIMIT: usize = 200;

/// What an answer is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The module's.
    pub(super) settings: &'a Settings,
    /// The endpoint's.
    pub(super) expect: &'a Expectation,
}

impl<'a> Rules<'a> {
    /// Whether the body is judged by its contents, with a head that was judged so.
    pub(super) fn judges_body_after(&self, head: &[Violation]) -> bool {
        let wrong = |violation: &Violation| matches!(violation.rule, Rule::Status | Rule::Header);
        self.on_body().exist() && !head.iter().any(wrong)
    }

    /// What the body is judged by.
    pub(super) fn on_body(self) -> BodyRules<'a> {
        BodyRules::of(self.settings, self.expect)
    }

    /// Judges the head of the answer to `url`.
    pub(super) fn judge_head(&self, url: &Url, head: &Parts) -> Vec<Violation> {
        let mut violations = Vec::new();
        violations.extend(self.judge_location(url, head));
        let status = self.judge_status(head.status);
        let status_is_right = status.is_none();
        violations.extend(status);
        violations.extend(self.judge_version(head.version));
        violations.extend(self.judge_tls(url));
        if status_is_right {
            let settings = self.settings;
            let present = settings.fail_if_header_matches.iter();
            violations.extend(present.filter_map(|rule| header_matches(rule, &head.headers)));
            let absent = settings.fail_if_header_not_matches.iter();
            violations.extend(absent.filter_map(|rule| header_matches_not(rule, &head.headers)));
            let expected = self.expect.headers.iter();
            violations.extend(expected.filter_map(|expected| header_is_not(expected, &head.headers)));
        }
        violations
    }

    /// A server that answers with an error does not redirect wrongly: that is a matter of the status.
    fn judge_location(&self, url: &Url, head: &Parts) -> Option<Violation> {
        let expected = self.expect.location.as_ref()?;
        if head.status.as_u16() >= 400 {
            return None;
        }
        let Some(location) = location(&head.headers) else {
            let actual = format!("no redirect: status {}", head.status.as_u16());
            return Some(violation(Rule::Location, &expected.to_string(), &actual));
        };
        let absolute = url.join(&location).ok();
        let right = equals(expected, &location)
            || absolute
                .as_ref()
                .is_some_and(|absolute| leads_to(expected, absolute));
        (!right).then(|| violation(Rule::Location, &expected.to_string(), &location))
    }

    fn judge_status(&self, status: StatusCode) -> Option<Violation> {
        let named = if self.expect.status.is_empty() {
            &self.settings.valid_status_codes
        } else {
            &self.expect.status
        };
        let redirect = self.expect.location.is_some();
        let right = match named.as_slice() {
            [] if redirect => status.is_redirection(),
            [] => status.is_success(),
            named => named.contains(&status.as_u16()),
        };
        if right {
            return None;
        }
        let expected = match named.as_slice() {
            [] if redirect => "3xx".to_owned(),
            [] => "2xx".to_owned(),
            named => list(named),
        };
        Some(violation(Rule::Status, &expected, status.as_str()))
    }

    fn judge_version(&self, version: http::Version) -> Option<Violation> {
        let valid = &self.settings.valid_http_versions;
        let actual = version_name(version);
        let right = valid.is_empty() || valid.iter().any(|valid| valid == actual);
        (!right).then(|| violation(Rule::Version, &valid.join(", "), actual))
    }

    fn judge_tls(&self, url: &Url) -> Option<Violation> {
        let encrypted = url.scheme() == "https";
        let name = |encrypted| if encrypted { "tls" } else { "no tls" };
        let wrong = if encrypted {
            self.settings.fail_if_ssl
        } else {
            self.settings.fail_if_not_ssl
        };
        wrong.then(|| violation(Rule::Tls, name(!encrypted), name(encrypted)))
    }
}

fn header_matches(rule: &HeaderRule, headers: &HeaderMap) -> Option<Violation> {
    let expected = || format!("{}: no match of /{}/", rule.header, rule.pattern);
    match HeaderState::of(rule, headers) {
        HeaderState::Missing if rule.allow_missing => None,
        HeaderState::Missing => Some(violation(Rule::Header, &expected(), "missing")),
        HeaderState::Matches(value) => Some(violation(Rule::Header, &expected(), &value)),
        HeaderState::MatchesNot(_) => None,
    }
}

fn header_matches_not(rule: &HeaderRule, headers: &HeaderMap) -> Option<Violation> {
    let expected = || format!("{}: /{}/", rule.header, rule.pattern);
    match HeaderState::of(rule, headers) {
        HeaderState::Missing if rule.allow_missing => None,
        HeaderState::Missing => Some(violation(Rule::Header, &expected(), "missing")),
        HeaderState::MatchesNot(value) => Some(violation(Rule::Header, &expected(), &value)),
        HeaderState::Matches(_) => None,
    }
}

enum HeaderState<'a> {
    Missing,
    /// One of its values matches: the first that does.
    Matches(Cow<'a, str>),
    /// None does: the first value.
    MatchesNot(Cow<'a, str>),
}

impl<'a> HeaderState<'a> {
    fn of(rule: &HeaderRule, headers: &'a HeaderMap) -> Self {
        let mut values = values(headers, &rule.header).peekable();
        let Some(first) = values.peek().cloned() else {
            return Self::Missing;
        };
        match values.find(|value| rule.pattern.is_match(value)) {
            Some(value) => Self::Matches(shown(&rule.header, value)),
            None => Self::MatchesNot(shown(&rule.header, first)),
        }
    }
}

fn header_is_not(expected: &HeaderExpectation, headers: &HeaderMap) -> Option<Violation> {
    let name = &expected.name;
    let text = || match &expected.value {
        Some(value) => format!("{name}: {value}"),
        None => format!("{name} present"),
    };
    let mut values = values(headers, name).peekable();
    let Some(first) = values.peek().cloned() else {
        return Some(violation(Rule::Header, &text(), "missing"));
    };
    let value = expected.value.as_ref()?;
    let right = values.any(|actual| equals(value, &actual));
    (!right).then(|| violation(Rule::Header, &text(), &shown(name, first)))
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
    headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Values that are secrets are not repeated.
fn shown<'a>(name: &str, value: Cow<'a, str>) -> Cow<'a, str> {
    let secret = [SET_COOKIE, COOKIE, AUTHORIZATION]
        .iter()
        .any(|secret| secret == name);
    if secret {
        Cow::Borrowed("another value")
    } else {
        value
    }
}

fn equals(expected: &TextMatch, actual: &str) -> bool {
    match expected {
        TextMatch::Exact(text) => text == actual,
        TextMatch::Regexp(pattern) => pattern.is_match(actual),
    }
}

/// Whether a URL is the expected one; `https://a.example` is `https://a.example/`.
fn leads_to(expected: &TextMatch, actual: &Url) -> bool {
    let same_url = |text: &str| Url::parse(text).is_ok_and(|expected| expected == *actual);
    equals(expected, actual.as_str()) || matches!(expected, TextMatch::Exact(text) if same_url(text))
}

fn list(statuses: &[u16]) -> String {
    let mut sorted = statuses.to_vec();
    sorted.sort_unstable();
    let texts: Vec<String> = sorted.iter().map(u16::to_string).collect();
    texts.join(", ")
}

fn violation(rule: Rule, expected: &str, actual: &str) -> Violation {
    Violation {
        rule,
        expected: cut(expected, TEXT_LIMIT).to_owned(),
        actual: cut(actual, TEXT_LIMIT).to_owned(),
    }
}
