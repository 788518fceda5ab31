//! Settings of the whole installation.

use diesel::prelude::*;
use serde::Serialize;

use crate::schema::system_settings;
use crate::types::{SystemSettingId, UserId, UtcTime, ValueType};
use crate::{DbConnection, Result, dispatch};

/// A setting. The value of a secret one is ciphertext and is never serialised.
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = system_settings)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct SystemSetting {
    /// The row's key.
    pub id: SystemSettingId,
    /// The unique name.
    pub key: String,
    /// The value as text that agrees with `value_type`.
    #[serde(skip)]
    pub value: Option<String>,
    /// What the text stands for.
    pub value_type: ValueType,
    /// What the setting does.
    pub description: Option<String>,
    /// Whether the value is a secret.
    pub is_secret: bool,
    /// Whether only the system writes it.
    pub is_readonly: bool,
    /// What a value must satisfy.
    pub validation_rule: Option<String>,
    /// The group that it is shown in.
    pub category: String,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it was last changed.
    pub updated_at: UtcTime,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
}

/// A setting to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = system_settings)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSystemSetting<'a> {
    /// The unique name, 1 to 100 characters.
    pub key: &'a str,
    /// The value.
    pub value: Option<&'a str>,
    /// What the text stands for.
    pub value_type: ValueType,
    /// What the setting does.
    pub description: Option<&'a str>,
    /// Whether only the system writes it.
    pub is_readonly: bool,
    /// The group that it is shown in.
    pub category: &'a str,
}

impl SystemSetting {
    /// The setting of this name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) with `NotFound` if there is none.
    pub fn find_by_key(connection: &mut DbConnection, key: &str) -> Result<Self> {
        Ok(dispatch!(connection, |connection| system_settings::table
            .select(Self::as_select())
            .filter(system_settings::key.eq(key))
            .get_result(connection))?)
    }
}
