//! Embeds the migrations' text: Diesel's own macro keeps it to itself, and the checksums need it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let directory = manifest.join("migrations/sqlite");
    println!("cargo:rerun-if-changed={}", directory.display());
    fs::write(out.join("sqlite_migrations.rs"), embed(&directory)?)
}

/// The directory as a Rust slice expression, oldest migration first.
fn embed(directory: &Path) -> io::Result<String> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    let mut source = String::from("&[\n");
    for path in paths.iter().filter(|path| path.is_dir()) {
        println!("cargo:rerun-if-changed={}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (up, down) = (path.join("up.sql"), path.join("down.sql"));
        let _ = writeln!(
            source,
            "    EmbeddedMigration::new({name:?}, include_str!({:?}), include_str!({:?})),",
            up.to_string_lossy(),
            down.to_string_lossy(),
        );
    }
    source.push_str("]\n");
    Ok(source)
}
