-- Reverts create_notifications.
DROP TABLE notifications;
