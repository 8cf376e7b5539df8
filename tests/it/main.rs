//! The integration tests, one binary: one file per feature, the lab beside them.

pub mod lab;
mod lab_holds;
mod watched;

mod alerts;
mod caa;
mod causes;
mod certificate;
mod cli;
mod config;
mod config_traffic;
mod connect;
mod coverage;
mod discovery;
mod dns;
mod documents;
mod http;
mod levels;
mod lifecycle;
mod metrics;
mod platform;
mod probe;
mod probe_series;
mod program;
pub mod quiet;
pub mod real;
mod registration;
mod scenarios;
mod tls;
mod traffic_backtest;
mod traffic_judged;
mod traffic_reference;
mod traffic_scenarios;
mod traffic_source;
mod traffic_watch;
mod web;
