//! `check --watch`: a line for each change, and on a terminal one live line below them.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use super::stop::Stop;
use super::{Checked, Health, Rounds};
use crate::cause::Cause;
use crate::cli::terminal::{self, DIM, Live, PLAIN, Sheet, Span, styled};
use crate::cli::{Exit, complain};

/// What makes a verdict another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    health: Health,
    root: Option<Cause>,
    symptom: Option<Cause>,
}

impl Said {
    fn of(checked: &Checked) -> Self {
        let verdict = &checked.verdict;
        Self {
            health: Health::of(verdict),
            root: verdict.root.as_ref().map(|root| root.cause),
            symptom: verdict.symptom.as_ref().map(|symptom| symptom.cause),
        }
    }
}

/// Checks until told to stop; the exit code is the last verdict's.
pub(super) async fn run(rounds: &mut Rounds, interval: Duration) -> Exit {
    let mut stop = match Stop::new() {
        Ok(stop) => stop,
        Err(message) => return complain(&message),
    };
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let live = Live::Output.on();
    let (mut last, mut number) = (Vec::new(), 0_u64);
    loop {
        let round = async {
            ticks.tick().await;
            let began = Instant::now();
            (rounds.next(&last, |_| {}).await, began)
        };
        let (checked, began) = tokio::select! {
            biased;
            () = stop.called() => break,
            round = round => round,
        };
        number += 1;
        if let Some(line) = live {
            line.erase();
        }
        changes(&last, &checked);
        if let Some(line) = live {
            line.draw(&status(&checked, number, began.elapsed()));
        }
        last = checked;
    }
    if let Some(line) = live {
        line.erase();
    }
    // Told to stop before the first verdict: nothing is known.
    if last.is_empty() {
        Exit::Unknown
    } else {
        super::exit(&last)
    }
}

/// A line for each endpoint that is not what it was; at first for all.
fn changes(before: &[Checked], checked: &[Checked]) {
    let mut sheet = Sheet::new(terminal::columns());
    for one in checked {
        let old = before.iter().find(|old| old.endpoint.name == one.endpoint.name);
        if old.map(Said::of) != Some(Said::of(one)) {
            change(&mut sheet, old.map(|old| Health::of(&old.verdict)), one);
        }
    }
    sheet.print();
    // A pipe that has gone is noticed by the signal that comes of it.
    let _ = std::io::stdout().flush();
}

fn change(sheet: &mut Sheet, before: Option<Health>, checked: &Checked) {
    let verdict = &checked.verdict;
    let health = Health::of(verdict);
    let mut spans: Vec<Span<'_>> = vec![
        styled(DIM, time(checked.probed.at)),
        "  ".into(),
        styled(health.style(), format!("{:8}", health.as_str())),
        "  ".into(),
        styled(terminal::BOLD, checked.endpoint.name.as_str()),
    ];
    if let Some(root) = &verdict.root {
        let symptom = verdict.symptom.iter().find(|one| one.cause != root.cause);
        let hence = symptom.map_or_else(String::new, |one| format!(", hence {}", one.cause));
        spans.push(styled(PLAIN, format!("  {}{hence}: ", root.cause)));
        spans.push(format!("expected {}; actual {}", root.expected, root.actual).into());
    }
    if let Some(before) = before {
        spans.push(styled(DIM, format!("  (was {})", before.as_str())));
    }
    sheet.hanging(20, &spans);
}

fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// The line that is drawn over at the next round.
fn status(checked: &[Checked], number: u64, took: Duration) -> String {
    let at = checked.last().map_or_else(String::new, |one| time(one.probed.at));
    format!(
        "{at}  {}  round {number}, {}",
        super::counts(checked),
        super::layers::milliseconds(took)
    )
}
