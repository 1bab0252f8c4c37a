//! A plan, before somebody asks for it.

use super::{AliveView, CheckView, Figure, MemberView, PlanView, RouteView, form, steps};
use crate::ui::{Part, Tone};
use jiff::Timestamp;
use switchback_domain::{
    Bound, CheckKind, MemberState, Millis, Objection, Pair, Picture, Side, SiteRole, Verdict,
    operation::{Intent, MemberOrder, Plan, PlanChange, PlanObjection, Planned, Step, ToAcknowledge},
};
use switchback_words::{self as words, Locale, Names, duration, figures, readiness, say};

/// The plan for a reader.
///
/// `problem` is the word for why the last request was refused, with what has changed since the plan it was made for.
pub(super) fn present(
    lang: Locale,
    planned: &Planned,
    picture: &Picture,
    problem: Option<(&str, &[PlanChange])>,
    now: Timestamp,
) -> PlanView {
    let plan = &planned.plan;
    let names = form::names(picture);
    let intent = &plan.intent;
    let danger = intent.gives_up().is_some();
    let (advice, refusals): (Vec<_>, Vec<_>) = plan.objections.iter().partition(|objection| objection.is_advice());
    let told = |objections: Vec<&PlanObjection>| -> Vec<String> {
        let (unread, others): (Vec<_>, Vec<_>) = objections.into_iter().partition(|one| unread_check(one).is_some());
        let titles: Vec<String> = unread.iter().filter_map(|one| unread_check(one)).map(|kind| readiness::title(lang, kind)).collect();
        // The same sentence for each of many checks hides what else is in the way.
        let together = (titles.len() > 2).then(|| {
            let n = titles.len().to_string();
            say!(lang, operations.dialog.unread_checks, n = n, checks = words::list(lang, &titles))
        });
        let each = if together.is_some() { Vec::new() } else { unread };
        let each = others.into_iter().chain(each).map(|one| words::operation::objection(lang, one, &names));
        each.chain(together).collect()
    };
    let site = intent.side().map(|side| names[side].to_string());
    let checks = if danger { checks(lang, plan, picture, &names) } else { Vec::new() };
    let (checks_title, checks_tone) = checks_line(lang, plan, picture);
    let count = plan.steps.len();
    PlanView {
        at: now,
        pool: plan.pool.clone(),
        kind: form::kind(intent),
        danger,
        title: words::operation::title(lang, intent, false, &names),
        about: words::operation::about(lang, intent, plan.pool.as_str(), &names),
        route: route(lang, plan, picture, &names),
        steps: match count {
            0 => say!(lang, operations.dialog.no_plan),
            1 => say!(lang, operations.dialog.plan_single),
            _ => say!(lang, operations.dialog.plan, n = count.to_string()),
        },
        phases: steps::planned(lang, &plan.steps, plan.no_return(), &names),
        hash: planned.hash.clone(),
        made_at: plan.made_at.to_string(),
        made: say!(lang, operations.dialog.made, time = words::clock_time(lang, plan.made_at)),
        objections: told(refusals),
        advice: [told(advice), advised(lang, plan, picture, &names)].concat(),
        stakes: stakes(lang, plan, picture, &names),
        lost: lost(lang, plan, &names),
        accept: danger.then(|| accept(lang, plan, &names)),
        checks_title,
        checks_tone,
        acknowledge: danger && !plan.not_passed.is_empty(),
        checks,
        attest: intent.gives_up().map(|side| names[side].to_string()),
        attest_needed: (!plan.unproven.is_empty())
            .then(|| say!(lang, operations.dialog.attest_needed, nodes = words::list(lang, &plan.unproven))),
        alive: alive(lang, plan, &names),
        other_site: intent.side().map(|side| names[side.other()].to_string()),
        button: match (intent, &site) {
            (Intent::Switchover { .. }, Some(site)) => say!(lang, operations.dialog.start_switchover, site = site.clone()),
            (Intent::Failover { .. }, Some(site)) => say!(lang, operations.dialog.start_failover, site = site.clone()),
            (Intent::Failback { .. }, Some(site)) => say!(lang, operations.dialog.start_failback, site = site.clone()),
            (Intent::Resolve { keep }, _) => {
                say!(lang, operations.dialog.start_resolve, keep = names[*keep].to_string(), other = names[keep.other()].to_string())
            }
            (Intent::Reprotect { .. }, Some(site)) => say!(lang, operations.dialog.start_reprotect, site = site.clone()),
            (Intent::LocalSwitchover { .. }, Some(site)) => say!(lang, operations.dialog.start_local_switchover, site = site.clone()),
            _ => say!(lang, operations.dialog.start_members),
        },
        members: members(lang, intent, picture, &names),
        changes: match intent {
            Intent::Members { changes } => changes.iter().map(|change| form::change(change, &names)).collect(),
            _ => Vec::new(),
        },
        problem: problem.map(|(code, changes)| {
            words::operation::refusal::request_by_code(lang, code, &plan.pool, site.as_deref().unwrap_or_default(), changes, &names)
        }),
        site,
    }
}

/// The check that nobody can judge, when that is what is in the way.
fn unread_check(objection: &PlanObjection) -> Option<CheckKind> {
    match objection {
        PlanObjection::Situation { objection: Objection::CheckFails { check, verdict: Verdict::Unknown } } => Some(*check),
        _ => None,
    }
}

/// What speaks for the site that is to go on where both write. What speaks against it is an objection of the plan.
fn advised(lang: Locale, plan: &Plan, picture: &Picture, names: &Names) -> Vec<String> {
    let Intent::Resolve { keep } = plan.intent else { return Vec::new() };
    match picture.advice() {
        Some(advice) if advice.keep == keep => vec![words::operation::advice(lang, &advice, names)],
        None if picture.is_split() => vec![say!(lang, operations.advice.none)],
        Some(_) | None => Vec::new(),
    }
}

/// A site's part, as it is before anything begins.
pub(super) fn part(role: SiteRole) -> Part {
    match role {
        SiteRole::Active => Part::Active,
        SiteRole::Standby => Part::Standby,
        SiteRole::ClaimsActive => Part::Split,
        SiteRole::Fenced => Part::Fenced,
        SiteRole::Silent | SiteRole::OutOfSight | SiteRole::Unknown => Part::Lost,
    }
}

fn route(lang: Locale, plan: &Plan, picture: &Picture, names: &Names) -> Option<RouteView> {
    let (from, to) = plan.moves()?;
    let parts = Pair::of(|side| part(picture.sites[side].role));
    Some(RouteView {
        a: parts.a,
        b: parts.b,
        to_b: to == Side::B,
        broken: picture.sites[from].role != SiteRole::Active,
        label: say!(lang, operations.page.route, from = names[from].to_string(), to = names[to].to_string()),
    })
}

/// What has to be taken on, what fails first.
fn checks(lang: Locale, plan: &Plan, picture: &Picture, names: &Names) -> Vec<CheckView> {
    let ToAcknowledge { alone, together } = ToAcknowledge::of(&plan.not_passed, |kind| picture.silence_behind(kind));
    let silent = |(side, kinds): (Side, Vec<CheckKind>)| {
        let n = kinds.len().to_string();
        CheckView {
            code: kinds.iter().map(form::code).collect::<Vec<_>>().join(" "),
            text: say!(lang, operations.dialog.checks_silent, n = n.clone(), site = names[side].to_string()),
            each: kinds.into_iter().map(|kind| readiness::title(lang, kind)).collect(),
            take: say!(lang, operations.dialog.take_all, n = n),
            tone: Tone::Stale,
        }
    };
    let alone = alone.into_iter().map(|(kind, verdict)| check(lang, kind, verdict));
    alone.chain(together.into_iter().map(silent)).collect()
}

/// Signs of life of the site that would be given up: each has to be overridden.
fn alive(lang: Locale, plan: &Plan, names: &Names) -> Option<AliveView> {
    let side = plan.intent.gives_up().filter(|_| !plan.witnesses.is_empty())?;
    let mut signs: Vec<(String, String)> = Vec::new();
    for witness in &plan.witnesses {
        let text = say!(lang, operations.dialog.override_sign, sign = words::witness(lang, witness));
        match signs.iter_mut().find(|(code, _)| code == witness.kind.code()) {
            Some((_, told)) => *told = words::lines([told.clone(), words::witness(lang, witness)]),
            None => signs.push((witness.kind.code().to_owned(), text)),
        }
    }
    Some(AliveView { title: say!(lang, operations.dialog.alive_title, site = names[side].to_string()), signs })
}

fn check(lang: Locale, kind: CheckKind, verdict: Verdict) -> CheckView {
    let (text, tone) = match verdict {
        Verdict::Unknown => (say!(lang, operations.dialog.check_unknown, check = readiness::title(lang, kind)), Tone::Stale),
        Verdict::Pass | Verdict::Warn | Verdict::Fail => (readiness::fails(lang, kind), Tone::Fail),
    };
    CheckView { code: form::code(&kind), text, each: Vec::new(), take: say!(lang, operations.dialog.take_upon), tone }
}

fn checks_line(lang: Locale, plan: &Plan, picture: &Picture) -> (String, Tone) {
    if !plan.intent.moves_the_active_site() {
        return (String::new(), Tone::Idle);
    }
    let count = |verdict| picture.checks.iter().filter(|check| check.verdict == verdict).count();
    let (total, warnings) = (picture.checks.len(), count(Verdict::Warn));
    let unknown = plan.not_passed.iter().filter(|(_, verdict)| *verdict == Verdict::Unknown).count();
    match (plan.not_passed.len(), warnings) {
        (0, 0) => (say!(lang, operations.dialog.checks_ok, n = total.to_string()), Tone::Ok),
        (0, _) => {
            let (n, total, warnings) = (count(Verdict::Pass).to_string(), total.to_string(), warnings.to_string());
            (say!(lang, operations.dialog.checks_warn, n = n, total = total, warnings = warnings), Tone::Warn)
        }
        (1, _) if unknown == 1 => (say!(lang, operations.dialog.checks_unknown_single), Tone::Stale),
        (n, _) if unknown == n => (say!(lang, operations.dialog.checks_unknown, n = n.to_string()), Tone::Stale),
        (1, _) => (say!(lang, operations.dialog.checks_title_single), Tone::Fail),
        (n, _) if unknown > 0 => {
            let (failed, unknown) = (n - unknown, unknown.to_string());
            let told = match failed {
                1 => say!(lang, operations.dialog.checks_mixed_single, unknown = unknown),
                _ => say!(lang, operations.dialog.checks_mixed, failed = failed.to_string(), unknown = unknown),
            };
            (told, Tone::Fail)
        }
        (n, _) => (say!(lang, operations.dialog.checks_title, n = n.to_string()), Tone::Fail),
    }
}

/// The number of the first step that is one of these, counted from one.
fn number(plan: &Plan, wanted: impl Fn(&Step) -> bool) -> Option<usize> {
    plan.steps.iter().position(wanted).map(|index| index + 1)
}

/// The loss as figures, such as `1.8 s · 152 KiB`.
fn loss(lang: Locale, plan: &Plan) -> Option<String> {
    match (plan.loss.loss.map(|loss| duration(lang, loss)), plan.loss.loss_bytes.map(words::bytes)) {
        (Some(loss), Some(bytes)) => Some(format!("{loss} · {bytes}")),
        (one, other) => one.or(other),
    }
}

fn stakes(lang: Locale, plan: &Plan, picture: &Picture, names: &Names) -> Vec<Figure> {
    let figure = |name: String, value: String, note: String, tone: Tone| Figure { name, value, note, tone };
    let mut told = Vec::new();
    let outage = |from: Option<usize>, to: Option<usize>| {
        let (from, to) = (from?, to?);
        let limits: u64 = plan.steps[from - 1..to].iter().map(|step| step.nature().deadline.0).sum();
        let note = say!(lang, operations.dialog.pause_note, from = from.to_string(), to = to.to_string());
        Some(figure(say!(lang, operations.dialog.pause), figures::target(lang, Millis(limits)), note, Tone::Idle))
    };
    match &plan.intent {
        Intent::Switchover { .. } | Intent::Failback { .. } => {
            let step = number(plan, |step| matches!(step, Step::Prove { .. })).unwrap_or_default();
            let note = say!(lang, operations.dialog.loss_zero_note, n = step.to_string());
            told.push(figure(say!(lang, operations.dialog.loss), say!(lang, operations.dialog.loss_zero), note, Tone::Ok));
            let verify = number(plan, |step| matches!(step, Step::Verify { .. }));
            told.extend(outage(number(plan, |step| matches!(step, Step::Demote { .. })), verify));
        }
        Intent::Failover { to } => {
            let name = match plan.loss.bound {
                Bound::About => say!(lang, operations.dialog.loss_about),
                Bound::AtLeast => say!(lang, operations.dialog.loss_at_least),
                Bound::Was | Bound::NotKnown => say!(lang, operations.dialog.loss_was),
            };
            let reading = match plan.loss.measured_at {
                Some(at) => say!(lang, operations.dialog.loss_reading, time = words::clock_time(lang, at)),
                None => say!(lang, operations.dialog.loss_no_reading),
            };
            let unknown = || say!(lang, operations.dialog.loss_unknown);
            told.push(figure(name, loss(lang, plan).unwrap_or_else(unknown), reading, Tone::Fail));
            let note = say!(lang, operations.dialog.loss_out_of_sight, site = names[to.other()].to_string());
            told.push(figure(say!(lang, operations.dialog.loss_most), unknown(), note, Tone::Fail));
            if let Some(step) = number(plan, |step| matches!(step, Step::Verify { .. })) {
                let value = say!(lang, operations.dialog.pause_until, n = step.to_string());
                let from = &picture.sites[to.other()];
                let note = match from.role {
                    SiteRole::Active => String::new(),
                    // Each node says that it does not write.
                    _ if from.unproven.is_empty() && picture.active.is_none() => say!(lang, operations.dialog.pause_until_note),
                    _ => say!(lang, operations.dialog.pause_until_unseen, site = names[to.other()].to_string()),
                };
                told.push(figure(say!(lang, operations.dialog.pause), value, note, Tone::Idle));
            }
        }
        Intent::Resolve { keep } => {
            told.extend(stakes_of_split(lang, picture, *keep, names));
        }
        Intent::Reprotect { .. } | Intent::LocalSwitchover { .. } | Intent::Members { .. } => {
            let save = number(plan, |step| matches!(step, Step::Save { .. }));
            told.push(if let (Intent::Reprotect { side }, Some(step)) = (&plan.intent, save) {
                let (name, n) = (say!(lang, operations.dialog.only_there, site = names[*side].to_string()), step.to_string());
                figure(
                    name,
                    say!(lang, operations.dialog.only_there_saved),
                    say!(lang, operations.dialog.only_there_note, n = n),
                    Tone::Idle,
                )
            } else {
                let (value, note) = (say!(lang, operations.dialog.loss_nothing), say!(lang, operations.dialog.loss_nothing_note));
                figure(say!(lang, operations.dialog.loss), value, note, Tone::Ok)
            });
            let active = picture.active.is_some() && plan.intent.side() == picture.active;
            let pause = match &plan.intent {
                Intent::LocalSwitchover { .. } if active => say!(lang, operations.dialog.pause_moment),
                _ => say!(lang, operations.dialog.pause_none),
            };
            told.push(figure(say!(lang, operations.dialog.pause), pause, String::new(), Tone::Idle));
        }
    }
    let leaving = plan.moves().map(|(from, _)| from);
    if let Some(side) = leaving.filter(|_| matches!(plan.intent, Intent::Switchover { .. } | Intent::Failback { .. })) {
        let members = &picture.sites[side].members;
        let known = !members.is_empty() && members.iter().all(|member| member.knowledge.is_fresh());
        let sessions: u64 = members.iter().map(|member| u64::from(member.sessions)).sum();
        let value = if known { words::count(sessions) } else { say!(lang, operations.dialog.sessions_unknown) };
        let note = say!(lang, operations.dialog.sessions_note, site = names[side].to_string());
        told.push(figure(say!(lang, operations.dialog.sessions), value, note, Tone::Idle));
    }
    told
}

/// What it costs to stop one of two sites that both accept writes.
fn stakes_of_split(lang: Locale, picture: &Picture, keep: Side, names: &Names) -> Vec<Figure> {
    let figure = |name: String, value: String, note: String, tone: Tone| Figure { name, value, note, tone };
    let other = names[keep.other()].to_string();
    let (aside, unknown) = (say!(lang, operations.dialog.set_aside), say!(lang, operations.dialog.loss_unknown));
    let members = &picture.sites[keep.other()].members;
    let known = !members.is_empty() && members.iter().all(|member| member.knowledge.is_fresh());
    let sessions: u64 = members.iter().map(|member| u64::from(member.sessions)).sum();
    let cut = if known { words::count(sessions) } else { say!(lang, operations.dialog.sessions_unknown) };
    vec![
        figure(aside, unknown, say!(lang, operations.dialog.set_aside_note, site = other.clone()), Tone::Fail),
        figure(
            say!(lang, operations.dialog.pause),
            say!(lang, operations.dialog.pause_none),
            say!(lang, operations.dialog.pause_kept, site = names[keep].to_string()),
            Tone::Idle,
        ),
        figure(say!(lang, operations.dialog.sessions), cut, say!(lang, operations.dialog.sessions_note, site = other), Tone::Idle),
    ]
}

fn lost(lang: Locale, plan: &Plan, names: &Names) -> Vec<String> {
    let Some(side) = plan.intent.gives_up() else { return Vec::new() };
    let (from, to) = (names[side].to_string(), names[side.other()].to_string());
    if matches!(plan.intent, Intent::Resolve { .. }) {
        return vec![
            say!(lang, operations.dialog.split_1, site = from.clone()),
            say!(lang, operations.dialog.split_2, site = from),
            say!(lang, operations.dialog.split_3),
        ];
    }
    vec![
        say!(lang, operations.dialog.what_1, from = from.clone(), to = to),
        say!(lang, operations.dialog.what_2, from = from.clone()),
        say!(lang, operations.dialog.what_3, from = from),
    ]
}

fn accept(lang: Locale, plan: &Plan, names: &Names) -> String {
    let site = plan.intent.gives_up().map(|side| names[side].to_string()).unwrap_or_default();
    if matches!(plan.intent, Intent::Resolve { .. }) {
        return say!(lang, operations.dialog.accept_split, site = site);
    }
    let least = plan.loss.bound != Bound::About;
    match (plan.loss.loss.map(|loss| duration(lang, loss)), plan.loss.loss_bytes.map(words::bytes)) {
        (Some(loss), Some(bytes)) if least => say!(lang, operations.dialog.accept_both_least, loss = loss, bytes = bytes, site = site),
        (Some(loss), Some(bytes)) => say!(lang, operations.dialog.accept_both, loss = loss, bytes = bytes, site = site),
        (Some(loss), None) | (None, Some(loss)) if least => say!(lang, operations.dialog.accept_one_least, loss = loss, site = site),
        (Some(loss), None) | (None, Some(loss)) => say!(lang, operations.dialog.accept_one, loss = loss, site = site),
        (None, None) => say!(lang, operations.dialog.accept_unknown, site = site),
    }
}

fn members(lang: Locale, intent: &Intent, picture: &Picture, names: &Names) -> Vec<MemberView> {
    let Intent::Members { changes } = intent else { return Vec::new() };
    let mut told = Vec::new();
    for (side, site) in picture.sites.iter() {
        for member in &site.members {
            let chosen = changes.iter().rev().find(|change| change.side == side && change.member == member.name).map(|change| change.to);
            let state: MemberState = member.state;
            let state = words::picture::member_state(lang, state, member.knowledge.is_fresh());
            let mut orders = vec![(String::new(), say!(lang, operations.dialog.member_as_is, state = state), chosen.is_none())];
            for (order, text) in [
                (MemberOrder::Ready, say!(lang, operations.dialog.order_ready)),
                (MemberOrder::Drain, say!(lang, operations.dialog.order_drain)),
                (MemberOrder::Maintenance, say!(lang, operations.dialog.order_maintenance)),
            ] {
                let value = format!("{}/{}/{}", names[side], member.name, form::code(&order));
                orders.push((value, text, chosen == Some(order)));
            }
            let label = say!(lang, operations.dialog.member_of, member = member.name.to_string(), site = names[side].to_string());
            told.push(MemberView { label, orders });
        }
    }
    told
}
