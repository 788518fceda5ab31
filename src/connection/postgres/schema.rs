//! The schema of a server's database in which the tables are.
//!
//! The `search_path` alone does not say: a schema that somebody creates later, such as one with the name of the user,
//! comes before the one in which the tables are.

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text};

use super::connect::connect_to_catalog;
use super::quoted::quoted;
use super::trust::{among_ours, ensure_no_stand_ins, is_trusted};
use crate::config::{Config, Location, ServerOptions, ServerUrl};
use crate::error::{Error, Result};

#[derive(QueryableByName)]
struct Schema {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    has_ledger: bool,
}

/// Returns the query of those of the schemas `$1` in which tables can be. A ledger counts only if no other role than those that
/// may do anything in the schema has made it: everybody who may create tables in one can create a table of this name.
fn path() -> String {
    format!(
        "SELECT n.nspname::text AS name, EXISTS (
            SELECT FROM pg_class AS c
            WHERE c.relnamespace = n.oid AND c.relname = '__diesel_schema_migrations' AND c.relkind IN ('r', 'p')
                AND {}
        ) AS has_ledger
        FROM unnest($1) WITH ORDINALITY AS path (name, position)
        JOIN pg_namespace AS n ON n.nspname = path.name
        WHERE n.nspname !~ '^pg_' ORDER BY position",
        is_trusted("c.relowner")
    )
}

/// Returns the name of the schema: the configured one, or the first of the `search_path`, if no other schema of that has
/// a ledger of migrations. Nobody else has made what stands for a function of PostgreSQL there.
///
/// # Errors
/// [`Error::NoDatabase`] if the configured one does not exist; [`Error::Refused`]
pub(super) fn resolve(
    connection: &mut PgConnection,
    url: &ServerUrl,
    options: &ServerOptions,
) -> Result<String> {
    among_ours(connection, options, |connection, path| resolve_in(connection, url, options, path))
}

/// As [`resolve`], within [`among_ours`]: `path` has the names of the schemas of the `search_path`.
pub(super) fn resolve_in(
    connection: &mut PgConnection,
    url: &ServerUrl,
    options: &ServerOptions,
    path: &[String],
) -> Result<String> {
    let name = find(connection, url, options, path)?;
    ensure_no_stand_ins(connection, url, &name)?;
    if options.transaction_pooler {
        // What runs outside of a transaction looks at all of them: nothing can be pinned there.
        for other in path.iter().filter(|other| **other != name) {
            ensure_no_stand_ins(connection, url, other)?;
        }
    }
    Ok(name)
}

fn find(
    connection: &mut PgConnection,
    url: &ServerUrl,
    options: &ServerOptions,
    names: &[String],
) -> Result<String> {
    let refuse = |reason: String| Err(Error::Refused { database: url.to_string(), reason });
    if let Some(name) = &options.schema {
        if is_usable(connection, name)? {
            return Ok(name.clone());
        }
        let (is_there, name) = (exists(connection, name)?, quoted(name));
        if !is_there {
            let database = format!("{url}, schema {name} (DATABASE_SCHEMA)");
            return Err(Error::NoDatabase { database });
        }
        return refuse(format!(
            "this user may not use its schema {name} (DATABASE_SCHEMA): GRANT USAGE ON SCHEMA {name} TO the user"
        ));
    }
    let path: Vec<Schema> =
        diesel::sql_query(path()).bind::<Array<Text>, _>(names).load(connection)?;
    let Some((first, others)) = path.split_first() else {
        return refuse(
            "no schema of its search_path exists; create one with CREATE SCHEMA, correct the search_path, or set \
             DATABASE_SCHEMA"
                .into(),
        );
    };
    let Some(other) = others.iter().find(|schema| schema.has_ledger) else {
        return Ok(first.name.clone());
    };
    let (first_name, other) = (quoted(&first.name), quoted(&other.name));
    let too = if first.has_ledger { " too" } else { ", and not in the first one" };
    refuse(format!(
        "its search_path begins with the schema {first_name}, but migrations were applied in {other}{too}; set DATABASE_SCHEMA to the name of the one that is meant"
    ))
}

/// Returns an error if a command would look elsewhere than in the schema: behind a pooler it has the settings and the
/// temporary tables that another client has left on the pooler's connection, and only a transaction can have its own.
///
/// # Errors
/// [`Error::Refused`]
pub(super) fn ensure_settled(
    connection: &mut PgConnection,
    url: &ServerUrl,
    schema: &str,
) -> Result<()> {
    let name = quoted(schema);
    let reason = if current(connection)?.as_deref() != Some(schema) {
        format!(
            "the pooler's connection has another search_path, and a command cannot set its schema {name} there; connect \
             to the server itself, or make it the first one of the user's: ALTER ROLE … SET search_path = {name}"
        )
    } else if is_true(connection, IS_HIDDEN, schema)? {
        "the pooler's connection has a temporary table or sequence with the name of one in the schema; connect to the server itself"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Refused { database: url.to_string(), reason })
}

/// Whether a temporary table, view or sequence has the name of one in the schema `$1`, for which it would stand.
const IS_HIDDEN: &str = "
    SELECT EXISTS (SELECT FROM pg_class AS t JOIN pg_class AS c ON c.relname = t.relname
        WHERE t.relnamespace = pg_my_temp_schema() AND t.relkind IN ('r', 'v', 'p', 'S')
            AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)) AS found";

/// Whether the schema exists.
pub(super) fn exists(connection: &mut PgConnection, schema: &str) -> Result<bool> {
    is_true(
        connection,
        "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS found",
        schema,
    )
}

/// Returns the names of the schemas and of the extensions of the database at `url`, in which the configured schema may
/// not exist yet.
///
/// # Errors
/// [`Error::Connect`] or [`Error::NoDatabase`]
pub(crate) fn present_objects(
    url: &ServerUrl,
    options: &ServerOptions,
) -> Result<(Vec<String>, Vec<String>)> {
    let names = |query| diesel::dsl::sql::<Array<Text>>(query);
    let schemas = names("array(SELECT nspname::text FROM pg_namespace)");
    let extensions = names("array(SELECT extname::text FROM pg_extension)");
    Ok(diesel::select((schemas, extensions)).get_result(&mut connect_to_catalog(url, options)?)?)
}

/// Whether the schema exists and the user may look up its tables.
fn is_usable(connection: &mut PgConnection, schema: &str) -> Result<bool> {
    let query = "SELECT EXISTS (SELECT FROM pg_namespace
        WHERE nspname = $1 AND has_schema_privilege(oid, 'USAGE')) AS found";
    is_true(connection, query, schema)
}

fn is_true(connection: &mut PgConnection, query: &str, schema: &str) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        found: bool,
    }

    let found: Found = diesel::sql_query(query).bind::<Text, _>(schema).get_result(connection)?;
    Ok(found.found)
}

/// Returns the name of the schema in which a connection has to look, as [`resolve`] finds it; `None` if it is not one to a
/// server.
pub(crate) fn schema_of(connection: &mut PgConnection, config: &Config) -> Result<Option<String>> {
    match config.location() {
        Location::Postgres(url) => resolve(connection, url, config.server()).map(Some),
        Location::Sqlite(_) => Ok(None),
    }
}

fn current(connection: &mut PgConnection) -> Result<Option<String>> {
    let name = diesel::dsl::sql::<Nullable<Text>>("current_schema()::text");
    Ok(diesel::select(name).get_result(connection)?)
}

/// Returns the statement that looks up tables in the schema only, and temporary ones last: before, they would stand for
/// others of their names. `set` is `SET` or `SET LOCAL`.
pub(super) fn pin(set: &str, schema: &str) -> String {
    format!("{set} search_path = {}, pg_temp;", quoted(schema))
}
