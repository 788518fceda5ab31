//! The command, run as a process.

mod administrator;
mod asked_late;
mod commands;
mod config;
mod delivery;
mod ensure;
#[cfg(unix)]
mod escapes;
mod flags;
mod force;
mod on_a_server;
mod other_diesel;
mod output;
mod password_input;
#[cfg(target_os = "linux")]
mod questions;
mod reset_password;
#[cfg(target_os = "linux")]
mod signals;
mod start_script;
