//! The integration tests, one binary: one file per feature, the lab beside them.

pub mod lab;
mod lab_holds;
mod watched;

mod alerts;
mod causes;
mod certificate;
mod config;
mod connect;
mod discovery;
mod dns;
mod http;
mod metrics;
mod probe;
mod probe_series;
mod scenarios;
mod tls;
mod web;
