//! Settings of the installation and of each user, with types and validation rules.

mod declared;
mod rule;
mod seeded;
mod setting_values;
mod system_setting;
mod user_preference;
mod value;

pub use declared::{Preference, SecretSetting, Setting};
pub use rule::{BadRule, Number, ValidationRule};
pub use system_setting::{NewSystemSetting, SystemSetting};
pub use user_preference::UserPreference;
pub use value::{SettingText, SettingValue};

pub(crate) mod internal {
    pub use super::seeded::{SeededSetting, seeded_settings};
}
