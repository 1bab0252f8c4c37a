//! Reads one table of the configuration key by key, and complains about the keys that nobody asked for.
//!
//! `serde` would stop at the first mistake; a person who writes a configuration wants to see all of them at once.

use super::problem::Problems;
use jiff::Timestamp;
use std::{fmt::Display, ops::Range, str::FromStr};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A table that is being read.
pub(super) struct Section<'a, 'text> {
    /// How the table is written in the file, such as `[[pool.site]]`.
    name: String,
    header: Range<usize>,
    table: &'a DeTable<'text>,
    asked: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a, 'text> Section<'a, 'text> {
    pub(super) fn new(name: &str, header: Range<usize>, table: &'a DeTable<'text>, problems: &'a Problems) -> Section<'a, 'text> {
        Section { name: name.to_owned(), header, table, asked: Vec::new(), problems }
    }

    /// Where the table is.
    pub(super) fn header(&self) -> Range<usize> {
        self.header.clone()
    }

    /// The collector of problems.
    pub(super) fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// Whether a key is written in the file.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'text>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Where a key's value is, or the table when the key is not there.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.header.clone(), Spanned::span)
    }

    fn missing(&self, key: &str, example: &str) {
        self.problems.error(
            self.header.clone(),
            format!("{} has no `{key}`", self.name),
            format!("Add a line such as `{key} = {example}`."),
        );
    }

    fn wrong_type(&self, at: Range<usize>, key: &str, wanted: &str, found: &DeValue<'_>) {
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date, or a time without a distance from UTC",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problems.error(at, format!("`{key}` in {} is {found}", self.name), format!("It must be {wanted}."));
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let value = self.find(key)?;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.problems.error(value.span(), format!("`{key}` in {} is empty", self.name), "Write something between the quotes.");
                None
            }
            DeValue::String(text) => Some(Spanned::new(value.span(), text.clone().into_owned())),
            other => {
                self.wrong_type(value.span(), key, "a text in quotes", other);
                None
            }
        }
    }

    /// A list of texts, each with something in it, or the default.
    pub(super) fn texts(&mut self, key: &'static str, default: &[&str]) -> Vec<String> {
        let default = || default.iter().map(|text| (*text).to_owned()).collect();
        let Some(value) = self.find(key) else { return default() };
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong_type(value.span(), key, "a list of texts, such as [\"one\", \"two\"]", value.get_ref());
            return default();
        };
        let mut all = Vec::new();
        for item in list {
            match item.get_ref() {
                DeValue::String(text) if !text.trim().is_empty() => all.push(text.clone().into_owned()),
                DeValue::String(_) => {
                    self.problems.error(
                        item.span(),
                        format!("`{key}` in {} has an empty text", self.name),
                        "Write something between the quotes.",
                    );
                }
                other => self.wrong_type(item.span(), key, "a list of texts in quotes", other),
            }
        }
        if list.is_empty() {
            self.problems.error(
                value.span(),
                format!("`{key}` in {} is empty", self.name),
                "Put something into the list, or remove the key.",
            );
        }
        all
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, key: &'static str, example: &str) -> Option<Spanned<String>> {
        if !self.has(key) {
            self.missing(key, &format!("{example:?}"));
            return None;
        }
        self.text(key)
    }

    /// A text that must be there and be what `T` reads; the parser's own message becomes the remedy.
    pub(super) fn required<T>(&mut self, key: &'static str, example: &str) -> Option<Spanned<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.required_text(key, example)?;
        self.parsed(key, &text)
    }

    /// Reads a text as `T`.
    pub(super) fn parsed<T>(&self, key: &str, text: &Spanned<String>) -> Option<Spanned<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        match text.get_ref().parse() {
            Ok(value) => Some(Spanned::new(text.span(), value)),
            Err(why) => {
                self.problems.error(text.span(), format!("`{key}` in {} cannot be used", self.name), sentence(&why.to_string()));
                None
            }
        }
    }

    /// A whole number within bounds, or the default.
    pub(super) fn number(&mut self, key: &'static str, default: u64, least: u64, most: u64) -> u64 {
        let Some(value) = self.find(key) else { return default };
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(value.span(), key, &format!("a whole number from {least} to {most}, without quotes"), value.get_ref());
            return default;
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.problems.error(
                    value.span(),
                    format!("`{key}` in {} is {number}", self.name),
                    format!("It must be from {least} to {most}."),
                );
                default
            }
        }
    }

    /// What is written, where that is `true` or `false`.
    pub(super) fn is_flag(&mut self, key: &'static str) -> Option<bool> {
        match self.find(key)?.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// `true` or `false`, or the default.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.find(key) else { return default };
        if let DeValue::Boolean(flag) = value.get_ref() {
            *flag
        } else {
            self.wrong_type(value.span(), key, "true or false, without quotes", value.get_ref());
            default
        }
    }

    /// A date and a time that must be there, with its distance from UTC: without that, nobody knows when it is.
    pub(super) fn required_time(&mut self, key: &'static str, example: &str) -> Option<Spanned<Timestamp>> {
        let Some(value) = self.find(key) else {
            self.missing(key, example);
            return None;
        };
        // What TOML calls an offset date-time is what RFC 3339 calls a timestamp.
        let time = match value.get_ref() {
            DeValue::Datetime(time) => time.to_string().parse().ok(),
            _ => None,
        };
        if time.is_none() {
            let wanted = format!("a date and a time with its distance from UTC, such as {example}, without quotes");
            self.wrong_type(value.span(), key, &wanted, value.get_ref());
        }
        Some(Spanned::new(value.span(), time?))
    }

    /// One of a few words, or the default.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, default: T, words: &[(&str, T)]) -> T {
        let Some(text) = self.text(key) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| word == text.get_ref()) {
            return *value;
        }
        let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.problems.error(
            text.span(),
            format!("`{key}` in {} is {:?}", self.name, text.get_ref()),
            format!("It must be one of {}.", all.join(", ")),
        );
        default
    }

    /// A table inside this one.
    pub(super) fn table(&mut self, key: &'static str, name: &str) -> Option<Section<'a, 'text>> {
        let value = self.find(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(name, value.span(), table, self.problems));
        }
        self.wrong_type(value.span(), key, &format!("a table, written {name}"), value.get_ref());
        None
    }

    /// A table inside this one that must be there.
    pub(super) fn required_table(&mut self, key: &'static str, name: &str) -> Option<Section<'a, 'text>> {
        if self.has(key) {
            return self.table(key, name);
        }
        self.problems.error(
            self.header.clone(),
            format!("{} has no {name}", self.name),
            format!("Add {name}; the example configuration shows what belongs in it."),
        );
        None
    }

    /// Repeated tables inside this one; none is fine.
    pub(super) fn tables(&mut self, key: &'static str, name: &str) -> Vec<Section<'a, 'text>> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong_type(value.span(), key, &format!("repeated tables, each written {name}"), value.get_ref());
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in list {
            if let DeValue::Table(table) = item.get_ref() {
                all.push(Section::new(name, item.span(), table, self.problems));
            } else {
                self.wrong_type(item.span(), key, &format!("repeated tables, each written {name}"), item.get_ref());
            }
        }
        all
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let written: &str = key.get_ref();
            if self.asked.contains(&written) {
                continue;
            }
            let nearest = self.asked.iter().map(|known| (strsim::damerau_levenshtein(known, written), known)).min();
            let remedy = match nearest {
                Some((distance, known)) if distance <= 1 + known.len() / 3 => format!("Did you mean `{known}`?"),
                _ => {
                    let mut known: Vec<&str> = self.asked.clone();
                    known.sort_unstable();
                    known.dedup();
                    format!("Remove it; {} knows: {}.", self.name, known.join(", "))
                }
            };
            self.problems.error(key.span(), format!("there is no key `{written}` in {}", self.name), remedy);
        }
    }
}

/// A message of somebody else's as a sentence of ours.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.trim().trim_end_matches('.').chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
