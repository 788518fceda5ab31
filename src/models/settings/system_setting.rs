//! Settings of the installation.

use std::fmt;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::declared::Declared;
use super::rule::ValidationRule;
use super::value::{self, SettingText, SettingValue, faulty};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Result, SettingFault};
use crate::models::query::{Parent, explain_broken_reference, find_one};
use crate::schema::system_settings;
use crate::types::{SystemSettingId, UserId, UtcTime, ValueType};

/// Setting of the installation.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
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
    /// Whether each user may choose a value of their own, with [`UserPreference`](super::UserPreference).
    pub is_user_settable: bool,
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

impl Declared {
    /// Returns the row to insert.
    pub(super) const fn new_row<'a>(
        &self,
        key: &'a str,
        value: Option<&'a str>,
        value_type: ValueType,
        is_secret: bool,
    ) -> NewSystemSetting<'a> {
        NewSystemSetting {
            key,
            value,
            value_type,
            description: self.description,
            is_secret,
            is_readonly: self.is_readonly,
            is_user_settable: self.is_user_settable,
            validation_rule: self.rule,
            category: self.category,
        }
    }
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
    /// Whether each user may choose a value of their own, with [`UserPreference`](super::UserPreference);
    /// `false` by default.
    #[builder(default)]
    pub is_user_settable: bool,
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
            .field("is_user_settable", &self.is_user_settable)
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
        self.check_rule()?;
        connection.write(|connection| {
            let setting: SystemSetting =
                dispatch!(connection, |connection| diesel::insert_into(system_settings::table)
                    .values(self)
                    .returning(SystemSetting::as_returning())
                    .get_result(connection))?;
            // The database takes what cannot be read: 1e999, or JSON that is nested too deep.
            if let Some(text) = self.public_value() {
                value::check_readable(self.key, self.value_type, text)?;
            }
            Ok(setting)
        })
    }

    /// Inserts the setting, which `by` sets, unless it exists. Returns its row if it has been inserted.
    pub(super) fn insert_if_missing(
        &self,
        connection: &mut Writer<'_>,
        by: Option<UserId>,
    ) -> Result<Option<SystemSetting>> {
        self.check_rule()?;
        if let Some(text) = self.public_value() {
            value::check_readable(self.key, self.value_type, text)?;
        }
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(system_settings::table)
                .values((self, system_settings::updated_by.eq(by)))
                .on_conflict(system_settings::key)
                .do_nothing()
                .returning(SystemSetting::as_returning())
                .get_result(connection)
                .optional());
        let by = by.map(Parent::User);
        explain_broken_reference(connection, result, &[("system_settings_updated_by_fkey", by)])
    }

    fn public_value(&self) -> Option<&str> {
        self.value.filter(|_| !self.is_secret)
    }

    fn check_rule(&self) -> Result<()> {
        if let Some(rule) = self.validation_rule
            && let Err(reason) = rule.parse::<ValidationRule>()
        {
            let (rule, reason) = (rule.to_owned(), reason.to_string());
            return Err(faulty(self.key, SettingFault::BadRule { rule, reason }));
        }
        match self.public_value() {
            Some(text) => value::check_rule(self.key, self.validation_rule, text),
            None => Ok(()),
        }
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

    /// Returns the value of this row.
    pub(super) fn read<T: SettingValue>(&self) -> Result<T> {
        if self.is_secret {
            return Err(faulty(&self.key, SettingFault::Secret));
        }
        value::read(&self.key, self.value_type, self.value.as_ref())
    }

    /// Checks that a value of this type may be written.
    pub(super) fn check_writable(&self, asked: ValueType) -> Result<()> {
        let stored = self.value_type;
        let fault = match self {
            Self { is_readonly: true, .. } => SettingFault::ReadOnly,
            Self { is_secret: true, .. } => SettingFault::Secret,
            _ if stored != asked => SettingFault::WrongType { stored, asked },
            _ => return Ok(()),
        };
        Err(faulty(&self.key, fault))
    }

    pub(super) fn existing(connection: &mut DbConnection, key: &str) -> Result<Self> {
        Self::find_by_key(connection, key)?.ok_or_else(|| faulty(key, SettingFault::Unknown))
    }
}
