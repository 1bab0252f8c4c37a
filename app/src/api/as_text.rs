//! A field that travels as one JSON text within the answer. The same value reaches a page in three ways (first response, server
//! function, event stream); read from text in each of them, its reader is compiled once and not three times, and is the small one of
//! `reader.rs`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let text = serde_json::to_string(value).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&text)
}

pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    crate::reader::read(&text).map_err(serde::de::Error::custom)
}
