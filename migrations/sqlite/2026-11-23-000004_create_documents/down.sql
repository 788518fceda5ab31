-- Reverts create_documents.
DROP TABLE file_storage;
DROP TABLE document_chunks;
DROP TABLE documents;
