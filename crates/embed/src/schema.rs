//! Types of what columns hold, in place of those by which they are stored.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Types by which columns are stored that say nothing of what they hold: a key, a number of bytes.
const NEEDS_RULE: [&str; 2] = ["BigInt", "Timestamp"];

/// Says that columns hold values of one type.
#[derive(Clone, Copy, Debug)]
pub struct ColumnType<'a> {
    /// The type, by a path that resolves where `diesel::table!` expands, such as `crate::types::NoteId`. One of
    /// Diesel's own, such as `BigInt`, says that the columns hold plain numbers.
    pub holds: &'a str,
    /// Type by which they are stored, without `Nullable`, such as `BigInt`. Columns that are stored otherwise are not
    /// meant.
    pub stored: &'a str,
    /// The columns: `table.column`, or `schema.table.column` if Diesel writes the schema; `*.column`, that of any table; or `*`, each that is stored so. The most exact rule
    /// for a column decides.
    pub columns: &'a [&'a str],
}

/// Writes `schema.rs` into the `OUT_DIR` of the build script that calls this function: the `schema.rs` that Diesel
/// generates, with the type of what each column holds in place of that by which it is stored. So a query that compares
/// the key of one table with that of another does not compile.
///
/// ```no_run
/// // build.rs
/// use zenith_db_embed::ColumnType;
///
/// fn main() -> std::io::Result<()> {
///     zenith_db_embed::write_schema(
///         "src/schema.rs",
///         &[
///             ColumnType { holds: "crate::NoteId", stored: "BigInt", columns: &["notes.id"] },
///             ColumnType { holds: "zenith_db::types::UserId", stored: "BigInt", columns: &["*.user_id"] },
///             ColumnType { holds: "zenith_db::types::UtcTime", stored: "Timestamp", columns: &["*"] },
///             ColumnType { holds: "BigInt", stored: "BigInt", columns: &["notes.length"] },
///         ],
///     )
/// }
/// ```
///
/// The program then includes it:
///
/// ```ignore
/// pub mod schema {
///     include!(concat!(env!("OUT_DIR"), "/schema.rs"));
/// }
/// ```
///
/// # Errors
/// Those of [`typed_schema`]; the system's error if a file cannot be read or written.
pub fn write_schema(schema: impl AsRef<Path>, types: &[ColumnType<'_>]) -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let schema = manifest.join(schema);
    crate::watch(&schema)?;
    let text = fs::read_to_string(&schema).map_err(|cause| {
        io::Error::new(cause.kind(), format!("cannot read {}: {cause}", schema.display()))
    })?;
    fs::write(out.join("schema.rs"), typed_schema(&text, types)?)
}

/// Returns the text of a `schema.rs` with other types.
///
/// # Errors
/// An error that names the column if no rule says what a `BigInt` or a `Timestamp` holds, and one that names the rule
/// if it fits no column; an error that shows the line if it is not as Diesel writes it.
pub fn typed_schema(schema: &str, types: &[ColumnType<'_>]) -> io::Result<String> {
    let rules = || types.iter().flat_map(|rule| rule.columns.iter().map(move |name| (*name, rule)));
    let mut used = Vec::new();
    let (mut text, mut table, mut opens) = (String::new(), "", false);
    for line in schema.lines() {
        let trimmed = line.trim();
        let names_nothing = is_without_name(trimmed);
        if opens && !names_nothing {
            table = trimmed.split([' ', '(']).next().unwrap_or_default();
        } else if trimmed == "}" {
            table = "";
        }
        opens = trimmed == "diesel::table! {" || (opens && names_nothing);
        let column = trimmed.split_once(" -> ").filter(|_| !table.is_empty() && !names_nothing);
        let Some((column, stored)) = column else {
            text.extend([line, "\n"]);
            continue;
        };
        let unknown =
            || io::Error::other(format!("this is not a column as Diesel writes it: {line}"));
        let stored = stored.strip_suffix(',').ok_or_else(unknown)?;
        let inner = stored.strip_prefix("Nullable<").and_then(|inner| inner.strip_suffix('>'));
        let base = inner.unwrap_or(stored);
        if !base.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(unknown());
        }
        let names = [format!("{table}.{column}"), format!("*.{column}"), "*".to_owned()];
        let of = |name: &String| rules().find(|(of, rule)| of == name && rule.stored == base);
        let holds = match names.iter().find_map(of) {
            Some((name, rule)) => {
                used.push((name, rule.stored));
                rule.holds
            }
            None if NEEDS_RULE.contains(&base) => {
                return Err(io::Error::other(format!(
                    "no rule says what {table}.{column} holds, which is stored as {base}: the build script needs one"
                )));
            }
            None => base,
        };
        let indent = line.strip_suffix(trimmed).unwrap_or_default();
        let holds = if inner.is_some() { format!("Nullable<{holds}>") } else { holds.to_owned() };
        text.extend([indent, column, " -> ", &holds, ",\n"]);
    }
    match rules().find(|(name, rule)| !used.contains(&(name, rule.stored))) {
        Some((name, ColumnType { holds, stored, .. })) => Err(io::Error::other(format!(
            "no column is {name} and stored as {stored}: remove it from the rule for {holds}"
        ))),
        None => Ok(text),
    }
}

/// Whether a line in `table!` names neither the table nor a column: it is empty, a comment, an attribute or an import.
fn is_without_name(line: &str) -> bool {
    line.is_empty() || line.starts_with(['#', '/']) || line.starts_with("use ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "\
// @generated automatically by Diesel CLI.

diesel::table! {
    notes (id) {
        id -> BigInt,
        user_id -> Nullable<BigInt>,
        #[sql_name = \"type\"]
        #[max_length = 20]
        type_ -> Text,
        written_at -> Timestamp,
    }
}

diesel::joinable!(notes -> users (user_id));
";

    const fn rule<'a>(holds: &'a str, stored: &'a str, columns: &'a [&'a str]) -> ColumnType<'a> {
        ColumnType { holds, stored, columns }
    }

    const TIME: ColumnType<'_> = rule("Time", "Timestamp", &["*"]);

    #[test]
    fn each_column_gets_the_type_of_the_most_exact_rule() {
        let rules = [
            TIME,
            rule("AnyId", "BigInt", &["*"]),
            rule("NoteId", "BigInt", &["notes.id"]),
            rule("Kind", "Text", &["*.type_"]),
        ];
        let expected = SCHEMA
            .replace("id -> BigInt", "id -> NoteId")
            .replace("Nullable<BigInt>", "Nullable<AnyId>")
            .replace("type_ -> Text", "type_ -> Kind")
            .replace("Timestamp", "Time");
        assert_eq!(typed_schema(SCHEMA, &rules).expect("a schema"), expected);
    }

    #[test]
    fn what_diesel_writes_before_the_name_of_a_table_is_not_its_name() {
        let written = "\
pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = \"mood\"))]
    pub struct Mood;
}

pub mod other {
    diesel::table! {
        use diesel::sql_types::*;
        use super::sql_types::Mood;

        /// Notes -> what users write.
        #[sql_name = \"Notes\"]
        other.notes (id) {
            /// Key -> of a note.
            id -> BigInt,
            #[sql_name = \"a -> b\"]
            #[max_length = 20]
            mood -> Nullable<Mood>,
        }
    }
}

diesel::table! {
    use diesel::sql_types::*;

    users (id) {
        id -> BigInt,
    }
}

diesel::joinable!(other::notes -> users (id));
diesel::allow_tables_to_appear_in_same_query!(other::notes, users,);
";
        let rules = [
            rule("NoteId", "BigInt", &["other.notes.id"]),
            rule("UserId", "BigInt", &["users.id"]),
        ];
        let expected = written
            .replacen("id -> BigInt", "id -> NoteId", 1)
            .replace("id -> BigInt", "id -> UserId");
        assert_eq!(typed_schema(written, &rules).expect("a schema"), expected);
    }

    #[test]
    fn a_rule_that_decides_nothing_is_an_error() {
        let any = rule("AnyId", "BigInt", &["*"]);
        for useless in [
            rule("Kind", "BigInt", &["*.type_"]),
            rule("Kind", "Text", &["nodes.type_"]),
            rule("Number", "Double", &["*"]),
        ] {
            let error = typed_schema(SCHEMA, &[TIME, any, useless]).expect_err("a useless rule");
            let expected =
                format!("no column is {} and stored as {}", useless.columns[0], useless.stored);
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn what_a_number_or_a_time_holds_must_be_said() {
        let fault = |rule| typed_schema(SCHEMA, &[rule]).expect_err("no rule").to_string();
        assert!(fault(TIME).contains("what notes.id holds"));
        assert!(fault(rule("Id", "BigInt", &["*"])).contains("what notes.written_at holds"));
    }

    #[test]
    fn a_line_that_diesel_does_not_write_is_shown() {
        for line in ["id -> BigInt", "id -> Array<Nullable<Text>>,"] {
            let text =
                format!("diesel::table! {{\n    notes (id) {{\n        {line}\n    }}\n}}\n");
            let error = typed_schema(&text, &[]).expect_err(line).to_string();
            assert!(error.ends_with(line), "{error}");
        }
    }
}
