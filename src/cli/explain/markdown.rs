//! Markdown as a terminal shows it: headings stand out, paragraphs are wrapped to its width, lists hang, code is kept as
//! it is, links are their texts, and a table that is too wide is a list of its rows.

use anstyle::Style;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::super::terminal::{BOLD, DIM, PLAIN, Sheet, Span, padded, styled, width};

/// Columns that code stands in.
const CODE: usize = 4;

/// Columns between two columns of a table.
const BETWEEN: usize = 2;

/// Writes a text.
pub(super) fn write(sheet: &mut Sheet, text: &str) {
    let mut page = Page {
        sheet,
        indent: 0,
        lists: Vec::new(),
        marker: None,
        spans: Vec::new(),
        strong: false,
        in_code: false,
        table: Table::default(),
    };
    for event in parser(text) {
        page.take(event);
    }
}

/// The first paragraph below a heading, in plain words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is neither a heading nor a paragraph says nothing here"
)]
pub(super) fn paragraph_below(text: &str, heading: &str) -> String {
    let mut found = String::new();
    let (mut title, mut below) = (String::new(), false);
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => title.clear(),
            Event::End(TagEnd::Heading(_)) => below = title == heading,
            Event::End(TagEnd::Paragraph) if below => return found,
            Event::Text(text) | Event::Code(text) => {
                title.push_str(&text);
                if below {
                    found.push_str(&text);
                }
            }
            Event::SoftBreak | Event::HardBreak if below => found.push(' '),
            _ => {}
        }
    }
    found
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// What is being written.
struct Page<'s> {
    sheet: &'s mut Sheet,
    /// Where text begins: behind the marks of the lists that it stands in.
    indent: usize,
    /// The lists that the text stands in; those that count, with the next number.
    lists: Vec<List>,
    /// The mark of an item that has no text yet.
    marker: Option<String>,
    /// The paragraph so far.
    spans: Vec<Span<'static>>,
    strong: bool,
    in_code: bool,
    table: Table,
}

/// A list, with what it counts, and where the text around it begins.
struct List {
    next: Option<u64>,
    items: usize,
    outer: usize,
}

/// A table so far, its head first.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    in_cell: bool,
}

impl Page<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_code => self.code(&text),
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) | Event::Html(text) => {
                self.text(&text);
            }
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.flush(),
            Event::Rule => self.sheet.gap(),
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's words for what no runbook holds"
    )]
    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.sheet.gap();
                self.strong = true;
            }
            Tag::Paragraph => {
                // Items with paragraphs stand apart; the first does anyway.
                if self.marker.is_some() && self.lists.last().is_some_and(|list| list.items > 1) {
                    self.sheet.gap();
                }
                self.begin_block();
            }
            Tag::Strong => self.strong = true,
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.begin_block();
                self.in_code = true;
            }
            Tag::List(first) => {
                // One that stands in an item ends the line before it.
                self.flush();
                if self.lists.is_empty() {
                    self.sheet.gap();
                }
                self.lists.push(List {
                    next: *first,
                    items: 0,
                    outer: self.indent,
                });
            }
            Tag::Item => self.item(),
            Tag::Table(_) => {
                self.begin_block();
                self.table.rows.clear();
            }
            Tag::TableHead | Tag::TableRow => self.table.rows.push(Vec::new()),
            Tag::TableCell => {
                self.table.in_cell = true;
                if let Some(row) = self.table.rows.last_mut() {
                    row.push(String::new());
                }
            }
            _ => {}
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's words for what no runbook holds"
    )]
    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.flush();
                self.strong = false;
                self.sheet.gap();
            }
            TagEnd::Strong => self.strong = false,
            TagEnd::Paragraph | TagEnd::Item => self.flush(),
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.sheet.gap();
            }
            TagEnd::List(_) => {
                if let Some(list) = self.lists.pop() {
                    self.indent = list.outer;
                }
            }
            TagEnd::TableCell => self.table.in_cell = false,
            TagEnd::Table => self.tabulate(),
            _ => {}
        }
    }

    /// A block begins after an empty line, but for the first of an item.
    fn begin_block(&mut self) {
        self.flush();
        if self.marker.is_none() {
            self.sheet.gap();
        }
    }

    fn item(&mut self) {
        self.flush();
        let Some(list) = self.lists.last_mut() else { return };
        list.items += 1;
        let marker = match &mut list.next {
            None => "- ".to_owned(),
            Some(number) => {
                let marker = format!("{number}. ");
                *number += 1;
                marker
            }
        };
        self.indent = list.outer + marker.len();
        self.marker = Some(marker);
    }

    fn text(&mut self, text: &str) {
        if self.table.in_cell {
            let cell = self.table.rows.last_mut().and_then(|row| row.last_mut());
            return cell.map_or((), |cell| cell.push_str(text));
        }
        let style = if self.strong { BOLD } else { PLAIN };
        // What has one style is one piece: a mark of punctuation does not begin a line.
        match self.spans.last_mut() {
            Some(Span(last, before)) if *last == style => before.to_mut().push_str(text),
            Some(_) | None => self.spans.push(styled(style, text.to_owned())),
        }
    }

    fn code(&mut self, text: &str) {
        for line in text.lines() {
            let column = self.indent + CODE;
            self.sheet.verbatim(DIM, &format!("{:column$}{line}", ""));
        }
    }

    /// Writes the paragraph so far.
    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let marker = self.marker.take().unwrap_or_default();
        let lead = format!("{marker:>column$}", column = self.indent);
        let mut spans = vec![Span::from(lead)];
        spans.append(&mut self.spans);
        self.sheet.hanging(self.indent, &spans);
    }

    /// Writes the table: in columns where they fit, else row by row, each cell below the next with what its head says.
    fn tabulate(&mut self) {
        let rows = std::mem::take(&mut self.table.rows);
        let Some((head, body)) = rows.split_first() else {
            return;
        };
        let widest = |place: usize| {
            let cells = rows.iter().filter_map(|row| row.get(place));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(widest).collect();
        let total = widths.iter().map(|width| width + BETWEEN).sum::<usize>() + self.indent;
        if total <= self.sheet.columns() + BETWEEN {
            for (place, row) in rows.iter().enumerate() {
                self.line(row, &widths, if place == 0 { DIM } else { PLAIN });
            }
        } else {
            for row in body {
                self.record(head, row);
            }
        }
        self.sheet.gap();
    }

    fn line(&mut self, row: &[String], widths: &[usize], style: Style) {
        let cells = row.iter().zip(widths);
        let padded: Vec<String> = cells.map(|(cell, width)| padded(cell, width + BETWEEN)).collect();
        let lead = " ".repeat(self.indent);
        self.sheet
            .hanging(self.indent, &[Span::from(lead), styled(style, padded.concat())]);
    }

    fn record(&mut self, head: &[String], row: &[String]) {
        let label = head.iter().skip(1).map(|name| width(name)).max().unwrap_or(0) + BETWEEN;
        for (place, (name, cell)) in head.iter().zip(row).enumerate() {
            if place == 0 {
                self.line(std::slice::from_ref(cell), &[0], BOLD);
            } else {
                let column = self.indent + BETWEEN;
                let name = format!("{:column$}{name}", "");
                self.sheet
                    .row((DIM, &name), column + label, &[cell.as_str().into()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: usize, text: &str) -> String {
        let mut sheet = Sheet::new(columns);
        write(&mut sheet, text);
        let bare = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        bare.replace_all(&sheet.into_text(), "").into_owned()
    }

    #[test]
    fn a_paragraph_is_wrapped_anew_whatever_its_own_line_ends() {
        let text = "one two\nthree [four](https://a/b) `five`, **six**\nseven";
        assert_eq!(shown(80, text), "one two three four five, six seven\n");
        assert_eq!(shown(20, text), "one two three four\nfive, six seven\n");
        assert_eq!(shown(20, "a[0] is kept"), "a[0] is kept\n");
    }

    #[test]
    fn lists_hang_and_code_in_them_is_kept_as_it_is() {
        let text = "1. one two\n   three\n\n   ```sh\n   a \\\n     b --with a long line\n   ```\n\n2. four\n\n- five six\n  seven\n- eight\n  - nine\n";
        assert_eq!(
            shown(14, text),
            "1. one two\n   three\n\n       a \\\n         b --with a long line\n\n2. four\n\n- five six\n  seven\n- eight\n  - nine\n"
        );
        assert_eq!(shown(14, "1. one\n\n2. two\n"), "1. one\n\n2. two\n");
    }

    #[test]
    fn a_table_stands_in_columns_where_it_fits_and_else_row_by_row() {
        let text = "| a | meaning |\n|---|---|\n| `x` | one two |\n| `yy` | three |\n";
        assert_eq!(shown(20, text), "a   meaning\nx   one two\nyy  three\n\n");
        assert_eq!(
            shown(20, &text.replace("three", "three four five six")),
            "x\n  meaning  one two\nyy\n  meaning  three\n           four five\n           six\n\n"
        );
    }

    #[test]
    fn the_first_paragraph_below_a_heading_is_plain_words() {
        let text = "# A\n\nno\n\n## Meaning\n\nIt `is`\nso. Yes.\n\nno\n";
        assert_eq!(paragraph_below(text, "Meaning"), "It is so. Yes.");
        assert_eq!(paragraph_below(text, "Impact"), "");
    }
}
