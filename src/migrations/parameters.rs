//! Parameters of a routine, by which those of one name differ.

use std::borrow::Cow;

use super::statement::Words;
use crate::backend::Backend;

/// Parameters of a routine that are given to it, each with its type and, if it has one, its name, in the words in which
/// PostgreSQL shows them, without `IN`, `INOUT` and `VARIADIC`. What is not a routine has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<String>);

/// Names of types in the catalog of PostgreSQL, and the words that it shows for them.
const NAMES: &[(&str, &str)] = &[
    ("bool", "boolean"),
    ("bpchar", "character"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("time", "time without time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("timetz", "time with time zone"),
    ("varbit", "bit varying"),
    ("varchar", "character varying"),
];

/// Other words for a type, which mean it only without quotes, and those that PostgreSQL shows. Those that end with others
/// come before them.
const KEYWORDS: &[(&str, &str)] = &[
    ("national character varying", "character varying"),
    ("national char varying", "character varying"),
    ("nchar varying", "character varying"),
    ("char varying", "character varying"),
    ("national character", "character"),
    ("national char", "character"),
    ("nchar", "character"),
    ("char", "character"),
    ("character", "character"),
    ("dec", "numeric"),
    ("decimal", "numeric"),
    ("float", "double precision"),
    ("int", "integer"),
    ("integer", "integer"),
    ("smallint", "smallint"),
    ("bigint", "bigint"),
    ("real", "real"),
    ("boolean", "boolean"),
];

impl Parameters {
    /// Returns those in the list that begins at a position of a statement; none if no list begins there.
    pub(super) fn at(words: &Words, at: usize) -> Self {
        if !words.at(at, "(") {
            return Self::default();
        }
        Self(words.parts(at).iter().filter_map(shown).collect())
    }

    /// Returns those that `pg_get_function_identity_arguments` shows.
    pub(super) fn of_routine(arguments: &str) -> Self {
        Self::at(&Words::of(&format!("({arguments})"), Backend::Postgres), 0)
    }

    /// Whether `DROP` or `ALTER` means the routine with these parameters: there, names can be left out.
    pub(super) fn are_named_by(&self, others: &Self) -> bool {
        let is_named = |(own, other): (&String, &String)| {
            own == other || own.strip_suffix(other.as_str()).is_some_and(|name| name.ends_with(' '))
        };
        self.0.len() == others.0.len() && self.0.iter().zip(&others.0).all(is_named)
    }
}

/// Word of a statement, and whether it has no quotes.
type Word<'a> = (&'a str, bool);

const OUT: Word<'_> = ("out", true);
const MODES: [Word<'_>; 4] = [("in", true), OUT, ("inout", true), ("variadic", true)];

/// Returns a parameter without its mode, its default value and the length of its type; `None` if it is only returned, or if
/// there is none.
fn shown(part: &Words) -> Option<String> {
    let outside = part.outside();
    let is_default = |word: &Word<'_>| [("default", true), ("=", true)].contains(word);
    let mut words: Vec<Word<'_>> =
        outside.texts().into_iter().take_while(|word| !is_default(word)).collect();
    // The mode is the first word, or follows the name.
    if let Some(at) = words.iter().take(2).position(|word| MODES.contains(word)) {
        if words.remove(at) == OUT {
            return None;
        }
        words.retain(|word| *word != OUT);
    }
    let is_array = |word: &Word<'_>| [("[", true), ("array", true)].contains(word);
    let end = words.iter().position(is_array);
    words.truncate(end.unwrap_or(words.len()));
    // The fields of an interval follow it.
    if let Some(at) = words.iter().position(|word| *word == ("interval", true)) {
        words.truncate(at + 1);
    }
    let (before, of_type) = translated(&words, is_single(part));
    let before = before.iter().map(|(text, _)| *text);
    let shown = before.chain([&*of_type]).collect::<Vec<_>>().join(" ");
    (!shown.is_empty()).then(|| if end.is_some() { shown + "[]" } else { shown })
}

/// Returns the words before a type whose words are the last ones, and what PostgreSQL shows for the type.
fn translated<'a>(words: &'a [Word<'a>], is_single: bool) -> (&'a [Word<'a>], Cow<'a, str>) {
    for (keywords, shown) in KEYWORDS {
        let found = keywords.split(' ').map(|keyword| (keyword, true));
        let length = found.clone().count();
        if let Some((before, last)) = words.split_at_checked(words.len().saturating_sub(length))
            && last.iter().copied().eq(found)
        {
            let shown = if *keywords == "float" && is_single { "real" } else { shown };
            return (before, shown.into());
        }
    }
    let Some(((last, is_bare), before)) = words.split_last() else { return (words, "".into()) };
    let name = last.strip_prefix("pg_catalog.").unwrap_or(last);
    let of_name = |types: &'static [(&str, &str)]| types.iter().find(|(other, _)| *other == name);
    let shown = match of_name(NAMES) {
        Some((_, shown)) => (*shown).into(),
        // In quotes, it is the name of another type.
        None if !is_bare && of_name(KEYWORDS).is_some() => format!("\"{name}\"").into(),
        None => name.into(),
    };
    (before, shown)
}

/// Whether the type is a `float` of so few bits that it is a `real`.
fn is_single(part: &Words) -> bool {
    let bits = part.after("float (").map(|at| part.get(at).parse::<u8>());
    matches!(bits, Some(Ok(..=24)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(list: &str) -> Parameters {
        Parameters::at(&Words::of(list, Backend::Postgres), 0)
    }

    #[test]
    fn a_list_in_a_script_is_that_which_a_server_shows() {
        for (script, server) in [
            ("()", ""),
            ("(candidate TEXT)", "candidate text"),
            ("(IN a INT, \"b\" varchar(20) DEFAULT 'x')", "a integer, b character varying"),
            ("(numeric(10, 2), t timestamptz)", "numeric, t timestamp with time zone"),
            ("(VARIADIC list text[] = '{}', OUT n int)", "VARIADIC list text[]"),
            ("(ids int[] DEFAULT ARRAY[1, 2], \"A\" int)", "ids integer[], \"A\" integer"),
            ("(IN OUT a int[3][], b IN \"int4\" ARRAY)", "INOUT a integer[], b integer[]"),
            ("(\"char\", char, \"default\" dec)", "\"char\", character, \"default\" numeric"),
        ] {
            assert_eq!(written(script), Parameters::of_routine(server), "{script}");
        }
        for (one, other) in [
            ("(a int)", "(a text)"),
            ("(a int)", "(a int[])"),
            ("(a char)", "(a \"char\")"),
            ("(a \"Mood\")", "(a mood)"),
        ] {
            assert_ne!(written(one), written(other));
        }
    }

    #[test]
    fn a_routine_is_named_with_the_types_alone() {
        let own = written("(candidate TEXT, n int)");
        assert!(own.are_named_by(&written("(text, integer)")) && own.are_named_by(&own));
        assert!(!own.are_named_by(&written("(text)")));
        assert!(!own.are_named_by(&written("(text, bigint)")));
        assert!(!own.are_named_by(&written("(ext, integer)")));
    }
}
