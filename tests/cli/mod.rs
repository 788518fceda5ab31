//! The command, run as a process.

mod administrator;
mod commands;
mod config;
mod ensure;
mod flags;
mod force;
mod on_a_server;
mod other_diesel;
mod output;
mod start_script;
