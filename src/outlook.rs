//! What is known of an endpoint beside its probes, learnt slowly: what its platform says, when its certificate should
//! be renewed and by whom it may be, how long its domain is registered.
//!
//! Plain data, learnt by `platform` and `foresight`, judged by `diagnosis`.

pub mod platform;
