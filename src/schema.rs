// @generated automatically by Diesel CLI.

diesel::table! {
    api_keys (id) {
        id -> BigInt,
        key_id -> Text,
        user_id -> BigInt,
        name -> Text,
        key_hash -> Text,
        key_prefix -> Text,
        scopes -> Text,
        last_used_at -> Nullable<Timestamp>,
        usage_count -> BigInt,
        is_active -> Bool,
        expires_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        created_by -> Nullable<BigInt>,
        revoked_at -> Nullable<Timestamp>,
        revoked_by -> Nullable<BigInt>,
        metadata -> Text,
    }
}

diesel::table! {
    audit_log (id) {
        id -> BigInt,
        seq -> BigInt,
        event_id -> Text,
        user_id -> Nullable<BigInt>,
        actor_name -> Nullable<Text>,
        session_id -> Nullable<Text>,
        event_type -> Text,
        event_category -> Text,
        resource_type -> Nullable<Text>,
        resource_id -> Nullable<Text>,
        action -> Text,
        description -> Nullable<Text>,
        ip_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        timestamp -> Timestamp,
        severity -> Text,
        success -> Bool,
        error_message -> Nullable<Text>,
        request_data -> Nullable<Text>,
        response_data -> Nullable<Text>,
        metadata -> Text,
        prev_hash -> Text,
        entry_hash -> Text,
    }
}

diesel::table! {
    backup_jobs (id) {
        id -> BigInt,
        job_id -> Text,
        backup_type -> Text,
        status -> Text,
        started_at -> Timestamp,
        completed_at -> Nullable<Timestamp>,
        backup_path -> Nullable<Text>,
        backup_size -> Nullable<BigInt>,
        compression_ratio -> Nullable<Double>,
        verification_status -> Nullable<Text>,
        error_message -> Nullable<Text>,
        triggered_by -> Nullable<Text>,
        retention_days -> Integer,
        metadata -> Text,
    }
}

diesel::table! {
    chat_history (id) {
        id -> BigInt,
        chat_session_id -> BigInt,
        user_id -> BigInt,
        message_id -> Text,
        parent_message_id -> Nullable<Text>,
        message_content -> Text,
        message_type -> Text,
        model_name -> Nullable<Text>,
        provider -> Nullable<Text>,
        timestamp -> Timestamp,
        token_count -> Nullable<Integer>,
        processing_time_ms -> Nullable<Integer>,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        deleted_by -> Nullable<BigInt>,
        is_edited -> Bool,
        edit_count -> Integer,
        last_edited_at -> Nullable<Timestamp>,
        feedback_rating -> Nullable<Integer>,
        feedback_comment -> Nullable<Text>,
        source_documents -> Nullable<Text>,
        retrieval_context -> Nullable<Text>,
        metadata -> Text,
    }
}

diesel::table! {
    chat_sessions (id) {
        id -> BigInt,
        session_id -> Text,
        user_id -> BigInt,
        title -> Nullable<Text>,
        description -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        last_message_at -> Nullable<Timestamp>,
        is_archived -> Bool,
        is_shared -> Bool,
        share_token -> Nullable<Text>,
        share_expires_at -> Nullable<Timestamp>,
        message_count -> BigInt,
        total_tokens -> BigInt,
        metadata -> Text,
    }
}

diesel::table! {
    document_chunks (id) {
        id -> BigInt,
        chunk_id -> Text,
        document_id -> BigInt,
        chunk_index -> Integer,
        content -> Text,
        content_hash -> Text,
        token_count -> Integer,
        page_number -> Nullable<Integer>,
        section_title -> Nullable<Text>,
        chunk_type -> Text,
        vector_id -> Nullable<Text>,
        embedding_model -> Nullable<Text>,
        created_at -> Timestamp,
        metadata -> Text,
    }
}

diesel::table! {
    documents (id) {
        id -> BigInt,
        document_id -> Text,
        user_id -> BigInt,
        filename -> Text,
        original_filename -> Text,
        file_path -> Text,
        file_size -> BigInt,
        file_hash -> Text,
        mime_type -> Text,
        upload_status -> Text,
        processing_status -> Text,
        chunk_count -> Integer,
        total_tokens -> BigInt,
        upload_started_at -> Timestamp,
        upload_completed_at -> Nullable<Timestamp>,
        processing_started_at -> Nullable<Timestamp>,
        processing_completed_at -> Nullable<Timestamp>,
        last_accessed_at -> Nullable<Timestamp>,
        access_count -> BigInt,
        is_public -> Bool,
        is_archived -> Bool,
        tags -> Text,
        metadata -> Text,
        error_message -> Nullable<Text>,
    }
}

diesel::table! {
    file_storage (id) {
        id -> BigInt,
        file_id -> Text,
        document_id -> Nullable<BigInt>,
        storage_type -> Text,
        storage_path -> Text,
        original_filename -> Text,
        file_size -> BigInt,
        mime_type -> Text,
        file_hash -> Text,
        encryption_status -> Text,
        compression_type -> Text,
        access_permissions -> Text,
        retention_policy -> Nullable<Text>,
        created_at -> Timestamp,
        accessed_at -> Timestamp,
        access_count -> BigInt,
        is_archived -> Bool,
        archived_at -> Nullable<Timestamp>,
        metadata -> Text,
    }
}

diesel::table! {
    notifications (id) {
        id -> BigInt,
        notification_id -> Text,
        user_id -> BigInt,
        title -> Text,
        message -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        category -> Text,
        priority -> Integer,
        is_read -> Bool,
        read_at -> Nullable<Timestamp>,
        action_url -> Nullable<Text>,
        action_label -> Nullable<Text>,
        expires_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        metadata -> Text,
    }
}

diesel::table! {
    password_history (id) {
        id -> BigInt,
        user_id -> BigInt,
        password_hash -> Text,
        password_algorithm -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    permissions (id) {
        id -> BigInt,
        name -> Text,
        display_name -> Nullable<Text>,
        description -> Nullable<Text>,
        resource -> Text,
        action -> Text,
        is_system_permission -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    role_permissions (id) {
        id -> BigInt,
        role_id -> BigInt,
        permission_id -> BigInt,
        granted_at -> Timestamp,
        granted_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    roles (id) {
        id -> BigInt,
        name -> Text,
        display_name -> Nullable<Text>,
        description -> Nullable<Text>,
        is_system_role -> Bool,
        is_superuser -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        created_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    schema_version (id) {
        id -> BigInt,
        version -> BigInt,
        applied_at -> Timestamp,
        description -> Nullable<Text>,
        checksum -> Nullable<Text>,
        owner -> Text,
    }
}

diesel::table! {
    security_events (id) {
        id -> BigInt,
        event_id -> Text,
        user_id -> Nullable<BigInt>,
        event_type -> Text,
        event_subtype -> Nullable<Text>,
        severity -> Text,
        source_ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        timestamp -> Timestamp,
        details -> Nullable<Text>,
        resolved -> Bool,
        resolved_at -> Nullable<Timestamp>,
        resolved_by -> Nullable<BigInt>,
        investigation_notes -> Nullable<Text>,
    }
}

diesel::table! {
    system_health (id) {
        id -> BigInt,
        component -> Text,
        status -> Text,
        last_check -> Timestamp,
        next_check -> Nullable<Timestamp>,
        check_interval_seconds -> Integer,
        metrics -> Text,
        error_details -> Nullable<Text>,
        consecutive_failures -> Integer,
        max_failures -> Integer,
        alert_sent -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    system_metrics (id) {
        id -> BigInt,
        metric_name -> Text,
        metric_value -> Double,
        metric_unit -> Nullable<Text>,
        metric_type -> Text,
        component -> Nullable<Text>,
        timestamp -> Timestamp,
        tags -> Text,
        metadata -> Text,
    }
}

diesel::table! {
    system_settings (id) {
        id -> BigInt,
        key -> Text,
        value -> Nullable<Text>,
        value_type -> Text,
        description -> Nullable<Text>,
        is_secret -> Bool,
        is_readonly -> Bool,
        is_user_settable -> Bool,
        validation_rule -> Nullable<Text>,
        category -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        updated_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    user_preferences (id) {
        id -> BigInt,
        user_id -> BigInt,
        key -> Text,
        value -> Nullable<Text>,
        value_type -> Text,
        category -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    user_sessions (id) {
        id -> BigInt,
        session_id -> Text,
        user_id -> BigInt,
        token_hash -> Text,
        ip_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamp,
        last_activity -> Timestamp,
        idle_expires_at -> Timestamp,
        expires_at -> Timestamp,
        is_active -> Bool,
        revoked_at -> Nullable<Timestamp>,
        device_fingerprint -> Nullable<Text>,
        location_info -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        uuid -> Text,
        username -> Text,
        email -> Text,
        password_hash -> Text,
        password_algorithm -> Text,
        role_id -> BigInt,
        full_name -> Nullable<Text>,
        display_name -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        timezone -> Text,
        locale -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        last_login -> Nullable<Timestamp>,
        last_password_change -> Timestamp,
        password_expires_at -> Nullable<Timestamp>,
        is_active -> Bool,
        is_verified -> Bool,
        email_verified_at -> Nullable<Timestamp>,
        failed_login_attempts -> Integer,
        locked_until -> Nullable<Timestamp>,
        must_change_password -> Bool,
        two_factor_enabled -> Bool,
        two_factor_secret -> Nullable<Text>,
        backup_codes -> Nullable<Text>,
        login_notification_enabled -> Bool,
        session_timeout_minutes -> Integer,
        created_by -> Nullable<BigInt>,
        updated_by -> Nullable<BigInt>,
        metadata -> Text,
    }
}

diesel::joinable!(audit_log -> users (user_id));
diesel::joinable!(chat_history -> chat_sessions (chat_session_id));
diesel::joinable!(chat_sessions -> users (user_id));
diesel::joinable!(document_chunks -> documents (document_id));
diesel::joinable!(documents -> users (user_id));
diesel::joinable!(file_storage -> documents (document_id));
diesel::joinable!(notifications -> users (user_id));
diesel::joinable!(password_history -> users (user_id));
diesel::joinable!(role_permissions -> permissions (permission_id));
diesel::joinable!(role_permissions -> roles (role_id));
diesel::joinable!(role_permissions -> users (granted_by));
diesel::joinable!(system_settings -> users (updated_by));
diesel::joinable!(user_preferences -> users (user_id));
diesel::joinable!(user_sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    audit_log,
    backup_jobs,
    chat_history,
    chat_sessions,
    document_chunks,
    documents,
    file_storage,
    notifications,
    password_history,
    permissions,
    role_permissions,
    roles,
    schema_version,
    security_events,
    system_health,
    system_metrics,
    system_settings,
    user_preferences,
    user_sessions,
    users,
);
