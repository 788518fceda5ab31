//! Users, their credentials, sessions and API keys.
//!
//! The application issues session tokens and API keys, and locks accounts;
//! [`PasswordHash`](crate::types::PasswordHash) hashes and verifies a password.

mod api_key;
mod credentials;
mod password_record;
mod public_user;
mod user;
mod user_list;
mod user_session;

pub use api_key::{ApiKey, NewApiKey};
pub use credentials::UserCredentials;
pub use password_record::{NewPasswordRecord, PasswordRecord};
pub use public_user::PublicUser;
pub use user::{NewUser, User, UserChanges};
pub use user_list::UserFilter;
pub use user_session::{NewUserSession, UserSession};
