//! Log lines on standard error, in the two formats that Prometheus' own programs write.

use std::fmt;
use std::io::{self, Write};

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use crate::text;

/// The least severe level that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Everything.
    Debug,
    /// What an operator may want to know.
    Info,
    /// What an operator should look at.
    Warn,
    /// What does not work.
    Error,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// The target of the lines about single probes on demand, which have a level of their own.
pub const PROBES: &str = "linkwatch::on_demand";

impl Level {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
        }
    }
}

/// Makes the lines go to standard error, those about single probes on demand from a level of their own on (`None`: not at
/// all); a second call in one process changes nothing.
pub fn install(level: Level, probes: Option<Level>, format: Format) {
    let filter = level.filter();
    // Libraries log per packet at debug: only our own lines are wanted, theirs from warnings on.
    let targets = tracing_subscriber::filter::Targets::new()
        .with_default(filter.min(LevelFilter::WARN))
        .with_target("linkwatch", filter)
        .with_target(PROBES, probes.map_or(LevelFilter::OFF, Level::filter));
    let subscriber: Box<dyn Subscriber + Send + Sync> = match format {
        Format::Logfmt => {
            let layer = tracing_logfmt::builder().layer().with_writer(move || Visible {
                out: io::stderr(),
                format,
            });
            Box::new(Registry::default().with(layer.with_filter(targets)))
        }
        Format::Json => Box::new(
            Registry::default().with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(move || Visible {
                        out: io::stderr(),
                        format,
                    })
                    .with_filter(targets),
            ),
        ),
    };
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// Writes lines in which nothing is hidden: what the network says ends up in them, and they end up on terminals.
#[derive(Debug)]
struct Visible<W> {
    out: W,
    format: Format,
}

impl<W: Write> Write for Visible<W> {
    /// Takes a whole line, as the layers write them.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let said = String::from_utf8_lossy(line);
        let body = said.strip_suffix('\n').unwrap_or(&said);
        match self.format {
            Format::Logfmt => self.out.write_all(text::visible(body).as_bytes())?,
            Format::Json => self.out.write_all(json_visible(body).as_bytes())?,
        }
        if body.len() < said.len() {
            self.out.write_all(b"\n")?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// As JSON has characters, so that the line stays valid.
fn json_visible(body: &str) -> String {
    let mut shown = String::with_capacity(body.len());
    for character in body.chars() {
        if text::is_hidden(character) {
            // Writing to a string cannot fail.
            let _ = text::write_escaped(&mut shown, character);
        } else {
            shown.push(character);
        }
    }
    shown
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, line: &str) -> String {
        let mut visible = Visible {
            out: Vec::new(),
            format,
        };
        visible.write_all(line.as_bytes()).unwrap();
        String::from_utf8(visible.out).unwrap()
    }

    #[test]
    fn a_line_ends_where_it_ends_and_hides_nothing() {
        let hostile = "actual=\"a\u{1b}]0;b\u{202e}c\nlevel=error\"\n";
        let expected = "actual=\"a\\u{1b}]0;b\\u{202e}c\\nlevel=error\"\n";
        assert_eq!(written(Format::Logfmt, hostile), expected);
        let line = written(Format::Json, "{\"actual\":\"a\u{202e}\u{e0041}\"}\n");
        assert_eq!(line, "{\"actual\":\"a\\u202e\\udb40\\udc41\"}\n");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["actual"], "a\u{202e}\u{e0041}");
    }
}
