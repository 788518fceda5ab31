//! The script that creates the roles and gives them their rights.

use super::columns::{AUDITED, OF_AUDITED_USERS, RECORDS, secret};
use super::found::Found;
use super::memberships::gives_rights;
use super::names::RoleNames;
use crate::catalog::{literal, quoted};
use crate::config::shown;
use crate::types::MigrationOwner;

/// Returns the script. Names in comments are shown as one line, so that none of them ends a comment.
pub(super) fn script(found: &Found, roles: &RoleNames) -> String {
    let mut script = Script(String::new());
    let (database, schema) = (quoted(&found.database), quoted(&found.schema));
    script.comment(&format!(
        "Roles with the least rights for the schema {} of the database {}. Run this as a superuser, or as the owner of \
         the database with CREATEROLE. It changes nothing when it runs again.",
        shown(&schema),
        shown(&database)
    ));
    // A role that another session commits meanwhile is seen then.
    script.statement("BEGIN ISOLATION LEVEL READ COMMITTED");
    // What somebody has created in the schema may stand for functions of PostgreSQL, so that every name has its schema.
    script.statement("SET LOCAL search_path = pg_catalog, pg_temp");
    create(&mut script, roles);
    grant_on_database(&mut script, roles, &database, &schema);
    take_over(&mut script, found, roles, &schema);
    grant_on_objects(&mut script, found, roles);
    grant_on_later(&mut script, roles, &schema);
    script.statement("COMMIT");
    script.0
}

fn create(script: &mut Script, roles: &RoleNames) {
    // A GRANT on somebody else's database is only a warning.
    script.block(
        "IF NOT (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN\n        \
             RAISE EXCEPTION 'permission denied: only a superuser or the owner of the database can create its roles';\n    \
         END IF;",
    );
    script.comment(
        "No role has a password. Set one in psql, which sends only its hash, for those that sign in with one:",
    );
    for role in roles.all() {
        script.comment(&format!("    \\password {}", quoted(role)));
    }
    script.block("PERFORM pg_advisory_xact_lock(hashtextextended('zenith-db roles', 0::int8));");
    script.comment(
        "The lock is of this database. In another one, the same roles may be created at the same time: then they are there.",
    );
    for role in roles.all() {
        let (name, value) = (quoted(role), literal(role));
        script.block(&unless_another_did(&format!(
            "IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {value}) THEN\n        CREATE ROLE {name} LOGIN;\n    END IF;"
        )));
    }
    script.comment("Whoever is no superuser must be a member of the owner to make it one.");
    let (owner, value) = (quoted(roles.owner()), literal(roles.owner()));
    script.block(&unless_another_did(&format!(
        "IF NOT pg_has_role({value}, 'USAGE') THEN\n        GRANT {owner} TO CURRENT_USER;\n    END IF;"
    )));
    refuse_more(script, roles);
}

/// Refuses roles that exist already, and have rights which no other statement takes from them: by their attributes, or as
/// members of roles that have any themselves or as members of others. This comes after the user is a member of the owner, of
/// which its own members are members too.
fn refuse_more(script: &mut Script, roles: &RoleNames) {
    let others = list(roles.all().skip(1).map(literal));
    let gives_rights = gives_rights("source", roles);
    script.comment(
        "A role that existed before may have rights which no other statement takes from it.",
    );
    script.block(&format!(
        "DECLARE\n        other record;\n    BEGIN\n        \
             FOR other IN SELECT pg_catalog.quote_ident(rolname) AS name, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication\n                \
             OR rolbypassrls OR NOT rolcanlogin AS is_unfit,\n            \
             (SELECT string_agg(pg_catalog.quote_ident(g.rolname), ', ' ORDER BY g.rolname) FROM pg_roles AS g WHERE g.oid <> r.oid\n                \
             AND pg_has_role(r.oid, g.oid, 'MEMBER') AND EXISTS (SELECT FROM pg_roles AS source\n                \
             WHERE pg_has_role(g.oid, source.oid, 'MEMBER') AND {gives_rights})) AS groups\n            \
             FROM pg_roles AS r WHERE rolname IN ({others}) ORDER BY rolname\n        LOOP\n            \
             IF other.is_unfit THEN\n                \
             RAISE EXCEPTION 'the role % exists, and may do more than its own work, or not sign in; choose another \
             prefix, or ALTER ROLE % LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', other.name, \
             other.name;\n            \
             ELSIF other.groups IS NOT NULL THEN\n                \
             RAISE EXCEPTION 'the role % exists, and has the rights of others as a member of %; choose another prefix, or \
             REVOKE its memberships', other.name, other.groups;\n            \
             END IF;\n        \
             END LOOP;\n    \
             END;"
    ));
}

/// Returns statements of a block, which do nothing if another session has done the same since they looked: the server
/// lets them wait for its transaction, and then refuses them.
fn unless_another_did(body: &str) -> String {
    format!(
        "BEGIN\n    {body}\n    EXCEPTION WHEN duplicate_object OR unique_violation THEN\n        NULL;\n    END;"
    )
}

fn grant_on_database(script: &mut Script, roles: &RoleNames, database: &str, schema: &str) {
    let all = list(roles.all().map(quoted));
    let others = list(roles.all().skip(1).map(quoted));
    script
        .comment("The database and the schema: nobody else connects, and only the owner creates.");
    script.statement(&format!("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC"));
    script.statement(&format!("REVOKE ALL ON DATABASE {database} FROM {others}"));
    script.statement(&format!("GRANT CONNECT ON DATABASE {database} TO {all}"));
    let owner = quoted(roles.owner());
    script.statement(&format!("ALTER SCHEMA {schema} OWNER TO {owner}"));
    script.statement(&format!("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"));
    script.statement(&format!("REVOKE ALL ON SCHEMA {schema} FROM {others}"));
    script.statement(&format!("GRANT USAGE ON SCHEMA {schema} TO {others}"));
}

fn take_over(script: &mut Script, found: &Found, roles: &RoleNames, schema: &str) {
    let owner = quoted(roles.owner());
    script.comment("What migrations have created belongs to the owner.");
    for (object, _) in &found.objects {
        let (kind, path) = (&object.kind, &object.full_path);
        script.statement(&format!("ALTER {kind} {path} OWNER TO {owner}"));
    }
    for partition in &found.partitions {
        script.statement(&format!("ALTER TABLE {partition} OWNER TO {owner}"));
    }
    if !found.strange.is_empty() {
        let names = list(found.strange.iter().map(|object| shown(&object.path)));
        let schema = shown(schema);
        script.comment(&format!(
            "No migration has created these objects of the schema {schema}, so that they keep their owners: {names}"
        ));
    }
}

fn grant_on_objects(script: &mut Script, found: &Found, roles: &RoleNames) {
    let [app, auditor, reader, backup] =
        [roles.application(), roles.auditor(), roles.reader(), roles.backup()].map(quoted);
    let library: Vec<_> = found.relations(MigrationOwner::Library).collect();
    let own: Vec<_> = found.relations(MigrationOwner::Application).collect();
    let paths = |of: &[&str]| {
        list(library.iter().filter(|it| of.contains(&&*it.name)).map(|it| &it.full_path))
    };

    script.comment("What an earlier run has given, and what everybody has.");
    let every = list(library.iter().map(|it| &it.full_path));
    let revoked = list([&app, &auditor, &reader, &backup]);
    script.on(&format!("REVOKE ALL ON {every} FROM PUBLIC, {revoked}"), &every);
    let owns = list(own.iter().map(|it| &it.full_path));
    script.on(&format!("REVOKE ALL ON {owns} FROM {app}, {backup}"), &owns);

    script.comment("The application: entries of the audit log are only added.");
    let records = paths(RECORDS);
    script.on(&format!("GRANT SELECT ON {records} TO {app}, {auditor}"), &records);
    let log = paths(&["audit_log"]);
    script.on(&format!("GRANT SELECT, INSERT ON {log} TO {app}"), &log);
    let is_restricted = |name: &str| name == "audit_log" || RECORDS.contains(&name);
    let rows = library.iter().chain(&own).filter(|it| !is_restricted(&it.name));
    let rows = list(rows.map(|it| &it.full_path));
    script.on(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {rows} TO {app}"), &rows);
    let sequences = found.sequences.iter().map(String::as_str).chain(found.paths("SEQUENCE"));
    let sequences = list(sequences);
    script.on(&format!("REVOKE ALL ON SEQUENCE {sequences} FROM PUBLIC, {revoked}"), &sequences);
    script.on(&format!("GRANT USAGE ON SEQUENCE {sequences} TO {app}"), &sequences);
    let routines = list(found.paths("ROUTINE"));
    script.on(&format!("GRANT EXECUTE ON ROUTINE {routines} TO {app}"), &routines);

    script.comment("The auditor: the log, the incidents, and who a user is.");
    let audited = paths(AUDITED);
    script.on(&format!("GRANT SELECT ON {audited} TO {auditor}"), &audited);
    let users = paths(&["users"]);
    let columns = found.columns("users").filter(|column| OF_AUDITED_USERS.contains(column));
    let columns = list(columns.map(quoted));
    script.on(&format!("GRANT SELECT ({columns}) ON {users} TO {auditor}"), &users);

    script.comment("The reader: everything but credentials.");
    // A column that a later migration adds may be one: the reader gets it by another run.
    for table in &library {
        let columns = found.columns(&table.name).filter(|it| !secret(&table.name).contains(it));
        let (columns, path) = (list(columns.map(quoted)), &table.full_path);
        script.statement(&format!("GRANT SELECT ({columns}) ON {path} TO {reader}"));
    }
    if !own.is_empty() {
        script.comment(
            "Tables of the application may hold credentials; give the reader those that hold none:",
        );
        script.comment(&format!("    GRANT SELECT ON {} TO {};", shown(&owns), shown(&reader)));
    }

    script.comment("The backup: what pg_dump reads, which is everything in the schema.");
    let relations = library.iter().chain(&own).map(|it| it.full_path.as_str());
    let read = list(relations.chain(found.partitions.iter().map(String::as_str)));
    script.on(&format!("GRANT SELECT ON {read} TO {backup}"), &read);
    script.on(&format!("GRANT SELECT ON SEQUENCE {sequences} TO {backup}"), &sequences);
    grant_on_strange(script, &found.schema, roles);
}

/// What others have created: the backup reads it, and so does the owner, whose migrations take a backup first.
fn grant_on_strange(script: &mut Script, schema: &str, roles: &RoleNames) {
    let [owner, backup] = [roles.owner(), roles.backup()];
    let cannot = |role: &str| format!("NOT has_table_privilege({}, oid, 'SELECT')", literal(role));
    let (owner_cannot, backup_cannot) = (cannot(owner), cannot(backup));
    let [schema, owner, backup] = [schema, owner, backup].map(literal);
    script.block(&format!(
        "DECLARE\n        other regclass;\n    BEGIN\n        \
             FOR other IN SELECT oid FROM pg_class\n            \
             WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = {schema}) AND relkind IN ('r', 'p', 'S')\n                \
             AND ({owner_cannot} OR {backup_cannot})\n        LOOP\n            \
             IF has_table_privilege(other, 'SELECT WITH GRANT OPTION') THEN\n                \
             EXECUTE pg_catalog.format('GRANT SELECT ON %s TO %I, %I', other, {owner}, {backup});\n            \
             ELSE\n                \
             RAISE WARNING 'the owner of % has to give SELECT on it to the roles of the backup and the owner, or no \
             backup is possible', other;\n            \
             END IF;\n        \
             END LOOP;\n    \
             END;"
    ));
}

/// Default privileges for what the owner creates later. The reader gets none, because what a later migration creates may
/// hold credentials; nor does the auditor, who reads three tables.
fn grant_on_later(script: &mut Script, roles: &RoleNames, schema: &str) {
    let [owner, app, backup] = [roles.owner(), roles.application(), roles.backup()].map(quoted);
    script.comment(
        "What a later migration creates. The reader gets it by another run, which knows the credentials in it.",
    );
    for (rights, role) in [
        ("SELECT, INSERT, UPDATE, DELETE ON TABLES", &app),
        ("USAGE ON SEQUENCES", &app),
        ("EXECUTE ON ROUTINES", &app),
        ("SELECT ON TABLES", &backup),
        ("SELECT ON SEQUENCES", &backup),
    ] {
        script.statement(&format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT {rights} TO {role}"
        ));
    }
}

/// Text of the script.
struct Script(String);

impl Script {
    fn statement(&mut self, statement: &str) {
        self.0.push_str(statement);
        self.0.push_str(";\n");
    }

    /// Adds the statement, unless the list of its objects is empty.
    fn on(&mut self, statement: &str, objects: &str) {
        if !objects.is_empty() {
            self.statement(statement);
        }
    }

    fn comment(&mut self, text: &str) {
        if !text.starts_with(' ') {
            self.0.push('\n');
        }
        self.0.push_str("-- ");
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Adds an anonymous block, in a pair of marks that no name in it has. A name may have line breaks, so that nothing
    /// indents the body.
    fn block(&mut self, body: &str) {
        let mut mark = "$do$".to_owned();
        while body.contains(&mark) {
            mark.insert(1, '_');
        }
        self.statement(&format!("DO {mark}\nBEGIN\n    {body}\nEND\n{mark}"));
    }
}

fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}
