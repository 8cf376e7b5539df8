//! This program, started once more as something else, with commands by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// A process of our own that answers each line with a line. It ends when its input does.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts this program with other arguments.
    pub(crate) fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("a child without output")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("a process of the benchmark ended early; what it said stands above");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Sends a line and waits for the answer.
    pub(crate) fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        let input = self.input.as_mut().context("a child without input")?;
        writeln!(input, "{command}")?;
        input.flush()?;
        self.line()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended by itself already.
        let _ = self.process.wait();
    }
}
