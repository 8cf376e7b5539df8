//! Whether resolvers vouch for a name: what DNSSEC validation came to, server by server.

use std::sync::Arc;

use futures_util::future::join_all;
use hickory_proto::op;
use hickory_proto::rr::{Name, RecordType};
use tokio::time::Instant;

use super::exchange::{Asking, Link};
use super::{Resolver, facts};
use crate::outcome::Dnssec;

impl Resolver {
    /// Asks every resolver whether it has validated the name's addresses.
    pub async fn dnssec(&self, host: &str, deadline: Instant) -> Vec<(Arc<str>, Dnssec)> {
        let Some(name) = facts::name(host) else {
            return Vec::new();
        };
        let name = &name;
        let asked = self.servers.iter().map(|link| async move {
            let said = ask(link, name, deadline).await;
            (Arc::clone(&link.label), said)
        });
        join_all(asked).await
    }
}

async fn ask(link: &Link, name: &Name, deadline: Instant) -> Dnssec {
    let asking = Asking {
        name,
        record: RecordType::A,
        recursion: true,
        checking_disabled: false,
        authenticity: true,
    };
    let Ok(message) = link.ask(asking, deadline).await else {
        return Dnssec::Unknown;
    };
    let code = message.metadata.response_code;
    let definite = |code| matches!(code, op::ResponseCode::NoError | op::ResponseCode::NXDomain);
    if definite(code) {
        return if message.metadata.authentic_data {
            Dnssec::Validated
        } else {
            Dnssec::Unvalidated
        };
    }
    if code != op::ResponseCode::ServFail {
        return Dnssec::Unknown;
    }
    let unchecked = Asking {
        checking_disabled: true,
        ..asking
    };
    match link.ask(unchecked, deadline).await {
        Ok(message) if definite(message.metadata.response_code) => Dnssec::Bogus,
        Ok(_) | Err(_) => Dnssec::Unknown,
    }
}
