//! Violations of foreign keys.

#[cfg(feature = "postgres")]
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{BigInt, Nullable, Text};

use super::names::names;
#[cfg(feature = "postgres")]
use super::readable::may_read;
use crate::backend::{Backend, DbConnection};
use crate::dispatch;
use crate::error::Result;

/// Returns what [`broken_references`] has made sure of if it returns none.
#[must_use]
pub(crate) fn references_checked(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "none is broken",
        Backend::Postgres => "every foreign key is validated and enforced",
    }
}

/// Returns descriptions of broken references. On SQLite, these are the rows that violate a foreign key, as
/// `table row N has no parent`. PostgreSQL accepts such rows only through a foreign key that is not enforced:
/// there, these are the foreign keys that have not been validated or whose trigger is disabled. What was written while
/// foreign keys were off, `orphans` finds on a server.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn broken_references(connection: &mut DbConnection) -> Result<Vec<String>> {
    let query = match connection.backend() {
        Backend::Sqlite => {
            r#"SELECT "table" || ' row ' || coalesce(rowid, '?') || ' has no ' || "parent"
                   AS name FROM temp.pragma_foreign_key_check"#
        }
        Backend::Postgres => {
            "SELECT pg_catalog.format('%s: %s has not been validated', conrelid::regclass, conname) AS name
             FROM pg_constraint
             WHERE contype = 'f' AND NOT convalidated
                 AND connamespace = pg_catalog.quote_ident(current_schema())::regnamespace
             UNION ALL
             SELECT DISTINCT pg_catalog.format('%s: %s is not enforced (a trigger is disabled)', t.tgrelid::regclass,
                 c.conname)
             FROM pg_trigger AS t JOIN pg_constraint AS c ON c.oid = t.tgconstraint
             WHERE c.contype = 'f' AND t.tgenabled IN ('D', 'R')
                 AND c.connamespace = pg_catalog.quote_ident(current_schema())::regnamespace
             ORDER BY name"
        }
    };
    dispatch!(connection, |connection| names(connection, query))
}

/// Reads every reference of a server's database, and returns descriptions of the foreign keys that rows violate, and of those
/// that were not read: the user may not read a table or not all of its rows, or another than PostgreSQL has made the operator
/// that compares.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
#[cfg(feature = "postgres")]
pub(crate) fn orphans(connection: &mut PgConnection) -> Result<(Vec<String>, Vec<String>)> {
    let (mut broken, mut unread) = (Vec::new(), Vec::new());
    let readable = ["f.conrelid", "f.confrelid"].map(may_read).join(" AND ");
    let query = FOREIGN_KEYS.replace("$readable", &readable);
    let keys: Vec<ForeignKey> = diesel::sql_query(query).load(connection)?;
    for ForeignKey { name, parent, query } in keys {
        let Some(query) = query else {
            unread.push(name);
            continue;
        };
        let rows: i64 =
            diesel::select(diesel::dsl::sql::<BigInt>(&query)).get_result(connection)?;
        if rows > 0 {
            let words = if rows == 1 { "1 row refers" } else { &*format!("{rows} rows refer") };
            broken.push(format!("{name}: {words} to no row of {parent}"));
        }
    }
    Ok((broken, unread))
}

#[cfg(feature = "postgres")]
#[derive(QueryableByName)]
struct ForeignKey {
    /// Table and columns, as `table (column, column)`.
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    parent: String,
    /// Counts the rows that violate it; `None` if it is not to be run.
    #[diesel(sql_type = Nullable<Text>)]
    query: Option<String>,
}

/// The foreign keys of the schema, each with the query that counts its violations. A reference with a column that is NULL is
/// none. The operators are those that PostgreSQL itself compares with, and have lower ids if it has made them. `$readable` is
/// whether the user may read both tables.
#[cfg(feature = "postgres")]
const FOREIGN_KEYS: &str = "
    SELECT pg_catalog.format('%s (%s)', f.conrelid::regclass,
            string_agg(pg_catalog.quote_ident(c.attname), ', ' ORDER BY k.position)) AS name,
        f.confrelid::regclass::text AS parent,
        CASE WHEN bool_and(o.oid < 16384) AND $readable
            THEN pg_catalog.format('(SELECT count(*) FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s))',
                f.conrelid::regclass, string_agg(pg_catalog.format('c.%I IS NOT NULL', c.attname), ' AND '),
                f.confrelid::regclass,
                string_agg(pg_catalog.format('p.%I OPERATOR(pg_catalog.%s) c.%I', p.attname, o.oprname, c.attname), ' AND '))
        END AS query
    FROM pg_constraint AS f
    CROSS JOIN unnest(f.conkey, f.confkey, f.conpfeqop) WITH ORDINALITY AS k (child, parent, operator, position)
    JOIN pg_attribute AS c ON c.attrelid = f.conrelid AND c.attnum = k.child
    JOIN pg_attribute AS p ON p.attrelid = f.confrelid AND p.attnum = k.parent
    JOIN pg_operator AS o ON o.oid = k.operator
    WHERE f.contype = 'f' AND f.conparentid = 0 AND f.connamespace = pg_catalog.quote_ident(current_schema())::regnamespace
    GROUP BY f.oid, f.conname, f.conrelid, f.confrelid ORDER BY name, f.conname";
