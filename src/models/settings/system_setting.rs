//! Settings of the installation.

use std::fmt;

use diesel::prelude::*;
use serde::Serialize;
use typed_builder::TypedBuilder;

use super::rule::ValidationRule;
use super::value::{self, SettingText, SettingValue, faulty};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Result, SettingFault};
use crate::models::query::{Parent, explain_broken_reference, find_one};
use crate::schema::system_settings;
use crate::types::{Ciphertext, SystemSettingId, UserId, UtcTime, ValueType};

/// Setting of the installation.
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = system_settings)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SystemSetting {
    /// Primary key.
    pub id: SystemSettingId,
    /// Unique name.
    pub key: String,
    /// Value as text in the form of `value_type`, or ciphertext if `is_secret`; `None` if the setting has
    /// no value.
    pub value: Option<SettingText>,
    /// Type of the value.
    pub value_type: ValueType,
    /// Description of the setting's effect.
    pub description: Option<String>,
    /// Whether the value is a secret.
    pub is_secret: bool,
    /// Whether [`SystemSetting::set`] and [`SystemSetting::set_secret`] refuse to change the value.
    pub is_readonly: bool,
    /// Validation rule of the value: see [`ValidationRule`](super::ValidationRule).
    pub validation_rule: Option<String>,
    /// Group in which the setting is shown.
    pub category: String,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the last change.
    pub updated_at: UtcTime,
    /// User who last changed the setting; `None` if unknown, or if the user has been deleted.
    pub updated_by: Option<UserId>,
}

/// Setting to insert. `Debug` does not show the value of a secret.
#[derive(Clone, Insertable, TypedBuilder)]
#[diesel(table_name = system_settings)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSystemSetting<'a> {
    /// Unique name, 1 to 100 characters.
    pub key: &'a str,
    /// Value as text in the form of `value_type`, or ciphertext if `is_secret`.
    #[builder(default, setter(into))]
    pub value: Option<&'a str>,
    /// Type of the value; [`ValueType::String`] by default.
    #[builder(default = ValueType::String)]
    pub value_type: ValueType,
    /// Description of the setting's effect.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// Whether the value is a secret, which must be ciphertext; `false` by default.
    #[builder(default)]
    pub is_secret: bool,
    /// Whether [`SystemSetting::set`] and [`SystemSetting::set_secret`] refuse to change the value;
    /// `false` by default.
    #[builder(default)]
    pub is_readonly: bool,
    /// Validation rule of the value, 1 to 500 characters: see
    /// [`ValidationRule`](super::ValidationRule).
    #[builder(default, setter(into))]
    pub validation_rule: Option<&'a str>,
    /// Group in which the setting is shown, 1 to 50 characters; `general` by default.
    #[builder(default = "general")]
    pub category: &'a str,
}

impl fmt::Debug for NewSystemSetting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSystemSetting")
            .field("key", &self.key)
            .field("value", &self.value.map(|text| if self.is_secret { "***" } else { text }))
            .field("value_type", &self.value_type)
            .field("description", &self.description)
            .field("is_secret", &self.is_secret)
            .field("is_readonly", &self.is_readonly)
            .field("validation_rule", &self.validation_rule)
            .field("category", &self.category)
            .finish()
    }
}

impl NewSystemSetting<'_> {
    /// Inserts the setting and returns its row.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the rule cannot be parsed, the value breaks it,
    /// or the value cannot be read as its type; [`Error::Violation`](crate::Error::Violation) if
    /// the name exists, the value is not of its type, or a secret value is not ciphertext.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<SystemSetting> {
        if let Some(rule) = self.validation_rule
            && let Err(reason) = rule.parse::<ValidationRule>()
        {
            let (rule, reason) = (rule.to_owned(), reason.to_string());
            return Err(faulty(self.key, SettingFault::BadRule { rule, reason }));
        }
        if let Some(text) = self.value.filter(|_| !self.is_secret) {
            value::check_rule(self.key, self.validation_rule, text)?;
        }
        connection.write(|connection| {
            let setting: SystemSetting =
                dispatch!(connection, |connection| diesel::insert_into(system_settings::table)
                    .values(self)
                    .returning(SystemSetting::as_returning())
                    .get_result(connection))?;
            // The database takes what cannot be read: 1e999, or JSON that is nested too deep.
            if let Some(text) = self.value.filter(|_| !self.is_secret) {
                value::check_readable(self.key, self.value_type, text)?;
            }
            Ok(setting)
        })
    }
}

impl SystemSetting {
    /// Returns the setting with this name, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_key(connection: &mut DbConnection, key: &str) -> Result<Option<Self>> {
        find_one!(connection, system_settings, system_settings::key.eq(key))
    }

    /// Returns the settings of a category, ordered by name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_in_category(connection: &mut DbConnection, category: &str) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| system_settings::table
            .select(Self::as_select())
            .filter(system_settings::category.eq(category))
            .order(system_settings::key)
            .load(connection))?)
    }

    /// Returns the value of a setting that is not a secret.
    ///
    /// ```
    /// # use zenith_db::prelude::*;
    /// fn attempts(conn: &mut DbConnection) -> Result<i64> {
    ///     SystemSetting::get(conn, "MAX_LOGIN_ATTEMPTS")
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the setting does not exist, has no value, is a
    /// secret, or holds another type.
    pub fn get<T: SettingValue>(connection: &mut DbConnection, key: &str) -> Result<T> {
        let setting = Self::existing(connection, key)?;
        if setting.is_secret {
            return Err(faulty(key, SettingFault::Secret));
        }
        value::read(key, setting.value_type, setting.value.as_ref())
    }

    /// Returns the value of a secret setting, still encrypted; `None` if it has no value.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the setting does not exist or is not a secret.
    pub fn get_secret(connection: &mut DbConnection, key: &str) -> Result<Option<Ciphertext>> {
        let setting = Self::existing(connection, key)?;
        let value = setting.value.as_ref().map(|text| text.expose().parse()).transpose();
        match value {
            Ok(value) if setting.is_secret => Ok(value),
            _ => Err(faulty(key, SettingFault::NotSecret)),
        }
    }

    /// Sets the value, which must have the setting's type and satisfy its rule. Returns the new row.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the setting does not exist, is read-only or a
    /// secret, or the value does not fit.
    pub fn set<T: SettingValue>(
        connection: &mut Writer<'_>,
        key: &str,
        value: &T,
        by: Option<UserId>,
    ) -> Result<Self> {
        let setting = Self::existing(connection, key)?;
        if setting.is_readonly {
            return Err(faulty(key, SettingFault::ReadOnly));
        }
        if setting.is_secret {
            return Err(faulty(key, SettingFault::Secret));
        }
        if setting.value_type != T::TYPE {
            let (stored, asked) = (setting.value_type, T::TYPE);
            return Err(faulty(key, SettingFault::WrongType { stored, asked }));
        }
        let text = value::write(key, setting.validation_rule.as_deref(), value)?;
        Self::write_text(connection, setting.id, Some(&text), by)
    }

    /// Sets the value of a secret setting to a ciphertext, or removes it with `None`. Returns the
    /// new row.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the setting does not exist, is read-only, or is
    /// not a secret.
    pub fn set_secret(
        connection: &mut Writer<'_>,
        key: &str,
        value: Option<&Ciphertext>,
        by: Option<UserId>,
    ) -> Result<Self> {
        let setting = Self::existing(connection, key)?;
        if setting.is_readonly {
            return Err(faulty(key, SettingFault::ReadOnly));
        }
        if !setting.is_secret {
            return Err(faulty(key, SettingFault::NotSecret));
        }
        Self::write_text(connection, setting.id, value.map(Ciphertext::expose), by)
    }

    pub(super) fn existing(connection: &mut DbConnection, key: &str) -> Result<Self> {
        Self::find_by_key(connection, key)?.ok_or_else(|| faulty(key, SettingFault::Unknown))
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
