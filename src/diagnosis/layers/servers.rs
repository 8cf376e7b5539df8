//! What DNS servers said, for people: those that say the same on one line.

use std::net::IpAddr;

use crate::endpoint::NO_NAME;
use crate::outcome::{
    Answer, Family, Message, Reply, ResponseCode, ServerRole, TargetLookup, TargetResolution, TargetStanding,
};

/// One server, with all that it said.
#[derive(Debug)]
struct Server<'a> {
    name: &'a str,
    role: ServerRole,
    replies: Vec<(Family, &'a Reply)>,
}

/// What one or more servers said.
#[derive(Debug)]
pub(crate) struct Saying {
    /// Who said it.
    pub(crate) servers: String,
    /// What.
    pub(crate) said: String,
}

/// A line per different saying.
pub(crate) fn lines(answers: &[Answer]) -> Vec<String> {
    let line = |Saying { servers, said }| format!("{servers}: {said}");
    sayings(answers).into_iter().map(line).collect()
}

/// What was said, and by whom.
pub(crate) fn sayings(answers: &[Answer]) -> Vec<Saying> {
    let mut servers: Vec<Server<'_>> = Vec::new();
    for answer in answers {
        let known = servers
            .iter_mut()
            .find(|server| *server.name == *answer.server && server.role == answer.role);
        let said = (answer.family, &answer.reply);
        match known {
            Some(server) => server.replies.push(said),
            None => servers.push(Server {
                name: &answer.server,
                role: answer.role,
                replies: vec![said],
            }),
        }
    }
    for server in &mut servers {
        server.replies.sort_by_key(|(family, _)| *family == Family::Ipv6);
    }
    let mut lines: Vec<(ServerRole, Vec<&str>, String)> = Vec::new();
    for server in &servers {
        let said = sentence(&server.replies);
        let same = lines
            .iter_mut()
            .find(|(role, _, other)| *role == server.role && *other == said);
        match same {
            Some((_, names, _)) => names.push(server.name),
            None => lines.push((server.role, vec![server.name], said)),
        }
    }
    let saying = |(role, names, said): (ServerRole, Vec<&str>, String)| {
        let role = match role {
            ServerRole::Resolver => "",
            ServerRole::Authoritative => " (authoritative)",
        };
        Saying {
            servers: format!("{}{role}", names.join(", ")),
            said,
        }
    };
    lines.into_iter().map(saying).collect()
}

/// Where an expected target leads itself.
pub(crate) fn target(target: &TargetResolution) -> String {
    let standing = match target.standing {
        TargetStanding::Current => "expected",
        TargetStanding::Former => "formerly expected",
    };
    let addresses: Vec<String> = target.addresses.iter().map(IpAddr::to_string).collect();
    let leads = match target.state {
        TargetLookup::Resolved => format!("has {}", addresses.join(", ")),
        TargetLookup::Absent => "does not exist, or has no address".to_owned(),
        TargetLookup::Failed => "could not be looked up".to_owned(),
    };
    format!("{standing} target {} {leads}", target.name)
}

/// All that one server said.
fn sentence(replies: &[(Family, &Reply)]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let aliases = replies.iter().find_map(|(_, reply)| match reply {
        Reply::Message(message) if !message.chain.is_empty() => Some(aliases(message)),
        Reply::Message(_) | Reply::Timeout | Reply::Broken(_) | Reply::NoName => None,
    });
    parts.extend(aliases);
    for (family, reply) in replies {
        let record = match family {
            Family::Ipv4 => "A",
            Family::Ipv6 => "AAAA",
        };
        parts.push(match reply {
            Reply::Message(message) => message_text(record, message),
            Reply::Timeout => format!("{record}: no answer in time"),
            Reply::Broken(why) => format!("{record}: {why}"),
            Reply::NoName => NO_NAME.to_owned(),
        });
    }
    parts.dedup();
    parts.join("; ")
}

fn aliases(message: &Message) -> String {
    let chain = message.chain.iter();
    let steps: Vec<String> = chain
        .map(|alias| format!("CNAME {} (TTL {} s)", alias.target, alias.ttl))
        .collect();
    steps.join(" -> ")
}

fn message_text(record: &str, message: &Message) -> String {
    if !message.addresses.is_empty() {
        let addresses: Vec<String> = message.addresses.iter().map(IpAddr::to_string).collect();
        return format!("{record} {} (TTL {} s)", addresses.join(", "), message.ttl);
    }
    let code = match message.rcode {
        ResponseCode::NoError => return format!("no {record}"),
        ResponseCode::NxDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::Other(code) => format!("response code {code}"),
    };
    let bogus = if message.bogus {
        ", answered once DNSSEC is not checked: bogus"
    } else {
        ""
    };
    let extended = message
        .extended_error
        .map_or_else(String::new, |code| format!(", extended error {code}"));
    format!("{code}{bogus}{extended}")
}
