-- Reverts create_audit_and_security.
DROP TABLE security_events;
DROP TABLE audit_log;
