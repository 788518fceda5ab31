//! What a role has as a member of another one.

use super::names::RoleNames;
use crate::catalog::literal;

/// Roles of PostgreSQL that only read statistics and settings of the server, or connect to a server that is full.
const HARMLESS: [&str; 5] = [
    "pg_monitor",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_stat_scan_tables",
    "pg_use_reserved_connections",
];

/// Returns a condition: whether the role `role`, a row of `pg_roles`, has attributes or rights of its own that its members
/// get: on something in this database or on the server, as an owner, by a grant or in a policy. The roles of `roles` and those
/// of PostgreSQL do. One as whose member one only signs in, such as those of a provider for IAM, does not, and nor does one
/// with rights in another database or on it.
pub(super) fn gives_rights(role: &str, roles: &RoleNames) -> String {
    let harmless = HARMLESS.map(literal).join(", ");
    let ours = roles.all().map(literal).collect::<Vec<_>>().join(", ");
    let attributes = ["rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls"];
    let attributes = attributes.map(|attribute| format!("{role}.{attribute}")).join(" OR ");
    let lines = [
        format!("({attributes} OR {role}.rolname IN ({ours})"),
        // PostgreSQL has these names for itself.
        format!("OR {role}.rolname ~ '^pg_' AND {role}.rolname NOT IN ({harmless})"),
        // Whoever owns something, has a right on it or is in a policy has an entry there.
        "OR EXISTS (SELECT FROM pg_shdepend AS d JOIN pg_database AS here ON here.datname = current_database()".into(),
        format!("WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = {role}.oid AND d.dbid IN (0, here.oid)"),
        "AND NOT (d.classid = 'pg_database'::regclass AND d.objid <> here.oid)))".into(),
    ];
    lines.join("\n                ")
}
