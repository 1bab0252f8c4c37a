use crate::fixture::{WRITTEN, World, at};
use crate::operation::{Intent, Plan, PlanObjection, PoolState, plan};
use crate::*;

fn check(picture: &Picture, kind: CheckKind) -> (Verdict, Evidence) {
    let check = picture.checks.iter().find(|check| check.kind == kind).expect("every check is there");
    (check.verdict, check.evidence.clone())
}

fn with_patroni(versions: &[(&str, &str)]) -> World {
    let mut world = World::healthy(at(0));
    for (node, version) in versions {
        world.patroni(node, |facts| facts.patroni_version = (*version).to_owned());
    }
    world
}

fn planned(world: &World, intent: Intent) -> Plan {
    plan(&world.pool, &world.picture(), &PoolState::default(), intent, world.now)
}

fn names(objections: &[PlanObjection], node: &str, version: &str) -> bool {
    let named = Objection::PatroniTooOld { node: node.parse().expect("a name"), version: version.to_owned() };
    objections.contains(&PlanObjection::Situation { objection: named })
}

#[test]
fn a_planned_move_is_refused_by_name_while_a_member_of_the_active_site_has_an_older_patroni() {
    for (node, version) in [("a1", "3.0.2"), ("a1", "4.0.7"), ("a2", "3.3.8"), ("a2", "4.0.11"), ("a1", "unheard of")] {
        let world = with_patroni(&[(node, version)]);
        let (verdict, evidence) = check(&world.picture(), CheckKind::DemotesCleanly);
        let members = vec![(node.parse().expect("a name"), version.to_owned())];
        assert_eq!((verdict, evidence), (Verdict::Fail, Evidence::OldPatroni { members }));
        let switchover = planned(&world, Intent::Switchover { to: Side::B });
        assert!(!switchover.is_possible() && names(&switchover.objections, node, version), "{:?}", switchover.objections);
        let failover = planned(&world, Intent::Failover { to: Side::B });
        assert!(failover.is_possible(), "an emergency does without a shutdown checkpoint: {:?}", failover.objections);
        assert!(planned(&world, Intent::Reprotect { side: Side::B }).is_possible(), "to follow stops nobody");
    }
    let both = planned(&with_patroni(&[("a1", "4.0.7"), ("a2", "3.3.8")]), Intent::Switchover { to: Side::B }).objections;
    assert!(names(&both, "a1", "4.0.7") && names(&both, "a2", "3.3.8"), "{both:?}");
}

#[test]
fn the_way_home_is_refused_too_when_the_active_site_has_an_older_patroni_even_before_home_follows() {
    let mut away = with_patroni(&[("a1", "4.0.7")]);
    away.pool.home = Side::B;
    let follows = planned(&away, Intent::Failback { to: Side::B });
    assert!(!follows.is_possible() && names(&follows.objections, "a1", "4.0.7"), "{:?}", follows.objections);
    // Home answers, and follows nobody.
    for node in ["b1", "b2"] {
        away.fails(&format!("postgres-{node}"), ProbeFailure::TimedOut { after: Millis(800) });
        away.patroni(node, |facts| facts.role = PatroniRole::Replica);
    }
    let lost = planned(&away, Intent::Failback { to: Side::B });
    assert!(!lost.is_possible() && names(&lost.objections, "a1", "4.0.7"), "{:?}", lost.objections);
}

#[test]
fn an_older_patroni_in_the_other_site_only_warns_that_there_is_no_planned_way_back() {
    let world = with_patroni(&[("b2", "3.3.8")]);
    let (verdict, evidence) = check(&world.picture(), CheckKind::DemotesCleanly);
    let members = vec![("b2".parse().expect("a name"), "3.3.8".to_owned())];
    assert_eq!((verdict, evidence), (Verdict::Warn, Evidence::OldPatroni { members }));
    assert!(planned(&world, Intent::Switchover { to: Side::B }).is_possible());
}

#[test]
fn who_gets_the_order_has_to_be_known_and_a_mirror_that_is_away_has_not() {
    let silent = |node: &str| {
        let mut world = World::healthy(at(0));
        world.fails(&format!("patroni-{node}"), ProbeFailure::TimedOut { after: Millis(800) });
        world.pass(6_000);
        world
    };
    assert_eq!(check(&silent("a2").picture(), CheckKind::DemotesCleanly).0, Verdict::Warn);
    assert_eq!(check(&silent("a1").picture(), CheckKind::DemotesCleanly).0, Verdict::Unknown);
}

#[test]
fn a_patroni_that_does_not_say_its_name_is_not_taken_for_the_one_that_is_configured() {
    let mut world = World::healthy(at(0));
    world.patroni("b2", |facts| facts.name = None);
    let endpoints = vec!["patroni-b2".parse().expect("a name")];
    assert_eq!(check(&world.picture(), CheckKind::UniqueNames), (Verdict::Unknown, Evidence::NoReading { endpoints }));
    world.patroni("a1", |facts| facts.name = Some("x1".parse().expect("a name")));
    assert_eq!(check(&world.picture(), CheckKind::UniqueNames).0, Verdict::Fail);
}

#[test]
fn rights_beyond_what_is_needed_warn_and_name_themselves() {
    let mut world = World::healthy(at(0));
    world.postgres("b1", |facts| facts.rights.excess = vec!["pg_read_server_files".to_owned(), "superuser".to_owned()]);
    world.postgres("a1", |facts| facts.rights.excess = vec!["superuser".to_owned()]);
    let excess = vec!["pg_read_server_files".to_owned(), "superuser".to_owned()];
    assert_eq!(check(&world.picture(), CheckKind::RoleRights), (Verdict::Warn, Evidence::Rights { excess, no_histories: false }));
    assert!(planned(&world, Intent::Switchover { to: Side::B }).is_possible());
    let mut world = World::healthy(at(0));
    world.postgres("a2", |facts| facts.rights.reads_histories = false);
    let missing = Evidence::Rights { excess: Vec::new(), no_histories: true };
    assert_eq!(check(&world.picture(), CheckKind::RoleRights), (Verdict::Warn, missing));
}

#[test]
fn endpoints_that_nobody_verifies_are_named() {
    let mut world = World::healthy(at(0));
    assert_eq!(check(&world.picture(), CheckKind::EndpointsVerified).0, Verdict::Pass);
    let (one, other): (EndpointName, EndpointName) = ("patroni-a1".parse().expect("a name"), "etcd-b".parse().expect("a name"));
    world.pool.sites[Side::A].unverified = vec![one.clone()];
    world.pool.sites[Side::B].unverified = vec![other.clone()];
    let endpoints = vec![one, other];
    assert_eq!(check(&world.picture(), CheckKind::EndpointsVerified), (Verdict::Warn, Evidence::Endpoints { endpoints }));
}

#[test]
fn who_has_not_answered_in_this_reading_has_not_proved_who_it_is() {
    // One that is turned down for its certificate is not believed for as long as its last answer is fresh.
    for (failure, later) in [(ProbeFailure::TimedOut { after: Millis(800) }, 60_000), (ProbeFailure::Tls, 0), (ProbeFailure::Unproved, 0)] {
        for endpoint in World::healthy(at(0)).pool.endpoints() {
            let mut world = World::healthy(at(0));
            world.fails(endpoint.name.as_str(), failure.clone());
            world.pass(later);
            let unseen = Evidence::NoReading { endpoints: vec![endpoint.name.clone()] };
            assert_eq!(check(&world.picture(), CheckKind::EndpointsVerified), (Verdict::Warn, unseen), "{failure:?}");
        }
    }
}

#[test]
fn a_site_of_one_node_is_warned_about_its_missing_mirror_and_may_be_left() {
    let mut world = World::healthy(at(0));
    world.pool.sites.a.nodes.truncate(1);
    let picture = world.picture();
    let check = picture.checks.iter().find(|check| check.kind == CheckKind::MirrorInStep).expect("there is one");
    assert_eq!(check.verdict, Verdict::Warn);
    assert_eq!(picture.actions.switchover, []);
}

#[test]
fn what_the_console_may_not_read_is_said_while_nothing_is_wrong_and_stops_nothing() {
    let checked = |unreadable: Option<crate::Unreadable>| {
        let mut world = World::healthy(at(0));
        world.postgres("a1", |facts| facts.unreadable = unreadable.map(Box::new));
        let picture = world.picture();
        assert_eq!(picture.actions.switchover, [], "it only warns");
        let check = picture.checks.into_iter().find(|check| check.kind == CheckKind::RowsReadable).expect("there is one");
        (check.verdict, check.evidence)
    };
    assert_eq!(checked(None), (Verdict::Warn, Evidence::NotYet), "not known is not well");
    let found = |databases: &[&str], tables, first: &[&str]| {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (verdict, evidence) = checked(Some(crate::Unreadable { databases: names(databases), tables, first_tables: names(first) }));
        assert_eq!(evidence, Evidence::Unreadable { databases: names(databases), tables, first: names(first) });
        verdict
    };
    assert_eq!(found(&[], 0, &[]), Verdict::Pass);
    assert_eq!(found(&["hr"], 0, &[]), Verdict::Warn);
    assert_eq!(found(&[], 12, &["chat: public.messages"]), Verdict::Warn);
}

#[test]
fn small_settings_on_a_standby_close_the_planned_button_by_name() {
    let mut world = World::healthy(at(0));
    world.postgres("b2", |facts| {
        facts.settings.insert("max_connections".to_owned(), 50);
    });
    let picture = world.picture();
    let worst = &picture.checks[0];
    assert_eq!((worst.kind, worst.verdict), (CheckKind::SettingsFit, Verdict::Fail));
    assert!(matches!(&worst.evidence, Evidence::Setting { standby: 50, primary: 100, .. }));
}

#[test]
fn replay_that_is_far_behind_closes_the_planned_button() {
    let mut world = World::healthy(at(0));
    world.postgres("b1", |facts| facts.replayed = Some(Lsn(WRITTEN.0 - 3_000_000_000)));
    let objections = world.picture().actions.switchover;
    assert_eq!(objections, [Objection::CheckFails { check: CheckKind::LossWithinPolicy, verdict: Verdict::Fail }]);
}

#[test]
fn what_a_node_says_for_itself_is_not_said_to_be_well_while_the_node_is_silent() {
    let kinds = [CheckKind::UniqueNames, CheckKind::NoPendingRestart, CheckKind::DemotesCleanly];
    for node in ["a2", "b2"] {
        let mut world = World::healthy(at(0));
        world.fails(&format!("patroni-{node}"), ProbeFailure::TimedOut { after: Millis(800) });
        world.pass(6_000);
        let picture = world.picture();
        let endpoints = vec![format!("patroni-{node}").parse().expect("a name")];
        for kind in kinds {
            let silent = Evidence::NoReading { endpoints: endpoints.clone() };
            assert_eq!(check(&picture, kind), (Verdict::Warn, silent), "{kind:?} with {node} silent");
        }
        assert_eq!(check(&picture, CheckKind::NotPaused).0, Verdict::Pass, "one node tells it for its cluster");
        assert_eq!(picture.actions.switchover, [], "it only warns");
        // What another node says is not hidden by that.
        world.patroni("a1", |facts| facts.pending_restart = true);
        let nodes = vec!["a1".parse().expect("a name")];
        assert_eq!(check(&world.picture(), CheckKind::NoPendingRestart), (Verdict::Fail, Evidence::Nodes { nodes }));
    }
}

#[test]
fn guards_are_unknown_where_no_patroni_of_a_site_answers_and_then_nothing_planned_is_possible_anyway() {
    let mut world = World::healthy(at(0));
    for node in ["b1", "b2"] {
        world.fails(&format!("patroni-{node}"), ProbeFailure::TimedOut { after: Millis(800) });
    }
    world.pass(6_000);
    let picture = world.picture();
    assert_eq!(check(&picture, CheckKind::GuardInstalled).0, Verdict::Unknown);
    assert_eq!(check(&picture, CheckKind::LeadersKnown).0, Verdict::Unknown, "every order goes through the leaders' Patroni");
}

#[test]
fn postgresql_may_differ_in_its_minor_version_and_not_in_its_major_one() {
    let with = |version| {
        let mut world = World::healthy(at(0));
        world.postgres("b2", |facts| facts.server_version = version);
        check(&world.picture(), CheckKind::SameVersion)
    };
    let found = |other: &str| Evidence::Values { of: ValueOf::PostgresVersion, found: vec!["15.18".to_owned(), other.to_owned()] };
    assert_eq!(with(150_099), (Verdict::Warn, found("15.99")));
    assert_eq!(with(160_004), (Verdict::Fail, found("16.4")));
    assert_eq!(crate::facts::postgres_version(90_603), "9.6.3");
}
