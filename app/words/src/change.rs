//! What was one thing and became another.

use super::{Locale, Names, picture, protection, say};
use switchback_domain::history::Changed;

/// The change in one line.
pub fn change(lang: Locale, what: &Changed, names: &Names) -> String {
    match what {
        Changed::Protection { from, to } => {
            say!(lang, words.change.protection, from = protection::state(lang, *from), to = protection::state(lang, *to))
        }
        Changed::Site { side, from, to } => say!(
            lang,
            words.change.site,
            site = names[*side].to_string(),
            from = picture::site_role(lang, *from),
            to = picture::site_role(lang, *to)
        ),
        Changed::Node { node, from, to } => say!(
            lang,
            words.change.node,
            node = node.to_string(),
            from = picture::node_state(lang, *from, true),
            to = picture::node_state(lang, *to, true)
        ),
        Changed::Link { kind, to_node, from, to } => {
            let link = picture::link_kind(lang, *kind);
            let (from, to) = (picture::link_state(lang, *from, true), picture::link_state(lang, *to, true));
            match to_node {
                None => say!(lang, words.change.link, link = link, from = from, to = to),
                Some(node) => say!(lang, words.change.link_to, link = link, node = node.to_string(), from = from, to = to),
            }
        }
    }
}
