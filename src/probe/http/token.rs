//! Tokens to ask with (RFC 6749 section 4.4, RFC 7523): fetched within the probe's deadline, kept until they expire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::Settings;
use super::hop::Journey;
use super::redirect::Trail;
use super::response::cut;
use crate::endpoint::Expectation;
use crate::outcome::{Failure, Hop, TokenFailure};
use crate::probe::call::Call;
use crate::probe::{Request, policy};
use crate::text::without_credentials;

/// A token is used until so long before its end.
const MARGIN: Duration = Duration::from_secs(10);

/// How long a token is kept that does not say when it ends.
const UNSAID: Duration = Duration::from_secs(300);

/// How long an assertion of ours is valid, in seconds.
const ASSERTED: i64 = 3600;

/// Bytes of an error code that are repeated.
const SHOWN: usize = 60;

/// Where tokens come from, and the one that is in use.
pub struct Tokens {
    /// The endpoint that issues them.
    pub url: Url,
    /// How it is asked: TLS and proxies of its own.
    pub settings: Settings,
    /// By what it grants them.
    pub grant: Grant,
    /// What they are to be good for.
    pub scopes: Vec<String>,
    /// What else it wants to be told.
    pub parameters: Vec<(String, String)>,
    /// The token in use.
    pub kept: Kept,
}

/// Its URL and parameters may hold secrets too.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.url.host_str();
        f.debug_struct("Tokens")
            .field("host", &host)
            .finish_non_exhaustive()
    }
}

/// By what a token is granted.
pub enum Grant {
    /// The client's own credentials.
    ClientCredentials {
        /// Who asks.
        id: String,
        /// What proves it.
        secret: String,
    },
    /// An assertion that the client signs.
    JwtBearer(Box<Assertion>),
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grant(<secret>)")
    }
}

/// What a client asserts of itself.
pub struct Assertion {
    /// Signs it.
    pub key: EncodingKey,
    /// How.
    pub algorithm: Algorithm,
    /// The key's name at the endpoint.
    pub key_id: Option<String>,
    /// Who asserts.
    pub issuer: String,
    /// Of whom.
    pub subject: String,
    /// To whom.
    pub audience: String,
    /// What else.
    pub claims: Map<String, Value>,
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assertion(<secret>)")
    }
}

/// The token in use.
#[derive(Default)]
pub struct Kept {
    token: Mutex<Option<Token>>,
    /// Whether the endpoint wants credentials in the body and refuses them in the header.
    in_body: AtomicBool,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept(<secret>)")
    }
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

/// What the endpoint answers.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    error: Option<String>,
}

impl Tokens {
    /// The header to ask with. One probe fetches, the others of the module wait for it.
    pub(in crate::probe) async fn header(&self, call: Call<'_>) -> Result<HeaderValue, Failure> {
        let failed = |what: String| {
            let mut endpoint = without_credentials(&self.url).into_owned();
            endpoint.set_query(None);
            Failure::Token(Box::new(TokenFailure {
                endpoint: endpoint.into(),
                what,
            }))
        };
        let Ok(mut kept) = timeout_at(call.request.deadline, self.kept.token.lock()).await else {
            return Err(failed("no answer in time".to_owned()));
        };
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.header.clone());
        }
        let token = self.fetch(call).await.map_err(failed)?;
        let header = token.header.clone();
        *kept = Some(token);
        Ok(header)
    }

    /// The target does not take the token: the next probe asks for another one.
    pub(in crate::probe) async fn forget(&self, refused: &HeaderValue) {
        let mut kept = self.kept.token.lock().await;
        kept.take_if(|token| token.header == *refused);
    }

    /// Credentials go into the header, and into the body where the endpoint does not take them there.
    async fn fetch(&self, call: Call<'_>) -> Result<Token, String> {
        let known = self.kept.in_body.load(Ordering::Relaxed);
        let first = self.ask(call, known).await;
        let signed = matches!(self.grant, Grant::JwtBearer(_));
        match first {
            Err(Refusal::Status(_)) if !known && !signed => {
                let second = self.ask(call, true).await;
                if second.is_ok() {
                    self.kept.in_body.store(true, Ordering::Relaxed);
                }
                second
            }
            other => other,
        }
        .map_err(|refusal| match refusal {
            Refusal::Status(what) | Refusal::Other(what) => what,
        })
    }

    async fn ask(&self, call: Call<'_>, in_body: bool) -> Result<Token, Refusal> {
        let expect = Expectation::default();
        // Whoever runs the program chose it: what may be probed is said of targets.
        let request = Request {
            policy: &policy::OPEN,
            ..call.aside(&self.url, &expect)
        };
        let call = Call {
            prober: call.prober,
            request: &request,
            dns: Duration::ZERO,
        };
        let mut trail = Trail::new(Method::POST);
        trail.body = self
            .form(call.prober.clock.now(), in_body)
            .map_err(Refusal::Other)?;
        trail.authorization = self.basic(in_body);
        trail.keeps_body = true;
        let journey = Journey {
            call,
            settings: &self.settings,
        };
        let leg = Box::pin(journey.leg(&self.url, &trail, None, true)).await;
        if let Some(failure) = leg.hop.failure {
            return Err(Refusal::Other(failure.to_string()));
        }
        let status = leg.hop.response.map_or(0, |response| response.status);
        let answer: Option<Answer> = serde_json::from_slice(&leg.body).ok();
        read(status, answer)
    }

    fn form(&self, now: Timestamp, in_body: bool) -> Result<Bytes, String> {
        let mut form = Serializer::new(String::new());
        let set = |name: &str| self.parameters.iter().any(|(own, _)| own == name);
        match &self.grant {
            Grant::ClientCredentials { id, secret } => {
                if !set("grant_type") {
                    form.append_pair("grant_type", "client_credentials");
                }
                if in_body {
                    form.append_pair("client_id", id)
                        .append_pair("client_secret", secret);
                }
                if !self.scopes.is_empty() && !set("scope") {
                    form.append_pair("scope", &self.scopes.join(" "));
                }
            }
            Grant::JwtBearer(assertion) => {
                form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                form.append_pair("assertion", &assertion.signed(&self.scopes, now)?);
            }
        }
        form.extend_pairs(self.parameters.iter());
        Ok(Bytes::from(form.finish()))
    }

    fn basic(&self, in_body: bool) -> Option<HeaderValue> {
        let Grant::ClientCredentials { id, secret } = &self.grant else {
            return None;
        };
        if in_body {
            return None;
        }
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Journey<'_> {
    /// What to ask with: a token, or what the module says.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        match &self.settings.tokens {
            Some(tokens) => Box::pin(tokens.header(self.call)).await.map(Some),
            None => Ok(self.settings.authorization.clone()),
        }
    }

    /// A token that the target refuses may have been withdrawn.
    pub(super) async fn forget_refused(&self, trail: &Trail, last: Option<&Hop>) {
        let refused = last
            .and_then(|hop| hop.response.as_ref())
            .is_some_and(|response| response.status == 401);
        if let (Some(tokens), Some(authorization), true) =
            (&self.settings.tokens, &trail.authorization, refused)
        {
            tokens.forget(authorization).await;
        }
    }
}

/// Why there is no token.
enum Refusal {
    /// The endpoint refuses, perhaps the way in which credentials came.
    Status(String),
    /// For another reason.
    Other(String),
}

fn read(status: u16, answer: Option<Answer>) -> Result<Token, Refusal> {
    let error = answer.as_ref().and_then(|answer| answer.error.as_deref());
    if !(200..300).contains(&status) {
        let error = error.map(|error| format!(", {}", cut(error, SHOWN)));
        return Err(Refusal::Status(format!(
            "it answers {status}{}",
            error.unwrap_or_default()
        )));
    }
    let Some(answer) = answer else {
        return Err(Refusal::Other("its answer is not json".to_owned()));
    };
    let Some(token) = answer.access_token.filter(|token| !token.is_empty()) else {
        return Err(Refusal::Other("its answer holds no access_token".to_owned()));
    };
    let kind = answer.token_type.unwrap_or_default();
    let kind = match kind.as_str() {
        "" => "Bearer",
        kind if kind.eq_ignore_ascii_case("bearer") => "Bearer",
        kind if kind.eq_ignore_ascii_case("basic") => "Basic",
        kind => kind,
    };
    let Ok(mut header) = HeaderValue::try_from(format!("{kind} {token}")) else {
        return Err(Refusal::Other("its token cannot be sent in a header".to_owned()));
    };
    header.set_sensitive(true);
    let lasts = answer
        .expires_in
        .as_ref()
        .and_then(seconds)
        .map_or(UNSAID, Duration::from_secs);
    let lasts = lasts.min(Duration::from_secs(86_400)).saturating_sub(MARGIN);
    Ok(Token {
        header,
        until: Instant::now() + lasts,
    })
}

/// Some endpoints write the number as a text.
fn seconds(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

impl Assertion {
    fn signed(&self, scopes: &[String], now: Timestamp) -> Result<String, String> {
        let mut claims = self.claims.clone();
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("sub".to_owned(), json!(self.subject));
        claims.insert("aud".to_owned(), json!(self.audience));
        claims.insert("iat".to_owned(), json!(now.as_second() - 10));
        claims.insert("exp".to_owned(), json!(now.as_second() + ASSERTED));
        if !scopes.is_empty() {
            claims.insert("scope".to_owned(), json!(scopes.join(" ")));
        }
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.key_id);
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|error| format!("the key does not sign: {error}"))
    }
}
