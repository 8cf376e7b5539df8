//! A case as data: a module, a target, and what may differ.

use super::difference::Difference;

/// What a case asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Prober {
    /// `/probe` itself: parameters, headers, formats.
    Probe,
    Http,
    Tcp,
    Dns,
    Unix,
    Grpc,
    Icmp,
}

impl Prober {
    /// In the order of the table.
    pub(super) const ALL: [Self; 7] = [
        Self::Probe,
        Self::Http,
        Self::Tcp,
        Self::Dns,
        Self::Unix,
        Self::Grpc,
        Self::Icmp,
    ];

    /// Its name in a module.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Probe => "/probe",
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Dns => "dns",
            Self::Unix => "unix",
            Self::Grpc => "grpc",
            Self::Icmp => "icmp",
        }
    }
}

/// What both must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// `probe_success 1`.
    Succeeds,
    /// `probe_success 0`.
    Fails,
    /// Not 200.
    Refused,
}

/// One question to both.
///
/// `$name` stands for a value of the world (an address, a file) in the module and in the target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The settings of the prober, as the inside of a flow mapping.
    pub(super) settings: &'static str,
    pub(super) target: &'static str,
    pub(super) answer: Answer,
    /// The module's own limit.
    pub(super) timeout: &'static str,
    /// Further parameters of the query, each with its ampersand.
    pub(super) query: &'static str,
    /// Further lines of the request's head, each with its end.
    pub(super) headers: &'static str,
    pub(super) differs: &'static [Difference],
}

impl Case {
    /// Both succeed.
    pub(super) const fn good(name: &'static str, settings: &'static str, target: &'static str) -> Self {
        Self {
            name,
            settings,
            target,
            answer: Answer::Succeeds,
            timeout: "5s",
            query: "",
            headers: "",
            differs: &[],
        }
    }

    /// Both fail.
    pub(super) const fn bad(name: &'static str, settings: &'static str, target: &'static str) -> Self {
        Self {
            answer: Answer::Fails,
            ..Self::good(name, settings, target)
        }
    }

    /// Both refuse to probe.
    pub(super) const fn refused(name: &'static str, settings: &'static str, target: &'static str) -> Self {
        Self {
            answer: Answer::Refused,
            ..Self::good(name, settings, target)
        }
    }

    /// With another limit of the module.
    pub(super) const fn within(mut self, timeout: &'static str) -> Self {
        self.timeout = timeout;
        self
    }

    /// With further parameters.
    pub(super) const fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// With further lines in the request's head.
    pub(super) const fn headers(mut self, headers: &'static str) -> Self {
        self.headers = headers;
        self
    }

    /// With differences that are meant.
    pub(super) const fn differs(mut self, differs: &'static [Difference]) -> Self {
        self.differs = differs;
        self
    }
}
