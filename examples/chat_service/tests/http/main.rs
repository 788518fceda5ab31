//! The service over HTTP. Each test has a database of its own: a file, or with the feature `postgres` a database on the
//! server that `ZENITH_TEST_POSTGRES` names.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod accounts;
mod bookmarks;
mod conversations;
mod documents;
mod operation;
mod service;
