//! Adoption of databases of the former application.

mod adoption;
mod command;
mod credentials;
mod hostile;
#[cfg(target_os = "linux")]
mod hostile_schemas;
mod killed;
mod own_migrations;
mod private;
mod unknown_tables;
mod uuids;
