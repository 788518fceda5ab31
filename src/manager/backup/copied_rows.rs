//! The rows in the script of an archive: what `pg_restore --data-only` prints.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

/// Counts the rows of each `COPY` in a script: one line each, between the statement and `\.`. Those of one name are added
/// up: `pg_dump` writes each partition by hash of an enum as rows of the partitioned table.
pub(super) fn count_rows(mut script: impl BufRead) -> io::Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    let mut line = Vec::new();
    while next_line(&mut script, &mut line)? {
        if !line.starts_with(b"COPY ") {
            continue;
        }
        // A name may contain a line feed.
        let mut statement = line.clone();
        while !is_whole(&statement) && next_line(&mut script, &mut line)? {
            statement.extend_from_slice(&line);
        }
        let table = table_of(&statement).ok_or_else(|| invalid("a COPY without a table"))?;
        let mut rows = 0;
        loop {
            if !next_line(&mut script, &mut line)? {
                return Err(invalid("a COPY without an end"));
            }
            if line == b"\\.\n" {
                break;
            }
            rows += 1;
        }
        *found.entry(table).or_default() += rows;
    }
    Ok(found)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("pg_restore has printed {what}"))
}

/// Reads a line with its line feed. Returns whether there is one.
fn next_line(script: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(script.read_until(b'\n', line)? > 0)
}

/// Whether every quoted name has ended; a double quote in a name is doubled.
fn is_whole(statement: &[u8]) -> bool {
    statement.iter().fold(true, |whole, byte| whole != (*byte == b'"'))
}

/// Returns the table's name in `COPY schema.table (columns) FROM stdin;`.
fn table_of(statement: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(statement.strip_prefix(b"COPY ")?);
    let (_schema, rest) = identifier(&text)?;
    Some(identifier(rest.strip_prefix('.')?)?.0)
}

/// Returns the name that a text begins with, without its quotes, and the rest of the text.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', ' '])?;
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        name += part;
        let Some(more) = after.strip_prefix('"') else { return Some((name, after)) };
        name.push('"');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_script_are_the_lines_between_copy_and_its_end() {
        let script = "--\nCOPY public.users (id, name) FROM stdin;\n1\tCOPY x (y\n2\t\\N\n\\.\n\n\
            COPY \"my schema\".\"roles\" (id) FROM stdin;\n\\.\nSELECT 1;\n\
            COPY other.users (id) FROM stdin;\n3\n\\.\n";
        let found = count_rows(script.as_bytes()).expect("a script");
        assert_eq!(found, BTreeMap::from([("users".into(), 3), ("roles".into(), 0)]));
    }

    #[test]
    fn names_are_read_as_pg_dump_quotes_them() {
        for (written, name) in [
            ("public.bare  FROM stdin;", "bare"),
            ("public.\"we\"\"ird.(x\" (id) FROM stdin;", "we\"ird.(x"),
            ("\"a.\"\"b (\".\"Ünïcode Table\" (\"c (d\") FROM stdin;", "Ünïcode Table"),
            ("public.\"\"\"\" (id) FROM stdin;", "\""),
            ("public.\"two\nlines\" (\"a\nb\") FROM stdin;", "two\nlines"),
        ] {
            let script = format!("COPY {written}\n\n\n\\.\n");
            let found = count_rows(script.as_bytes()).expect(written);
            assert_eq!(found, BTreeMap::from([(name.to_owned(), 2)]), "{written}");
        }
    }

    #[test]
    fn a_script_that_ends_early_is_an_error() {
        for script in ["COPY public.a (id) FROM stdin;\n1\n", "COPY public.\"a", "COPY a\n\\.\n"] {
            assert!(count_rows(script.as_bytes()).is_err(), "{script}");
        }
    }
}
