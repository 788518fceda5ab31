//! Preferences of users, which fall back to the system setting of the same name.

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde::{Deserialize, Serialize};

use super::declared::{Preference, Setting};
use super::system_setting::{NewSystemSetting, SystemSetting};
use super::value::{self, SettingText, SettingValue, faulty};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Result, SettingFault};
use crate::models::User;
use crate::models::query::{Parent, explain_broken_reference, find_one};
use crate::schema::user_preferences;
use crate::types::{UserId, UserPreferenceId, UtcTime, ValueType};

/// Preference of a user.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Associations,
    Identifiable,
    Queryable,
    Selectable,
    Serialize,
    Deserialize,
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
    /// Returns the value that the user has chosen; otherwise the installation's, and if no row exists, the default.
    ///
    /// If the row of the installation is not for users to set (any more), its value counts, and not a choice that was
    /// made before.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the stored value is missing or of another type, or the row of the
    /// installation is a secret.
    pub fn get<T: SettingValue>(
        connection: &mut DbConnection,
        user: UserId,
        preference: Preference<T>,
    ) -> Result<T> {
        let setting = preference.setting();
        match SystemSetting::find_by_key(connection, setting.key)? {
            Some(row) if !row.is_user_settable => row.read(),
            row => Self::chosen_or(connection, user, setting.key, row, || setting.default_value()),
        }
    }

    /// Sets the value that the user has chosen, and returns its row.
    ///
    /// If the installation has a row with this key, the value must have its type and satisfy its rule.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the value does not fit, or the row of the
    /// installation is not for users to set; [`Error::Violation`](crate::Error::Violation) if the
    /// user does not exist.
    pub fn set<T: SettingValue>(
        connection: &mut Writer<'_>,
        user: UserId,
        preference: Preference<T>,
        value: T::Given<'_>,
    ) -> Result<Self> {
        let Setting { key, row, .. } = preference.setting();
        let declared = row.new_row(key, None, T::TYPE, false);
        Self::choose::<T>(connection, user, &declared, value)
    }

    /// Deletes the value that the user has chosen, so that the installation's counts. Returns `false` if
    /// there was none.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn unset<T: SettingValue>(
        connection: &mut Writer<'_>,
        user: UserId,
        preference: Preference<T>,
    ) -> Result<bool> {
        Self::unset_undeclared(connection, user, preference.setting().key)
    }

    /// Returns the value that the user has chosen for this key, which no [`Preference`] declares; otherwise the
    /// installation's, if its row is for users to set.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if neither exists, the row of the installation is
    /// not for users to set, or the value is missing or of another type.
    pub fn get_undeclared<T: SettingValue>(
        connection: &mut DbConnection,
        user: UserId,
        key: &str,
    ) -> Result<T> {
        match SystemSetting::find_by_key(connection, key)? {
            Some(row) if !row.is_user_settable => Err(faulty(key, SettingFault::NotUserSettable)),
            row => Self::chosen_or(connection, user, key, row, || {
                Err(faulty(key, SettingFault::Unknown))
            }),
        }
    }

    /// Sets the value that the user has chosen for this key, which no [`Preference`] declares, and returns its row.
    ///
    /// If the installation has a row with this key, the value must have its type and satisfy its rule, and gets its
    /// category. Otherwise the category is `general`.
    ///
    /// # Errors
    /// Those of [`UserPreference::set`].
    pub fn set_undeclared<T: SettingValue>(
        connection: &mut Writer<'_>,
        user: UserId,
        key: &str,
        value: T::Given<'_>,
    ) -> Result<Self> {
        let plain = NewSystemSetting::builder().key(key).build();
        Self::choose::<T>(connection, user, &plain, value)
    }

    /// Deletes the value that the user has chosen for this key, which no [`Preference`] declares.
    /// Returns `false` if there was none.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn unset_undeclared(connection: &mut Writer<'_>, user: UserId, key: &str) -> Result<bool> {
        let forgotten =
            dispatch!(connection, |connection| diesel::delete(user_preferences::table)
                .filter(user_preferences::user_id.eq(user).and(user_preferences::key.eq(key)))
                .execute(connection))?;
        Ok(forgotten > 0)
    }

    /// Writes the value of a user for what `declared` describes, unless the installation has a row of its own.
    fn choose<T: SettingValue>(
        connection: &mut Writer<'_>,
        user: UserId,
        declared: &NewSystemSetting<'_>,
        value: T::Given<'_>,
    ) -> Result<Self> {
        let key = declared.key;
        let row = SystemSetting::find_by_key(connection, key)?;
        let (rule, category) = match &row {
            Some(row) => {
                row.check_writable(T::TYPE)?;
                if !row.is_user_settable {
                    return Err(faulty(key, SettingFault::NotUserSettable));
                }
                (row.validation_rule.as_deref(), row.category.as_str())
            }
            None => (declared.validation_rule, declared.category),
        };
        let value = &value::write::<T>(key, rule, value)?;
        let value_type = T::TYPE;
        NewUserPreference { user_id: user, key, value, value_type, category }.upsert(connection)
    }

    fn find_by_key(connection: &mut DbConnection, user: UserId, key: &str) -> Result<Option<Self>> {
        find_one!(
            connection,
            user_preferences,
            user_preferences::user_id.eq(user),
            user_preferences::key.eq(key)
        )
    }

    /// Returns what the user has chosen, otherwise the value of the row, and without a row `none`.
    fn chosen_or<T: SettingValue>(
        connection: &mut DbConnection,
        user: UserId,
        key: &str,
        row: Option<SystemSetting>,
        none: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match Self::find_by_key(connection, user, key)? {
            Some(chosen) => chosen.read(),
            None => row.map_or_else(none, |row| row.read()),
        }
    }

    fn read<T: SettingValue>(&self) -> Result<T> {
        value::read(&self.key, self.value_type, self.value.as_ref())
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
