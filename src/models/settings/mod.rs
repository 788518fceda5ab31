//! Settings of the installation and of each user, with types and validation rules.

mod rule;
mod system_setting;
mod user_preference;
mod value;

pub use rule::{BadRule, Number, ValidationRule};
pub use system_setting::{NewSystemSetting, SystemSetting};
pub use user_preference::UserPreference;
pub use value::{SettingText, SettingValue};
