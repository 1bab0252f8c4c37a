//! The pages whose code is a file of its own, which the browser loads when it goes there, beside what it shares with other pages. Pages
//! that are mostly seen together are one file. The server calls all of this at once, and names the files of its page in the answer,
//! so that they are on their way before the first of them asks.
//!
//! The overview and the page of a pool are not here: everybody looks at them, so they are in the first file. Files are compressed one
//! by one and cannot borrow from each other: a page of a pool that was 26 files was 71 kB larger than the same code in one.
//!
//! A new page needs a line in `lazy!`, a function that draws it, and, where the first part of its address is new, one in `load`.

use super::{
    audit::AuditPage, link::LinkPage, node::NodePage, operation::OperationPage, operations::OperationsPage, plan::PlanPage,
    set_up::SetUpPage, sign_in::SignInPage,
};
use leptos::prelude::*;
use leptos_router::LazyRoute;

/// The view of a route. The function that draws it loads its code first.
macro_rules! lazy {
    ($($name:ident => $draw:expr;)*) => {$(
        pub(crate) struct $name;

        impl LazyRoute for $name {
            fn data() -> Self {
                $name
            }

            async fn view(_: Self) -> AnyView {
                $draw.await
            }
        }
    )*};
}

lazy! {
    SignIn => entry(Entry::SignIn);
    SetUp => entry(Entry::SetUp);
    Node => detail(Detail::Node);
    Link => detail(Detail::Link);
    Plan => operating(Operating::Plan);
    Operation => operating(Operating::One);
    Operations => operating(Operating::All);
    Audit => audit();
}

enum Entry {
    SignIn,
    SetUp,
}

#[lazy]
fn entry(page: Entry) -> AnyView {
    match page {
        Entry::SignIn => SignInPage().into_any(),
        Entry::SetUp => SetUpPage().into_any(),
    }
}

enum Detail {
    Node,
    Link,
}

#[lazy]
fn detail(page: Detail) -> AnyView {
    match page {
        Detail::Node => NodePage().into_any(),
        Detail::Link => LinkPage().into_any(),
    }
}

enum Operating {
    Plan,
    One,
    All,
}

#[lazy]
fn operating(page: Operating) -> AnyView {
    match page {
        Operating::Plan => PlanPage().into_any(),
        Operating::One => OperationPage().into_any(),
        Operating::All => OperationsPage().into_any(),
    }
}

#[lazy]
fn audit() -> AnyView {
    AuditPage().into_any()
}

/// Loads the code of the page at an address, so that a page which the server rendered can be taken over at once.
#[cfg(feature = "hydrate")]
pub(crate) async fn load(path: &str) {
    let mut parts = path.split('/').skip(1);
    let (first, third) = (parts.next(), parts.nth(1));
    match (first, third) {
        (Some("sign-in" | "set-up"), _) => __preload_entry().await,
        (Some("audit"), _) => __preload_audit().await,
        (Some("operations"), _) | (Some("pools"), Some("plan")) => __preload_operating().await,
        (Some("pools"), Some(_)) => __preload_detail().await,
        _ => {}
    }
}
