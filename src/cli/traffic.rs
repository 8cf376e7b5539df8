//! `linkwatch traffic`: looks at click traffic without serving.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::curves::Curves;
use super::{Exit, complain};
use crate::traffic::backtest::summary::{self, Summary};
use crate::traffic::backtest::{self, Alarm, Settings, Table};

mod csv;
mod curves;
mod fetched;
mod json;
mod svg;
mod table;

/// A lasting change of level is accepted after a day.
const ACCEPT_AFTER: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Subcommand)]
pub(super) enum TrafficCommand {
    /// Replay the detector over a history and show what alarms it would have raised.
    Backtest(BacktestArgs),
}

/// What `traffic backtest` can be told.
#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// The history: `timestamp,NAME[,NAME…]`, a row per bin with its start as RFC 3339; an empty cell is nothing known.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "source",
        conflicts_with = "source"
    )]
    csv: Option<PathBuf>,
    /// Take the history from the Prometheus at this URL, or from this stream or source of the configuration; four weeks
    /// before --from are learned from.
    #[arg(long, value_name = "URL|NAME")]
    source: Option<String>,
    /// What the source is asked; a stream has a query of its own.
    #[arg(long, value_name = "QUERY", requires = "source")]
    query: Option<String>,
    /// What the query's values are: a counter, or the clicks of each minute. Default: a counter, of a Prometheus.
    #[arg(long, value_enum, value_name = "KIND", requires = "query")]
    kind: Option<ValueKind>,
    /// The label that tells the query's series apart; without it all is one series.
    #[arg(long, value_name = "LABEL", requires = "query")]
    sum_by: Option<String>,
    /// The configuration that has the stream or the source.
    #[arg(long = "config.file", value_name = "FILE", requires = "source")]
    config_file: Option<PathBuf>,
    /// Show only what comes after this time; what lies before is learned from all the same. Default, of a source: a week
    /// before --to.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Show only what comes before this time. Default, of a source: now.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// How many false alarms are accepted of all series together.
    #[arg(long, default_value = "1 per 30d", value_parser = budget, value_name = "N per DURATION")]
    false_alarms: SignedDuration,
    /// Where the hours of the day and the days of the week are meant.
    #[arg(long, default_value = "UTC", value_parser = zone, value_name = "ZONE")]
    time_zone: TimeZone,
    /// The column that explains the others (mails sent, say); it is not judged itself.
    #[arg(long, value_name = "COLUMN", requires = "csv")]
    reference: Option<String>,
    /// Put outages of 72 minutes into the history and tell how soon they would have been noticed; csv never does.
    #[arg(long, overrides_with = "no_simulate", hide = true)]
    simulate: bool,
    /// Do not simulate outages.
    #[arg(long)]
    no_simulate: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A report to read.
    Text,
    /// One object.
    Json,
    /// A row per alarm.
    Csv,
    /// A picture: series, baseline, lower limit, alarms.
    Svg,
}

/// What the values of a query are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ValueKind {
    /// A counter, which only grows.
    Counter,
    /// The clicks of each bin.
    Increase,
}

/// What a replay has found.
#[derive(Debug)]
struct Found<'a> {
    table: &'a Table,
    /// The alarms within the range shown.
    alarms: Vec<Alarm>,
    /// What the whole history says of every series, and of the group; not told in csv.
    summaries: Vec<Summary>,
}

/// Does what the arguments say.
pub(super) fn run(command: &TrafficCommand) -> Exit {
    let TrafficCommand::Backtest(args) = command;
    let table = match history(args) {
        Ok(table) => table,
        Err(message) => return complain(&message),
    };
    match show(args, &table) {
        Ok(()) => Exit::Fine,
        Err(error) => complain(&format!("cannot print: {error}")),
    }
}

/// The history that the arguments name.
fn history(args: &BacktestArgs) -> Result<Table, String> {
    match &args.csv {
        Some(file) => csv::read(file, args.reference.as_deref()),
        None => fetched::fetch(args),
    }
}

fn show(args: &BacktestArgs, table: &Table) -> std::io::Result<()> {
    let settings = Settings {
        time_zone: args.time_zone.clone(),
        mean_between_false_alarms: args.false_alarms,
        accept_after: ACCEPT_AFTER,
    };
    let from = args.from.or_else(|| {
        let fetched = args.source.is_some();
        fetched.then(|| table.start_of(table.len()) - fetched::SHOWN)
    });
    let mut curves = Curves::new(table, from, args.to);
    let picture = args.output == Output::Svg;
    let mut alarms = backtest::replay(table, &settings, |index, ensemble| {
        if picture {
            curves.take(table, index, ensemble);
        }
    });
    let summaries = match args.output {
        Output::Csv => Vec::new(),
        Output::Text | Output::Json | Output::Svg => {
            summary::summaries(table, &settings, &alarms, !args.no_simulate)
        }
    };
    alarms.retain(|alarm| alarm.touches(from, args.to));
    let found = Found {
        table,
        alarms,
        summaries,
    };
    let mut out = BufWriter::new(anstream::stdout().lock());
    match args.output {
        Output::Text => table::write(&mut out, &found)?,
        Output::Json => json::write(&mut out, &found)?,
        Output::Csv => csv::write(&mut out, &found).map_err(std::io::Error::other)?,
        Output::Svg => svg::write(&mut out, &found, &curves, &args.time_zone)?,
    }
    out.flush()
}

/// A mean time between two false alarms, said as so many per so long.
fn budget(text: &str) -> Result<SignedDuration, String> {
    crate::config::false_alarms(text)
        .ok_or_else(|| format!("{text:?} is not a budget such as \"1 per 30d\", at most one per hour"))
}

/// A time zone of the IANA database.
fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| format!("{text:?} is not a time zone such as UTC or Europe/Berlin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_so_many_per_so_long() {
        assert_eq!(budget("1 per 30d"), Ok(SignedDuration::from_hours(720)));
        assert_eq!(budget("2 per 1d"), Ok(SignedDuration::from_hours(12)));
        for wrong in [
            "",
            "1",
            "0 per 1d",
            "-1 per 1d",
            "1 per",
            "1 per 1m",
            "1000 per 1d",
        ] {
            assert!(budget(wrong).is_err(), "{wrong}");
        }
    }
}
