//! `Database`.

mod limits;
mod log_size;
mod pragmas;
mod writes;
