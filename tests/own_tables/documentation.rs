//! docs/own-tables.md quotes the example, which is compiled and run.

use crate::support::snippets::assert_quoted;

#[test]
fn every_snippet_is_in_the_example() {
    assert_quoted(include_str!("../../docs/own-tables.md"), "examples/own-tables", 7);
}
