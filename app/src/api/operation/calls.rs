//! What the pages about operations ask for.

use super::Asked;
use crate::api::{ApiError, Text};
use leptos::prelude::*;

/// A plan. `query` is the part of the page's address that says more than its path.
#[server(prefix = "/api/fn", endpoint = "plan")]
pub async fn one_plan(pool: String, kind: String, query: String, lang: String) -> Result<Text, ApiError> {
    crate::api::door::answered(super::form::one_plan(&pool, &kind, &query, &lang).await.and_then(|plan| Text::of(&plan)))
}

/// Asks for an operation with the fields of the form, encoded as a form is.
#[server(prefix = "/api/fn", endpoint = "ask")]
pub async fn ask(form: String, lang: String) -> Result<Asked, ApiError> {
    crate::api::door::answered(super::form::ask(&form, &lang).await)
}

/// An operation. `problem` is why the last wish was refused, from the page's address.
#[server(prefix = "/api/fn", endpoint = "operation")]
pub async fn one_operation(id: String, problem: String, lang: String) -> Result<Text, ApiError> {
    crate::api::door::answered(super::page::one_operation(&id, &problem, &lang).await.and_then(|operation| Text::of(&operation)))
}

/// The newest operations.
#[server(prefix = "/api/fn", endpoint = "operations")]
pub async fn all_operations(lang: String) -> Result<Text, ApiError> {
    crate::api::door::answered(super::list::all_operations(&lang).await.and_then(|all| Text::of(&all)))
}
