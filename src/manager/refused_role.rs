//! The role to which a server has refused something.

use super::DatabaseManager;
use crate::error::Error;

impl DatabaseManager {
    /// Returns as which role the user acts, and what takes that back, if a server has refused something for want of a
    /// right and a setting of the user or the database has changed the role: no message of the server names either.
    #[doc(hidden)]
    #[must_use]
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "a file has no roles"))]
    pub fn refused_role(&self, error: &Error) -> Option<String> {
        #[cfg(feature = "postgres")]
        if error.lacks_right() {
            // The error that led here matters more.
            return crate::connection::acting_role_of(&self.config).ok().flatten();
        }
        None
    }
}
