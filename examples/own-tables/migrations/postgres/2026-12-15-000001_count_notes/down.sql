DROP INDEX own_users_by_full_name;
DROP VIEW note_counts;
