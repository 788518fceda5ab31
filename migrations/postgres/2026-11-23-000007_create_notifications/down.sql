-- Undoes create_notifications.
DROP TABLE notifications;
