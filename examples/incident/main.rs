//! The incident of May 8th, in one process: ten tracking domains behind a flattened apex, the platform they lead to,
//! the clicks on them, and linkwatch watching all of it.
//!
//! ```text
//! cargo run --example incident                    # the incident, replayed in about a minute
//! cargo run --example incident -- --at-once       # the same, but certificates fail with the reset
//! cargo run --example incident -- --wrong-page    # every probe stays green, and only the clicks tell
//! cargo run --example incident -- --live          # at the shipped intervals, on port 9716, until Ctrl-C
//! cargo run --example incident -- --record FOLDER # at the shipped intervals to the end of the day, Prometheus' data kept
//! ```
//!
//! The incident: the platform resets the targets of all ten domains; DNS keeps the old one. What must come of it:
//! `platform_target_changed` on all ten within one poll of the platform, and a page, while links still work. Then the old
//! router answers with the platform's own certificate: `tls_hostname_mismatch`, with the reset as its root, and no second
//! page. The owner sets the records; the authority issues three certificates and fails for seven, which a proxy rescues;
//! then the authority is well again. Every cause that is said on the way is held against the ones that are true.
//!
//! The wrong page: a release sends every link but the canary's to a wrong page. What must come of it: nothing from the
//! probes; quiet where readers should arrive, and a page for the group.
//!
//! A replay exits 0 only if everything came as it should. It probes at a fast pace, and its clock, by which clicks are
//! counted and watched, runs twenty times as fast; that clock's time is what it prints. Where the real Prometheus is
//! there (`make real`), the rules that ship are judged by it. A recording takes about twenty minutes; `make preview` draws the
//! dashboards from it.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]
#![expect(
    clippy::expect_used,
    reason = "a demonstration that cannot be set up has nothing to show"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use linkwatch::telemetry;

mod alerts;
mod day;
mod internet;
mod moments;
mod pace;
mod panels;
mod replay;
mod timeline;
mod watched;

/// The lab and the real programs, as the tests use them.
#[path = "../../tests/it"]
pub mod it {
    pub mod lab;
    /// The real programs.
    pub mod real {
        pub mod peers;
    }
}

use pace::Pace;
use replay::{Replay, Scenario};

#[tokio::main]
async fn main() -> ExitCode {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let live = asked("--live");
    let mut rest = std::env::args().skip_while(|argument| argument != "--record");
    let record = rest.nth(1).map(PathBuf::from);
    let scenario = if asked("--wrong-page") {
        Scenario::WrongPage
    } else if asked("--at-once") {
        Scenario::DayAtOnce
    } else {
        Scenario::Day
    };
    let (level, port, pace) = if live {
        (telemetry::Level::Info, 9716, Pace::shipped())
    } else if record.is_some() {
        (telemetry::Level::Error, 0, Pace::recorded())
    } else {
        (telemetry::Level::Error, 0, Pace::fast())
    };
    telemetry::install(level, None, telemetry::Format::Logfmt);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let data = record.as_ref().map(|folder| folder.join("data"));
    let mut replay = match Replay::set_up(scenario, pace, address, data.as_deref()).await {
        Ok(replay) => replay,
        Err(error) => {
            println!("cannot serve on {address}: {error}; is another linkwatch running?");
            return ExitCode::FAILURE;
        }
    };
    let mut passed = replay.run().await;
    if let Some(folder) = record {
        passed = passed
            && replay.alerts.are_judged()
            && replay.moments.write(&folder, replay.internet.clock).is_ok();
    }
    if live {
        let web = replay.watched.web;
        println!("\nIt goes on: look at the pages above, or try\n");
        println!("  curl -s http://{web}/metrics | grep -e endpoint_cause -e traffic_low\n");
        println!("Ctrl-C ends it.");
        drop(tokio::signal::ctrl_c().await);
    }
    replay.watched.stop().await;
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the replay of a scenario prints.
    async fn printed(scenario: Scenario) -> String {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let replay = Replay::set_up(scenario, Pace::fast(), any, None).await;
        let mut replay = replay.expect("a free port");
        let passed = replay.run().await;
        replay.watched.stop().await;
        let printed = replay.timeline.printed();
        assert!(passed, "{printed}");
        printed
    }

    /// The events that the README shows below a command, without their times.
    fn shown(command: &str) -> Vec<&'static str> {
        let readme = include_str!("../../README.md");
        let start = format!("```console\n$ {command}\n");
        let (_, block) = readme.split_once(&start).expect("the command in the README");
        let (block, _) = block.split_once("```").expect("the end of a block");
        let event = |line: &'static str| line.trim_start().split_once("  ").map(|(_, event)| event);
        block.lines().filter_map(event).collect()
    }

    /// What the README shows was printed, in its order; what alerts do only where they were judged.
    fn assert_prints_what_is_shown(printed: &str, command: &str) {
        let judged = !printed.contains("alerts: not judged");
        let of_alerts = |event: &str| {
            let words = ["Linkwatch", "Prometheus", "pages", "one page"];
            words
                .iter()
                .any(|word| event.starts_with(word) || event.ends_with(word))
        };
        let shown = shown(command);
        assert!(shown.len() > 10, "{shown:#?}");
        let mut rest = printed;
        for event in shown {
            if !judged && of_alerts(event) {
                continue;
            }
            let found = rest.split_once(&format!("  {event}"));
            let (_, after) =
                found.unwrap_or_else(|| panic!("{event:?} does not stand in its place in:\n{printed}"));
            rest = after;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_reset_is_named_before_the_first_certificate_fails_and_the_day_is_one_page() {
        let printed = printed(Scenario::Day).await;
        assert_prints_what_is_shown(&printed, "cargo run --example incident");
        assert!(printed.contains("remedy    Set an ALIAS"), "{printed}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reset_that_breaks_links_at_once_is_named_at_once_in_the_same_page() {
        let printed = printed(Scenario::DayAtOnce).await;
        assert!(printed.contains("remedy    Set an ALIAS"), "{printed}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn while_every_probe_is_green_the_clicks_alone_page_the_group() {
        let printed = printed(Scenario::WrongPage).await;
        assert_prints_what_is_shown(&printed, "cargo run --example incident -- --wrong-page");
        assert!(
            printed.contains("remedy    Follow a real link through"),
            "{printed}"
        );
    }
}
