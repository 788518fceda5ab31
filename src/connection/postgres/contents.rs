//! What somebody has made in a database on a server: what a restore must not replace without a word.

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};

use crate::error::Result;

/// Catalogs of the objects of one database and of their parts, each with the column of the schema.
///
/// Three kinds are not here: what is only there with another object (the labels of an enum, the tables and schemas of a
/// publication, the users of a foreign server), large objects, whose ids are chosen by their creators, and subscriptions,
/// whose catalog is that of all databases.
pub(crate) const CATALOGS: [(&str, &str); 30] = [
    ("pg_am", "NULL"),
    ("pg_amop", "NULL"),
    ("pg_amproc", "NULL"),
    ("pg_attrdef", "NULL"),
    ("pg_cast", "NULL"),
    ("pg_class", "relnamespace"),
    ("pg_collation", "collnamespace"),
    ("pg_constraint", "connamespace"),
    ("pg_conversion", "connamespace"),
    ("pg_default_acl", "defaclnamespace"),
    ("pg_event_trigger", "NULL"),
    ("pg_extension", "NULL"),
    ("pg_foreign_data_wrapper", "NULL"),
    ("pg_foreign_server", "NULL"),
    ("pg_language", "NULL"),
    ("pg_opclass", "opcnamespace"),
    ("pg_operator", "oprnamespace"),
    ("pg_opfamily", "opfnamespace"),
    ("pg_policy", "NULL"),
    ("pg_proc", "pronamespace"),
    ("pg_publication", "NULL"),
    ("pg_rewrite", "NULL"),
    ("pg_statistic_ext", "stxnamespace"),
    ("pg_transform", "NULL"),
    ("pg_trigger", "NULL"),
    ("pg_ts_config", "cfgnamespace"),
    ("pg_ts_dict", "dictnamespace"),
    ("pg_ts_parser", "prsnamespace"),
    ("pg_ts_template", "tmplnamespace"),
    ("pg_type", "typnamespace"),
];

/// Returns the common table expression `found`: what is in the catalogs and not of the server, which gives its own objects
/// ids below.
fn found() -> String {
    let catalogs = CATALOGS.map(|(catalog, schema)| {
        format!(
            "SELECT '{catalog}'::regclass::oid AS classid, oid AS objid, {schema}::oid AS namespace FROM {catalog} \
             WHERE oid >= 16384"
        )
    });
    format!("WITH found AS ({})", catalogs.join(" UNION ALL "))
}

/// Whether nobody has made anything but schemas in the database of this connection.
pub(super) fn is_bare(connection: &mut PgConnection) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_bare: bool,
    }

    let row: Row = diesel::sql_query(found() + IS_BARE).get_result(connection)?;
    Ok(row.is_bare)
}

const IS_BARE: &str = "
    SELECT NOT EXISTS (SELECT FROM found) AND NOT EXISTS (SELECT FROM pg_largeobject_metadata)
        AND NOT EXISTS (
            SELECT FROM pg_subscription JOIN pg_database AS d ON d.oid = subdbid WHERE datname = current_database()
        ) AS is_bare";

/// Returns what the database of this connection has outside of `current_schema()`, each such as `the schema other`, except
/// for large objects, and for these schemas and extensions, whose line feeds and carriage returns are replaced by spaces.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn contents_beyond(
    connection: &mut PgConnection,
    schemas: &[&str],
    extensions: &[&str],
) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
    }

    let query = diesel::sql_query(found() + BEYOND)
        .bind::<Array<Text>, _>(schemas)
        .bind::<Array<Text>, _>(extensions);
    Ok(query.load::<Row>(connection)?.into_iter().map(|row| row.name).collect())
}

/// Objects in a schema are named by it. Members of extensions are there with them. A part of an object depends on it, and
/// not on a schema as a partition and statistics do, which may be in another one than their table.
const BEYOND: &str = r"
    , outside AS (
        SELECT classid, objid, nspname FROM found LEFT JOIN pg_namespace AS n ON n.oid = namespace
        WHERE classid <> 'pg_extension'::regclass::oid
            AND nspname IS DISTINCT FROM current_schema() AND coalesce(nspname !~ '^pg_(toast_)?temp_', true)
            AND NOT EXISTS (
                SELECT FROM pg_depend AS d
                WHERE d.classid = found.classid AND d.objid = found.objid AND (deptype = 'e'
                    OR deptype IN ('a', 'i') AND refclassid <> 'pg_namespace'::regclass::oid AND NOT EXISTS (
                        SELECT FROM pg_depend AS own
                        WHERE own.classid = d.classid AND own.objid = d.objid
                            AND own.refclassid = 'pg_namespace'::regclass::oid AND own.deptype = 'n'
                    ))
            )
    )
    SELECT CASE WHEN nspname NOT IN ('pg_catalog', 'information_schema') THEN pg_catalog.format('the schema %I', nspname)
        ELSE pg_catalog.format('the %s %s', replace(object.type, 'default acl', 'default privileges'), object.identity) END AS name
        FROM outside CROSS JOIN LATERAL pg_identify_object(classid, objid, 0) AS object
    UNION SELECT pg_catalog.format('the schema %I', nspname) FROM pg_namespace AS n
        WHERE nspname NOT IN (current_schema(), 'public', 'information_schema') AND nspname !~ '^pg_'
            AND translate(nspname, E'\n\r', '  ') <> ALL ($1) AND NOT EXISTS (
                SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass::oid AND objid = n.oid AND deptype = 'e'
            )
    UNION SELECT pg_catalog.format('the extension %I', extname) FROM pg_extension
        WHERE extname <> 'plpgsql' AND translate(extname, E'\n\r', '  ') <> ALL ($2)
    UNION SELECT pg_catalog.format('the subscription %I', subname) FROM pg_subscription JOIN pg_database AS d ON d.oid = subdbid
        WHERE datname = current_database()
    ORDER BY name";
