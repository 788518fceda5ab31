//! Operation of the application: notifications, health, backups, metrics and the history of the
//! schema.

mod backup_job;
mod metric;
mod notification;
mod schema_version;
mod system_health;

pub use backup_job::{BackupJob, BackupResult, NewBackupJob};
pub use metric::{MetricBucket, NewSystemMetric, SystemMetric};
pub use notification::{NewNotification, Notification};
pub use schema_version::{NewSchemaVersion, SchemaVersion};
pub use system_health::{HealthObservation, RecordedHealth, SystemHealth};
