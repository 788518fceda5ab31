//! Objects of a database on a server that decide what a dump of one schema contains.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::error::Result;

/// Tables in other schemas that store rows of the partitioned or inherited tables of this one.
const HEIRS_ELSEWHERE: &str = "
    SELECT DISTINCT format('%I.%I', n.nspname, heir.relname) AS name
    FROM pg_inherits
    JOIN pg_class AS parent ON parent.oid = inhparent
    JOIN pg_class AS heir ON heir.oid = inhrelid
    JOIN pg_namespace AS n ON n.oid = heir.relnamespace
    WHERE parent.relnamespace = quote_ident(current_schema())::regnamespace
        AND heir.relnamespace <> parent.relnamespace
        AND heir.relkind IN ('r', 'p') AND heir.relpersistence <> 't'
    ORDER BY name";

/// Returns the tables of other schemas, each as `schema.table`, whose rows a query of a table of `current_schema()`
/// returns too, and which a dump of the schema lacks.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn heirs_elsewhere(connection: &mut PgConnection) -> Result<Vec<String>> {
    names(connection, HEIRS_ELSEWHERE)
}

/// Extensions whose schema is this one, or one of those that every database has, and that have no configuration in
/// another. Those that the server creates itself have the OIDs below 16384. Of those that only a superuser may create, only the ones that
/// something depends on: a restore by another user would fail because of one that nothing needs.
const EXTENSIONS: &str = "
    SELECT e.extname::text AS name FROM pg_extension AS e
    WHERE e.oid >= 16384
        AND (SELECT nspname FROM pg_namespace AS n WHERE n.oid = extnamespace)
            IN (current_schema(), 'pg_catalog', 'public')
        AND NOT EXISTS (
            SELECT FROM unnest(extconfig) AS config JOIN pg_class AS c ON c.oid = config
            WHERE c.relnamespace <> quote_ident(current_schema())::regnamespace
        )
        AND (
            EXISTS (
                SELECT FROM pg_available_extension_versions AS v
                WHERE v.name = extname AND v.version = extversion AND v.trusted
            )
            OR EXISTS (
                SELECT FROM pg_depend AS member
                JOIN pg_depend AS user_of ON user_of.refclassid = member.classid AND user_of.refobjid = member.objid
                LEFT JOIN pg_rewrite AS rule ON user_of.classid = 'pg_rewrite'::regclass AND rule.oid = user_of.objid
                WHERE member.refclassid = 'pg_extension'::regclass AND member.refobjid = e.oid AND member.deptype = 'e'
                    AND user_of.deptype = 'n' AND user_of.classid IN ('pg_class'::regclass, 'pg_proc'::regclass,
                        'pg_type'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass,
                        'pg_trigger'::regclass, 'pg_rewrite'::regclass)
                    AND NOT EXISTS (
                        SELECT FROM pg_depend AS own WHERE own.deptype = 'e'
                            AND own.objid = coalesce(rule.ev_class, user_of.objid)
                            AND own.classid = CASE WHEN rule.oid IS NULL THEN user_of.classid ELSE 'pg_class'::regclass END
                    )
            )
        )
    ORDER BY name";

/// Returns the names of the extensions that belong to a dump of `current_schema()`, so that it can be restored in an
/// empty database.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn dumped_extensions(connection: &mut PgConnection) -> Result<Vec<String>> {
    names(connection, EXTENSIONS)
}

fn names(connection: &mut PgConnection, query: &str) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
    }

    let rows: Vec<Row> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
