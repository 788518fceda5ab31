//! Settings, preferences and secrets as constants.

use std::fmt;

use super::value::SettingValue;
use crate::types::is_storable;

/// A setting of the installation with values of type `T`, which [`SystemSetting::get`] reads and
/// [`SystemSetting::set`] changes.
///
/// There is a constant for each setting that the seeds create. An application declares those of its own once:
///
/// ```
/// use zenith_db::prelude::*;
///
/// const UPLOAD_LIMIT: Setting<u32> = Setting::new("UPLOAD_LIMIT_MB", 50)
///     .rule("range 1..2000")
///     .category("documents")
///     .description("Size of the largest document, in MiB");
///
/// fn raise(conn: &mut Writer, by: UserId) -> Result<u32, zenith_db::Error> {
///     SystemSetting::set(conn, UPLOAD_LIMIT, 100, Some(by))?;
///     SystemSetting::get(conn, UPLOAD_LIMIT)
/// }
/// ```
///
/// The row is inserted when the setting is set for the first time, or by [`SystemSetting::declare`]; before, reading it
/// gives the default.
///
/// [`SystemSetting::get`]: super::SystemSetting::get
/// [`SystemSetting::set`]: super::SystemSetting::set
/// [`SystemSetting::declare`]: super::SystemSetting::declare
pub struct Setting<T: SettingValue> {
    pub(super) key: &'static str,
    pub(super) default: T::Declared,
    pub(super) row: Declared,
}

/// A setting whose value each user may choose, which [`UserPreference::get`] reads and [`UserPreference::set`] changes.
///
/// ```
/// use zenith_db::prelude::*;
///
/// const THEME: Preference<String> =
///     Setting::new("theme", "light").rule("one-of light|dark").category("appearance").for_users();
///
/// fn darken(conn: &mut Writer, user: UserId) -> Result<UserPreference, zenith_db::Error> {
///     UserPreference::set(conn, user, THEME, "dark")
/// }
/// ```
///
/// A [`Setting`] that is not for users is another type, so that no user can override, say, the
/// number of failed sign-ins that lock an account.
///
/// [`UserPreference::get`]: super::UserPreference::get
/// [`UserPreference::set`]: super::UserPreference::set
pub struct Preference<T: SettingValue>(Setting<T>);

/// A setting whose value is a secret, stored as [`Ciphertext`](crate::types::Ciphertext): see
/// [`SystemSetting::get_secret`](super::SystemSetting::get_secret).
///
/// ```
/// use zenith_db::prelude::*;
///
/// const SMTP_PASSWORD: SecretSetting = SecretSetting::new("SMTP_PASSWORD").category("mail");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SecretSetting {
    pub(super) key: &'static str,
    pub(super) row: Declared,
}

/// What a declaration says beside the key and the default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) category: &'static str,
    pub(super) rule: Option<&'static str>,
    pub(super) description: Option<&'static str>,
    pub(super) is_readonly: bool,
    pub(super) is_user_settable: bool,
}

impl Declared {
    const PLAIN: Self = Self {
        category: "general",
        rule: None,
        description: None,
        is_readonly: false,
        is_user_settable: false,
    };
}

const fn checked(key: &str) -> &str {
    assert!(is_storable(key, 100), "the key of a setting has 1 to 100 bytes, none of them NUL");
    key
}

const fn checked_category(category: &str) -> &str {
    assert!(is_storable(category, 50), "a category has 1 to 50 bytes, none of them NUL");
    category
}

impl<T: SettingValue> Setting<T> {
    /// Returns a setting with this key, 1 to 100 bytes, and this value by default. Its category is `general`; it has no
    /// rule and no description.
    ///
    /// # Panics
    /// If the key is empty or too long; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn new(key: &'static str, default: T::Declared) -> Self {
        Self { key: checked(key), default, row: Declared::PLAIN }
    }

    /// Sets the validation rule, such as `range 1..100`: see
    /// [`ValidationRule`](super::ValidationRule). It is checked when the row is inserted; from then
    /// on, the rule of the row counts.
    ///
    /// # Panics
    /// If it has not 1 to 500 bytes; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn rule(mut self, rule: &'static str) -> Self {
        assert!(is_storable(rule, 500), "a rule has 1 to 500 bytes, none of them NUL");
        self.row.rule = Some(rule);
        self
    }

    /// Sets the group in which the setting is shown.
    ///
    /// # Panics
    /// If it has not 1 to 50 bytes; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn category(mut self, category: &'static str) -> Self {
        self.row.category = checked_category(category);
        self
    }

    /// Sets the description for administrators.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.row.description = Some(description);
        self
    }

    /// Makes the setting one that only the manager changes.
    pub(super) const fn read_only(mut self) -> Self {
        self.row.is_readonly = true;
        self
    }

    /// Lets each user choose a value of their own, in place of the installation's.
    #[must_use]
    pub const fn for_users(mut self) -> Preference<T> {
        self.row.is_user_settable = true;
        Preference(self)
    }

    /// Returns the key, which is the unique name of the setting.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Returns the value that counts as long as none is stored.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the default of a JSON setting is not JSON, or
    /// that of a number is NaN or infinite.
    pub fn default_value(&self) -> crate::Result<T> {
        let text = T::declared_text(self.default);
        T::from_text(&text).ok_or_else(|| super::value::not_of_type(self.key, &text, T::TYPE))
    }
}

impl<T: SettingValue> Preference<T> {
    /// Returns the setting of the installation, whose value counts for users who have not chosen one.
    #[must_use]
    pub const fn setting(self) -> Setting<T> {
        self.0
    }
}

impl SecretSetting {
    /// Returns a secret setting with this key, 1 to 100 bytes, in the category `general`.
    ///
    /// # Panics
    /// If the key is empty or too long; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn new(key: &'static str) -> Self {
        Self { key: checked(key), row: Declared::PLAIN }
    }

    /// Sets the group in which the setting is shown.
    ///
    /// # Panics
    /// If it has not 1 to 50 bytes; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn category(mut self, category: &'static str) -> Self {
        self.row.category = checked_category(category);
        self
    }

    /// Sets the description for administrators.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.row.description = Some(description);
        self
    }
}

// Not derived: that would ask `T` to be `Copy`, and a `String` is not.

impl<T: SettingValue> Clone for Setting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: SettingValue> Copy for Setting<T> {}

impl<T: SettingValue> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({:?})", self.key)
    }
}

impl<T: SettingValue> Clone for Preference<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: SettingValue> Copy for Preference<T> {}

impl<T: SettingValue> fmt::Debug for Preference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preference({:?})", self.0.key)
    }
}
