//! Who is let in, and how: TLS, users, rate and headers, as `--web.config.file` says.
//!
//! An access is made whole and replaced whole. A request is admitted by the access that is in force when it arrives, a
//! connection is secured by the one in force when it is made.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Response, StatusCode};
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::body::{self, Body};

pub mod tls;
mod user;

pub use user::{BadHash, check_hash};

/// What an access is made of.
#[derive(Debug, Default)]
pub struct Settings {
    /// TLS; `None`: none.
    pub tls: Option<tls::Settings>,
    /// Put on every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Names and bcrypt hashes; empty: everybody.
    pub users: BTreeMap<String, String>,
    /// How many requests are taken; `None`: as many as come.
    pub rate: Option<Rate>,
}

/// How many requests are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// One more after this time.
    pub interval: Duration,
    /// So many at once.
    pub burst: NonZeroU32,
}

/// Who is let in, and how.
#[derive(Debug, Default)]
pub struct Access {
    tls: Option<Arc<ServerConfig>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    users: Option<user::Users>,
    limiter: Option<DefaultDirectRateLimiter>,
}

/// What it asks of clients, in a few words.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls.is_some() { "TLS" } else { "no TLS" })?;
        match self.users.as_ref().map_or(0, user::Users::count) {
            0 => f.write_str(", no users")?,
            1 => f.write_str(", 1 user")?,
            count => write!(f, ", {count} users")?,
        }
        f.write_str(if self.limiter.is_some() {
            ", a rate limit"
        } else {
            ""
        })
    }
}

impl Access {
    /// Makes one of its settings.
    pub fn new(settings: Settings) -> Result<Self, tls::SettingsError> {
        let tls = settings.tls.as_ref().map(tls::Settings::build).transpose()?;
        let quota = settings
            .rate
            .and_then(|rate| Some(Quota::with_period(rate.interval)?.allow_burst(rate.burst)));
        Ok(Self {
            tls: tls.map(Arc::new),
            headers: settings.headers,
            users: (!settings.users.is_empty()).then(|| user::Users::new(settings.users)),
            limiter: quota.map(RateLimiter::direct),
        })
    }

    /// What it no longer asks of clients that the one before did.
    #[must_use]
    pub fn gives_up(&self, before: &Self) -> Option<&'static str> {
        match (
            before.tls.is_some() && self.tls.is_none(),
            before.users.is_some() && self.users.is_none(),
        ) {
            (true, true) => Some("TLS and all users"),
            (true, false) => Some("TLS"),
            (false, true) => Some("all users"),
            (false, false) => None,
        }
    }

    /// What secures a connection; `None`: nothing does.
    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.clone().map(TlsAcceptor::from)
    }

    /// Lets a request in, or says what it is answered instead.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<(), Response<Body>> {
        if let Some(limiter) = &self.limiter
            && limiter.check().is_err()
        {
            return Err(body::text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n"));
        }
        let Some(users) = &self.users else {
            return Ok(());
        };
        match users.verdict(headers.get(AUTHORIZATION)).await {
            user::Verdict::Known => Ok(()),
            user::Verdict::Unknown => {
                let mut response = body::text(StatusCode::UNAUTHORIZED, "unauthorized\n");
                let challenge = HeaderValue::from_static("Basic");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                Err(response)
            }
            user::Verdict::Busy => Err(body::text(
                StatusCode::TOO_MANY_REQUESTS,
                "too many passwords are being checked\n",
            )),
        }
    }

    /// Puts on an answer what every answer carries.
    pub(super) fn dress(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }
}
