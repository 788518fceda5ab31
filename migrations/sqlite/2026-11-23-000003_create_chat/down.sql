-- Reverts create_chat.
DROP TABLE chat_history;
DROP TABLE chat_sessions;
