//! linkwatch beside the real blackbox_exporter: the same modules, the same targets, the same answers.
//!
//! Both programs run once and are asked every case. What comes back must be the same: status, content type, the set of
//! series with their labels, every value that is not a time; times must be of the same order. A difference that is
//! meant has a name (`difference`), and a case that shows it says so; a name that a case does not show fails as well.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be run fails the test"
)]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use futures_util::StreamExt as _;

use self::ask::Said;
use self::case::{Answer, Case, Prober};
use self::compare::{Finding, compare};
use self::difference::Difference;
use self::world::World;
use super::peers::{self, Blackbox, Generation, Program};
use crate::lab::DnsLab;
use crate::program::Served;
use crate::watched::assert_golden;

mod ask;
mod case;
mod compare;
mod configs;
mod difference;
mod names;
mod nginx;
mod pages;
mod python;
mod world;
mod world_dns;

mod dns;
mod grpc;
mod http;
mod http_answers;
mod http_client;
mod http_times;
mod http_tls;
mod icmp;
mod probe;
mod tcp;
mod unix;

/// Cases under way at once.
const AT_ONCE: usize = 8;

/// Every case there is.
fn cases() -> Vec<(Prober, &'static Case)> {
    let sets: [(Prober, &[Case]); 11] = [
        (Prober::Probe, probe::CASES),
        (Prober::Http, http::CASES),
        (Prober::Http, http_answers::CASES),
        (Prober::Http, http_tls::CASES),
        (Prober::Http, http_client::CASES),
        (Prober::Http, http_times::CASES),
        (Prober::Tcp, tcp::CASES),
        (Prober::Dns, dns::CASES),
        (Prober::Unix, unix::CASES),
        (Prober::Grpc, grpc::CASES),
        (Prober::Icmp, icmp::CASES),
    ];
    let each = sets
        .into_iter()
        .flat_map(|(prober, cases)| cases.iter().map(move |case| (prober, case)));
    each.collect()
}

/// The modules of all cases: the file that both read.
fn modules(cases: &[(Prober, &Case)], world: &World) -> String {
    let mut text = String::from("modules:\n  http_2xx: {prober: http, http: {}}\n");
    for (number, (prober, case)) in cases.iter().enumerate() {
        let prober = if *prober == Prober::Probe {
            Prober::Http
        } else {
            *prober
        };
        let (name, settings, timeout) = (prober.name(), world.fill(case.settings), case.timeout);
        let _ = writeln!(
            text,
            "  c{number}: {{prober: {name}, timeout: {timeout}, {name}: {{{settings}}}}}"
        );
    }
    text
}

/// The two programs with the same modules.
struct Two {
    real: Blackbox,
    ours: Served,
    _resolver: DnsLab,
    _folder: tempfile::TempDir,
}

impl Two {
    async fn start(modules: &str, proxy: &str) -> Self {
        let program = Program::Blackbox
            .find(Generation::Current)
            .expect("blackbox_exporter is in target/real: run `make real`");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let real = names::with_names(folder.path(), &program, proxy);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("write a configuration");
            path.display().to_string()
        };
        write("blackbox.yml", modules);
        let resolver = names::resolver().await;
        let config = format!(
            "resolver: {{servers: ['{}']}}\nmodule_files: [blackbox.yml]\n\
             probe: {{allow: [0.0.0.0/0, '::/0', 0.0.0.0/8, 127.0.0.0/8, 255.255.255.255, '::/128', '::1', 'fe80::/10', /]}}\n",
            resolver.addr()
        );
        let config = write("linkwatch.yml", &config);
        let mut command = Command::new(env!("CARGO_BIN_EXE_linkwatch"));
        command.env("HTTP_PROXY", proxy).args([
            "serve",
            "--config.file",
            &config,
            "--web.listen-address",
            "127.0.0.1:0",
        ]);
        Self {
            real: peers::start_blackbox(&real, modules).await,
            ours: Served::of(command).await,
            _resolver: resolver,
            _folder: folder,
        }
    }
}

/// What became of a case.
struct Verdict {
    prober: Prober,
    /// The differences that are meant and were seen, those of every answer left out.
    seen: Vec<Difference>,
    /// What is wrong, if anything is.
    wrong: Vec<String>,
}

/// What is asked for a case.
fn path_of(number: usize, case: &Case, world: &World) -> String {
    let target = world.fill(case.target);
    let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
    let module = if case.query.contains("&module=") {
        String::new()
    } else {
        format!("&module=c{number}")
    };
    format!("/probe?target={target}{module}{}", case.query)
}

async fn judge(number: usize, prober: Prober, case: &Case, world: &World, two: [SocketAddr; 2]) -> Verdict {
    let path = path_of(number, case, world);
    let [real, ours] = two.map(|server| ask::ask(server, &path, case.headers));
    let wrong = match tokio::join!(real, ours) {
        (Ok(real), Ok(ours)) => what_is_wrong(case, &real, &ours),
        (real, ours) => vec![format!(
            "no answer: blackbox_exporter {real:?}, linkwatch {ours:?}"
        )],
    };
    Verdict {
        prober,
        seen: case.differs.to_vec(),
        wrong,
    }
}

fn what_is_wrong(case: &Case, real: &Said, ours: &Said) -> Vec<String> {
    let mut wrong = Vec::new();
    let success = real
        .body
        .lines()
        .find_map(|line| line.strip_prefix("probe_success "));
    let answer = match (real.status, success) {
        (200, Some("1")) => Some(Answer::Succeeds),
        (200, Some("0")) => Some(Answer::Fails),
        // Not in text.
        (200, _) => None,
        _ => Some(Answer::Refused),
    };
    if answer.is_some_and(|answer| answer != case.answer) {
        wrong.push(format!(
            "blackbox_exporter: {answer:?}, not {:?}:\n{}",
            case.answer, real.body
        ));
    }
    let findings = compare(real, ours);
    let meant = |difference: &Difference| difference.is_everywhere() || case.differs.contains(difference);
    let named = difference::ALL.map(|(difference, ..)| difference);
    let named: Vec<_> = named.into_iter().filter(meant).collect();
    let covers = |finding: &Finding| named.iter().any(|difference| difference.covers(finding));
    wrong.extend(
        findings
            .iter()
            .filter(|finding| !covers(finding))
            .map(|finding| format!("{finding:?}")),
    );
    let seen = |difference: &&Difference| findings.iter().any(|finding| difference.covers(finding));
    let unseen = case
        .differs
        .iter()
        .filter(|difference| !difference.is_by_chance() && !seen(difference));
    wrong.extend(unseen.map(|difference| format!("does not show: {}", difference.name())));
    wrong
}

fn table(verdicts: &[Verdict]) -> String {
    let mut text = format!(
        "{:<10} {:>6} {:>6} {:>22}\n",
        "prober", "cases", "equal", "with a named difference"
    );
    for prober in Prober::ALL {
        let of_it: Vec<_> = verdicts
            .iter()
            .filter(|verdict| verdict.prober == prober)
            .collect();
        let right = of_it.iter().filter(|verdict| verdict.wrong.is_empty());
        let equal = right.clone().filter(|verdict| verdict.seen.is_empty()).count();
        let named = right.filter(|verdict| !verdict.seen.is_empty()).count();
        let _ = writeln!(
            text,
            "{:<10} {:>6} {equal:>6} {named:>22}",
            prober.name(),
            of_it.len()
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_is_answered_as_blackbox_exporter_answers_it() {
    let world = World::start().await;
    let cases = cases();
    let two = Two::start(&modules(&cases, &world), &world.fill("$proxy")).await;
    let addresses = [two.real.addr(), two.ours.web.address()];
    let asked = cases.iter().enumerate();
    let asked = asked.map(|(number, (prober, case))| judge(number, *prober, case, &world, addresses));
    let verdicts: Vec<_> = futures_util::stream::iter(asked)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let table = table(&verdicts);
    eprintln!("{table}");
    let wrong = verdicts
        .iter()
        .zip(&cases)
        .filter(|(verdict, _)| !verdict.wrong.is_empty());
    let wrong: Vec<_> = wrong
        .map(|(verdict, (prober, case))| {
            format!(
                "{}: {}: {}",
                prober.name(),
                case.name,
                verdict.wrong.join("\n    ")
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{table}\n{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// The list in the documents, as the differences say it of themselves.
#[test]
fn the_documents_list_every_difference_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/BLACKBOX.md");
    let document = std::fs::read_to_string(&path).expect("docs/BLACKBOX.md");
    let (begin, end) = ("<!-- differences: begin -->\n", "<!-- differences: end -->");
    let (before, rest) = document.split_once(begin).expect("the beginning of the list");
    let (_, after) = rest.split_once(end).expect("the end of the list");
    let lines = difference::ALL.map(|(_, name, reason)| format!("- **{name}**: {reason}.\n"));
    assert_golden(
        "docs/BLACKBOX.md",
        &format!("{before}{begin}\n{}\n{end}{after}", lines.concat()),
    );
}

/// Every case and every test that a document names in its last column.
fn named_in(document: &str) -> Vec<String> {
    let rows = document
        .lines()
        .filter_map(|line| line.strip_suffix(" |")?.rsplit_once("| "));
    let spans = rows.flat_map(|(_, ours)| ours.split('`').skip(1).step_by(2));
    spans.map(str::to_owned).collect()
}

/// Whether a test of that name is there: of the integration tests by file, else one beside the code.
fn is_a_test(name: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts: Vec<_> = name.split("::").collect();
    let (function, modules) = parts.split_last().expect("a name");
    let declared = format!("fn {function}(");
    let holds = |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&declared));
    if modules.is_empty() {
        let mut folders = vec![root.join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder of sources") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if holds(&path) {
                    return true;
                }
            }
        }
        return false;
    }
    holds(&root.join("tests/it").join(modules.join("/")).with_extension("rs"))
}

#[test]
fn every_test_that_the_table_of_blackboxs_tests_names_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/BLACKBOX-TESTS.md");
    let document = std::fs::read_to_string(path).expect("docs/BLACKBOX-TESTS.md");
    let cases: Vec<_> = cases()
        .iter()
        .map(|(prober, case)| format!("{}: {}", prober.name(), case.name))
        .collect();
    let named = named_in(&document);
    assert!(named.len() > 100, "the table has lost its last column: {named:?}");
    let missing = named.iter().filter(|name| {
        let there = if name.contains(": ") {
            cases.contains(name)
        } else {
            is_a_test(name)
        };
        !there
    });
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "neither cases nor tests: {missing:#?}");
    let rows = document.lines().filter(|line| line.starts_with("| Test")).count();
    assert_eq!(rows, 85, "blackbox_exporter has 85 tests");
}

#[test]
fn no_two_cases_of_a_prober_have_one_name() {
    let mut names: Vec<_> = cases()
        .iter()
        .map(|(prober, case)| (*prober, case.name))
        .collect();
    names.sort_unstable();
    let twice: Vec<_> = names
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}
