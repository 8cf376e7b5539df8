//! Log lines on standard error, in the two formats that Prometheus' own programs write.

use std::fmt;

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

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

/// Makes the lines go to standard error; a second call in one process changes nothing.
pub fn install(level: Level, format: Format) {
    let filter = match level {
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warn => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    // Libraries log per packet at debug: only our own lines are wanted, theirs from warnings on.
    let targets = tracing_subscriber::filter::Targets::new()
        .with_default(filter.min(LevelFilter::WARN))
        .with_target("linkwatch", filter);
    let subscriber: Box<dyn Subscriber + Send + Sync> = match format {
        Format::Logfmt => {
            let layer = tracing_logfmt::builder().layer().with_writer(std::io::stderr);
            Box::new(Registry::default().with(layer.with_filter(targets)))
        }
        Format::Json => Box::new(
            Registry::default().with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr)
                    .with_filter(targets),
            ),
        ),
    };
    drop(tracing::subscriber::set_global_default(subscriber));
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
