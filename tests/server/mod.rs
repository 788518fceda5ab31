//! PostgreSQL as a server: connections, poolers, replicas.

mod errors;
mod pool;
mod pooler;
mod replica;
