//! Moving a database to another.

mod command;
mod killed;
mod resumed;
mod there_and_back;
