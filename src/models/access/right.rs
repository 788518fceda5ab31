//! What a user may do, as constants.

use std::fmt;

/// An action on a resource, which [`is_allowed`](super::is_allowed) asks for.
///
/// There is a constant for each permission that the seeds create. An application declares those of its own once, and
/// inserts the permission that allows it with [`NewPermission::of`](super::NewPermission::of):
///
/// ```
/// use zenith_db::prelude::*;
/// use zenith_db::Result;
///
/// const EXPORT_REPORTS: Right<'_> = Right::new("reports", "export");
///
/// fn add(conn: &mut Writer) -> Result<Permission> {
///     NewPermission::of(EXPORT_REPORTS, "report_export").insert(conn)
/// }
/// ```
///
/// A [`Permission`](super::Permission) that was read is a right too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Right<'a> {
    resource: &'a str,
    action: &'a str,
}

impl<'a> Right<'a> {
    /// Returns the right to an action on a resource: 1 to 50 and 1 to 100 bytes. `*` as the action is every action.
    ///
    /// # Panics
    /// If one of them is empty or too long; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn new(resource: &'a str, action: &'a str) -> Self {
        assert!(!resource.is_empty() && resource.len() <= 100, "a resource has 1 to 100 bytes");
        assert!(!action.is_empty() && action.len() <= 50, "an action has 1 to 50 bytes");
        Self { resource, action }
    }

    /// Returns the right of a row, which the database has checked: it counts characters.
    pub(super) const fn stored(resource: &'a str, action: &'a str) -> Self {
        Self { resource, action }
    }

    /// Returns the resource, such as `documents`.
    #[must_use]
    pub const fn resource(self) -> &'a str {
        self.resource
    }

    /// Returns the action, such as `upload`.
    #[must_use]
    pub const fn action(self) -> &'a str {
        self.action
    }
}

/// Formats the right as `resource:action`.
impl fmt::Display for Right<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)
    }
}
