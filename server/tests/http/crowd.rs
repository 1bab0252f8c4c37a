//! Pages that many ask for at once.
use crate::{control::MembersOnly, support::World};
use http::StatusCode;
use std::sync::Arc;

const PAGES: [&str; 7] = [
    "/",
    "/pools/chat-core",
    "/pools/chat-core/nodes/a1",
    "/pools/chat-core/links/cross-site",
    "/pools/chat-core/plan/switchover",
    "/operations",
    "/audit",
];

/// A page is drawn by several threads, and its parts are gone in an order of their own: its head must not need them any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_that_many_ask_for_at_once_are_whole_each_time() {
    let world = Arc::new(World::with_hands(Arc::new(MembersOnly::default())).await);
    let session = Arc::new(world.signed_in().await);
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (world, session) = (Arc::clone(&world), Arc::clone(&session));
            tokio::spawn(async move {
                for path in PAGES.iter().cycle().take(6 * PAGES.len()) {
                    let page = world.get(path, Some(&session)).await;
                    assert_eq!(page.status(), StatusCode::OK, "{path}");
                }
            })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap();
    }
}
