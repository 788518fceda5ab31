//! Configuration: what is refused, and that the error says enough without giving a secret away.

use std::ffi::OsString;

use zenith_db::config::{ConfigError, EnvFile, Key, Loader};

const BOOLEAN: &str = "true, false, 1, 0, yes, no, on or off";
const NOT_BOOLEANS: &[&str] =
    &["", " ", "2", "-1", "01", "tru", "y", "n", "t", "ja", "enabled", "1.0", "true ", " yes"];
const NOT_NUMBERS: &[&str] =
    &["", " ", "ten", "1.5", "1e3", "0x10", "+5", " 5", "5 ", "1_000", "1,000", "5s", "--5", "5"];

/// Values that a setting does not take, with what the error says is allowed.
const BAD_VALUES: &[(Key, &[&str], &str)] = &[
    (Key::WalMode, NOT_BOOLEANS, BOOLEAN),
    (Key::AutoBackup, NOT_BOOLEANS, BOOLEAN),
    (Key::ForeignKeys, NOT_BOOLEANS, BOOLEAN),
    (
        Key::BackupKeep,
        &["-1", "100001", "x"],
        "a whole number of backups, or 0 to keep all from 0 to 100000",
    ),
    (
        Key::MaxConnections,
        &["0", "-1", "1001", "4294967297", "99999999999999999999", "１０"],
        "a whole number of connections from 1 to 1000",
    ),
    (
        Key::CacheSize,
        &["-16777217", "4194305", "2147483648", "10k", "-"],
        "from -16777216 to 4194304",
    ),
    (Key::CacheSize, &["0", "-0", "00"], "the default is 10000 pages"),
    (
        Key::BusyTimeout,
        &["-1", "3600001", "4294967296", "forever"],
        "a whole number of milliseconds from 0 to 3600000",
    ),
    (
        Key::PoolTimeout,
        &["0", "-1", "3600001", "4294967296"],
        "a whole number of milliseconds from 1 to 3600000",
    ),
    (
        Key::Synchronous,
        &["", " ", "off", "OFF", "0", "2", "fast", "full ", "normal,full"],
        "write full, normal or extra",
    ),
    (Key::BackupDir, &[""], "unset it for the default"),
    (Key::BackupDir, &[" ", " backups", "backups ", "backups\t"], "white space"),
    (Key::BackupDir, &["back\0ups"], "cannot contain NUL"),
    (Key::Path, &[""], "unset it for the default"),
    (Key::Path, &["sqlite://zenith.db", "file:zenith.db"], "give the plain path"),
    (Key::Path, &[":memory:"], "give a file"),
    (Key::Path, &["zenith\0.db"], "cannot contain NUL"),
    (Key::Url, &[""], "unset it for the default"),
    (
        Key::Url,
        &["mysql://db/zenith", "sqlite3://zenith.db"],
        "write a path, sqlite://PATH or postgres://",
    ),
    (Key::Url, &["sqlite:zenith.db", "sqlite:/srv/zenith.db"], "write sqlite:// followed by"),
];

/// The last of [`NOT_NUMBERS`] is one, so that the list cannot be skipped by accident.
fn not_numbers() -> &'static [&'static str] {
    let (good, bad) = NOT_NUMBERS.split_last().expect("values");
    for key in [Key::MaxConnections, Key::CacheSize, Key::BusyTimeout, Key::PoolTimeout] {
        Loader::new().flag(key, "--flag", *good).load().expect("a number");
    }
    bad
}

fn bad_values() -> Vec<(Key, &'static str, &'static str)> {
    let mut cases = Vec::new();
    for (key, values, allowed) in BAD_VALUES {
        cases.extend(values.iter().map(|value| (*key, *value, *allowed)));
    }
    for key in [Key::MaxConnections, Key::CacheSize, Key::BusyTimeout, Key::PoolTimeout] {
        cases.extend(not_numbers().iter().map(|value| (key, *value, "write a whole number")));
    }
    cases
}

/// The error of a value from a flag, the environment and, where a file can hold it, a file.
fn errors(key: Key, value: &str) -> Vec<(String, Result<zenith_db::Config, ConfigError>)> {
    let variable = (OsString::from(key.name()), OsString::from(value));
    let mut results = vec![
        ("from --flag".to_owned(), Loader::new().flag(key, "--flag", value).load()),
        ("from the environment".to_owned(), Loader::new().environment([variable]).load()),
    ];
    if !value.contains(['\0', '\'', '\n']) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("settings.env");
        std::fs::write(&path, format!("{}='{value}'\n", key.name())).expect("a settings file");
        let origin = format!("from {}", path.display());
        results.push((origin, Loader::new().env_file(EnvFile::Required(path)).load()));
    }
    results
}

#[test]
fn a_bad_value_is_an_error_that_names_the_variable_the_value_its_source_and_what_is_allowed() {
    let cases = bad_values();
    assert!(cases.len() >= 40, "{}", cases.len());
    for (key, value, allowed) in cases {
        for (origin, result) in errors(key, value) {
            let case = format!("{}={value:?} {origin}", key.name());
            let Err(error) = result else { panic!("{case} was accepted") };
            let text = error.to_string();
            for part in [key.name(), &format!("{value:?}"), &origin, allowed] {
                assert!(text.contains(part), "{case}: {part} is missing in: {text}");
            }
        }
    }
}

#[test]
fn the_limits_of_every_number_are_accepted() {
    for (key, values) in [
        (Key::MaxConnections, ["1", "1000"]),
        (Key::CacheSize, ["-16777216", "4194304"]),
        (Key::CacheSize, ["-1", "1"]),
        (Key::BusyTimeout, ["0", "3600000"]),
        (Key::PoolTimeout, ["1", "3600000"]),
    ] {
        for value in values {
            for (origin, result) in errors(key, value) {
                let config = result.expect(&origin);
                let row = config.settings().iter().find(|row| row.name == key.name());
                assert_eq!(row.and_then(|row| row.value.as_deref()), Some(value), "{origin}");
            }
        }
    }
}

/// What gives the password away, out of what is shown for a URL in each place.
fn leaks(url: &str) -> Vec<String> {
    let mut leaks = Vec::new();
    for key in [Key::Url, Key::Path] {
        for (origin, result) in errors(key, url) {
            let shown = match result {
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains(key.name()) && text.contains(&origin), "{text}");
                    [text, format!("{error:?}")]
                }
                // A build that speaks PostgreSQL takes the URL of a server, and shows it no more.
                Ok(config) => {
                    assert!(cfg!(feature = "postgres") && url.starts_with("postgres"), "{url}");
                    let settings = serde_json::to_string(config.settings()).expect("JSON");
                    [format!("{config:?}"), settings]
                }
            };
            leaks.extend(shown.into_iter().filter(|text| text.contains("hunter2")));
        }
    }
    leaks
}

#[test]
fn the_password_of_a_url_never_appears_in_an_error() {
    for url in [
        "postgres://zenith:hunter2@db.example/zenith",
        "mysql://zenith:hunter2@db.example/zenith",
        "mysql://:hunter2@db.example",
        "sqlite://zenith:hunter2@/srv/zenith%20.db",
        // Characters that should have been escaped.
        "mysql://zenith:hunter2@hunter2@db.example/zenith",
        "mysql://zenith:hunter2/hunter2://@db.example/zenith",
    ] {
        assert_eq!(leaks(url), Vec::<String>::new(), "{url}");
    }
}

/// A URL that is refused is often one that was mistyped.
#[test]
fn the_password_of_a_malformed_url_never_appears_in_an_error() {
    let leaks: Vec<String> = [
        "mysql://zenith:hunter2/zenith",
        "mysql:/zenith:hunter2@db.example/zenith",
        "mysql:zenith:hunter2@db.example/zenith",
        "zenith:hunter2@db.example/zenith",
        "postgres//zenith:hunter2@db.example/zenith",
        "mysql://db.example/zenith?user=zenith&password=hunter2",
        "mysql://zenith@db.example/zenith?password=hunter2",
    ]
    .into_iter()
    .flat_map(leaks)
    .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn a_value_that_is_overridden_is_not_the_one_that_counts() {
    let config = Loader::new()
        .flag(Key::MaxConnections, "--max-connections", "7")
        .environment([("DATABASE_MAX_CONNECTIONS".into(), "8".into())])
        .load()
        .expect("a configuration");
    assert_eq!(config.max_connections(), 7);
    let error = Loader::new()
        .flag(Key::MaxConnections, "--max-connections", "none")
        .environment([("DATABASE_MAX_CONNECTIONS".into(), "8".into())])
        .load()
        .expect_err("a bad flag is not replaced by a good variable");
    assert!(error.to_string().contains("--max-connections"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_an_error_that_names_its_variable() {
    use std::os::unix::ffi::OsStringExt;

    let value = OsString::from_vec(b"zen\xffith.db".to_vec());
    for key in Key::ALL {
        let variable = (OsString::from(key.name()), value.clone());
        let error = Loader::new().environment([variable]).load().expect_err(key.name());
        let text = error.to_string();
        for part in [key.name(), "from the environment", "UTF-8"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
    // Another program's variables are its own affair.
    Loader::new().environment([("OTHER".into(), value)]).load().expect("the defaults");
}
