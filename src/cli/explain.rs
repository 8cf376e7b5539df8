//! `linkwatch explain`: the runbook of an alert, or all about a cause, offline.

use clap::Args;

use super::terminal::{self, BOLD, DIM, PLAIN, Sheet, styled};
use super::{Exit, complain};
use crate::alert::{AlertName, alert_of};
use crate::cause::{Cause, Effect, ProbeCause};
use crate::diagnosis::catalogue::{roots, symptoms};

mod markdown;

/// What `explain` can be told.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// An alert, with or without `Linkwatch` before it, or a cause; all of them are listed without it.
    #[arg(value_name = "ALERT|CAUSE")]
    name: Option<String>,
}

/// How much a word must be like a name to be suggested for it.
const ALIKE: f64 = 0.7;

/// Explains what the arguments name.
pub(super) fn run(args: &ExplainArgs) -> Exit {
    let Some(name) = &args.name else {
        list();
        return Exit::Fine;
    };
    if let Some(cause) = Cause::ALL.iter().find(|cause| cause.as_str() == name) {
        explain(*cause);
        return Exit::Fine;
    }
    if let Some(cause) = ProbeCause::OWN.iter().find(|cause| cause.as_str() == name) {
        explain_on_demand(*cause);
        return Exit::Fine;
    }
    let short = |alert: &AlertName| alert.as_str().trim_start_matches("Linkwatch");
    let wanted = name.trim_start_matches("Linkwatch");
    if let Some(alert) = AlertName::ALL
        .iter()
        .find(|alert| short(alert).eq_ignore_ascii_case(wanted))
    {
        runbook(*alert);
        return Exit::Fine;
    }
    let known = Cause::ALL.iter().map(|cause| cause.as_str());
    let on_demand = ProbeCause::OWN.iter().map(|cause| cause.as_str());
    let known = known.chain(on_demand).chain(AlertName::ALL.iter().map(short));
    let closest = known
        .map(|candidate| (strsim::jaro_winkler(candidate, wanted), candidate))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let hint = closest.map(|(_, candidate)| format!("; did you mean {candidate}?"));
    complain(&format!(
        "{name:?} is neither an alert nor a cause{}; \"linkwatch explain\" lists them all",
        hint.unwrap_or_default()
    ))
}

fn list() {
    let mut sheet = Sheet::new(terminal::columns());
    sheet.line(&[styled(
        BOLD,
        "Causes, from the first to the last of the causal chain",
    )]);
    for cause in Cause::ALL {
        sheet.row((PLAIN, cause.as_str()), 30, &[styled(DIM, cause.meaning())]);
    }
    sheet.gap();
    sheet.line(&[styled(BOLD, "Causes of /probe alone")]);
    for cause in ProbeCause::OWN {
        sheet.row((PLAIN, cause.as_str()), 30, &[styled(DIM, cause.meaning())]);
    }
    sheet.gap();
    sheet.line(&[styled(BOLD, "Alerts")]);
    for alert in AlertName::ALL {
        sheet.row(
            (PLAIN, alert.as_str()),
            36,
            &[styled(DIM, meaning(alert.runbook()))],
        );
    }
    sheet.print();
}

/// The first sentence below "Meaning".
fn meaning(runbook: &str) -> String {
    let paragraph = markdown::paragraph_below(runbook, "Meaning");
    let sentence = paragraph.split_inclusive(". ").next().unwrap_or_default();
    sentence.trim_end().to_owned()
}

fn explain(cause: Cause) {
    let mut sheet = Sheet::new(terminal::columns());
    sheet.line(&[styled(BOLD, cause.as_str())]);
    sheet.gap();
    let effect = match cause.effect() {
        Effect::Down => "takes the endpoint down",
        Effect::Warns => "warns: the endpoint works",
        Effect::Suspends => "suspends judgement: neither up nor down can be said",
    };
    let mut row = |label: &str, text: String| sheet.row((DIM, label), 14, &[styled(PLAIN, text)]);
    row("meaning", cause.meaning().to_owned());
    row("layer", cause.stage().as_str().to_owned());
    row("effect", effect.to_owned());
    row("do", cause.remedy().to_owned());
    let (explains, explained) = (named(symptoms(cause)), named(roots(cause)));
    if !explains.is_empty() {
        row("is root of", explains);
    }
    if !explained.is_empty() {
        row("explained by", explained);
    }
    let alert = alert_of(cause);
    row("alert", format!("{alert} (linkwatch explain {alert})"));
    sheet.print();
}

fn explain_on_demand(cause: ProbeCause) {
    let mut sheet = Sheet::new(terminal::columns());
    sheet.line(&[styled(BOLD, cause.as_str())]);
    sheet.gap();
    let mut row = |label: &str, text: &str| sheet.row((DIM, label), 14, &[styled(PLAIN, text.to_owned())]);
    row("meaning", cause.meaning());
    row(
        "where",
        "on demand alone: in the series of /probe and in its log; nothing that is watched has it",
    );
    row("do", cause.remedy());
    sheet.print();
}

fn named(causes: impl Iterator<Item = Cause>) -> String {
    let names: Vec<&str> = causes.map(Cause::as_str).collect();
    names.join(", ")
}

fn runbook(alert: AlertName) {
    let mut sheet = Sheet::new(terminal::columns());
    markdown::write(&mut sheet, alert.runbook());
    sheet.print();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_runbook_ends_before_it_must() {
        for (alert, columns) in AlertName::ALL
            .iter()
            .flat_map(|alert| [(alert, 60), (alert, 100)])
        {
            let mut sheet = Sheet::new(columns);
            markdown::write(&mut sheet, alert.runbook());
            let coloured = sheet.into_text();
            let lines: Vec<&str> = coloured.lines().collect();
            // Lines of paragraphs: lists, records and code begin further in, or with a mark.
            let prose = |line: &str| line.starts_with(|first: char| first.is_ascii_uppercase());
            for pair in lines
                .windows(2)
                .filter(|pair| !pair[0].is_empty() && !pair[1].is_empty())
            {
                let bare = pair
                    .iter()
                    .map(|line| anstream::adapter::strip_str(line).to_string());
                let [line, next] = <[String; 2]>::try_from(bare.collect::<Vec<_>>()).unwrap();
                assert!(!prose(&line) || line.len() <= columns, "{alert}: {line}");
                let word = next.split(' ').next().unwrap_or_default();
                assert!(
                    !prose(&line) || line.len() + 1 + word.len() > columns,
                    "{alert} at {columns}: {line}\n{next}"
                );
            }
        }
    }

    #[test]
    fn every_runbook_begins_with_what_its_alert_means() {
        for alert in AlertName::ALL {
            assert!(meaning(alert.runbook()).len() > 20, "{alert}");
        }
    }
}
