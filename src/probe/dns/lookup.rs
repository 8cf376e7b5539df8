//! What one server says of a name: its chain followed to the end, a failed validation told from a failure.

use hickory_proto::op;
use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::exchange::{Asking, Link, Unanswered};
use super::{comparison_limit, facts};
use crate::outcome::{Family, Message, Reply, ResponseCode, ServerRole};

/// Asks a server for a family's addresses of a name.
///
/// A resolver that leaves a chain unfollowed is asked on; when it then falls silent the whole is no answer, since
/// half a chain would pass for a name without addresses. An authoritative server is asked for what it holds and
/// no more: its chain ends where its zones end.
pub(super) async fn lookup(
    link: &Link,
    role: ServerRole,
    name: &Name,
    family: Family,
    deadline: Instant,
) -> Reply {
    let reply = match role {
        ServerRole::Resolver => recursive(link, name, family, deadline).await,
        ServerRole::Authoritative => authoritative(link, name, family, deadline).await,
    };
    reply.map_or_else(Reply::from, Reply::Message)
}

async fn authoritative(
    link: &Link,
    name: &Name,
    family: Family,
    deadline: Instant,
) -> Result<Message, Unanswered> {
    let asking = Asking {
        name,
        record: facts::record_type(family),
        recursion: false,
        checking_disabled: false,
        authenticity: false,
    };
    let message = link.ask(asking, deadline).await?;
    if refers(&message) {
        return Err(Unanswered::Broken(
            "refers to other servers: not authoritative for the name".to_owned(),
        ));
    }
    Ok(facts::of(name, family, &message))
}

/// A referral says nothing of the name; it would look like a name without addresses.
fn refers(message: &op::Message) -> bool {
    message.metadata.response_code == op::ResponseCode::NoError
        && !message.metadata.authoritative
        && message.answers.is_empty()
}

async fn recursive(
    link: &Link,
    name: &Name,
    family: Family,
    deadline: Instant,
) -> Result<Message, Unanswered> {
    let (mut whole, message) = validated(link, name, family, deadline).await?;
    let mut next = facts::unfollowed(&whole, name, &message);
    // Each turn but the last lengthens the chain, which is bounded.
    while let Some(last) = next {
        let before = whole.chain.len();
        let (more, message) = validated(link, &last, family, deadline).await?;
        facts::extend(&mut whole, name, more);
        next = (whole.chain.len() > before)
            .then(|| facts::unfollowed(&whole, name, &message))
            .flatten();
    }
    Ok(whole)
}

/// Asks, and after an unexplained SERVFAIL once more with checking disabled: an answer then means that validation
/// failed (RFC 4035 section 4.9.2). What that answer holds is not used.
async fn validated(
    link: &Link,
    name: &Name,
    family: Family,
    deadline: Instant,
) -> Result<(Message, op::Message), Unanswered> {
    let asking = Asking {
        name,
        record: facts::record_type(family),
        recursion: true,
        checking_disabled: false,
        authenticity: false,
    };
    let message = link.ask(asking, deadline).await?;
    let mut facts = facts::of(name, family, &message);
    if facts.rcode == ResponseCode::ServFail && !facts.bogus {
        let unchecked = Asking {
            checking_disabled: true,
            ..asking
        };
        let limit = comparison_limit(Instant::now(), deadline);
        facts.bogus = link.ask(unchecked, limit).await.is_ok_and(|message| {
            matches!(
                message.metadata.response_code,
                op::ResponseCode::NoError | op::ResponseCode::NXDomain
            )
        });
    }
    Ok((facts, message))
}
