//! A database in whose language `I` is not the capital letter of `i`.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::Database;
use zenith_db::models::{NewUser, Role, SystemRole, User};
use zenith_db::types::PasswordHash;

use crate::support::server::{connect, url};
use crate::support::{Fixture, SqliteFixture, backups_in, run, skipped};

/// Returns a fixture with an empty database in this language of ICU, or `None` with a notice if the server has no ICU.
fn in_language(language: &str) -> Option<Fixture> {
    let fixture = Fixture::on_a_server(Fixture::empty)?;
    let address = fixture.address().1;
    let name = address.rsplit('/').next().and_then(|name| name.split('?').next());
    let create = format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE '{language}'",
        name.expect("a name")
    );
    match connect(url().expect("a server")).batch_execute(&create) {
        Ok(()) => Some(fixture),
        Err(error) if error.to_string().contains("ICU is not supported") => {
            skipped("the server has no ICU");
            None
        }
        Err(error) => panic!("{create}: {error}"),
    }
}

/// Creates an account of a name with every kind of `i`, and finds it by the name in another case.
fn sign_in(database: &Database) {
    let written = database.write(|connection| {
        let role = Role::find_by_name(connection, SystemRole::User.name())?.expect("a role");
        let user = NewUser::builder()
            .username("IĞDIRLI İsmail ıIiİ".parse().expect("a name"))
            .email("IDIL@EXAMPLE.ORG".parse().expect("an address"))
            .password_hash(PasswordHash::hash(&"correct horse battery".to_owned().into())?)
            .role_id(role.id)
            .build();
        user.insert(connection)
    });
    let user = written.expect("an account");
    let found = database.read(|connection| {
        let by_name = User::find_by_username(connection, " iğdirli İSMAIL ıIIİ")?;
        Ok([by_name, User::find_by_email(connection, "IdIl@example.org")?])
    });
    let found = found.expect("queries").map(|found| found.map(|found| found.id));
    assert_eq!(found, [Some(user.id); 2]);
}

#[test]
fn every_command_works_in_a_database_in_turkish() {
    for language in ["tr", "az"] {
        let Some(fixture) = in_language(language) else { return };
        run(fixture.zenith().arg("create"), 0);
        run(fixture.zenith().args(["user", "reset-password", "ADMIN", "--generate"]), 0);
        sign_in(&fixture.database());
        for words in [
            &["health-check", "--deep"][..],
            &["rollback", "--yes", "--steps", "2"],
            &["migrate"],
            &["backup"],
            &["restore", "--drill"],
        ] {
            run(fixture.zenith().args(words), 0);
        }
        let backup = fixture.backups().join(backups_in(&fixture.backups()).last().expect("one"));
        run(fixture.zenith().args(["restore", "--yes"]).arg(&backup), 0);
        let to = in_language(language).expect("a database");
        run(fixture.zenith().arg("restore").arg(&backup).args(["--to", &to.address().1]), 0);
        run(to.zenith().args(["health-check", "--deep"]), 0);
        let file = SqliteFixture::empty();
        run(fixture.zenith().args(["transfer", "--to"]).arg(file.path()), 0);
        let back = in_language(language).expect("a database");
        run(file.zenith().args(["transfer", "--to", &back.address().1]), 0);
        run(back.zenith().args(["health-check", "--deep"]), 0);
    }
}
