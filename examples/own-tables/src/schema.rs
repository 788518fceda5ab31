// @generated automatically by Diesel CLI.

diesel::table! {
    notes (id) {
        id -> BigInt,
        user_id -> BigInt,
        text -> Text,
        written_at -> Timestamp,
    }
}
