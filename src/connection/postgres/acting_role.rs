//! The role as which a connection acts, if that is not the user who signed in.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::connect::connect;
use super::trust::among_ours;
use crate::config::{Config, Location};
use crate::error::Result;

/// Of the settings of users and databases the one of both counts, then that of the user, then that of the database. Where
/// none of them is the role in use, the connection itself has asked for it.
const ACTING: &str = "
    SELECT pg_catalog.format('as the role %I, which %s', current_user, coalesce((
        SELECT pg_catalog.format('a setting gives to the user %I (%s takes it back)', session_user, CASE
            WHEN setrole <> 0 AND setdatabase <> 0
                THEN pg_catalog.format('ALTER ROLE %I IN DATABASE %I RESET role', session_user, current_database())
            WHEN setrole <> 0 THEN pg_catalog.format('ALTER ROLE %I RESET role', session_user)
            WHEN setdatabase <> 0 THEN pg_catalog.format('ALTER DATABASE %I RESET role', current_database())
            ELSE 'ALTER ROLE ALL RESET role' END)
        FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE setting = pg_catalog.format('role=%s', current_user)
            AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
        ORDER BY setrole <> 0 DESC, setdatabase <> 0 DESC LIMIT 1
    ), pg_catalog.format('the URL gives to the user %I (options=-crole=…)', session_user))) AS text
    WHERE current_user <> session_user";

/// Returns as which role a connection acts and what takes it back; `None` if that is the user who signed in.
pub(crate) fn acting_role(connection: &mut PgConnection) -> Result<Option<String>> {
    #[derive(QueryableByName)]
    struct Acting {
        #[diesel(sql_type = Text)]
        text: String,
    }

    let found: Option<Acting> = diesel::sql_query(ACTING).get_result(connection).optional()?;
    Ok(found.map(|found| found.text))
}

/// Asks a new connection, to which nothing is refused: only its role may lack rights.
pub(crate) fn acting_role_of(config: &Config) -> Result<Option<String>> {
    match config.location() {
        Location::Postgres(url) => {
            let mut connection = connect(url, config.server())?;
            among_ours(&mut connection, config.server(), |connection, _| acting_role(connection))
        }
        Location::Sqlite(_) => Ok(None),
    }
}
