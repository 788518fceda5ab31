//! What columns hold, as Rust types: ids, closed vocabularies, JSON, UTC time and secrets.
//!
//! They know Diesel and serde and nothing else of this crate.

mod id;
mod json;
mod secret;
mod stored_text;
mod time;
mod vocabulary;

pub use id::*;
pub use json::Json;
pub use secret::PasswordHash;
pub use time::UtcTime;
pub use vocabulary::*;
