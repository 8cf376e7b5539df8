//! The files that ship, judged by the real programs of both generations, and the whole chain of alerts.

pub mod clicks;
pub mod peers;

mod acme;
mod api;
mod blackbox;
mod chain;
mod community;
mod deploy;
mod dns;
mod notifications;
mod provoked;
mod scrape;
mod tools;
mod traffic;
