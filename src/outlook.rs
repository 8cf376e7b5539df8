//! What is known of an endpoint beside its probes, learnt slowly: what its platform says, when its certificate should
//! be renewed and by whom it may be, how long its domain is registered.
//!
//! Plain data, learnt by `platform` and `foresight`, judged by `diagnosis`.

pub mod caa;
pub mod feed;
pub mod platform;
pub mod registration;
pub mod renewal;

use caa::Caa;
use registration::Registration;
use renewal::Window;

/// What is foreseen of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct Foreseen<'a> {
    /// Who has issued the certificate that it serves, if it is an authority that is watched.
    pub issuer: Option<Issuer<'a>>,
    /// When that certificate should be renewed, as its authority says.
    pub window: Option<&'a Window>,
    /// The share of its lifetime that the certificate before had left when it was renewed.
    pub renewed_with: Option<f64>,
    /// Whether the issuer may renew it.
    pub caa: Option<&'a Caa>,
    /// Of its domain; recent.
    pub registration: Option<&'a Registration>,
}

impl Foreseen<'_> {
    /// Nothing.
    pub const NONE: Self = Self {
        issuer: None,
        window: None,
        renewed_with: None,
        caa: None,
        registration: None,
    };
}

/// A certificate authority.
#[derive(Debug, Clone, Copy)]
pub struct Issuer<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it answers; `None` before it was asked.
    pub up: Option<bool>,
}
