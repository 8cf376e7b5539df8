//! What stands in the way of a probe on demand.

use std::fmt;

use super::Cause;

/// Why a probe on demand is not as it should be: a cause of the closed list, or one that only who asks for a probe can
/// meet. Whatever is watched was chosen by whoever runs the program, and has none of the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeCause {
    /// As of everything that is probed.
    Of(Cause),
    /// What was asked for is nothing that the module could ask.
    TargetInvalid,
    /// The target, or where it leads, may not be probed from here.
    TargetForbidden,
    /// This machine could not make the probe.
    VantageUnable,
}

impl ProbeCause {
    /// Those that are not in the closed list.
    pub const OWN: [Self; 3] = [Self::TargetInvalid, Self::TargetForbidden, Self::VantageUnable];

    /// The name in metrics, pages and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Of(cause) => cause.as_str(),
            Self::TargetInvalid => "target_invalid",
            Self::TargetForbidden => "target_forbidden",
            Self::VantageUnable => "vantage_unable",
        }
    }

    /// One sentence: what it means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Of(cause) => cause.meaning(),
            Self::TargetInvalid => "The target is not one that the module can ask.",
            Self::TargetForbidden => "The target, or where it leads, may not be probed from here.",
            Self::VantageUnable => "This machine could not make the probe: nothing is known of the target.",
        }
    }

    /// One sentence: what to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Of(cause) => cause.remedy(),
            Self::TargetInvalid => {
                "Read the reason in /logs; correct the target, or name a module whose prober takes it."
            }
            Self::TargetForbidden => {
                "Read the reason in /logs; if it should be probed, name its network, host or path under probe.allow."
            }
            Self::VantageUnable => {
                "Read in /logs what the machine lacks: most often the right to open a socket."
            }
        }
    }
}

impl From<Cause> for ProbeCause {
    fn from(cause: Cause) -> Self {
        Self::Of(cause)
    }
}

impl fmt::Display for ProbeCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
