-- Documents: uploaded files, their chunks for retrieval, and their storage.

-- Uploaded files and the state of their processing. The contents are stored outside the database, at
-- file_path.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    document_id TEXT NOT NULL
        CONSTRAINT documents_document_id_uuid CHECK (typeof(document_id) = 'text' AND document_id GLOB '????????-????-????-????-????????????'
            AND document_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(document_id, '-', '')) = 32 AND instr(document_id, char(0)) = 0),
    user_id BIGINT NOT NULL
        CONSTRAINT documents_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    filename TEXT NOT NULL
        CONSTRAINT documents_filename_length CHECK (length(filename) BETWEEN 1 AND 255 AND typeof(filename) <> 'blob' AND instr(filename, char(0)) = 0),
    original_filename TEXT NOT NULL
        CONSTRAINT documents_original_filename_length CHECK (length(original_filename) BETWEEN 1 AND 255 AND typeof(original_filename) <> 'blob' AND instr(original_filename, char(0)) = 0),
    file_path TEXT NOT NULL
        CONSTRAINT documents_file_path_length CHECK (length(file_path) BETWEEN 1 AND 500 AND typeof(file_path) <> 'blob' AND instr(file_path, char(0)) = 0),
    file_size BIGINT NOT NULL
        CONSTRAINT documents_file_size_count CHECK (typeof(file_size) = 'integer' AND file_size >= 0),
    file_hash TEXT NOT NULL
        CONSTRAINT documents_file_hash_sha256 CHECK (length(file_hash) = 64 AND file_hash NOT GLOB '*[^0-9a-f]*' AND typeof(file_hash) <> 'blob' AND instr(file_hash, char(0)) = 0),
    mime_type TEXT NOT NULL
        CONSTRAINT documents_mime_type_length CHECK (length(mime_type) BETWEEN 1 AND 100 AND typeof(mime_type) <> 'blob' AND instr(mime_type, char(0)) = 0),
    upload_status TEXT NOT NULL DEFAULT 'uploaded'
        CONSTRAINT documents_upload_status_known CHECK (upload_status IN ('uploading', 'uploaded', 'failed')),
    processing_status TEXT NOT NULL DEFAULT 'pending'
        CONSTRAINT documents_processing_status_known CHECK (processing_status IN ('pending', 'processing', 'completed', 'failed')),
    chunk_count INTEGER NOT NULL DEFAULT 0
        CONSTRAINT documents_chunk_count_count CHECK (typeof(chunk_count) = 'integer' AND chunk_count BETWEEN 0 AND 2147483647),
    total_tokens BIGINT NOT NULL DEFAULT 0
        CONSTRAINT documents_total_tokens_count CHECK (typeof(total_tokens) = 'integer' AND total_tokens >= 0),
    upload_started_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT documents_upload_started_at_utc CHECK (datetime(substr(upload_started_at, 1, 19)) IS substr(upload_started_at, 1, 19)
            AND substr(upload_started_at, 12, 2) < '24' AND typeof(upload_started_at) <> 'blob' AND instr(upload_started_at, char(0)) = 0
            AND substr(upload_started_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    upload_completed_at TIMESTAMP
        CONSTRAINT documents_upload_completed_at_utc CHECK (datetime(substr(upload_completed_at, 1, 19)) IS substr(upload_completed_at, 1, 19)
            AND substr(upload_completed_at, 12, 2) < '24' AND typeof(upload_completed_at) <> 'blob' AND instr(upload_completed_at, char(0)) = 0
            AND substr(upload_completed_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    processing_started_at TIMESTAMP
        CONSTRAINT documents_processing_started_at_utc CHECK (datetime(substr(processing_started_at, 1, 19)) IS substr(processing_started_at, 1, 19)
            AND substr(processing_started_at, 12, 2) < '24' AND typeof(processing_started_at) <> 'blob' AND instr(processing_started_at, char(0)) = 0
            AND substr(processing_started_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    processing_completed_at TIMESTAMP
        CONSTRAINT documents_processing_completed_at_utc CHECK (datetime(substr(processing_completed_at, 1, 19)) IS substr(processing_completed_at, 1, 19)
            AND substr(processing_completed_at, 12, 2) < '24' AND typeof(processing_completed_at) <> 'blob' AND instr(processing_completed_at, char(0)) = 0
            AND substr(processing_completed_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    last_accessed_at TIMESTAMP
        CONSTRAINT documents_last_accessed_at_utc CHECK (datetime(substr(last_accessed_at, 1, 19)) IS substr(last_accessed_at, 1, 19)
            AND substr(last_accessed_at, 12, 2) < '24' AND typeof(last_accessed_at) <> 'blob' AND instr(last_accessed_at, char(0)) = 0
            AND substr(last_accessed_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    access_count BIGINT NOT NULL DEFAULT 0
        CONSTRAINT documents_access_count_count CHECK (typeof(access_count) = 'integer' AND access_count >= 0),
    is_public BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT documents_is_public_flag CHECK (is_public IN (0, 1)),
    is_archived BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT documents_is_archived_flag CHECK (is_archived IN (0, 1)),
    tags TEXT NOT NULL DEFAULT '[]'
        CONSTRAINT documents_tags_json CHECK (typeof(tags) <> 'blob' AND json_valid(tags) AND instr(tags, char(0)) = 0 AND json_type(tags) = 'array'),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT documents_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0),
    error_message TEXT
        CONSTRAINT documents_error_message_text CHECK (typeof(error_message) <> 'blob' AND instr(error_message, char(0)) = 0),
    CONSTRAINT documents_upload_order CHECK (upload_completed_at >= upload_started_at),
    CONSTRAINT documents_processing_order CHECK (processing_completed_at >= processing_started_at)
);
CREATE UNIQUE INDEX idx_documents_document_id ON documents (document_id);
CREATE INDEX idx_documents_user_id ON documents (user_id, id);
CREATE INDEX idx_documents_file_hash ON documents (file_hash, user_id);
CREATE INDEX idx_documents_processing_status ON documents (processing_status, id);
CREATE INDEX idx_documents_upload_status ON documents (upload_status, id) WHERE upload_status <> 'uploaded';

-- Chunks of documents for retrieval, in the order of chunk_index. vector_id identifies the embedding in
-- the vector store.
CREATE TABLE document_chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    chunk_id TEXT NOT NULL
        CONSTRAINT document_chunks_chunk_id_uuid CHECK (typeof(chunk_id) = 'text' AND chunk_id GLOB '????????-????-????-????-????????????'
            AND chunk_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(chunk_id, '-', '')) = 32 AND instr(chunk_id, char(0)) = 0),
    document_id BIGINT NOT NULL
        CONSTRAINT document_chunks_document_id_fkey REFERENCES documents (id) ON DELETE CASCADE,
    chunk_index INTEGER NOT NULL
        CONSTRAINT document_chunks_chunk_index_count CHECK (typeof(chunk_index) = 'integer' AND chunk_index BETWEEN 0 AND 2147483647),
    content TEXT NOT NULL
        CONSTRAINT document_chunks_content_text CHECK (typeof(content) <> 'blob' AND instr(content, char(0)) = 0),
    content_hash TEXT NOT NULL
        CONSTRAINT document_chunks_content_hash_sha256 CHECK (length(content_hash) = 64 AND content_hash NOT GLOB '*[^0-9a-f]*' AND typeof(content_hash) <> 'blob' AND instr(content_hash, char(0)) = 0),
    token_count INTEGER NOT NULL
        CONSTRAINT document_chunks_token_count_count CHECK (typeof(token_count) = 'integer' AND token_count BETWEEN 0 AND 2147483647),
    page_number INTEGER
        CONSTRAINT document_chunks_page_number_count CHECK (page_number IS NULL OR (typeof(page_number) = 'integer' AND page_number BETWEEN 0 AND 2147483647)),
    section_title TEXT
        CONSTRAINT document_chunks_section_title_length CHECK (length(section_title) BETWEEN 0 AND 200 AND typeof(section_title) <> 'blob' AND instr(section_title, char(0)) = 0),
    chunk_type TEXT NOT NULL DEFAULT 'text'
        CONSTRAINT document_chunks_chunk_type_length CHECK (length(chunk_type) BETWEEN 1 AND 50 AND typeof(chunk_type) <> 'blob' AND instr(chunk_type, char(0)) = 0),
    vector_id TEXT
        CONSTRAINT document_chunks_vector_id_length CHECK (length(vector_id) BETWEEN 1 AND 100 AND typeof(vector_id) <> 'blob' AND instr(vector_id, char(0)) = 0),
    embedding_model TEXT
        CONSTRAINT document_chunks_embedding_model_length CHECK (length(embedding_model) BETWEEN 1 AND 100 AND typeof(embedding_model) <> 'blob' AND instr(embedding_model, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT document_chunks_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT document_chunks_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0)
);
CREATE UNIQUE INDEX idx_document_chunks_chunk_id ON document_chunks (chunk_id);
CREATE UNIQUE INDEX idx_document_chunks_document_id ON document_chunks (document_id, chunk_index);
CREATE INDEX idx_document_chunks_vector_id ON document_chunks (vector_id) WHERE vector_id IS NOT NULL;

-- Storage of the contents of files. A row whose document was deleted is an orphan: its contents can be
-- deleted.
CREATE TABLE file_storage (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    file_id TEXT NOT NULL
        CONSTRAINT file_storage_file_id_uuid CHECK (typeof(file_id) = 'text' AND file_id GLOB '????????-????-????-????-????????????'
            AND file_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(file_id, '-', '')) = 32 AND instr(file_id, char(0)) = 0),
    document_id BIGINT
        CONSTRAINT file_storage_document_id_fkey REFERENCES documents (id) ON DELETE SET NULL,
    storage_type TEXT NOT NULL DEFAULT 'local'
        CONSTRAINT file_storage_storage_type_length CHECK (length(storage_type) BETWEEN 1 AND 50 AND typeof(storage_type) <> 'blob' AND instr(storage_type, char(0)) = 0),
    storage_path TEXT NOT NULL
        CONSTRAINT file_storage_storage_path_length CHECK (length(storage_path) BETWEEN 1 AND 500 AND typeof(storage_path) <> 'blob' AND instr(storage_path, char(0)) = 0),
    original_filename TEXT NOT NULL
        CONSTRAINT file_storage_original_filename_length CHECK (length(original_filename) BETWEEN 1 AND 255 AND typeof(original_filename) <> 'blob' AND instr(original_filename, char(0)) = 0),
    file_size BIGINT NOT NULL
        CONSTRAINT file_storage_file_size_count CHECK (typeof(file_size) = 'integer' AND file_size >= 0),
    mime_type TEXT NOT NULL
        CONSTRAINT file_storage_mime_type_length CHECK (length(mime_type) BETWEEN 1 AND 100 AND typeof(mime_type) <> 'blob' AND instr(mime_type, char(0)) = 0),
    file_hash TEXT NOT NULL
        CONSTRAINT file_storage_file_hash_sha256 CHECK (length(file_hash) = 64 AND file_hash NOT GLOB '*[^0-9a-f]*' AND typeof(file_hash) <> 'blob' AND instr(file_hash, char(0)) = 0),
    encryption_status TEXT NOT NULL DEFAULT 'none'
        CONSTRAINT file_storage_encryption_status_known CHECK (encryption_status IN ('none', 'encrypted')),
    compression_type TEXT NOT NULL DEFAULT 'none'
        CONSTRAINT file_storage_compression_type_known CHECK (compression_type IN ('none', 'gzip', 'zstd')),
    access_permissions TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT file_storage_access_permissions_json CHECK (typeof(access_permissions) <> 'blob' AND json_valid(access_permissions) AND instr(access_permissions, char(0)) = 0),
    retention_policy TEXT
        CONSTRAINT file_storage_retention_policy_length CHECK (length(retention_policy) BETWEEN 1 AND 100 AND typeof(retention_policy) <> 'blob' AND instr(retention_policy, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT file_storage_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    accessed_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT file_storage_accessed_at_utc CHECK (datetime(substr(accessed_at, 1, 19)) IS substr(accessed_at, 1, 19)
            AND substr(accessed_at, 12, 2) < '24' AND typeof(accessed_at) <> 'blob' AND instr(accessed_at, char(0)) = 0
            AND substr(accessed_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    access_count BIGINT NOT NULL DEFAULT 0
        CONSTRAINT file_storage_access_count_count CHECK (typeof(access_count) = 'integer' AND access_count >= 0),
    is_archived BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT file_storage_is_archived_flag CHECK (is_archived IN (0, 1)),
    archived_at TIMESTAMP
        CONSTRAINT file_storage_archived_at_utc CHECK (datetime(substr(archived_at, 1, 19)) IS substr(archived_at, 1, 19)
            AND substr(archived_at, 12, 2) < '24' AND typeof(archived_at) <> 'blob' AND instr(archived_at, char(0)) = 0
            AND substr(archived_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT file_storage_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0),
    CONSTRAINT file_storage_archive_order CHECK (archived_at >= created_at)
);
CREATE UNIQUE INDEX idx_file_storage_file_id ON file_storage (file_id);
CREATE INDEX idx_file_storage_document_id ON file_storage (document_id);
CREATE INDEX idx_file_storage_file_hash ON file_storage (file_hash);
CREATE INDEX idx_file_storage_storage_type ON file_storage (storage_type, accessed_at);
