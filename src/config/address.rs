//! Texts that nobody means as a path: addresses of servers, however they are mistyped.
//!
//! A text that is wrongly taken for a path names a new, empty database, and shows its password in
//! the name. `./` in front says that a text is a path.

use percent_encoding::percent_decode_str;

/// Schemes that are shown although the rest of the address is not.
const SCHEMES: [&str; 14] = [
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "sqlite",
    "sqlite3",
    "file",
    "http",
    "https",
    "mongodb",
    "redis",
    "sqlserver",
    "mssql",
    "cockroachdb",
];

/// Parameters of libpq, ADO.NET and ODBC that begin an address of the form `host=… dbname=…`.
const PARAMETERS: [&str; 23] = [
    "addr",
    "address",
    "client_encoding",
    "database",
    "datasource",
    "dbname",
    "driver",
    "host",
    "hostaddr",
    "options",
    "passfile",
    "port",
    "server",
    "service",
    "servicefile",
    "sslcert",
    "sslkey",
    "sslmode",
    "target_session_attrs",
    "uid",
    "user",
    "userid",
    "username",
];

const SECRETS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "client_secret",
    "scram_client_key",
    "scram_server_key",
];

const QUOTES: [char; 11] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»'];

/// Returns the reason if a text is not to be taken for a path.
pub(super) fn mistaken(text: &str) -> Option<&'static str> {
    if is_declared_path(text) {
        None
    } else if scheme_of(text).is_some() {
        Some(
            "it is a URL, not a path; give the plain path, with ./ in front of it if it has a colon, or the \
             URL of a server in DATABASE_URL",
        )
    } else if text.trim_start().starts_with(QUOTES) {
        Some("it begins with a quote; remove the quotes, or write ./ in front of a path")
    } else if is_address(text) {
        Some(
            "it looks like the address of a server; write postgres://USER@HOST/DATABASE in \
             DATABASE_URL, or ./ in front of a path",
        )
    } else if text.starts_with('~') {
        Some("~ is not expanded; write the full path, or ./ in front of a name that begins with ~")
    } else {
        None
    }
}

/// Returns the text before the first colon, if it can be the scheme of a URL. One letter is a
/// Windows drive.
pub(super) fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let word = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    word.then_some(scheme)
}

/// Returns the text, or `***` for all but a well-known scheme if it may hold a secret. An address is
/// shown only if nothing in it can be one.
#[must_use]
pub fn masked(text: &str) -> String {
    if !may_hold_secret(text) {
        return text.to_owned();
    }
    match text.trim().trim_start_matches(QUOTES).split_once("://") {
        Some((scheme, _)) if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            format!("{scheme}://***")
        }
        _ => "***".into(),
    }
}

fn may_hold_secret(text: &str) -> bool {
    if is_declared_path(text) {
        return false;
    }
    let inner = text.trim().trim_matches(QUOTES);
    let Some(scheme) = scheme_of(inner) else { return is_address(inner) };
    let rest = inner.get(scheme.len() + 1..).unwrap_or_default();
    if ["sqlite", "file"].iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        return path.contains('?') || (!is_declared_path(path) && is_address(path));
    }
    !rest.strip_prefix("//").is_some_and(is_plain_host)
}

/// Whether the text is a host, with or without a port and one name after it.
fn is_plain_host(text: &str) -> bool {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    plain(host) && plain(path) && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text says that it is a path: `./` in front, or `/./` of an absolute one.
fn is_declared_path(text: &str) -> bool {
    let starts: &[&str] = if cfg!(windows) { &["./", "/./", ".\\"] } else { &["./", "/./"] };
    starts.iter().any(|start| text.starts_with(start))
}

fn is_address(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    lower.contains("://")
        || lower.contains("%3a%2f%2f")
        || lower.starts_with("psql ")
        || (lower.starts_with("postgres") && lower.contains("//"))
        || names_secret(&lower)
        || names_parameter(&lower)
        || names_user_or_port(&lower)
}

/// Whether the text has `password=`, with or without spaces around the sign, or percent-encoded as in a URL.
pub(super) fn names_secret(lower: &str) -> bool {
    let decoded = percent_decode_str(lower).decode_utf8_lossy().to_lowercase();
    has_secret(lower) || has_secret(&decoded)
}

fn has_secret(lower: &str) -> bool {
    let mut before_signs = lower.split('=').map(str::trim_end);
    // What follows the last sign is no name.
    before_signs.next_back();
    before_signs.any(|before| SECRETS.iter().any(|name| before.ends_with(name)))
}

/// Whether the text begins with a parameter of a connection, or with the name of a setting.
fn names_parameter(lower: &str) -> bool {
    let Some((name, _)) = lower.split_once('=') else { return false };
    let name: String = name.trim_start_matches('-').split_whitespace().collect();
    let name = name.strip_prefix("export").unwrap_or(&name);
    PARAMETERS.contains(&name) || name.starts_with("database_")
}

/// Whether the text has the form `user:password@…`, `…@host:port`, `host:port` or `user@host/name`.
fn names_user_or_port(lower: &str) -> bool {
    let text = match lower.as_bytes() {
        // A Windows drive.
        [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic() => {
            lower.get(2..).unwrap_or_default()
        }
        _ => lower,
    };
    let is_host = |text: &str| {
        text.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let first = |text: &str| text.split('/').next().is_some_and(is_host);
    let has_password = text.find(':').zip(text.rfind('@')).is_some_and(|(colon, at)| colon < at);
    let has_port = first(text) || text.rsplit_once('@').is_some_and(|(_, host)| first(host));
    let has_user = text.split_once('/').is_some_and(|(authority, name)| {
        authority.contains('@') && !name.is_empty() && !name.contains(['/', '.'])
    });
    has_password || has_port || has_user
}
