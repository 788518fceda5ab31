//! `Database`.

mod limits;
mod pragmas;
mod writes;
