//! The integration tests, one binary: one file per feature, the lab beside them.

mod dns;
pub mod lab;

mod dns;
mod http;
mod lab_holds;
mod probe;
