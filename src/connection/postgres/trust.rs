//! Whose functions and operators a statement of this program may run.
//!
//! In `search_path`, PostgreSQL looks at `pg_catalog` first, but of functions and operators with one name it takes the
//! one whose types fit best, in whichever schema that is: who may create in a schema of the path can make one that
//! stands for one of PostgreSQL, and runs with the rights of whoever is connected (CVE-2018-1058).

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text};

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

/// Returns a condition: whether what the role `owner` has made in the schema `n` counts as the program's own, because the
/// role may do there whatever it wants, or is the user. Others can have made it only because they may create in the schema.
pub(crate) fn is_trusted(owner: &str) -> String {
    is_trusted_by(owner, "current_user")
}

fn is_trusted_by(owner: &str, user: &str) -> String {
    format!(
        "(pg_has_role({owner}, n.nspowner, 'MEMBER') OR {owner} = (SELECT oid FROM pg_roles WHERE rolname = {user}))"
    )
}

/// Returns a condition: whether the role `owner` gains nothing if its functions run on this connection. The owner of the
/// schema does what it wants with the tables of an application, but not with a server.
///
/// The condition holds for the user who signed in, too: a function can go back to that user with `SET ROLE NONE`, whatever
/// role a setting of the database has chosen for the session.
fn is_no_gain(owner: &str) -> String {
    let for_user = |user: &str| {
        format!(
            "CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = {user})
                THEN (SELECT rolsuper FROM pg_roles WHERE oid = {owner}) ELSE {} END",
            is_trusted_by(owner, user)
        )
    };
    format!("(({}) AND ({}))", for_user("current_user"), for_user("session_user"))
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
        /// Who has the right to create with which the owner can do it again; `None` if nobody has it any more.
        #[diesel(sql_type = Nullable<Text>)]
        creators: Option<String>,
    }

    let query = format!(
        "SELECT format('%s %s', CASE prokind WHEN 'a' THEN 'AGGREGATE' ELSE 'ROUTINE' END, p.oid::regprocedure) AS object,
            pg_get_userbyid(proowner)::text AS owner, {} AS creators
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE p.oid >= 16384 AND nspname = $1 AND NOT {}
            AND proname IN (SELECT proname FROM pg_proc JOIN pg_namespace AS c ON c.oid = pronamespace
                WHERE c.nspname = 'pg_catalog')
        UNION ALL
        SELECT format('OPERATOR %s', o.oid::regoperator), pg_get_userbyid(oprowner), {}
        FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = oprnamespace
        WHERE o.oid >= 16384 AND nspname = $1 AND NOT {}
            AND oprname IN (SELECT oprname FROM pg_operator JOIN pg_namespace AS c ON c.oid = oprnamespace
                WHERE c.nspname = 'pg_catalog')
        ORDER BY object LIMIT 1",
        creators("proowner"),
        is_no_gain("proowner"),
        creators("oprowner"),
        is_no_gain("oprowner"),
    );
    let found: Option<StandIn> =
        diesel::sql_query(query).bind::<Text, _>(schema).get_result(connection).optional()?;
    let Some(StandIn { object, owner, creators }) = found else { return Ok(()) };
    let (schema, owner) = (quoted(schema), quoted(&owner));
    let revoke = creators.map_or_else(String::new, |creators| {
        format!(", and REVOKE CREATE ON SCHEMA {schema} FROM {creators}")
    });
    Err(Error::Refused {
        database: url.to_string(),
        reason: format!(
            "the role {owner} has made something in the schema {schema} that can stand for a function or an operator of \
             PostgreSQL, and would run with the rights of this user: DROP {object}{revoke}; or connect as {owner}, if \
             the database is that role's"
        ),
    })
}

/// Returns an expression: those whose right to create in the schema `n` the role `owner` has, other than the owner of
/// the schema, as a list for `REVOKE`.
fn creators(owner: &str) -> String {
    format!(
        "(SELECT string_agg(CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ')
            FROM aclexplode(nspacl)
            WHERE privilege_type = 'CREATE' AND grantee <> nspowner
                AND CASE grantee WHEN 0 THEN true ELSE pg_has_role({owner}, grantee, 'MEMBER') END)"
    )
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
