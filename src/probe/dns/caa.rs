//! CAA records of a name and of those above it.

use hickory_proto::op;
use hickory_proto::rr::{RData, RecordType};
use tokio::time::Instant;

use super::exchange::{Asking, Unanswered};
use super::{Resolver, facts, share};
use crate::outlook::caa::{Answer, Property, climb};
use crate::text::bounded;

/// Records of one name that are kept.
const MOST_RECORDS: usize = 64;

impl Resolver {
    /// The answers of a climb from a host upwards (RFC 8659 section 3), up to the first that has records or has failed.
    pub async fn caa(&self, host: &str, deadline: Instant) -> Vec<(String, Answer)> {
        let mut answers = Vec::new();
        for name in climb(host) {
            let answer = self.caa_of(name, deadline).await;
            let last = !matches!(&answer, Answer::Records(records) if records.is_empty());
            answers.push((name.to_owned(), answer));
            if last {
                break;
            }
        }
        answers
    }

    /// The first server's word that counts. An alias is followed by the resolver (RFC 8659 section 3).
    async fn caa_of(&self, name: &str, deadline: Instant) -> Answer {
        let Some(name) = facts::name(name) else {
            return Answer::Failed("not a name that can be asked for".to_owned());
        };
        let mut failed = Answer::Failed("no dns server is configured".to_owned());
        for (place, link) in self.servers.iter().enumerate() {
            let asking = Asking {
                name: &name,
                record: RecordType::CAA,
                recursion: true,
                checking_disabled: false,
                authenticity: false,
            };
            let until = share(Instant::now(), deadline, self.servers.len() - place);
            failed = match link.ask(asking, until).await {
                Ok(message) => match records(&message) {
                    Answer::Failed(why) => Answer::Failed(why),
                    answer @ Answer::Records(_) => return answer,
                },
                Err(Unanswered::Timeout) => Answer::Failed("no answer in time".to_owned()),
                Err(Unanswered::Broken(why)) => Answer::Failed(bounded(&why)),
            };
        }
        failed
    }
}

fn records(message: &op::Message) -> Answer {
    let code = message.metadata.response_code;
    if code == op::ResponseCode::NXDomain {
        return Answer::Records(Vec::new());
    }
    if code != op::ResponseCode::NoError {
        return Answer::Failed(format!("the resolver says {code}"));
    }
    let mut properties = Vec::new();
    for record in message.answers.iter().take(MOST_RECORDS) {
        if let RData::CAA(caa) = &record.data {
            properties.push(Property {
                critical: caa.issuer_critical,
                tag: bounded(&caa.tag),
                value: bounded(&String::from_utf8_lossy(&caa.value)),
            });
        }
    }
    Answer::Records(properties)
}
