//! Acting: the plan is shown, the pool's and the site's names are typed, the operation is asked for and followed.

use super::{
    Client, End, Failure, Kind, Out, Outcome, check_kind, pools, watch,
    words::{self, Sites, word},
};
use clap::Args;
use rand::Rng as _;
use serde::Deserialize;
use serde_json::json;
use switchback_domain::{
    CheckKind, MemberName, NodeName, Picture, PoolId, Side, SiteId, Witness, WitnessKind,
    operation::{Intent, MemberChange, MemberOrder, OperationId, Planned, Request, ToAcknowledge},
};

/// What every acting command takes.
#[derive(Debug, Args)]
pub struct Acting {
    /// Why. It is kept with the operation.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The ticket or incident.
    #[arg(long, default_value = "", value_name = "TEXT")]
    ticket: String,
    /// Only rehearses: looks and proves as far as that is possible, changes nothing. Needs no attestation, no override and nothing accepted;
    /// says at its end what the operation itself would need.
    #[arg(long)]
    dry_run: bool,
    /// The pool's name once more, instead of typing it when asked.
    #[arg(long, value_name = "POOL")]
    confirm_pool: Option<String>,
    /// The name of the site that the operation is about, instead of typing it when asked.
    #[arg(long, value_name = "SITE")]
    confirm_site: Option<String>,
    /// Accepts the stated loss of a failover, or that what only the fenced one of two sites has written leaves the pool.
    #[arg(long)]
    accept_loss: bool,
    /// A check that does not pass and that you take upon yourself, as often as needed.
    #[arg(long, value_name = "CHECK", num_args = 1.., value_parser = check_kind)]
    acknowledge: Vec<CheckKind>,
    /// How you know that what gives no answer of its own of the old site is off. Needed unless every node there says itself that it does
    /// not write: a refused connection is no proof.
    #[arg(long, default_value = "", value_name = "TEXT")]
    attest: String,
    /// A sign of life of the old site that you know to be wrong, as often as needed: log-stream, proxy-check, leader-key, log-replies,
    /// database-refuses.
    #[arg(long, value_name = "SIGN", num_args = 1..)]
    override_sign: Vec<WitnessKind>,
    /// Does not follow the operation.
    #[arg(long)]
    no_wait: bool,
    /// Text of your own: the same command with the same key begins one operation however often it is run.
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

/// What somebody wants, with the names of sites as they typed them.
#[derive(Debug)]
pub(super) enum Wanted {
    Switchover(SiteId),
    Failover(SiteId),
    Failback(Option<SiteId>),
    Resolve(SiteId),
    Reprotect(Option<SiteId>),
    LocalSwitchover(SiteId),
    Members(SiteId, Vec<(MemberName, MemberOrder)>),
}

impl Wanted {
    pub(super) fn planned(kind: Kind, site: Option<SiteId>, orders: Vec<(MemberName, MemberOrder)>) -> Result<Wanted, Failure> {
        let named = |site: Option<SiteId>| site.ok_or_else(|| Failure::Trouble("name the site with --to SITE".to_owned()));
        match (kind, orders.is_empty()) {
            (Kind::Members, true) => {
                let usage = "name members and what they shall do in turn: MEMBER ready|drain|maintenance";
                return Err(Failure::Trouble(usage.to_owned()));
            }
            (Kind::Members, false) | (_, true) => {}
            (_, false) => return Err(Failure::Trouble("only a plan for `members` takes members and what they shall do".to_owned())),
        }
        Ok(match kind {
            Kind::Switchover => Wanted::Switchover(named(site)?),
            Kind::Failover => Wanted::Failover(named(site)?),
            Kind::Failback => Wanted::Failback(site),
            Kind::Resolve => Wanted::Resolve(named(site)?),
            Kind::Reprotect => Wanted::Reprotect(site),
            Kind::LocalSwitchover => Wanted::LocalSwitchover(named(site)?),
            Kind::Members => Wanted::Members(named(site)?, orders),
        })
    }

    fn intent(&self, picture: &Picture) -> Result<Intent, Failure> {
        let side = |site: &SiteId| {
            let same = |side: &Side| picture.sites[*side].id.as_str().eq_ignore_ascii_case(site.as_str());
            let names = || Side::BOTH.map(|side| picture.sites[side].id.to_string()).join(" and ");
            let unknown = || Failure::Trouble(format!("{} has no site {site}; its sites are {}", picture.pool, names()));
            Side::BOTH.into_iter().find(same).ok_or_else(unknown)
        };
        Ok(match self {
            Wanted::Switchover(to) => Intent::Switchover { to: side(to)? },
            Wanted::Failover(to) => Intent::Failover { to: side(to)? },
            Wanted::Failback(to) => Intent::Failback { to: to.as_ref().map_or(Ok(picture.home), side)? },
            Wanted::Resolve(keep) => Intent::Resolve { keep: side(keep)? },
            Wanted::Reprotect(site) => Intent::Reprotect { side: site.as_ref().map_or(Ok(picture.target), side)? },
            Wanted::LocalSwitchover(site) => Intent::LocalSwitchover { side: side(site)? },
            Wanted::Members(site, orders) => {
                let side = side(site)?;
                let change = |(member, to): &(MemberName, MemberOrder)| MemberChange { side, member: member.clone(), to: *to };
                Intent::Members { changes: orders.iter().map(change).collect() }
            }
        })
    }
}

/// Shows what would be done.
pub(super) async fn plan(client: &Client, out: &Out, pool: &PoolId, wanted: &Wanted) -> Outcome {
    let picture = pools::picture(client, pool).await?;
    let (planned, value) = client.post::<Planned>(&format!("/pools/{pool}/plans"), &wanted.intent(&picture)?).await?;
    out.tell(&value);
    show(out, &planned, &pools::sites(&picture));
    Ok(if planned.plan.is_possible() { End::Done } else { End::Refused })
}

fn show(out: &Out, planned: &Planned, sites: &Sites) {
    let plan = &planned.plan;
    let about = plan.intent.side().map(|side| format!(", {}", sites[side])).unwrap_or_default();
    out.say(format_args!("Plan: {} of {}{about} (epoch {})", plan.intent.as_code().replace('_', " "), plan.pool, plan.epoch));
    for (number, step) in plan.steps.iter().enumerate() {
        out.say(format_args!("  {:>2}. {}", number + 1, words::step(step, sites)));
        if plan.no_return() == Some(number) {
            out.say("      ----- nothing after this is taken back -----");
        }
    }
    if plan.intent.moves_the_active_site() {
        let planned =
            if matches!(plan.intent, Intent::Failover { .. }) { "Would be lost" } else { "Would be lost if the active site died now" };
        out.say(format_args!("{planned}: {}.", words::loss(&plan.loss)));
    }
    if let Intent::Resolve { keep } = plan.intent {
        out.say(format_args!("{}.", words::set_aside(&sites[keep.other()])));
    }
    for (kind, verdict) in &plan.not_passed {
        out.say(format_args!("Check {}: {}.", word(kind), word(verdict)));
    }
    for objection in &plan.objections {
        out.say(format_args!("{}: {}.", if objection.is_advice() { "Note" } else { "In the way" }, words::objection(objection, sites)));
    }
}

#[derive(Deserialize)]
struct Begun {
    id: OperationId,
}

/// Asks for an operation and follows it.
pub(super) async fn act(client: &Client, out: &Out, pool: &PoolId, wanted: &Wanted, acting: Acting) -> Outcome {
    if acting.reason.trim().is_empty() {
        return Err(Failure::Trouble("say why, with --reason".to_owned()));
    }
    let picture = pools::picture(client, pool).await?;
    let sites = pools::sites(&picture);
    let intent = wanted.intent(&picture)?;
    let (planned, value) = client.post::<Planned>(&format!("/pools/{pool}/plans"), &intent).await?;
    show(out, &planned, &sites);
    // What stands in the way is told by the console as well, and written into its audit history; so it is asked even then, unless
    // that would only make somebody type names in vain.
    if !planned.plan.is_possible() && (acting.confirm_pool.is_none() || acting.confirm_site.is_none()) {
        out.tell(&json!({ "event": "planned", "planned": value }));
        eprintln!("switchback: refused: this cannot be done now");
        return Ok(End::Refused);
    }
    let no_wait = acting.no_wait;
    let key = acting.idempotency_key.clone().unwrap_or_else(fresh_key);
    let request = request(out, planned, &picture, acting)?;
    if !no_wait {
        out.tell(&json!({ "event": "planned", "planned": value }));
    }
    let (begun, document) = client.post_once::<Begun>("/operations", &key, &request).await?;
    if no_wait {
        out.tell(&document);
        out.say(format_args!("{} has begun; follow it: switchback operation watch {}", begun.id, begun.id));
        return Ok(End::Done);
    }
    out.tell(&json!({ "event": "begun", "operation": begun.id }));
    out.say(format_args!("{} has begun.", begun.id));
    watch::follow(client, out, begun.id, Some(sites)).await
}

fn fresh_key() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_le_bytes(bytes))
}

/// Asks for each check that does not pass whether it is taken on, and once for all that only the silence of a site keeps from being told.
fn acknowledge(
    ToAcknowledge { alone, together }: ToAcknowledge,
    sites: &Sites,
    acknowledged: &mut Vec<CheckKind>,
    mut ask: impl FnMut(&str) -> Result<String, Failure>,
) -> Result<(), Failure> {
    for (side, mut kinds) in together {
        kinds.retain(|kind| !acknowledged.contains(kind));
        if kinds.is_empty() {
            continue;
        }
        let (site, names) = (sites[side].as_str(), kinds.iter().map(word).collect::<Vec<_>>().join(", "));
        let question = format!(
            "{} checks cannot be told, because there is no reading from {site}: {names}. Type {site} to take all of them upon yourself:",
            kinds.len()
        );
        if ask(&question)?.eq_ignore_ascii_case(site) {
            acknowledged.extend(kinds);
        }
    }
    for (kind, verdict) in alone {
        let name = word(&kind);
        let question = format!("The check {name}: {}. Type its name to take that upon yourself:", word(&verdict));
        if !acknowledged.contains(&kind) && ask(&question)? == name {
            acknowledged.push(kind);
        }
    }
    Ok(())
}

/// Asks for each sign of life of the site that is given up whether it is known to be wrong.
fn override_signs(
    witnesses: &[Witness],
    overridden: &mut Vec<WitnessKind>,
    mut ask: impl FnMut(&str) -> Result<String, Failure>,
) -> Result<(), Failure> {
    for witness in witnesses {
        let name = witness.kind.code().replace('_', "-");
        let question =
            format!("The site is alive: {}. Do not fail over. Only if you know that this is wrong, type {name}:", words::sign(witness));
        if !overridden.contains(&witness.kind) && ask(&question)?.parse() == Ok(witness.kind) {
            overridden.push(witness.kind);
        }
    }
    Ok(())
}

/// Turns a plan into a request, asking for what was not told. What is typed goes to the console as it is: it judges, and remembers.
fn request(out: &Out, planned: Planned, picture: &Picture, acting: Acting) -> Result<Request, Failure> {
    let Planned { plan, hash } = planned;
    let sites = &pools::sites(picture);
    let typed = |told: Option<String>, question: String, flag: &str| match told {
        Some(told) => Ok(told),
        None if out.can_ask() => super::print::ask(&question),
        None => Err(Failure::Trouble(format!("nobody can be asked to type a name here: give {flag}; nothing has happened"))),
    };
    let site = plan.intent.side().map(|side| sites[side].as_str()).unwrap_or_default();
    let typed_pool = typed(acting.confirm_pool, format!("Type the pool's name ({}):", plan.pool), "--confirm-pool")?;
    let typed_site = typed(acting.confirm_site, format!("Type the site's name ({site}):"), "--confirm-site")?;
    let (mut acknowledged, mut accepts_loss) = (acting.acknowledge, acting.accept_loss);
    let (mut overridden, mut attestation) = (acting.override_sign, acting.attest);
    // A rehearsal changes nothing: nobody has to answer for anything.
    let answers = out.can_ask() && !acting.dry_run;
    if answers {
        override_signs(&plan.witnesses, &mut overridden, super::print::ask)?;
        if !plan.unproven.is_empty() && attestation.trim().is_empty() {
            let nodes = plan.unproven.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
            attestation =
                super::print::ask(&format!("Nothing proves that {nodes} no longer accept writes. How do you know that they are off?"))?;
        }
    }
    if let Some(side) = plan.intent.gives_up().filter(|_| answers) {
        let open = ToAcknowledge::of(&plan.not_passed, |kind| picture.silence_behind(kind));
        acknowledge(open, sites, &mut acknowledged, super::print::ask)?;
        if !accepts_loss {
            let lost = match plan.intent {
                Intent::Resolve { .. } => words::set_aside(&sites[side]),
                _ => format!("Would be lost: {}", words::loss(&plan.loss)),
            };
            accepts_loss = super::print::ask(&format!("{lost}. Type \"accept\" to accept that:"))? == "accept";
        }
    }
    Ok(Request {
        pool: plan.pool,
        intent: plan.intent,
        plan: hash,
        planned_at: plan.made_at,
        reason: acting.reason,
        ticket: acting.ticket,
        typed_pool,
        typed_site,
        accepts_loss,
        acknowledged,
        attestation,
        overridden,
        dry_run: acting.dry_run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::{Pair, Verdict};

    fn taken(answers: &[&str], before: &[CheckKind]) -> (Vec<CheckKind>, Vec<String>) {
        let sites: Sites = Pair { a: "dc-a".to_owned(), b: "dc-b".to_owned() };
        let not_passed = [
            (CheckKind::StandbyMembers, Verdict::Fail),
            (CheckKind::OneDatabase, Verdict::Unknown),
            (CheckKind::UniqueNames, Verdict::Unknown),
            (CheckKind::EtcdHealthy, Verdict::Unknown),
        ];
        // One of them fails by now.
        let silent =
            |kind| (matches!(kind, CheckKind::OneDatabase | CheckKind::UniqueNames | CheckKind::StandbyMembers)).then_some(Side::A);
        let (mut acknowledged, mut questions, mut answers) = (before.to_vec(), Vec::new(), answers.iter());
        let ask = |question: &str| {
            questions.push(question.to_owned());
            Ok(answers.next().copied().unwrap_or_default().to_owned())
        };
        acknowledge(ToAcknowledge::of(&not_passed, silent), &sites, &mut acknowledged, ask).unwrap_or_else(|failure| panic!("{failure:?}"));
        (acknowledged, questions)
    }

    #[test]
    fn checks_that_cannot_be_told_for_one_reason_are_asked_for_once_and_all_others_by_name() {
        let (all, questions) = taken(&["DC-A", "standby_members", "etcd_healthy"], &[]);
        assert_eq!(all, [CheckKind::OneDatabase, CheckKind::UniqueNames, CheckKind::StandbyMembers, CheckKind::EtcdHealthy]);
        assert_eq!(questions.len(), 3, "{questions:?}");
        assert!(questions[0].contains("2 checks") && questions[0].contains("one_database, unique_names"), "{}", questions[0]);
        assert_eq!(taken(&["yes", "standby_members", "yes"], &[]).0, [CheckKind::StandbyMembers], "only the very name takes them on");
        let (all, questions) = taken(&["", "", ""], &[CheckKind::OneDatabase, CheckKind::UniqueNames]);
        assert_eq!((all.len(), questions.len()), (2, 2), "what was taken on already is not asked for");
    }
}
