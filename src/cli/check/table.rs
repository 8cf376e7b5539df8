//! A whole fleet in one table: grouped, the worst first.

use super::{Checked, Health, layers};
use crate::cause::Cause;
use crate::cli::terminal::{BOLD, DIM, PLAIN, Sheet, lines, padded, styled, width};
use crate::outcome::ChainFacts;
use crate::outlook::renewal;

/// Columns of the state, with the space behind it.
const STATE: usize = 10;

/// Columns of the cause.
const CAUSE: usize = 29;

/// Columns of what is left of the certificate, and of the time.
const LEFT: usize = 12;
const TIME: usize = 11;

/// Columns of the names at least.
const SHORTEST_NAME: usize = 16;

/// Those that are not as they should be, the worst first.
pub(super) fn worst(checked: &[Checked]) -> Vec<&Checked> {
    let mut worst: Vec<&Checked> = checked
        .iter()
        .filter(|one| Health::of(&one.verdict) != Health::Fine)
        .collect();
    worst.sort_by_key(|one| rank(one));
    worst
}

/// The worst first, then by the causal order, then as configured.
fn rank(checked: &Checked) -> (Health, Option<Cause>) {
    let root = checked.verdict.root.as_ref();
    (Health::of(&checked.verdict), root.map(|root| root.cause))
}

/// The table; those that are as they should be are counted where they would fill the screen.
pub(super) fn write(sheet: &mut Sheet, checked: &[Checked], all: bool) {
    let all = all || checked.len() + 4 <= lines();
    let name = name_columns(sheet, checked);
    heading(sheet, name);
    for group in groups(checked) {
        let fine = group.iter().filter(|one| is_fine(one)).count();
        let Some(first) = group.first() else { continue };
        sheet.line(&[
            styled(BOLD, first.endpoint.group.name.as_str()),
            styled(DIM, format!("  {fine} of {} ok", group.len())),
        ]);
        for one in group.iter().filter(|one| all || !is_fine(one)) {
            entry(sheet, one, name);
        }
        if !all && fine > 0 {
            sheet.line(&[styled(
                DIM,
                format!("{:STATE$}{fine} endpoints (--all lists them)", "ok"),
            )]);
        }
    }
    sheet.gap();
    let fine = checked.iter().filter(|one| is_fine(one)).count();
    let total = checked.len();
    let counts = super::counts(checked);
    sheet.line(&[format!("{fine} of {total} endpoints are as they should be: {counts}").into()]);
}

fn heading(sheet: &mut Sheet, name: Option<usize>) {
    let mut line = |label: &str, rest: &str| sheet.line(&[styled(DIM, format!("{label:STATE$}{rest}"))]);
    if let Some(name) = name {
        line(
            "STATE",
            &columns(&padded("NAME", name), "CAUSE", "CERTIFICATE", "TIME"),
        );
    } else {
        line("STATE", "NAME");
        line("", &figures("CAUSE", "CERT", "TIME"));
    }
}

fn is_fine(checked: &Checked) -> bool {
    Health::of(&checked.verdict) == Health::Fine
}

/// The groups, the one with the worst endpoint first, and within each the worst endpoint first.
fn groups(checked: &[Checked]) -> Vec<Vec<&Checked>> {
    let mut groups: Vec<Vec<&Checked>> = Vec::new();
    for one in checked {
        let name = &one.endpoint.group.name;
        match groups.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| first.endpoint.group.name == *name)
        }) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|one| rank(one));
    }
    groups.sort_by_key(|group| group.first().map(|first| rank(first)));
    groups
}

/// As wide as the longest name, as far as there is room; `None` where names must stand on lines of their own.
fn name_columns(sheet: &Sheet, checked: &[Checked]) -> Option<usize> {
    let room = sheet.columns().checked_sub(STATE + CAUSE + LEFT + TIME + 2);
    let room = room.filter(|room| *room >= SHORTEST_NAME)?;
    let longest = checked.iter().map(|one| width(one.endpoint.name.as_str())).max();
    Some(longest.unwrap_or(0).clamp(SHORTEST_NAME, room))
}

/// One row; a name that is too long for its column stands on a line of its own.
fn entry(sheet: &mut Sheet, checked: &Checked, name: Option<usize>) {
    let health = Health::of(&checked.verdict);
    let root = checked.verdict.root.as_ref();
    let cause = root.map_or("", |root| root.cause.as_str());
    let outcome = &checked.probed.outcome;
    let left = outcome
        .chain()
        .map_or_else(String::new, |chain| left(chain, checked));
    let took = layers::milliseconds(outcome.slowest_timings().total());
    let state = styled(health.style(), padded(health.as_str(), STATE));
    let shown = checked.endpoint.name.as_str();
    match name {
        Some(name) if width(shown) <= name => {
            let rest = columns(&padded(shown, name), cause, &left, &took);
            sheet.line(&[state, rest.into()]);
        }
        Some(name) => {
            sheet.hanging(STATE, &[state, shown.into()]);
            let rest = columns(&padded("", name), cause, &left, &took);
            sheet.row((PLAIN, ""), STATE, &[rest.into()]);
        }
        None => {
            sheet.hanging(STATE, &[state, shown.into()]);
            sheet.row((PLAIN, ""), STATE, &[figures(cause, &left, &took).into()]);
        }
    }
}

fn columns(name: &str, cause: &str, left: &str, took: &str) -> String {
    format!("{name}  {cause:CAUSE$}{left:>LEFT$}{took:>TIME$}")
}

/// What stands below a name, in the 50 columns that the narrowest terminal leaves beside the state.
fn figures(cause: &str, left: &str, took: &str) -> String {
    format!("{cause:28} {left:>10} {took:>9}")
}

/// What is left of the certificate that is served; how long it has been over is told by a minus.
fn left(chain: &ChainFacts, checked: &Checked) -> String {
    let Some(leaf) = chain.leaf() else {
        return String::new();
    };
    let days = leaf.not_after.duration_since(checked.probed.at).as_hours() / 24;
    let share = renewal::left(leaf, checked.probed.at).unwrap_or(0.0);
    format!("{days} d {:.0} %", share.max(0.0) * 100.0)
}
