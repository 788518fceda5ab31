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
