//! `linkwatch check`: a probe of each endpoint, and a report that says what is wrong, why, and what to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{CheckArgs, Exit, Output, complain, terminal, warn};
use crate::diagnosis::{Standing, Verdict};
use crate::endpoint::{Endpoint, PlatformName};
use crate::outcome::Outcome;
use crate::platform::Kind;

mod data;
mod layers;
pub(super) mod plan;
mod progress;
mod report;
mod round;
mod stop;
mod table;
mod watch;

use progress::Progress;
use round::Rounds;
use stop::Stop;

/// An endpoint that has been checked.
#[derive(Debug)]
struct Checked {
    endpoint: Arc<Endpoint>,
    probed: Probed,
    verdict: Verdict,
}

/// What the probe saw, and when it was judged.
#[derive(Debug)]
struct Probed {
    outcome: Outcome,
    at: Timestamp,
}

/// The platforms of the configuration, for the commands that look into them.
type Kinds = BTreeMap<PlatformName, Kind>;

/// How an endpoint stands, in one word; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Down,
    Degraded,
    Unknown,
    Fine,
}

impl Health {
    const ALL: [Self; 4] = [Self::Down, Self::Degraded, Self::Unknown, Self::Fine];

    const fn of(verdict: &Verdict) -> Self {
        match (verdict.standing, &verdict.root) {
            (Standing::Up, None) => Self::Fine,
            (Standing::Up, Some(_)) => Self::Degraded,
            (Standing::Down, _) => Self::Down,
            (Standing::Unknown, _) => Self::Unknown,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Fine => "ok",
        }
    }

    const fn style(self) -> anstyle::Style {
        match self {
            Self::Down => terminal::BAD,
            Self::Degraded | Self::Unknown => terminal::WARNING,
            Self::Fine => terminal::GOOD,
        }
    }
}

/// Checks what the arguments name.
pub(super) fn run(args: &CheckArgs) -> Exit {
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let plan = match runtime.block_on(plan::Plan::of(args)) {
        Ok(plan) => plan,
        Err(message) => return complain(&message),
    };
    let kinds: Kinds = plan
        .platforms
        .iter()
        .map(|settings| (settings.name.clone(), settings.kind.clone()))
        .collect();
    let mut rounds = Rounds::new(plan);
    if args.watch {
        return runtime.block_on(watch::run(&mut rounds, args.interval));
    }
    let checked = match runtime.block_on(once(&mut rounds)) {
        Ok(checked) => checked,
        Err(exit) => return exit,
    };
    let exit = exit(&checked);
    match args.output {
        Output::Text => text(&checked, &kinds, args),
        Output::Json => data::json(&checked),
        Output::Prometheus => data::prometheus(checked),
    }
    exit
}

/// One round; whoever ends it early is told how far it came, and nothing half done.
async fn once(rounds: &mut Rounds) -> Result<Vec<Checked>, Exit> {
    let mut stop = Stop::new().map_err(|message| complain(&message))?;
    let mut progress = Progress::over(rounds.len());
    let finished = tokio::select! {
        biased;
        checked = rounds.next(&[], |one| progress.saw(one)) => Some(checked),
        () = stop.called() => None,
    };
    let (done, total) = progress.so_far();
    drop(progress);
    finished.ok_or_else(|| {
        warn(&format!(
            "stopped: {done} of {total} were checked, nothing is told of them"
        ));
        Exit::Unknown
    })
}

/// A report of one endpoint; of several a table, and below it reports of those that are worst off.
fn text(checked: &[Checked], kinds: &Kinds, args: &CheckArgs) {
    let mut sheet = terminal::Sheet::new(terminal::columns());
    if let [one] = checked {
        report::write(&mut sheet, one, kinds);
    } else {
        table::write(&mut sheet, checked, args.all);
        let worst = table::worst(checked);
        for one in worst.iter().take(args.details) {
            sheet.gap();
            report::write(&mut sheet, one, kinds);
        }
        let left = worst.len().saturating_sub(args.details);
        if left > 0 && args.details > 0 {
            sheet.gap();
            sheet.line(&[terminal::styled(
                terminal::DIM,
                format!("details of {left} more: --details {}", worst.len()),
            )]);
        }
    }
    sheet.print();
}

/// What the shell is told: the worst that was found.
fn exit(checked: &[Checked]) -> Exit {
    let any = |health| checked.iter().any(|one| Health::of(&one.verdict) == health);
    let causes = checked.iter().any(|one| one.verdict.root.is_some());
    if any(Health::Unknown) {
        Exit::Unknown
    } else if causes {
        Exit::Cause
    } else {
        Exit::Fine
    }
}

/// How many there are of each kind.
fn counts(checked: &[Checked]) -> String {
    let of = |health: Health| {
        checked
            .iter()
            .filter(|one| Health::of(&one.verdict) == health)
            .count()
    };
    let counted = Health::ALL.map(|health| (of(health), health.as_str()));
    let some = counted.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = some.map(|(count, word)| format!("{count} {word}")).collect();
    words.join(", ")
}
