//! What the product promises about operations, on a real lab with the real console. Needs root, what `./setup lab` installs, and a console
//! (`cargo build -p switchback-server`, or `SWITCHBACK_CONSOLE`).
//!
//! Every case ends with the load client's verdict, and with the watch's word that never two nodes accepted writes at once. Feature
//! `lab-tests`: the quick ones. Feature `lab-tests-full`: all of them; that takes more than an hour.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so best by its line")]
#![expect(clippy::disallowed_methods, reason = "real engines take their own time")]

mod quick;
mod refused_sight;
mod rehearsed;
mod scene;
mod split;
mod within;

#[cfg(feature = "lab-tests-full")]
mod between;
#[cfg(feature = "lab-tests-full")]
mod certificates;
#[cfg(feature = "lab-tests-full")]
mod console_dies;
#[cfg(feature = "lab-tests-full")]
mod emergencies;
#[cfg(feature = "lab-tests-full")]
mod interrupted;
#[cfg(feature = "lab-tests-full")]
mod older_patroni;
#[cfg(feature = "lab-tests-full")]
mod refused_orders;
#[cfg(feature = "lab-tests-full")]
mod steered;
