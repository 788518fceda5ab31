//! For tests of applications: a database for each test, rows to begin with, and a clock that tests set.
//!
//! The module exists with the feature `testing`, which belongs in `[dev-dependencies]` only:
//!
//! ```toml
//! [dev-dependencies]
//! zenith-db = { version = "0.1", features = ["testing"] }
//! ```
//!
//! ```
//! use zenith_db::testing::{Clock, Template, a_conversation_of, a_user};
//! use zenith_db::models::ChatMessage;
//!
//! let database = Template::new()?.database()?;
//! let ann = database.write(|conn| a_user().named("ann").insert(conn))?;
//! let talk = database.write(|conn| a_conversation_of(&ann).with_messages(2).insert(conn))?;
//! assert_eq!(talk.message_count, 2);
//! // The database is removed here.
//! # Ok::<(), zenith_db::Error>(())
//! ```
//!
//! Commits to these databases do not wait for the disk, and there are no backups before migrations. Hashing a password
//! takes most of the time of a test that signs somebody up: see [`use_fast_passwords`].

mod database;
mod fill;
mod fixtures;
#[cfg(feature = "postgres")]
mod server_template;
mod template;

pub use self::database::TestDatabase;
pub use self::fixtures::{
    ConversationFixture, DocumentFixture, PASSWORD, UserFixture, a_conversation_of, a_document_of,
    a_user,
};
pub use self::template::Template;
pub use crate::types::testing::{Clock, EnteredClock, use_fast_passwords};
