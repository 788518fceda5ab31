-- Reverts create_settings.
DROP TABLE user_preferences;
DROP TABLE system_settings;
