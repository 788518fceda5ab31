//! Configuration: flags over environment over `.env` over defaults, checked once, as one [`Config`].
//!
//! This layer reads settings and nothing else: it opens no database and creates no file.

mod address;
#[expect(clippy::module_inception, reason = "it defines `Config`")]
mod config;
mod counted;
mod env_file;
mod env_line;
mod error;
mod layers;
mod loader;
mod location;
mod options;
mod resolve;
#[cfg(feature = "postgres")]
mod server_hosts;
#[cfg(feature = "postgres")]
mod server_url;
mod setters;
mod setting;
mod shown;
mod value;

pub use config::Config;
pub(crate) use counted::counted;
pub use env_file::EnvFile;
pub use error::ConfigError;
pub use loader::Loader;
pub(crate) use location::LONGEST_PATH;
pub use location::{DatabasePath, Location};
pub use options::{ServerOptions, SqliteOptions};
#[cfg(feature = "postgres")]
pub use server_url::ServerUrl;
pub use setting::{Key, Setting, Source};
pub(crate) use shown::shown;
pub use value::Synchronous;

/// Shared with the command; not part of the public interface.
#[doc(hidden)]
pub mod internal {
    pub use super::address::masked;
    pub use super::counted::counted;
    pub use super::shown::{has_secret_key, shown};
}
