//! Lines of a probe's log: `key=value`, as Prometheus' own programs write them.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use jiff::Timestamp;

use crate::text::{is_hidden, write_escaped};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What happened.
    Info,
    /// What should be looked at.
    Warn,
    /// What did not work.
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line: a plain sentence, and what goes with it.
#[derive(Debug)]
pub(super) struct Line {
    level: Level,
    /// Sentence and fields, as they are written.
    said: String,
}

impl Line {
    pub(super) fn info(msg: &str) -> Self {
        Self::new(Level::Info, msg)
    }

    pub(super) fn error(msg: &str) -> Self {
        Self::new(Level::Error, msg)
    }

    pub(super) fn new(level: Level, msg: &str) -> Self {
        let line = Self {
            level,
            said: String::new(),
        };
        line.with("msg", msg)
    }

    /// With a field.
    pub(super) fn with(mut self, key: &str, value: impl Display) -> Self {
        // Writing to a string cannot fail.
        let _ = write!(self.said, " {key}=");
        let _ = write_value(&mut self.said, &value.to_string());
        self
    }

    /// With a field where there is something to say.
    pub(super) fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// With a time, in seconds.
    pub(super) fn seconds(self, key: &str, took: Duration) -> Self {
        self.with(key, format_args!("{:.6}", took.as_secs_f64()))
    }
}

/// Where lines are written to, and the moment of the next.
pub(super) struct Lines<'w, 'f> {
    pub(super) to: &'w mut fmt::Formatter<'f>,
    pub(super) at: Timestamp,
}

impl Lines<'_, '_> {
    pub(super) fn say(&mut self, line: &Line) -> fmt::Result {
        let Line { level, said } = line;
        let at = self.at;
        writeln!(self.to, "ts={at:.6} level={}{said}", level.as_str())
    }

    /// Lets time go by.
    pub(super) fn pass(&mut self, took: Duration) {
        self.at = self.at.checked_add(took).unwrap_or(self.at);
    }
}

/// A value in quotes where it would not be read as one otherwise; what is hidden is written as an escape.
fn write_value(out: &mut String, value: &str) -> fmt::Result {
    let odd = |character: char| matches!(character, ' ' | '=' | '"' | '\\') || is_hidden(character);
    if !value.is_empty() && !value.contains(odd) {
        return out.write_str(value);
    }
    out.write_char('"')?;
    for character in value.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            hidden if is_hidden(hidden) => write_escaped(out, hidden)?,
            plain => out.write_char(plain)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let mut out = String::new();
        write_value(&mut out, text).unwrap();
        out
    }

    #[test]
    fn a_value_is_quoted_where_it_must_be_and_cannot_begin_a_line_or_a_field_of_its_own() {
        for (text, written) in [
            ("http://a.test/", "http://a.test/"),
            ("zürich.test", "zürich.test"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("x level=error", "\"x level=error\""),
            ("say \"hi\" \\", r#""say \"hi\" \\""#),
            ("a\r\nts=1\tb", r#""a\r\nts=1\tb""#),
            ("\u{1b}[2J\u{202e}", "\"\\u001b[2J\\u202e\""),
        ] {
            assert_eq!(value(text), written);
        }
    }

    #[test]
    fn a_quoted_value_is_read_back_as_it_was() {
        let hostile = "a\"b\\c\n\u{1b}\u{202e}\u{e0041} =";
        let read: String = serde_json::from_str(&value(hostile)).unwrap();
        assert_eq!(read, hostile);
    }
}
