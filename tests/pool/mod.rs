//! `Database`.

mod limits;
mod log_size;
mod nested;
mod pragmas;
mod writes;
