//! What a restored store says about a pool, beside what its engines say, told for people. It is laid out by a template of the server.

use crate::paths;
use switchback_domain::{RestoredPool, SiteBeside, SiteRole};
use switchback_words::{self as words, Locale, figures::date_time, say};

/// Everything that the page says.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredView {
    /// The language's tag.
    pub lang: &'static str,
    /// The heading.
    pub title: String,
    /// What it is about.
    pub lede: String,
    /// Back to the pool: address and words.
    pub back: (String, String),
    /// Why the last confirmation was not taken.
    pub problem: Option<String>,
    /// Heads of the table: what, by the store, by the engines.
    pub heads: [String; 3],
    /// Its rows.
    pub rows: Vec<[String; 3]>,
    /// The form's address.
    pub action: String,
    /// Fences that can be lifted: the site's name, and the words beside the box.
    pub lift: Vec<(String, String)>,
    /// Sites that can be fenced: the site's name, the words beside the box, and whether its engines are held already, which asks for it.
    pub fence: Vec<(String, String, bool)>,
    /// What a site that is held without a fence means; nothing when there is none.
    pub forgotten: Option<String>,
    /// The words beside the box for engines that say nothing; nothing when they do.
    pub unseen: Option<String>,
    /// The field for the reason.
    pub reason: String,
    /// What the button says.
    pub confirm: String,
}

/// The page in a reader's language. `problem` is the word of a refusal.
pub fn present(tag: &str, beside: &RestoredPool, problem: Option<&str>) -> RestoredView {
    let lang = if tag == "zh-CN" { Locale::zh_CN } else { Locale::en };
    let pool = &beside.pool;
    let operation = beside
        .operation
        .map(|operation| [say!(lang, operations.restored.open), operation.to_string(), say!(lang, operations.restored.will_be_abandoned)]);
    let epoch = [
        say!(lang, operations.restored.epoch),
        beside.epoch.to_string(),
        say!(lang, operations.restored.next_epoch, epoch = beside.epoch.next().to_string()),
    ];
    let rows = beside.sites.iter().map(|site| [site.site.to_string(), by_store(lang, site), by_engines(lang, site)]);
    let fenced = beside.sites.iter().filter(|site| site.fenced);
    RestoredView {
        lang: words::tag(lang),
        title: say!(lang, operations.restored.title, pool = pool.to_string()),
        lede: say!(lang, operations.restored.lede, time = date_time(lang, beside.restored.taken_at)),
        back: (paths::pool(pool), pool.to_string()),
        problem: problem.map(|code| refusal(lang, code, beside)),
        heads: [say!(lang, operations.restored.what), say!(lang, operations.restored.by_store), say!(lang, operations.restored.by_engines)],
        rows: rows.chain(operation).chain([epoch]).collect(),
        action: paths::restored(pool),
        lift: fenced.map(|site| (site.site.to_string(), say!(lang, operations.restored.lift, site = site.site.to_string()))).collect(),
        fence: (beside.sites.iter().filter(|site| !site.fenced && !site.active))
            .map(|site| {
                (site.site.to_string(), say!(lang, operations.restored.fence, site = site.site.to_string()), site.is_held_by_none())
            })
            .collect(),
        forgotten: (beside.sites.iter().find(|site| site.is_held_by_none()))
            .map(|site| say!(lang, operations.restored.forgotten, site = site.site.to_string())),
        unseen: beside.sites.iter().all(|site| !site.active).then(|| say!(lang, operations.restored.unseen)),
        reason: say!(lang, operations.restored.reason),
        confirm: say!(lang, operations.restored.confirm),
    }
}

fn by_store(lang: Locale, site: &SiteBeside) -> String {
    match (site.fenced, site.made_active) {
        (true, _) => say!(lang, operations.restored.fenced),
        (false, true) => say!(lang, operations.restored.made_active),
        (false, false) => say!(lang, operations.restored.nothing),
    }
}

fn by_engines(lang: Locale, site: &SiteBeside) -> String {
    let heard = match site.heard_at {
        None => say!(lang, operations.restored.never_heard),
        Some(at) => say!(lang, operations.restored.heard, time = date_time(lang, at)),
    };
    let leader = site.leader.as_ref().map_or_else(|| say!(lang, operations.restored.no_leader), ToString::to_string);
    let timeline = site
        .timeline
        .map_or_else(String::new, |timeline| format!(" · {}", say!(lang, operations.restored.timeline, n = timeline.0.to_string())));
    let active = if site.active {
        say!(lang, operations.restored.active)
    } else if site.role == SiteRole::Fenced {
        say!(lang, operations.restored.held)
    } else {
        say!(lang, operations.restored.not_active)
    };
    format!("{active} · {leader}{timeline} · {heard}")
}

/// A refusal by its word, as it comes back in the address.
fn refusal(lang: Locale, code: &str, beside: &RestoredPool) -> String {
    let site = beside.sites.iter().find(|site| site.active).map_or_else(String::new, |site| site.site.to_string());
    match code {
        "no_reason" => say!(lang, operations.restored.problem.no_reason),
        "fences_active" => say!(lang, operations.restored.problem.fences_active, site = site),
        "lifts_and_fences" => say!(lang, operations.restored.problem.lifts_and_fences),
        "fences_all" => say!(lang, operations.restored.problem.fences_all),
        "not_seen" => say!(lang, operations.restored.problem.not_seen),
        "lease_held" => say!(lang, operations.restored.problem.lease_held),
        _ => say!(lang, operations.restored.problem.other),
    }
}
