//! Embeds the migrations, and gives the columns of `src/schema.rs` the types of what they hold.

use zenith_db_embed::ColumnType;

fn main() -> std::io::Result<()> {
    zenith_db_embed::write("migrations")?;
    zenith_db_embed::write_schema(
        "src/schema.rs",
        &[
            ColumnType { holds: "crate::NoteId", stored: "BigInt", columns: &["notes.id"] },
            ColumnType {
                holds: "zenith_db::types::UserId",
                stored: "BigInt",
                columns: &["*.user_id"],
            },
            ColumnType { holds: "zenith_db::types::UtcTime", stored: "Timestamp", columns: &["*"] },
        ],
    )
}
