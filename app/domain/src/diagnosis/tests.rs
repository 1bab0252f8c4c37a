use super::*;
use crate::fixture::{WRITTEN, World, at};
use crate::*;
use proptest::prelude::*;

fn timed_out() -> ProbeFailure {
    ProbeFailure::TimedOut { after: Millis(800) }
}

fn dead_for(side: Side, seconds: i64) -> World {
    let mut world = World::healthy(at(0));
    for _ in 0..seconds {
        world.pass(1_000);
        world.site_dies(side, &timed_out());
    }
    world
}

/// The line between the sites is cut, the console sees both: what each end says after `age`.
fn cut_between_sites(age: Millis) -> World {
    let mut world = World::healthy(at(0));
    world.postgres("b1", |facts| facts.receiver.as_mut().expect("b1 receives").message_age = Some(age));
    world.postgres("a1", |facts| facts.written = Some(Lsn(WRITTEN.0 + 1_000_000)));
    world
}

fn has(picture: &Picture, test: fn(&Finding) -> bool) -> bool {
    picture.findings.iter().any(test)
}

#[test]
fn a_healthy_pool_has_no_finding_and_may_switch_over() {
    let picture = World::healthy(at(0)).picture();
    assert_eq!(picture.findings, []);
    assert_eq!((picture.active, picture.target), (Some(Side::A), Side::B));
    assert_eq!(picture.protection.state, ProtectionState::Protected);
    assert_eq!(picture.protection.loss_bytes, Some(ByteLag(0)));
    assert_eq!(picture.actions.switchover, []);
    assert_eq!(picture.actions.failover, [Objection::ActiveSiteAnswers { side: Side::A }]);
    assert_eq!(picture.actions.failback, [Objection::AlreadyHome { side: Side::A }]);
    assert!(picture.checks.iter().all(|check| check.verdict == Verdict::Pass), "{:#?}", picture.checks);
    let roles: Vec<_> = picture.sites.iter().flat_map(|(_, site)| site.nodes.iter().map(|node| (node.role, node.state))).collect();
    assert_eq!(
        roles,
        [
            (NodeRole::Primary, NodeState::AcceptingWrites),
            (NodeRole::SyncStandby, NodeState::InStep),
            (NodeRole::StandbyLeader, NodeState::Replaying),
            (NodeRole::BackupMirror, NodeState::Replaying),
        ]
    );
}

#[test]
fn two_writable_sites_are_a_split_brain_and_close_every_button() {
    let mut world = World::healthy(at(0));
    world.postgres("b1", |facts| {
        facts.in_recovery = false;
        facts.written = Some(WRITTEN);
    });
    let picture = world.picture();
    assert!(matches!(picture.findings[0], Finding::SplitBrain { .. }));
    assert_eq!(picture.protection.state, ProtectionState::SplitBrain);
    assert_eq!(picture.active, None);
    for objections in [&picture.actions.switchover, &picture.actions.failover, &picture.actions.failback] {
        assert!(objections.contains(&Objection::SplitBrain), "{objections:?}");
    }
}

#[test]
fn a_second_primary_is_seen_even_where_our_database_password_is_wrong() {
    let mut world = World::healthy(at(0));
    world.pass(10_000);
    world.fails("postgres-b1", ProbeFailure::Unauthorized);
    world.pass(6_000);
    world.patroni("b1", |facts| facts.role = PatroniRole::Primary);
    assert!(has(&world.picture(), |finding| matches!(finding, Finding::SplitBrain { .. })));
}

#[test]
fn a_dead_site_becomes_unknown_and_then_silent_but_never_healthy() {
    // The last answer came in the first second.
    for seconds in 7..=16 {
        let picture = dead_for(Side::A, seconds).picture();
        assert_eq!(picture.sites.a.role, SiteRole::Unknown, "after {seconds} s");
        assert_eq!(picture.protection.state, ProtectionState::NoReading, "after {seconds} s");
        assert!(!picture.actions.switchover.is_empty());
    }
    let picture = dead_for(Side::A, 17).picture();
    assert_eq!(picture.sites.a.role, SiteRole::Silent);
    assert!(matches!(picture.findings[0], Finding::ActiveSiteSilent { side: Side::A, .. }));
    assert_eq!(picture.protection.state, ProtectionState::SiteSilent);
    assert_eq!(picture.protection.bound, Bound::Was);
    assert_eq!(picture.actions.failover, [], "an emergency failover to the other site is open");
    assert_eq!(picture.target, Side::B);
}

#[test]
fn a_site_whose_every_port_refuses_is_not_known_to_be_dead() {
    let mut world = World::healthy(at(0));
    world.pass(1_000);
    world.site_dies(Side::A, &ProbeFailure::Refused);
    world.pass(5_000);
    let picture = world.picture();
    assert_eq!(picture.sites.a.role, SiteRole::Unknown, "a firewall refuses as well");
    assert!(picture.sites.a.nodes.iter().all(|node| node.state == NodeState::NoAnswer && !node.knowledge.is_fresh()));
    assert_eq!(picture.sites.a.nodes[0].knowledge.seen_at(), Some(at(1_000)), "the last reading is as old as it is");
    assert_eq!(picture.sites.a.unproven, ["a1", "a2"].map(|name| name.parse().expect("a name")));
    assert!(picture.sites.a.members.iter().all(|member| !member.healthy && !member.knowledge.is_fresh()));
}

#[test]
fn what_would_be_lost_is_as_old_as_the_last_word_of_the_site_that_died() {
    let [soon, late] = [3, 40].map(|seconds| dead_for(Side::A, seconds).picture().protection);
    assert!(soon.measured_at.is_some());
    assert_eq!(soon.measured_at, late.measured_at, "the other site goes on answering, and that makes the figure no newer");
}

#[test]
fn a_silent_standby_site_leaves_the_loss_growing() {
    let picture = dead_for(Side::B, 17).picture();
    assert_eq!(picture.active, Some(Side::A));
    assert!(has(&picture, |finding| matches!(finding, Finding::StandbySiteSilent { side: Side::B, .. })));
    assert_eq!((picture.protection.state, picture.protection.bound), (ProtectionState::SiteSilent, Bound::AtLeast));
    assert!(picture.actions.failover.contains(&Objection::TargetSilent { side: Side::B }));
}

#[test]
fn when_nothing_answers_the_console_does_not_claim_that_both_sites_died() {
    let mut world = dead_for(Side::A, 1);
    for _ in 0..17 {
        world.pass(1_000);
        world.site_fails(Side::B, &timed_out());
    }
    let picture = world.picture();
    assert_eq!(picture.findings[0], Finding::NothingAnswers);
    assert_eq!(picture.protection.state, ProtectionState::NoReading);
}

#[test]
fn a_node_that_refuses_gives_no_answer_and_is_down_only_by_its_patronis_word() {
    let mut world = World::healthy(at(0));
    world.pass(1_000);
    world.fails("postgres-b2", ProbeFailure::Refused);
    world.fails("patroni-b2", ProbeFailure::Refused);
    let picture = world.picture();
    let (_, node) = picture.node(&"b2".parse().expect("a name")).expect("b2 is configured");
    assert_eq!((node.role, node.state), (NodeRole::BackupMirror, NodeState::NoAnswer));
    assert!(!node.knowledge.is_fresh());
    assert_eq!(picture.findings, [Finding::NodeSilent { node: node.name.clone(), cause: ProbeFailure::Refused, since: at(1_000) }]);
    assert_eq!(picture.protection.state, ProtectionState::Protected);
    assert_eq!(picture.actions.switchover, [], "b1 leads its cluster, and the backup mirror only warns");

    let mut world = World::healthy(at(0));
    world.pass(1_000);
    world.patroni("b2", |facts| facts.state = PatroniState::Stopped);
    world.fails("postgres-b2", ProbeFailure::Refused);
    let picture = world.picture();
    assert_eq!(picture.findings, [Finding::NodeDown { node: "b2".parse().expect("a name") }]);
    assert_eq!(picture.actions.switchover, [], "the backup mirror only warns");
}

#[test]
fn a_silent_stream_is_broken_although_both_ends_still_call_it_streaming() {
    let picture = cut_between_sites(Millis(3_100)).picture();
    let cross = picture.link(LinkKind::CrossSite).expect("there is a link");
    assert_eq!((cross.state, cross.lag_bytes), (LinkState::Broken, Some(ByteLag(1_000_000))));
    assert_eq!(picture.protection.state, ProtectionState::AtRisk, "the archive still ships");
    assert!(has(&picture, |finding| matches!(finding, Finding::LinkDown { kind: LinkKind::CrossSite, .. })));
}

#[test]
fn without_stream_and_archive_protection_is_off_and_the_sites_are_partitioned() {
    let mut world = cut_between_sites(Millis(9_000));
    world.postgres("a1", |facts| facts.archiver.as_mut().expect("a1 ships").last_failed_at = Some(at(-1_000)));
    let picture = world.picture();
    assert!(picture.findings.contains(&Finding::ProtectionOff) && picture.findings.contains(&Finding::Partitioned));
    assert_eq!((picture.protection.state, picture.protection.bound), (ProtectionState::Unprotected, Bound::AtLeast));
}

#[test]
fn a_backup_that_replays_more_than_it_received_lives_on_the_archive() {
    let mut world = cut_between_sites(Millis(9_000));
    world.postgres("b1", |facts| {
        facts.receiver = None;
        facts.replayed = Some(Lsn(WRITTEN.0 + 500_000));
    });
    let picture = world.picture();
    assert_eq!(picture.sites.b.nodes[0].state, NodeState::FromArchive);
    assert_eq!(picture.link(LinkKind::CrossSite).expect("there is a link").lag_bytes, Some(ByteLag(500_000)));
}

#[test]
fn lag_over_the_target_is_a_risk_and_closes_the_planned_button() {
    let mut world = World::healthy(at(0));
    world.postgres("a1", |facts| facts.written = Some(Lsn(WRITTEN.0 + 20 * 1024 * 1024)));
    let picture = world.picture();
    assert_eq!(picture.protection.state, ProtectionState::AtRisk);
    assert!(picture.findings.contains(&Finding::LagOverTarget));
    assert!(picture.actions.switchover.contains(&Objection::CheckFails { check: CheckKind::LossWithinPolicy, verdict: Verdict::Fail }));
}

#[test]
fn a_heartbeat_that_cannot_have_arrived_yet_is_not_counted_as_lag() {
    let mut world = World::healthy(at(0));
    // b1 was asked at 0; a1 wrote its next beat at 400 ms and has written more since.
    world.now = at(500);
    world.postgres("a1", |facts| {
        facts.written = Some(Lsn(WRITTEN.0 + 4_096));
        facts.heartbeat = Some(Heartbeat { beat: 101, beat_at: at(400) });
    });
    assert_eq!(world.picture().protection.loss, Some(Millis(0)));
    // Two beats later it is behind by the age of what it has.
    world.postgres("a1", |facts| facts.heartbeat = Some(Heartbeat { beat: 103, beat_at: at(-1) }));
    world.postgres("b1", |facts| facts.heartbeat = Some(Heartbeat { beat: 100, beat_at: at(-3_000) }));
    assert_eq!(world.picture().protection.loss, Some(Millis(3_000)));
}

#[test]
fn the_same_parent_timeline_with_two_ends_is_a_collision() {
    let mut world = World::healthy(at(0));
    let promotion = |lsn| Promotion { parent: Timeline(15), switched_at: Lsn(lsn), at: None, leader: None };
    world.patroni("a1", |facts| facts.history = vec![promotion(83_886_240)]);
    world.patroni("b1", |facts| facts.history = vec![promotion(76_171_824)]);
    // b2 has not replayed anything of a1's for a while.
    world.postgres("b2", |facts| facts.heartbeat = Some(Heartbeat { beat: 1, beat_at: at(-60_000) }));
    let picture = world.picture();
    assert_eq!(picture.findings[0], Finding::Collision { parent: Timeline(15) });
    assert_eq!(picture.actions.switchover, [Objection::Collision]);
}

#[test]
fn a_promotion_that_was_rewound_is_no_collision_any_more_and_stays_none_when_the_active_site_dies() {
    let mut world = World::healthy(at(0));
    let promotion = |lsn| Promotion { parent: Timeline(15), switched_at: Lsn(lsn), at: None, leader: None };
    world.patroni("a1", |facts| facts.history = vec![promotion(83_886_240)]);
    world.patroni("b1", |facts| facts.history = vec![promotion(76_171_824)]);
    let collided = |world: &World| has(&world.picture(), |finding| matches!(finding, Finding::Collision { .. }));
    assert!(!collided(&world), "both nodes of b replay what a1 writes");
    for _ in 0..30 {
        world.pass(1_000);
        world.site_dies(Side::A, &ProbeFailure::Refused);
    }
    assert!(!collided(&world), "what b had replayed of a does not change by a's death");
    // A row that was there before the server was started proves nothing.
    let started_at = world.now;
    world.postgres("b2", |facts| facts.started_at = started_at);
    assert!(collided(&world));
}

type Change = fn(&mut PostgresFacts, Promotion);

/// Patroni keeps a promotion that was rewound in its history. Where nobody writes, no new row can refute it.
#[test]
fn where_nobody_writes_the_servers_own_histories_tell_whether_two_of_them_exist() {
    let nobody_writes = || {
        let mut world = World::healthy(at(0));
        let promotion = |lsn| Promotion { parent: Timeline(15), switched_at: Lsn(lsn), at: None, leader: None };
        world.patroni("a1", |facts| facts.history = vec![promotion(83_886_240)]);
        world.patroni("b1", |facts| facts.history = vec![promotion(76_171_824)]);
        world.postgres("a1", |facts| (facts.in_recovery, facts.written) = (true, None));
        for node in ["a1", "a2", "b1", "b2"] {
            world.postgres(node, |facts| (facts.timeline, facts.lineage) = (Some(Timeline(16)), Some(vec![promotion(76_171_824)])));
        }
        (world, promotion)
    };
    let collided = |world: &World| has(&world.picture(), |finding| matches!(finding, Finding::Collision { .. }));
    let (world, promotion) = nobody_writes();
    assert!(!collided(&world));
    assert!(!world.picture().actions.failover.contains(&Objection::Collision));
    let parted: [(&str, Change); 4] = [
        ("nothing is known of its files", |facts, _| facts.lineage = None),
        ("its history is another one", |facts, other| facts.lineage = Some(vec![other])),
        ("it has no history", |facts, _| facts.lineage = Some(Vec::new())),
        ("it is on another timeline", |facts, _| facts.timeline = Some(Timeline(17))),
    ];
    for (why, change) in parted {
        for node in ["a1", "a2", "b1", "b2"] {
            let (mut world, _) = nobody_writes();
            world.postgres(node, |facts| change(facts, promotion(83_886_240)));
            assert!(collided(&world), "{node}: {why}");
        }
    }
    // A server's files accuse, whatever its Patroni has written down.
    let (mut world, _) = nobody_writes();
    for node in ["a1", "b1"] {
        world.patroni(node, |facts| facts.history = Vec::new());
    }
    assert!(!collided(&world));
    world.postgres("a2", |facts| facts.lineage = Some(vec![promotion(83_886_240)]));
    assert!(collided(&world));
    // One that does not answer has no say, as long as one of its site does.
    let (mut world, _) = nobody_writes();
    world.fails("patroni-a2", ProbeFailure::Refused);
    world.fails("postgres-a2", ProbeFailure::Refused);
    assert!(!collided(&world));
}

#[test]
fn the_loss_of_a_dead_site_does_not_grow_after_its_death() {
    let mut world = World::healthy(at(0));
    // The line between the sites was cut two seconds before a died.
    world.postgres("b1", |facts| facts.heartbeat = Some(Heartbeat { beat: 98, beat_at: at(-2_000) }));
    world.postgres("a1", |facts| {
        facts.written = Some(Lsn(WRITTEN.0 + 1_000_000));
        facts.heartbeat = Some(Heartbeat { beat: 100, beat_at: at(-10) });
    });
    for _ in 0..20 {
        world.pass(1_000);
        world.site_dies(Side::A, &ProbeFailure::Refused);
    }
    let protection = world.picture().protection;
    assert_eq!((protection.state, protection.bound), (ProtectionState::SiteSilent, Bound::Was));
    // It was heard once more, a second later, before it failed.
    assert_eq!(protection.loss, Some(Millis(3_000)));
}

#[test]
fn a_site_that_is_back_without_being_told_to_follow_is_a_returning_site() {
    let mut world = World::healthy(at(0));
    world.patroni("b1", |facts| facts.config.standby_cluster = None);
    world.patroni("b2", |facts| facts.config.standby_cluster = None);
    assert!(world.picture().findings.contains(&Finding::ReturningSite { side: Side::B }));
}

#[test]
fn a_wrong_answer_is_a_finding_about_that_endpoint_and_nothing_else_suffers() {
    let mut world = World::healthy(at(0));
    world.pass(1_000);
    world.fails("haproxy-b", ProbeFailure::Garbage);
    let picture = world.picture();
    assert!(matches!(&picture.findings[..], [Finding::EndpointFails { cause: ProbeFailure::Garbage, .. }]), "{:?}", picture.findings);
    assert_eq!(picture.protection.state, ProtectionState::Protected);
}

proptest! {
    /// Whatever fails, in whatever order: what rests on readings that are not fresh is never called healthy.
    #[test]
    fn unknown_is_never_shown_as_healthy(steps in proptest::collection::vec((0usize..12, 0u8..4, 0i64..9_000), 1..12)) {
        let mut world = World::healthy(at(0));
        let endpoints = world.pool.endpoints();
        for (endpoint, how, wait) in steps {
            let cause = match how {
                0 => ProbeFailure::Refused,
                1 => timed_out(),
                2 => ProbeFailure::Garbage,
                _ => ProbeFailure::Unauthorized,
            };
            world.fails(endpoints[endpoint % endpoints.len()].name.as_str(), cause);
            world.pass(wait);
            let picture = world.picture();
            let fresh = |name: &str| {
                let sighting = &world.sightings[&name.parse::<EndpointName>().expect("a name")];
                sighting.reading(world.now, world.pool.policy.stale_after).fresh().is_some()
            };
            if picture.protection.state == ProtectionState::Protected {
                prop_assert!(fresh("postgres-a1") && fresh("postgres-b1"));
            }
            if picture.actions.switchover.is_empty() {
                for name in ["postgres-a1", "postgres-b1", "patroni-a1", "patroni-b1", "haproxy-b"] {
                    prop_assert!(fresh(name), "{} is not fresh, yet the button is open", name);
                }
            }
            for (_, site) in picture.sites.iter() {
                for member in &site.members {
                    prop_assert!(!member.healthy || fresh(member.source.as_str()));
                }
                for node in &site.nodes {
                    let healthy = matches!(node.state, NodeState::AcceptingWrites | NodeState::InStep | NodeState::Replaying);
                    prop_assert!(!(healthy && node.knowledge.is_fresh()) || fresh(node.postgres.as_str()));
                }
            }
            let ranks: Vec<_> = picture.checks.iter().map(|check| check.verdict).collect();
            prop_assert!(ranks.is_sorted());
        }
    }
}

#[test]
fn answers_that_are_not_the_engines_are_silence_and_one_that_turns_us_down_is_a_sign_of_life() {
    for cause in
        [ProbeFailure::Tls, ProbeFailure::Status { code: 502 }, ProbeFailure::Garbage, ProbeFailure::Redirected, ProbeFailure::Unreachable]
    {
        let mut world = World::healthy(at(0));
        for _ in 0..30 {
            world.pass(1_000);
            world.site_dies(Side::A, &cause);
        }
        let picture = world.picture();
        assert_eq!(picture.sites.a.role, SiteRole::Silent, "{cause:?}");
        assert_eq!(picture.actions.failover, [], "{cause:?}");
        assert_eq!(picture.sites.a.unproven.len(), 2, "{cause:?}");
    }
    let mut world = World::healthy(at(0));
    for _ in 0..30 {
        world.pass(1_000);
        world.site_dies(Side::A, &timed_out());
        world.fails("postgres-a1", ProbeFailure::Unauthorized);
    }
    let picture = world.picture();
    assert_eq!(picture.sites.a.role, SiteRole::OutOfSight);
    assert!(matches!(&picture.actions.failover[..], [Objection::SeenAlive { .. }]));
}

/// A firewall between the console and one site answers in its name, or drops everything; the sites see each other.
#[test]
fn a_blind_console_says_that_it_is_blind_and_claims_nothing_about_the_site() {
    for cause in [ProbeFailure::Refused, timed_out(), ProbeFailure::Unreachable, ProbeFailure::Status { code: 502 }] {
        for seconds in [1_u32, 7, 60] {
            let mut world = World::healthy(at(0));
            for _ in 0..seconds {
                world.pass(1_000);
                world.site_fails(Side::A, &cause);
            }
            let picture = world.picture();
            let told = format!("{cause:?} for {seconds} s: {:#?}", picture.findings);
            if seconds > 5 || cause == ProbeFailure::Refused {
                assert_eq!(picture.sites.a.role, SiteRole::OutOfSight, "{told}");
                let cut_off = |finding: &Finding| matches!(finding, Finding::ConsoleCutOff { side: Side::A, active: true, witness } if witness.kind == WitnessKind::LogStream);
                assert!(picture.findings.iter().any(cut_off), "{told}");
                assert_eq!(picture.protection.state, ProtectionState::NoReading, "{told}");
                assert!(matches!(&picture.actions.failover[..], [Objection::SeenAlive { side: Side::A, .. }]), "{told}");
            }
            let claims = |finding: &Finding| {
                matches!(finding, Finding::NoPrimary | Finding::ActiveSiteSilent { .. } | Finding::NodeDown { .. } | Finding::ProtectionOff)
            };
            assert!(!picture.findings.iter().any(claims), "{told}");
            assert!(picture.sites.a.nodes.iter().all(|node| node.state != NodeState::Stopped), "{told}");
            let cross = picture.link(LinkKind::CrossSite).expect("there is one");
            assert_eq!(cross.state, LinkState::Streaming, "{told}");
        }
    }
}

/// The databases are dropped by a firewall and the Patronis refused; the site's etcd and its `HAProxy` are on another network.
#[test]
fn a_console_that_hears_no_database_of_a_site_says_what_others_see_of_it_and_what_else_it_hears() {
    let mut world = World::healthy(at(0));
    for _ in 0..20 {
        world.pass(1_000);
        for node in ["a1", "a2"] {
            world.fails(&format!("postgres-{node}"), timed_out());
            world.fails(&format!("patroni-{node}"), ProbeFailure::Refused);
        }
        world.haproxy("a", |facts| facts.members[0].state = MemberState::Down);
    }
    let picture = world.picture();
    let told = format!("{:#?}", picture.findings);
    assert_eq!(picture.sites.a.role, SiteRole::OutOfSight, "{told}");
    let cut_off = |finding: &Finding| matches!(finding, Finding::ConsoleCutOff { side: Side::A, active: true, witness } if witness.kind.is_of_working_database());
    assert!(has(&picture, cut_off), "{told}");
    assert!(!has(&picture, |finding| matches!(finding, Finding::PrimaryNotSeen { .. } | Finding::NodeSilent { .. })), "{told}");
    assert!(has(&picture, |finding| matches!(finding, Finding::MemberDown { side: Side::A, .. })), "what is heard is still told: {told}");
    assert!(matches!(&picture.actions.failover[..], [Objection::SeenAlive { side: Side::A, out_of_sight: true, .. }]), "{told}");
}

/// Only the active leader's `PostgreSQL` is frozen: clients write nothing, its Patroni renews the leader key all the same, and its mirror answers.
#[test]
fn a_leader_key_does_not_make_a_database_alive() {
    let mut world = World::healthy(at(0));
    for _ in 0..8 {
        world.pass(1_000);
        world.fails("postgres-a1", timed_out());
        world.fails("patroni-a1", timed_out());
        world.postgres("b1", |facts| facts.receiver = None);
        world.haproxy("b", |facts| facts.peers_up.clear());
    }
    let picture = world.picture();
    let [Objection::SeenAlive { side: Side::A, witnesses, out_of_sight: false }] = &picture.actions.failover[..] else {
        panic!("{:#?}", picture.actions.failover)
    };
    assert!(witnesses.iter().all(|witness| witness.kind == WitnessKind::LeaderKey), "{witnesses:#?}");
    assert!(witnesses.iter().all(|witness| !witness.kind.is_of_working_database()));
}

#[test]
fn nobody_writes_is_said_only_when_every_node_says_so() {
    let mut world = World::healthy(at(0));
    world.pass(1_000);
    world.postgres("a1", |facts| facts.in_recovery = true);
    world.patroni("a1", |facts| facts.role = PatroniRole::Replica);
    assert!(has(&world.picture(), |finding| *finding == Finding::NoPrimary));
    world.fails("postgres-a2", ProbeFailure::Refused);
    world.fails("patroni-a2", ProbeFailure::Refused);
    let picture = world.picture();
    assert!(!has(&picture, |finding| *finding == Finding::NoPrimary));
    assert!(picture.findings.contains(&Finding::PrimaryNotSeen { unseen: vec!["a2".parse().expect("a name")] }), "{:#?}", picture.findings);
}

#[test]
fn another_server_behind_a_nodes_address_proves_nothing_about_the_node() {
    let a1 = || "a1".parse::<NodeName>().expect("a name");
    // Its Patroni has another name.
    let mut renamed = World::healthy(at(0));
    renamed.patroni("a1", |facts| facts.name = Some("b1".parse().expect("a name")));
    // Its address leads to the very process that answers for b1.
    let mut moved = World::healthy(at(0));
    let of_b1 = moved.sightings[&"postgres-b1".parse::<EndpointName>().expect("a name")].answer.clone().expect("it answers").0;
    moved.says("postgres-a1", of_b1);
    // A database of somebody else's.
    let mut foreign = World::healthy(at(0));
    foreign.postgres("a1", |facts| facts.system_identifier = "1".to_owned());
    for (world, what) in [(renamed, "renamed"), (moved, "moved"), (foreign, "foreign")] {
        let picture = world.picture();
        assert!(picture.findings.contains(&Finding::OtherServerAnswers { node: a1() }), "{what}: {:#?}", picture.findings);
        assert!(picture.sites.a.unproven.contains(&a1()), "{what}");
    }
}

#[test]
fn a_site_that_is_choosing_a_new_leader_is_a_reason_to_wait_with_the_failover() {
    let mut world = World::healthy(at(0));
    for _ in 0..8 {
        world.pass(1_000);
        world.fails("postgres-a1", timed_out());
        world.fails("patroni-a1", timed_out());
        world.postgres("b1", |facts| facts.receiver = None);
        world.haproxy("b", |facts| facts.peers_up.clear());
        world.etcd("a", |facts| facts.leader_key = None);
    }
    let picture = world.picture();
    assert_eq!(picture.active, None);
    assert_eq!(picture.actions.failover, [Objection::OtherMayElect { side: Side::A }]);
}

#[test]
fn a_second_primary_is_seen_where_only_its_port_is_shut_to_us() {
    let mut world = World::healthy(at(0));
    world.pass(1_000);
    world.fails("postgres-b1", ProbeFailure::Refused);
    world.patroni("b1", |facts| facts.role = PatroniRole::Primary);
    let picture = world.picture();
    assert!(has(&picture, |finding| matches!(finding, Finding::SplitBrain { .. })));
    assert_ne!(picture.sites.b.nodes[0].state, NodeState::Stopped);
}

#[test]
fn a_later_reading_of_the_target_does_not_make_the_loss_smaller() {
    let mut world = World::healthy(at(0));
    world.postgres("a1", |facts| {
        facts.written = Some(Lsn(WRITTEN.0 + 40_000_000));
        facts.senders[1].flushed = Some(WRITTEN);
    });
    world.now = at(4_000);
    world.postgres("b1", |facts| facts.received = Some(Lsn(WRITTEN.0 + 200_000_000)));
    assert_eq!(world.picture().protection.loss_bytes, Some(ByteLag(40_000_000)));
}

#[test]
fn a_collision_is_remembered_when_the_other_site_dies() {
    let mut world = World::healthy(at(0));
    let promotion = |lsn| Promotion { parent: Timeline(15), switched_at: Lsn(lsn), at: None, leader: None };
    world.patroni("a1", |facts| facts.history = vec![promotion(83_886_240)]);
    world.patroni("b1", |facts| facts.history = vec![promotion(76_171_824)]);
    world.postgres("b1", |facts| facts.heartbeat = Some(Heartbeat { beat: 1, beat_at: at(-60_000) }));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    assert!(world.picture().actions.failover.contains(&Objection::Collision));
}

#[test]
fn when_both_sites_follow_the_one_that_is_further_is_the_one_to_make_active() {
    for (ahead, target) in [("a1", Side::A), ("b1", Side::B)] {
        let mut world = World::healthy(at(0));
        let follow = Some(StandbyCluster { host: "198.18.2.11".to_owned(), port: Some(5432), slot: None });
        for node in ["a1", "a2"] {
            world.patroni(node, |facts| {
                facts.config.standby_cluster.clone_from(&follow);
                facts.role = if node == "a1" { PatroniRole::StandbyLeader } else { PatroniRole::Replica };
            });
        }
        world.postgres("a1", |facts| {
            (facts.in_recovery, facts.written) = (true, None);
            (facts.received, facts.replayed) = (Some(WRITTEN), Some(WRITTEN));
        });
        world.postgres(ahead, |facts| facts.received = Some(Lsn(WRITTEN.0 + 1)));
        assert_eq!(world.picture().target, target, "{ahead} is ahead");
    }
}

#[test]
fn the_loss_of_a_silent_standby_grows_in_seconds_too() {
    let mut world = dead_for(Side::B, 17);
    let written = Lsn(WRITTEN.0 + 5_000_000);
    let now = world.now;
    world.postgres("a1", |facts| {
        facts.written = Some(written);
        facts.heartbeat = Some(Heartbeat { beat: 117, beat_at: now });
    });
    let protection = world.picture().protection;
    assert_eq!(protection.bound, Bound::AtLeast);
    assert!(protection.loss.is_some_and(|loss| loss >= Millis(15_000)), "{protection:?}");
}

#[test]
fn positions_of_two_histories_are_not_subtracted() {
    let mut world = World::healthy(at(0));
    world.postgres("a1", |facts| {
        facts.senders.clear();
        facts.timeline = Some(Timeline(8));
    });
    let protection = world.picture().protection;
    assert_eq!((protection.loss_bytes, protection.loss, protection.bound), (None, None, Bound::NotKnown));
}

#[test]
fn an_archive_that_has_never_shipped_anything_protects_nothing() {
    let mut world = cut_between_sites(Millis(9_000));
    world.postgres("a1", |facts| {
        let archiver = facts.archiver.as_mut().expect("a1 has an archiver");
        (archiver.last_file, archiver.last_at) = (None, None);
    });
    let picture = world.picture();
    assert_eq!(picture.link(LinkKind::Archive).expect("there is a link").state, LinkState::Unknown);
    assert_eq!(picture.protection.state, ProtectionState::Unprotected);
}

#[test]
fn an_answer_before_a_shutdown_or_a_clock_that_was_set_back_is_not_fresh() {
    let mut world = World::healthy(at(0));
    world.fails("postgres-a1", ProbeFailure::Sql { state: "57P03".to_owned() });
    assert_ne!(world.picture().active, None, "Patroni still says that it is the primary");
    world.patroni("a1", |facts| facts.role = PatroniRole::Demoted);
    assert_eq!(world.picture().active, None);
    let mut world = World::healthy(at(0));
    world.now = at(-600_000);
    assert_eq!(world.picture().protection.state, ProtectionState::NoReading);
}

#[test]
fn a_primary_that_was_read_before_the_other_one_began_is_no_split_brain_until_it_says_so_again() {
    let mut world = World::healthy(at(0));
    // a1 said at 0 that it writes; b1 is read half a second later, promoted by then.
    world.now = at(500);
    let mut promoted = match world.sightings[&"postgres-b1".parse().expect("a name")].answer.clone() {
        Some((Facts::Postgres(facts), _)) => facts,
        other => panic!("{other:?}"),
    };
    promoted.in_recovery = false;
    promoted.receiver = None;
    world.says("postgres-b1", Facts::Postgres(promoted));
    let split = |world: &World| world.picture().findings.iter().any(|finding| matches!(finding, Finding::SplitBrain { .. }));
    assert!(!split(&world), "{:?}", world.picture().findings);
    assert_eq!(world.picture().active, Some(Side::B));
    world.pass(500);
    assert!(split(&world), "both have said it since");
}
