//! The addresses of pages, each written once.

use switchback_domain::{LinkKind, NodeName, PoolId, operation::OperationId};

/// All pools.
pub fn overview() -> String {
    "/".to_owned()
}

/// A pool.
pub fn pool(pool: &PoolId) -> String {
    format!("/pools/{pool}")
}

/// What a restored store says about a pool beside what its engines say, which is no page of the app.
pub fn restored(pool: &PoolId) -> String {
    format!("/pools/{pool}/restored")
}

/// A node of a pool.
pub fn node(pool: &PoolId, node: &NodeName) -> String {
    format!("/pools/{pool}/nodes/{node}")
}

/// A link of a pool.
pub fn link(pool: &PoolId, kind: LinkKind) -> String {
    format!("/pools/{pool}/links/{}", link_word(kind))
}

/// The kind of link that an address names.
pub fn link_kind(word: &str) -> Option<LinkKind> {
    LinkKind::ALL.into_iter().find(|kind| link_word(*kind) == word)
}

fn link_word(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Mirror => "mirror",
        LinkKind::CrossSite => "cross-site",
        LinkKind::Cascade => "cascade",
        LinkKind::Archive => "archive",
    }
}

/// The plan of an operation. `kind` is its last part, such as `switchover`.
pub fn plan(pool: &PoolId, kind: &str) -> String {
    format!("/pools/{pool}/plan/{kind}")
}

/// All operations.
pub fn operations() -> String {
    "/operations".to_owned()
}

/// An operation.
pub fn operation(id: OperationId) -> String {
    format!("/operations/{id}")
}

/// The report of an operation, which is no page of the app.
pub fn report(id: OperationId) -> String {
    format!("/operations/{id}/report")
}

/// Something that an operation keeps, as a file.
pub fn evidence(id: OperationId, name: &str) -> String {
    format!("/api/v1/operations/{id}/evidence/{name}")
}

/// The newest audit entries.
pub fn audit() -> String {
    "/audit".to_owned()
}

/// Where people sign in.
pub fn sign_in() -> String {
    "/sign-in".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_link_has_an_address_that_leads_back_to_it() {
        let name: PoolId = "chat".parse().expect("a name");
        for kind in LinkKind::ALL {
            let address = link(&name, kind);
            let word = address.rsplit('/').next().expect("a last part");
            assert_eq!(link_kind(word), Some(kind));
        }
        assert_eq!(link_kind("sideways"), None);
    }
}
