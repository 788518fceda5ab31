//! Configuration: which layer wins, where a value came from, and what a settings file may hold.
//!
//! What is refused is in `config_refused.rs`; the command is in `config_command.rs`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zenith_db::Config;
use zenith_db::config::{ConfigError, EnvFile, Key, Loader, Setting, Source, Synchronous};

/// Every setting with a value for the flag, the environment and the file, and its default. Values of
/// neighbouring layers differ, so that the wrong layer shows.
const SETTINGS: [(Key, [&str; 3], Option<&str>); 12] = [
    (Key::Url, ["flag.db", "env.db", "file.db"], None),
    (Key::Path, ["flag.db", "env.db", "file.db"], Some("./data/enterprise/zenith.db")),
    (Key::BackupDir, ["flag", "env", "file"], Some("./data/enterprise/backups")),
    (Key::WalMode, ["false", "true", "false"], Some("true")),
    (Key::AutoBackup, ["false", "true", "false"], Some("true")),
    (Key::BackupKeep, ["0", "1", "100000"], Some("10")),
    (Key::MaxConnections, ["1", "2", "1000"], Some("10")),
    (Key::CacheSize, ["1", "-2000", "3"], Some("10000")),
    (Key::ForeignKeys, ["false", "true", "false"], Some("true")),
    (Key::BusyTimeout, ["0", "1", "3600000"], Some("5000")),
    (Key::PoolTimeout, ["1", "2", "3600000"], Some("10000")),
    (Key::Synchronous, ["normal", "extra", "normal"], Some("full")),
];

/// What has a meaning for a server only, each with a value that differs from its default.
const SERVER_SETTINGS: [(Key, &str); 6] = [
    (Key::Schema, "Zenith"),
    (Key::ReplicaUrl, "postgres://replica/zenith"),
    (Key::ReplicaMaxLag, "1"),
    (Key::StatementTimeout, "2"),
    (Key::IdleTransactionTimeout, "3"),
    (Key::TransactionPooler, "true"),
];

fn path_of(config: &Config) -> &Path {
    config.location().path().expect("a file").as_path()
}

fn environment<'a>(
    vars: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(OsString, OsString)> {
    vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// A directory with a settings file of this text.
fn settings_file(text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("settings.env");
    std::fs::write(&path, text).expect("a settings file");
    (directory, path)
}

fn from_file(text: impl AsRef<[u8]>) -> Result<Config, ConfigError> {
    let (_directory, path) = settings_file(text);
    Loader::new().env_file(EnvFile::Required(path)).load()
}

fn from_environment(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Loader::new().environment(environment(vars.iter().copied())).load()
}

fn setting(config: &Config, key: Key) -> &Setting {
    config.settings().iter().find(|row| row.name == key.name()).expect("a row for each setting")
}

#[test]
fn every_setting_is_listed_once_in_the_documented_order() {
    let names: Vec<&str> = Key::ALL.iter().map(|key| key.name()).collect();
    let config = Loader::new().load().expect("the defaults");
    let listed: Vec<&str> = config.settings().iter().map(|row| row.name).collect();
    assert_eq!(listed, names);
    let tested = SETTINGS.iter().map(|(key, ..)| key.name());
    let tested: Vec<&str> = tested.chain(SERVER_SETTINGS.map(|(key, _)| key.name())).collect();
    assert_eq!(tested, names, "the tables above leave none out");
}

#[test]
fn a_setting_of_a_server_is_checked_and_has_no_value_for_a_file() {
    for (key, value) in SERVER_SETTINGS {
        let config = from_environment(&[(key.name(), value)]).expect("a configuration");
        let found = setting(&config, key);
        assert_eq!((found.value.as_deref(), &found.source), (None, &Source::Environment));
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
        // No number, address or flag, nor a name that a schema may have.
        let error = from_environment(&[(key.name(), "pg_nonsense")]);
        // Without libpq there is nothing to check a URL against.
        if key != Key::ReplicaUrl || cfg!(feature = "postgres") {
            let text = error.expect_err(key.name()).to_string();
            assert!(text.contains(key.name()), "{text}");
        }
        let flagged = Loader::new().flag(key, "--flag", value).load().expect("a configuration");
        let [warning] = flagged.warnings() else { panic!("{:?}", flagged.warnings()) };
        assert!(warning.contains(key.name()) && warning.contains("SQLite"), "{warning}");
    }
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default_for_every_setting() {
    for (key, values, default) in SETTINGS {
        let name = key.name();
        let (_directory, path) = settings_file(format!("{name}={}\n", values[2]));
        let sources = [
            Source::Flag("--flag"),
            Source::Environment,
            Source::EnvFile(path.clone()),
            Source::Default,
        ];
        // From all three layers down to none.
        for (highest, source) in sources.iter().enumerate() {
            let mut loader = Loader::new();
            if highest == 0 {
                loader = loader.flag(key, "--flag", values[0]);
            }
            if highest <= 1 {
                loader = loader.environment(environment([(name, values[1])]));
            }
            if highest <= 2 {
                loader = loader.env_file(EnvFile::Required(path.clone()));
            }
            let config = loader.load().expect(name);
            let found = setting(&config, key);
            let wanted = values.get(highest).copied().or(default);
            assert_eq!(found.value.as_deref(), wanted, "{name}, layer {highest}");
            assert_eq!(&found.source, source, "{name}, layer {highest}");
            assert!(config.warnings().is_empty(), "{name}: {:?}", config.warnings());
        }
    }
}

#[test]
fn the_configuration_holds_what_its_settings_say() {
    let config = from_environment(&[
        ("DATABASE_PATH", "/srv/zenith/zenith.db"),
        ("DATABASE_BACKUP_DIR", "/mnt/backups"),
        ("DATABASE_WAL_MODE", "off"),
        ("DATABASE_AUTO_BACKUP", "no"),
        ("DATABASE_MAX_CONNECTIONS", "3"),
        ("DATABASE_CACHE_SIZE", "-4096"),
        ("DATABASE_FOREIGN_KEYS", "0"),
        ("DATABASE_BUSY_TIMEOUT_MS", "250"),
        ("DATABASE_POOL_TIMEOUT_MS", "750"),
        ("DATABASE_SYNCHRONOUS", "normal"),
    ])
    .expect("a configuration");
    assert_eq!(path_of(&config), Path::new("/srv/zenith/zenith.db"));
    assert_eq!(config.backup_dir(), Path::new("/mnt/backups"));
    assert_eq!(config.log_dir(), Path::new("/srv/zenith/logs"));
    assert!(!config.auto_backup());
    assert_eq!(config.max_connections(), 3);
    assert_eq!(config.pool_timeout().as_millis(), 750);
    let sqlite = config.sqlite();
    assert!(!sqlite.wal && !sqlite.foreign_keys);
    assert_eq!(sqlite.cache_size, -4096);
    assert_eq!(sqlite.busy_timeout.as_millis(), 250);
    assert_eq!(sqlite.synchronous, Synchronous::Normal);
}

#[test]
fn booleans_accept_their_eight_words() {
    for key in [Key::WalMode, Key::AutoBackup, Key::ForeignKeys] {
        for (word, wanted) in [
            ("true", true),
            ("1", true),
            ("yes", true),
            ("on", true),
            ("false", false),
            ("0", false),
            ("no", false),
            ("off", false),
        ] {
            let config = from_environment(&[(key.name(), word)]).expect(word);
            let found = match key {
                Key::WalMode => config.sqlite().wal,
                Key::AutoBackup => config.auto_backup(),
                _ => config.sqlite().foreign_keys,
            };
            assert_eq!(found, wanted, "{}={word}", key.name());
            let shown = setting(&config, key).value.as_deref();
            assert_eq!(shown, Some(wanted.to_string().as_str()), "in its canonical spelling");
        }
    }
}

#[test]
fn the_database_is_named_by_the_highest_layer_that_names_one_by_url_or_by_path() {
    let (_directory, file) = settings_file("DATABASE_PATH=file.db\n");
    let config = Loader::new()
        .environment(environment([("DATABASE_URL", "sqlite://env.db")]))
        .env_file(EnvFile::Required(file))
        .load()
        .expect("no contradiction: the environment goes before the file");
    assert_eq!(path_of(&config), Path::new("env.db"));
    assert_eq!(setting(&config, Key::Url).source, Source::Environment);
    // The path in force is the URL's, and so is its source.
    assert_eq!(setting(&config, Key::Path).value.as_deref(), Some("env.db"));
    assert_eq!(setting(&config, Key::Path).source, Source::Environment);

    let config = Loader::new()
        .flag(Key::Path, "--path", "flag.db")
        .environment(environment([("DATABASE_URL", "env.db")]))
        .load()
        .expect("no contradiction: the flag goes before the environment");
    assert_eq!(path_of(&config), Path::new("flag.db"));
    let url = setting(&config, Key::Url);
    assert_eq!((url.value.as_deref(), &url.source), (None, &Source::Default), "not in force");
}

#[test]
fn a_url_and_a_path_for_two_databases_in_one_place_are_an_error_that_names_both() {
    let both = [("DATABASE_URL", "sqlite://one.db"), ("DATABASE_PATH", "two.db")];
    let lines = both.map(|(name, value)| format!("{name}={value}"));
    let flags = Loader::new()
        .flag(Key::Url, "--database-url", "sqlite://one.db")
        .flag(Key::Path, "--path", "two.db")
        .load();
    for (result, origin) in [
        (flags, "from --path"),
        (from_environment(&both), "from the environment"),
        (from_file(lines.join("\n")), "settings.env"),
    ] {
        let text = result.expect_err("a contradiction").to_string();
        for part in ["DATABASE_URL", "sqlite://one.db", "DATABASE_PATH", "two.db", origin] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}

#[test]
fn a_url_and_a_path_for_one_database_agree_however_they_are_written() {
    let here = std::env::current_dir().expect("a working directory").join("a.db");
    let here = here.to_str().expect("UTF-8");
    for (url, path) in [
        ("a.db", "a.db"),
        ("sqlite://a.db", "./a.db"),
        ("sqlite://a.db", here),
        ("sqlite:///srv/zenith.db", "/srv/zenith.db"),
        ("srv//a.db", "srv/./a.db"),
    ] {
        let config = from_environment(&[("DATABASE_URL", url), ("DATABASE_PATH", path)])
            .expect("no contradiction");
        assert_eq!(path_of(&config), Path::new(path));
    }
}

#[test]
fn backups_go_beside_the_database_unless_a_directory_is_named() {
    for (database, backups) in [
        ("./data/enterprise/zenith.db", "./data/enterprise/backups"),
        ("/srv/zenith.db", "/srv/backups"),
        ("/zenith.db", "/backups"),
        ("zenith.db", "./backups"),
        ("../other/z.db", "../other/backups"),
    ] {
        let config = Config::for_path(database).expect(database);
        assert_eq!(config.backup_dir(), Path::new(backups), "{database}");
        let config =
            from_environment(&[("DATABASE_PATH", database), ("DATABASE_BACKUP_DIR", "elsewhere")])
                .expect(database);
        assert_eq!(config.backup_dir(), Path::new("elsewhere"), "{database}");
    }
}

#[test]
fn an_unknown_name_gives_a_warning_with_the_nearest_known_one_and_changes_nothing() {
    for (unknown, nearest) in [
        ("DATABASE_PTH", "DATABASE_PATH"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("DATABASE_BACKUPDIR", "DATABASE_BACKUP_DIR"),
        ("DATABASE_WALMODE", "DATABASE_WAL_MODE"),
        ("DATABASE_AUTOBACKUP", "DATABASE_AUTO_BACKUP"),
        ("DATABASE_MAX_CONNECTION", "DATABASE_MAX_CONNECTIONS"),
        ("DATABASE_CACHESIZE", "DATABASE_CACHE_SIZE"),
        ("DATABASE_FOREIGN_KEY", "DATABASE_FOREIGN_KEYS"),
        ("DATABASE_BUSY_TIMEOUT", "DATABASE_BUSY_TIMEOUT_MS"),
        ("DATABASE_POOL_TIMEOUT", "DATABASE_POOL_TIMEOUT_MS"),
        ("DATABASE_SYNCRONOUS", "DATABASE_SYNCHRONOUS"),
    ] {
        let in_environment = from_environment(&[(unknown, "hunter2")]);
        let in_file = from_file(format!("{unknown}=hunter2\n"));
        for (result, origin) in
            [(in_environment, "from the environment"), (in_file, "settings.env")]
        {
            let config = result.expect("a warning, not an error");
            let [warning] = config.warnings() else {
                panic!("one warning for {unknown}, not {:?}", config.warnings());
            };
            for part in [unknown, &format!("did you mean {nearest}?"), origin] {
                assert!(warning.contains(part), "{part} is missing in: {warning}");
            }
            // Its value may be a secret of something else.
            assert!(!warning.contains("hunter2"), "{warning}");
            assert!(config.settings().iter().all(|row| row.source == Source::Default));
        }
    }
}

#[test]
fn names_outside_the_prefix_are_none_of_our_business() {
    let config = from_environment(&[
        ("PATH", "/bin"),
        ("DATABASE", "x"),
        ("DATABASES_PATH", "x"),
        ("MY_DATABASE_PATH", "x"),
    ]);
    assert_eq!(config.expect("a configuration").warnings(), Vec::<String>::new());
}

#[test]
fn a_settings_file_may_have_comments_quotes_exports_and_windows_line_ends() {
    for text in [
        "DATABASE_PATH=a#b.db\n",
        "\n# a comment\nDATABASE_PATH=a#b.db # another\n",
        "DATABASE_PATH='a#b.db'\nOTHER=1",
        "export DATABASE_PATH=\"a#b.db\"\n",
        "DATABASE_PATH=a#b.db\r\nDATABASE_WAL_MODE=true\r\n",
        "DATABASE_PATH=before.db\nDATABASE_PATH=a#b.db\n",
    ] {
        let config = from_file(text).expect(text);
        assert_eq!(path_of(&config), Path::new("a#b.db"), "{text:?}");
    }
    let config = from_file("DATABASE_PATH='with spaces, 100 % and $HOME.db'\n").expect("quotes");
    let path = path_of(&config);
    assert_eq!(path, Path::new("with spaces, 100 % and $HOME.db"));
}

/// Some editors on Windows write one.
#[test]
fn a_settings_file_that_begins_with_a_byte_order_mark_is_read() {
    for text in ["\u{feff}DATABASE_PATH=a.db\n", "\u{feff}# a comment\nDATABASE_PATH=a.db\n"] {
        let config = from_file(text).expect("a configuration");
        assert_eq!(path_of(&config), Path::new("a.db"));
    }
}

#[test]
fn a_missing_settings_file_is_fine_unless_it_was_asked_for_by_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(".env");
    let config = Loader::new().env_file(EnvFile::IfPresent(path.clone())).load();
    assert_eq!(config.expect("the defaults").max_connections(), 10);
    let error = Loader::new().env_file(EnvFile::Required(path.clone())).load();
    let text = error.expect_err("it was asked for").to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
}

#[test]
fn a_settings_file_that_is_there_but_cannot_be_read_is_an_error_even_if_optional() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(".env");
    std::fs::create_dir(&path).expect("a directory in its place");
    let error = Loader::new().env_file(EnvFile::IfPresent(path.clone())).load();
    let text = error.expect_err("a directory").to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
}

#[test]
fn an_error_in_a_settings_file_does_not_repeat_the_line() {
    let broken: [&[u8]; 4] = [
        b"DATABASE_URL=postgres://zenith:hunter2@db/zenith with spaces\n",
        b"DATABASE_URL='postgres://zenith:hunter2@db/zenith\n",
        b"DATABASE_URL=\"hunter2\n",
        b"DATABASE_URL=hunter2\xff\n",
    ];
    for text in broken {
        let shown = String::from_utf8_lossy(text);
        let error = from_file(text).expect_err(&shown);
        for error in [error.to_string(), format!("{error:?}")] {
            assert!(error.contains("settings.env"), "{error}");
            assert!(!error.contains("hunter2"), "{shown}: {error}");
        }
    }
}

#[test]
fn a_name_that_no_schema_can_have_in_a_search_path_is_refused() {
    let long = "x".repeat(64);
    for name in ["$user", "pg_catalog", "information_schema", "\"Zenith\"", "a\nb", long.as_str()] {
        let refused = from_environment(&[("DATABASE_SCHEMA", name)]).expect_err(name).to_string();
        assert!(refused.contains("DATABASE_SCHEMA"), "{refused}");
    }
}
