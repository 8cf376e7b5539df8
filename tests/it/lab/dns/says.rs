//! How a lab server can answer.

use std::time::Duration;

use hickory_proto::{op::ResponseCode, rr::Record};

/// Whom a server plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Follows aliases; a name it does not know does not exist.
    Recursive,
    /// Knows its zones only: follows aliases inside them, refuses names outside.
    Authoritative,
}

/// How a server answers for a name.
#[derive(Clone, Debug, Default)]
pub enum Says {
    /// What the zone holds.
    #[default]
    Records,
    /// The name does not exist.
    NxDomain,
    /// The name exists without records of the type asked.
    NoData,
    /// Server failure, perhaps with an extended error code (RFC 8914).
    ServFail(Option<u16>),
    /// What a validating resolver says of a bogus name: server failure with extended error 6, and the records
    /// all the same once checking is disabled.
    Bogus,
    /// As [`Says::Bogus`], without the extended error: only disabling the check tells.
    SilentlyBogus,
    /// Refused.
    Refused,
    /// Nothing at all.
    Silent,
    /// Over UDP the truncation bit without records, over any other transport the whole answer.
    Truncated,
    /// As the inner behaviour, later.
    After(Duration, Box<Self>),
}

/// One answer, before it is put on the wire.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The response code.
    pub code: ResponseCode,
    /// The answer section, aliases first.
    pub answers: Vec<Record>,
    /// The authority section: the SOA of a negative answer.
    pub authority: Vec<Record>,
    /// The extended error code (RFC 8914).
    pub extended_error: Option<u16>,
    /// Whether UDP gets the truncation bit instead of the records.
    pub truncated: bool,
}

/// What becomes of one question.
#[derive(Clone, Debug)]
pub enum Response {
    /// Sent after the delay.
    Send(Duration, Reply),
    /// Never sent.
    Silence,
}

impl Reply {
    pub(crate) fn of(code: ResponseCode) -> Self {
        Self {
            code,
            answers: Vec::new(),
            authority: Vec::new(),
            extended_error: None,
            truncated: false,
        }
    }

    pub(crate) fn failed(extended_error: Option<u16>) -> Self {
        Self {
            extended_error,
            ..Self::of(ResponseCode::ServFail)
        }
    }
}
