//! Versions of the library that a migration of an application requires, as comments of its `up.sql`:
//!
//! ```sql
//! -- requires: 2026-11-23-000002 the table users
//! ```

use super::statement::line_comments;
use crate::backend::Backend;

/// Word that begins the declaration of a requirement.
pub const REQUIRES: &str = "requires:";

/// Returns the versions that a script requires, each with the line of its comment from 1, and without hyphens. A
/// text after the version is for people. The version is empty if the comment names none.
#[must_use]
pub fn requirements(script: &str, backend: Backend) -> Vec<(usize, String)> {
    let of_comment = |(line, comment): (usize, &str)| {
        let comment = comment.strip_prefix("--").unwrap_or(comment).trim();
        let version = comment.strip_prefix(REQUIRES)?.split_whitespace().next().unwrap_or_default();
        Some((line, version.replace('-', "")))
    };
    line_comments(script, backend).into_iter().filter_map(of_comment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_a_comment_on_a_line_of_its_own() {
        let script = "-- requires: 2026-11-23-000002 the users\nSELECT 1; -- requires: 1\n\
            --requires: 20261123000003\n-- requires:\n/*\n-- requires: 4\n*/";
        for backend in Backend::ALL {
            let expected = [(1, "20261123000002"), (3, "20261123000003"), (4, "")];
            let expected = expected.map(|(line, version)| (line, version.to_owned()));
            assert_eq!(requirements(script, backend), expected);
        }
    }
}
