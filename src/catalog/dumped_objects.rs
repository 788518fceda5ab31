//! Objects of a database on a server that decide what a dump of one schema contains.

use diesel::prelude::*;

use super::names::names;
use crate::error::Result;

/// Tables in other schemas that store rows of the partitioned or inherited tables of this one.
const HEIRS_ELSEWHERE: &str = "
    SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, heir.relname) AS name
    FROM pg_inherits
    JOIN pg_class AS parent ON parent.oid = inhparent
    JOIN pg_class AS heir ON heir.oid = inhrelid
    JOIN pg_namespace AS n ON n.oid = heir.relnamespace
    WHERE parent.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
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

/// Common table expressions: `fit`, extensions that a restore can create, and `filled`, schemas with nothing but members
/// of these, as an administrator makes for them.
///
/// Extensions that the server creates itself have OIDs below 16384. One with configuration in another schema than this
/// does not fit, and of those that only a superuser may create, only the ones that something depends on do: a restore by
/// another user would fail because of one that nothing needs.
const CHOSEN: &str = "
    WITH RECURSIVE fit AS (
        SELECT e.oid, extname, extnamespace FROM pg_extension AS e
        WHERE e.oid >= 16384
            AND NOT EXISTS (
                SELECT FROM unnest(extconfig) AS config JOIN pg_class AS c ON c.oid = config
                WHERE c.relnamespace <> pg_catalog.quote_ident(current_schema())::regnamespace
            )
            AND (
                EXISTS (
                    SELECT FROM pg_available_extension_versions AS v
                    WHERE v.name = extname AND v.version = extversion AND v.trusted
                )
                OR EXISTS (
                    SELECT FROM pg_depend AS member
                    JOIN pg_depend AS user_of ON user_of.refclassid = member.classid AND user_of.refobjid = member.objid
                    LEFT JOIN pg_rewrite AS rule
                        ON user_of.classid = 'pg_rewrite'::regclass AND rule.oid = user_of.objid
                    WHERE member.refclassid = 'pg_extension'::regclass AND member.refobjid = e.oid
                        AND member.deptype = 'e'
                        AND user_of.deptype = 'n' AND user_of.classid IN ('pg_class'::regclass, 'pg_proc'::regclass,
                            'pg_type'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass,
                            'pg_trigger'::regclass, 'pg_rewrite'::regclass)
                        AND NOT EXISTS (
                            SELECT FROM pg_depend AS own WHERE own.deptype = 'e'
                                AND own.objid = coalesce(rule.ev_class, user_of.objid)
                                AND own.classid =
                                    CASE WHEN rule.oid IS NULL THEN user_of.classid ELSE 'pg_class'::regclass END
                        )
                )
            )
    ), membership AS (
        SELECT classid, objid, refobjid AS extension FROM pg_depend
        WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    ), filled AS (
        SELECT n.oid, nspname FROM pg_namespace AS n
        WHERE n.oid IN (SELECT extnamespace FROM fit) AND n.oid >= 16384
            AND nspname <> current_schema()
            AND NOT EXISTS (
                SELECT FROM membership WHERE classid = 'pg_namespace'::regclass AND objid = n.oid
            )
            AND NOT EXISTS (
                SELECT FROM pg_depend AS content
                LEFT JOIN membership ON membership.classid = content.classid AND membership.objid = content.objid
                WHERE content.refclassid = 'pg_namespace'::regclass AND content.refobjid = n.oid
                    AND content.deptype = 'n' AND NOT EXISTS (
                        SELECT FROM fit WHERE fit.oid = membership.extension
                            OR content.classid = 'pg_extension'::regclass AND fit.oid = content.objid
                    )
            )
    ), chosen AS (
        SELECT fit.oid, extname FROM fit JOIN pg_namespace AS n ON n.oid = extnamespace
        WHERE nspname IN (current_schema(), 'pg_catalog', 'public') OR n.oid IN (SELECT oid FROM filled)
    )";

const EXTENSIONS: &str = "SELECT extname::text AS name FROM chosen ORDER BY name";

const SCHEMAS_OF_EXTENSIONS: &str =
    "SELECT pg_catalog.quote_ident(nspname) AS name FROM filled ORDER BY name";

/// What an object of the schema, or a part of one, such as the default of a column, depends on: what is in no schema,
/// such as the server of a foreign table, or is in another. Of an extension that is not in the dump, the extension is
/// named.
const NEEDED: &str = "
    , own AS (
        SELECT classid, objid FROM pg_depend
        WHERE refclassid = 'pg_namespace'::regclass AND deptype = 'n'
            AND refobjid = pg_catalog.quote_ident(current_schema())::regnamespace
            AND (classid, objid) NOT IN (SELECT classid, objid FROM membership)
        UNION
        SELECT part.classid, part.objid FROM own JOIN pg_depend AS part
            ON part.refclassid = own.classid AND part.refobjid = own.objid
        WHERE part.deptype IN ('a', 'i')
            AND part.classid NOT IN ('pg_publication_rel'::regclass, 'pg_subscription_rel'::regclass)
    )
    SELECT DISTINCT CASE WHEN extname IS NULL THEN pg_catalog.format('the %s %s', object.type, object.identity)
        ELSE pg_catalog.format('the extension %I', extname) END AS name
    FROM own JOIN pg_depend AS needed ON needed.classid = own.classid AND needed.objid = own.objid
    CROSS JOIN LATERAL pg_identify_object(needed.refclassid, needed.refobjid, 0) AS object
    LEFT JOIN membership ON membership.classid = needed.refclassid AND membership.objid = needed.refobjid
    LEFT JOIN pg_extension AS e ON e.oid = membership.extension
    WHERE needed.deptype IN ('n', 'a', 'i')
        AND needed.refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
        AND (needed.refclassid, needed.refobjid) NOT IN (SELECT classid, objid FROM own)
        AND needed.refobjid >= 16384 AND coalesce(e.oid, 16384) >= 16384
        AND coalesce(e.oid, 0) NOT IN (SELECT oid FROM chosen)
        AND object.type <> 'index'
    ORDER BY name";

/// Returns the names of schemas, in quotes where they need them, in which are nothing but extensions that belong to a dump
/// of `current_schema()`: the dump has to create them.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn dumped_extension_schemas(connection: &mut PgConnection) -> Result<Vec<String>> {
    names(connection, &[CHOSEN, SCHEMAS_OF_EXTENSIONS].concat())
}

/// Returns what the objects of `current_schema()` depend on and a dump of the schema lacks, each such as
/// `the type other.mood`. Such a dump cannot be restored in an empty database.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn needed_from_outside(connection: &mut PgConnection) -> Result<Vec<String>> {
    names(connection, &[CHOSEN, NEEDED].concat())
}

/// Returns the names of the extensions that belong to a dump of `current_schema()`, so that it can be restored in an
/// empty database.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn dumped_extensions(connection: &mut PgConnection) -> Result<Vec<String>> {
    names(connection, &[CHOSEN, EXTENSIONS].concat())
}
