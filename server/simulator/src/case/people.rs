//! People: they ask for operations, have wishes, and answer questions, by the case's dice.

use super::{Kind, Run, caller};
use crate::{
    console_handle::let_pass,
    world::{Fault, Lie, Link, Ms, NAMES, nodes_of},
};
use switchback_domain::{
    CheckKind, Side,
    audit::Deed,
    error::{RequestError, WishError},
    operation::{Choice, ControlRequest, Intent, Operation, OperationId, Planned, Refusal, Request, Stage, StepFailure},
};

/// How long somebody tries to get an operation under way.
const ASKS_FOR: Ms = 120_000;

/// An operation that is not at rest and in whose journal nothing happened for so long is stuck: longer than any step may take.
const STUCK_AFTER: Ms = 300_000;

/// How often somebody answers before they leave the rest to others.
const ANSWERS: usize = 7;

impl Run {
    /// Does something with the console, unless it is killed meanwhile.
    async fn with_console<T>(&mut self, act: impl AsyncFnOnce(&switchback_engine::Console) -> T) -> Option<T> {
        let console = std::sync::Arc::clone(&self.console);
        let shut = std::sync::Arc::clone(&self.room.shut);
        tokio::select! {
            biased;
            outcome = act(&console) => return Some(outcome),
            () = shut.notified() => {}
            () = let_pass(60_000) => {
                let killed = self.room.is_shut();
                if !killed {
                    self.room.world().complain("the console did not answer somebody within a minute");
                }
            }
        }
        // The next look sees that it is shut.
        None
    }

    /// Asks for an operation until it is taken, and stays with it until it rests.
    pub(super) async fn operate(&mut self, intent: Intent) {
        let began = self.room.world().now;
        self.led.clear();
        let mut last = None;
        while self.room.world().now - began < ASKS_FOR {
            match self.request(&intent).await {
                Some(Ok(id)) => {
                    if self.case.kind == Kind::OlderPatroni {
                        self.room.world().setting.patroni = "4.0.7";
                    }
                    self.operations.push((id, intent.clone()));
                    self.stay_with(id).await;
                    return;
                }
                Some(Err(RequestError::Refused { refusal: Refusal::Objections { objections } })) => {
                    // An operation may have been begun by a request whose answer was lost with the console.
                    let running = self.room.books().operations.iter().position(|kept| !kept.ended);
                    if let Some(index) = running {
                        let id = OperationId(index as u64 + 1);
                        if self.operations.iter().all(|(known, _)| *known != id) {
                            self.operations.push((id, intent.clone()));
                            self.stay_with(id).await;
                            return;
                        }
                    }
                    last = Some(format!("{objections:?}"));
                }
                Some(Err(error)) => last = Some(format!("{error:?}")),
                None => {}
            }
            self.pass(1_000).await;
        }
        let last = last.unwrap_or_default();
        self.room.world().tell(format!("nobody could ask for {}: {last}", intent.as_code()));
    }

    pub(super) async fn request(&mut self, intent: &Intent) -> Option<Result<OperationId, RequestError>> {
        let pool = self.room.world().pool.clone();
        let id = pool.id.clone();
        let wanted = intent.clone();
        let planned = self.with_console(async move |console| console.plan(&caller(), &id, wanted).await).await?;
        let Ok(Planned { plan, hash }) = planned else { return None };
        let acknowledged: Vec<CheckKind> = plan.not_passed.iter().map(|(kind, _)| *kind).collect();
        let willing = matches!(intent, Intent::Failover { .. }) && self.case.kind != Kind::HeldMeanwhile && self.dice.percent(70);
        // Without their word nothing would begin.
        let attests = willing || !plan.unproven.is_empty();
        let site = intent.side().map(|side| pool.sites[side].id.to_string()).unwrap_or_default();
        let request = Request {
            pool: pool.id.clone(),
            intent: intent.clone(),
            plan: hash,
            planned_at: plan.made_at,
            reason: "because it is to be".to_owned(),
            ticket: String::new(),
            typed_pool: pool.id.to_string(),
            typed_site: site,
            accepts_loss: true,
            acknowledged,
            attestation: if attests { "the power is off, said the people there".to_owned() } else { String::new() },
            overridden: plan.witnesses.iter().map(|witness| witness.kind).collect(),
            dry_run: self.case.kind == Kind::Rehearsal,
        };
        {
            let mut world = self.room.world();
            if attests {
                world.somebody_attests();
            }
            if let Intent::Failover { to } = intent {
                world.expect_failover(*to);
                self.failed_over = true;
            }
        }
        self.with_console(async move |console| console.request(&caller(), request, None, "127.0.0.1").await).await
    }

    /// Stays with an operation until it rests: answers its questions, and sometimes has a wish.
    async fn stay_with(&mut self, id: OperationId) {
        let began = self.room.world().now;
        let mut moved = (0, began);
        let mut answers = 0;
        let mut wish = (self.case.wishes && self.dice.percent(25)).then(|| {
            let at = self.dice.between(0, 3_000);
            (began + at, self.dice.pick(&[ControlRequest::Pause, ControlRequest::Cancel, ControlRequest::Cancel]))
        });
        let failover = self.operations.iter().any(|(known, intent)| *known == id && matches!(intent, Intent::Failover { .. }));
        if failover && !self.case.regrets {
            wish = wish.filter(|(_, wanted)| *wanted == ControlRequest::Pause);
        }
        loop {
            self.pass(100).await;
            let now = self.room.world().now;
            let Some(operation) = self.room.books().operation(id) else {
                self.room.world().complain(format!("the journal of {id} cannot be read"));
                return;
            };
            if operation.is_finished() {
                let reported = self.with_console(async move |console| console.report(&caller(), id).await.is_ok()).await;
                if reported == Some(false) && self.room.world().store_works {
                    self.room.world().complain(format!("there is no report of {id}"));
                }
                // What it leaves is cleared up in a moment.
                self.pass(1_000).await;
                return;
            }
            if operation.events != moved.0 {
                moved = (operation.events, now);
            }
            if now - moved.1 > STUCK_AFTER {
                let at = operation.current_step().map(|step| operation.plan.steps[step].as_code());
                self.room.world().complain(format!("{id} is stuck: {:?} at {at:?}", operation.stage));
                return;
            }
            if let Some((_, wanted)) = wish.filter(|(at, _)| *at <= now) {
                wish = (wanted == ControlRequest::Pause).then_some((now + 2_500, ControlRequest::Resume));
                self.room.world().tell(format!("ann wishes {wanted:?}"));
                let said = self.with_console(async move |console| console.wish(&caller(), id, wanted, "127.0.0.1").await).await;
                let ended = self.room.books().operation(id).is_some_and(|operation| operation.is_finished());
                if said == Some(Err(WishError::Ended)) && !ended {
                    let mut world = self.room.world();
                    let now = world.now;
                    world.misled.push(format!("at {now} ms: {wanted:?}: a running operation has ended"));
                }
            } else if let Stage::Paused { .. } = operation.stage
                && wish.is_none()
            {
                wish = Some((now + 500, ControlRequest::Resume));
            }
            if let Stage::NeedsPerson { question, .. } = &operation.stage {
                moved.1 = now;
                let wait = self.dice.pick(&[500, 3_000, 20_000]);
                self.pass(wait).await;
                if self.case.kind == Kind::HeldMeanwhile && answers == 0 {
                    self.room.world().heal();
                    self.pass(8_000).await;
                }
                let Some(choice) = self.choose(&operation, answers) else {
                    self.room.world().tell("ann leaves the question to others");
                    return;
                };
                answers += 1;
                let number = question.number;
                let site = operation.gives_up_by(choice).map(|side| self.room.world().pool.sites[side].id.to_string()).unwrap_or_default();
                self.room.world().tell(format!("ann answers {choice:?}"));
                if choice == Choice::Attest {
                    self.room.world().somebody_attests();
                }
                let _ = self
                    .with_console(async move |console| {
                        console.answer(&caller(), id, number, choice, ("as agreed", &site), "127.0.0.1").await
                    })
                    .await;
            }
        }
    }

    /// Everything has healed. When nobody writes, either site is made to lead again by a failover, whichever is tried first.
    pub(super) async fn somebody_must_write(&mut self) {
        self.peace(30_000).await;
        // Others come and answer what was left to them, with whatever is offered.
        self.any_answer = true;
        let open = self.room.books().operations.iter().rposition(|kept| !kept.ended);
        if let Some(index) = open {
            self.stay_with(OperationId(index as u64 + 1)).await;
            self.peace(15_000).await;
        }
        let first = self.dice.pick(&[Side::A, Side::B]);
        for to in [first, first.other()] {
            let open = self.room.books().operations.iter().any(|kept| !kept.ended);
            if open || !self.room.world().writers().is_empty() {
                break;
            }
            self.room.world().tell(format!("nobody writes: a failover to {to:?}"));
            self.operate(Intent::Failover { to }).await;
            self.peace(15_000).await;
        }
        if self.room.world().writers().is_empty() {
            self.room
                .world()
                .complain("everything has healed, and no answer and no action has led back to a pool in which somebody writes");
        }
    }

    fn choose(&mut self, operation: &Operation, answers: usize) -> Option<Choice> {
        let Stage::NeedsPerson { question, .. } = &operation.stage else { return None };
        let offered = |choice: Choice| question.options.contains(&choice).then_some(choice);
        if answers >= ANSWERS {
            return None;
        }
        if self.any_answer {
            // What they have not seen they do not attest.
            let honest: Vec<Choice> = question.options.iter().copied().filter(|choice| *choice != Choice::Attest).collect();
            return Some(self.dice.pick(&honest));
        }
        // They know that it leads.
        if self.case.kind == Kind::TakenOver && matches!(question.trouble, StepFailure::NotFenced { .. }) {
            return offered(Choice::Abandon);
        }
        if self.case.kind == Kind::HeldMeanwhile {
            return offered(Choice::Undo).or(offered(Choice::Retry));
        }
        // It serves again, so they want it to go on.
        if self.case.kind == Kind::BackMeanwhile && matches!(question.trouble, StepFailure::StillWrites { .. }) {
            return offered(Choice::Undo).or(offered(Choice::Retry));
        }
        if matches!(question.trouble, StepFailure::NotFenced { .. } | StepFailure::SeenAlive { .. }) && self.dice.percent(60) {
            return offered(Choice::Attest);
        }
        // Trying again does not help whoever may not read, and they know it.
        if self.case.rows_are_hidden && matches!(question.trouble, StepFailure::NotSaved { .. }) {
            return offered(Choice::GiveUp);
        }
        if matches!(question.trouble, StepFailure::TimelinesGivenUp { .. }) {
            return offered(Choice::Confirm);
        }
        // As they are told: they stop by hand what cannot be told to stop.
        if matches!(self.case.kind, Kind::Orphaned | Kind::SplitBrain) {
            let mut world = self.room.world();
            let by_hand: Vec<usize> = match (&question.trouble, operation.plan.intent.gives_up()) {
                (StepFailure::StillWrites { nodes }, _) => {
                    (0..NAMES.len()).filter(|node| nodes.iter().any(|name| name.as_str() == NAMES[*node])).collect()
                }
                (StepFailure::SplitBrain, Some(side)) => nodes_of(side).into_iter().filter(|node| world.writes(*node)).collect(),
                _ => Vec::new(),
            };
            if !by_hand.is_empty() {
                for node in by_hand {
                    world.strike(Fault::KillNode(node));
                }
                return offered(Choice::Retry);
            }
        }
        if answers < 4 || self.dice.percent(50) {
            return offered(Choice::Retry);
        }
        let regrets = self.case.regrets || !matches!(operation.plan.intent, Intent::Failover { .. });
        offered(Choice::Skip).or(offered(Choice::GiveUp)).or(offered(Choice::Undo).filter(|_| regrets)).or(offered(Choice::Abandon))
    }

    /// Something between the console and the active site answers in its name, while the sites see each other. Somebody believes that the site
    /// is dead and says so, but overrides nobody who sees it alive: nothing may begin, and clients must notice nothing.
    pub(super) async fn believe_a_lie_about_site_a(&mut self) {
        let lie = self.dice.pick(&Lie::ALL);
        self.room.world().strike(Fault::LieAbout(Side::A, lie));
        for _ in 0..4 {
            // Until its last readings are old, a failover from it is one from a site that answers.
            let wait = self.dice.between(6_000, 15_000);
            self.pass(wait).await;
            for attestation in ["", "everything there is off"] {
                let Some(refused) = self.try_failover_to_b(attestation).await else { continue };
                let fine = matches!(refused, Err(RequestError::Refused { .. } | RequestError::LeaseHeld));
                if !fine {
                    self.room.world().complain(format!("a failover from a living site was taken: {refused:?}"));
                }
            }
            if self.room.world().writer_of(Side::A).is_none() || self.room.world().writer_of(Side::B).is_some() {
                self.room.world().complain("the active site was touched because of a lie about it");
            }
        }
        self.room.world().strike(Fault::HearItself(Side::A));
    }

    async fn try_failover_to_b(&mut self, attestation: &str) -> Option<Result<OperationId, RequestError>> {
        let pool = self.room.world().pool.clone();
        let (id, intent) = (pool.id.clone(), Intent::Failover { to: Side::B });
        let wanted = intent.clone();
        let planned = self.with_console(async move |console| console.plan(&caller(), &id, wanted).await).await?;
        let Planned { plan, hash } = planned.ok()?;
        let request = Request {
            pool: pool.id.clone(),
            intent,
            plan: hash,
            planned_at: plan.made_at,
            reason: "it is dead".to_owned(),
            ticket: String::new(),
            typed_pool: pool.id.to_string(),
            typed_site: pool.sites.b.id.to_string(),
            accepts_loss: true,
            acknowledged: plan.not_passed.iter().map(|(kind, _)| *kind).collect(),
            attestation: attestation.to_owned(),
            overridden: Vec::new(),
            dry_run: false,
        };
        self.with_console(async move |console| console.request(&caller(), request, None, "127.0.0.1").await).await
    }

    /// The active site is lost, in one of the ways in which sites are lost, for longer than the policy's limit.
    pub(super) async fn lose_site_a(&mut self) {
        let faults: &[Fault] = match self.dice.between(0, 4) {
            0 | 1 => &[Fault::KillSite(Side::A)],
            2 => &[Fault::FreezeSite(Side::A)],
            3 => &[Fault::Cut(Link::ConsoleA), Fault::Cut(Link::Between)],
            _ => &[Fault::Cut(Link::Between), Fault::KillSite(Side::A), Fault::Heal(Link::Between)],
        };
        for fault in faults {
            self.room.world().strike(*fault);
            let wait = self.dice.between(0, 1_500);
            self.pass(wait).await;
        }
        self.pass(16_000).await;
    }

    /// Nobody writes, and no console is there to say why: somebody makes site b lead by hand. After that the way from the console to it is cut.
    pub(super) async fn somebody_takes_over(&self) {
        let_pass(3_000).await;
        if self.room.world().writers().is_empty() {
            self.room.world().strike(Fault::ToldToLead(Side::B));
            let_pass(9_000).await;
            self.room.world().strike(Fault::Cut(Link::ConsoleB));
        }
    }

    /// Every Patroni of the active site dies, and its primary writes on. Perhaps more is lost with them.
    pub(super) async fn orphan_site_a(&mut self) {
        let more = self.dice.pick(&[None, Some(Fault::KillEtcd(Side::A)), Some(Fault::Cut(Link::Between))]);
        let faults = [Some(Fault::KillPatroni(0)), Some(Fault::KillPatroni(1)), more];
        for fault in faults.into_iter().flatten() {
            self.room.world().strike(fault);
        }
        let wait = self.dice.between(2_000, 30_000);
        self.pass(wait).await;
    }

    /// The console gets through to nothing of the active site but its etcd, perhaps while the site is cut off from the other one.
    pub(super) async fn wall_site_a_off(&mut self) {
        self.room.world().strike(Fault::WallOff(Side::A));
        if self.dice.percent(50) {
            self.room.world().strike(Fault::Cut(Link::Between));
        }
        self.pass(16_000).await;
    }

    /// Somebody makes the standby site lead, while its guard cannot ask the other one. The console says so within three seconds.
    pub(super) async fn somebody_makes_b_lead(&mut self) {
        self.room.world().strike(Fault::Cut(Link::Between));
        self.room.world().strike(Fault::ToldToLead(Side::B));
        let until = self.room.world().now + 60_000;
        while !(self.is_active(Side::A) && self.is_active(Side::B)) {
            if self.room.world().now > until {
                self.room.world().complain("no split brain came about: a mistake of the simulator");
                return;
            }
            self.pass(50).await;
        }
        self.pass(3_000).await;
        let said = |deed: Deed| self.room.books().audit.iter().filter(|entry| *entry.deed() == deed && entry.actor.is_none()).count();
        if (said(Deed::SplitBrainSeen), said(Deed::SplitBrainOver)) != (1, 0) {
            self.room.world().complain("three seconds after a split brain began, the console has not said so, or not once");
        }
        if self.dice.percent(50) {
            self.room.world().strike(Fault::Heal(Link::Between));
        }
        let wait = self.dice.between(0, 20_000);
        self.pass(wait).await;
    }

    /// It comes back, its processes one after the other.
    pub(super) async fn site_a_comes_back(&mut self) {
        let wait = self.dice.between(0, 20_000);
        self.pass(wait).await;
        let gap = self.dice.pick(&[0, 300, 2_000]);
        {
            let mut world = self.room.world();
            for link in world.cut.clone() {
                world.strike(Fault::Heal(link));
            }
            world.strike(Fault::OpenAgain(Side::A));
            world.strike(Fault::ThawSite(Side::A));
            let dead = nodes_of(Side::A).into_iter().all(|node| world.nodes[node].agent == crate::world::Agent::Down);
            if dead {
                world.strike(Fault::StartSite(Side::A, gap));
            }
        }
        let wait = self.dice.between(0, 10_000);
        self.pass(wait).await;
    }
}
