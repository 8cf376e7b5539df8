//! The documents say what is so: commands, flags, configurations and links.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails as the test does"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use linkwatch::config::{self, Files};
use linkwatch::diagnosis::catalogue::document;

use crate::program::command;
use crate::watched::assert_golden;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every document that people read.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .iter()
        .map(PathBuf::from)
        .collect();
    let mut directories = vec![PathBuf::from("docs")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(root().join(&directory)).unwrap() {
            let path = directory.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    documents
}

/// The fenced blocks of a document in this language, without the indentation of the list that they stand in.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut open) = (Vec::new(), None::<(bool, usize, String)>);
    for line in text.lines() {
        let bare = line.trim_start();
        match (bare.strip_prefix("```"), open.as_mut()) {
            (Some(tag), None) => open = Some((tag == language, line.len() - bare.len(), String::new())),
            (Some(_), Some(_)) => {
                let (wanted, _, block) = open.take().unwrap();
                if wanted {
                    blocks.push(block);
                }
            }
            (None, Some((_, indent, block))) => {
                block.push_str(line.get(*indent..).unwrap_or_default());
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The words of all commands in the shell blocks and the code spans of a document that begin with `program`.
fn calls(text: &str, program: &str) -> Vec<Vec<String>> {
    let shell = blocks(text, "sh").concat().replace("\\\n", " ");
    let spans = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|span| !span.contains('\n'))
        .map(str::to_owned);
    shell
        .lines()
        .map(|line| {
            line.trim_start_matches("$ ")
                .trim_start_matches("target/release/")
                .to_owned()
        })
        .chain(spans)
        .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|word| word == program) && words.len() > 1)
        .collect()
}

/// Every subcommand, as the words that call it, in the order of the help; first none, for the program itself.
fn subcommands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut place = 0;
    while place < all.len() {
        let parent: Vec<String> = all[place].clone();
        let help = help(&strings(&parent)).unwrap();
        let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        let names = listed.lines().take_while(|line| !line.is_empty());
        // What stands further in goes on with the line before.
        let names = names.filter_map(|line| line.strip_prefix("  ").filter(|name| !name.starts_with(' ')));
        let names = names.filter_map(|line| line.split_whitespace().next());
        let children: Vec<Vec<String>> = names
            .filter(|name| *name != "help")
            .map(|name| parent.iter().cloned().chain([name.to_owned()]).collect())
            .collect();
        place += 1;
        all.splice(place..place, children);
    }
    all
}

fn strings(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn help(arguments: &[&str]) -> Option<String> {
    // Into a pipe, so that no terminal's width counts.
    let output = command(arguments).arg("--help").env_remove("COLUMNS").output();
    let output = output.unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_two_set_up_commands_stand_first_in_the_readme() {
    let readme = read("README.md");
    let first = blocks(&readme, "sh").into_iter().next().unwrap();
    let commands: Vec<&str> = first.lines().filter(|line| line.starts_with("make ")).collect();
    assert!(
        commands.len() == 2 && commands[0].starts_with("make demo") && commands[1].starts_with("make test")
    );
}

#[test]
fn every_cause_is_described() {
    assert_golden("docs/CAUSES.md", &document());
}

#[test]
fn the_command_line_is_described_as_its_help_says_it() {
    let mut text = "# The command line\n\nMade from the program's own help; a test holds it (`UPDATE_GOLDEN=1 cargo test --test it \
                    documents` writes this page). `linkwatch man` has the same as a\nmanual page, `linkwatch completions` teaches a shell. Exit \
                    codes: 0 nothing is wrong, 1 a cause stands, 2 the call or the configuration cannot be used,\n3 nothing could be told.\n"
        .to_owned();
    for command in subcommands() {
        let name = ["linkwatch".to_owned()].into_iter().chain(command.clone());
        let name: Vec<String> = name.collect();
        let said = help(&strings(&command)).unwrap();
        let said: Vec<&str> = said.lines().map(str::trim_end).collect();
        write!(
            text,
            "\n## {}\n\n```text\n{}\n```\n",
            name.join(" "),
            said.join("\n")
        )
        .unwrap();
    }
    assert_golden("docs/CLI.md", &text);
}

#[test]
fn the_mixin_has_the_rules_that_ship() {
    for (name, file) in [("alerts", "linkwatch"), ("rules", "linkwatch-availability")] {
        let rules = read(format!("alerts/rules/{file}.yml"));
        let rules: serde_json::Value = serde_saphyr::from_str(&rules).unwrap();
        assert_golden(&format!("mixin/{name}.json"), &format!("{rules:#}\n"));
    }
}

#[test]
fn every_make_target_in_the_documents_exists() {
    let makefile = read("Makefile");
    for document in documents() {
        for call in calls(&read(&document), "make") {
            let target = format!("{}:", call[1]);
            let exists = makefile.lines().any(|line| line.starts_with(&target));
            assert!(exists, "{}: make {}", document.display(), call[1]);
        }
    }
}

#[test]
fn every_subcommand_and_flag_in_the_documents_exists() {
    let all = subcommands();
    for document in documents() {
        for call in calls(&read(&document), "linkwatch") {
            let words: Vec<&str> = call[1..]
                .iter()
                .map(String::as_str)
                .take_while(|word| !matches!(*word, "#" | "|" | ">"))
                .collect();
            let named = all.iter().filter(|command| words.starts_with(&strings(command)));
            let commands = named
                .max_by_key(|command| command.len())
                .map(|command| strings(command));
            let commands = commands.unwrap_or_default();
            assert!(
                !commands.is_empty() || words[0].starts_with('-'),
                "{}: no such subcommand: {words:?}",
                document.display()
            );
            let help =
                help(&commands).unwrap_or_else(|| panic!("{}: no help for {commands:?}", document.display()));
            for flag in words.iter().filter(|word| word.starts_with('-')) {
                let flag = flag.split('=').next().unwrap().trim_end_matches(',');
                let exists = help.split([' ', ',', '\n', '=']).any(|word| word == flag);
                assert!(
                    exists || flag == "--version",
                    "{}: {commands:?} takes no {flag}",
                    document.display()
                );
            }
        }
    }
}

#[test]
fn every_flag_that_a_document_mentions_alone_belongs_to_a_command() {
    let all: String = subcommands()
        .iter()
        .filter_map(|command| help(&strings(command)))
        .collect();
    let readme = read("README.md");
    let (there, missing) = readme.split_once("## Not there yet").unwrap();
    assert!(
        !missing.contains("--web.config.file"),
        "what has come belongs above"
    );
    for span in there
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|span| span.starts_with("--"))
    {
        let flag = span.split([' ', '=']).next().unwrap();
        assert!(
            all.split([' ', ',', '\n', '=']).any(|word| word == flag),
            "README.md: no command takes {flag}"
        );
    }
}

#[test]
fn every_configuration_in_the_documents_is_valid() {
    for document in [
        "README.md",
        "docs/TRAFFIC.md",
        "docs/PLATFORMS.md",
        "docs/tutorial.md",
    ] {
        let text = read(document);
        let configurations: Vec<String> = blocks(&text, "yaml")
            .into_iter()
            .filter(|block| {
                ["groups:", "traffic:", "vantage:", "platforms:", "foresight:"]
                    .iter()
                    .any(|key| block.starts_with(key))
            })
            .collect();
        assert!(!configurations.is_empty(), "{document} shows no configuration");
        for text in configurations {
            let token = ("heroku.token".into(), b"token".to_vec());
            let checked = config::parse(Path::new(document), text.as_bytes(), Files::memory([token]));
            assert!(checked.is_ok(), "{document}: {}", checked.unwrap_err());
        }
    }
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for document in documents() {
        let text = read(&document);
        let folder = root().join(&document).parent().unwrap().to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link)
        {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            assert!(
                folder.join(file).exists(),
                "{}: no file {link}",
                document.display()
            );
        }
    }
}
