//! Parameters of a routine, by which those of one name differ.

use super::statement::Words;
use crate::backend::Backend;

/// Parameters of a routine that are given to it, each with its type and, if it has one, its name, in the words in which
/// PostgreSQL shows them. What is not a routine has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<String>);

/// Other words for a type, and the one that PostgreSQL shows.
const TYPES: &[(&str, &str)] = &[
    ("bool", "boolean"),
    ("char", "character"),
    ("decimal", "numeric"),
    ("float", "double precision"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("int", "integer"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("time", "time without time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("timetz", "time with time zone"),
    ("varchar", "character varying"),
];

impl Parameters {
    /// Returns those in the list that begins at a position of a statement; none if no list begins there.
    pub(super) fn at(words: &Words, at: usize) -> Self {
        if !words.at(at, "(") {
            return Self::default();
        }
        let parts = words.parts(at).into_iter().map(|part| shown(&part));
        Self(parts.filter(|part| !part.is_empty() && !part.starts_with("out ")).collect())
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

/// Returns a parameter without its default value and the length of its type.
fn shown(part: &Words) -> String {
    let text = part.outside().joined();
    let words = text.split(' ').take_while(|word| !["default", "="].contains(word));
    let mut words: Vec<&str> = words.collect();
    if words.len() > 1 && words.first() == Some(&"in") {
        words.remove(0);
    }
    if let Some(last) = words.last_mut()
        && let Some((_, shown)) = TYPES.iter().find(|(other, _)| other == last)
    {
        *last = shown;
    }
    words.join(" ")
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
        ] {
            assert_eq!(written(script), Parameters::of_routine(server), "{script}");
        }
        assert_ne!(written("(a int)"), written("(a text)"));
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
