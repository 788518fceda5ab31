//! Adoption of databases of the former application.

mod adoption;
mod command;
mod hostile;
mod killed;
mod own_migrations;
mod private;
mod unknown_tables;
mod uuids;
