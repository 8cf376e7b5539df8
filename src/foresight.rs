//! Slow looks at what will break if nothing is done: the registration of domains, and the authorities that issue
//! certificates.
//!
//! Each sibling asks one kind of service and gives facts of `outlook`; what could not be learnt is unknown, never a
//! number.
