//! Text that somebody typed or an engine said, made safe to show.
//!
//! Some characters act on whatever shows a text instead of being shown: control characters drive a terminal, and those that turn the direction
//! of writing round make a sentence read as another one. They are neither dropped nor passed on: their number stands in their place.

use std::{borrow::Cow, fmt::Write as _};

/// The character acts on what shows it. Line breaks and tabs are not meant: they are text.
pub fn acts_on_display(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Marks, embeddings, overrides and isolates of the direction of writing; separators of lines and paragraphs; tags that show nothing.
        '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => c.is_control(),
    }
}

/// The text with the number of each character that [acts on what shows it](acts_on_display) in its place, such as `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    visible_but(text, |_| false)
}

/// [`visible`], but some characters are left as they are.
pub fn visible_but(text: &str, left: impl Fn(char) -> bool) -> Cow<'_, str> {
    replaced(text, left, |shown, c| {
        let _ = write!(shown, "{}", c.escape_unicode());
    })
}

/// A document in JSON that says the same, with the escapes of JSON for each character that acts on what shows it.
pub fn visible_in_json(document: &str) -> Cow<'_, str> {
    replaced(
        document,
        |_| false,
        |shown, c| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        },
    )
}

fn replaced(text: &str, left: impl Fn(char) -> bool, replace: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let acts = |c: char| acts_on_display(c) && !left(c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) {
            replace(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_drive_a_terminal_or_turn_a_sentence_round_is_shown_by_its_number() {
        assert_eq!(visible("a\u{1b}[31mred\u{202e}won"), "a\\u{1b}[31mred\\u{202e}won");
        assert_eq!(visible("\u{9b}2J\u{7f}\r"), "\\u{9b}2J\\u{7f}\\u{d}");
        assert!(matches!(visible("Größe: 数据库\n\t👍🏽"), Cow::Borrowed(_)));
        assert_eq!(visible_but("\u{1b}[1m\u{202e}", |c| c == '\u{1b}'), "\u{1b}[1m\\u{202e}");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_is_left_and_json_says_the_same(text in any::<String>()) {
            prop_assert!(!visible(&text).contains(acts_on_display));
            let document = serde_json::to_string(&text).expect("text");
            let shown = visible_in_json(&document);
            prop_assert!(!shown.contains(acts_on_display));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
        }
    }
}
