//! `Config::at`: the same settings for another database, and what they say about it.

use std::path::Path;

use zenith_db::Config;
use zenith_db::config::{Key, Loader, Location, Source};

fn here(flags: &[(Key, &str)]) -> Config {
    let loader = Loader::new().flag(Key::Path, "--path", "/srv/old/zenith.db");
    let add = |loader: Loader, (key, value): &(Key, &str)| loader.flag(*key, "--flag", *value);
    flags.iter().fold(loader, add).load().expect("a valid configuration")
}

fn there(config: &Config, location: &str) -> Config {
    config.at(Location::from_flag("--to", location).expect("a location"))
}

/// Value and source of a setting, as `config` shows them.
fn shown(config: &Config, key: Key) -> (Option<&str>, &Source) {
    let setting = config.settings().iter().find(|setting| setting.name == key.name());
    let setting = setting.expect("every setting is listed");
    (setting.value.as_deref(), &setting.source)
}

#[test]
fn the_location_and_its_source_are_those_of_the_other_database() {
    let config = there(&here(&[]), "/srv/new/other.db");
    assert_eq!(config.location().to_string(), "/srv/new/other.db");
    let source = Source::Flag("Config::at");
    assert_eq!(shown(&config, Key::Path), (Some("/srv/new/other.db"), &source));
    assert_eq!(shown(&config, Key::Url), (None, &Source::Default));

    // It was named by a URL, and is named by a path now.
    let url = Loader::new().flag(Key::Url, "--database-url", "sqlite:///srv/old.db");
    let config = there(&url.load().expect("a valid configuration"), "/srv/new.db");
    assert_eq!(shown(&config, Key::Url), (None, &Source::Default));
    assert_eq!(shown(&config, Key::Path), (Some("/srv/new.db"), &source));
}

#[test]
fn the_backup_directory_follows_the_database_unless_it_was_set() {
    let config = there(&here(&[]), "/srv/new/other.db");
    assert_eq!(config.backup_dir(), Path::new("/srv/new/backups"));
    assert_eq!(shown(&config, Key::BackupDir), (Some("/srv/new/backups"), &Source::Default));
    assert_eq!(config.log_dir(), Path::new("/srv/new/logs"));

    let config = there(&here(&[(Key::BackupDir, "/srv/kept")]), "/srv/new/other.db");
    assert_eq!(config.backup_dir(), Path::new("/srv/kept"));
    assert_eq!(shown(&config, Key::BackupDir), (Some("/srv/kept"), &Source::Flag("--flag")));
}

#[test]
fn every_other_setting_stays() {
    let old = here(&[(Key::MaxConnections, "3"), (Key::CacheSize, "77")]);
    let new = there(&old, "/srv/new/other.db");
    let location = [Key::Path, Key::BackupDir].map(Key::name);
    for (old, new) in old.settings().iter().zip(new.settings()) {
        assert_eq!(old == new, !location.contains(&old.name), "{}", old.name);
    }
    assert_eq!((new.max_connections(), new.sqlite().cache_size), (3, 77));
}

#[cfg(feature = "postgres")]
#[test]
fn on_the_other_kind_of_database_the_settings_that_it_uses_are_shown() {
    let old = here(&[(Key::CacheSize, "77")]);
    let server = there(&old, "postgres://somebody@host/zenith");
    let source = Source::Flag("Config::at");
    assert_eq!(shown(&server, Key::Url), (Some("postgres://somebody@host/zenith"), &source));
    assert_eq!(shown(&server, Key::Path), (None, &Source::Default));
    assert_eq!(shown(&server, Key::CacheSize).0, None);
    assert_eq!(shown(&server, Key::StatementTimeout).0, Some("60000"));
    assert_eq!(server.backup_dir(), Path::new("./data/enterprise/backups"));

    let back = there(&server, "/srv/old/zenith.db");
    assert_eq!(shown(&back, Key::CacheSize), (Some("77"), &Source::Flag("--flag")));
    assert_eq!(shown(&back, Key::StatementTimeout).0, None);
    assert_eq!(back.backup_dir(), Path::new("/srv/old/backups"));
}
