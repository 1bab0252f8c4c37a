//! The answer to an address that leads nowhere.

use crate::{
    pages::common::use_lang,
    paths,
    shell::Framed,
    ui::{ButtonLink, Empty},
};
use leptos::prelude::*;
use leptos_meta::Title;
use switchback_words::say;

/// There is no such page.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    let lang = use_lang();
    let title = say!(lang(), shell.not_found.title);
    view! {
        <Title text=title.clone() />
        <Framed>
            <div class="page page--narrow">
                <h1 class="vh">{title.clone()}</h1>
                <Empty title>
                    <p>{say!(lang(), shell.not_found.text)}</p>
                    <div class="btn-row">
                        <ButtonLink href=paths::overview()>{say!(lang(), shell.not_found.back)}</ButtonLink>
                    </div>
                </Empty>
            </div>
        </Framed>
    }
}
