//! The settings of a database, and of roles in it, after a restore.

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::backed_up;
use crate::support::Fixture;
use crate::support::own_server::{config, value};
use crate::support::server::{connect, url_of};

/// Settings of a role each, as a server may store them. Lists are as the session of the role has them, and any role may
/// store one for itself.
const SETTINGS: [(&str, &str); 13] = [
    ("search_path", ""),
    ("search_path", "\"$user\", public"),
    ("search_path", "x;ALTER/**/ROLE/**/ROLE_OF_TEST/**/SUPERUSER"),
    ("search_path", "x;GRANT/**/pg_monitor/**/TO/**/ROLE_OF_TEST;SELECT"),
    ("search_path", "\"a, \"\"b\"\" ; --\"  ,c'd\\e , F$$"),
    ("temp_tablespaces", ""),
    ("local_preload_libraries", "\"$libdir/plugins/x\",  Y"),
    ("local_preload_libraries", ""),
    ("session_preload_libraries", "\"no, such; library\", other"),
    ("DateStyle", "iso"),
    ("work_mem", "5120kB"),
    ("app.x", "a\nb'; \\' \" $1 -- "),
    ("app.x", ""),
];

/// Roles of a test, which are dropped with this.
struct Roles(Vec<String>);

impl Roles {
    /// Creates a role for each of the settings, which it gets in the database.
    fn with_settings(database: &str) -> Self {
        let mut server = connect(&url_of("postgres"));
        let mut roles = Self(Vec::new());
        for (number, (name, text)) in SETTINGS.into_iter().enumerate() {
            let role = format!("{database}_{number}");
            server.batch_execute(&format!("CREATE ROLE {role}")).expect("a role");
            roles.0.push(role.clone());
            let text = text.replace("ROLE_OF_TEST", &role);
            let is_list =
                ["_path", "_tablespaces", "_libraries"].iter().any(|end| name.ends_with(end));
            let alter = format!("ALTER ROLE {role} IN DATABASE {database} SET \"{name}\"");
            let give = if is_list {
                format!(
                    "BEGIN; SELECT set_config('{name}', $v${text}$v$, true); {alter} FROM CURRENT; COMMIT"
                )
            } else {
                format!("{alter} TO {}", quoted(&text))
            };
            server.batch_execute(&give).expect(&give);
        }
        roles
    }

    /// What roles became more than they were.
    fn risen(&self) -> String {
        let roles = self.0.join("', '");
        let query = format!(
            "SELECT count(*) FROM pg_roles AS r WHERE rolname IN ('{roles}')
                AND (rolsuper OR EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid))"
        );
        value(&mut connect(&url_of("postgres")), &query)
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        for role in &self.0 {
            let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
            connect(&url_of("postgres")).batch_execute(&drop).expect("no role");
        }
    }
}

fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn settings_of(database: &str) -> String {
    let query = format!(
        "SELECT string_agg(pg_get_userbyid(setrole) || ': ' || setconfig::text, e'\\n' ORDER BY setrole)
        FROM pg_db_role_setting JOIN pg_database AS d ON d.oid = setdatabase WHERE datname = '{database}'"
    );
    value(&mut connect(&url_of("postgres")), &query)
}

fn name_of(url: &str) -> &str {
    url.split('?').next().and_then(|path| path.rsplit('/').next()).expect("a database")
}

/// A manager with the setting in its sessions, by which a backslash is no plain character.
fn manager_with_backslashes(fixture: &Fixture) -> DatabaseManager {
    let (_, url) = fixture.address();
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-cstandard_conforming_strings%3Doff");
    let backups = fixture.backups();
    DatabaseManager::new(config(&url, &[(Key::BackupDir, backups.to_str().expect("UTF-8"))]))
}

#[test]
fn a_restored_database_has_every_setting_as_it_was_and_none_is_run() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let (_, url) = fixture.address();
    let name = name_of(&url);
    let backup = backed_up(&fixture);
    let roles = Roles::with_settings(name);
    let before = settings_of(name);
    assert!(before.matches('\n').count() >= SETTINGS.len() - 1, "{before}");
    for manager in [fixture.manager(), manager_with_backslashes(&fixture)] {
        manager.drill(&mut |_| ()).expect("a drill");
        let restored = manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
        assert!(restored.expect("a restore").renamed_to.is_some());
        assert_eq!(settings_of(name), before);
        assert_eq!(roles.risen(), "0");
    }
}

/// What the server would refuse to give now, it has stored before.
#[test]
fn a_setting_that_the_server_refuses_does_not_keep_from_a_restore() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let (_, url) = fixture.address();
    let name = name_of(&url);
    let backup = backed_up(&fixture);
    let set = format!(
        "SET client_min_messages = error; ALTER DATABASE {name} SET temp_tablespaces = gone;
         ALTER DATABASE {name} SET work_mem = '5MB'"
    );
    connect(&url_of("postgres")).batch_execute(&set).expect("settings");
    let restored = fixture.manager().restore(&backup, &RestoreOptions::default(), &mut |_| ());
    assert!(restored.expect("a restore").health.healthy);
    let query = "SELECT current_setting('work_mem')";
    assert_eq!(value(&mut connect(&url_of(name)), query), "5MB");
}
