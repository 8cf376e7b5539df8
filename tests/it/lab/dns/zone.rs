//! What a lab server knows and how it answers: pure, without sockets.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hickory_proto::{
    op::ResponseCode,
    rr::{LowerName, Name, RData, Record, RecordType},
};

use super::says::{Reply, Response, Role, Says};

#[derive(Clone, Debug, Default)]
struct Entry {
    records: Vec<Record>,
    flattens: Option<LowerName>,
}

/// The names of one server.
#[derive(Debug)]
pub struct Zone {
    role: Role,
    entries: BTreeMap<LowerName, Entry>,
    says: HashMap<LowerName, Says>,
    says_to_all: Says,
    queries: HashMap<LowerName, u64>,
}

impl Zone {
    /// A server that knows nothing yet.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            entries: BTreeMap::new(),
            says: HashMap::new(),
            says_to_all: Says::Records,
            queries: HashMap::new(),
        }
    }

    /// The role it was made for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Replaces the records of one type at a name. Addresses take the place of an alias or a flattening.
    pub fn set(&mut self, owner: &str, kind: RecordType, ttl: u32, data: Vec<RData>) {
        let owner = name(owner);
        let entry = self.entries.entry(LowerName::new(&owner)).or_default();
        if kind.is_ip_addr() {
            entry.flattens = None;
            entry
                .records
                .retain(|record| record.record_type() != RecordType::CNAME);
        }
        entry.records.retain(|record| record.record_type() != kind);
        entry.records.extend(
            data.into_iter()
                .map(|data| Record::from_rdata(owner.clone(), ttl, data)),
        );
    }

    /// Makes the addresses of a name those of its target; its other records stay.
    pub fn flatten(&mut self, owner: &str, target: &str) {
        self.set(owner, RecordType::A, 0, Vec::new());
        self.set(owner, RecordType::AAAA, 0, Vec::new());
        self.entries.entry(lower(owner)).or_default().flattens = Some(lower(target));
    }

    /// Forgets a name.
    pub fn remove(&mut self, owner: &str) {
        self.entries.remove(&lower(owner));
    }

    /// Sets the behaviour of one name.
    pub fn says(&mut self, owner: &str, says: Says) {
        self.says.insert(lower(owner), says);
    }

    /// Sets the behaviour of every name without its own.
    pub fn says_to_all(&mut self, says: Says) {
        self.says_to_all = says;
    }

    /// Ends every behaviour.
    pub fn heal(&mut self) {
        self.says.clear();
        self.says_to_all = Says::Records;
    }

    /// How many queries have asked for this name.
    #[must_use]
    pub fn queries(&self, owner: &str) -> u64 {
        self.queries.get(&lower(owner)).copied().unwrap_or_default()
    }

    /// How many queries have arrived.
    #[must_use]
    pub fn all_queries(&self) -> u64 {
        self.queries.values().sum()
    }

    /// Every record and flattening, to be given to [`Zone::replace_records`] of another.
    #[must_use]
    pub fn records(&self) -> Records {
        Records(self.entries.clone())
    }

    /// Replaces every record and flattening.
    pub fn replace_records(&mut self, records: Records) {
        self.entries = records.0;
    }

    /// Counts the question and answers it.
    pub fn ask(&mut self, owner: &LowerName, kind: RecordType, checking_disabled: bool) -> Response {
        *self.queries.entry(owner.clone()).or_default() += 1;
        let mut walk = Walk {
            kind,
            checking_disabled,
            answers: Vec::new(),
            delay: Duration::ZERO,
        };
        let Some(mut reply) = self.follow(owner, &mut walk) else {
            return Response::Silence;
        };
        if matches!(reply.code, ResponseCode::NoError | ResponseCode::NXDomain) {
            reply.answers.splice(0..0, walk.answers);
        }
        Response::Send(walk.delay, reply)
    }

    /// Walks the aliases from `owner` on; `None` is silence. Aliases go to the walk, the end to the reply.
    fn follow(&self, owner: &LowerName, walk: &mut Walk) -> Option<Reply> {
        let mut owner = owner.clone();
        loop {
            let says = self.says.get(&owner).unwrap_or(&self.says_to_all).clone();
            let (reply, alias) = self.behave(&owner, says, walk)?;
            let Some(alias) = alias else { return Some(reply) };
            let target = LowerName::new(alias_target(&alias)?);
            walk.answers.push(alias);
            if walk.answers.len() >= LONGEST_CHAIN {
                return Some(Reply::of(ResponseCode::ServFail));
            }
            if self.role == Role::Authoritative && self.apex(&target).is_none() {
                return Some(Reply::of(ResponseCode::NoError));
            }
            owner = target;
        }
    }

    /// One step: a reply, and the alias to go on with where there is one.
    fn behave(&self, owner: &LowerName, says: Says, walk: &mut Walk) -> Option<(Reply, Option<Record>)> {
        let failure = |code| Some((Reply::of(code), None));
        match says {
            Says::Records => Some(self.look_up(owner, walk)),
            Says::NxDomain => Some((self.negative(ResponseCode::NXDomain, owner), None)),
            Says::NoData => Some((self.negative(ResponseCode::NoError, owner), None)),
            Says::Bogus | Says::SilentlyBogus if walk.checking_disabled => Some(self.look_up(owner, walk)),
            Says::Bogus => Some((Reply::failed(Some(DNSSEC_BOGUS)), None)),
            Says::SilentlyBogus => Some((Reply::failed(None), None)),
            Says::ServFail(extended_error) => Some((Reply::failed(extended_error), None)),
            Says::Refused => failure(ResponseCode::Refused),
            Says::Silent => None,
            Says::Truncated => {
                let (reply, alias) = self.look_up(owner, walk);
                Some((
                    Reply {
                        truncated: true,
                        ..reply
                    },
                    alias,
                ))
            }
            Says::After(delay, inner) => {
                walk.delay += delay;
                self.behave(owner, *inner, walk)
            }
        }
    }

    fn look_up(&self, owner: &LowerName, walk: &mut Walk) -> (Reply, Option<Record>) {
        if self.role == Role::Authoritative && self.apex(owner).is_none() {
            return (Reply::of(ResponseCode::Refused), None);
        }
        let Some(entry) = self.entries.get(owner) else {
            let code = if self.has_names_below(owner) {
                ResponseCode::NoError
            } else {
                ResponseCode::NXDomain
            };
            return (self.negative(code, owner), None);
        };
        let found: Vec<Record> = entry
            .records
            .iter()
            .filter(|record| record.record_type() == walk.kind)
            .cloned()
            .collect();
        if !found.is_empty() {
            return (
                Reply {
                    answers: found,
                    ..Reply::of(ResponseCode::NoError)
                },
                None,
            );
        }
        if let Some(alias) = entry
            .records
            .iter()
            .find(|record| record.record_type() == RecordType::CNAME)
        {
            return (Reply::of(ResponseCode::NoError), Some(alias.clone()));
        }
        match &entry.flattens {
            Some(target) if walk.kind.is_ip_addr() => (self.flattened(owner, target, walk), None),
            _ => (self.negative(ResponseCode::NoError, owner), None),
        }
    }

    /// What the target resolves to, under the owner's name.
    fn flattened(&self, owner: &LowerName, target: &LowerName, walk: &Walk) -> Reply {
        let mut inner = Walk {
            answers: Vec::new(),
            delay: Duration::ZERO,
            ..*walk
        };
        let resolver = if self.role == Role::Recursive {
            self.follow(target, &mut inner)
        } else {
            None
        };
        let found = match resolver {
            Some(reply) => reply.answers,
            None => self
                .entries
                .get(target)
                .map(|entry| entry.records.clone())
                .unwrap_or_default(),
        };
        let of_kind = found
            .into_iter()
            .filter(|record| record.record_type() == walk.kind);
        let answers: Vec<Record> = of_kind
            .map(|record| Record::from_rdata(Name::from(owner), record.ttl, record.data))
            .collect();
        if answers.is_empty() {
            return self.negative(ResponseCode::NoError, owner);
        }
        Reply {
            answers,
            ..Reply::of(ResponseCode::NoError)
        }
    }

    fn negative(&self, code: ResponseCode, owner: &LowerName) -> Reply {
        Reply {
            authority: self.apex(owner).into_iter().cloned().collect(),
            ..Reply::of(code)
        }
    }

    /// The SOA of the zone that a name lies in.
    fn apex(&self, owner: &LowerName) -> Option<&Record> {
        let mut zone = owner.clone();
        loop {
            let records = self
                .entries
                .get(&zone)
                .map(|entry| entry.records.as_slice())
                .unwrap_or_default();
            if let Some(soa) = records
                .iter()
                .find(|record| record.record_type() == RecordType::SOA)
            {
                return Some(soa);
            }
            if zone.is_root() {
                return None;
            }
            zone = zone.base_name();
        }
    }

    fn has_names_below(&self, owner: &LowerName) -> bool {
        self.entries.keys().any(|known| owner.zone_of(known))
    }
}

/// The records of a zone, to be copied.
#[derive(Clone, Debug)]
pub struct Records(BTreeMap<LowerName, Entry>);

struct Walk {
    kind: RecordType,
    checking_disabled: bool,
    answers: Vec<Record>,
    delay: Duration,
}

fn alias_target(alias: &Record) -> Option<&Name> {
    if let RData::CNAME(target) = &alias.data {
        Some(&target.0)
    } else {
        None
    }
}

/// A name, absolute whether or not it is written with its last dot.
#[must_use]
pub fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a domain name");
    name.set_fqdn(true);
    name
}

fn lower(text: &str) -> LowerName {
    LowerName::new(&name(text))
}

/// Real resolvers give up on longer chains too; a loop ends here.
const LONGEST_CHAIN: usize = 16;

/// "DNSSEC Bogus" (RFC 8914 section 4.7).
const DNSSEC_BOGUS: u16 = 6;
