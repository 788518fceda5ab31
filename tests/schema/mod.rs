//! What the database itself refuses and keeps.

mod audit_append_only;
mod audit_not_jammed;
mod backends_agree;
mod column_privacy;
mod column_types;
mod compile_fail;
mod constraint_names;
mod constraints;
mod constraints_together;
mod lints;
mod on_delete;
mod own_violations;
mod prelude;
mod right;
mod same_values;
mod times;
mod updated_at;
mod uuids;
