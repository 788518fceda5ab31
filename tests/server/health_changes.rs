//! What others have changed on a server is a check that fails and names it.
#![cfg(feature = "postgres")]

use crate::support::{Fixture, failed};

const TRIGGERS: &str = "Triggers Present";
const ADDED: &str = "Nothing Added";
const COLUMNS: &str = "Required Columns and Indexes";
const NONE: [&str; 0] = [];

/// What somebody does, how it is undone, and the check that fails meanwhile.
const CHANGES: &[(&str, &str, &str)] = &[
    // A function that only contains what it should.
    (
        "CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql
         SET search_path = public, pg_temp AS $$ BEGIN RETURN NULL; END; $$",
        "CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql
         SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only: rows cannot be changed or deleted';
END;
$$",
        TRIGGERS,
    ),
    (
        "CREATE OR REPLACE FUNCTION is_json(candidate TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE
         SET search_path = public, pg_temp AS $$ BEGIN RETURN TRUE; END; $$",
        "CREATE OR REPLACE FUNCTION is_json(candidate TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE
         SET search_path = public, pg_temp AS $$
BEGIN
    RETURN candidate::json IS NOT NULL;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN FALSE;
END;
$$",
        TRIGGERS,
    ),
    (
        "ALTER FUNCTION keep_updated_at() SECURITY DEFINER",
        "ALTER FUNCTION keep_updated_at() SECURITY INVOKER",
        TRIGGERS,
    ),
    (
        "ALTER FUNCTION audit_log_append() RESET search_path",
        "ALTER FUNCTION audit_log_append() SET search_path = public, pg_temp",
        TRIGGERS,
    ),
    (
        "ALTER FUNCTION audit_log_append() SET search_path = pg_temp, public",
        "ALTER FUNCTION audit_log_append() SET search_path = public, pg_temp",
        TRIGGERS,
    ),
    (
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_no_delete",
        "ALTER TABLE audit_log ENABLE TRIGGER audit_log_no_delete",
        TRIGGERS,
    ),
    (
        "ALTER TABLE audit_log ENABLE REPLICA TRIGGER audit_log_append",
        "ALTER TABLE audit_log ENABLE TRIGGER audit_log_append",
        TRIGGERS,
    ),
    (
        "DROP TRIGGER audit_log_no_update ON audit_log; CREATE TRIGGER audit_log_no_update
         BEFORE UPDATE ON audit_log FOR EACH ROW WHEN (false) EXECUTE FUNCTION audit_log_refuse()",
        "DROP TRIGGER audit_log_no_update ON audit_log; CREATE TRIGGER audit_log_no_update
         BEFORE UPDATE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()",
        TRIGGERS,
    ),
    (
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER a_first BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION lose()",
        "DROP FUNCTION lose CASCADE",
        TRIGGERS,
    ),
    (
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER a_first BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION lose()",
        "DROP FUNCTION lose CASCADE",
        ADDED,
    ),
    (
        "CREATE RULE lose AS ON INSERT TO audit_log DO INSTEAD NOTHING",
        "DROP RULE lose ON audit_log",
        TRIGGERS,
    ),
    ("CREATE RULE lose AS ON DELETE TO users DO INSTEAD NOTHING", "DROP RULE lose ON users", ADDED),
    (
        "ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY",
        TRIGGERS,
    ),
    (
        "CREATE POLICY nobody ON documents USING (false)",
        "DROP POLICY nobody ON documents",
        ADDED,
    ),
    (
        "CREATE TABLE more_entries () INHERITS (audit_log)",
        "DROP TABLE more_entries",
        TRIGGERS,
    ),
    ("CREATE TABLE more_users () INHERITS (users)", "DROP TABLE more_users", ADDED),
    ("GRANT SELECT ON users TO PUBLIC", "REVOKE ALL ON users FROM PUBLIC", ADDED),
    ("GRANT SELECT (password_hash) ON users TO PUBLIC", "REVOKE ALL (password_hash) ON users FROM PUBLIC", ADDED),
    ("GRANT DELETE ON audit_log TO pg_monitor", "REVOKE ALL ON audit_log FROM pg_monitor", TRIGGERS),
    (
        "GRANT UPDATE (action) ON audit_log TO pg_monitor",
        "REVOKE ALL (action) ON audit_log FROM pg_monitor",
        TRIGGERS,
    ),
    ("GRANT UPDATE ON SEQUENCE users_id_seq TO PUBLIC", "REVOKE ALL ON SEQUENCE users_id_seq FROM PUBLIC", ADDED),
    (
        "GRANT USAGE ON SEQUENCE audit_log_id_seq TO PUBLIC",
        "REVOKE ALL ON SEQUENCE audit_log_id_seq FROM PUBLIC",
        TRIGGERS,
    ),
    (
        "GRANT UPDATE ON SEQUENCE audit_log_id_seq TO pg_monitor",
        "REVOKE ALL ON SEQUENCE audit_log_id_seq FROM pg_monitor",
        TRIGGERS,
    ),
    ("ALTER TABLE api_keys SET UNLOGGED", "ALTER TABLE api_keys SET LOGGED", ADDED),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica',
         current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET session_replication_role',
         current_database()); END $$",
        TRIGGERS,
    ),
    (
        "SELECT setval(pg_get_serial_sequence('users', 'id'), 1, false)",
        "SELECT setval(pg_get_serial_sequence('users', 'id'), 100)",
        "Sequences",
    ),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_users_email'::regclass",
        "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'idx_users_email'::regclass",
        "Indexes Valid",
    ),
    // A constraint that only has the name of the one that it should be.
    (
        "ALTER TABLE user_sessions DROP CONSTRAINT user_sessions_expiry_order,
            ADD CONSTRAINT user_sessions_expiry_order CHECK (true)",
        "ALTER TABLE user_sessions DROP CONSTRAINT user_sessions_expiry_order,
            ADD CONSTRAINT user_sessions_expiry_order CHECK (idle_expires_at BETWEEN created_at AND expires_at)",
        COLUMNS,
    ),
    (
        "ALTER TABLE user_sessions DROP CONSTRAINT user_sessions_expiry_order, ADD CONSTRAINT
            user_sessions_expiry_order CHECK (idle_expires_at BETWEEN created_at AND expires_at) NOT VALID",
        "ALTER TABLE user_sessions VALIDATE CONSTRAINT user_sessions_expiry_order",
        COLUMNS,
    ),
    (
        "ALTER TABLE user_sessions ALTER CONSTRAINT user_sessions_user_id_fkey DEFERRABLE",
        "ALTER TABLE user_sessions ALTER CONSTRAINT user_sessions_user_id_fkey NOT DEFERRABLE",
        COLUMNS,
    ),
    (
        "ALTER TABLE documents ALTER COLUMN id DROP IDENTITY",
        "ALTER TABLE documents ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
        COLUMNS,
    ),
    ("ALTER FUNCTION is_json(text) VOLATILE", "ALTER FUNCTION is_json(text) IMMUTABLE", TRIGGERS),
    (
        "ALTER FUNCTION audit_log_append() OWNER TO pg_monitor",
        "ALTER FUNCTION audit_log_append() OWNER TO CURRENT_USER",
        TRIGGERS,
    ),
    ("ALTER TABLE audit_log OWNER TO pg_monitor", "ALTER TABLE audit_log OWNER TO CURRENT_USER", TRIGGERS),
    ("ALTER TABLE users OWNER TO pg_monitor", "ALTER TABLE users OWNER TO CURRENT_USER", ADDED),
    // What rows that the application writes do not satisfy.
    ("CREATE UNIQUE INDEX one_name ON users (full_name)", "DROP INDEX one_name", ADDED),
    (
        "ALTER TABLE documents ADD CONSTRAINT none CHECK (id < 5000)",
        "ALTER TABLE documents DROP CONSTRAINT none",
        ADDED,
    ),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC", ADDED),
    (
        "GRANT CREATE ON SCHEMA public TO pg_monitor",
        "REVOKE CREATE ON SCHEMA public FROM pg_monitor",
        ADDED,
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC",
        ADDED,
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET synchronous_commit', current_database()); END $$",
        ADDED,
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',
         current_database()); END $$",
        "BEGIN READ WRITE; DO $$ BEGIN
         EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$; COMMIT",
        "Accepts Writes",
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = 1',
         current_database()); END $$",
        "BEGIN READ WRITE; DO $$ BEGIN
         EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$; COMMIT",
        "Accepts Writes",
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = yes',
         current_database()); END $$",
        "BEGIN READ WRITE; DO $$ BEGIN
         EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$; COMMIT",
        "Accepts Writes",
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = true',
         current_user, current_database()); END $$",
        "BEGIN READ WRITE; DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I
         RESET default_transaction_read_only', current_user, current_database()); END $$; COMMIT",
        "Accepts Writes",
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = no', current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET synchronous_commit', current_database()); END $$",
        ADDED,
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = ''Replica''',
         current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET session_replication_role',
         current_database()); END $$",
        TRIGGERS,
    ),
    ("ALTER SEQUENCE users_id_seq CYCLE", "ALTER SEQUENCE users_id_seq NO CYCLE", "Sequences"),
    ("ALTER SEQUENCE users_id_seq MAXVALUE 5000", "ALTER SEQUENCE users_id_seq NO MAXVALUE", "Sequences"),
];

#[test]
fn what_was_changed_beside_the_migrations_is_reported() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let manager = fixture.manager();
    assert_eq!(failed(&manager.health_check()), NONE);
    let mut unseen = Vec::new();
    for (change, undo, check) in CHANGES {
        fixture.sql(change);
        if failed(&manager.health_check()) != [*check] {
            unseen.push(*change);
        }
        fixture.sql(undo);
        assert_eq!(failed(&manager.health_check()), NONE, "{undo}");
    }
    assert_eq!(unseen, NONE);
}
