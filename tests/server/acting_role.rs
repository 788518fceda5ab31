//! Connections that act as another role than the user who signed in.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;

use crate::support::own_roles::Roles;
use crate::support::own_server::Server;
use crate::support::{administrator, bare_zenith, run, stderr, stdout};

#[test]
fn an_error_for_want_of_a_right_names_the_role_and_what_takes_it_back() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let _ = roles.manager_as("zenith").initialize(&administrator()).expect("created");
    let mut admin = roles.server.admin("postgres");
    admin.batch_execute("CREATE ROLE \"No-Body\"").expect("a role");
    let backups = tempfile::tempdir().expect("a directory");
    let zenith = |url: &str, arguments: &[&str], exit| {
        let mut command = bare_zenith("/".as_ref());
        command.env("DATABASE_URL", url).env("DATABASE_BACKUP_DIR", backups.path()).args(arguments);
        run(&mut command, exit)
    };
    let url = roles.server.url("zenith");
    for (place, cure) in [
        ("DATABASE zenith", "ALTER DATABASE zenith RESET role"),
        ("ROLE zenith", "ALTER ROLE zenith RESET role"),
        ("ROLE zenith IN DATABASE zenith", "ALTER ROLE zenith IN DATABASE zenith RESET role"),
        ("ROLE ALL", "ALTER ROLE ALL RESET role"),
    ] {
        admin.batch_execute(&format!("ALTER {place} SET role = 'No-Body'")).expect("a setting");
        let wanted = format!(
            "as the role \"No-Body\", which a setting gives to the user zenith ({cure} takes it back): "
        );
        for arguments in [["status"].as_slice(), &["migrate"], &["seed"], &["backup"]] {
            let said = stderr(&zenith(&url, arguments, 1));
            assert!(said.contains(&wanted) && said.contains("permission denied"), "{said}");
        }
        let checked = stdout(&zenith(&url, &["health-check"], 3));
        assert!(checked.contains(&wanted), "{checked}");
        // What takes it back works.
        admin.batch_execute(&format!("SET role = none; {cure}")).expect(cure);
        assert!(stderr(&zenith(&url, &["status"], 0)).is_empty());
    }
    let other = format!("{url}&options=-crole%3DNo-Body");
    let said = stderr(&zenith(&other, &["status"], 1));
    let wanted =
        "as the role \"No-Body\", which the URL gives to the user zenith (options=-crole=…): ";
    assert!(said.contains(wanted), "{said}");
    // A role that has its rights is nobody's fault.
    admin
        .batch_execute("CREATE ROLE also SUPERUSER; ALTER DATABASE zenith SET role = also")
        .expect("it");
    let checked = stdout(&zenith(&url, &["health-check"], 0));
    assert!(checked.contains("ALTER DATABASE zenith RESET role"), "{checked}");
}

/// The schema of the tables is not the one in which somebody has made what stands for a function of PostgreSQL.
#[test]
fn the_role_is_named_with_the_functions_of_postgresql_only() {
    let Some(server) = Server::start() else { return };
    let mut admin = server.admin("zenith");
    admin.batch_execute("CREATE SCHEMA zen").expect("a schema");
    let manager = DatabaseManager::new(server.config(&[(Key::Schema, "zen")]));
    let _ = manager.initialize(&administrator()).expect("created");
    let planted =
        "CREATE ROLE planter; GRANT USAGE, CREATE ON SCHEMA public TO planter; SET ROLE planter;
        CREATE FUNCTION public.format(text, name, text) RETURNS text LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
        RESET ROLE; CREATE ROLE nobody; GRANT USAGE ON SCHEMA zen TO nobody;
        ALTER DATABASE zenith SET role = nobody";
    admin.batch_execute(planted).expect(planted);
    let mut command = bare_zenith("/".as_ref());
    command.env("DATABASE_URL", server.url("zenith")).env("DATABASE_SCHEMA", "zen").arg("status");
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains("as the role nobody, which a setting gives to the user"), "{said}");
}

/// Neither the configured database nor its role has to do with it.
#[test]
fn an_error_of_another_database_than_the_configured_one_names_the_role_there() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let manager = roles.manager_as("zenith");
    let _ = manager.initialize(&administrator()).expect("created");
    let backups = tempfile::tempdir().expect("a directory");
    let backup = manager.backup().expect("a backup").path;
    let mut admin = roles.server.admin("postgres");
    for statement in [
        "CREATE ROLE nobody",
        "CREATE ROLE somebody SUPERUSER",
        "CREATE DATABASE target",
        "ALTER DATABASE target SET role = nobody",
        // It lacks nothing.
        "ALTER DATABASE zenith SET role = somebody",
    ] {
        admin.batch_execute(statement).expect(statement);
    }
    let (url, to) = (roles.server.url("zenith"), roles.server.url("target"));
    let zenith = |arguments: &[&str]| {
        let mut command = bare_zenith("/".as_ref());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DATABASE_URL", &url).env("DATABASE_BACKUP_DIR", backups.path());
        stderr(&run(command.args(arguments), 1))
    };
    let backup = backup.to_str().expect("UTF-8");
    for arguments in [["transfer", "--to", &to].as_slice(), &["restore", backup, "--to", &to]] {
        let said = zenith(arguments);
        assert!(said.contains("as the role nobody, which a setting gives"), "{said}");
        assert!(!said.contains("somebody"), "{said}");
    }
    // That of the source of a transfer is the configured one.
    admin
        .batch_execute(
            "ALTER DATABASE zenith SET role = nobody; ALTER DATABASE target SET role = somebody",
        )
        .expect("settings");
    let said = zenith(&["transfer", "--to", &to]);
    assert!(said.contains("as the role nobody, which a setting gives"), "{said}");
    assert!(!said.contains("somebody"), "{said}");
}
