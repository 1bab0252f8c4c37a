//! What crosses the gap between the sites: clients, replication, and whether this console sees both.

use super::View;
use crate::{
    pages::{
        common::{Trend, Unit, target, use_lang},
        tones,
    },
    paths,
    ui::{Gutter, Heading, LagLine, Lane, LinkAcross, Look, Road, Sign, Status, Tone, Traffic},
};
use leptos::prelude::*;
use switchback_domain::{LinkKind, LinkPicture, LinkState, MemberState, Pair, Side, SiteRole, history::Metric};
use switchback_words::i18n::Locale;
use switchback_words::{self as words, say};

/// The gap.
#[component]
pub(super) fn Between(view: View) -> impl IntoView {
    let lang = use_lang();
    let kinds = view.part(|picture| {
        let across = [LinkKind::CrossSite, LinkKind::Archive];
        across.into_iter().filter(|kind| picture.link(*kind).is_some()).collect::<Vec<_>>()
    });
    view! {
        <Gutter
            label=say!(lang(), pages.topology.links)
            lanes=say!(lang(), pages.topology.replication)
            traffic=move || view! { <Clients view /> }
            witness=move || view! { <OwnSight view /> }
        >
            <For each=move || kinds.get() key=|kind| *kind let:kind>
                <Across view kind />
            </For>
        </Gutter>
    }
}

/// Where clients go, as far as members tell.
#[component]
fn Clients(view: View) -> impl IntoView {
    let lang = use_lang();
    // Sessions of members that serve, by site; nothing where none does or none is known to.
    let serving = view.part(|picture| {
        Pair::of(|side| {
            let members = picture.sites[side].members.iter();
            let serving = members.filter(|member| member.knowledge.is_fresh() && member.healthy && member.state == MemberState::Active);
            serving.fold(None, |sum: Option<u64>, member| Some(sum.unwrap_or(0) + u64::from(member.sessions)))
        })
    });
    // That nobody is served is known only where every member is seen.
    let known = view.part(|picture| {
        let mut members = picture.sites.iter().flat_map(|(_, site)| &site.members).peekable();
        members.peek().is_some() && members.all(|member| member.knowledge.is_fresh())
    });
    let to = move || match (serving.read().a, serving.read().b) {
        (Some(_), None) => Some(Side::A),
        (None, Some(_)) => Some(Side::B),
        _ => None,
    };
    let text = move || match (serving.read().a, serving.read().b) {
        (Some(_), Some(_)) => say!(lang(), pages.topology.clients_both),
        (None, None) if !known.get() => say!(lang(), pages.topology.clients_unknown),
        (None, None) => say!(lang(), pages.topology.clients_none),
        _ => say!(lang(), pages.topology.clients),
    };
    let note = move || to().map_or_else(String::new, |side| say!(lang(), pages.topology.clients_to, site = view.site(side)));
    let sessions = move || {
        let sum = to().and_then(|side| serving.read()[side]);
        sum.map_or_else(String::new, |sum| {
            if sum == 1 { say!(lang(), pages.topology.session) } else { say!(lang(), pages.topology.sessions, n = words::count(sum)) }
        })
    };
    view! {
        <Traffic to=Signal::derive(to) text=Signal::derive(text) address=Signal::derive(sessions) note=Signal::derive(note) />
    }
}

/// Whether this console sees both sites. Other vantage points come later.
#[component]
fn OwnSight(view: View) -> impl IntoView {
    let lang = use_lang();
    let seen = view.part(|picture| {
        Pair::of(|side| {
            let endpoints = &picture.sites[side].endpoints;
            (endpoints.iter().filter(|endpoint| endpoint.knowledge.is_fresh()).count(), endpoints.len())
        })
    });
    let tone = move || match (seen.read().a.0, seen.read().b.0) {
        _ if !view.trusted.get() => Tone::Stale,
        (0, _) | (_, 0) => Tone::Fail,
        _ => Tone::Ok,
    };
    let text = move || match (seen.read().a.0, seen.read().b.0) {
        // What this page does not follow says nothing about what the console sees.
        _ if !view.trusted.get() => say!(lang(), pages.topology.console_unknown),
        (0, 0) => say!(lang(), pages.topology.console_lost_both),
        (0, _) => say!(lang(), pages.topology.console_lost, site = view.site(Side::A)),
        (_, 0) => say!(lang(), pages.topology.console_lost, site = view.site(Side::B)),
        _ => say!(lang(), pages.topology.console_sees_both),
    };
    let note = move || {
        if !view.trusted.get() {
            return String::new();
        }
        let seen = seen.read();
        say!(lang(), pages.topology.console_note, n = (seen.a.0 + seen.b.0).to_string(), total = (seen.a.1 + seen.b.1).to_string())
    };
    view! {
        <Status tone=Signal::derive(tone) look=Look::Calm sign=Some(Sign::Eye)>
            {move || text()}
        </Status>
        <span>{move || note()}</span>
    }
}

/// A link in one sentence, for screen readers.
pub(super) fn sentence(lang: Locale, link: &LinkPicture) -> String {
    let kind = words::picture::link_kind(lang, link.kind);
    let state = words::picture::link_state(lang, link.state, link.knowledge.is_fresh());
    let node = |node: &Option<switchback_domain::NodeName>| match node {
        Some(node) => node.to_string(),
        None => say!(lang, pages.topology.no_node),
    };
    let (from, to) = (node(&link.from), node(&link.to));
    let lag = match (link.lag, link.lag_bytes) {
        (Some(lag), Some(bytes)) => words::list(lang, [words::duration(lang, lag), words::bytes(bytes)]),
        (Some(lag), None) => words::duration(lang, lag),
        (None, Some(bytes)) => words::bytes(bytes),
        (None, None) => return say!(lang, pages.topology.say_link_no_lag, kind = kind, from = from, to = to, state = state),
    };
    say!(lang, pages.topology.say_link, kind = kind, from = from, to = to, state = state, lag = lag)
}

/// The word over a line. The archive is named, because its line is drawn dashed and needs to say why.
fn word(lang: Locale, link: &LinkPicture, split: bool) -> String {
    let fresh = link.knowledge.is_fresh();
    match (link.kind, link.state) {
        (LinkKind::CrossSite, _) if split => say!(lang, pages.topology.grown_apart),
        (LinkKind::Archive, LinkState::Failing) => say!(lang, pages.topology.archive_failing),
        (LinkKind::Archive, LinkState::Broken) => say!(lang, pages.topology.archive_broken),
        (LinkKind::Archive, LinkState::Off) => say!(lang, pages.topology.archive_off),
        (LinkKind::Archive, LinkState::Unknown) => say!(lang, pages.topology.archive_unknown),
        (LinkKind::Archive, _) if !fresh => say!(lang, pages.topology.archive_silent),
        (LinkKind::Archive, _) => say!(lang, pages.topology.archive_ok),
        (_, state) => words::picture::link_state(lang, state, fresh),
    }
}

#[component]
fn Across(view: View, kind: LinkKind) -> impl IntoView {
    let lang = use_lang();
    // The list of kinds above keeps a kind only while there is such a link, so nothing is shown for a moment at most.
    let link = view.part(move |picture| picture.link(kind).cloned());
    let split = view.part(|picture| picture.sites.iter().all(|(_, site)| site.role == SiteRole::ClaimsActive));
    let tone = Signal::derive(move || match link.read().as_ref() {
        Some(_) if split.get() && kind == LinkKind::CrossSite => Tone::Split,
        Some(link) => tones::link(link),
        None => Tone::Stale,
    });
    let road = move || link.read().as_ref().map_or(Road::None, |link| tones::road(link, split.get()));
    let heading = move || link.read().as_ref().map_or(Heading::AToB, |link| tones::heading(link.from_side));
    let sentence = move || link.read().as_ref().map_or_else(String::new, |link| sentence(lang(), link));
    let top = move || {
        let look = if tone.get() == Tone::Ok { Look::Calm } else { Look::Plain };
        view! {
            <Status tone look>
                {move || link.read().as_ref().map_or_else(String::new, |link| word(lang(), link, split.get()))}
            </Status>
        }
        .into_any()
    };
    let href = view.pool.with_value(|pool| paths::link(pool, kind));
    if kind == LinkKind::Archive {
        view! {
            <LinkAcross
                lane=Lane::Archive
                road=Signal::derive(road)
                heading=Signal::derive(heading)
                sentence=Signal::derive(sentence)
                href
                top
            >
                <ArchiveFigures link />
            </LinkAcross>
        }
        .into_any()
    } else {
        view! {
            <LinkAcross
                lane=Lane::Stream
                road=Signal::derive(road)
                heading=Signal::derive(heading)
                sentence=Signal::derive(sentence)
                href
                top
            >
                <StreamFigures view link tone />
            </LinkAcross>
        }
        .into_any()
    }
}

#[component]
fn StreamFigures(view: View, link: Memo<Option<LinkPicture>>, tone: Signal<Tone>) -> impl IntoView {
    let lang = use_lang();
    let figures = move || {
        let link = link.read();
        let Some(link) = link.as_ref() else { return (String::new(), String::new()) };
        let (first, rest) = match (link.lag, link.lag_bytes) {
            (Some(lag), Some(bytes)) => (words::duration(lang(), lag), words::bytes(bytes)),
            (Some(lag), None) => (words::duration(lang(), lag), String::new()),
            (None, Some(bytes)) => (words::bytes(bytes), String::new()),
            (None, None) => (say!(lang(), pages.topology.no_reading), String::new()),
        };
        let known = link.lag.is_some() || link.lag_bytes.is_some();
        if known && !link.knowledge.is_fresh() { (say!(lang(), pages.topology.was, value = first), rest) } else { (first, rest) }
    };
    let to = link.with_untracked(|link| link.as_ref().and_then(|link| link.to.clone()));
    // Without a node at its end the link has no figures either; what would be lost is the next best curve.
    let metric = to.map_or(Metric::Loss, |to| Metric::Lag { kind: LinkKind::CrossSite, to });
    let curve = view.trends.curve(metric);
    let goal = view.part(|picture| picture.loss_target);
    let caption = move || match link.read().as_ref().map(|link| link.state) {
        Some(LinkState::Broken) => say!(lang(), pages.topology.at_last_contact),
        _ => say!(lang(), pages.spark.span_target, target = words::figures::target(lang(), goal.get())),
    };
    view! {
        <LagLine value=Signal::derive(move || figures().0) rest=Signal::derive(move || figures().1) />
        <Trend curve unit=Unit::Time tone goal=Signal::derive(move || Some(target(goal.get().0))) tall=true />
        <span class="cap">{move || caption()}</span>
    }
}

#[component]
fn ArchiveFigures(link: Memo<Option<LinkPicture>>) -> impl IntoView {
    let lang = use_lang();
    let newest = move || match link.read().as_ref() {
        Some(LinkPicture { newest_file: Some(file), .. }) => say!(lang(), pages.topology.archive_newest, file = short_file(file)),
        _ => say!(lang(), pages.topology.archive_none),
    };
    let behind = move || {
        let link = link.read();
        let bytes = link.as_ref().and_then(|link| link.lag_bytes)?;
        Some(view! { <span class="cap">{say!(lang(), pages.topology.not_there, bytes = words::bytes(bytes))}</span> }.into_any())
    };
    view! {
        <span class="cap">{move || newest()}</span>
        {move || behind()}
    }
}

/// The end of a WAL file's name: the beginning is the same for years.
fn short_file(name: &str) -> String {
    const SHOWN: usize = 11;
    match name.len().checked_sub(SHOWN).filter(|cut| *cut > 0 && name.is_char_boundary(*cut)) {
        Some(cut) => format!("…{}", &name[cut..]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::short_file;

    #[test]
    fn a_wal_file_is_shown_by_its_end() {
        assert_eq!(short_file("00000001000000000000003A"), "…0000000003A");
        assert_eq!(short_file("short"), "short");
    }
}
