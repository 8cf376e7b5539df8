//! The integration tests, one binary: one file per feature, the lab beside them.

pub mod lab;
mod lab_holds;

mod alerts;
mod certificate;
mod connect;
mod dns;
mod probe;
pub mod real;
mod tls;
