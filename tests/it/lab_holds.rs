//! The lab does what it says, seen by clients that share nothing with linkwatch.

#![expect(clippy::expect_used, reason = "what a test asks its clients for, it needs")]

mod certificates;
mod clicks;
mod dns;
mod http;
mod load;
mod transport;
