//! What the lab promises, on a real one. Needs root, what `./setup lab` installs, and the feature `lab-tests`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so best by its line")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use switchback_lab::{Lab, Node, NodeStatus, Options, Place, Service, Site, Stop, Target};

/// Takes the lab down whatever happens to the test.
struct Cleanup(PathBuf);

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let Err(error) = Lab::down(&self.0, true) {
            eprintln!("taking the lab down: {error}");
        }
    }
}

fn options(name: &str, instance: u8) -> Options {
    let mut options = Options::new(std::env::temp_dir().join(format!("switchback-lab-test-{name}")));
    options.instance = instance;
    options.program = Some(env!("CARGO_BIN_EXE_switchback-lab").into());
    options
}

async fn up(options: Options) -> (Lab, Cleanup) {
    Lab::down(&options.dir, true).unwrap();
    let cleanup = Cleanup(options.dir.clone());
    (Lab::up(options, &|line| println!("{line}")).await.unwrap(), cleanup)
}

fn node(name: &str) -> Node {
    name.parse().unwrap()
}

async fn seen(lab: &Lab, name: &str) -> NodeStatus {
    let status = lab.status().await.unwrap();
    status.sites.into_iter().flat_map(|site| site.nodes).find(|node| node.name == name).unwrap()
}

/// Looks again and again until it is true.
#[expect(clippy::disallowed_methods, reason = "real engines take their own time")]
async fn until(what: &str, within: Duration, mut look: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !look().await {
        assert!(began.elapsed() < within, "waited {within:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{what}: after {:.1} s", began.elapsed().as_secs_f32());
}

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_streams_bears_every_fault_it_can_make_and_loses_nothing_in_calm() {
    let (lab, _cleanup) = up(options("faults", 8)).await;
    assert_eq!(lab.unsettled().await, None);

    // Calm: nothing is lost, neither rows nor messages.
    let (rows, messages) = tokio::join!(lab.load(Some(5), Stop::default()), lab.load_chat(Some(5), Stop::default()));
    let (rows, messages) = (rows.unwrap(), messages.unwrap());
    println!("{}{}", rows.lines("rows"), messages.lines("messages"));
    assert!(rows.acknowledged > 100 && messages.acknowledged > 100);
    assert_eq!((rows.lost, rows.duplicates, messages.lost, messages.duplicates), (0, 0, 0, 0));
    assert_eq!(messages.read_back_from, "member-b1");

    // A stall hits replication alone, and log shipping takes over.
    lab.stall_replication().unwrap();
    let stop = Stop::default();
    let before = seen(&lab, "a1").await.position;
    let watch = async {
        until("the backup takes what came after the stall from the archive", SOON, async || {
            let backup = seen(&lab, "b1").await;
            backup.replication == "in archive recovery" && backup.position > before
        })
        .await;
        stop.stop();
    };
    let (verdict, ()) = tokio::join!(lab.load(None, stop.clone()), watch);
    assert_eq!(verdict.unwrap().lost, 0);
    assert!(lab.status().await.unwrap().replication_stalled);
    lab.resume_replication().unwrap();
    lab.wait_settled(SOON).await.unwrap();

    // A cut hits everything between two places, open connections too, and nothing else.
    lab.cut(Place::A, Place::B).unwrap();
    let stopped = seen(&lab, "b1").await.position;
    let verdict = lab.load(Some(8), Stop::default()).await.unwrap();
    assert!(verdict.lost == 0 && verdict.longest_outage_ms < 2000, "the active site goes on: {}", verdict.lines("rows"));
    assert_eq!(seen(&lab, "b1").await.position, stopped, "nothing crosses a cut, and no WAL file either");
    assert_eq!(lab.status().await.unwrap().cuts, [(Place::A, Place::B)]);
    lab.heal(Place::B, Place::A).unwrap();
    lab.wait_settled(SOON).await.unwrap();
    lab.cut(Place::Console, Place::B).unwrap();
    assert_eq!(seen(&lab, "b1").await.role, "silent");
    assert_eq!(seen(&lab, "a1").await.role, "primary");
    lab.heal(Place::Console, Place::B).unwrap();

    // Killed and revived; frozen and thawed.
    lab.kill(Target::Node(node("b2"))).await.unwrap();
    assert_eq!(seen(&lab, "b2").await.role, "silent");
    lab.revive(Target::Node(node("b2"))).unwrap();
    lab.wait_settled(SOON).await.unwrap();
    lab.freeze(Target::Service(Service::Member(Site::A, 1)));
    until("HAProxy sees that a frozen member is down", SOON, async || {
        let status = lab.status().await.unwrap();
        status.sites[0].members[0].proxy == "DOWN"
            && status.sites[0].services.iter().any(|one| one.name == "member-a1" && one.state == "frozen")
    })
    .await;
    lab.thaw(Target::Service(Service::Member(Site::A, 1)));
    lab.kill(Target::Site(Site::B)).await.unwrap();
    lab.revive(Target::Site(Site::B)).unwrap();
    lab.wait_settled(SOON).await.unwrap();
    let members = &lab.status().await.unwrap().sites[1].members;
    assert!(members.iter().all(|member| member.proxy.starts_with("DRAIN")), "a standby site stays without traffic: {members:?}");

    // Replay alone can be held while WAL still arrives.
    lab.pause_replay(node("b1")).unwrap();
    let held = seen(&lab, "b1").await.position;
    lab.load(Some(2), Stop::default()).await.unwrap();
    assert_eq!(seen(&lab, "b1").await.position, held);
    assert_eq!(seen(&lab, "b1").await.replication, "streaming");
    assert!(lab.pause_replay(node("a1")).unwrap_err().to_string().contains("no standby"), "a primary replays nothing");
    lab.resume_replay(node("b1")).unwrap();
    until("the backup has caught up", SOON, async || seen(&lab, "b1").await.position > held).await;

    // Rebuilt from nothing.
    lab.rebuild(Site::B).await.unwrap();
    lab.wait_settled(SOON).await.unwrap();
    let refused = lab.rebuild(Site::A).await.unwrap_err().to_string();
    assert!(refused.contains("has no primary"), "the active site is not wiped: {refused}");
}

/// Everything on this machine that names the lab: processes by their command line, namespaces, devices, routes.
fn traces(dir: &Path, prefix: &str) -> Vec<String> {
    let said = |program: &str, args: &[&str]| String::from_utf8(Command::new(program).args(args).output().unwrap().stdout).unwrap();
    let dir = dir.display().to_string();
    let lines =
        [said("ps", &["-eo", "args"]), said("ip", &["netns", "list"]), said("ip", &["-o", "link"]), said("ip", &["route"])].join("\n");
    lines
        .lines()
        .filter(|line| {
            line.contains(&dir) || line.contains(&format!("{prefix}-")) || line.contains(&format!("{prefix}@")) || line.contains("198.18.9")
        })
        .map(String::from)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn down_leaves_nothing_behind_even_after_the_lab_has_crashed_halfway() {
    let mut options = options("down", 9);
    let (lab, _cleanup) = up(options.clone()).await;
    let dir = options.dir.clone();
    assert!(traces(&dir, "swlab9").len() > 12, "this test would notice: {:?}", traces(&dir, "swlab9"));
    let again = Lab::up(options.clone(), &|_| {}).await.unwrap_err().to_string();
    assert!(again.contains("already runs"), "{again}");

    // A crash that lost every record, and a service that does not react.
    lab.freeze(Target::Site(Site::A));
    for record in std::fs::read_dir(dir.join("run")).unwrap() {
        std::fs::remove_file(record.unwrap().path()).unwrap();
    }
    Lab::down(&dir, false).unwrap();
    assert_eq!(traces(&dir, "swlab9"), Vec::<String>::new());
    assert!(dir.join("secrets").exists(), "passwords stay until they are purged");
    Lab::down(&dir, true).unwrap();
    assert!(!dir.exists(), "also of a lab that is down already");
    Lab::down(&dir, true).unwrap();

    // The next one starts as if nothing had been, and as it does for who is not root: on loopback, where nothing can be cut.
    options.loopback = true;
    let (lab, _cleanup) = up(options).await;
    assert_eq!(lab.unsettled().await, None);
    let refused = lab.cut(Place::A, Place::B).unwrap_err().to_string();
    assert!(refused.contains("run it as root"), "{refused}");
}
