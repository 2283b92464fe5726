//! Parameters of the Query protocols: `Filter.1.Value.2=x` as a tree that serde reads.
//!
//! Everything is text at the wire; numbers and booleans come out of it when a field asks for them. A level whose names
//! are numbers is a list, and `member` between a list and its numbers (AWS Query) says nothing.

use std::collections::BTreeMap;

use serde::{
    Deserializer,
    de::{
        Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer, StringDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

/// A value or named values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    Text(String),
    Fields(BTreeMap<String, Form>),
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut form = Self::Fields(BTreeMap::new());
        for pair in text.split('&').filter(|it| !it.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            form.put(&decoded(name), decoded(value));
        }
        form
    }

    /// The text of a field at the top.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self {
            Self::Fields(fields) => match fields.get(name) {
                Some(Self::Text(text)) => Some(text),
                _ => None,
            },
            Self::Text(_) => None,
        }
    }

    /// As JSON, in which every value is a text.
    pub(crate) fn into_value(self) -> Value {
        let fields = match self {
            Self::Text(text) => return text.into(),
            Self::Fields(fields) => fields,
        };
        if !fields.is_empty() && fields.keys().all(|it| it.parse::<u32>().is_ok()) {
            let all = Self::Fields(fields).elements().unwrap_or_default();
            return all.into_iter().map(Self::into_value).collect();
        }
        fields.into_iter().map(|(name, it)| (name, it.into_value())).collect()
    }

    /// Whether a field, at any depth, says this.
    pub(crate) fn mentions(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => text == value,
            Self::Fields(fields) => fields.values().any(|it| it.mentions(value)),
        }
    }

    /// Without some fields at the top.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        if let Self::Fields(fields) = &mut self {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
        self
    }

    /// With a field at the top under another name.
    pub(crate) fn renaming(mut self, from: &str, to: &str) -> Self {
        if let Self::Fields(fields) = &mut self
            && let Some(field) = fields.remove(from)
        {
            fields.insert(to.to_owned(), field);
        }
        self
    }

    fn put(&mut self, path: &str, value: String) {
        let mut at = self;
        for step in path.split('.').filter(|it| *it != "member") {
            if let Self::Text(_) = at {
                *at = Self::Fields(BTreeMap::new());
            }
            let Self::Fields(fields) = at else { return };
            at = fields.entry(step.to_owned()).or_insert_with(|| Self::Text(String::new()));
        }
        *at = Self::Text(value);
    }

    /// The elements of a list, in the order of their numbers. An empty text is an empty list.
    fn elements(self) -> Result<Vec<Self>, Error> {
        let fields = match self {
            Self::Fields(fields) => fields,
            Self::Text(text) if text.is_empty() => return Ok(Vec::new()),
            Self::Text(text) => {
                return Err(Error::custom(format_args!("`{text}` where a list is expected")));
            }
        };
        let mut numbered = Vec::new();
        for (name, value) in fields {
            let number: u32 = name
                .parse()
                .map_err(|_| Error::custom(format_args!("`{name}` where a number is expected")))?;
            numbered.push((number, value));
        }
        numbered.sort_by_key(|(number, _)| *number);
        Ok(numbered.into_iter().map(|(_, value)| value).collect())
    }
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self {
                Form::Text(text) => match text.parse::<$kind>() {
                    Ok(number) => visitor.$visit(number),
                    Err(_) => Err(Error::custom(format_args!("`{text}` is not a number"))),
                },
                Form::Fields(_) => Err(Error::custom("several values where a number is expected")),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Form {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            Self::Fields(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
        }
    }

    numbers!(
        deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self {
            Self::Text(text) if text == "true" => visitor.visit_bool(true),
            Self::Text(text) if text == "false" => visitor.visit_bool(false),
            _ => Err(Error::custom("neither `true` nor `false`")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.elements()?.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => {
                let text: StringDeserializer<Error> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Self::Fields(_) => Err(Error::custom("several values where a word is expected")),
        }
    }

    forward_to_deserialize_any! {
        i8 u8 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Form {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        max_results: Option<i32>,
        #[serde(default)]
        filter: Vec<Filter>,
        dry: Option<bool>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Filter {
        name: String,
        value: Vec<String>,
    }

    fn read(text: &str) -> Result<Input, Error> {
        Input::deserialize(Form::parse(text))
    }

    #[test]
    fn lists_numbers_and_booleans_come_out_of_text() {
        let text =
            "MaxResults=5&Dry=true&Filter.1.Name=vpc-id&Filter.1.Value.10=b%2Bc&Filter.1.Value.2=a";
        let filter = Filter { name: "vpc-id".into(), value: vec!["a".into(), "b+c".into()] };
        let input = Input { max_results: Some(5), filter: vec![filter], dry: Some(true) };
        assert_eq!(read(text), Ok(input));
        assert_eq!(read("Filter="), Ok(Input { max_results: None, filter: vec![], dry: None }));
    }

    #[test]
    fn the_word_member_says_nothing() {
        let filter = Filter { name: "n".into(), value: vec!["v".into()] };
        let input = Input { max_results: None, filter: vec![filter], dry: None };
        assert_eq!(read("Filter.member.1.Name=n&Filter.member.1.Value.member.1=v"), Ok(input));
    }

    #[test]
    fn what_is_not_as_expected_is_refused() {
        assert!(read("MaxResults=five").is_err());
        assert!(read("Dry=yes").is_err());
        assert!(read("Filter=x").is_err());
        assert!(read("Fliter.1.Name=x").is_err());
    }
}
