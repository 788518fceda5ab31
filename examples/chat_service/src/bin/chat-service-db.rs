//! The command for the database: that of zenith-db, which knows the application's migrations too.

fn main() -> std::process::ExitCode {
    zenith_db_cli::run_with(chat_service::MIGRATIONS)
}
