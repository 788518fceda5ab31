//! Addresses of servers, as they are mistyped: none is taken for a path, and no output repeats the
//! password in one.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use zenith_db::Config;
use zenith_db::config::{ConfigError, EnvFile, Key, Loader, Location};

use crate::support::{SqliteFixture, bare_zenith, run, stderr, stdout};

const SECRET: &str = "hunter2";

/// Texts that are neither a path nor an address that a server takes.
const MALFORMED: &[&str] = &[
    // Quotes that a shell or a file left around it.
    "\"postgres://zenith:hunter2@db.example/zenith\"",
    "'postgres://zenith:hunter2@db.example/zenith'",
    "`postgres://zenith:hunter2@db.example/zenith`",
    "“postgres://zenith:hunter2@db.example/zenith”",
    "\"postgres://zenith:hunter2@db.example/zenith",
    "\"hunter2:x@db.example/zenith\"",
    "\"host=db.example password=hunter2\"",
    // libpq's keywords, ADO.NET and ODBC.
    "host=db.example password=hunter2",
    "host=db.example user=zenith password='hunter2' dbname=zenith",
    "host = db.example password = hunter2",
    "password=hunter2 host=db.example",
    "PASSWORD=hunter2",
    "user=zenith hunter2",
    "dbname=zenith hunter2",
    "service=hunter2",
    "Server=db.example;Database=zenith;User Id=zenith;Password=hunter2;",
    "Data Source=db.example;Pwd=hunter2",
    "Driver={PostgreSQL};hunter2",
    "zenith.db password=hunter2",
    "zenith.db?sslpass%77ord=hunter2",
    "zenith.db?oauth_client_secret=hunter2",
    // The scheme.
    "postgres:/zenith:hunter2@db.example/zenith",
    "postgres:zenith:hunter2@db.example/zenith",
    "postgres//zenith:hunter2@db.example/zenith",
    "postgres;//zenith:hunter2@db.example/zenith",
    "postgres ://zenith:hunter2@db.example/zenith",
    "postgres: //zenith:hunter2@db.example/zenith",
    "postgres:///zenith:hunter2@db.example/zenith",
    "postgres:\\\\zenith:hunter2@db.example\\zenith",
    "postgres//db.example/hunter2",
    "jdbc:postgresql://db.example/zenith?user=zenith&password=hunter2",
    "jdbc:postgresql://zenith:hunter2@db.example/zenith",
    "postgresql+psycopg2://zenith:hunter2@db.example/zenith",
    "postgis://zenith:hunter2@db.example/zenith",
    "pgsql:host=db.example;password=hunter2",
    "mysql://zenith:hunter2@db.example/zenith",
    "mysql://zenith:hunter2/zenith",
    "mysql://zenith@db.example/zenith@hunter2",
    "mysql://db.example/zenith?password=hunter2",
    "mysql:zenith:hunter2",
    "MySQL:hunter2",
    "redis.tls:hunter2/0",
    "mongodb+srv://zenith:hunter2@db.example",
    "url://zenith:hunter2@db.example/zenith",
    "://zenith:hunter2@db.example/zenith",
    "//zenith:hunter2@db.example/zenith",
    "/postgres://zenith:hunter2@db.example/zenith",
    "/srv/zenith/postgres://zenith:hunter2@db.example/zenith",
    // Without a scheme.
    "zenith:hunter2@db.example/zenith",
    "zenith:hunter2@db.example:5432/zenith",
    "zenith:hunter2@/zenith",
    ":hunter2@db.example/zenith",
    "zenith:hunt/hunter2@db.example/zenith",
    "zenith_1:hunter2@db.example",
    "zenith:hunter2@tcp(db.example:5432)/zenith",
    "zenith/hunter2@db.example:1521/zenith",
    // Something before or after it.
    " postgres://zenith:hunter2@db.example/zenith",
    "postgres://zenith:hunter2@db.example/zenith ",
    "postgres://zenith:hunter2@db.example/zenith\r",
    "postgres://zenith:hunter2@db.example/zenith\n",
    "\u{feff}postgres://zenith:hunter2@db.example/zenith",
    "<postgres://zenith:hunter2@db.example/zenith>",
    "DATABASE_URL=postgres://zenith:hunter2@db.example/zenith",
    "export DATABASE_URL=hunter2",
    "psql hunter2",
    "psql -U zenith postgres://zenith:hunter2@db.example/zenith",
    // Characters that should have been encoded, or should not.
    "postgres://zenith:hunter2#@db.example/zenith",
    "postgres://zenith:hunter2@@db.example/zenith",
    "postgres://zenith:hunter2%@db.example/zenith",
    "postgres://zenith:hunter2",
    "postgres://zenith:hunter2/zenith",
    "postgres://db.example/zenith:hunter2",
    "postgres://db.example/zenith&password=hunter2",
    "postgres://db.example/zenith?hunter2",
    "postgres%3A%2F%2Fzenith%3Ahunter2%40db.example/zenith",
    "postgres://zenith%3Ahunter2%40db.example/zenith",
    "sqlite://zenith:hunter2@db.example/zenith",
    "sqlite:///srv/zenith.db?key=hunter2",
    "sqlite://postgres://zenith:hunter2@db.example/zenith",
    "file:zenith:hunter2@db.example/zenith",
];

/// Addresses without a secret that would name a new, empty database.
const WITHOUT_SECRET: &[&str] = &[
    "host=/var/run/postgresql dbname=zenith",
    "dbname=zenith",
    "localhost:5432/zenith",
    "127.0.0.1:5432/zenith",
    "[::1]:5432/zenith",
    "db_1:5432",
    "zenith@db.example/zenith",
    "zenith@db.example:5432/zenith",
    "postgres//db.example/zenith",
    "\"zenith.db\"",
    "'./zenith.db'",
    "~/zenith.db",
    "~",
    "~root/zenith.db",
    "sqlite://~/zenith.db",
];

fn cases() -> impl Iterator<Item = &'static str> {
    MALFORMED.iter().chain(WITHOUT_SECRET).copied()
}

type Loaded = Result<Config, ConfigError>;

/// What every way of giving a text as a setting comes to.
fn by_every_way(key: Key, text: &str) -> Vec<(&'static str, Loaded)> {
    let variable = (OsString::from(key.name()), OsString::from(text));
    let file = tempfile::tempdir().expect("a temporary directory");
    let from_file = |line: String| {
        let path = file.path().join(".env");
        std::fs::write(&path, line).expect("a settings file");
        Loader::new().env_file(EnvFile::Required(path)).load()
    };
    let name = key.name();
    let plain = Config::for_path("plain.db").expect("a configuration");
    let at = |location: Location| plain.at(location);
    let mut ways = vec![
        ("flag", Loader::new().flag(key, "--flag", text).load()),
        ("environment", Loader::new().environment([variable]).load()),
        ("file", from_file(format!("{name}={text}"))),
        ("file, single quotes", from_file(format!("{name}='{text}'"))),
        ("file, double quotes", from_file(format!("{name}=\"{text}\""))),
    ];
    match key {
        Key::Url => ways.push(("Config::at", Location::from_flag("--to", text).map(at))),
        _ => ways.push(("Config::for_path", Config::for_path(text))),
    }
    ways
}

fn assert_silent(case: &str, shown: &[String]) {
    for shown in shown {
        assert!(!shown.contains(SECRET), "{case}: {shown}");
    }
}

#[test]
fn no_setting_takes_the_address_of_a_server_for_a_path_or_repeats_its_password() {
    assert!(MALFORMED.len() >= 45 && MALFORMED.iter().all(|text| text.contains(SECRET)));
    for text in cases() {
        for key in [Key::Url, Key::Path, Key::BackupDir, Key::ReplicaUrl, Key::CacheSize] {
            for (way, loaded) in by_every_way(key, text) {
                let case = format!("{}={text:?} by {way}", key.name());
                match loaded {
                    Err(error) => assert_silent(&case, &[error.to_string(), format!("{error:?}")]),
                    // Quotes, comments and white space at the end of a line are the file's own.
                    // Without libpq, nothing reads the URL of a replica.
                    Ok(config) => {
                        let settings = serde_json::to_string(config.settings()).expect("JSON");
                        assert_silent(&case, &[settings, format!("{config:?}")]);
                        let unread = matches!(key, Key::ReplicaUrl | Key::CacheSize);
                        assert!(unread || way.starts_with("file"), "{case} was accepted");
                        let path = config.location().path().map(ToString::to_string);
                        let known =
                            ["./data/enterprise/zenith.db", "zenith.db", "./zenith.db"].map(Some);
                        assert!(path.is_none() || known.contains(&path.as_deref()), "{case}");
                    }
                }
            }
        }
    }
}

/// Runs a command that must fail with exit code 2, make nothing, and not repeat the password.
fn refused(fixture: &SqliteFixture, command: &mut Command) {
    let before = fixture.files();
    let output = run(command, 2);
    let case = format!("{command:?}");
    assert_silent(&case, &[stdout(&output), stderr(&output)]);
    assert!(stderr(&output).contains("error"), "{case}: {output:?}");
    assert_eq!(fixture.files(), before, "{case}");
}

#[test]
fn the_command_makes_no_database_of_a_malformed_address_and_prints_no_secret() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    for text in cases() {
        // The forms that begin with postgres:// are read with libpq only, and refused either way.
        refused(&fixture, bare_zenith(directory).args(["create", "--database-url", text]));
        refused(&fixture, bare_zenith(directory).args(["create", "--path", text]));
        let mut command = bare_zenith(directory);
        command.env("DATABASE_URL", text).args(["create", "-v", "--format", "json"]);
        refused(&fixture, &mut command);
        // Quotes of the file would be read as such.
        if !text.contains('\'') {
            let path = directory.join(".env");
            std::fs::write(&path, format!("DATABASE_URL='{text}'\n")).expect("a settings file");
            refused(&fixture, bare_zenith(directory).arg("create"));
            std::fs::remove_file(path).expect("the settings file");
        }
    }
}

#[test]
fn an_argument_in_the_wrong_place_is_not_repeated_if_it_may_hold_a_password() {
    let fixture = SqliteFixture::empty();
    for arguments in [
        &["postgres://zenith:hunter2@db.example/zenith"][..],
        &["create", "postgres://zenith:hunter2@db.example/zenith"],
        &["create", "--database-url", "host=db.example", "password=hunter2"],
        &["create", "--format", "postgres://zenith:hunter2@db.example/zenith"],
        &["create", "--format=postgres://zenith:hunter2@db.example/zenith"],
        &["create", "--url=postgres://zenith:hunter2@db.example/zenith"],
        &["--format=json", "create", "zenith:hunter2@db.example/zenith"],
        &["create", "--env-file", "postgres://zenith:hunter2@db.example/zenith"],
    ] {
        refused(&fixture, bare_zenith(fixture.directory.path()).args(arguments));
    }
    let output = run(bare_zenith(fixture.directory.path()).arg("craete"), 2);
    assert!(stderr(&output).contains("craete"), "a plain word is: {output:?}");
}

#[test]
fn a_dot_and_a_slash_in_front_say_that_a_text_is_a_path() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    for name in
        ["zenith:word@host.db", "password=word.db", "host=db", "\"quoted\".db", "~", "~x.db", "a:1"]
    {
        let path = format!("./{name}");
        for text in [path.clone(), format!("sqlite://{path}")] {
            let config = Loader::new().flag(Key::Url, "--database-url", text).load().expect(name);
            assert_eq!(config.location().to_string(), path);
        }
        let absolute = Path::new("/.").join(directory.strip_prefix("/").expect("absolute"));
        let absolute = absolute.join(name);
        Config::for_path(&absolute).expect(name);
        let mut create = bare_zenith(directory);
        create.env("ZENITH_ADMIN_PASSWORD", "correct horse battery");
        run(create.args(["create", "--path", &path]), 0);
        assert!(directory.join(name).is_file(), "{name}");
        run(bare_zenith(directory).args(["backup", "--path", &path]), 0);
    }
}

#[test]
fn an_error_says_how_an_address_and_a_path_are_told_apart() {
    for (text, words) in [
        ("'postgres://db/zenith'", "remove the quotes"),
        ("host=db dbname=zenith", "postgres://USER@HOST/DATABASE"),
        ("127.0.0.1:5432/zenith", "./ in front of a path"),
        ("~/zenith.db", "~ is not expanded"),
    ] {
        for (way, loaded) in by_every_way(Key::Path, text) {
            // In a file the quotes are the file's.
            if !way.starts_with("file") {
                let error = loaded.expect_err(text).to_string();
                assert!(error.contains(words), "{way}: {error}");
            }
        }
    }
}

#[test]
fn debug_of_the_loader_shows_neither_values_of_flags_nor_the_environment() {
    let loader = Loader::new()
        .flag(Key::Url, "--database-url", "postgres://zenith:hunter2@db.example/zenith")
        .environment([("AWS_SECRET_ACCESS_KEY".into(), "hunter2".into())])
        .environment([("DATABASE_URL".into(), "postgres://z:hunter2@db.example/z".into())]);
    for shown in [format!("{loader:?}"), format!("{loader:#?}")] {
        assert!(shown.contains("DATABASE_URL"), "the names of the flags: {shown}");
        for word in [SECRET, "AWS", "db.example"] {
            assert!(!shown.contains(word), "{shown}");
        }
    }
    let shown = format!("{:?}", Loader::new().process_environment());
    assert!(!shown.contains("PATH"), "{shown}");
}
