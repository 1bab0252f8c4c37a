use crate::fixture::{World, at};
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
    assert_eq!(check(&silent("a2").picture(), CheckKind::DemotesCleanly).0, Verdict::Pass);
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
