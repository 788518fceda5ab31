//! Snapshots of a directory, by which a test sees whether a command touched anything.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// File, directory or other entry, without following links.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    metadata: String,
    /// Time of modification. That of a directory shows whether an entry was created in it and
    /// removed again.
    modified: SystemTime,
    /// Bytes of a regular file, or target of a symbolic link.
    contents: Vec<u8>,
}

/// Returns everything in a directory, at any depth, and the directory itself.
pub fn snapshot(directory: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    look(directory, &mut entries);
    entries
}

fn look(path: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let metadata = fs::symlink_metadata(path).expect("metadata");
    // A pipe would wait for a writer.
    let contents = if metadata.is_file() {
        fs::read(path).expect("a file")
    } else if metadata.is_symlink() {
        let target = fs::read_link(path).expect("a link");
        target.into_os_string().into_encoded_bytes()
    } else {
        Vec::new()
    };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a directory") {
            look(&entry.expect("an entry").path(), entries);
        }
    }
    let modified = metadata.modified().expect("a time");
    let metadata = format!("{:?} {:?}", metadata.file_type(), metadata.permissions());
    entries.insert(path.to_owned(), Entry { metadata, modified, contents });
}

/// Returns the paths at which two snapshots differ.
pub fn differences(
    before: &BTreeMap<PathBuf, Entry>,
    after: &BTreeMap<PathBuf, Entry>,
) -> Vec<PathBuf> {
    let paths = before.keys().chain(after.keys());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    paths.sort();
    paths.dedup();
    paths
}
