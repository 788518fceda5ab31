-- The number of notes of each user, and an index by which the page of a user's notes is found.
CREATE VIEW note_counts AS
    SELECT users.username, count(notes.id) AS notes FROM users LEFT JOIN notes ON notes.user_id = users.id
    GROUP BY users.id, users.username;
CREATE INDEX own_users_by_full_name ON users (full_name);
