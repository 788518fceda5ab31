//! PostgreSQL as a server: connections, poolers, replicas.

mod acting_role;
mod disabled_triggers;
mod errors;
mod failover;
mod health;
mod health_changes;
mod health_expressions;
mod kills;
mod large_objects;
mod nothing_pending;
mod others_code;
mod overloads;
mod pool;
mod pooler;
mod read_only;
mod replica;
mod role_check;
mod roles;
mod roles_at_once;
mod roles_migrated;
mod roles_refused;
mod roles_script;
mod schemas;
mod several_hosts;
mod standby;
mod wrong_replica;
