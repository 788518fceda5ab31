//! What other users may see of a user.

use serde::Serialize;

use super::user::User;
use crate::types::{UserPublicId, UtcTime};

/// What other users may see of a [`User`], to be serialised.
///
/// It holds no primary key, nothing secret, and of what is personal only what is made to be shown:
/// `docs/columns.csv` lists its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PublicUser<'a> {
    /// Public UUID.
    pub uuid: UserPublicId,
    /// Name for signing in, in lower case.
    pub username: &'a str,
    /// Name to show to people.
    pub display_name: Option<&'a str>,
    /// URL of the picture.
    pub avatar_url: Option<&'a str>,
    /// Time of creation.
    pub created_at: UtcTime,
}

impl<'a> From<&'a User> for PublicUser<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            uuid: user.uuid,
            username: &user.username,
            display_name: user.display_name.as_deref(),
            avatar_url: user.avatar_url.as_deref(),
            created_at: user.created_at,
        }
    }
}

impl User {
    /// Returns what other users may see of the user.
    #[must_use]
    pub fn public(&self) -> PublicUser<'_> {
        self.into()
    }
}
