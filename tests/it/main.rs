//! The integration tests, one binary: one file per feature, the lab beside them.

mod metrics;
mod probe_series;
mod watched;
mod web;
