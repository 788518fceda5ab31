//! JSON as serde gives it: the text as it stands where that is known, otherwise its value.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Text of a JSON value.
pub(super) struct JsonInput(pub(super) String);

/// Name by which `serde_json` gives the text. Under any other name it would give the value, whose numbers may have lost
/// digits; a test would fail then.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl<'de> Deserialize<'de> for JsonInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `RawValue` cannot be read where serde has read the JSON before, for `flatten` and for enums with a tag inside
        // or none: there is no text any more.
        deserializer.deserialize_newtype_struct(RAW_VALUE, TextOrValue)
    }
}

struct TextOrValue;

impl<'de> Visitor<'de> for TextOrValue {
    type Value = JsonInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonInput, A::Error> {
        let raw = Box::<RawValue>::deserialize(MapAccessDeserializer::new(map))?;
        Ok(JsonInput(String::from(Box::<str>::from(raw))))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<JsonInput, D::Error> {
        let value = Value::deserialize(inner)?;
        serde_json::to_string(&value).map(JsonInput).map_err(de::Error::custom)
    }
}
