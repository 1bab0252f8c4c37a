//! The rules behind each check. One function per condition; each answers from fresh readings only.

use super::{Check, Evidence, ValueOf, Verdict};
use crate::diagnosis::system_identifiers;
use crate::facts::postgres_version;
use crate::picture::{NodeView, Readings, WriteState, members_up};
use crate::{
    EndpointName, LinkKind, LinkState, Millis, NodeName, PatroniFacts, Picture, PostgresFacts, ProbeFailure, Side, Slot, Timeline,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Declares the checks, in the order in which they are shown: what each is called, where its facts come from, and which function below judges
/// it. A new one also needs its title and remedy in the locales, which the compiler asks for.
macro_rules! declare_checks {
    ($($(#[$about:meta])+ $kind:ident: reads $source:ident, judged by $judge:ident;)+) => {
        /// The conditions. Each has a title and a remedy in the locales.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum CheckKind {
            $($(#[$about])+ $kind,)+
        }

        impl CheckKind {
            /// All of them, in the order in which they are shown.
            pub const ALL: [CheckKind; [$(stringify!($kind)),+].len()] = [$(CheckKind::$kind),+];

            fn source(self) -> Source {
                match self { $(CheckKind::$kind => Source::$source),+ }
            }
        }

        impl Judge<'_> {
            fn judge(&self, kind: CheckKind) -> Judged {
                match kind { $(CheckKind::$kind => self.$judge()),+ }
            }
        }
    };
}

declare_checks! {
    /// All nodes are copies of the same database system.
    OneDatabase: reads EveryPostgres, judged by one_database;
    /// Exactly one node of the pool is out of recovery.
    OnePrimary: reads EveryPostgres, judged by one_primary;
    /// Both clusters' leaders are known from the nodes themselves.
    LeadersKnown: reads EveryPatroni, judged by leaders_known;
    /// The backup receives the primary's timeline.
    SameTimeline: reads PrimaryAndBackup, judged by same_timeline;
    /// The backup heard from the primary a moment ago.
    BackupHears: reads Backup, judged by backup_hears;
    /// What the backup has not flushed is within the policy.
    LossWithinPolicy: reads PrimaryAndBackup, judged by loss_within_policy;
    /// The cross-site slot is in use and keeps its WAL.
    CrossSiteSlot: reads Primary, judged by cross_site_slot;
    /// The mirror streams and confirms commits.
    MirrorInStep: reads Primary, judged by mirror_in_step;
    /// The backup mirror follows the backup.
    BackupMirrorFollows: reads Backup, judged by backup_mirror_follows;
    /// Log files reach the other site.
    ArchiveShips: reads Primary, judged by archive_ships;
    /// Neither cluster is in Patroni's maintenance mode.
    NotPaused: reads EveryPatroni, judged by not_paused;
    /// No node waits for a restart.
    NoPendingRestart: reads EveryPatroni, judged by no_pending_restart;
    /// No switchover or restart is scheduled.
    NothingScheduled: reads EveryPatroni, judged by nothing_scheduled;
    /// Node names are unique over both sites, and are the names that Patroni uses.
    UniqueNames: reads EveryPatroni, judged by unique_names;
    /// `PostgreSQL` has the same major version everywhere.
    SameVersion: reads EveryPostgres, judged by same_postgres_major;
    /// Settings that must not be smaller on a standby are not.
    SettingsFit: reads EveryPostgres, judged by settings_fit;
    /// Clocks agree.
    ClocksAgree: reads EveryPostgres, judged by clocks_agree;
    /// Enough members of the target site are up.
    StandbyMembers: reads ProxiesOfTarget, judged by standby_members;
    /// Every etcd is healthy.
    EtcdHealthy: reads EveryEtcd, judged by etcd_healthy;
    /// The standing guards against a second primary are installed on both sites.
    GuardInstalled: reads ProxiesAndPatroni, judged by guard_installed;
    /// Patroni in the active site stops its primary cleanly when the site is demoted, which it does from version 4.1 on.
    DemotesCleanly: reads EveryPatroni, judged by demotes_cleanly;
    /// The console's role in `PostgreSQL` has the rights it needs, and no others.
    RoleRights: reads EveryPostgres, judged by role_rights;
    /// Every endpoint proves who it is, by TLS with a certificate that is verified.
    EndpointsVerified: reads EveryEndpoint, judged by endpoints_verified;
    /// Whatever only a lost site would have could be saved: the console may read every table.
    RowsReadable: reads Primary, judged by rows_readable;
}

/// Where the facts of a check come from.
#[derive(Debug, Clone, Copy)]
enum Source {
    EveryEndpoint,
    EveryPostgres,
    EveryPatroni,
    EveryEtcd,
    /// `PostgreSQL` of the primary.
    Primary,
    /// `PostgreSQL` of the backup.
    Backup,
    PrimaryAndBackup,
    ProxiesOfTarget,
    ProxiesAndPatroni,
}

/// How a condition stands and why, before age and sources are added.
type Judged = (Verdict, Evidence);

struct Judge<'a> {
    readings: &'a Readings<'a>,
    picture: &'a Picture,
    /// The primary, by a fresh reading of `PostgreSQL`.
    primary: Option<(&'a NodeView<'a>, &'a PostgresFacts)>,
    /// The leader of the target site, likewise.
    backup: Option<(&'a NodeView<'a>, &'a PostgresFacts)>,
}

/// All checks, worst first.
pub(crate) fn checks(readings: &Readings, picture: &Picture) -> Vec<Check> {
    let with_facts = |view: &'_ NodeView<'_>| view.postgres.fresh().is_some();
    let fresh = |side: Side| {
        readings.leader(side).filter(|view| with_facts(view)).and_then(|view| view.postgres.fresh().map(|facts| (view, *facts)))
    };
    let bench = Judge {
        readings,
        picture,
        primary: picture.active.and_then(fresh).filter(|(_, facts)| !facts.in_recovery),
        backup: picture.active.and_then(|active| fresh(active.other())).filter(|(_, facts)| facts.in_recovery),
    };
    let mut checks: Vec<Check> = CheckKind::ALL.into_iter().map(|kind| bench.check(kind)).collect();
    checks.sort_by_key(|check| check.verdict);
    checks
}

fn pass_if(condition: bool) -> Verdict {
    if condition { Verdict::Pass } else { Verdict::Fail }
}

fn warn_unless(condition: bool) -> Verdict {
    if condition { Verdict::Pass } else { Verdict::Warn }
}

impl<'a> Judge<'a> {
    fn check(&self, kind: CheckKind) -> Check {
        let sources = self.endpoints(kind.source());
        let (verdict, evidence) = self.judge(kind);
        let seen: Vec<Option<Timestamp>> = sources.iter().map(|name| self.readings.reading(name).seen_at()).collect();
        let seen_at = seen.iter().copied().min().flatten();
        Check { kind, verdict, evidence, seen_at, sources }
    }

    fn endpoints(&self, source: Source) -> Vec<EndpointName> {
        let nodes = |pick: fn(&NodeView) -> EndpointName| self.readings.nodes.iter().map(pick).collect::<Vec<_>>();
        let of = |view: Option<(&NodeView, &PostgresFacts)>| view.map(|(view, _)| view.node.postgres.clone());
        let sites = || self.readings.pool.sites.iter();
        match source {
            Source::EveryEndpoint => self.readings.pool.endpoints().into_iter().map(|endpoint| endpoint.name.clone()).collect(),
            Source::EveryPostgres => nodes(|view| view.node.postgres.clone()),
            Source::EveryPatroni => nodes(|view| view.node.patroni.clone()),
            Source::EveryEtcd => sites().flat_map(|(_, site)| site.etcd.clone()).collect(),
            Source::Primary => of(self.primary).into_iter().collect(),
            Source::Backup => of(self.backup).into_iter().collect(),
            Source::PrimaryAndBackup => of(self.primary).into_iter().chain(of(self.backup)).collect(),
            Source::ProxiesOfTarget => self.readings.pool.sites[self.picture.target].proxies.clone(),
            Source::ProxiesAndPatroni => {
                let mut all: Vec<_> = sites().flat_map(|(_, site)| site.proxies.clone()).collect();
                all.extend(nodes(|view| view.node.patroni.clone()));
                all
            }
        }
    }

    /// Fresh answers of Patroni, or the endpoints of a site that gives none. One answer is enough for what is true of a whole cluster; what
    /// each node has for itself is judged by [`Judge::of_each_node`].
    fn patroni_of_both(&self) -> Result<Vec<(&NodeView<'a>, &'a PatroniFacts)>, Judged> {
        self.of_both(|view| view.patroni.fresh().copied(), |view| &view.node.patroni)
    }

    /// Fresh answers of `PostgreSQL`, or the nodes of a site that gives none. A mirror that is down has checks of its own.
    fn postgres_of_both(&self) -> Result<Vec<(&NodeView<'a>, &'a PostgresFacts)>, Judged> {
        self.of_both(|view| view.postgres.fresh().copied(), |view| &view.node.postgres)
    }

    fn of_both<F>(
        &self,
        fresh: impl Fn(&NodeView<'a>) -> Option<&'a F>,
        endpoint: impl Fn(&NodeView<'a>) -> &'a EndpointName,
    ) -> Result<Vec<(&NodeView<'a>, &'a F)>, Judged> {
        let answers: Vec<_> = self.readings.nodes.iter().filter_map(|view| fresh(view).map(|facts| (view, facts))).collect();
        let silent = |side: Side| !answers.iter().any(|(view, _)| view.side == side);
        let missing: Vec<EndpointName> =
            self.readings.nodes.iter().filter(|view| silent(view.side)).map(|view| endpoint(view).clone()).collect();
        if missing.is_empty() { Ok(answers) } else { Err((Verdict::Unknown, Evidence::NoReading { endpoints: missing })) }
    }

    /// What each node says for itself. A silent node beside one that answers is not compared: that is only a warning, because a mirror that
    /// is away is no reason to refuse every move, but it is not said to be well either.
    fn of_each_node(&self, good: Judged) -> Judged {
        let silent = self.readings.nodes.iter().filter(|view| view.patroni.fresh().is_none());
        let endpoints: Vec<EndpointName> = silent.map(|view| view.node.patroni.clone()).collect();
        if endpoints.is_empty() || good.0 != Verdict::Pass { good } else { (Verdict::Warn, Evidence::NoReading { endpoints }) }
    }

    fn one_database(&self) -> Judged {
        if let Err(unknown) = self.postgres_of_both() {
            return unknown;
        }
        let found = system_identifiers(self.readings);
        (pass_if(found.len() == 1), Evidence::Values { of: ValueOf::SystemIdentifier, found })
    }

    /// A node that does not answer, or whose port refuses, might be writing: only its own word, its Patroni's, or that of another node which
    /// leads its cluster counts as "not writable".
    fn one_primary(&self) -> Judged {
        let unknown =
            |view: &&NodeView| view.write_state() == WriteState::Unknown && !view.is_writable() && !self.readings.led_by_another(view);
        let missing: Vec<_> = self.readings.nodes.iter().filter(unknown).map(|view| view.node.postgres.clone()).collect();
        let writable: Vec<NodeName> = self.readings.writable().iter().map(|view| view.node.name.clone()).collect();
        match writable.len() {
            2.. => (Verdict::Fail, Evidence::Nodes { nodes: writable }),
            _ if !missing.is_empty() => (Verdict::Unknown, Evidence::NoReading { endpoints: missing }),
            count => (pass_if(count == 1), Evidence::Nodes { nodes: writable }),
        }
    }

    /// Every step of an operation goes through the leaders' Patroni, so both must be there themselves, not only be spoken of.
    fn leaders_known(&self) -> Judged {
        if let Err(unknown) = self.patroni_of_both() {
            return unknown;
        }
        let leaders: Vec<&NodeView> = Side::BOTH.into_iter().filter_map(|side| self.readings.leader(side)).collect();
        let silent: Vec<EndpointName> =
            leaders.iter().filter(|view| view.patroni.fresh().is_none()).map(|view| view.node.patroni.clone()).collect();
        if !silent.is_empty() {
            return (Verdict::Unknown, Evidence::NoReading { endpoints: silent });
        }
        (pass_if(leaders.len() == 2), Evidence::Nodes { nodes: leaders.iter().map(|view| view.node.name.clone()).collect() })
    }

    /// The facts of both ends of the cross-site link, or what to say without them.
    fn ends(&self) -> Result<(&'a PostgresFacts, &'a PostgresFacts), Judged> {
        match (self.primary, self.backup) {
            (Some((_, primary)), Some((_, backup))) => Ok((primary, backup)),
            _ => Err(self.postgres_of_both().err().unwrap_or((Verdict::Unknown, Evidence::NoSubject))),
        }
    }

    fn same_timeline(&self) -> Judged {
        let (primary, backup) = match self.ends() {
            Ok(ends) => ends,
            Err(unknown) => return unknown,
        };
        let Some(written) = primary.timeline else { return (Verdict::Unknown, Evidence::NoSubject) };
        let received: Option<Timeline> = backup.receiver.as_ref().and_then(|receiver| receiver.timeline);
        (pass_if(received == Some(written)), Evidence::Timelines { primary: written, backup: received })
    }

    fn backup_hears(&self) -> Judged {
        let (_, backup) = match self.ends() {
            Ok(ends) => ends,
            Err(unknown) => return unknown,
        };
        let limit = self.readings.pool.policy.message_age_limit;
        match backup.receiver.as_ref().and_then(|receiver| receiver.message_age) {
            Some(age) => (pass_if(age < limit), Evidence::Age { age, limit }),
            None => (Verdict::Fail, Evidence::NoSubject),
        }
    }

    fn loss_within_policy(&self) -> Judged {
        let backup = match self.ends() {
            Ok((_, backup)) => backup,
            Err(unknown) => return unknown,
        };
        let limit = self.readings.pool.policy.loss_target_bytes;
        // What is received but not replayed is not lost, but clients would wait for it until the operation gives up.
        let waiting = backup.received.zip(backup.replayed).map(|(received, replayed)| received.bytes_ahead_of(replayed));
        match waiting {
            Some(bytes) if backup.replay_paused || bytes > limit => return (Verdict::Fail, Evidence::Bytes { bytes, limit }),
            None => return (Verdict::Unknown, Evidence::NoSubject),
            Some(_) => {}
        }
        match self.picture.link(LinkKind::CrossSite).and_then(|link| link.lag_bytes) {
            Some(bytes) => (pass_if(bytes <= limit), Evidence::Bytes { bytes, limit }),
            None => (Verdict::Unknown, Evidence::NoSubject),
        }
    }

    fn cross_site_slot(&self) -> Judged {
        let (primary, backup) = match self.ends() {
            Ok(ends) => ends,
            Err(unknown) => return unknown,
        };
        let configured = || {
            let of_target = self.readings.nodes_of(self.picture.target);
            of_target.filter_map(|view| view.patroni.fresh()).find_map(|facts| facts.config.standby_cluster.as_ref()?.slot.clone())
        };
        let name = backup.receiver.as_ref().and_then(|receiver| receiver.slot.clone()).or_else(configured);
        let slot: Option<&Slot> = name.as_ref().and_then(|name| primary.slots.iter().find(|slot| slot.name == *name));
        let verdict = match slot {
            Some(slot) if slot.active => match slot.wal_status.as_deref() {
                Some("reserved") => Verdict::Pass,
                // Kept beyond max_wal_size, still safe.
                Some("extended") => Verdict::Warn,
                _ => Verdict::Fail,
            },
            _ => Verdict::Fail,
        };
        let active = slot.is_some_and(|slot| slot.active);
        (verdict, Evidence::Slot { name, active, wal_status: slot.and_then(|slot| slot.wal_status.clone()) })
    }

    fn mirror_in_step(&self) -> Judged {
        let Some((primary, facts)) = self.primary else { return self.ends().err().unwrap_or((Verdict::Unknown, Evidence::NoSubject)) };
        let mirrors: Vec<&NodeView> = self.readings.nodes_of(primary.side).filter(|view| view.node.name != primary.node.name).collect();
        if mirrors.is_empty() {
            // A site of one node has no mirror by its own choice: worth a warning, and no reason to refuse every move for ever.
            return (Verdict::Warn, Evidence::NoSubject);
        }
        let sender = |view: &&&NodeView| facts.senders.iter().find(|sender| sender.application_name == view.node.name.as_str());
        let best = mirrors.iter().max_by_key(|view| sender(view).map(|sender| (sender.synchronous, sender.state == "streaming")));
        let state = best.as_ref().and_then(sender);
        let (streaming, synchronous) = state.map_or((false, false), |sender| (sender.state == "streaming", sender.synchronous));
        (pass_if(streaming && synchronous), Evidence::Replica { node: best.map(|view| view.node.name.clone()), streaming, synchronous })
    }

    fn backup_mirror_follows(&self) -> Judged {
        let Some((backup, facts)) = self.backup else { return self.ends().err().unwrap_or((Verdict::Unknown, Evidence::NoSubject)) };
        let others: Vec<&NodeView> = self.readings.nodes_of(backup.side).filter(|view| view.node.name != backup.node.name).collect();
        let follows = |view: &&&NodeView| {
            facts.senders.iter().any(|sender| sender.application_name == view.node.name.as_str() && sender.state == "streaming")
        };
        let node = others.iter().find(|view| follows(view)).or(others.first()).map(|view| view.node.name.clone());
        let streaming = others.iter().any(|view| follows(&view));
        (warn_unless(streaming), Evidence::Replica { node, streaming, synchronous: false })
    }

    fn archive_ships(&self) -> Judged {
        let Some((_, facts)) = self.primary else { return self.ends().err().unwrap_or((Verdict::Unknown, Evidence::NoSubject)) };
        let ships = self.picture.link(LinkKind::Archive).is_some_and(|link| link.state == LinkState::Shipping);
        let archiver = facts.archiver.as_ref();
        let newest = archiver.and_then(|archiver| archiver.last_file.clone());
        let up_to = facts.shipped_up_to();
        let failing = archiver.is_some_and(|archiver| archiver.last_failed_at > archiver.last_at);
        (warn_unless(ships), Evidence::Archive { newest, at: archiver.and_then(|archiver| archiver.last_at), failing, up_to })
    }

    fn not_paused(&self) -> Judged {
        self.sides_without(|facts| !facts.paused)
    }

    fn nothing_scheduled(&self) -> Judged {
        self.sides_without(|facts| !facts.scheduled_action)
    }

    fn sides_without(&self, fine: fn(&PatroniFacts) -> bool) -> Judged {
        match self.patroni_of_both() {
            Err(unknown) => unknown,
            Ok(answers) => {
                let sides: BTreeSet<Side> = answers.iter().filter(|(_, facts)| !fine(facts)).map(|(view, _)| view.side).collect();
                (pass_if(sides.is_empty()), Evidence::Sides { sides: sides.into_iter().collect() })
            }
        }
    }

    fn no_pending_restart(&self) -> Judged {
        let answers = match self.patroni_of_both() {
            Err(unknown) => return unknown,
            Ok(answers) => answers,
        };
        let waiting = answers.iter().filter(|(_, facts)| facts.pending_restart);
        let nodes: Vec<NodeName> = waiting.map(|(view, _)| view.node.name.clone()).collect();
        self.of_each_node((pass_if(nodes.is_empty()), Evidence::Nodes { nodes }))
    }

    /// The configuration refuses names that are used twice; here the names that Patroni uses are compared with them.
    fn unique_names(&self) -> Judged {
        match self.patroni_of_both() {
            Err(unknown) => unknown,
            Ok(answers) => {
                let others = answers.iter().filter_map(|(view, facts)| facts.name.as_ref().filter(|name| **name != view.node.name));
                let nodes: Vec<NodeName> = others.cloned().collect();
                let nameless = answers.iter().filter(|(_, facts)| facts.name.is_none()).map(|(view, _)| view.node.patroni.clone());
                let endpoints: Vec<EndpointName> = nameless.collect();
                if nodes.is_empty() && !endpoints.is_empty() {
                    return (Verdict::Unknown, Evidence::NoReading { endpoints });
                }
                self.of_each_node((pass_if(nodes.is_empty()), Evidence::Nodes { nodes }))
            }
        }
    }

    /// The minor version may differ, which only warns.
    fn same_postgres_major(&self) -> Judged {
        match self.postgres_of_both() {
            Err(unknown) => unknown,
            Ok(answers) => {
                let found: BTreeSet<u32> = answers.iter().map(|(_, facts)| facts.server_version).collect();
                let majors: BTreeSet<u32> = found.iter().map(|version| version / 10_000).collect();
                let verdict = match (majors.len(), found.len()) {
                    (1, 1) => Verdict::Pass,
                    // Streaming between minor versions works; it is only not what anybody wants to keep.
                    (1, _) => Verdict::Warn,
                    _ => Verdict::Fail,
                };
                let found = found.into_iter().map(postgres_version).collect();
                (verdict, Evidence::Values { of: ValueOf::PostgresVersion, found })
            }
        }
    }

    /// `PostgreSQL` pauses replay or refuses to start when these are smaller on a standby than on its primary
    /// (documentation, 27.4.3 "Administrator's Overview" of hot standby).
    fn settings_fit(&self) -> Judged {
        let answers = match self.postgres_of_both() {
            Err(unknown) => return unknown,
            Ok(answers) => answers,
        };
        let Some((_, primary)) = self.primary else { return (Verdict::Unknown, Evidence::NoSubject) };
        for (view, facts) in answers.iter().filter(|(_, facts)| facts.in_recovery) {
            for (name, &wanted) in &primary.settings {
                if let Some(&standby) = facts.settings.get(name)
                    && standby < wanted
                {
                    let (name, node) = (name.clone(), view.node.name.clone());
                    return (Verdict::Fail, Evidence::Setting { name, node, standby, primary: wanted });
                }
            }
        }
        (Verdict::Pass, Evidence::SettingsEqual)
    }

    /// A node's clock was read somewhere between our question and its answer; only what lies outside of that counts.
    fn clocks_agree(&self) -> Judged {
        let answers = match self.postgres_of_both() {
            Err(unknown) => return unknown,
            Ok(answers) => answers,
        };
        let limit = self.readings.pool.policy.clock_limit;
        let off = |(view, facts): &(&NodeView, &PostgresFacts)| {
            let sighting = self.readings.sighting(&view.node.postgres)?;
            let (_, asked_at) = sighting.answer.as_ref()?;
            let early = Millis::between(facts.clock, *asked_at);
            let late = Millis(Millis::between(*asked_at, facts.clock).0.saturating_sub(sighting.took.0));
            Some(early.max(late))
        };
        let age = answers.iter().filter_map(off).max().unwrap_or_default();
        (pass_if(age <= limit), Evidence::Age { age, limit })
    }

    fn standby_members(&self) -> Judged {
        let site = &self.readings.pool.sites[self.picture.target];
        let silent: Vec<_> = site.proxies.iter().filter(|proxy| self.readings.haproxy(proxy).fresh().is_none()).cloned().collect();
        // Each once: two HAProxy instances may stand before the same members.
        let up: BTreeSet<_> = members_up(self.readings, self.picture.target).map(|member| member.name.clone()).collect();
        let up: Vec<_> = up.into_iter().collect();
        let wanted = self.readings.pool.policy.standby_members_min;
        let enough = up.len() >= usize::try_from(wanted).unwrap_or(usize::MAX);
        if !enough && !silent.is_empty() {
            return (Verdict::Unknown, Evidence::NoReading { endpoints: silent });
        }
        (pass_if(enough), Evidence::Members { up, wanted })
    }

    /// Each cluster needs its own store to change roles.
    fn etcd_healthy(&self) -> Judged {
        let all: Vec<&EndpointName> = self.readings.pool.sites.iter().flat_map(|(_, site)| &site.etcd).collect();
        let unasked = self.readings.pool.sites.iter().any(|(_, site)| site.etcd.is_empty());
        let sick: Vec<EndpointName> = all
            .iter()
            .filter(|name| self.readings.etcd(name).fresh().is_some_and(|facts| !facts.healthy))
            .map(|name| (*name).clone())
            .collect();
        if !sick.is_empty() {
            return (Verdict::Fail, Evidence::Endpoints { endpoints: sick });
        }
        let silent: Vec<EndpointName> =
            all.iter().filter(|name| self.readings.etcd(name).fresh().is_none()).map(|name| (*name).clone()).collect();
        if unasked && silent.is_empty() {
            // Nobody told us where to ask.
            return (Verdict::Warn, Evidence::NoSubject);
        }
        if silent.is_empty() {
            (Verdict::Pass, Evidence::Endpoints { endpoints: Vec::new() })
        } else {
            (Verdict::Unknown, Evidence::NoReading { endpoints: silent })
        }
    }

    /// Only a warning: no operation needs it, but whatever cannot be read is lost with a site.
    fn rows_readable(&self) -> Judged {
        let Some((_, facts)) = self.primary else { return (Verdict::Warn, Evidence::NoSubject) };
        let Some(unreadable) = &facts.unreadable else { return (Verdict::Warn, Evidence::NotYet) };
        let (databases, tables, first) = (unreadable.databases.clone(), unreadable.tables, unreadable.first_tables.clone());
        (warn_unless(databases.is_empty() && tables == 0), Evidence::Unreadable { databases, tables, first })
    }

    /// A guard that is missing only warns: a planned operation is safe without it, a returning site is not. Where no Patroni of a site
    /// answers it is unknown, like everything that rests on Patroni, and no planned operation is possible.
    fn guard_installed(&self) -> Judged {
        let answers = match self.patroni_of_both() {
            Err(unknown) => return unknown,
            Ok(answers) => answers,
        };
        let guarded = |side: Side| answers.iter().any(|(view, facts)| view.side == side && facts.config.pre_promote);
        let rule = |side: Side| {
            let proxies = &self.readings.pool.sites[side].proxies;
            !proxies.is_empty() && proxies.iter().all(|proxy| self.readings.haproxy(proxy).fresh().is_some_and(|facts| facts.guard))
        };
        let missing = |there: &dyn Fn(Side) -> bool| Side::BOTH.into_iter().filter(|side| !there(*side)).collect::<Vec<_>>();
        let (pre_promote_missing, proxy_missing) = (missing(&guarded), missing(&rule));
        (warn_unless(pre_promote_missing.is_empty() && proxy_missing.is_empty()), Evidence::Guards { pre_promote_missing, proxy_missing })
    }

    /// A member of the active site with an older Patroni makes a planned move impossible, whoever leads now; one of the other site only
    /// says that there will be no planned way back.
    fn demotes_cleanly(&self) -> Judged {
        let answers = match self.patroni_of_both() {
            Err(unknown) => return unknown,
            Ok(answers) => answers,
        };
        let Some(active) = self.picture.active else { return (Verdict::Unknown, Evidence::NoSubject) };
        let old = |side: Side| {
            let answers = answers.iter().filter(|(view, facts)| view.side == side && !facts.demotes_cleanly());
            answers.map(|(view, facts)| (view.node.name.clone(), facts.patroni_version.clone())).collect::<Vec<_>>()
        };
        let here = old(active);
        if !here.is_empty() {
            return (Verdict::Fail, Evidence::OldPatroni { members: here });
        }
        // A mirror that is down for maintenance is no reason to refuse; who leads gets the order and has to be known.
        if let Some(leader) = self.readings.leader(active).filter(|view| view.patroni.fresh().is_none()) {
            return (Verdict::Unknown, Evidence::NoReading { endpoints: vec![leader.node.patroni.clone()] });
        }
        let there = old(active.other());
        self.of_each_node((warn_unless(there.is_empty()), Evidence::OldPatroni { members: there }))
    }

    /// Rights beyond what is needed only warn: they make nothing fail, but whoever has the console's password has them too.
    fn role_rights(&self) -> Judged {
        let answers = match self.postgres_of_both() {
            Err(unknown) => return unknown,
            Ok(answers) => answers,
        };
        let excess: BTreeSet<&String> = answers.iter().flat_map(|(_, facts)| &facts.rights.excess).collect();
        let no_histories = answers.iter().any(|(_, facts)| !facts.rights.reads_histories);
        let excess: Vec<String> = excess.into_iter().cloned().collect();
        (warn_unless(excess.is_empty() && !no_histories), Evidence::Rights { excess, no_histories })
    }

    /// Only a warning: where nobody verifies, the configuration says so; and whoever is silent has checks of its own. It passes when each
    /// endpoint has answered in this reading, which the console only believes over a connection on which it has proved who it is.
    fn endpoints_verified(&self) -> Judged {
        let unverified: Vec<EndpointName> = self.readings.pool.sites.iter().flat_map(|(_, site)| site.unverified.clone()).collect();
        if !unverified.is_empty() {
            return (Verdict::Warn, Evidence::Endpoints { endpoints: unverified });
        }
        let has_proved = |name: &EndpointName| {
            let failure = self.readings.sighting(name).and_then(|sighting| sighting.failure.as_ref());
            let turned_down = matches!(failure, Some((ProbeFailure::Tls | ProbeFailure::Unproved, _)));
            self.readings.reading(name).fresh().is_some() && !turned_down
        };
        let unseen: Vec<EndpointName> = self.endpoints(Source::EveryEndpoint).into_iter().filter(|name| !has_proved(name)).collect();
        if unseen.is_empty() {
            return (Verdict::Pass, Evidence::Endpoints { endpoints: Vec::new() });
        }
        (Verdict::Warn, Evidence::NoReading { endpoints: unseen })
    }
}
