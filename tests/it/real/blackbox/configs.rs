//! blackbox_exporter's own configurations, good and bad: what it says of each, and what linkwatch says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;
use crate::real::peers::{Generation, Program};
use crate::watched::assert_golden;

/// The files, which lie beside the checkout.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/blackbox/config");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: the corpus of configurations is missing",
            folder.display()
        )
    });
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_name().expect("a file").to_string_lossy().into_owned()
}

/// What a program says of a file, beside which it is run; `Ok` for one that it takes.
fn verdict(mut program: Command, file: &Path, log: fn(&str) -> String) -> Result<(), String> {
    let output = program
        .current_dir(file.parent().expect("a folder"))
        .arg(format!("--config.file={}", name(file)))
        .output()
        .expect("run a program");
    if output.status.success() {
        return Ok(());
    }
    Err(log(&String::from_utf8_lossy(&output.stderr)))
}

fn theirs(file: &Path) -> Result<(), String> {
    let program = Program::Blackbox
        .find(Generation::Current)
        .expect("blackbox_exporter is in target/real: run `make real`");
    let mut program = Command::new(program);
    program.arg("--config.check");
    // The error is the last field of the last line.
    verdict(program, file, |said| {
        let error = said
            .trim_end()
            .rsplit_once(" err=")
            .map_or(said, |(_, error)| error.trim_end());
        serde_json::from_str::<String>(error).unwrap_or_else(|_| error.to_owned())
    })
}

fn ours(file: &Path) -> Result<(), String> {
    verdict(program::command(&["config", "check"]), file, |said| {
        said.trim_end().to_owned()
    })
}

#[test]
fn what_both_say_of_each_configuration_is_known() {
    let mut text = String::new();
    for file in files() {
        let _ = writeln!(text, "{}", name(&file));
        for (program, verdict) in [("blackbox_exporter", theirs(&file)), ("linkwatch", ours(&file))] {
            match verdict {
                Ok(()) => {
                    let _ = writeln!(text, "  {program} takes it");
                }
                Err(said) => {
                    let _ = writeln!(text, "  {program} refuses it:");
                    for line in said.lines() {
                        let _ = writeln!(text, "    {}", line.trim_end());
                    }
                }
            }
        }
        text.push('\n');
    }
    assert_golden("tests/golden/blackbox-configs.txt", &text);
}

/// Where 0.28 differs from its own tests: it refuses the one and takes the other.
const APART: [&str; 2] = ["example.yml", "invalid-prober.yml"];

#[test]
fn linkwatch_takes_and_refuses_the_same_configurations() {
    let files = files();
    let invalid = files.iter().filter(|file| {
        let name = name(file);
        name.starts_with("invalid-") || name.starts_with("blackbox-bad")
    });
    assert_eq!(invalid.clone().count(), 23, "the corpus is not whole");
    for file in invalid {
        assert!(ours(file).is_err(), "{} is taken", file.display());
    }
    for file in files.iter().filter(|file| !APART.contains(&name(file).as_str())) {
        let (theirs, ours) = (theirs(file), ours(file));
        assert_eq!(
            theirs.is_ok(),
            ours.is_ok(),
            "{}: {theirs:?}, {ours:?}",
            file.display()
        );
    }
}
