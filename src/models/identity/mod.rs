//! Users, their credentials, sessions and API keys.
//!
//! The application issues session tokens and API keys, verifies passwords and locks accounts;
//! [`hash_password`](crate::manager::hash_password) hashes a password.

mod account_name;
mod api_key;
mod credentials;
mod password_record;
mod user;
mod user_list;
mod user_session;

pub use api_key::{ApiKey, NewApiKey};
pub use credentials::UserCredentials;
pub use password_record::{NewPasswordRecord, PasswordRecord};
/// See [`super::internal`].
#[doc(hidden)]
pub(super) mod internal {
    pub use super::account_name::{canonical, invisible_in};
}
pub use user::{NewUser, User, UserChanges};
pub use user_list::UserFilter;
pub use user_session::{NewUserSession, UserSession};
