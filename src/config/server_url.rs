//! URL of a database on a PostgreSQL server. It may contain a password, which is never shown.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// URL of a PostgreSQL database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?parameter=value`, as
/// libpq reads it
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>), including
/// several hosts, the directory of a socket as `host`, and `sslmode=verify-full`.
///
/// `Display`, `Debug` and `Serialize` show it with `***` for the password and without parameters.
#[derive(Clone)]
pub struct ServerUrl {
    text: SecretString,
    shown: String,
    has_password: bool,
}

/// Parameters of libpq that are secrets themselves, and not the path of a file with one.
const SECRETS: [&str; 5] =
    ["password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"];

/// Characters that are percent-encoded in the parts of a URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

impl ServerUrl {
    /// Parses a URL. Does not connect to the server.
    ///
    /// # Errors
    /// The reason, which repeats no part of the URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("write postgres://USER@HOST/DATABASE")?;
        if !["postgres", "postgresql"].iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
            return Err("the URL of a server begins with postgres://".into());
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("it contains white space; write %20 for a space".into());
        }
        let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before_query.split_once('/').unwrap_or((before_query, ""));
        // What follows would be taken for a host or a database, and shown.
        if path.contains('@') || query.contains('@') || text.contains('#') {
            return Err(
                "write / ? # @ : in a user's name or password as %2F %3F %23 %40 %3A".into()
            );
        }
        if path.contains('/') {
            return Err("only the name of a database may follow the host".into());
        }
        if authority.matches('@').count() > 1 {
            return Err("write @ in a user's name or password as %40".into());
        }
        let (user, hosts) = authority.split_once('@').unwrap_or(("", authority));
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        check_shown(user, hosts, path)?;
        check_decodes(rest)?;
        check_parameters(query)?;
        let shown = match (user, password) {
            ("", "") => format!("postgres://{hosts}/{path}"),
            (user, "") => format!("postgres://{user}@{hosts}/{path}"),
            (user, _) => format!("postgres://{user}:***@{hosts}/{path}"),
        };
        let has_password =
            !password.is_empty() || parameters_of(query).any(|(key, _)| SECRETS.contains(&key));
        // libpq knows the scheme in lower case only.
        let text = format!("{}://{rest}", scheme.to_ascii_lowercase());
        Ok(Self { text: text.into(), shown, has_password })
    }

    /// Returns the URL with its password. It is meant for libpq, and must not be shown or logged.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Whether the URL contains a password or another secret, such as `sslpassword`.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.has_password
    }

    /// Returns the name of the database, if the URL gives one; otherwise libpq uses the name of the
    /// user.
    #[must_use]
    pub fn database(&self) -> Option<String> {
        let text = self.expose();
        let before_query = text.split('?').next().unwrap_or_default();
        let in_path = before_query.splitn(4, '/').nth(3).filter(|name| !name.is_empty());
        let in_path = || Some(percent_decode_str(in_path?).decode_utf8_lossy().into_owned());
        self.last_value("dbname").or_else(in_path)
    }

    /// Returns the decoded value of a parameter. libpq takes what comes last.
    pub(super) fn last_value(&self, key: &str) -> Option<String> {
        let (_, value) = self.parameters().filter(|(given, _)| *given == key).last()?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    /// Returns the URL with this parameter, unless it gives the parameter itself.
    #[must_use]
    pub(crate) fn or_with(&self, key: &str, value: &str) -> Self {
        if self.has_parameter(key) {
            return self.clone();
        }
        self.with(key, value)
    }

    /// Returns the URL with this parameter, which overrides the URL's own.
    #[must_use]
    pub(crate) fn with(&self, key: &str, value: &str) -> Self {
        let text = self.expose();
        let mark = if text.contains('?') { '&' } else { '?' };
        let value = utf8_percent_encode(value, ENCODED);
        Self { text: format!("{text}{mark}{key}={value}").into(), ..self.clone() }
    }

    /// Returns the URL of another database on the same server.
    #[must_use]
    pub(crate) fn at(&self, database: &str) -> Self {
        let name = utf8_percent_encode(database, ENCODED);
        let mut shown = self.shown.clone();
        shown.truncate(shown.rfind('/').map_or(shown.len(), |slash| slash + 1));
        let shown = format!("{shown}{name}");
        Self { shown, ..self.with("dbname", database) }
    }

    /// Returns the URL without its secrets, and the secrets by the names of their parameters: for programs that get the
    /// URL as an argument, which every user of the machine can read.
    #[must_use]
    pub(crate) fn without_secrets(&self) -> (String, BTreeMap<&'static str, SecretString>) {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned().into();
        let text = self.expose();
        let (before_query, query) = text.split_once('?').unwrap_or((text, ""));
        let mut secrets = BTreeMap::new();
        let mut bare = before_query.to_owned();
        if let Some((before, host)) = before_query.rsplit_once('@')
            && let Some((user, word)) = before.rsplit_once(':')
            && user.contains("//")
        {
            secrets.insert("password", decoded(word));
            bare = format!("{user}@{host}");
        }
        let mut kept = Vec::new();
        for (key, value) in parameters_of(query) {
            match SECRETS.iter().find(|secret| **secret == key) {
                // libpq takes what comes last.
                Some(secret) => drop(secrets.insert(secret, decoded(value))),
                None => kept.push(format!("{key}={value}")),
            }
        }
        if !kept.is_empty() {
            bare = format!("{bare}?{}", kept.join("&"));
        }
        (bare, secrets)
    }

    /// Whether the URL gives this parameter.
    #[must_use]
    pub(crate) fn has_parameter(&self, key: &str) -> bool {
        self.parameters().any(|(given, _)| given == key)
    }

    /// Whether libpq verifies the certificate of the server, as the parameter `sslmode` or `PGSSLMODE` says.
    #[must_use]
    pub(crate) fn verifies_server(&self) -> bool {
        let given = self.parameters().filter(|(key, _)| *key == "sslmode").last();
        let mode = given.map_or_else(
            || std::env::var("PGSSLMODE").unwrap_or_default(),
            |(_, mode)| mode.to_owned(),
        );
        ["verify-ca", "verify-full"].contains(&mode.as_str())
    }

    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        parameters_of(self.expose().split_once('?').map_or("", |(_, query)| query))
    }
}

/// Returns the parameters of a URL with their encoded values. Their names are not encoded: [`check_parameters`] has
/// refused a `%` in one, which libpq would decode.
fn parameters_of(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|pair| pair.split_once('='))
}

/// Refuses what would be shown although it may hold a password, such as the port of
/// `postgres://user:password/database`.
fn check_shown(user: &str, hosts: &str, path: &str) -> Result<(), String> {
    let made_of = |text: &str, more: &str| {
        text.chars().all(|c| c.is_alphanumeric() || c == '%' || more.contains(c))
    };
    let encoded = |text: &str, code: &str| text.to_ascii_lowercase().contains(code);
    let port = |host: &str| {
        let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
        let port = after.split_once(':').map_or("", |(_, port)| port);
        port.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !hosts.split(',').all(port) {
        return Err("a port is a number; write USER:PASSWORD@HOST:PORT, and an IPv6 address in \
                    brackets"
            .into());
    }
    if encoded(user, "%3a")
        || encoded(hosts, "%3a")
        || encoded(hosts, "%40")
        || (encoded(path, "%3a") && encoded(path, "%40"))
    {
        return Err("do not percent-encode the : and @ between user, password and host".into());
    }
    if !made_of(user, "-._~+$!") || !made_of(hosts, "-._~,:[]") || !made_of(path, "-._~+$!") {
        return Err("percent-encode special characters, such as : as %3A; parameters follow a ?, \
                    with & between them"
            .into());
    }
    Ok(())
}

/// Refuses a `%` that begins no code: libpq would repeat the text around it.
fn check_decodes(rest: &str) -> Result<(), String> {
    let mut parts = rest.split('%');
    // Nothing precedes it.
    parts.next();
    let is_code = |part: &str| {
        let code = part.as_bytes().get(..2);
        code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit) && code != b"00")
    };
    if parts.all(is_code) { Ok(()) } else { Err("write % as %25".into()) }
}

fn check_parameters(query: &str) -> Result<(), String> {
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let is_pair = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| is_name(name) && !value.contains('='))
    };
    if query.is_empty() || query.split('&').all(is_pair) {
        return Ok(());
    }
    Err("a parameter after ? is name=value, with & between them and without % in the name; write \
         = & % in a value as %3D %26 %25"
        .into())
}

impl PartialEq for ServerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for ServerUrl {}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({})", self.shown)
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_nowhere_and_found_everywhere() {
        for url in [
            "postgres://zenith:hunter2@db.example:5433/zenith?sslmode=verify-full",
            "postgresql://zenith@db.example/zenith?password=hunter2",
            "POSTGRES://zenith:hunter2@one,two:5433/zenith",
            "postgres://:hunter2@/zenith?host=/var/run/postgresql",
            "postgres://db/zenith?sslpassword=hunter2&sslmode=require",
            "postgres://db/zenith?sslmode=require&oauth_client_secret=%68unter2&passfile=/p",
            "postgres://db/zenith?scram_client_key=hunter2",
            "postgres://db/zenith?scram_server_key=hunter2",
            "postgres://db/zenith?sslpassword=first&sslpassword=hunter2",
        ] {
            let parsed = ServerUrl::parse(url).expect(url);
            let json = serde_json::to_string(&parsed).expect("JSON");
            for shown in [parsed.to_string(), format!("{parsed:?}"), json] {
                assert!(!shown.contains("hunter2"), "{shown}");
            }
            assert!(parsed.has_password(), "{url}");
            let (bare, secrets) = parsed.without_secrets();
            assert!(!bare.contains("hunter2"), "{bare}");
            let found = secrets.into_values().next().expect("a secret");
            assert_eq!(found.expose_secret(), "hunter2", "{url}");
            assert!(!ServerUrl::parse(&bare).expect(&bare).has_password(), "{bare}");
        }
        let parsed = ServerUrl::parse("postgres://z:hunter2@h/db").expect("a URL");
        assert_eq!(parsed.to_string(), "postgres://z:***@h/db");
    }

    #[test]
    fn what_could_show_a_password_is_refused_without_repeating_it() {
        for url in [
            "postgres://zenith:hunter/2@db/zenith",
            "postgres://zenith:hunter?2@db/zenith",
            "postgres://zenith:hunter#2@db/zenith",
            "postgres://zenith:hunter@2@db/zenith",
            "postgres://zenith:hunter 2@db/zenith",
            "postgres:zenith:hunter2",
            "mysql://zenith:hunter2@db/zenith",
            // The host or its port would be the password.
            "postgres://zenith:hunter2",
            "postgres://zenith:hunter2/zenith",
            "postgres://db:5432:hunter2/zenith",
            "postgres://db/zenith:hunter2",
            "postgres://db/zenith&password=hunter2",
            "postgres://db;password=hunter2/zenith",
            "postgres://zenith;password=hunter2@db/zenith",
            "postgres://zenith%3Ahunter2@db/zenith",
            "postgres://zenith%3ahunter2%40db/zenith",
            "postgres://db%3A5432/zenith",
            "postgres:///zenith%3Ahunter2%40db",
            // libpq would repeat these.
            "postgres://zenith:hunter%2@db/zenith",
            "postgres://zenith:hunter%zz@db/zenith",
            "postgres://zenith:hunter%00@db/zenith",
            "postgres://db/zenith?hunter2",
            "postgres://db/zenith?sslmode=require?password=hunter2",
            "postgres://db/zenith?Password=hunter2",
            "postgres://db/zenith?pass%77ord=hunter2",
            "postgres://db/zenith?sslmode=require&sslpass%77ord=hunter2",
            "postgres://db/zenith?db%6Eame=hunter2",
        ] {
            let error = ServerUrl::parse(url).expect_err(url);
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn what_libpq_takes_is_taken() {
        for url in [
            "postgres://",
            "postgres://db",
            "postgres://db:5432/",
            "postgres://a,b:5433,[::1]:5434/zenith",
            "postgres://[fe80::1%25eth0]/zenith",
            "postgres://%2Fvar%2Frun%2Fpostgresql/zenith",
            "postgres:///zenith?host=/var/run/postgresql&port=5433",
            "postgres://jos%C3%A9:p%40ss%3Aw%25rd@db_1.example/a%20b",
            "postgres://z:p$w!(x)*;=,&@db/zenith",
            "postgres://z@db/zenith?options=-csearch_path%3Dx%20-cgeqo%3Doff",
        ] {
            ServerUrl::parse(url).expect(url);
        }
    }

    #[test]
    fn a_database_is_named_by_the_path_or_by_a_parameter() {
        for (url, name) in [
            ("postgres://h/a%20b", Some("a b")),
            ("postgres://h/a?dbname=b", Some("b")),
            ("postgres://h", None),
            ("postgres://h/?sslmode=disable", None),
            ("postgres:///a", Some("a")),
        ] {
            let parsed = ServerUrl::parse(url).expect(url);
            assert_eq!(parsed.database().as_deref(), name, "{url}");
            let other = parsed.at("c&d");
            assert_eq!(other.database().as_deref(), Some("c&d"), "{url}");
            assert!(other.to_string().ends_with("/c%26d"), "{url}");
        }
        let parsed = ServerUrl::parse("postgres://h/a?application_name=mine").expect("a URL");
        assert_eq!(parsed.or_with("application_name", "ours"), parsed);
    }
}
