//! Slow looks at what will break if nothing is done: the registration of domains, and the authorities that issue
//! certificates.
//!
//! Each sibling asks one kind of service and gives facts of `outlook`; what could not be learnt is unknown, never a
//! number.

use std::time::Duration;

pub mod acme;
pub mod feed;
pub mod rdap;
pub mod watch;

/// What is looked at; nothing by itself, since all of it asks third parties.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Authorities, in the order of the configuration.
    pub authorities: Vec<acme::Settings>,
    /// How often each is asked whether it is up.
    pub interval: Duration,
    /// Status pages, in the order of the configuration.
    pub feeds: Vec<feed::Settings>,
    /// How registrations are looked up; `None`: they are not.
    pub registration: Option<rdap::Settings>,
}
