//! From readings to the picture.

use crate::{EndpointName, Facts, Picture, Pool, Sighting};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is known of every endpoint of a pool, by its name.
pub type Sightings = BTreeMap<EndpointName, Sighting<Facts>>;

/// The picture of a pool at `now`.
pub fn work_out(pool: &Pool, sightings: &Sightings, now: Timestamp) -> Picture {
    let _ = (pool, sightings, now);
    unimplemented!()
}
