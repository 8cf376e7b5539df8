//! What came back from a probe in another protocol than HTTP.

use serde::Serialize;

/// What a peer answered, by protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFacts {
    /// A dialogue by lines or bytes, over TCP or a socket of this machine.
    Dialogue(DialogueFacts),
}

/// How far a dialogue went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DialogueFacts {
    /// Steps of the module that were done.
    pub steps: usize,
    /// The last line or bytes that were read, at most 200 bytes, as text.
    pub last_read: Option<String>,
    /// Of each matched expectation that names labels: those labels, with what it captured.
    pub labels: Vec<Vec<(String, String)>>,
    /// What the last step waited for; none where it only spoke.
    pub awaited: Option<Awaited>,
}

/// What a step of a dialogue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// A line that matches a pattern.
    Line,
    /// These very bytes.
    Bytes,
}
