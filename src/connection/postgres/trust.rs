//! Whose functions and operators a statement of this program may run.
//!
//! In `search_path`, PostgreSQL looks at `pg_catalog` first, but of functions and operators with one name it takes the
//! one whose types fit best, in whichever schema that is: who may create in a schema of the path can make one that
//! stands for one of PostgreSQL, and runs with the rights of whoever is connected (CVE-2018-1058).

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};

use super::quoted::quoted;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result};

/// Looks names up in `pg_catalog` only.
pub(super) const CATALOG_ONLY: &str = "search_path = pg_catalog, pg_temp";

/// Sets the `search_path` that the user has in this database for the transaction, whatever others have set for the
/// pooler's connection.
const OWN_PATH: &str =
    "SELECT pg_catalog.set_config('search_path', reset_val, true) FROM pg_catalog.pg_settings
    WHERE name OPERATOR(pg_catalog.=) 'search_path'";

/// Runs `look` in a read-only transaction in which names and operators are those of PostgreSQL only. It gets the names of the
/// schemas that the `search_path` has before.
pub(super) fn among_ours<T>(
    connection: &mut PgConnection,
    options: &ServerOptions,
    look: impl FnOnce(&mut PgConnection, &[String]) -> Result<T>,
) -> Result<T> {
    connection.batch_execute("BEGIN READ ONLY")?;
    let found = look_up(connection, options, look);
    // Nothing was written, and the `search_path` is what it was before.
    let ended = connection.batch_execute("ROLLBACK");
    found.and_then(|found| Ok(ended.map(|()| found)?))
}

fn look_up<T>(
    connection: &mut PgConnection,
    options: &ServerOptions,
    look: impl FnOnce(&mut PgConnection, &[String]) -> Result<T>,
) -> Result<T> {
    if options.transaction_pooler {
        diesel::sql_query(OWN_PATH).execute(connection)?;
    }
    let path =
        diesel::dsl::sql::<Array<Text>>("pg_catalog.current_schemas(false)::pg_catalog.text[]");
    let path: Vec<String> = diesel::select(path).get_result(connection)?;
    connection.batch_execute(&format!("SET LOCAL {CATALOG_ONLY}"))?;
    look(connection, &path)
}

/// Returns a condition: whether the role `owner` may do in the schema `n` whatever it wants, or is the user. Others can
/// have made what is there only because they may create in the schema.
pub(crate) fn is_trusted(owner: &str) -> String {
    format!(
        "(pg_has_role({owner}, n.nspowner, 'MEMBER') OR {owner} = (SELECT oid FROM pg_roles WHERE rolname = current_user))"
    )
}

/// Returns a condition: whether the role `owner` gains nothing if the user runs its functions. The owner of the schema
/// does what it wants with the tables of an application, but not with a server.
fn is_no_gain(owner: &str) -> String {
    let is_superuser = |role: &str| format!("(SELECT rolsuper FROM pg_roles WHERE oid = {role})");
    let user = "(SELECT oid FROM pg_roles WHERE rolname = current_user)";
    format!(
        "CASE WHEN {} THEN {} ELSE {} END",
        is_superuser(user),
        is_superuser(owner),
        is_trusted(owner)
    )
}

/// Returns an error if somebody who may create in the schema has made a function or an operator there that has the name
/// of one of PostgreSQL. `connection` looks at [`CATALOG_ONLY`].
///
/// # Errors
/// [`Error::Refused`]
pub(super) fn ensure_no_stand_ins(
    connection: &mut PgConnection,
    url: &ServerUrl,
    schema: &str,
) -> Result<()> {
    #[derive(QueryableByName)]
    struct StandIn {
        #[diesel(sql_type = Text)]
        object: String,
        #[diesel(sql_type = Text)]
        owner: String,
    }

    let query = format!(
        "SELECT (CASE prokind WHEN 'a' THEN 'AGGREGATE ' ELSE 'ROUTINE ' END) || p.oid::regprocedure AS object,
            pg_get_userbyid(proowner)::text AS owner
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE p.oid >= 16384 AND nspname = $1 AND NOT {}
            AND proname IN (SELECT proname FROM pg_proc JOIN pg_namespace AS c ON c.oid = pronamespace
                WHERE c.nspname = 'pg_catalog')
        UNION ALL
        SELECT 'OPERATOR ' || o.oid::regoperator, pg_get_userbyid(oprowner)
        FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = oprnamespace
        WHERE o.oid >= 16384 AND nspname = $1 AND NOT {}
            AND oprname IN (SELECT oprname FROM pg_operator JOIN pg_namespace AS c ON c.oid = oprnamespace
                WHERE c.nspname = 'pg_catalog')
        ORDER BY object LIMIT 1",
        is_no_gain("proowner"),
        is_no_gain("oprowner"),
    );
    let found: Option<StandIn> =
        diesel::sql_query(query).bind::<Text, _>(schema).get_result(connection).optional()?;
    let Some(StandIn { object, owner }) = found else { return Ok(()) };
    let (schema, owner) = (quoted(schema), quoted(&owner));
    Err(Error::Refused {
        database: url.to_string(),
        reason: format!(
            "the role {owner}, which may create in the schema {schema}, has made something there that can stand for a \
             function or an operator of PostgreSQL, and would run with the rights of this user: DROP {object}, and \
             REVOKE CREATE ON SCHEMA {schema} FROM {owner}; or connect as {owner}, if the database is that role's"
        ),
    })
}

/// Returns an error if the ledger of migrations belongs to somebody who may only create in the schema: its triggers, and
/// those of other tables of that role, would run with the rights of this user.
///
/// # Errors
/// [`Error::Refused`]
pub(super) fn ensure_own_ledger(
    connection: &mut PgConnection,
    url: &ServerUrl,
    schema: &str,
) -> Result<()> {
    let query = format!(
        "SELECT pg_get_userbyid(relowner)::text AS name
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname = $1 AND relname = '__diesel_schema_migrations' AND NOT {}",
        is_trusted("relowner")
    );
    let found: Option<Owner> =
        diesel::sql_query(query).bind::<Text, _>(schema).get_result(connection).optional()?;
    let Some(Owner { name }) = found else { return Ok(()) };
    let (schema, owner) = (quoted(schema), quoted(&name));
    Err(Error::Refused {
        database: url.to_string(),
        reason: format!(
            "its table __diesel_schema_migrations belongs to the role {owner}, which is neither this user nor an owner of \
             the schema {schema}, and whose triggers would run with the rights of this user; connect as {owner}, or, if \
             the database is that role's, ALTER SCHEMA {schema} OWNER TO {owner}"
        ),
    })
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Text)]
    name: String,
}
