//! The integration tests, one binary: one file per feature, the lab beside them.

mod config;
mod discovery;
