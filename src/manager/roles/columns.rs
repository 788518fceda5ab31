//! Columns that a role may read in tables that it may not read whole.

/// Columns with credentials, which `docs/columns.csv` calls secret, by table: no reader may have them. The value of every
/// setting is among them, because whether one is secret is in its row.
pub(super) const SECRET: &[(&str, &[&str])] = &[
    ("api_keys", &["key_hash"]),
    ("chat_sessions", &["share_token"]),
    ("password_history", &["password_hash"]),
    ("system_settings", &["value"]),
    ("user_sessions", &["token_hash"]),
    ("users", &["password_hash", "two_factor_secret", "backup_codes"]),
];

/// Columns of `users` that an auditor needs: who the user of an entry is.
pub(super) const OF_AUDITED_USERS: &[&str] =
    &["id", "uuid", "username", "email", "full_name", "display_name", "role_id", "is_active"];

/// Tables that an auditor reads whole.
pub(super) const AUDITED: &[&str] = &["audit_log", "security_events"];

/// Tables of migrations, which the application and the auditor only read: a pool asks them whether a migration is
/// pending.
pub(super) const RECORDS: &[&str] = &["__diesel_schema_migrations", "schema_version"];

/// Returns the columns with credentials of a table.
pub(super) fn secret(table: &str) -> &'static [&'static str] {
    SECRET.iter().find(|(name, _)| *name == table).map_or(&[], |(_, columns)| columns)
}
