//! The command: reads its arguments, does what they say, and tells the shell how it went.

use std::process::ExitCode;

use clap::Parser;
use linkwatch::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse()).into()
}
