//! The settings that the seeds create.

use super::declared::{Declared, Setting};
use super::system_setting::NewSystemSetting;
use super::value::SettingValue;
use crate::types::ValueType;

/// Setting of the seeds, without the type of its values.
#[derive(Clone, Debug)]
pub struct SeededSetting {
    /// Unique name.
    pub key: &'static str,
    /// Initial value, as text.
    pub value: String,
    /// Type of the value.
    pub value_type: ValueType,
    /// Reader of the setting, and its purpose, for `docs/seeds.md`.
    pub read_by: &'static str,
    row: Declared,
}

impl SeededSetting {
    fn of<T: SettingValue>(setting: Setting<T>, read_by: &'static str) -> Self {
        let value = T::declared_text(setting.default);
        Self { key: setting.key, value, value_type: T::TYPE, read_by, row: setting.row }
    }

    /// Returns the row to insert.
    #[must_use]
    pub fn new_row(&self) -> NewSystemSetting<'_> {
        self.row.new_row(self.key, Some(&self.value), self.value_type, false)
    }
}

macro_rules! seeded {
    ($($constant:ident: $type:ty = $default:literal, $category:literal, $description:literal,
       $read_by:literal $(, $part:ident($($argument:literal)?))*;)+) => {
        $(
            /// Setting that the seeds create.
            impl Setting<$type> {
                #[doc = concat!($description, "; `", $default, "` at first. Read by ", $read_by, ".")]
                pub const $constant: Self = Self::new(stringify!($constant), $default)
                    .category($category)
                    .description($description)
                    $(.$part($($argument)?))*;
            }
        )+

        /// Returns the settings that the seeds create, with their initial values.
        #[must_use]
        pub fn seeded_settings() -> Vec<SeededSetting> {
            vec![$(SeededSetting::of(<Setting<$type>>::$constant, $read_by),)+]
        }
    };
}

seeded! {
    FIRST_SETUP: bool = true, "system", "Whether the first administrator is still missing",
        "an application, to show its set-up page", read_only();
    SETUP_COMPLETED: bool = false, "system", "Whether there has been an administrator",
        "an application, to show its set-up page", read_only();
    SCHEMA_VERSION: String = "0", "system", "The newest migration that has been applied",
        "an application, to show its version", read_only();
    BACKUP_ENABLED: bool = true, "backup", "Whether the application takes backups by itself",
        "an application, in its schedule of backups";
    AUDIT_LOGGING: bool = true, "security", "Whether the application writes its own events to the audit log",
        "an application, before `NewAuditEvent::append`, which always writes";
    SESSION_TIMEOUT: u32 = 1440, "security", "Minutes until an idle session ends",
        "sign-in, for `idle_expires_at` of a session", rule("range 1..525600");
    PASSWORD_EXPIRY_DAYS: u32 = 90, "security", "Days until a password must be changed",
        "a change of password, for `expires_at` of `UserCredentials::set_password`", rule("range 1..36500");
    MAX_LOGIN_ATTEMPTS: u32 = 5, "security", "Failed sign-ins until an account is locked",
        "sign-in, before it sets `users::locked_until`", rule("range 1..1000");
    LOCKOUT_DURATION: u32 = 30, "security", "Minutes for which an account is locked",
        "sign-in, for `users::locked_until`", rule("range 1..525600");
    DATABASE_INITIALIZED: bool = false, "system", "Whether the seeds have been written",
        "an application, to wait for its database", read_only();
}
