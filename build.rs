//! Embeds the migrations, and tells dependants where `schema.rs` is: `crates/transfer` makes its rows
//! from it.

use std::env;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::metadata=schema={}", manifest.join("src/schema.rs").display());
    if env::var_os("CARGO_FEATURE_POSTGRES").is_some() {
        println!("cargo::metadata=postgres=1");
    }
    zenith_db_embed::write("migrations")
}
