mod backups_and_metrics;
mod health;
mod metric_series;
mod notifications;
