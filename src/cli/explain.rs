//! `linkwatch explain`: the runbook of an alert, or all about a cause, offline.

use clap::Args;

use super::terminal::{self, BOLD, DIM, PLAIN, Sheet, styled};
use super::{Exit, complain};
use crate::alert::{AlertName, alert_of};
use crate::cause::{Cause, Effect, ProbeCause};
use crate::diagnosis::catalogue::{roots, symptoms};

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
fn meaning(runbook: &'static str) -> String {
    let (_, text) = runbook.split_once("## Meaning").unwrap_or_default();
    let paragraph = text.trim_start().split("\n\n").next().unwrap_or_default();
    let sentence = paragraph.split_inclusive(". ").next().unwrap_or_default();
    plain(&sentence.replace('\n', " ")).trim_end().to_owned()
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

/// Markdown as a terminal shows it: headings stand out, code is indented, links are their texts.
fn runbook(alert: AlertName) {
    let mut sheet = Sheet::new(terminal::columns());
    let mut in_code = false;
    for line in alert.runbook().lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            sheet.line(&[styled(DIM, format!("    {trimmed}"))]);
        } else if let Some(heading) = line.strip_prefix('#') {
            sheet.line(&[styled(BOLD, heading.trim_start_matches('#').trim().to_owned())]);
        } else if line.trim().is_empty() {
            sheet.gap();
        } else {
            let indent = line.len() - trimmed.len();
            let item = if trimmed.starts_with("- ") { 2 } else { 0 };
            let text = format!("{}{}", " ".repeat(indent), plain(trimmed));
            sheet.hanging(indent + item, &[styled(PLAIN, text)]);
        }
    }
    sheet.print();
}

/// A line of Markdown without the marks of code, weight and links.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let target = after
            .split_once("](")
            .and_then(|(name, to)| Some((name, to.split_once(')')?.1)));
        if let Some((name, after)) = target {
            text.push_str(name);
            rest = after;
        } else {
            text.push('[');
            rest = after;
        }
    }
    text.push_str(rest);
    text.replace("**", "").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_markdown_loses_its_marks_and_nothing_else() {
        assert_eq!(plain("see [the page](https://a/b) and `x`"), "see the page and x");
        assert_eq!(plain("a[0] **now**"), "a[0] now");
    }

    #[test]
    fn every_runbook_begins_with_what_its_alert_means() {
        for alert in AlertName::ALL {
            assert!(meaning(alert.runbook()).len() > 20, "{alert}");
        }
    }
}
