//! The runbooks, as they stand in `docs/runbooks`: what ships with the binary is what the documents say.

use super::AlertName;

/// Each alert with the file of its name.
macro_rules! runbooks {
    ($name:expr, $($variant:ident)+) => {
        match $name {
            $(AlertName::$variant => include_str!(concat!("../../docs/runbooks/Linkwatch", stringify!($variant), ".md")),)+
        }
    };
}

impl AlertName {
    /// What to do about it, in Markdown.
    #[must_use]
    pub const fn runbook(self) -> &'static str {
        runbooks!(self,
            EndpointDown GroupDown EndpointDegraded EndpointFlapping DnsTargetDrift PlatformTargetChanged
            PlatformCertificateFailing CertificateInvalid CertificateExpiring RenewalOverdue CertificateAuthorityDown
            CaaForbidsIssuer RegistrationExpiring TrafficLow ProbeStale TrafficSourceDown HostUnwatched PlatformDown
            VantageOffline ClockSkewed ConfigReloadFailed RulesOutdated Down Watchdog)
    }
}
