//! What differs between two pictures in a word that people use, rather than in a figure.

use switchback_domain::{LinkPicture, Picture, history::Changed};

/// Everything that was one thing in `before` and is another in `after`. What is only in one of them is no change.
pub(super) fn changes(before: &Picture, after: &Picture) -> Vec<Changed> {
    let mut all = Vec::new();
    let (from, to) = (before.protection.state, after.protection.state);
    if from != to {
        all.push(Changed::Protection { from, to });
    }
    for (side, site) in after.sites.iter() {
        let from = before.sites[side].role;
        if from != site.role {
            all.push(Changed::Site { side, from, to: site.role });
        }
        for node in &site.nodes {
            if let Some((_, earlier)) = before.node(&node.name)
                && earlier.state != node.state
            {
                all.push(Changed::Node { node: node.name.clone(), from: earlier.state, to: node.state });
            }
        }
    }
    for link in &after.links {
        let same = |other: &&LinkPicture| other.kind == link.kind && other.to == link.to;
        if let Some(earlier) = before.links.iter().find(same)
            && earlier.state != link.state
        {
            all.push(Changed::Link { kind: link.kind, to_node: link.to.clone(), from: earlier.state, to: link.state });
        }
    }
    all
}
