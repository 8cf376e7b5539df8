//! What this binary is: the one place that knows its version and where it was built from.

/// The version of the crate, as `major.minor.patch`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source revision, where the build was told of one (`LINKWATCH_REVISION`), else `unknown`.
pub const REVISION: &str = match option_env!("LINKWATCH_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The Rust version the crate is built for at the least.
pub const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// The `User-Agent` of every probe, so that its requests can be told from real clicks.
pub const USER_AGENT: &str = concat!("linkwatch/", env!("CARGO_PKG_VERSION"));

/// The header that marks every probe of the catalogue, for logs that drop the user agent.
pub const MARKER_HEADER: &str = "x-linkwatch-probe";
