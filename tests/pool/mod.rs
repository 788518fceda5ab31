//! `Database`.

mod left_open;
mod limits;
mod log_size;
mod nested;
mod pragmas;
mod writes;
