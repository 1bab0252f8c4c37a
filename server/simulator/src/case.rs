//! One run: a world, a console in it, people who want something, faults, and everything that must hold in the end.

#[cfg(test)]
mod asleep;
mod end;
mod measured;
mod people;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod unreadable;

pub use measured::Measured;

use crate::{
    chance::{Dice, SeededChance},
    console_handle::{ConsoleHandle, let_pass},
    control::SimulatedControl,
    probe::WorldProbe,
    store::{Crash, StoreState, WorldStore},
    world::{Fault, Lie, Link, Ms, NodeId, Setting, World},
};
use futures::{FutureExt, future::BoxFuture};
use secrecy::SecretString;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use switchback_domain::{
    Side, fixture,
    operation::{Entry, Intent, MemberChange, MemberOrder, OperationId, Step, StepRun},
    people::{Caller, Person},
    permission::Role,
    picture,
};
use switchback_engine::{
    Console, Parts, PoolParts, Settings,
    ports::{Lane, Passwords, PasswordsFailed, Probe},
};
use tokio_util::sync::CancellationToken;

/// What a run is about: the operations that people want, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A planned switchover.
    Switchover,
    /// The same; when the console dies while nobody writes, somebody makes the other site lead, and the console does not reach that one when
    /// it is back.
    TakenOver,
    /// A site is lost in some way, the other one takes over.
    Failover,
    /// The same; when the console dies, the site is back and serves before the console is.
    BackMeanwhile,
    /// The lost site comes back and is made to follow, under faults.
    Reprotect,
    /// The way home after a planned switchover, under faults.
    Failback,
    /// The same, and the way home is asked for at once: it makes the home site follow first.
    FailbackAtOnce,
    /// The mirror of a site becomes its leader.
    LocalSwitchover,
    /// A site is given up of which every Patroni has died, while its primary writes on.
    Orphaned,
    /// A site is given up of which the console reaches nothing but the etcd.
    Walled,
    /// A site is only cut off from everybody and given up. While the operation asks, the lines are back and the fencer stops that site; then
    /// everything is taken back.
    HeldMeanwhile,
    /// Somebody makes the standby site lead while the active one does; the console ends it.
    SplitBrain,
    /// A planned switchover; once it was taken on, every Patroni says that it is of a version that stops no primary cleanly.
    OlderPatroni,
    /// A firewall, a router or a proxy answers in the active site's name, and somebody believes that the site is dead. Afterwards a planned
    /// switchover.
    LiedTo,
    /// A planned switchover is only rehearsed.
    Rehearsal,
    /// A member of the active site is drained and taken back into service.
    Members,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 16] = [
        Kind::Switchover,
        Kind::TakenOver,
        Kind::Failover,
        Kind::BackMeanwhile,
        Kind::Reprotect,
        Kind::Failback,
        Kind::FailbackAtOnce,
        Kind::LocalSwitchover,
        Kind::Orphaned,
        Kind::Walled,
        Kind::HeldMeanwhile,
        Kind::SplitBrain,
        Kind::OlderPatroni,
        Kind::LiedTo,
        Kind::Rehearsal,
        Kind::Members,
    ];
}

/// One run.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that may happen or not")]
pub struct Case {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// What it is about.
    pub kind: Kind,
    /// When the console is killed.
    pub crashes: Vec<Crash>,
    /// How many faults strike while the operation runs.
    pub faults: u64,
    /// People sometimes pause or cancel.
    pub wishes: bool,
    /// They sometimes give a failover up before its point of no return.
    pub regrets: bool,
    /// The store sometimes does what it is told and says that it failed, as a database does whose last answer is lost.
    pub forgets: bool,
    /// The console's role may not read the clients' rows, so that nothing of a lost timeline can be saved.
    pub rows_are_hidden: bool,
    /// A second console is started on the same store before the operation.
    pub second: bool,
    /// A cut line of the console's is one on which somebody else answers.
    pub liars: bool,
    /// From so many writes of the journal on, and for so long, a site refuses the console's orders. After that somebody must be able to
    /// write again, by an answer that is offered or by a failover.
    pub refuses: Option<(u32, Side, Ms)>,
}

impl Case {
    /// A run in which nothing else happens.
    pub fn plain(kind: Kind, seed: u64) -> Case {
        Case {
            seed,
            kind,
            crashes: Vec::new(),
            faults: 0,
            wishes: false,
            regrets: false,
            forgets: false,
            rows_are_hidden: false,
            second: false,
            liars: false,
            refuses: None,
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct CaseResult {
    /// What happened: time, and in words.
    pub story: Vec<(Ms, String)>,
    /// What must never happen and did.
    pub wrong: Vec<String>,
    /// What people were told that was not so.
    pub misled: Vec<String>,
    /// How often the journal was written to before the operation in question, and in all.
    pub writes: (u32, u32),
    /// How each operation ended, in words.
    pub ends: Vec<String>,
    /// Nodes that accept writes in the end.
    pub writers: Vec<usize>,
    /// How often both sites accepted writes.
    pub splits: u32,
    /// Acknowledged rows that nobody has in the end, by client and number.
    pub lost: BTreeSet<(usize, u64)>,
    /// Rows that operations have saved of lost timelines.
    pub saved: BTreeSet<(usize, u64)>,
    /// What the console says of each outage, beside what clients felt.
    pub measured: Vec<Measured>,
    /// The journal of each operation.
    pub journals: Vec<Vec<Entry>>,
}

impl CaseResult {
    /// The end of the story, for a failing test.
    pub fn last(&self, lines: usize) -> String {
        let from = self.story.len().saturating_sub(lines);
        let lines: Vec<String> = self.story[from..].iter().map(|(at, line)| format!("{at:>8} {line}")).collect();
        lines.join("\n")
    }
}

impl Case {
    /// Runs it in a runtime of its own, in virtual time.
    ///
    /// # Panics
    /// When the runtime cannot be built.
    pub fn run(&self) -> CaseResult {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async { Run::begin(self.clone()).await.through().await })
    }

    /// Runs it and insists that nothing went wrong.
    ///
    /// # Panics
    /// When something did, with the case and the story.
    pub fn check(&self) -> CaseResult {
        let told = self.run();
        assert!(told.wrong.is_empty(), "{self:?}\n{}\nends: {:?}\nstory:\n{}", told.wrong.join("\n"), told.ends, told.last(160));
        told
    }
}

/// Nobody signs in in this world.
struct NoPasswords;

impl Passwords for NoPasswords {
    fn hash(&self, _: SecretString, _: Lane) -> BoxFuture<'_, Result<String, PasswordsFailed>> {
        async { Err(PasswordsFailed::Failed("nobody signs in in this world".to_owned())) }.boxed()
    }
    fn verify(&self, _: SecretString, _: String, _: Lane) -> BoxFuture<'_, Result<bool, PasswordsFailed>> {
        async { Ok(false) }.boxed()
    }
}

struct Run {
    case: Case,
    dice: Dice,
    room: ConsoleHandle,
    console: Arc<Console>,
    stop: CancellationToken,
    operations: Vec<(OperationId, Intent)>,
    /// When it was first shown of an operation that clients wait.
    shown: BTreeMap<OperationId, Ms>,
    /// A failover was asked for in this run: what it loses is no wrong.
    failed_over: bool,
    writes_before: u32,
    second: Option<(ConsoleHandle, Arc<Console>, CancellationToken)>,
    /// Who has held a leader key since the last operation was asked for.
    led: BTreeSet<NodeId>,
    /// Faults that strike after so many writes of the journal: writes, delay, fault, how long it lasts.
    waiting: Vec<(u32, Ms, Fault, Ms)>,
    /// People give any of the answers that are offered.
    any_answer: bool,
}

fn start_console(room: &ConsoleHandle, seed: u64) -> (Arc<Console>, CancellationToken) {
    let pool = room.world().pool.clone();
    let probes =
        pool.endpoints().into_iter().map(|endpoint| Box::new(WorldProbe { endpoint, room: room.clone() }) as Box<dyn Probe>).collect();
    let parts = Parts {
        pools: vec![PoolParts { pool, probes, control: Some(Arc::new(SimulatedControl(room.clone()))) }],
        store: Arc::new(WorldStore(room.clone())),
        clock: Arc::new(room.clock()),
        chance: Arc::new(SeededChance::new(seed ^ (u64::from(room.number) << 32))),
        passwords: Arc::new(NoPasswords),
        work_out: picture::work_out,
        settings: Settings::default(),
    };
    let stop = CancellationToken::new();
    let started = Console::start(parts, &stop);
    let mut world = room.world();
    world.console_runs = true;
    world.tell(format!("console: start {}", room.number));
    (started.console, stop)
}

fn caller() -> Caller {
    let person = Person { login: "ann".parse().expect("a name"), name: "Ann".to_owned(), created_at: fixture::at(0) };
    Caller { person, role: Role::Administrator, session_ends_at: fixture::at(1_000_000_000) }
}

impl Run {
    async fn begin(case: Case) -> Run {
        let mut dice = Dice::new(case.seed.wrapping_mul(31) ^ 7);
        let (ttl, loop_wait) = dice.pick(&[(20_000, 2_000), (20_000, 2_000), (30_000, 10_000)]);
        let setting = Setting { ttl, loop_wait, guard: dice.percent(70), ..Setting::default() };
        let mut world = World::new(case.seed, setting);
        world.rows_are_hidden = case.rows_are_hidden;
        world.tell(format!("{case:?} {setting:?}"));
        let room = ConsoleHandle::new(Arc::new(Mutex::new(world)), Arc::new(Mutex::new(StoreState::default())));
        let (console, stop) = start_console(&room, case.seed);
        let_pass(4_000).await;
        Run {
            case,
            dice,
            room,
            console,
            stop,
            operations: Vec::new(),
            shown: BTreeMap::new(),
            failed_over: false,
            writes_before: 0,
            second: None,
            led: BTreeSet::new(),
            waiting: Vec::new(),
            any_answer: false,
        }
    }

    async fn through(mut self) -> CaseResult {
        match self.case.kind {
            Kind::Switchover | Kind::TakenOver | Kind::OlderPatroni | Kind::Rehearsal => {
                self.arm();
                self.operate(Intent::Switchover { to: Side::B }).await;
            }
            Kind::LiedTo => {
                self.believe_a_lie_about_site_a().await;
                self.peace(15_000).await;
                self.arm();
                self.operate(Intent::Switchover { to: Side::B }).await;
            }
            Kind::Members => {
                let [member, _] = World::member_names(Side::A);
                self.arm();
                for to in [MemberOrder::Drain, MemberOrder::Ready] {
                    let change = MemberChange { side: Side::A, member: member.clone(), to };
                    self.operate(Intent::Members { changes: vec![change] }).await;
                }
            }
            Kind::LocalSwitchover => {
                let side = self.dice.pick(&[Side::A, Side::B]);
                self.arm();
                self.operate(Intent::LocalSwitchover { side }).await;
            }
            Kind::Failback => {
                self.operate(Intent::Switchover { to: Side::B }).await;
                self.peace(15_000).await;
                self.arm();
                self.operate(Intent::Failback { to: Side::A }).await;
            }
            Kind::Failover | Kind::BackMeanwhile | Kind::Orphaned | Kind::Walled => {
                match self.case.kind {
                    Kind::Orphaned => self.orphan_site_a().await,
                    Kind::Walled => self.wall_site_a_off().await,
                    _ => self.lose_site_a().await,
                }
                self.arm();
                self.operate(Intent::Failover { to: Side::B }).await;
                self.site_a_comes_back().await;
                self.peace(15_000).await;
                // A failover that was given up leaves a site that need not follow.
                if self.is_active(Side::B) {
                    self.operate(Intent::Reprotect { side: Side::A }).await;
                }
            }
            Kind::Reprotect => {
                self.lose_site_a().await;
                self.operate(Intent::Failover { to: Side::B }).await;
                self.site_a_comes_back().await;
                let wait = self.dice.between(0, 12_000);
                self.pass(wait).await;
                self.arm();
                self.operate(Intent::Reprotect { side: Side::A }).await;
                self.peace(15_000).await;
                self.operate(Intent::Failback { to: Side::A }).await;
            }
            Kind::FailbackAtOnce => {
                self.lose_site_a().await;
                self.operate(Intent::Failover { to: Side::B }).await;
                self.site_a_comes_back().await;
                self.arm();
                self.operate(Intent::Failback { to: Side::A }).await;
            }
            Kind::HeldMeanwhile => {
                self.room.world().strike(Fault::Cut(Link::Between));
                self.room.world().strike(Fault::Cut(Link::ConsoleA));
                // Its last answers still count, so nobody has to say that it is off before the operation asks.
                self.pass(1_500).await;
                self.arm();
                self.operate(Intent::Failover { to: Side::B }).await;
            }
            Kind::SplitBrain => {
                let keep = self.dice.pick(&[Side::A, Side::B]);
                self.somebody_makes_b_lead().await;
                self.arm();
                self.operate(Intent::Resolve { keep }).await;
                self.peace(15_000).await;
                // Whoever had second thoughts has them once.
                if self.is_active(Side::A) && self.is_active(Side::B) {
                    self.operate(Intent::Resolve { keep }).await;
                    self.pass(5_000).await;
                }
                self.operate(Intent::Reprotect { side: keep.other() }).await;
            }
        }
        if self.case.refuses.is_some() {
            self.somebody_must_write().await;
        }
        self.end().await
    }

    fn is_active(&self, side: Side) -> bool {
        self.room.world().writer_of(side).is_some()
    }

    /// Lets time pass while everything that can happen happens.
    async fn pass(&mut self, length: Ms) {
        let until = self.room.world().now + length;
        while self.room.world().now < until {
            let_pass(20).await;
            self.look().await;
        }
    }

    /// Strikes what was waiting for the journal, and starts a console again that was killed.
    async fn look(&mut self) {
        self.expect_what_is_written();
        self.note_what_is_shown();
        self.note_who_leads();
        let writes = self.room.books().writes;
        let due: Vec<_> = self.waiting.iter().copied().filter(|(at, ..)| *at <= writes).collect();
        self.waiting.retain(|(at, ..)| *at > writes);
        for (_, delay, fault, lasts) in due {
            let mut world = self.room.world();
            let at = world.now + delay;
            world.strike_at(at, fault);
            if let Some(remedy) = fault.remedy() {
                world.strike_at(at + lasts, remedy);
            }
        }
        if self.room.is_shut() {
            self.room.world().console_runs = false;
            self.stop.cancel();
            if self.case.kind == Kind::TakenOver {
                self.somebody_takes_over().await;
            }
            if self.case.kind == Kind::BackMeanwhile {
                self.room.world().heal();
                let_pass(30_000).await;
            }
            let gap = self.dice.pick(&[300, 1_000, 3_000, 9_000]);
            let_pass(gap).await;
            self.room = self.room.next();
            (self.console, self.stop) = start_console(&self.room, self.case.seed);
        }
    }

    /// A planned operation that has begun to demote must lose nothing from then on.
    fn expect_what_is_written(&self) {
        let (moves, keeps) = {
            let books = self.room.books();
            let open = books.operations.iter().rposition(|kept| !kept.ended);
            let operation = open.and_then(|index| books.operation(OperationId(index as u64 + 1)));
            let moves = operation.as_ref().and_then(|operation| {
                let demotes = |(step, run): (&Step, &StepRun)| matches!(step, Step::Demote { .. }) && run.attempts > 0;
                let begun = operation.plan.steps.iter().zip(&operation.steps).any(demotes);
                operation.plan.moves().filter(|_| begun && !operation.request.dry_run).map(|(_, to)| to)
            });
            let keeps = operation.and_then(|operation| match operation.plan.intent {
                Intent::Resolve { keep } if operation.is_past_no_return() => Some(keep),
                _ => None,
            });
            (moves, keeps)
        };
        if let Some(keep) = keeps {
            self.room.world().expect_end_of_split(keep);
        }
        if let Some(to) = moves {
            self.room.world().expect_move(to);
        }
    }

    fn note_who_leads(&mut self) {
        self.led.extend(self.room.world().leaders());
    }

    /// Everything heals, and some time passes.
    async fn peace(&mut self, length: Ms) {
        {
            let mut world = self.room.world();
            world.calm();
            world.heal();
        }
        self.waiting.clear();
        self.pass(length).await;
    }

    /// From now on the case's crashes and faults strike: they are about the operation that comes next.
    fn arm(&mut self) {
        let before = self.room.books().writes;
        self.writes_before = before;
        if self.case.second && self.second.is_none() {
            let room = self.room.beside();
            let (console, stop) = start_console(&room, self.case.seed);
            self.second = Some((room, console, stop));
        }
        self.room.books().crashes = self.case.crashes.iter().map(|crash| Crash { at: crash.at + before, ..*crash }).collect();
        if let Some((at, side, lasts)) = self.case.refuses {
            self.waiting.push((before + at, 0, Fault::RefuseOrders(side), lasts));
        }
        for _ in 0..self.case.faults {
            let fault = self.some_fault();
            let lasts = match self.dice.between(0, 3) {
                0 => self.dice.between(30, 500),
                1 | 2 => self.dice.between(500, 6_000),
                _ => self.dice.between(6_000, 40_000),
            };
            let writes = u32::try_from(self.dice.between(0, 22)).unwrap_or(0);
            let delay = self.dice.between(0, 400);
            self.waiting.push((before + writes, delay, fault, lasts));
        }
    }

    /// By the seed and not by the dice, so that cases without liars stay what they are.
    fn some_lie(&self) -> Lie {
        match self.case.seed % 4 {
            0 => Lie::Refused,
            1 => Lie::Unreachable,
            2 => Lie::BadGateway,
            _ => Lie::OtherCertificate,
        }
    }

    fn some_fault(&mut self) -> Fault {
        let side = self.dice.pick(&[Side::A, Side::B]);
        let node = self.dice.pick(&[0, 1, 2, 3]);
        let link = self.dice.pick(&Link::ALL);
        match self.dice.between(0, 15) {
            0 | 1 => Fault::KillNode(node),
            2 => Fault::FreezeNode(node),
            3 => Fault::KillSite(side),
            4 => Fault::FreezeSite(side),
            5 => Fault::KillEtcd(side),
            6 => Fault::KillProxy(side),
            7..=10 => match link {
                Link::ConsoleA if self.case.liars => Fault::LieAbout(Side::A, self.some_lie()),
                Link::ConsoleB if self.case.liars => Fault::LieAbout(Side::B, self.some_lie()),
                link => Fault::Cut(link),
            },
            11 | 12 => Fault::LoseAnswers(self.dice.pick(&[30, 100])),
            14 if self.case.forgets => Fault::StoreForgets(self.dice.pick(&[40, 100])),
            13 => Fault::StopReplay(node, self.dice.clone().between(200, 20_000)),
            _ => Fault::StoreFails,
        }
    }
}
