-- Reverts create_access_and_identity.
-- Roles and users reference each other.
ALTER TABLE roles DROP CONSTRAINT roles_created_by_fkey;
DROP TABLE api_keys;
DROP TABLE password_history;
DROP TABLE user_sessions;
DROP TABLE role_permissions;
DROP TABLE permissions;
DROP TABLE users;
DROP TABLE roles;
DROP FUNCTION keep_updated_at();
