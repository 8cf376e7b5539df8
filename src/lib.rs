//! linkwatch: probes public endpoints layer by layer and exports what is wrong, why, and since when.
//!
//! The modules stand in the order of the flow: configuration, discovery, schedule, probe, outcome, diagnosis, record,
//! state, metrics and web. `docs/ARCHITECTURE.md` tells which may use which.

pub mod build_info;
pub mod clock;

pub mod cause;
pub mod endpoint;
pub mod outcome;
pub mod outlook;
pub mod text;

pub mod alert;
pub mod certificate;
pub mod coverage;
pub mod dashboard;
pub mod diagnosis;
pub mod incident;
pub mod observation;
pub mod schedule;
pub mod traffic;

pub mod discovery;
pub mod fetch;
pub mod foresight;
pub mod platform;
pub mod probe;

pub mod state;

pub mod metrics;
pub mod web;

pub mod record;
pub mod vantage;

pub mod config;

pub mod app;
pub mod cli;
pub mod telemetry;
