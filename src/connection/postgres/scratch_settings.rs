//! The settings of a database and of its roles there, given to the temporary database that takes its place.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Text};

use super::statement::run;
use crate::error::Result;
use crate::error::hint::is_not_permitted;

/// Which of the settings are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settings {
    /// Those with which the database can be filled.
    ToFill,
    /// The one by which nothing can be written any more.
    ReadOnly,
}

#[derive(QueryableByName)]
struct Setting {
    /// `ALTER … SET name`, without a value.
    #[diesel(sql_type = Text)]
    alter: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    value: String,
    /// The value as a literal of the server.
    #[diesel(sql_type = Text)]
    literal: String,
    #[diesel(sql_type = Bool)]
    is_list: bool,
}

/// Gives the database `name` settings of the database `of`, exactly as the server stores them. One that the server
/// refuses is left out, with a warning that has its name and not its value: the owner of a database may restore it,
/// although a superuser has set something there, and although a tablespace or an extension is no more.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) or [`Error::ConnectionLost`](crate::Error::ConnectionLost)
pub(super) fn give_settings(
    connection: &mut PgConnection,
    of: &str,
    name: &str,
    which: Settings,
) -> Result<()> {
    let settings: Vec<Setting> = diesel::sql_query(SETTINGS)
        .bind::<Text, _>(of)
        .bind::<Text, _>(name)
        .bind::<Bool, _>(which == Settings::ReadOnly)
        .load(connection)?;
    for setting in settings {
        match setting.give(connection) {
            Ok(()) => {}
            Err(error @ DieselError::DatabaseError(kind, _))
                if !matches!(kind, DatabaseErrorKind::ClosedConnection) =>
            {
                let alter = setting.alter;
                // Other messages of the server have the value.
                let reason = if is_not_permitted(&error) {
                    error.to_string()
                } else {
                    "the server refuses its value".to_owned()
                };
                tracing::warn!(
                    reason,
                    "a setting was not given to the restored database, and has to be set by hand: {alter}"
                );
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Setting {
    /// Any role may store any text as the list of a setting of its own, with `SET … FROM CURRENT`. No statement says a
    /// list exactly: each of its elements is stored in quotes where it needs them. Of the other settings, only a
    /// statement does: a session has them in another form, such as `ISO, MDY` for `iso`.
    fn give(&self, connection: &mut PgConnection) -> QueryResult<()> {
        connection.transaction(|connection| {
            if !self.is_list {
                return run(connection, &format!("{} TO {}", self.alter, self.literal));
            }
            diesel::sql_query("SELECT pg_catalog.set_config($1, $2, true)")
                .bind::<Text, _>(&self.name)
                .bind::<Text, _>(&self.value)
                .execute(connection)?;
            run(connection, &format!("{} FROM CURRENT", self.alter))
        })
    }
}

/// Settings of the database `$1`, with statements about `$2`.
const SETTINGS: &str = "
    SELECT CASE setrole WHEN 0 THEN format('ALTER DATABASE %I', $2)
            ELSE format('ALTER ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), $2) END
            || format(' SET %I', name) AS alter,
        name, value, quote_literal(value) AS literal,
        name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') AS is_list
    FROM pg_database AS d JOIN pg_db_role_setting ON setdatabase = d.oid, unnest(setconfig) AS setting,
        LATERAL (SELECT split_part(setting, '=', 1) AS name,
            substr(setting, strpos(setting, '=') + 1) AS value) AS parts
    WHERE datname = $1 AND (name = 'default_transaction_read_only') = $3";
