//! The text formats: prometheus-client writes OpenMetrics; this rewrites its lines as they come.
//!
//! Nothing is kept but the comment line that is being written, so that a scrape costs no memory of its own. Samples
//! are the same in both formats; only the lines that describe a family differ (Prometheus exposition formats, text
//! format 0.0.4: a counter's family carries `_total`, there is no `info`, no `# UNIT` and no `# EOF`).

use std::fmt::{self, Write};

/// Which text format comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Text format 0.0.4.
    Classic,
}

/// Whether the lines that describe the family are written, or left out because an earlier piece of it had them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descriptions {
    /// They are written.
    Keep,
    /// They are left out.
    Drop,
}

/// Takes OpenMetrics text in fragments and passes it on in a dialect.
#[derive(Debug)]
pub struct Rewriter<'w, W> {
    out: &'w mut W,
    dialect: Dialect,
    descriptions: Descriptions,
    place: Place,
    /// The comment line so far, without its line break.
    comment: String,
    /// The help line of a family whose type is not known yet, without the words before the name; else empty.
    help: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Comment,
    Sample,
}

impl<'w, W: Write> Rewriter<'w, W> {
    /// Passes on to `out`.
    pub fn new(out: &'w mut W, dialect: Dialect, descriptions: Descriptions) -> Self {
        Self {
            out,
            dialect,
            descriptions,
            place: Place::LineStart,
            comment: String::new(),
            help: String::new(),
        }
    }

    fn comment_ended(&mut self) -> fmt::Result {
        if self.descriptions == Descriptions::Keep {
            if self.dialect == Dialect::OpenMetrics {
                line(self.out, &[&self.comment])?;
            } else if let Some(help) = self.comment.strip_prefix("# HELP ") {
                self.help.clear();
                self.help.push_str(help);
            } else if let Some(family) = self.comment.strip_prefix("# TYPE ") {
                describe(self.out, &self.help, family)?;
                self.help.clear();
            }
        }
        self.comment.clear();
        Ok(())
    }
}

/// The lines that describe a family in 0.0.4. `help` is its name and its text, `family` its name and its type.
fn describe(out: &mut impl Write, help: &str, family: &str) -> fmt::Result {
    let Some((name, kind)) = family.split_once(' ') else {
        return Ok(());
    };
    let (suffix, kind) = classic_type(kind);
    if let Some((_, text)) = help.split_once(' ').filter(|(of, _)| *of == name) {
        line(out, &["# HELP ", name, suffix, " ", text])?;
    }
    line(out, &["# TYPE ", name, suffix, " ", kind])
}

fn line(out: &mut impl Write, parts: &[&str]) -> fmt::Result {
    for part in parts {
        out.write_str(part)?;
    }
    out.write_char('\n')
}

impl<W: Write> Write for Rewriter<'_, W> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while let Some(first) = text.as_bytes().first() {
            if self.place == Place::LineStart {
                self.place = if *first == b'#' {
                    Place::Comment
                } else {
                    Place::Sample
                };
            }
            let line_break = memchr::memchr(b'\n', text.as_bytes());
            let (part, rest) = match line_break {
                Some(at) => (&text[..at], &text[at + 1..]),
                None => (text, ""),
            };
            let comment = self.place == Place::Comment;
            if comment {
                self.comment.push_str(part);
            } else {
                self.out.write_str(part)?;
            }
            if line_break.is_some() {
                self.place = Place::LineStart;
                if comment {
                    self.comment_ended()?;
                } else {
                    self.out.write_char('\n')?;
                }
            }
            text = rest;
        }
        Ok(())
    }
}

/// What the name of a family gains in 0.0.4, and what its type is called there.
fn classic_type(kind: &str) -> (&'static str, &str) {
    match kind {
        "counter" => ("_total", kind),
        "info" => ("_info", "gauge"),
        "unknown" => ("", "untyped"),
        known => ("", known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "# HELP a_seconds Some \\\\ help.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
        a_seconds_total{x=\"# \\\"\\n\"} 1\n# HELP b Facts.\n# TYPE b info\nb_info{y=\"z\"} 1\n\
        # HELP c What.\n# TYPE c unknown\nc 1\n# EOF\n";
    const CLASSIC: &str = "# HELP a_seconds_total Some \\\\ help.\n# TYPE a_seconds_total counter\n\
        a_seconds_total{x=\"# \\\"\\n\"} 1\n# HELP b_info Facts.\n# TYPE b_info gauge\nb_info{y=\"z\"} 1\n\
        # HELP c What.\n# TYPE c untyped\nc 1\n";

    fn rewrite(fragments: &[&str], dialect: Dialect, descriptions: Descriptions) -> String {
        let mut out = String::new();
        let mut rewriter = Rewriter::new(&mut out, dialect, descriptions);
        for fragment in fragments {
            rewriter.write_str(fragment).unwrap();
        }
        out
    }

    #[test]
    fn a_counter_and_an_info_get_the_names_that_the_classic_format_gives_them() {
        assert_eq!(rewrite(&[OPEN], Dialect::Classic, Descriptions::Keep), CLASSIC);
    }

    #[test]
    fn it_does_not_matter_how_the_text_is_cut() {
        for size in 1..20 {
            let fragments: Vec<_> = OPEN
                .as_bytes()
                .chunks(size)
                .map(|part| str::from_utf8(part).unwrap())
                .collect();
            assert_eq!(
                rewrite(&fragments, Dialect::Classic, Descriptions::Keep),
                CLASSIC,
                "{size}"
            );
            assert_eq!(
                rewrite(&fragments, Dialect::OpenMetrics, Descriptions::Keep),
                OPEN
            );
        }
    }

    #[test]
    fn without_descriptions_only_samples_remain() {
        let samples = rewrite(&[OPEN], Dialect::OpenMetrics, Descriptions::Drop);
        assert_eq!(samples.lines().count(), 3);
        assert!(!samples.lines().any(|line| line.starts_with('#')));
    }
}
