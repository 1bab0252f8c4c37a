//! Reads the console's answers with little code. serde makes a reader of its own for each type, and `serde_json`'s part of it, with
//! its errors that tell line and reason, was a quarter of the wasm. Nobody reads those errors in a browser: here an answer is
//! either understood or not.
//!
//! What it understands is what `serde_json` writes; a struct is always an object.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde_json::Value;
use std::fmt::Display;

/// The answer is not what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not what was expected")]
pub struct NotUnderstood;

impl Error for NotUnderstood {
    fn custom<T: Display>(_: T) -> Self {
        NotUnderstood
    }
    fn invalid_type(_: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        NotUnderstood
    }
    fn invalid_value(_: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        NotUnderstood
    }
    fn invalid_length(_: usize, _: &dyn serde::de::Expected) -> Self {
        NotUnderstood
    }
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        NotUnderstood
    }
    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        NotUnderstood
    }
    fn missing_field(_: &'static str) -> Self {
        NotUnderstood
    }
    fn duplicate_field(_: &'static str) -> Self {
        NotUnderstood
    }
}

/// Reads JSON.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, NotUnderstood> {
    read_value(&parse(text)?)
}

/// Reads JSON that has been taken apart already.
pub fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, NotUnderstood> {
    T::deserialize(Reader::Value(value))
}

#[inline(never)]
fn parse(text: &str) -> Result<Value, NotUnderstood> {
    serde_json::from_str(text).map_err(|_| NotUnderstood)
}

/// A value, or the name of a field or variant. One type for both, so that there is one reader for each of our types.
#[derive(Clone, Copy)]
enum Reader<'de> {
    Value(&'de Value),
    Word(&'de str),
}

impl<'de> Reader<'de> {
    fn word(self) -> Result<&'de str, NotUnderstood> {
        match self {
            Reader::Word(word) => Ok(word),
            Reader::Value(Value::String(word)) => Ok(word),
            Reader::Value(_) => Err(NotUnderstood),
        }
    }

    fn items(self) -> Result<Items<'de>, NotUnderstood> {
        match self {
            Reader::Value(Value::Array(items)) => Ok(Items(items.iter())),
            _ => Err(NotUnderstood),
        }
    }

    fn fields(self) -> Result<Fields<'de>, NotUnderstood> {
        match self {
            Reader::Value(Value::Object(fields)) => Ok(Fields { rest: fields.iter(), value: None }),
            _ => Err(NotUnderstood),
        }
    }

    fn variant(self) -> Result<Variant<'de>, NotUnderstood> {
        if let Reader::Value(Value::Object(fields)) = self {
            let mut fields = fields.iter();
            return match (fields.next(), fields.next()) {
                (Some((name, value)), None) => Ok(Variant { name, value: Some(value) }),
                _ => Err(NotUnderstood),
            };
        }
        Ok(Variant { name: self.word()?, value: None })
    }

    fn unsigned(self) -> Result<u64, NotUnderstood> {
        if let Reader::Value(value) = self { value.as_u64().ok_or(NotUnderstood) } else { Err(NotUnderstood) }
    }

    fn signed(self) -> Result<i64, NotUnderstood> {
        if let Reader::Value(value) = self { value.as_i64().ok_or(NotUnderstood) } else { Err(NotUnderstood) }
    }

    fn float(self) -> Result<f64, NotUnderstood> {
        if let Reader::Value(value) = self { value.as_f64().ok_or(NotUnderstood) } else { Err(NotUnderstood) }
    }

    fn is_nothing(self) -> bool {
        matches!(self, Reader::Value(Value::Null))
    }
}

/// Methods that all read the same.
macro_rules! read_as {
    ($($method:ident)* => $visit:ident($read:ident)) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
            visitor.$visit(self.$read()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = NotUnderstood;

    read_as!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 => visit_u64(unsigned));
    read_as!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 => visit_i64(signed));
    read_as!(deserialize_f32 deserialize_f64 => visit_f64(float));
    read_as!(deserialize_char deserialize_str deserialize_string deserialize_identifier => visit_borrowed_str(word));
    read_as!(deserialize_bytes deserialize_byte_buf => visit_borrowed_str(word));

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        match self {
            Reader::Word(word) => visitor.visit_borrowed_str(word),
            Reader::Value(value) => match value {
                Value::Null => visitor.visit_unit(),
                Value::Bool(value) => visitor.visit_bool(*value),
                Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                    (Some(number), ..) => visitor.visit_u64(number),
                    (_, Some(number), _) => visitor.visit_i64(number),
                    (.., Some(number)) => visitor.visit_f64(number),
                    _ => Err(NotUnderstood),
                },
                Value::String(text) => visitor.visit_borrowed_str(text),
                Value::Array(_) => self.deserialize_seq(visitor),
                Value::Object(_) => self.deserialize_map(visitor),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        if let Reader::Value(Value::Bool(value)) = self { visitor.visit_bool(*value) } else { Err(NotUnderstood) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        if self.is_nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        if self.is_nothing() { visitor.visit_unit() } else { Err(NotUnderstood) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, NotUnderstood> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, NotUnderstood> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        let mut items = self.items()?;
        let read = visitor.visit_seq(&mut items)?;
        if items.0.len() == 0 { Ok(read) } else { Err(NotUnderstood) }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, NotUnderstood> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, NotUnderstood> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        visitor.visit_map(self.fields()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotUnderstood> {
        visitor.visit_map(self.fields()?)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, NotUnderstood> {
        visitor.visit_enum(self.variant()?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotUnderstood> {
        visitor.visit_unit()
    }
}

struct Items<'de>(std::slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = NotUnderstood;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, NotUnderstood> {
        self.0.next().map(|value| seed.deserialize(Reader::Value(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields<'de> {
    rest: serde_json::map::Iter<'de>,
    value: Option<&'de Value>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = NotUnderstood;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NotUnderstood> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Reader::Word(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, NotUnderstood> {
        seed.deserialize(Reader::Value(self.value.take().ok_or(NotUnderstood)?))
    }
}

struct Variant<'de> {
    name: &'de str,
    value: Option<&'de Value>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = NotUnderstood;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), NotUnderstood> {
        Ok((seed.deserialize(Reader::Word(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = NotUnderstood;

    fn unit_variant(self) -> Result<(), NotUnderstood> {
        if self.value.is_none_or(Value::is_null) { Ok(()) } else { Err(NotUnderstood) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, NotUnderstood> {
        seed.deserialize(Reader::Value(self.value.ok_or(NotUnderstood)?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, NotUnderstood> {
        Reader::Value(self.value.ok_or(NotUnderstood)?).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, NotUnderstood> {
        Reader::Value(self.value.ok_or(NotUnderstood)?).deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::{collections::BTreeMap, fmt::Debug};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Nothing,
        Number(u16),
        Pair(i64, f64),
        Fields { text: String, flag: bool },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Tagged {
        Empty,
        Full { shape: Option<Shape>, below: Option<Box<Tagged>> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        shapes: Vec<Shape>,
        tagged: Vec<Tagged>,
        by_name: BTreeMap<String, (u8, char)>,
        missing: Option<u32>,
        unit: (),
    }

    fn everything() -> Everything {
        let fields = || Shape::Fields { text: "a \"b\" 王".to_owned(), flag: true };
        Everything {
            shapes: vec![Shape::Nothing, Shape::Number(7), Shape::Pair(-3, 0.5), fields()],
            tagged: vec![Tagged::Empty, Tagged::Full { shape: Some(fields()), below: Some(Box::new(Tagged::Empty)) }],
            by_name: BTreeMap::from([("x".to_owned(), (1, 'y'))]),
            missing: None,
            unit: (),
        }
    }

    #[test]
    fn what_serde_json_writes_is_read_back() {
        let text = serde_json::to_string(&everything()).expect("JSON");
        assert_eq!(read(&text), Ok(everything()));
    }

    #[test]
    fn fields_that_nobody_knows_are_passed_over_and_an_option_may_be_missing() {
        let text = r#"{"shapes":[],"more":{"a":[1]},"tagged":[{"kind":"full","shape":null}],"by_name":{},"unit":null}"#;
        let read: Everything = read(text).expect("it is understood");
        assert_eq!((read.missing, read.tagged), (None, vec![Tagged::Full { shape: None, below: None }]));
    }

    #[test]
    fn what_serde_json_refuses_is_not_understood() {
        fn refused<T: DeserializeOwned + Debug + PartialEq>(text: &str) {
            assert!(serde_json::from_str::<T>(text).is_err(), "{text}");
            assert_eq!(read::<T>(text), Err(NotUnderstood), "{text}");
        }
        refused::<Everything>("{");
        refused::<Everything>("{}");
        refused::<Shape>(r#""unheard_of""#);
        refused::<Shape>(r#"{"number":70000}"#);
        refused::<Shape>(r#"{"number":-1}"#);
        refused::<Shape>(r#"{"pair":[1]}"#);
        refused::<Shape>(r#"{"pair":[1,2.0,3]}"#);
        refused::<Shape>(r#"{"number":1,"nothing":null}"#);
        refused::<Shape>(r#""number""#);
        refused::<Tagged>(r#"{"shape":null}"#);
        refused::<Vec<bool>>(r#"{"0":true}"#);
        refused::<(u8, char)>(r#"[1,"yy"]"#);
        refused::<Option<u8>>("true");
    }
}
