//! The how-to guides, followed: their files are written, their commands run, their queries and rules read by those who
//! will read them.
//!
//! A block whose first line is a comment with a file's name is that file. Commands that ask the network or serve are left
//! to `documents.rs`, which knows every flag.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::documents::{blocks, root};
use crate::real::peers::{self, Generation, Program, find_or_leave_out};

/// A guide, and a folder that holds what it tells to write.
struct Guide {
    name: String,
    text: String,
    folder: tempfile::TempDir,
}

fn guides() -> Vec<Guide> {
    let entries = std::fs::read_dir(root().join("docs/how-to")).unwrap();
    let guide = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files(&text) {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Guide {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            text,
            folder,
        }
    };
    let mut guides: Vec<Guide> = entries.map(|entry| guide(&entry.unwrap().path())).collect();
    guides.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(guides.len() >= 9);
    for guide in &guides {
        guide.furnish();
    }
    guides
}

/// The blocks that are files, by name.
fn files(text: &str) -> Vec<(String, String)> {
    let blocks = ["yaml", "zone"].map(|language| blocks(text, language)).concat();
    let named = |block: String| {
        let first = block.lines().next()?;
        let name = first.strip_prefix("# ").or_else(|| first.strip_prefix("; "))?;
        let is_name = name.contains('.') && !name.contains(' ');
        is_name.then(|| (name.to_owned(), block.clone()))
    };
    blocks.into_iter().filter_map(named).collect()
}

impl Guide {
    /// What a reader has already: a token, target files, a month of clicks.
    fn furnish(&self) {
        let folder = self.folder.path();
        std::fs::write(folder.join("heroku.token"), "token").unwrap();
        std::fs::create_dir(folder.join("targets")).unwrap();
        std::fs::write(folder.join("targets/web.yml"), "- targets: [www.example.com]\n").unwrap();
        let mut clicks = "timestamp,a.example.com,b.example.com\n".to_owned();
        let mut at: jiff::Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
        for row in 0..1_400 {
            writeln!(clicks, "{at},{},{}", 40 + row % 7, 9 + row % 3).unwrap();
            at += jiff::SignedDuration::from_mins(30);
        }
        std::fs::write(folder.join("clicks.csv"), clicks).unwrap();
    }

    /// Every command of its shell blocks.
    fn commands(&self) -> Vec<String> {
        let shell = blocks(&self.text, "sh").concat();
        shell.lines().map(str::to_owned).collect()
    }

    /// Runs a command as a shell does, in the guide's folder.
    fn run(&self, command: &str, programs: &[&Path]) -> String {
        let path = std::env::var("PATH").unwrap();
        let mut folders: Vec<_> = programs
            .iter()
            .map(|program| program.parent().unwrap().to_owned())
            .collect();
        folders.extend(std::env::split_paths(&path));
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(folders).unwrap())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let more = String::from_utf8_lossy(&output.stderr);
        // What finds something says so by its exit code, as `check` does.
        let finds = command.starts_with("linkwatch discover") && output.status.code() == Some(1);
        assert!(
            output.status.success() || finds,
            "{}: {command}: {}\n{said}{more}",
            self.name,
            output.status
        );
        said
    }
}

/// Whether a command of linkwatch needs nothing but files.
fn is_offline(command: &str) -> bool {
    let offline = ["config ", "bundle ", "explain", "discover ", "traffic "];
    let arguments = command.strip_prefix("linkwatch ").unwrap_or_default();
    offline.iter().any(|name| arguments.starts_with(name)) && !command.contains("--source")
}

#[test]
fn every_command_that_needs_nothing_but_files_does_what_the_guide_says() {
    let program = Path::new(env!("CARGO_BIN_EXE_linkwatch"));
    for guide in guides() {
        let commands = guide.commands();
        let offline = commands.iter().filter(|command| is_offline(command));
        assert!(
            offline.clone().count() > 0,
            "{} has no command that can be run",
            guide.name
        );
        for command in offline {
            let _ = guide.run(command, &[program]);
        }
        for (name, content) in files(&guide.text) {
            let is_ours = ["linkwatch.yml", "maintenance.yml"].contains(&name.as_str());
            if is_ours {
                assert!(content.contains("groups:"), "{}: {name}", guide.name);
                let _ = guide.run(
                    &format!("linkwatch config check --config.file {name}"),
                    &[program],
                );
            }
        }
        for shown in blocks(&guide.text, "console") {
            let (command, expected) = shown.split_once('\n').unwrap();
            let command = command.trim_start_matches("$ ");
            assert_eq!(
                guide.run(command, &[program]),
                expected,
                "{}: {command}",
                guide.name
            );
        }
    }
}

#[test]
fn every_query_names_only_what_is_exported_and_can_be_parsed() {
    let metrics = std::fs::read_to_string(root().join("docs/METRICS.md")).unwrap();
    let name = regex::Regex::new(r"\b(linkwatch|probe)_[a-z_]+").unwrap();
    let mut rules = "groups:\n  - name: guides\n    rules:\n".to_owned();
    for guide in guides() {
        for query in blocks(&guide.text, "promql") {
            for family in name.find_iter(&query) {
                let known = metrics.contains(&format!("`{}`", family.as_str()));
                assert!(known, "{}: {}", guide.name, family.as_str());
            }
            let query = query.trim().replace('\n', "\n          ");
            writeln!(rules, "      - record: guide:query\n        labels: {{number: \"{}\"}}\n        expr: |\n          {query}", rules.len())
                .unwrap();
        }
    }
    let Some(promtool) = find_or_leave_out("the guides' queries", Program::Promtool, Generation::Current)
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queries.yml");
    std::fs::write(&file, rules).unwrap();
    let _ = peers::run(&promtool, &["check", "rules", file.to_str().unwrap()]);
}

#[test]
fn prometheus_and_alertmanager_take_the_files_of_the_guides() {
    let linkwatch = Path::new(env!("CARGO_BIN_EXE_linkwatch"));
    let what = "the guides' files";
    let (Some(promtool), Some(amtool)) = (
        find_or_leave_out(what, Program::Promtool, Generation::Current),
        find_or_leave_out(what, Program::Amtool, Generation::Current),
    ) else {
        return;
    };
    let mut judged = 0;
    for guide in guides() {
        for (name, _) in files(&guide.text) {
            let judge = match name.as_str() {
                "prometheus.yml" => {
                    "linkwatch bundle rules --output rules && promtool check config prometheus.yml"
                }
                "alertmanager.yml" => "amtool check-config alertmanager.yml",
                "my-rules.yml" | "old-rules.yml" => &*format!("promtool check rules {name}"),
                _ => continue,
            };
            let _ = guide.run(judge, &[linkwatch, &promtool, &amtool]);
            judged += 1;
        }
        for command in guide
            .commands()
            .iter()
            .filter(|command| command.starts_with("amtool "))
        {
            assert_eq!(guide.run(command, &[&amtool]).trim(), "delivery", "{command}");
        }
    }
    assert!(judged >= 5, "{judged} files");
}

#[test]
fn nginx_takes_the_block_that_the_guide_shows() {
    let Some(nginx) = find_or_leave_out("the proxy's block", Program::Nginx, Generation::Current) else {
        return;
    };
    let text = std::fs::read_to_string(root().join("docs/how-to/behind-a-proxy.md")).unwrap();
    let block = blocks(&text, "nginx").concat();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nginx.conf");
    let own = folder.path().display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {own}/{name};"));
    let whole = format!(
        "error_log {own}/error.log;\npid {own}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}\nserver {{ listen unix:{own}/socket;\n{block}}}\n}}\n",
        paths.concat()
    );
    std::fs::write(&file, whole).unwrap();
    let said = peers::run(
        &nginx,
        &[
            "-t",
            "-e",
            "stderr",
            "-p",
            &own.to_string(),
            "-c",
            file.to_str().unwrap(),
        ],
    );
    assert!(said.contains("test is successful"), "{said}");
}
