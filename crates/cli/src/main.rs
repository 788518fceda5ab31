//! The command `zenith-db`.

use std::process::ExitCode;

fn main() -> ExitCode {
    zenith_db_cli::run()
}
