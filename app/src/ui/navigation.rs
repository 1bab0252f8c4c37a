//! Ways through a page and between pages.

use leptos::prelude::*;

/// One of several links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceItem {
    /// Where it leads.
    pub href: String,
    /// Its words.
    pub text: String,
    /// It is where the reader is.
    pub current: bool,
}

fn links(items: Vec<ChoiceItem>) -> Vec<impl IntoView> {
    items
        .into_iter()
        .map(|item| view! { <a href=item.href aria-current=item.current.then_some("true")>{item.text}</a> }.into_any())
        .collect()
}

/// A choice between views of the same thing.
#[component]
pub fn Choice(
    /// What is chosen, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// What there is.
    #[prop(into)]
    items: Signal<Vec<ChoiceItem>>,
) -> impl IntoView {
    view! {
        <nav class="seg" aria-label=label>
            {move || links(items.get())}
        </nav>
    }
}

/// A choice between parts of a thing.
#[component]
pub fn Tabs(
    /// What is chosen, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// What there is.
    #[prop(into)]
    items: Signal<Vec<ChoiceItem>>,
) -> impl IntoView {
    view! {
        <nav class="tabs" aria-label=label>
            {move || links(items.get())}
        </nav>
    }
}

/// Where the reader is.
#[component]
pub fn Crumbs(
    /// What it is, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// The pages above: address and words.
    #[prop(into)]
    trail: Signal<Vec<(String, String)>>,
    /// This page.
    #[prop(into)]
    here: Signal<String>,
) -> impl IntoView {
    let above = move || trail.get().into_iter().map(|(href, text)| view! { <li><a href=href>{text}</a></li> }.into_any()).collect_view();
    view! {
        <nav class="crumbs" aria-label=label>
            <ol>
                {move || above()}
                <li>
                    <span aria-current="page">{here}</span>
                </li>
            </ol>
        </nav>
    }
}

/// Links to the parts of a page, on phones.
#[component]
pub fn Jump(
    /// What it is, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// The parts: address within the page and words.
    #[prop(into)]
    items: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    view! {
        <nav class="jump only-phone" aria-label=label>
            {move || items.get().into_iter().map(|(href, text)| view! { <a href=href>{text}</a> }.into_any()).collect_view()}
        </nav>
    }
}
