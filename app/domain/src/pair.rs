//! Exactly two sites. Code that handles both is written once, over a side.

use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// The first or the second site of a pool, in the order of the configuration. Which one is active does not matter:
/// a side never changes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first site; always drawn left.
    A,
    /// The second site; always drawn right.
    B,
}

impl Side {
    /// Both, first to second.
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }

    /// The letter on the site's tile.
    pub fn letter(self) -> &'static str {
        match self {
            Side::A => "A",
            Side::B => "B",
        }
    }
}

/// One of something for each site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pair<T> {
    /// Of the first site.
    pub a: T,
    /// Of the second site.
    pub b: T,
}

impl<T> Pair<T> {
    /// Makes one for each side.
    pub fn of(mut make: impl FnMut(Side) -> T) -> Pair<T> {
        Pair { a: make(Side::A), b: make(Side::B) }
    }

    /// Both with their side, first to second.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        Side::BOTH.into_iter().map(move |side| (side, &self[side]))
    }
}

impl<T> Index<Side> for Pair<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }
}

impl<T> IndexMut<Side> for Pair<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}
