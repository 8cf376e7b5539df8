//! Regular expressions as blackbox_exporter's users write them: Go's RE2 syntax, where it differs from ours.
//!
//! Go takes a brace that is no repetition for itself (`{"status":"ok"}` is a valid pattern), knows no set
//! operations in classes, and escapes `<` and `>` to themselves.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// Compiles a pattern in Go's syntax; the error is one line.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translate(pattern)).map_err(|error| match error {
        regex::Error::Syntax(text) => text
            .lines()
            .last()
            .map(|line| line.trim_start_matches("error: ").to_owned())
            .unwrap_or_default(),
        regex::Error::CompiledTooBig(limit) => format!("larger than {limit} bytes once compiled"),
        other => other.to_string().replace('\n', " "),
    })
}

/// The same pattern, for bytes that need not be text.
pub(super) fn of_bytes(pattern: &Regex) -> Result<regex::bytes::Regex, String> {
    regex::bytes::Regex::new(pattern.as_str()).map_err(|error| error.to_string().replace('\n', " "))
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(character) = rest.next() {
        match character {
            '\\' => escape(&mut rest, &mut out),
            '[' if !in_class => {
                in_class = true;
                open_class(&mut rest, &mut out);
            }
            '[' if rest.peek() == Some(&':') => named_class(&mut rest, &mut out),
            '[' => out.push_str(r"\["),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', character]),
            '-' if in_class && rest.peek() == Some(&'-') => out.push_str(r"\-"),
            '{' if !in_class && !is_repetition(&rest) => out.push_str(r"\{"),
            _ => out.push(character),
        }
    }
    out
}

/// What follows a backslash: one character, or a class or code in braces.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    match rest.next() {
        Some(character @ ('<' | '>')) => out.push(character),
        Some('Q') => {
            let quoted: String = rest.collect();
            let (literal, after) = quoted.split_once(r"\E").unwrap_or((&quoted, ""));
            out.push_str(&regex::escape(literal));
            out.push_str(&translate(after));
        }
        Some(kind @ ('p' | 'P' | 'x')) if rest.peek() == Some(&'{') => {
            out.extend(['\\', kind]);
            for character in rest.by_ref() {
                out.push(character);
                if character == '}' {
                    break;
                }
            }
        }
        Some(character) => out.extend(['\\', character]),
        None => out.push('\\'),
    }
}

/// The start of a class: a bracket that comes first stands for itself.
fn open_class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str(r"\]");
    }
}

/// `[:alpha:]` inside a class, as it is.
fn named_class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    for character in rest.by_ref() {
        out.push(character);
        if character == ']' {
            break;
        }
    }
}

/// Whether `{` begins `{2}`, `{2,}` or `{2,3}`.
fn is_repetition(rest: &Peekable<Chars<'_>>) -> bool {
    let mut commas = 0;
    for (index, character) in rest.clone().enumerate() {
        match character {
            '0'..='9' => {}
            ',' if index > 0 && commas == 0 => commas += 1,
            '}' => return index > 0,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_go_mean_what_they_mean_in_go() {
        for (pattern, text) in [
            (r#"{"status":"ok"}"#, r#"{"status":"ok"}"#),
            (r"a{2,3}", "aa"),
            (r"x{,3}", "x{,3}"),
            (r"\<b\>", "<b>"),
            (r"[[]", "["),
            (r"[]a]+", "]a"),
            (r"[^]]", "a"),
            (r"[a&&b]", "&"),
            (r"[[:digit:]]{2}", "42"),
            (r"\p{Greek}", "α"),
            (r"\Qa.b{\E+", "a.b{{"),
            (r"(\*|example\.com)", "*"),
        ] {
            let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(text), "{pattern} does not match {text}");
        }
    }

    #[test]
    fn a_bad_pattern_is_told_in_one_line() {
        assert_eq!(compile(":[").unwrap_err(), "unclosed character class");
        assert_eq!(compile("(a").unwrap_err(), "unclosed group");
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in "\\PC{0,40}") {
            let _ = compile(&pattern);
        }
    }
}
