//! Every test, in one program, so that it is linked once: one file per promise, and each test has a
//! database of its own.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and what the tests share is public to them"
)]

mod support;

mod architecture;
mod backup;
mod chat_service;
mod cli;
mod config;
mod connection;
mod crash;
mod import;
mod manager;
mod migrations;
mod models;
mod own_tables;
mod pool;
mod schema;
mod server;
mod testing;
mod transfer;
