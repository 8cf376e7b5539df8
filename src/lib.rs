//! linkwatch: probes public endpoints layer by layer and exports what is wrong, why, and since when.

pub mod build_info;
pub mod clock;

pub mod cause;
pub mod endpoint;
pub mod outcome;

pub mod certificate;
pub mod diagnosis;

pub mod alert;

pub mod probe;

pub mod state;

pub mod metrics;
pub mod web;
