//! The tables with the types by which columns are stored, for tests of what is there rather than of what it means.

include!("../../src/schema.rs");
