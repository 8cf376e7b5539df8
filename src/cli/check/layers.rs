//! Layer by layer on paper: what was done, what came of it, and how long each phase took, to scale.

use std::time::Duration;

use anstyle::Style;

use super::report::LABEL;
use crate::cli::terminal::{BAD, DIM, GOOD, PLAIN, Sheet, Span, WARNING, scaled, styled};
use crate::diagnosis::Finding;
use crate::diagnosis::layers::{Account, Fact, Layer, LayerState, Tone, Tried};

/// Columns of a time, with the space behind it.
const TIME: usize = 12;

/// The layers, in the order in which the probe passed through them.
pub(super) fn write(sheet: &mut Sheet, layers: &[Layer]) {
    for layer in layers {
        let mut facts = layer.facts.iter();
        let first = match facts.next() {
            Some(fact) => said(fact, layer.state),
            None => styled(DIM, "not reached"),
        };
        row(sheet, layer.name, layer.took, first);
        for fact in facts {
            below(sheet, said(fact, layer.state));
        }
        for finding in &layer.findings {
            below(sheet, cause(finding, layer.state));
        }
    }
}

fn row(sheet: &mut Sheet, label: &str, took: Option<Duration>, said: Span<'_>) {
    let time = took.map_or_else(|| "-".to_owned(), milliseconds);
    let label = format!("{label:LABEL$}{time:>width$}", width = TIME - 2);
    sheet.row((PLAIN, &label), LABEL + TIME, &[said]);
}

fn below(sheet: &mut Sheet, said: Span<'_>) {
    sheet.row((PLAIN, ""), LABEL + TIME, &[said]);
}

fn said(fact: &Fact, state: LayerState) -> Span<'_> {
    let style = match (fact.tone, state) {
        (Tone::Bad, _) => BAD,
        (Tone::Aside, _) => DIM,
        (Tone::Plain, LayerState::Right) => GOOD,
        (Tone::Plain, _) => style(state),
    };
    styled(style, fact.text.as_str())
}

/// The cause that stands in a layer; the verdict above the layers says the rest of it.
fn cause(finding: &Finding, state: LayerState) -> Span<'static> {
    let sign = match state {
        LayerState::Wrong => "✕",
        LayerState::Right | LayerState::Warned | LayerState::Unreached | LayerState::Skipped => "!",
    };
    let at = finding
        .address
        .map_or_else(String::new, |address| format!(" at {address}"));
    styled(style(state), format!("{sign} {}{at}", finding.cause))
}

const fn style(state: LayerState) -> Style {
    match state {
        LayerState::Right => GOOD,
        LayerState::Warned => WARNING,
        LayerState::Wrong => BAD,
        LayerState::Unreached | LayerState::Skipped => PLAIN,
    }
}

/// A bar per phase, drawn to scale, each beginning where the one before has ended.
pub(super) fn waterfall(sheet: &mut Sheet, account: &Account) {
    let total: Duration = account.phases.iter().map(|phase| phase.took).sum();
    let Some(address) = account.peer.as_ref().filter(|_| !total.is_zero()) else {
        return;
    };
    sheet.gap();
    sheet.row(
        (PLAIN, "time"),
        LABEL,
        &[format!("{} in all, at {address}", milliseconds(total)).into()],
    );
    let cells = sheet.columns() - LABEL - TIME;
    let share = |duration: Duration| duration.as_secs_f64() / total.as_secs_f64();
    let mut begun = Duration::ZERO;
    for phase in &account.phases {
        let start = scaled(share(begun), cells - 1);
        let end = scaled(share(begun + phase.took), cells).max(start + 1);
        let bar = format!("{}{}", " ".repeat(start), "█".repeat(end - start));
        // One column in: `processing` fills the rest of the label.
        row(sheet, &format!(" {}", phase.name), Some(phase.took), bar.into());
        begun += phase.took;
    }
}

/// Every address, with what came of it.
pub(super) fn addresses(sheet: &mut Sheet, addresses: &[Tried], up: usize) {
    let total = addresses.len();
    sheet.row(
        (PLAIN, "addresses"),
        LABEL,
        &[format!("{up} of {total} as they should be").into()],
    );
    for tried in addresses {
        let address = format!("{}  {}  ", tried.peer, milliseconds(tried.took));
        let style = match tried.came.tone {
            Tone::Bad => WARNING,
            Tone::Plain | Tone::Aside => GOOD,
        };
        let came = styled(style, tried.came.text.as_str());
        sheet.row((PLAIN, ""), LABEL, &[address.into(), came]);
    }
}

/// A time as people compare them.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
