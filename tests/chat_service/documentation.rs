//! docs/guide.md quotes the example.

use crate::support::snippets::assert_quoted;
use crate::support::{bare_zenith, repository, run, stdout};

#[test]
fn every_snippet_is_in_the_example() {
    assert_quoted(include_str!("../../docs/guide.md"), "examples/chat_service", 14);
}

#[test]
fn the_scripts_of_the_example_pass_the_lint() {
    let directory = tempfile::tempdir().expect("a directory");
    let scripts = repository().join("examples/chat_service/migrations");
    let output = run(bare_zenith(directory.path()).args(["migration", "lint"]).arg(scripts), 0);
    assert!(stdout(&output).contains("2 migrations, 0 findings"), "{}", stdout(&output));
}
