//! How much memory an outcome takes, about: its parts, and every text that a peer has a say in.

use super::{AnswerFacts, Attempt, DialogueFacts, Failure, Hop, Message, Outcome, Reply};

impl Outcome {
    /// Bytes that it takes, about. Certificate chains are shared and not counted.
    #[must_use]
    pub fn size(&self) -> usize {
        let answers = self.resolution.answers.iter().map(|answer| {
            let more = match &answer.reply {
                Reply::Message(message) => aliases(message) + size_of_val(message.addresses.as_slice()),
                Reply::Broken(what) => what.len(),
                Reply::Timeout | Reply::NoName => 0,
            };
            size_of_val(answer) + more
        });
        let attempts = self.attempts.iter().map(attempt);
        size_of_val(self) + answers.chain(attempts).sum::<usize>()
    }
}

fn aliases(message: &Message) -> usize {
    let chain = message.chain.iter();
    chain.map(|alias| size_of_val(alias) + alias.target.len()).sum()
}

fn attempt(attempt: &Attempt) -> usize {
    let violations = attempt.violations.iter();
    let violations =
        violations.map(|broken| size_of_val(broken) + broken.expected.len() + broken.actual.len());
    size_of_val(attempt) + violations.chain(attempt.hops.iter().map(hop)).sum::<usize>()
}

fn hop(hop: &Hop) -> usize {
    let location = hop
        .response
        .as_ref()
        .and_then(|response| response.location.as_ref());
    size_of_val(hop)
        + hop.url.len()
        + location.map_or(0, String::len)
        + hop.answer.as_ref().map_or(0, answer)
        + hop.failure.as_ref().map_or(0, failure)
}

fn answer(facts: &AnswerFacts) -> usize {
    match facts {
        AnswerFacts::Dialogue(facts) => dialogue(facts),
        AnswerFacts::Dns(facts) => facts
            .records
            .iter()
            .map(|record| size_of_val(record) + record.len())
            .sum(),
        AnswerFacts::Grpc(facts) => facts.message.len(),
        AnswerFacts::WebSocket(facts) => dialogue(&facts.dialogue),
        AnswerFacts::Echo(_) => 0,
    }
}

fn dialogue(facts: &DialogueFacts) -> usize {
    let labels = facts.labels.iter().flatten();
    let labels = labels.map(|(name, value)| 2 * size_of::<String>() + name.len() + value.len());
    facts.last_read.as_ref().map_or(0, String::len) + labels.sum::<usize>()
}

/// As long as what is said of it.
fn failure(failure: &Failure) -> usize {
    failure.to_string().len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::endpoint::ProberName;
    use crate::outcome::{HttpFailure, Peer, Resolution};

    fn outcome(hops: Vec<Hop>) -> Outcome {
        Outcome {
            prober: ProberName::Tcp,
            judges_json: false,
            started: Timestamp::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            resolution: Resolution::default(),
            attempts: vec![Attempt {
                peer: Peer::Name("a.test".to_owned()),
                hops,
                violations: Vec::new(),
            }],
        }
    }

    #[test]
    fn what_a_peer_makes_long_is_counted() {
        let plain = outcome(vec![Hop::new(String::new())]).size();
        let long = "x".repeat(10_000);
        let mut said = Hop::new(String::new());
        said.answer = Some(AnswerFacts::Dialogue(DialogueFacts {
            last_read: Some(long.clone()),
            ..DialogueFacts::default()
        }));
        let mut failed = Hop::new(String::new());
        failed.failure = Some(Failure::Http(HttpFailure::Protocol(long.clone())));
        for hop in [said, failed, Hop::new(long)] {
            let grown = outcome(vec![hop]).size() - plain;
            assert!((10_000..10_100).contains(&grown), "{grown}");
        }
    }
}
