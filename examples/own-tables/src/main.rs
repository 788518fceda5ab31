//! The command of the application: that of zenith-db, which knows the application's migrations too.

fn main() -> std::process::ExitCode {
    zenith_db_cli::run_with(notebook::MIGRATIONS)
}
