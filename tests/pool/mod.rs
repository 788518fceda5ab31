//! `Database`.

mod asynchronous;
mod checkpoints;
mod closing;
mod left_open;
mod limits;
mod log_size;
mod metrics;
mod nested;
mod opening;
mod pragmas;
mod readiness;
mod retries;
mod shared_commit;
mod shared_rollback;
mod together;
mod writes;
