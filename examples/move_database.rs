//! Moves the rows of one database to another that has been migrated and is empty, and shows the
//! proof:
//!
//! ```sh
//! cargo run --release --features postgres --example move_database -- old.db postgres://host/new
//! ```
//!
//! A third argument, `resume`, goes on with what was stopped.

use std::process::ExitCode;

use diesel::prelude::*;
use zenith_db::DbConnection;
use zenith_db::manager::{TransferOptions, transfer_between};

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (source, target, resume) = match arguments {
        [source, target] => (source, target, false),
        [source, target, resume] if resume == "resume" => (source, target, true),
        _ => anyhow::bail!("give the source, the target and perhaps `resume`"),
    };
    let options = TransferOptions { resume, ..TransferOptions::default() };
    let (mut source, mut target) = (connect(source)?, connect(target)?);
    let report = transfer_between(&mut source, &mut target, &options, &mut |_| ())?;
    for table in &report.tables {
        println!("{:20} {}", table.table, table.target);
    }
    println!("{} rows in {} ms", report.rows, report.milliseconds);
    Ok(())
}

fn connect(address: &str) -> anyhow::Result<DbConnection> {
    #[cfg(feature = "postgres")]
    if address.starts_with("postgres://") {
        return Ok(DbConnection::Postgres(PgConnection::establish(address)?));
    }
    Ok(DbConnection::Sqlite(SqliteConnection::establish(address)?))
}
