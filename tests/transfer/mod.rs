//! Moving a database to another.

mod command;
mod killed;
mod own_migrations;
mod resumed;
mod there_and_back;
