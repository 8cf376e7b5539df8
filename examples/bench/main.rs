//! What linkwatch costs, measured beside a bare handshake-and-GET loop and the real blackbox_exporter; and what judging
//! click traffic costs, beside the bare arithmetic.
//!
//! ```text
//! cargo run --release --example bench -- cost  [--rounds N] [--probes N]
//! cargo run --release --example bench -- fleet [--endpoints N] [--minutes N] [--hanging N]
//! cargo run --release --example bench -- traffic [--series N] [--sparse-days N] [--dense-hours N]
//! cargo run --release --example bench -- page [--endpoints N] [--pages N]
//! cargo run --release --example bench -- probers [--rounds N] [--probes N]
//! cargo run --release --example bench -- load [--seconds N]
//! ```
//!
//! Every measured thing runs in a process of its own, so that its user and system time and its resident memory are
//! its own; so does the server. The figures depend on the machine: what counts are the ratios.

#![expect(clippy::print_stdout, reason = "a benchmark is read in the terminal")]
#![expect(
    clippy::print_stderr,
    reason = "what it is doing does not belong to its result"
)]

use std::process::ExitCode;

use anyhow::{Context as _, bail};

mod authority;
mod bare;
mod blackbox;
mod both;
mod child;
mod cost;
mod fleet;
mod load;
mod meter;
mod page;
mod prober;
mod probers;
mod server;
mod targets;
mod traffic;
mod watch;
mod worker;

#[path = "../../tests/it"]
pub mod it {
    //! The lab of the tests.
    pub mod lab;
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs what the command line names; `false` when a ceiling was passed.
fn run(arguments: &[String]) -> anyhow::Result<bool> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("say what to measure: cost, probers, load, fleet, traffic or page");
    };
    match command.as_str() {
        "cost" => cost::run(&options(rest)?),
        "fleet" => fleet::run(&options(rest)?),
        "traffic" => traffic::run(&options(rest)?),
        "page" => page::run(&options(rest)?),
        "probers" => probers::run(&options(rest)?),
        "load" => load::run(&options(rest)?),
        // Benchmarks start themselves again as these.
        "server" => server::run(rest).map(|()| true),
        "targets" => targets::run(rest).map(|()| true),
        "worker" => worker::run(rest).map(|()| true),
        "module-worker" => worker::run_module(rest).map(|()| true),
        "fleet-worker" => worker::run_fleet(rest).map(|()| true),
        "traffic-worker" => traffic::worker::run(rest).map(|()| true),
        "linkwatch" => Ok(watch::run(rest) == ExitCode::SUCCESS),
        other => bail!("no such benchmark: {other}; there are cost, probers, load, fleet, traffic and page"),
    }
}

/// The options of the command line, as pairs of name and number.
fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Vec::new();
    let mut left = arguments.iter();
    while let Some(argument) = left.next() {
        let Some(name) = argument.strip_prefix("--") else {
            bail!("not an option: {argument}");
        };
        let value = left.next().with_context(|| format!("--{name} needs a number"))?;
        let value = value
            .parse()
            .with_context(|| format!("--{name} needs a number, not {value}"))?;
        options.push((name.to_owned(), value));
    }
    Ok(Options(options))
}

/// What the command line asks for.
#[derive(Debug)]
struct Options(Vec<(String, usize)>);

impl Options {
    /// The number given for an option, else its default.
    fn number(&self, name: &str, default: usize) -> usize {
        let given = self.0.iter().rev().find(|(given, _)| given == name);
        given.map_or(default, |(_, value)| *value)
    }
}
