-- Reverts create_access_and_identity.
DROP TABLE api_keys;
DROP TABLE password_history;
DROP TABLE user_sessions;
DROP TABLE role_permissions;
DROP TABLE permissions;
DROP TABLE users;
DROP TABLE roles;
