//! The document around every page, the bar, and which page an address leads to.

use crate::{
    pages::{lazy, not_found::NotFound, overview::OverviewPage, pool::PoolPage},
    paths,
    preferences::{Preferences, Theme, use_lang},
    ui::{Announcer, AnnouncerRegions, Button, Clock, Icon, Kind, LiveBar, LivePlace, Logo, Sign, UtcClock},
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_i18n::context::UseLocalesOptions;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{Outlet, ParentRoute, Route, Router, Routes},
    hooks::use_location,
    path,
};
use switchback_words::i18n::I18nContextProvider;
use switchback_words::say;

/// The identifier of the element that the browser takes over; what is outside stays as the server sent it.
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub(crate) const ROOT: &str = "app";

/// The document.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    use leptos_meta::{HashedStylesheet, MetaTags};

    let theme = crate::preferences::server::theme();
    let theme = (theme != Theme::System).then(|| theme.as_code());
    view! {
        <!DOCTYPE html>
        <html data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link
                    rel="preload"
                    href="/fonts/atkinson-hyperlegible-next-latin-wght-normal.woff2"
                    r#as="font"
                    type="font/woff2"
                    crossorigin="anonymous"
                />
                <HashedStylesheet options=options.clone() id="leptos" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <svg class="sprite" aria-hidden="true" inner_html=include_str!("ui/sprite.svg")></svg>
                {alarms().map(|text| view! { <div class="banner banner--fail banner--static" role="alert"><p>{text}</p></div> }).collect_view()}
                <div id=ROOT>
                    <App />
                </div>
            </body>
        </html>
    }
}

/// What is wrong with the console itself, for whoever is signed in. It stands outside of what the browser takes over, so that it stays on
/// every page until the page is loaded anew.
#[cfg(feature = "ssr")]
fn alarms() -> impl Iterator<Item = String> {
    use std::sync::Arc;
    use switchback_domain::{ConsoleState, Reserve, people::Caller};
    use switchback_words::i18n::Locale;

    let console = use_context::<Arc<switchback_engine::Console>>().zip(use_context::<Caller>());
    let state: Option<ConsoleState> = console.and_then(|(console, caller)| console.state(&caller).ok());
    let wished = crate::preferences::server::languages().unwrap_or_default();
    let first = wished.split(',').map(str::trim).find(|tag| tag.starts_with("en") || tag.starts_with("zh"));
    let lang = if first.is_some_and(|tag| tag.starts_with("zh")) { Locale::zh_CN } else { Locale::en };
    state.into_iter().flat_map(move |state| {
        let names: Vec<String> = state.broken_guards.into_iter().map(|broken| broken.guard).collect();
        let broken = (!names.is_empty()).then(|| say!(lang, shell.guards_broken, guards = names.join(", ")));
        let full = (state.reserve == Reserve::GivenUp).then(|| say!(lang, shell.disk_full));
        let lost = state.lost_file.map(|lost| match lost.copy {
            Some(copy) => say!(lang, shell.file_lost, file = lost.file, copy = copy),
            None => say!(lang, shell.file_lost_no_copy, file = lost.file),
        });
        lost.into_iter().chain(broken).chain(full)
    })
}

/// Everything that the browser takes over.
#[component]
pub fn App() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::preferences::server::keep_choice();

    provide_meta_context();
    provide_context(SharedValue::new(theme_now).into_inner());
    provide_context(SignedIn(SharedValue::new(name_now).into_inner()));
    provide_context(Clock::starting_at(SharedValue::new(server_time).into_inner()));
    provide_context(Announcer::default());
    provide_context(LiveBar::default());

    view! {
        // The console keeps the language in a cookie of its own: the library's would be set for one folder only.
        <I18nContextProvider enable_cookie=false ssr_lang_header_getter=languages()>
            <Title formatter=|page: String| if page.is_empty() { "Switchback".to_owned() } else { format!("{page} · Switchback") } />
            <Router>
                <Routes fallback=NotFound>
                    <Route path=path!("/sign-in") view={Lazy::<lazy::SignIn>::new()} />
                    <Route path=path!("/set-up/:secret") view={Lazy::<lazy::SetUp>::new()} />
                    <ParentRoute path=path!("") view=Frame>
                        <Route path=path!("/") view=OverviewPage ssr=SsrMode::Async />
                        <Route path=path!("/pools/:pool") view=PoolPage ssr=SsrMode::Async />
                        <Route path=path!("/pools/:pool/nodes/:node") view={Lazy::<lazy::Node>::new()} ssr=SsrMode::Async />
                        <Route path=path!("/pools/:pool/links/:kind") view={Lazy::<lazy::Link>::new()} ssr=SsrMode::Async />
                        <Route path=path!("/pools/:pool/plan/:kind") view={Lazy::<lazy::Plan>::new()} ssr=SsrMode::Async />
                        <Route path=path!("/operations") view={Lazy::<lazy::Operations>::new()} ssr=SsrMode::Async />
                        <Route path=path!("/operations/:operation") view={Lazy::<lazy::Operation>::new()} ssr=SsrMode::Async />
                        <Route path=path!("/audit") view={Lazy::<lazy::Audit>::new()} ssr=SsrMode::Async />
                    </ParentRoute>
                </Routes>
            </Router>
        </I18nContextProvider>
    }
}

/// The name of whoever is signed in, if anybody is. Fixed for the life of a page: signing in and out load a new one.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) Option<String>);

#[cfg(feature = "ssr")]
fn theme_now() -> Theme {
    crate::preferences::server::theme()
}

#[cfg(not(feature = "ssr"))]
fn theme_now() -> Theme {
    Theme::System
}

#[cfg(feature = "ssr")]
fn name_now() -> Option<String> {
    use_context::<switchback_domain::people::Caller>().map(|caller| caller.person.name)
}

#[cfg(not(feature = "ssr"))]
fn name_now() -> Option<String> {
    None
}

#[cfg(feature = "ssr")]
#[expect(clippy::disallowed_methods, reason = "the page's clock starts here; everything below is handed the time")]
fn server_time() -> Timestamp {
    Timestamp::now()
}

/// Only a page that the server did not render gets here.
#[cfg(not(feature = "ssr"))]
fn server_time() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

#[cfg(feature = "ssr")]
fn languages() -> UseLocalesOptions {
    UseLocalesOptions::default().ssr_lang_header_getter(crate::preferences::server::languages)
}

#[cfg(not(feature = "ssr"))]
fn languages() -> UseLocalesOptions {
    UseLocalesOptions::default()
}

/// A page with the bar.
#[component]
fn Frame() -> impl IntoView {
    view! {
        <Framed>
            <Outlet />
        </Framed>
    }
}

/// The bar above (on phones the navigation below), and the page.
#[component]
pub(crate) fn Framed(children: Children) -> impl IntoView {
    let lang = use_lang();
    let path = use_location().pathname;
    focus_content_on_new_page(path);
    let pools = move || (path.get() == "/" || path.read().starts_with("/pools")).then_some("page");
    let operations = move || path.read().starts_with("/operations").then_some("page");
    let audit = move || (path.get() == "/audit").then_some("page");
    view! {
        // External to the router, which would scroll there but leave the focus where it is.
        <a class="skip" href="#main" rel="external">{say!(lang(), shell.skip)}</a>
        <header class="bar">
            <a class="brand" href=paths::overview()>
                <Logo />
                <span>"Switchback"</span>
            </a>
            <nav class="nav" aria-label=say!(lang(), shell.main_nav)>
                <a href=paths::overview() aria-current=move || pools()>
                    <Icon sign=Sign::Server />
                    <span>{say!(lang(), shell.pools)}</span>
                </a>
                <a href=paths::operations() aria-current=move || operations()>
                    <Icon sign=Sign::Swap />
                    <span>{say!(lang(), shell.operations)}</span>
                </a>
                <a href=paths::audit() aria-current=move || audit()>
                    <Icon sign=Sign::Chain />
                    <span>{say!(lang(), shell.audit)}</span>
                </a>
            </nav>
            <div class="bar__end">
                <UtcClock />
                <LivePlace />
                <Account />
            </div>
        </header>
        <AnnouncerRegions />
        <main id="main" tabindex="-1">{children()}</main>
    }
}

/// Who is signed in, and what belongs to a person: theme, language, leaving. The browser closes it by itself.
#[component]
fn Account() -> impl IntoView {
    let lang = use_lang();
    let name = use_context::<SignedIn>().and_then(|signed_in| signed_in.0);
    let shown = name.clone().unwrap_or_default();
    let leave = name.map(|name| {
        view! {
            <p class="menu__name">{name}</p>
            <form method="post" action="/sign-out">
                <Button submit=true wide=true kind=Kind::Default sign=Sign::Leave>
                    {say!(lang(), shell.sign_out)}
                </Button>
            </form>
        }
    });
    view! {
        <button type="button" class="who" popovertarget="account">
            <span class="ava" aria-hidden="true">{initials(&shown)}</span>
            <span class="hide-phone">{shown}</span>
            <span class="vh">{say!(lang(), shell.account)}</span>
        </button>
        <div id="account" popover="auto" class="menu">
            {leave}
            <Preferences />
        </div>
    }
}

/// The first letters of the first and the last word of a name.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

/// Whoever follows a link within the console goes on reading at the page, not at the link that is gone.
#[cfg(feature = "hydrate")]
fn focus_content_on_new_page(path: Memo<String>) {
    use wasm_bindgen::JsCast;
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now) {
            let main = document().get_element_by_id("main").and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
            if let Some(main) = main {
                // Without focus the page is still there to be read.
                let _ = main.focus();
            }
        }
        now
    });
}

#[cfg(not(feature = "hydrate"))]
fn focus_content_on_new_page(_: Memo<String>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_those_of_the_first_and_the_last_word() {
        assert_eq!(initials("Mira Okafor"), "MO");
        assert_eq!(initials("anna maria von berg"), "AB");
        assert_eq!(initials("王芳"), "王");
        assert_eq!(initials(""), "");
    }
}
