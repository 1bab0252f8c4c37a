//! Theme and language: chosen by a plain form, kept in a cookie, known to the server before it renders.
//!
//! A form asks for the same page with `?theme=…` or `?lang=…`; the server answers with the cookie and the address without
//! it. So both work without scripts and before anybody has signed in, and no page ever shows the wrong theme first.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use serde::{Deserialize, Serialize};
use switchback_words::i18n::{Locale, use_i18n};
use switchback_words::say;

/// The choice between dark and light.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub(crate) fn as_code(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    #[cfg(feature = "ssr")]
    fn named(word: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.as_code() == word)
    }
}

const LANGUAGES: [(Locale, &str, &str); 2] = [(Locale::en, "en", "English"), (Locale::zh_CN, "zh-CN", "简体中文")];

/// The language of the page, which stays as it is for as long as the page is open: choosing another one loads the page anew.
pub(crate) fn use_lang() -> impl Fn() -> Locale + Copy + Send + Sync + 'static {
    let lang = use_i18n().get_locale_untracked();
    move || lang
}

/// The forms that choose theme and language.
#[component]
pub(crate) fn Preferences() -> impl IntoView {
    let lang = use_lang();
    let chosen = use_context::<Theme>().unwrap_or_default();
    let themes = Theme::ALL.map(|theme| {
        let word = match theme {
            Theme::System => say!(lang(), shell.theme_system),
            Theme::Light => say!(lang(), shell.theme_light),
            Theme::Dark => say!(lang(), shell.theme_dark),
        };
        view! {
            <button type="submit" name="theme" value=theme.as_code() aria-pressed=(theme == chosen).to_string()>
                {word}
            </button>
        }
    });
    let languages = LANGUAGES.map(|(locale, tag, name)| {
        view! {
            <button type="submit" name="lang" value=tag lang=tag aria-pressed=(locale == lang()).to_string()>
                {name}
            </button>
        }
        .into_any()
    });
    view! {
        <div class="prefs">
            <PreferenceForm>
                <fieldset>
                    <legend>{say!(lang(), shell.theme)}</legend>
                    <span class="seg">{themes.collect_view()}</span>
                </fieldset>
            </PreferenceForm>
            <PreferenceForm>
                <fieldset>
                    <legend>{say!(lang(), shell.language)}</legend>
                    <span class="seg">{languages.collect_view()}</span>
                </fieldset>
            </PreferenceForm>
        </div>
    }
}

/// A form that comes back to the same page and keeps what else its address says.
#[component]
fn PreferenceForm(children: Children) -> impl IntoView {
    let path = use_location().pathname;
    let query = use_query_map();
    let rest = move || {
        let pairs: Vec<(String, String)> = query.read().latest_values().map(|(name, value)| (name.to_string(), value.to_owned())).collect();
        pairs
            .into_iter()
            .filter(|(name, _)| name != "theme" && name != "lang")
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> }.into_any())
            .collect_view()
    };
    view! {
        <form method="get" action=move || path.get()>
            {rest}
            {children()}
        </form>
    }
}

#[cfg(feature = "ssr")]
pub(crate) mod server {
    //! Reading the cookies, and answering the forms.

    use super::{LANGUAGES, Theme};
    use http::{HeaderValue, header, request::Parts};
    use leptos::prelude::*;

    const THEME: &str = "switchback_theme";
    const LANGUAGE: &str = "switchback_language";
    const A_YEAR_S: u32 = 365 * 24 * 3_600;

    fn cookie(name: &str) -> Option<String> {
        let parts = use_context::<Parts>()?;
        let found = parts
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(found, _)| *found == name)?;
        Some(found.1.to_owned())
    }

    /// The theme chosen earlier.
    pub(crate) fn theme() -> Theme {
        cookie(THEME).and_then(|word| Theme::named(&word)).unwrap_or_default()
    }

    /// The language chosen earlier, or the languages the browser asks for.
    pub(crate) fn languages() -> Option<String> {
        let chosen = cookie(LANGUAGE).filter(|tag| LANGUAGES.iter().any(|(_, known, _)| known == tag));
        chosen.or_else(|| {
            let parts = use_context::<Parts>()?;
            Some(parts.headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?.to_owned())
        })
    }

    /// What an address chooses, as cookies, and the address without it. None if it chooses nothing.
    fn choice(path: &str, query: &str) -> Option<(Vec<String>, String)> {
        let mut cookies = Vec::new();
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let known = match pair.split_once('=') {
                Some(("theme", word)) => Theme::named(word).map(|theme| (THEME, theme.as_code())),
                Some(("lang", tag)) => LANGUAGES.iter().find(|(_, known, _)| *known == tag).map(|(_, known, _)| (LANGUAGE, *known)),
                _ => {
                    rest.push(pair);
                    continue;
                }
            };
            if let Some((name, value)) = known {
                cookies.push(format!("{name}={value}; Path=/; Max-Age={A_YEAR_S}; SameSite=Lax; HttpOnly"));
            }
        }
        // Two slashes at the start would lead to another host.
        let path = format!("/{}", path.trim_start_matches('/'));
        let address = if rest.is_empty() { path } else { format!("{path}?{}", rest.join("&")) };
        (!cookies.is_empty()).then_some((cookies, address))
    }

    /// Answers the forms: keeps the choice and leads back.
    pub(crate) fn keep_choice() {
        let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<leptos_axum::ResponseOptions>()) else { return };
        let Some((cookies, address)) = choice(parts.uri.path(), parts.uri.query().unwrap_or_default()) else { return };
        let (Ok(location), true) = (HeaderValue::from_str(&address), parts.method == http::Method::GET) else { return };
        for cookie in cookies {
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.append_header(header::SET_COOKIE, cookie);
            }
        }
        response.insert_header(header::LOCATION, location);
        response.set_status(http::StatusCode::SEE_OTHER);
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_choice_becomes_a_cookie_and_leaves_the_rest_of_the_address() {
            let (cookies, address) = choice("/pools/chat/links/mirror", "span=hours&theme=dark").expect("a choice");
            assert_eq!(address, "/pools/chat/links/mirror?span=hours");
            assert_eq!(cookies.len(), 1);
            assert!(cookies[0].starts_with("switchback_theme=dark; Path=/;"), "{cookies:?}");
        }

        #[test]
        fn an_address_that_chooses_nothing_known_is_left_alone() {
            assert_eq!(choice("/", "span=hours"), None);
            assert_eq!(choice("/", "theme=pink&lang=xx"), None);
        }

        #[test]
        fn a_choice_never_leads_to_another_host() {
            assert_eq!(choice("//elsewhere.example", "lang=en").expect("a choice").1, "/elsewhere.example");
        }
    }
}
