//! The roles of the seeds.

use std::fmt;

use super::right::Right;

/// Role that the seeds create, and that cannot be renamed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemRole {
    /// May do everything.
    SuperAdmin,
    /// Administers the system and its users.
    Administrator,
    /// Monitors the system and configures its basics.
    Operator,
    /// Chats, and uploads documents.
    User,
    /// Reads conversations.
    ReadOnly,
}

impl SystemRole {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::SuperAdmin, Self::Administrator, Self::Operator, Self::User, Self::ReadOnly];

    /// Returns the unique name of the role, such as `user`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::User => "user",
            Self::ReadOnly => "read_only",
        }
    }

    /// Returns the rights that the seeds give to the role. A role that may do everything needs none.
    #[must_use]
    pub const fn seeded_rights(self) -> &'static [Right<'static>] {
        match self {
            Self::SuperAdmin => &[],
            Self::Administrator => &[
                Right::MANAGE_USERS,
                Right::CONFIGURE_SYSTEM,
                Right::MANAGE_DEPLOYMENT,
                Right::READ_AUDIT_LOG,
            ],
            Self::Operator => &[
                Right::MONITOR_SYSTEM,
                Right::CONFIGURE_BASICS,
                Right::ACCESS_CHAT,
                Right::UPLOAD_DOCUMENTS,
            ],
            Self::User => &[Right::ACCESS_CHAT, Right::UPLOAD_DOCUMENTS, Right::MANAGE_PROFILE],
            Self::ReadOnly => &[Right::READ_CHAT],
        }
    }
}

impl fmt::Display for SystemRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
