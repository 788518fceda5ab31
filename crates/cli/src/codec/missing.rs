//! Features that this build lacks.

/// Says that a feature is missing.
pub(super) fn missing(feature: &str) -> String {
    format!(
        "this zenith-db was built without the feature `{feature}`; \
         `cargo install --path crates/cli --features {feature}` builds one that has it"
    )
}
