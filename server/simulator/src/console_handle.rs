//! The console's room in the world: what one start of a console sees of it. When that console is killed its room is shut; whatever it
//! has sent stays on its way.

use crate::{
    store::StoreState,
    world::{Answer, Ms, Order, World, orders_clock},
};
use jiff::Timestamp;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use switchback_domain::{Millis, ProbeFailure};
use switchback_engine::ports::{Clock, ControlError};
use tokio::{sync::Notify, time::Instant};

/// The longest pause between two looks for an answer, in milliseconds.
const LOOK_EVERY: Ms = 16;

/// Lets virtual time pass.
#[expect(clippy::disallowed_methods, reason = "the simulator's time is paused, so this takes none")]
pub async fn let_pass(ms: Ms) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// One start of a console.
#[derive(Clone)]
pub struct ConsoleHandle {
    world: Arc<Mutex<World>>,
    /// What is written down.
    pub books: Arc<Mutex<StoreState>>,
    began: Instant,
    /// Which start.
    pub number: u32,
    open: Arc<AtomicBool>,
    /// Rung when the console is killed.
    pub shut: Arc<Notify>,
    /// For how long its machine has slept, in milliseconds.
    pub slept: Arc<AtomicU64>,
}

/// The console's clock: the world's time, as its machine has it.
#[derive(Debug, Clone)]
pub struct WorldClock {
    began: Instant,
    machine: &'static str,
    ahead: Duration,
    slept: Arc<AtomicU64>,
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        orders_clock(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)) + self.ahead
    }
    fn since_boot(&self) -> Duration {
        self.ahead + self.began.elapsed() + Duration::from_millis(self.slept.load(Ordering::SeqCst))
    }
    fn machine(&self) -> &str {
        self.machine
    }
}

impl ConsoleHandle {
    /// The first one. The world must be as old as the runtime's clock: it begins now.
    pub fn new(world: Arc<Mutex<World>>, books: Arc<Mutex<StoreState>>) -> ConsoleHandle {
        ConsoleHandle {
            world,
            books,
            began: Instant::now(),
            number: 1,
            open: Arc::new(AtomicBool::new(true)),
            shut: Arc::new(Notify::new()),
            slept: Arc::default(),
        }
    }

    /// A room for the next start.
    #[must_use]
    pub fn next(&self) -> ConsoleHandle {
        ConsoleHandle { number: self.number + 1, open: Arc::new(AtomicBool::new(true)), shut: Arc::new(Notify::new()), ..self.clone() }
    }

    /// A room for a console beside it, on another machine.
    #[must_use]
    pub fn beside(&self) -> ConsoleHandle {
        ConsoleHandle { number: self.number + 100, slept: Arc::default(), ..self.next() }
    }

    /// The clock. That of another machine is ahead, by more than a lease lasts.
    pub fn clock(&self) -> WorldClock {
        let (machine, ahead) = if self.number > 100 { ("machine 2", 10) } else { ("machine 1", 0) };
        WorldClock { began: self.began, machine, ahead: Duration::from_secs(ahead), slept: Arc::clone(&self.slept) }
    }

    /// The world as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(now);
        world
    }

    /// What is written down.
    pub fn books(&self) -> MutexGuard<'_, StoreState> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The console is killed: from now on nothing of it reaches anybody.
    pub fn kill(&self) {
        self.open.store(false, Ordering::SeqCst);
        self.shut.notify_one();
    }

    /// The console was killed.
    pub fn is_shut(&self) -> bool {
        !self.open.load(Ordering::SeqCst)
    }

    /// Goes on only while the console lives.
    pub async fn alive(&self) {
        if self.is_shut() {
            std::future::pending::<()>().await;
        }
    }

    /// Sends an order and waits for its answer.
    pub async fn ask(&self, order: Order) -> Result<Answer, ControlError> {
        self.alive().await;
        let limit = order.ask.limit();
        let endpoint = order.to.clone();
        let id = {
            let mut world = self.world();
            let objection = self.books().objection(self.number, &order, &world);
            if let Some(objection) = objection {
                world.complain(objection);
            }
            world.send(order)
        };
        let deadline = Instant::now() + Duration::from_millis(limit);
        let mut pause = 4;
        loop {
            let_pass(pause).await;
            pause = (pause * 3 / 2).min(LOOK_EVERY);
            self.alive().await;
            if let Some(answer) = self.world().answer(id) {
                return answer;
            }
            if Instant::now() >= deadline {
                return Err(ControlError::Failed { endpoint, failure: ProbeFailure::TimedOut { after: Millis(limit) } });
            }
        }
    }
}
