//! What others have added to the tables of the migrations.

use diesel::sql_types::{Array, Text};

use super::disabled_triggers::{SettingOf, disabled_by};
use crate::backend::DbConnection;
use crate::catalog::{large_objects, names_of};
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::health::expected_schema::expected_on_postgres;
use crate::manager::health::outcome::CheckOutcome;
use crate::migrations::Structure;

/// What is on the tables `$1` besides the triggers `$2`, each of which is `table: trigger`, and the indexes and
/// constraints `$3`.
const ADDED: &str = "
    WITH ours AS (
        SELECT oid, relname::text AS name, relowner, relacl, relrowsecurity, relpersistence FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
            AND relname = ANY ($1))
    SELECT pg_catalog.format('the trigger %I of %I', tgname, name) AS name FROM pg_trigger JOIN ours ON ours.oid = tgrelid
        WHERE NOT tgisinternal AND pg_catalog.format('%s: %s', name, tgname) <> ALL ($2)
    UNION ALL SELECT pg_catalog.format('the rule %I of %I', rulename, name) FROM pg_rewrite JOIN ours ON ours.oid = ev_class
    UNION ALL SELECT pg_catalog.format('the policy %I of %I', polname, name) FROM pg_policy JOIN ours ON ours.oid = polrelid
    UNION ALL SELECT pg_catalog.format('row security on %I', name) FROM ours WHERE relrowsecurity
    UNION ALL SELECT pg_catalog.format('%s, which inherits from %I', inhrelid::regclass, name)
        FROM pg_inherits JOIN ours ON ours.oid = inhparent
    UNION ALL SELECT pg_catalog.format('%s, from which %I inherits', inhparent::regclass, name)
        FROM pg_inherits JOIN ours ON ours.oid = inhrelid
    UNION ALL SELECT pg_catalog.format('UNLOGGED of %I, which a crash empties', name) FROM ours WHERE relpersistence = 'u'
    UNION ALL SELECT DISTINCT pg_catalog.format('%s on %I for PUBLIC', privilege_type, name)
        FROM ours, aclexplode(relacl) WHERE grantee = 0
    UNION ALL SELECT DISTINCT pg_catalog.format('%s on %I for %I', privilege_type, name, pg_get_userbyid(grantee))
        FROM ours, aclexplode(relacl)
        WHERE name = 'audit_log' AND grantee NOT IN (0, relowner)
            AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
    UNION ALL SELECT DISTINCT pg_catalog.format('%s on the sequence %s of %I for %s', privilege_type, s.oid::regclass, name,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_get_userbyid(grantee)) END)
        FROM ours JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = ours.oid
                AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S', aclexplode(s.relacl)
        -- Whoever sets the one of the audit log to its end keeps every later entry out.
        WHERE grantee = 0 OR name = 'audit_log' AND grantee <> s.relowner AND privilege_type = 'UPDATE'
    UNION ALL SELECT pg_catalog.format('%s on %I.%I for %s', privilege_type, name, attname,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_get_userbyid(grantee)) END)
        FROM ours JOIN pg_attribute ON attrelid = ours.oid, aclexplode(attacl)
        WHERE grantee = 0 OR name = 'audit_log' AND privilege_type = 'UPDATE'
    UNION ALL SELECT pg_catalog.format('the unique index %I on %I', i.relname, name)
        FROM ours JOIN pg_index AS x ON x.indrelid = ours.oid JOIN pg_class AS i ON i.oid = x.indexrelid
        WHERE (x.indisunique OR x.indisexclusion) AND NOT x.indisprimary AND i.relname <> ALL ($3)
    UNION ALL SELECT pg_catalog.format('the constraint %I of %I', conname, name)
        FROM ours JOIN pg_constraint ON conrelid = ours.oid
        WHERE contype IN ('c', 'f') AND conname <> ALL ($3)
    UNION ALL SELECT pg_catalog.format('the owner %I of %I, to whom the other tables do not belong', pg_get_userbyid(relowner), name)
        FROM ours WHERE relowner <> (SELECT relowner FROM pg_class
            WHERE relname = '__diesel_schema_migrations' AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace)
    UNION ALL SELECT pg_catalog.format('CREATE on the schema for %s, where it adds what is called like a function of PostgreSQL',
            string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_get_userbyid(grantee)) END, ', '))
        FROM pg_namespace AS n, aclexplode(nspacl)
        WHERE nspname = current_schema() AND privilege_type = 'CREATE' AND 'audit_log' <> ALL ($1)
            -- The owner, and who owns the tables, do what they want anyway.
            AND (grantee = 0 OR NOT pg_has_role(grantee, nspowner, 'MEMBER'))
            AND grantee <> ALL (SELECT relowner FROM pg_class
                WHERE relname = '__diesel_schema_migrations' AND relnamespace = n.oid)
        HAVING count(*) > 0
    UNION ALL SELECT DISTINCT pg_catalog.format('the default privilege %s on what %I creates for PUBLIC', privilege_type,
            pg_get_userbyid(defaclrole))
        FROM pg_default_acl, aclexplode(defaclacl)
        WHERE grantee = 0 AND defaclobjtype IN ('r', 'S')
            AND defaclnamespace IN (0, pg_catalog.quote_ident(current_schema())::regnamespace) AND 'audit_log' <> ALL ($1)
    UNION ALL SELECT 'synchronous_commit = off, with which a crash of the server loses what was committed'
        WHERE current_setting('synchronous_commit') = 'off' AND 'audit_log' <> ALL ($1)
    ORDER BY name";

/// Returns one line for each addition to this table of the migrations, or to all but that.
pub(super) fn added_to(
    connection: &mut DbConnection,
    expected: &Structure,
    only: Option<&str>,
) -> Result<Vec<String>> {
    let is_meant = |table: &str| only.map_or(table != "audit_log", |only| table == only);
    let tables: Vec<&str> = expected.tables().into_iter().filter(|it| is_meant(it)).collect();
    let triggers: Vec<&String> = expected.triggers.iter().collect();
    // Each line begins with the name, or with the table and then the name.
    let name = |line: &String| {
        let name = line.split_once(": ").map_or(line.as_str(), |(_, name)| name);
        let name = name.strip_prefix("unique ").unwrap_or(name);
        name.split([' ', ':']).next().unwrap_or_default().to_owned()
    };
    let parts = [&expected.indexes, &expected.checks].into_iter().flatten().map(name);
    let references =
        expected.references.iter().filter_map(|line| Some(line.split_once(": ")?.0.to_owned()));
    let names: Vec<String> = parts.chain(references).collect();
    let query = diesel::sql_query(ADDED)
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(triggers)
        .bind::<Array<Text>, _>(names);
    let found = names_of(connection.postgres()?, query)?;
    Ok(found.into_iter().map(|line| format!("no migration has added {line}")).collect())
}

/// Checks the tables other than the audit log, of which triggers and rights are checked with the triggers.
pub(super) fn additions(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let mut faults = added_to(connection, &expected_on_postgres(manager.migrations)?, None)?;
    // The settings of a role are not in a backup, so that they make none a damaged one.
    faults.extend(disabled_by(connection, SettingOf::Role)?);
    let large = large_objects(connection.postgres()?)?.into_iter();
    faults.extend(
        large.map(|them| {
            format!("no backup has {them}, and until then a restore in place is refused")
        }),
    );
    let cure = "remove it, or make it a migration of the application";
    Ok(CheckOutcome::from_faults(&faults, "no triggers, rules, policies or rights", cure))
}
