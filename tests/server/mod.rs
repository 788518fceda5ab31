//! PostgreSQL as a server: connections, poolers, replicas.

mod errors;
mod failover;
mod health;
mod health_changes;
mod health_expressions;
mod kills;
mod others_code;
mod pool;
mod pooler;
mod replica;
mod role_check;
mod roles;
mod roles_migrated;
mod roles_script;
mod schemas;
mod several_hosts;
mod standby;
mod wrong_replica;
