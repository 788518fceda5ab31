//! PostgreSQL as a server: connections, poolers, replicas.

mod errors;
mod kills;
mod pool;
mod pooler;
mod replica;
