//! Passes on where the library's `schema.rs` is, from which `rows.rs` makes the rows, and whether the
//! library speaks PostgreSQL: then this crate must, whoever asked for it.

use std::env;

fn main() {
    let schema = env::var("DEP_ZENITH_DB_SCHEMA").unwrap_or_default();
    println!("cargo::rerun-if-changed={schema}");
    println!("cargo::rustc-env=ZENITH_DB_SCHEMA={schema}");
    if env::var_os("DEP_ZENITH_DB_POSTGRES").is_some() {
        println!("cargo::rustc-cfg=feature=\"postgres\"");
    }
}
