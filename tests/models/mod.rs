//! The models and their queries.

mod access;
mod audit;
mod bulk;
mod chat;
mod concurrency;
mod cursors;
mod documents;
mod identity;
mod json;
mod lints;
mod operations;
mod pages;
mod pages_meanwhile;
mod public_views;
mod settings;
mod transactions;
