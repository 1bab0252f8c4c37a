//! A state: shape, word and colour, always together.

use crate::ui::{Icon, Sign};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The family of a state. Each has a colour, a tint, a border and a shape of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// All is well.
    Ok,
    /// Somebody should look.
    Warn,
    /// Something is broken.
    Fail,
    /// Both sites accept writes.
    Split,
    /// Work is going on.
    Run,
    /// Read too long ago.
    Stale,
    /// Nothing to say.
    Idle,
    /// Not possible now.
    Block,
}

impl Tone {
    /// The sign that goes with it.
    pub fn sign(self) -> Sign {
        match self {
            Tone::Ok => Sign::Ok,
            Tone::Warn => Sign::Warn,
            Tone::Fail => Sign::Fail,
            Tone::Split => Sign::Split,
            Tone::Run => Sign::Run,
            Tone::Stale => Sign::Stale,
            Tone::Idle => Sign::Wait,
            Tone::Block => Sign::Block,
        }
    }

    /// Its name in style sheets.
    pub fn as_code(self) -> &'static str {
        match self {
            Tone::Ok => "ok",
            Tone::Warn => "warn",
            Tone::Fail => "fail",
            Tone::Split => "split",
            Tone::Run => "run",
            Tone::Stale => "stale",
            Tone::Idle => "idle",
            Tone::Block => "block",
        }
    }
}

/// How loudly a state is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Look {
    /// Sign and word in the family's colour.
    #[default]
    Plain,
    /// A tinted pill.
    Chip,
    /// The word in ink: only the sign carries the hue.
    Calm,
    /// Like plain, with the sign beside the first line of a longer text.
    Top,
}

/// A state in a word.
#[component]
pub fn Status(
    /// Its family.
    #[prop(into)]
    tone: Signal<Tone>,
    /// How loudly.
    #[prop(optional)]
    look: Look,
    /// Another sign than the family's own.
    #[prop(into, optional)]
    sign: Signal<Option<Sign>>,
    /// The word.
    children: Children,
) -> impl IntoView {
    let class = move || {
        let look = match look {
            Look::Plain => "",
            Look::Chip => " st--chip",
            Look::Calm => " st--calm",
            Look::Top => " st--top",
        };
        format!("st st--{}{look}", tone.get().as_code())
    };
    view! {
        <span class=move || class()>
            <Icon sign=move || sign.get().unwrap_or(tone.get().sign()) />
            <span class="word">{children()}</span>
        </span>
    }
}
