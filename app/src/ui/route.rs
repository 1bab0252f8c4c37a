//! The tile of a site and the glyph of the road between two. A place never moves; only fill and arrow do.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A site's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Accepts writes.
    Active,
    /// Follows.
    Standby,
    /// Does not answer.
    Lost,
    /// Kept from accepting writes.
    Fenced,
    /// Accepts writes, and so does the other.
    Split,
}

impl Part {
    /// Its name in style sheets.
    pub fn as_code(self) -> &'static str {
        match self {
            Part::Active => "active",
            Part::Standby => "standby",
            Part::Lost => "lost",
            Part::Fenced => "fenced",
            Part::Split => "split",
        }
    }
}

/// The state of a drawn line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// Data flows.
    Ok,
    /// Read too long ago.
    Stale,
    /// Nothing flows.
    Broken,
    /// There is no link.
    None,
    /// Both ends have grown apart.
    Split,
}

impl Road {
    /// Its name in style sheets.
    pub fn as_code(self) -> &'static str {
        match self {
            Road::Ok => "ok",
            Road::Stale => "stale",
            Road::Broken => "broken",
            Road::None => "none",
            Road::Split => "split",
        }
    }
}

/// The direction of data on a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Heading {
    /// From the first site to the second.
    #[default]
    AToB,
    /// From the second site to the first.
    BToA,
}

impl Heading {
    /// Its name in style sheets.
    pub fn as_code(self) -> &'static str {
        match self {
            Heading::AToB => "ab",
            Heading::BToA => "ba",
        }
    }
}

/// A site's letter on its tile; the words beside it say the same.
#[component]
pub fn Tile(
    /// The letter.
    #[prop(into)]
    letter: String,
    /// The site's part.
    #[prop(into)]
    part: Signal<Part>,
    /// Bigger, for the head of a site.
    #[prop(optional)]
    large: bool,
) -> impl IntoView {
    view! {
        <span
            class=if large { "tile tile--lg" } else { "tile" }
            data-r=move || part.get().as_code()
            aria-hidden="true"
        >
            {letter}
        </span>
    }
}

/// Both tiles and the road between them, as one picture.
#[component]
pub fn Route(
    /// The part of the first site.
    #[prop(into)]
    a: Signal<Part>,
    /// The part of the second site.
    #[prop(into)]
    b: Signal<Part>,
    /// The state of the road.
    #[prop(into)]
    road: Signal<Road>,
    /// The direction of data.
    #[prop(into)]
    heading: Signal<Heading>,
    /// The picture in words.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let line = move || match road.get() {
        Road::Ok => "M1 6h28",
        Road::Broken | Road::Split => "M1 6h12M23 6h12",
        Road::Stale | Road::None => "M1 6h34",
    };
    let dashes = move || matches!(road.get(), Road::Stale | Road::None).then_some("2 4");
    let head = move || match road.get() {
        Road::Ok => "M28 1.5 35 6l-7 4.5z",
        Road::Broken | Road::Split => "m15 3 6 6m0-6-6 6",
        Road::Stale | Road::None => "",
    };
    view! {
        <span
            class="route"
            role="img"
            aria-label=label
            data-dir=move || heading.get().as_code()
            data-link=move || road.get().as_code()
        >
            <Tile letter="a" part=a />
            <span class="road">
                <svg viewBox="0 0 36 12" aria-hidden="true">
                    <path class="road__line" d=move || line() stroke-dasharray=move || dashes()></path>
                    <path class="road__head" d=move || head()></path>
                </svg>
            </span>
            <Tile letter="b" part=b />
        </span>
    }
}
