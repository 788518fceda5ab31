//! Documents that quote an example, which is compiled and run.

use std::fs;
use std::path::{Path, PathBuf};

use super::repository;

fn files_below(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let text = |path: PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![fs::read_to_string(path).expect("UTF-8")]
        }
    };
    paths.flat_map(text).collect()
}

/// Fails unless the document has `least` snippets that are not of a shell, and each is in a file of the example. `…`
/// stands for what is left out.
pub fn assert_quoted(document: &str, example: &str, least: usize) {
    let sources = files_below(&repository().join(example));
    let mut snippets = 0;
    for block in document.split("\n```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').expect("a line");
        if language == "sh" || language == "text" {
            continue;
        }
        for part in code.split('…').map(str::trim).filter(|part| !part.is_empty()) {
            assert!(sources.iter().any(|text| text.contains(part)), "not in the example:\n{part}");
        }
        snippets += 1;
    }
    assert!(snippets >= least, "{snippets} snippets");
}
