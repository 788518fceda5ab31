// @generated automatically by Diesel CLI.

diesel::table! {
    bookmarks (id) {
        id -> BigInt,
        user_id -> BigInt,
        message_id -> BigInt,
        note -> Text,
        created_at -> Timestamp,
    }
}
