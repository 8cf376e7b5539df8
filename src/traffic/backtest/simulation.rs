//! Outages that never were, put into a history to see how soon they would have been noticed.
