//! One endpoint: every layer with what should be beside what is, and how it came to this.

use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};

use super::overview::{compared, consequence};
use super::standing::{Seen, Standing, is_stale};
use super::{Part, Scene, drawing, incidents, rows, safe, shell, time};
use crate::cause::Cause;
use crate::diagnosis::layers::{Account, Layer, LayerState, Tone, account};
use crate::diagnosis::remedy;
use crate::outcome::CertificateFacts;
use crate::outlook::caa::Caa;
use crate::outlook::platform::CertificateState;
use crate::outlook::renewal;
use crate::state::Slot;
use crate::state::recent::{Probe, Recent};
use crate::text::without_credentials;

/// The page of an endpoint.
pub(in crate::web) fn endpoint(scene: &Scene, slot: &Arc<Slot>) -> String {
    let seen = Seen::at(slot, scene.now);
    let recent = slot.recent();
    let name = slot.endpoint.name.as_str();
    let content = html! {
        h1 { (safe(name)) " " (seen.standing.pill()) }
        (summary(scene, &seen))
        (wrong(scene, &seen))
        (last_probe(&seen, &recent))
        (probes(scene, &recent))
        (certificate(scene, &seen))
        (platform(scene, &seen))
        (traffic(scene, &seen))
        (history(scene, &seen))
        (commands(scene, &seen))
    };
    let title = format!("{name}: {}", seen.standing.as_str());
    shell(scene, Part::Endpoint, &title, &content)
}

fn summary(scene: &Scene, seen: &Seen) -> Markup {
    let endpoint = &seen.slot.endpoint;
    let state = seen.state.as_deref();
    html! {
        p { (safe(without_credentials(&endpoint.url).as_str())) }
        p.dim {
            "Group " (safe(endpoint.group.name.as_str())) ", module " (endpoint.group.module) ", every "
            (endpoint.group.interval.as_secs_f64()) " s"
            @for (label, value) in endpoint.labels.iter() { ", " (safe(label)) " " (safe(value)) }
        }
        @if let Some(state) = state {
            p {
                @if let (Some(up), Some(since)) = (state.up, state.since) {
                    @if up { "Up " } @else { "Down " } (time::since(since, scene.now)) ". "
                }
                @match state.last_run {
                    Some(last) => { "Last probe " (time::span(last, scene.now)) " ago." }
                    None => "Known from before a restart; not probed since.",
                }
                @if state.last_run.is_some() && is_stale(&seen.slot, state, scene.now) {
                    " It is not probed as often as it should be: what stands here may be out of date."
                }
                @if state.in_maintenance { " In maintenance: nothing of it pages." }
                @if !endpoint.group.page { " Its group does not page." }
            }
        } @else { p { "Not probed yet." } }
    }
}

/// Every cause that stands, the root first, and what to do about it.
fn wrong(scene: &Scene, seen: &Seen) -> Markup {
    let Some(root) = seen.root() else {
        return html! {};
    };
    let since = scene.state.book().since(&seen.slot.endpoint.name);
    let class = match seen.standing {
        Standing::Down => "trouble down",
        Standing::Unknown => "trouble unknown",
        Standing::Warned | Standing::Up => "trouble",
    };
    let others = seen
        .verdict()
        .map_or(&[][..], |verdict| verdict.others.as_slice());
    html! {
        section class=(class) aria-label="What is wrong" {
            h2 { (root.cause.meaning().trim_end_matches('.')) @if let Some(since) = since { ", " (time::since(since, scene.now)) } }
            p { code { (root.cause) } }
            (compared(root))
            dl { dt { "Do" } dd.plain { (safe(&remedy(root, &seen.slot.endpoint))) } }
            @if let Some(symptom) = consequence(seen) {
                h3 { "Therefore: " (symptom.cause.meaning()) } p { code { (symptom.cause) } } (compared(symptom))
            }
            @for other in others { h3 { "Also: " (other.cause.meaning()) } p { code { (other.cause) } } (compared(other)) }
        }
    }
}

fn last_probe(seen: &Seen, recent: &Recent) -> Markup {
    let (Some(outcome), Some(verdict)) = (&recent.outcome, seen.verdict()) else {
        return html! {};
    };
    let account = account(&seen.slot.endpoint, outcome, verdict);
    html! {
        section aria-labelledby="layers" {
            h2 #layers { "The last probe, layer by layer" }
            div.wide { table.rows {
                thead { tr { @for head in ["Layer", "State", "Took", "Expected", "Actual"] { th scope="col" { (head) } } } }
                tbody { @for layer in &account.layers { (layer_row(layer)) } }
            } }
            (waterfall(&account))
            @if account.addresses.len() > 1 { (addresses(&account, verdict.addresses_up)) }
        }
    }
}

fn layer_row(layer: &Layer) -> Markup {
    let (class, sign, word) = match layer.state {
        LayerState::Right => ("up", "✓", "as it should be"),
        LayerState::Warned => ("warning", "!", "warning"),
        LayerState::Wrong => ("down", "✕", "wrong"),
        LayerState::Unreached => ("unknown", "–", "not reached"),
        LayerState::Skipped => ("unknown", "–", "left out"),
    };
    html! {
        tr {
            th scope="row" { (layer.name) }
            td {
                span class={ "pill " (class) } { span aria-hidden="true" { (sign) " " } (word) }
                @for finding in &layer.findings { p { code { (finding.cause) } @if let Some(address) = finding.address { " at " (address) } } }
            }
            td.num { @if let Some(took) = layer.took { (time::duration(took)) } }
            td.fill { ul { @for line in &layer.expected { li.fact { (safe(line)) } } } }
            td.fill { ul { @for fact in &layer.facts { li.fact.dim[fact.tone == Tone::Aside] { (safe(&fact.text)) } } } }
        }
    }
}

/// Phase after phase, to scale.
fn waterfall(account: &Account) -> Markup {
    let total: Duration = account.phases.iter().map(|phase| phase.took).sum();
    let Some(address) = account.peer.as_ref().filter(|_| !total.is_zero()) else {
        return html! {};
    };
    let mut start = 0.0;
    let bars = account.phases.iter().map(|phase| {
        let share = |took: Duration| took.as_secs_f64() / total.as_secs_f64() * 100.0;
        let style = format!("left:{start:.1}%;width:{:.1}%", share(phase.took));
        start += share(phase.took);
        (phase, style)
    });
    html! {
        table {
            caption { "Time, " (time::duration(total)) " in all, at " (address) }
            tbody { @for (phase, style) in bars {
                tr { th scope="row" { (phase.name) } td style="width:70%" { span.fall aria-hidden="true" { span style=(style) {} } } td.num { (time::duration(phase.took)) } }
            } }
        }
    }
}

/// Every address, with what came of it.
fn addresses(account: &Account, up: usize) -> Markup {
    html! {
        table.rows {
            caption { (up) " of " (account.addresses.len()) " addresses are as they should be" }
            thead { tr { @for head in ["Address", "Took", "Came"] { th scope="col" { (head) } } } }
            tbody { @for tried in &account.addresses {
                tr { th scope="row" { (tried.peer) } td.num { (time::duration(tried.took)) } td.fill { (safe(&tried.came.text)) } }
            } }
        }
    }
}

fn probes(scene: &Scene, recent: &Recent) -> Markup {
    html! {
        @if !recent.probes.is_empty() {
            section aria-labelledby="probes" {
                h2 #probes { "The last probes" }
                p { (drawing::strip(recent)) }
                details { summary { (recent.probes.len()) " probes with their reasons, the newest first" }
                    div.wide { table.rows {
                        thead { tr { @for head in ["When", "Result", "Status", "Took", "Reason"] { th scope="col" { (head) } } } }
                        tbody { @for probe in recent.probes.iter().rev() { (probe_row(scene, probe)) } }
                    } }
                }
            }
        }
    }
}

fn probe_row(scene: &Scene, probe: &Probe) -> Markup {
    let standing = match (probe.failed, &probe.finding) {
        (true, _) => Standing::Down,
        (false, Some(_)) => Standing::Warned,
        (false, None) => Standing::Up,
    };
    html! {
        tr {
            td { (time::clock(probe.at, scene.now)) }
            td { @if probe.failed { span.pill.down { span aria-hidden="true" { "✕ " } "failed" } } @else { (standing.pill()) } }
            td { @if probe.status > 0 { (probe.status) } @else { "none" } }
            td { (time::duration(probe.took)) }
            td.fill { @if let Some(finding) = &probe.finding { code { (finding.cause) } ": expected " (safe(&finding.expected)) ", actual " (safe(&finding.actual)) } }
        }
    }
}

fn certificate(scene: &Scene, seen: &Seen) -> Markup {
    let Some((state, chain)) = seen
        .state
        .as_deref()
        .and_then(|state| Some((state, state.chain.as_ref()?)))
    else {
        return html! {};
    };
    let (outlook, foresight) = (seen.slot.outlook(), scene.state.foresight());
    html! {
        section aria-labelledby="certificate" {
            h2 #certificate { "Certificate" }
            p {
                @if chain.trusted() { "A browser would accept it." } @else { "A browser would not accept it." }
                @if let Some(observed) = state.chain_observed { " Last seen " (time::span(observed, scene.now)) " ago." }
            }
            div.wide { table.rows {
                thead { tr { @for head in ["Place", "Names", "Issuer", "Valid", "Life left"] { th scope="col" { (head) } } } }
                tbody { @for (position, facts) in chain.certificates.iter().enumerate() { (chain_row(scene, position, facts, chain.trusted())) } }
            } }
            dl {
                @if let Some(window) = &outlook.window {
                    dt { "To be renewed" } dd.plain { (time::instant(window.start)) " to " (time::instant(window.end)) ", as its authority says" }
                }
                @if let Some(caa) = &outlook.caa {
                    dt { "CAA records" } dd.plain { @match caa {
                        Caa::Permits => "permit its renewal",
                        Caa::Forbids(why) => { "forbid its renewal: " (safe(why)) }
                        Caa::Unknown(why) => { "not known: " (safe(why)) }
                    } }
                }
                @if let Some(authority) = chain.leaf().and_then(|leaf| foresight.issuer(leaf)) {
                    dt { "Authority" } dd.plain { (safe(&authority.name)) @match authority.up {
                        Some(true) => " answers",
                        Some(false) => { " does not answer" @if let Some(problem) = &authority.problem { ": " (safe(problem)) } }
                        None => " has not been asked yet",
                    } }
                }
                @if let Some(registration) = outlook.domain.as_ref().and_then(|domain| foresight.registrations.get(domain)) {
                    dt { (safe(&registration.domain)) } dd.plain {
                        @match registration.expiry {
                            Some(expiry) => { "registered until " (time::instant(expiry)) }
                            None => "registered; its registry does not say until when",
                        }
                        @if !registration.statuses.is_empty() { " (" (safe(&registration.statuses.join(", "))) ")" }
                    }
                }
            }
        }
    }
}

fn chain_row(scene: &Scene, position: usize, facts: &CertificateFacts, trusted: bool) -> Markup {
    const NAMED: usize = 5;
    let more = facts.name_count.saturating_sub(NAMED);
    html! {
        tr {
            td { @if position == 0 { "leaf" } @else { (position) } }
            td.fill {
                @if facts.names.is_empty() { (safe(&facts.subject)) }
                @for (place, name) in facts.names.iter().take(NAMED).enumerate() { @if place > 0 { ", " } (safe(name)) }
                @if more > 0 { " and " (more) " more" }
            }
            td { (safe(&facts.issuer_name)) }
            td { (time::instant(facts.not_before)) " to " (time::instant(facts.not_after)) }
            td { (rows::life(renewal::left(facts, scene.now), trusted))
                @if facts.not_after > scene.now { (time::span(scene.now, facts.not_after)) } @else { "expired" } }
        }
    }
}

fn platform(scene: &Scene, seen: &Seen) -> Markup {
    let endpoint = &seen.slot.endpoint;
    let change = seen.state.as_ref().and_then(|state| state.target_change.as_ref());
    let platforms = scene.state.platforms();
    let Some(said) = platforms.about(endpoint, change, scene.now) else {
        return html! {};
    };
    html! {
        section aria-labelledby="platform" {
            h2 #platform { "Platform " (safe(said.platform)) }
            dl {
                @match said.domain {
                    None => { dt { "Domain" } dd.plain { "not in the platform's list" } }
                    Some(domain) => {
                        dt { "Expects" } dd { @for (place, target) in domain.targets.iter().enumerate() { @if place > 0 { ", " } (safe(&target.to_string())) } }
                        dt { "Certificate" } dd.plain { @match domain.certificate {
                            CertificateState::Issued => "issued and in place",
                            CertificateState::Pending => "the platform is at work on it",
                            CertificateState::Failing => "the platform fails to get or to renew it",
                            CertificateState::Unknown => "the platform says nothing of it that is understood",
                        } }
                        @if let Some(right) = domain.dns_ok { dt { "DNS" } dd.plain { @if right { "as it should be, it finds" } @else { "not as it should be, it finds" } } }
                        dt { "Says" } dd { (safe(&domain.status)) @if !domain.reason.is_empty() { ": " (safe(&domain.reason)) } }
                    }
                }
                @if let Some(change) = said.change {
                    dt { "Changed" } dd.plain { (time::since(change.at, scene.now)) ", from "
                        @for (place, target) in change.from.iter().enumerate() { @if place > 0 { ", " } (safe(&target.to_string())) } }
                }
                @if !said.fresh { dt { "But" } dd.plain { "it has not answered lately: nothing is held against this" } }
            }
        }
    }
}

fn traffic(scene: &Scene, seen: &Seen) -> Markup {
    let traffic = scene.state.traffic();
    let series: Vec<_> = traffic.of_endpoint(&seen.slot.endpoint.name).collect();
    html! {
        @if !series.is_empty() {
            section aria-labelledby="traffic" {
                h2 #traffic { "Clicks" }
                @for series in series {
                    h3 { (safe(&series.subject.stream)) @if let Some(of) = &series.subject.series { " of " (safe(of)) } }
                    p { (drawing::rates(series)) @if series.judgement.blind() { "; too few for an outage of an hour to be noticed" } }
                    (drawing::chart(series))
                }
            }
        }
    }
}

fn history(scene: &Scene, seen: &Seen) -> Markup {
    let name = &seen.slot.endpoint.name;
    let mut part = scene.state.incidents();
    part.retain(|incident| incident.members.iter().any(|member| member.name == *name));
    html! {
        @if !part.is_empty() {
            section aria-labelledby="incidents" { h2 #incidents { "Incidents" } (incidents::table(scene, &part, Part::Endpoint)) }
        }
    }
}

/// As one word of a shell's line, whatever stands in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/%".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What to type to look into it.
fn commands(scene: &Scene, seen: &Seen) -> Markup {
    let endpoint = &seen.slot.endpoint;
    let host = &endpoint.host;
    let url = without_credentials(&endpoint.url);
    let targets = endpoint.target_names();
    let expected: Vec<String> = targets
        .iter()
        .flat_map(|name| [" --expect-dns ".to_owned(), quoted(name)])
        .collect();
    let explain = seen
        .cause()
        .map(|cause: Cause| format!("linkwatch explain {cause}\n"));
    let root = scene.root(Part::Endpoint);
    let path = super::place("", endpoint.name.as_str());
    html! {
        section aria-labelledby="commands" {
            h2 #commands { "Look into it" }
            pre { code { (explain.unwrap_or_default()) "linkwatch check " (safe(&quoted(url.as_str()))) (safe(&expected.concat())) "\n" "dig +noall +answer " (safe(host)) " A " (safe(host)) " AAAA" } }
            p { a href={ (root) "api/v1/" (path) } { "All of this as JSON" } ", " a href={ (root) "badges/" (path) ".svg" } { "a badge" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_cannot_end_the_command_that_it_stands_in() {
        assert_eq!(quoted("https://a.example/c/1"), "https://a.example/c/1");
        assert_eq!(quoted("a'; reboot"), "'a'\\''; reboot'");
    }
}
