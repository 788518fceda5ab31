//! Preferences of users, which fall back to the system setting of the same name.

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde::Serialize;

use super::system_setting::SystemSetting;
use super::value::{self, SettingText, SettingValue, faulty};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Result, SettingFault};
use crate::models::User;
use crate::models::query::{Parent, explain_broken_reference};
use crate::schema::user_preferences;
use crate::types::{UserId, UserPreferenceId, UtcTime, ValueType};

/// Preference of a user.
#[derive(
    Clone, Debug, PartialEq, Eq, Associations, Identifiable, Queryable, Selectable, Serialize,
)]
#[diesel(table_name = user_preferences, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct UserPreference {
    /// Primary key.
    pub id: UserPreferenceId,
    /// User whose preference it is.
    pub user_id: UserId,
    /// Name, unique within the user's preferences.
    pub key: String,
    /// Value as text in the form of `value_type`; `None` if the preference has no value.
    pub value: Option<SettingText>,
    /// Type of the value.
    pub value_type: ValueType,
    /// Group in which the preference is shown.
    pub category: String,
    /// Time at which the preference was first set.
    pub created_at: UtcTime,
    /// Time of the last change.
    pub updated_at: UtcTime,
}

/// Preference to insert. It is private, so that [`UserPreference::set`] checks every value.
#[derive(Insertable)]
#[diesel(table_name = user_preferences)]
struct NewUserPreference<'a> {
    user_id: UserId,
    key: &'a str,
    value: &'a str,
    value_type: ValueType,
    category: &'a str,
}

impl UserPreference {
    /// Returns the value of the user's preference, or of the system setting with this name if the user has
    /// not set one.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if neither exists, the system setting is a secret,
    /// or the value is missing or of another type.
    pub fn get<T: SettingValue>(
        connection: &mut DbConnection,
        user: UserId,
        key: &str,
    ) -> Result<T> {
        let chosen: Option<Self> =
            dispatch!(&mut *connection, |connection| user_preferences::table
                .select(Self::as_select())
                .filter(user_preferences::user_id.eq(user).and(user_preferences::key.eq(key)))
                .get_result(connection)
                .optional())?;
        match chosen {
            Some(chosen) => value::read(key, chosen.value_type, chosen.value.as_ref()),
            None => SystemSetting::get(connection, key),
        }
    }

    /// Sets the user's preference and returns its row.
    ///
    /// If a system setting has this name, the value must have its type and satisfy its rule, and the
    /// preference gets its category. Otherwise the category is `general`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the value does not fit the system setting, or
    /// the system setting is read-only or a secret; [`Error::Violation`](crate::Error::Violation)
    /// if the user does not exist.
    pub fn set<T: SettingValue>(
        connection: &mut Writer<'_>,
        user: UserId,
        key: &str,
        value: &T,
    ) -> Result<Self> {
        let default = SystemSetting::find_by_key(connection, key)?;
        let rule = default.as_ref().and_then(|setting| setting.validation_rule.as_deref());
        if let Some(setting) = &default {
            let fault = match setting {
                SystemSetting { is_readonly: true, .. } => Some(SettingFault::ReadOnly),
                SystemSetting { is_secret: true, .. } => Some(SettingFault::Secret),
                SystemSetting { value_type, .. } if *value_type != T::TYPE => {
                    Some(SettingFault::WrongType { stored: *value_type, asked: T::TYPE })
                }
                _ => None,
            };
            if let Some(fault) = fault {
                return Err(faulty(key, fault));
            }
        }
        let text = value::write(key, rule, value)?;
        let row = NewUserPreference {
            user_id: user,
            key,
            value: &text,
            value_type: T::TYPE,
            category: default.as_ref().map_or("general", |setting| &setting.category),
        };
        row.upsert(connection)
    }

    /// Deletes the user's preference, so that the system setting applies. Returns `false` if there
    /// was none.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn unset(connection: &mut Writer<'_>, user: UserId, key: &str) -> Result<bool> {
        let forgotten =
            dispatch!(connection, |connection| diesel::delete(user_preferences::table)
                .filter(user_preferences::user_id.eq(user).and(user_preferences::key.eq(key)))
                .execute(connection))?;
        Ok(forgotten > 0)
    }

    /// Returns the user's preferences in a category, ordered by name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_in_category(
        connection: &mut DbConnection,
        user: UserId,
        category: &str,
    ) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| user_preferences::table
            .select(Self::as_select())
            .filter(user_preferences::user_id.eq(user))
            .filter(user_preferences::category.eq(category))
            .order(user_preferences::key)
            .load(connection))?)
    }
}

impl NewUserPreference<'_> {
    fn upsert(&self, connection: &mut Writer<'_>) -> Result<UserPreference> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(user_preferences::table)
                .values(self)
                .on_conflict((user_preferences::user_id, user_preferences::key))
                .do_update()
                .set((
                    user_preferences::value.eq(excluded(user_preferences::value)),
                    user_preferences::value_type.eq(excluded(user_preferences::value_type)),
                    user_preferences::category.eq(excluded(user_preferences::category)),
                    user_preferences::updated_at.eq(UtcTime::now()),
                ))
                .returning(UserPreference::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(self.user_id));
        explain_broken_reference(connection, result, &[("user_preferences_user_id_fkey", user)])
    }
}
