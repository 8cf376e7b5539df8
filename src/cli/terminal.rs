//! Paper for people: styles, lines that wrap, columns that align, bars to scale.
//!
//! Every text goes through [`visible`] here, whatever its origin: nothing that a server sends can steer a terminal.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::text::visible;

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();

/// Columns where the output is not a terminal: wide enough for a table, narrow enough for a ticket.
const PIPED: usize = 100;

/// Columns that are used of a terminal.
const USED: std::ops::RangeInclusive<usize> = 60..=120;

/// What takes away the rest of a line.
const ERASE: &str = "\u{1b}[K";

/// Lines that count as a screenful where the output is not a terminal.
const PIPED_LINES: usize = 50;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes everything that is printed follow the choice.
    pub(super) fn choose(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Columns and lines of the terminal that standard output is.
fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some((width.0.into(), height.0.into()))
}

/// What is said of the columns of a terminal that does not know them itself.
fn said() -> Option<usize> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .filter(|_| std::io::stdout().is_terminal())?;
    columns.parse().ok()
}

/// Columns to fill.
pub(super) fn columns() -> usize {
    let known = size().map(|(width, _)| width).or_else(said);
    known.map_or(PIPED, |width| width.clamp(*USED.start(), *USED.end()))
}

/// Lines that a reader sees at once.
pub(super) fn lines() -> usize {
    size().map_or(PIPED_LINES, |(_, height)| height.max(10))
}

/// Where a line can be drawn over: standard output or standard error, while it is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl Live {
    /// The stream, if lines on it can be drawn over.
    pub(super) fn on(self) -> Option<Self> {
        let terminal = match self {
            Self::Output => std::io::stdout().is_terminal(),
            Self::Error => std::io::stderr().is_terminal(),
        };
        let obeys = std::env::var_os("TERM").is_none_or(|kind| kind != "dumb");
        (terminal && obeys).then_some(self)
    }

    /// Columns that a line may take without wrapping, the `^C` that a terminal echoes behind it included: one that wraps
    /// cannot be drawn over.
    pub(super) fn room(self) -> usize {
        let size = match self {
            Self::Output => terminal_size::terminal_size_of(std::io::stdout()),
            Self::Error => terminal_size::terminal_size_of(std::io::stderr()),
        };
        size.map_or(PIPED, |(width, _)| usize::from(width.0))
            .saturating_sub(3)
    }

    /// Draws a text over the line, as much of it as there is room for.
    pub(super) fn draw(self, text: &str) {
        let shown = fitting(text, self.room());
        self.write(&if self.is_coloured() {
            format!("\r{DIM}{shown}{DIM:#}{ERASE}")
        } else {
            format!("\r{shown}{ERASE}")
        });
    }

    /// Takes the line away.
    pub(super) fn erase(self) {
        self.write(&format!("\r{ERASE}"));
    }

    fn is_coloured(self) -> bool {
        let choice = match self {
            Self::Output => anstream::AutoStream::choice(&std::io::stdout()),
            Self::Error => anstream::AutoStream::choice(&std::io::stderr()),
        };
        choice != anstream::ColorChoice::Never
    }

    /// Not by way of `anstream`: without colour it would take the codes that erase for colours.
    fn write(self, text: &str) {
        // A terminal that has gone needs no line.
        let _ = match self {
            Self::Output => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            Self::Error => std::io::stderr().lock().write_all(text.as_bytes()),
        };
    }
}

/// As much of a text as fits into so many columns.
fn fitting(text: &str, columns: usize) -> String {
    let mut left = columns;
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let room = left.checked_sub(width);
        left = room.unwrap_or(0);
        room.is_some()
    };
    visible(text).chars().take_while(fits).collect()
}

/// A piece of a line in one style.
#[derive(Debug, Clone)]
pub(super) struct Span<'a>(pub(super) Style, pub(super) Cow<'a, str>);

impl<'a, T: Into<Cow<'a, str>>> From<T> for Span<'a> {
    fn from(text: T) -> Self {
        Span(PLAIN, text.into())
    }
}

/// A piece in a style.
pub(super) fn styled<'a>(style: Style, text: impl Into<Cow<'a, str>>) -> Span<'a> {
    Span(style, text.into())
}

/// What is being written.
#[derive(Debug)]
pub(super) struct Sheet {
    columns: usize,
    text: String,
}

impl Sheet {
    pub(super) const fn new(columns: usize) -> Self {
        Self {
            columns,
            text: String::new(),
        }
    }

    /// Columns to fill.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// An empty line, unless there is one already, or nothing above it.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line whose further lines, should it be too long, begin below its text.
    pub(super) fn line(&mut self, spans: &[Span<'_>]) {
        self.hanging(0, spans);
    }

    /// A label, and what it is about in a column of its own.
    pub(super) fn row(&mut self, label: (Style, &str), width: usize, spans: &[Span<'_>]) {
        let (style, label) = label;
        let padding = " ".repeat(width.saturating_sub(label.width()));
        let mut all = vec![styled(style, label), Span::from(padding)];
        all.extend_from_slice(spans);
        self.hanging(width, &all);
    }

    /// A text that begins at a column, on every line that it takes. Words are kept together as far as they fit.
    pub(super) fn hanging(&mut self, indent: usize, spans: &[Span<'_>]) {
        let mut line = Line::new(self.columns, indent);
        for Span(style, text) in spans {
            let shown = visible(text);
            for word in shown.split_inclusive(' ') {
                line.word(&mut self.text, *style, word);
            }
        }
        self.text.push('\n');
    }

    /// A line that is not wrapped, whatever its length: what it holds is copied as it is.
    pub(super) fn verbatim(&mut self, style: Style, text: &str) {
        let shown = visible(text);
        self.text.push_str(&style.render().to_string());
        self.text.push_str(shown.trim_end());
        self.text.push_str(&style.render_reset().to_string());
        self.text.push('\n');
    }

    /// The text with the codes of its styles.
    #[cfg(test)]
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Prints it: coloured where that was chosen.
    pub(super) fn print(self) {
        anstream::print!("{}", self.text);
    }
}

/// A line under way.
#[derive(Debug)]
struct Line {
    columns: usize,
    indent: usize,
    at: usize,
    /// White space that is written only if a word follows on the line.
    pending: usize,
}

impl Line {
    const fn new(columns: usize, indent: usize) -> Self {
        Self {
            columns,
            indent,
            at: 0,
            pending: 0,
        }
    }

    /// A word with the spaces behind it.
    fn word(&mut self, out: &mut String, style: Style, word: &str) {
        let bare = word.trim_end_matches(' ');
        let spaces = word.len() - bare.len();
        if !bare.is_empty() {
            let needed = self.at + self.pending + bare.width();
            if needed > self.columns && self.at > self.indent {
                out.push('\n');
                self.at = 0;
                self.pending = self.indent;
            }
            out.extend(std::iter::repeat_n(' ', self.pending));
            self.at += self.pending;
            self.pending = 0;
            self.piece(out, style, bare);
        }
        self.pending += spaces;
    }

    /// What stands together; what is longer than a line goes on in the next.
    fn piece(&mut self, out: &mut String, style: Style, bare: &str) {
        out.push_str(&style.render().to_string());
        for character in bare.chars() {
            let width = character.width().unwrap_or(0);
            if self.at + width > self.columns && self.at > self.indent {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', self.indent));
                self.at = self.indent;
            }
            out.push(character);
            self.at += width;
        }
        out.push_str(&style.render_reset().to_string());
    }
}

/// The text, padded to so many columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let shown = visible(text);
    let spaces = columns.saturating_sub(shown.width());
    format!("{shown}{}", " ".repeat(spaces))
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    visible(text).width()
}

/// A bar of so many cells, filled to a share of 0 to 1.
pub(super) fn bar(share: f64, cells: usize) -> String {
    let filled = scaled(share, cells);
    format!("{}{}", "█".repeat(filled), "░".repeat(cells - filled))
}

/// A share of 0 to 1 in cells.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and the cells of a line"
)]
pub(super) fn scaled(share: f64, cells: usize) -> usize {
    ((share.clamp(0.0, 1.0) * cells as f64).round() as usize).min(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(columns: usize, spans: &[Span<'_>]) -> String {
        let mut sheet = Sheet::new(columns);
        sheet.row((PLAIN, "label"), 8, spans);
        sheet.into_text()
    }

    #[test]
    fn a_long_text_wraps_below_itself_and_loses_nothing() {
        let text = sheet(20, &["one two three four five".into()]);
        assert_eq!(text, "label   one two\n        three four\n        five\n");
        let text = sheet(20, &["a.very.long.name.example.test".into()]);
        assert_eq!(
            text,
            "label   a.very.long.\n        name.example\n        .test\n"
        );
    }

    #[test]
    fn a_text_of_the_network_cannot_steer_the_terminal() {
        let text = sheet(60, &["\u{1b}[2Jgone \u{202e}txt\r\n".into()]);
        assert_eq!(text, "label   \\u{1b}[2Jgone \\u{202e}txt\\r\\n\n");
    }

    #[test]
    fn a_padded_text_has_its_width_whatever_stands_in_it() {
        for text in ["", "short", "東京東京", "\u{1b}"] {
            assert_eq!(padded(text, 9).width(), 9, "{text:?}");
        }
    }

    #[test]
    fn a_live_line_is_never_wider_than_its_room() {
        assert_eq!(fitting("12 of 40 checked", 8), "12 of 40");
        assert_eq!(fitting("東京東京", 5), "東京");
        assert_eq!(fitting("short", 60), "short");
        assert_eq!(fitting("short", 0), "");
    }

    #[test]
    fn a_bar_is_as_full_as_its_share() {
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(-1.0, 2), "░░");
        assert_eq!(bar(7.0, 2), "██");
    }
}
