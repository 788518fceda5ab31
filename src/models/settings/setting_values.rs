//! Values of the settings of the installation.

use diesel::prelude::*;

use super::declared::{SecretSetting, Setting};
use super::system_setting::{NewSystemSetting, SystemSetting};
use super::value::{self, SettingValue, faulty};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Result, SettingFault};
use crate::models::query::{Parent, explain_broken_reference};
use crate::schema::system_settings;
use crate::types::{Ciphertext, SystemSettingId, UserId, UtcTime, ValueType};

impl SystemSetting {
    /// Returns the value of the setting, or its default if no row exists.
    ///
    /// ```
    /// # use zenith_db::prelude::*;
    /// fn attempts(conn: &mut DbConnection) -> Result<u32, zenith_db::Error> {
    ///     SystemSetting::get(conn, Setting::MAX_LOGIN_ATTEMPTS)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the row has no value, is a secret, or has a value that is not a
    /// `T`, which another program has written.
    pub fn get<T: SettingValue>(connection: &mut DbConnection, setting: Setting<T>) -> Result<T> {
        match Self::find_by_key(connection, setting.key)? {
            Some(row) => row.read(),
            None => setting.default_value(),
        }
    }

    /// Sets the value, which must satisfy the rule of the row, and returns the new row. If no row exists, it is inserted
    /// as the setting is declared.
    ///
    /// Reading a setting and then setting it is not one step on a server: of two that do so at once, the later wins.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the setting is read-only, the row is a secret or of another type, or
    /// the value breaks the rule; [`Error::Violation`](crate::Error::Violation) if the user `by` does not exist. No row
    /// is left then.
    pub fn set<T: SettingValue>(
        connection: &mut Writer<'_>,
        setting: Setting<T>,
        value: T::Given<'_>,
        by: Option<UserId>,
    ) -> Result<Self> {
        let key = setting.key;
        let found = Self::find_by_key(connection, key)?;
        if found.is_none() {
            let declared = setting.row.new_row(key, None, T::TYPE, false);
            if declared.is_readonly {
                return Err(faulty(key, SettingFault::ReadOnly));
            }
            let text = value::write::<T>(key, declared.validation_rule, value)?;
            let new = NewSystemSetting { value: Some(&text), ..declared };
            if let Some(row) = new.insert_if_missing(connection, by)? {
                return Ok(row);
            }
        }
        Self::or_existing(connection, key, found)?.change::<T>(connection, value, by)
    }

    /// Inserts the row of a declared setting, with its default as the value. If the row exists, only its flag
    /// `is_user_settable` is set, if the declaration is a [`Preference`](super::Preference)'s. Returns whether anything
    /// has changed.
    ///
    /// An application calls it when it starts, so that administrators see all settings, and users may set the preferences
    /// of a database that was adopted or that an older version of the application has written.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the rule of the declaration is not valid, or its default breaks it;
    /// [`Error::Violation`](crate::Error::Violation) if a text is too long.
    pub fn declare<T: SettingValue>(
        connection: &mut Writer<'_>,
        setting: Setting<T>,
    ) -> Result<bool> {
        let default = T::declared_text(setting.default);
        let row = setting.row.new_row(setting.key, Some(&default), T::TYPE, false);
        Self::declare_row(connection, &row)
    }

    /// Inserts the row of a secret setting, without a value, unless it exists. Returns whether it has been inserted.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a text is too long.
    pub fn declare_secret(connection: &mut Writer<'_>, setting: SecretSetting) -> Result<bool> {
        let row = setting.row.new_row(setting.key, None, ValueType::String, true);
        Self::declare_row(connection, &row)
    }

    fn declare_row(connection: &mut Writer<'_>, new: &NewSystemSetting<'_>) -> Result<bool> {
        // Reading first uses up no id, as an ignored insert would.
        match Self::find_by_key(connection, new.key)? {
            None => Ok(new.insert_if_missing(connection, None)?.is_some()),
            Some(row) if new.is_user_settable && !row.is_user_settable => {
                Self::set_user_settable(connection, new.key, true)?;
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// Lets users set the setting with this key, or no longer; what they have chosen is kept, and counts only while they
    /// may. Returns the new row.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the row does not exist.
    pub fn set_user_settable(
        connection: &mut Writer<'_>,
        key: &str,
        settable: bool,
    ) -> Result<Self> {
        let set = (
            system_settings::is_user_settable.eq(settable),
            system_settings::updated_at.eq(UtcTime::now()),
        );
        let changed = dispatch!(connection, |connection| diesel::update(system_settings::table)
            .filter(system_settings::key.eq(key))
            .set(set)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?;
        changed.ok_or_else(|| faulty(key, SettingFault::Unknown))
    }

    /// Returns the value of a secret setting, still encrypted; `None` if it has no value or no row.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the row is not a secret.
    pub fn get_secret(
        connection: &mut DbConnection,
        setting: SecretSetting,
    ) -> Result<Option<Ciphertext>> {
        let Some(row) = Self::find_by_key(connection, setting.key)? else { return Ok(None) };
        match row.value.as_ref().map(|text| text.expose().parse()).transpose() {
            Ok(value) if row.is_secret => Ok(value),
            _ => Err(faulty(setting.key, SettingFault::NotSecret)),
        }
    }

    /// Sets the value of a secret setting to a ciphertext, or removes it with `None`. Returns the new row, which is
    /// inserted if none exists.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the row is read-only or not a secret.
    pub fn set_secret(
        connection: &mut Writer<'_>,
        setting: SecretSetting,
        value: Option<&Ciphertext>,
        by: Option<UserId>,
    ) -> Result<Self> {
        let (key, value) = (setting.key, value.map(Ciphertext::expose));
        let found = Self::find_by_key(connection, key)?;
        if found.is_none() {
            let new = setting.row.new_row(key, value, ValueType::String, true);
            if let Some(row) = new.insert_if_missing(connection, by)? {
                return Ok(row);
            }
        }
        let row = Self::or_existing(connection, key, found)?;
        if row.is_readonly {
            return Err(faulty(key, SettingFault::ReadOnly));
        }
        if !row.is_secret {
            return Err(faulty(key, SettingFault::NotSecret));
        }
        Self::write_text(connection, row.id, value, by)
    }

    /// Returns the value of the row with this key, which no [`Setting`] declares, such as one that an administrator has
    /// added.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the row does not exist, has no value, is a secret, or holds another
    /// type.
    pub fn get_undeclared<T: SettingValue>(connection: &mut DbConnection, key: &str) -> Result<T> {
        Self::existing(connection, key)?.read()
    }

    /// Sets the value of the row with this key, which no [`Setting`] declares. It must have the
    /// row's type and satisfy its rule. Returns the new row.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the row does not exist, is read-only or a secret, or the value does
    /// not fit; [`Error::Violation`](crate::Error::Violation) if the user `by` does not exist.
    pub fn set_undeclared<T: SettingValue>(
        connection: &mut Writer<'_>,
        key: &str,
        value: T::Given<'_>,
        by: Option<UserId>,
    ) -> Result<Self> {
        Self::existing(connection, key)?.change::<T>(connection, value, by)
    }

    /// Returns the row that was found, or the one that another transaction has inserted meanwhile.
    fn or_existing(connection: &mut DbConnection, key: &str, found: Option<Self>) -> Result<Self> {
        found.map_or_else(|| Self::existing(connection, key), Ok)
    }

    /// Sets the value of this row.
    fn change<T: SettingValue>(
        &self,
        connection: &mut Writer<'_>,
        value: T::Given<'_>,
        by: Option<UserId>,
    ) -> Result<Self> {
        self.check_writable(T::TYPE)?;
        let text = value::write::<T>(&self.key, self.validation_rule.as_deref(), value)?;
        Self::write_text(connection, self.id, Some(&text), by)
    }

    fn write_text(
        connection: &mut Writer<'_>,
        id: SystemSettingId,
        text: Option<&str>,
        by: Option<UserId>,
    ) -> Result<Self> {
        let set = (
            system_settings::value.eq(text),
            system_settings::updated_by.eq(by),
            system_settings::updated_at.eq(UtcTime::now()),
        );
        let result = dispatch!(&mut *connection, |connection| diesel::update(
            system_settings::table.find(id)
        )
        .set(set)
        .returning(Self::as_returning())
        .get_result(connection));
        explain_broken_reference(
            connection,
            result,
            &[("system_settings_updated_by_fkey", by.map(Parent::User))],
        )
    }
}
