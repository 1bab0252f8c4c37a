//! A site is lost in every way there is, and comes back in every way there is.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use switchback_domain::Millis;
use switchback_domain::operation::{Choice, Intent, NotSaved, Operation, Stage, StepEvidence, StepFailure, Task};
use switchback_lab::{Place, Run, Site, Target, Way, side};

use crate::quick::{HELD_WITHIN, expected_bytes, failback, killed_and_returned, reprotected};
use crate::scene::{RESTS_WITHIN, Scene, WHOLE_WITHIN};

/// A returning site that is cut off or frozen is writable in its own eyes until somebody reaches it; then it must end soon.
const SHUT_WITHIN: Duration = Duration::from_secs(3);

/// Between the cut of the link and the death of the site.
const UNSHIPPED_FOR: Duration = Duration::from_secs(2);
/// What was acknowledged within this of the moment at which the link was cut, or the site killed, was on its way: it may have arrived.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// Engines are asked once a second, and the failover is asked for at once.
const JUST_BEFORE: Millis = Millis(4_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Frozen,
    Cut,
}

async fn fail_over(scene: &Scene, from: Site) -> anyhow::Result<(Operation, Instant)> {
    let (id, asked) = scene.console().begin(&Intent::Failover { to: side(from.peer()) }, "its power is off").await?;
    Ok((scene.done(id).await?, asked))
}

/// How old the figures were by which the console said what would be lost.
fn expected_age(operation: &Operation) -> Option<Millis> {
    let facts = operation.steps.iter().flat_map(|run| &run.facts);
    facts.filter_map(|fact| if let StepEvidence::ExpectedLoss { age, .. } = fact { *age } else { None }).next_back()
}

/// What was said before beside what was found after.
fn losses(operation: &Operation, run: &Run) -> String {
    format!("expected loss {:?} bytes, found {} rows", expected_bytes(operation), run.verdict.lost)
}

/// The site lives on where nobody sees it, and is found again.
async fn lost_alive(scene: &Scene, fault: Fault) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    let lost = Instant::now();
    match fault {
        Fault::Frozen => scene.lab().freeze(Target::Site(from)),
        Fault::Cut => scene.cut_off(from)?,
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (operation, asked) = fail_over(scene, from).await?;
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    match fault {
        Fault::Frozen => scene.lab().thaw(Target::Site(from)),
        Fault::Cut => scene.join_again(from)?,
    }
    reprotected(scene, from).await?;
    let accepted = rogue.end().await?.verdict.acknowledged;
    let (run, watched) = observed.end().await?;
    let shut = returned + SHUT_WITHIN;
    ensure!(!watched.site_was_writable_after(from, shut), "the returning site went on: {}", watched.line());
    if let Some(overlap) = watched.two_writable_except(lost, shut) {
        anyhow::bail!("{overlap}; {}", watched.line());
    }
    let first = run.first_after(asked).context("nobody wrote afterwards")?;
    // Of what clients were told of nothing is lost but what was on its way when the site was lost.
    ensure!(run.lost_at.iter().all(|at| *at + ON_ITS_WAY > lost), "shipped rows are lost: {}", run.verdict.lines("rows"));
    let said = losses(&operation, &run);
    Ok(format!("first write {first:.2?} after the request, {said}; its return accepted {accepted} rows"))
}

/// The console is down when the site comes back: only the standing guards are there.
async fn returns_unfenced(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    scene.lab().kill(Target::Site(from)).await?;
    let (operation, _) = fail_over(scene, from).await?;
    scene.console().sigkill();
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    scene.lab().revive(Target::Site(from))?;
    // Without any guard it has promoted itself within 3 seconds.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let accepted = rogue.end().await?.verdict.acknowledged;
    ensure!(accepted == 0, "the returning site accepted {accepted} rows");
    scene.console().start_again().await?;
    reprotected(scene, from).await?;
    let (run, watched) = observed.end().await?;
    ensure!(!watched.site_was_writable_after(from, returned), "the returning site was writable: {}", watched.line());
    ensure!(watched.two_writable().is_none(), "two nodes accepted writes: {}", watched.line());
    Ok(format!("{}; whole {:.0?} after its return", losses(&operation, &run), returned.elapsed()))
}

/// The link is cut a while before the site dies: what was written in between is nowhere else. Exactly that is lost, and the console has said
/// beforehand that something would be.
async fn killed_after_a_cut(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    let before = Instant::now();
    scene.lab().cut(Place::A, Place::B)?;
    let cut = Instant::now();
    tokio::time::sleep(UNSHIPPED_FOR).await;
    scene.lab().kill(Target::Site(from)).await?;
    let killed = Instant::now();
    let (operation, _) = fail_over(scene, from).await?;
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    scene.lab().heal(Place::A, Place::B)?;
    scene.lab().revive(Target::Site(from))?;
    reprotected(scene, from).await?;
    let accepted = rogue.end().await?.verdict.acknowledged;
    ensure!(accepted == 0, "the returning site accepted {accepted} rows");
    let (run, watched) = observed.end().await?;
    ensure!(!watched.site_was_writable_after(from, returned), "the returning site was writable: {}", watched.line());
    ensure!(watched.two_writable().is_none(), "two nodes accepted writes: {}", watched.line());
    let until_the_end = |moment: Instant| run.acknowledged_after(moment) - run.acknowledged_after(killed);
    let (least, most) = (until_the_end(cut + ON_ITS_WAY), until_the_end(before.checked_sub(ON_ITS_WAY).unwrap_or(before)));
    let lost = run.lost_at.len();
    ensure!(least > 0 && (least..=most).contains(&lost), "{least} to {most} rows had not been shipped, and {lost} are lost");
    ensure!(expected_bytes(&operation).is_some_and(|bytes| bytes > 0), "{}", losses(&operation, &run));
    ensure!(expected_age(&operation).is_some_and(|age| age < JUST_BEFORE), "its figures are {:?} old", expected_age(&operation));
    // What was said before was an estimate; what was found after is all that the log held, which is at least what clients have lost.
    let found = scene.console().report(operation.id).await?.loss.found.context("nobody has looked what was lost")?;
    let all = found.bytes.0 > 0 && found.rows.is_none_or(|rows| rows >= lost as u64);
    ensure!(all, "{lost} rows are lost, and the console found {found:?}");
    let (bytes, rows) = (found.bytes.0, found.rows);
    Ok(format!("{}; {least} to {most} had not been shipped; the console found {bytes} bytes, {rows:?} rows", losses(&operation, &run)))
}

/// People chat while their site dies: they find the other one, and everything that they were told is archived is in the archive there.
async fn killed_with_people(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let talk = scene.lab().begin_chat();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let lost = Instant::now();
    scene.lab().kill(Target::Site(from)).await?;
    fail_over(scene, from).await?;
    let back = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let run = talk.end().await?;
    let words = run.verdict.lines("messages");
    ensure!(run.verdict.read_back_from == format!("member-{}1", from.peer()), "the archive was read elsewhere: {words}");
    ensure!(run.acknowledged_after(back) > 20, "people have not come back: {words}");
    ensure!(run.verdict.duplicates == 0 && run.lost_at.iter().all(|at| *at + ON_ITS_WAY > lost), "shipped messages are gone: {words}");
    scene.lab().revive(Target::Site(from))?;
    reprotected(scene, from).await?;
    let (gone, all, gap) = (run.verdict.lost, run.verdict.acknowledged, run.verdict.longest_outage_ms);
    Ok(format!("{gone} of {all} messages lost, longest gap {gap} ms"))
}

/// The lost site has promoted itself where nobody could keep it from it: its history and the active one's have parted at the same timeline.
async fn collision(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    let lost = Instant::now();
    scene.lab().kill(Target::Site(from)).await?;
    fail_over(scene, from).await?;
    scene.cut_off(from)?;
    scene.lab().revive(Target::Site(from))?;
    let own = async {
        loop {
            if let Some(leader) = scene.lab().leader_unseen(from) {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let own = tokio::time::timeout(Duration::from_mins(1), own).await.context("the lost site did not promote itself")?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let returned = Instant::now();
    scene.join_again(from)?;
    // Held, and not made to follow: its data directory is evidence.
    scene.console().sees_held(from, HELD_WITHIN).await.context("the returning site is not held")?;
    let (id, _) = scene.console().begin(&Intent::Reprotect { side: side(from) }, "").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let Stage::NeedsPerson { question, .. } = &operation.stage else { anyhow::bail!("{id} did not ask: {:?}", operation.stage) };
    ensure!(matches!(question.trouble, StepFailure::Collision { .. }), "{id} asks about something else: {:?}", question.trouble);
    scene.lab().rebuild(from).await?;
    let answer = scene.console().answer(id, question, Choice::Retry, "rebuilt").await?;
    ensure!(answer.status < 300, "the answer was not taken: {answer}");
    scene.done(id).await?;
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("the rebuilt site does not follow")?;
    let (run, watched) = observed.end().await?;
    if let Some(overlap) = watched.two_writable_except(lost, returned + SHUT_WITHIN) {
        anyhow::bail!("{overlap}; {}", watched.line());
    }
    ensure!(scene.lab().active().await? == from.peer(), "the pool has moved");
    Ok(format!("{own} had promoted itself, was recognised and rebuilt; {} rows were lost with the site", run.verdict.lost))
}

/// Known numbers of rows are written in a site that is cut off and then dies, into a table that the console may not read, into one that it
/// may, and into none of a third. What is said to be lost is exactly that, with an unused rest of a file of the log in between; nothing is
/// given up before somebody says so, and until then the rows can be had by the very command that the console shows.
async fn counted(scene: &Scene) -> anyhow::Result<String> {
    let lab = scene.lab();
    let from = lab.active().await?;
    let leader = lab.leader(from).await.context("nobody leads")?;
    lab.psql(
        leader,
        "load",
        &[],
        "DROP TABLE IF EXISTS hidden, shown, quiet; CREATE TABLE hidden (id int); CREATE TABLE shown (id int); CREATE TABLE quiet (id int);\n\
         REVOKE pg_read_all_data FROM switchback; GRANT SELECT ON shown TO switchback; INSERT INTO hidden VALUES (0);",
    )?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    lab.cut(Place::A, Place::B)?;
    tokio::time::sleep(ON_ITS_WAY).await;
    let singles: Vec<String> = (1..=43).map(|number| format!("INSERT INTO hidden VALUES ({number});\n")).collect();
    lab.psql(leader, "load", &[], &singles.concat())?;
    lab.psql(leader, "load", &[], "SELECT pg_switch_wal();")?;
    let rest = "INSERT INTO hidden SELECT generate_series(44, 343); INSERT INTO shown SELECT generate_series(1, 17);";
    lab.psql(leader, "load", &[], rest)?;
    lab.kill(Target::Site(from)).await?;
    let (failover, _) = fail_over(scene, from).await?;
    lab.heal(Place::A, Place::B)?;
    lab.revive(Target::Site(from))?;
    scene.console().sees_held(from, HELD_WITHIN).await.context("the returning site is not held")?;
    let (id, _) = scene.console().begin(&Intent::Reprotect { side: side(from) }, "").await?;
    let asks = scene.console().rest(id, RESTS_WITHIN).await?;
    let Stage::NeedsPerson { question, .. } = &asks.stage else { anyhow::bail!("{id} did not ask: {:?}", asks.stage) };
    let StepFailure::NotSaved { what, .. } = &question.trouble else { anyhow::bail!("{id} asks about {:?}", question.trouble) };
    let [NotSaved::Table { table, rows: 343, .. }] = &what[..] else { anyhow::bail!("{id} could not save {what:?}") };
    ensure!(table == "hidden" && question.options.contains(&Choice::GiveUp), "{question:?}");
    // The command that is shown gets them.
    let told = scene.console().report(id).await?.instructions;
    let copy = told.iter().find(|one| one.task == Task::CopyTables).context("nobody says how to get them")?;
    let ran = Command::new("sh").args(["-ec", copy.command.as_deref().context("no command")?]).status()?;
    let file = copy.command.as_deref().and_then(|command| command.rsplit('\'').nth(1)).context("no file")?;
    let restored = Command::new("pg_restore").args(["--data-only", "-f", "-", file]).output()?;
    let copied = String::from_utf8_lossy(&restored.stdout).lines().filter(|line| line.parse::<u32>().is_ok()).count();
    std::fs::remove_file(file)?;
    ensure!(ran.success() && copied == 344, "of 344 rows {copied} were copied by {copy:?}: {ran}");
    // And nothing goes on without the site's name.
    let console = scene.console();
    for site in [String::new(), format!("dc-{}", from.peer())] {
        let answer = console.answer_for(id, question, Choice::GiveUp, "a copy is in the safe", &site).await?;
        ensure!(answer.status == 422, "rows were given up for {site:?}: {answer}");
    }
    let answer = console.answer_for(id, question, Choice::GiveUp, "a copy is in the safe", &format!("dc-{from}")).await?;
    ensure!(answer.status < 300, "the answer was not taken: {answer}");
    scene.done(id).await?;
    lab.wait_settled(WHOLE_WITHIN).await.context("the returning site does not follow")?;
    let page = console.page(&format!("/operations/{}", failover.id)).await?;
    ensure!(page.contains(&format!("17 rows of it are saved with {id}.")), "it reads: {page}");
    let report = console.report(failover.id).await?;
    let found = report.loss.found.context("nobody has looked what was lost")?;
    let writes = found.writes.context("nobody has counted what was lost")?;
    let of = |table: &str| writes.tables.iter().find(|one| one.table.as_deref() == Some(table)).map(|one| (one.inserted, one.saved));
    let tables = [of("public.hidden"), of("public.shown"), of("public.quiet")];
    ensure!(tables == [Some((343, 0)), Some((17, 17)), None], "{:?}", writes.tables);
    ensure!(writes.transactions == 45 && writes.complete, "{writes:?}");
    let beyond = found.beyond.context("nothing lies beyond")?;
    let (clients, log) = (writes.bytes.0, beyond.end.0 - beyond.fork.0);
    ensure!(clients < 128 * 1024 && log > 1024 * 1024, "clients wrote {clients} bytes of {log}");
    let given = found.given_up.context("nobody gave it up")?;
    ensure!(given.reason == "a copy is in the safe" && found.not_saved.len() == 1, "{given:?}");
    let leader = lab.leader(from.peer()).await.context("nobody leads")?;
    lab.psql(leader, "postgres", &[], "GRANT pg_read_all_data TO switchback;")?;
    Ok(format!("{} rows in {} transactions, {clients} of {log} bytes of the log", writes.changes(), writes.transactions))
}

/// A site dies in which nobody wrote but the server and the console: nothing was lost, however far its log goes on.
async fn nothing_lost(scene: &Scene) -> anyhow::Result<String> {
    let lab = scene.lab();
    let from = lab.active().await?;
    let leader = lab.leader(from).await.context("nobody leads")?;
    lab.cut(Place::A, Place::B)?;
    tokio::time::sleep(UNSHIPPED_FOR).await;
    lab.psql(leader, "load", &[], "SELECT pg_switch_wal();")?;
    lab.psql(leader, "load", &[], "CHECKPOINT;")?;
    lab.kill(Target::Site(from)).await?;
    let (failover, _) = fail_over(scene, from).await?;
    lab.heal(Place::A, Place::B)?;
    lab.revive(Target::Site(from))?;
    scene.console().sees_held(from, HELD_WITHIN).await.context("the returning site is not held")?;
    let (id, _) = scene.console().begin(&Intent::Reprotect { side: side(from) }, "").await?;
    let done = scene.done(id).await?;
    lab.wait_settled(WHOLE_WITHIN).await.context("the returning site does not follow")?;
    let raw = done.steps.iter().flat_map(|run| &run.facts).find_map(|fact| match fact {
        StepEvidence::Diverged { fork, end, .. } => Some(end.0 - fork.0),
        _ => None,
    });
    let report = scene.console().report(failover.id).await?;
    let found = report.loss.found.context("nobody has looked what was lost")?;
    ensure!(found.is_nothing() && found.bytes.0 == 0, "{found:?}");
    ensure!(report.targets.recovery_point_kept == Some(true), "{:?}", report.targets);
    Ok(format!("nothing, of {raw:?} bytes of the log"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_counted_exactly_and_given_up_only_by_somebody() {
    let mut scene = Scene::up("loss", 6).await;
    for direction in ["a→b", "b→a"] {
        scene.case(&format!("known numbers of rows, {direction}"), counted).await;
    }
    scene.case("no row", nothing_lost).await;
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_site_is_replaced_and_accepts_nothing_when_it_returns() {
    let mut scene = Scene::up("emergencies", 6).await;
    for round in 1..=2 {
        scene.case(&format!("killed, returns fenced ({round})"), killed_and_returned).await;
        scene.case(&format!("killed, returns to guards only ({round})"), returns_unfenced).await;
    }
    scene.case("killed, returns fenced", killed_and_returned).await;
    scene.case("failback", failback).await;
    scene.case("killed, returns to guards only", returns_unfenced).await;
    scene.case("failback after a return to guards only", failback).await;
    for direction in ["a→b", "b→a"] {
        scene.case(&format!("killed after a cut, {direction}"), killed_after_a_cut).await;
    }
    for direction in ["a→b", "b→a"] {
        scene.case(&format!("killed while people chat, {direction}"), killed_with_people).await;
    }
    for fault in [Fault::Frozen, Fault::Cut] {
        scene.case(&format!("{fault:?}"), async |scene| lost_alive(scene, fault).await).await;
        scene.case(&format!("failback after {fault:?}"), failback).await;
    }
    scene.case("killed, returns after having promoted itself", collision).await;
    scene.case("failback after that", failback).await;
    scene.end();
}

/// Ten returns with the console up, and ten with the standing guards only.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_of_twenty_returns_accept_nothing() {
    let mut scene = Scene::up("returns", 6).await;
    for round in 1..=10 {
        scene.case(&format!("return {round} of 10, fenced"), killed_and_returned).await;
        scene.case(&format!("return {round} of 10, guards only"), returns_unfenced).await;
    }
    scene.end();
}
