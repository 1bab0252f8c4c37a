//! Taking events in.

use super::{
    Answered, Asked, Attempt, BadEntry, Choice, Entry, Event, GivenUp, Operation, OperationId, OperationSummary, Stage, StepRun, StepState,
    UndoRun,
};
use crate::{
    Login, MemberName, Millis, Side, Timeline,
    operation::{MemberOrder, Plan, Request, StepEvidence, StepFailure},
};
use jiff::Timestamp;

impl StepRun {
    fn new() -> StepRun {
        StepRun {
            state: StepState::Waiting,
            attempts: 0,
            began_at: None,
            ended_at: None,
            facts: Vec::new(),
            earlier: Vec::new(),
            acted_before: false,
        }
    }

    fn begin(&mut self, at: Timestamp) {
        let taken_up = self.state == StepState::Running;
        self.put_aside();
        if taken_up {
            self.facts.push(StepEvidence::TakenUpAgain);
        }
        self.state = StepState::Running;
        self.attempts += 1;
        self.began_at = Some(at);
    }

    /// What the present attempt saw becomes evidence of an earlier one: what comes next rests only on what it sees itself.
    fn put_aside(&mut self) {
        self.acted_before = self.may_have_acted();
        let (facts, ended_at) = (std::mem::take(&mut self.facts), self.ended_at.take());
        let Some(began_at) = self.began_at.take() else { return };
        let trouble = match &self.state {
            StepState::Failed { trouble } => Some(trouble.clone()),
            _ => None,
        };
        if self.earlier.len() == Attempt::KEPT {
            // The first one says when it all began.
            self.earlier.remove(1);
        }
        self.earlier.push(Attempt { number: self.attempts, began_at, ended_at, facts, trouble });
    }

    fn end(&mut self, at: Timestamp, facts: Vec<StepEvidence>, trouble: Option<StepFailure>) {
        self.state = trouble.map_or(StepState::Done, |trouble| StepState::Failed { trouble });
        self.ended_at = Some(at);
        self.facts.extend(facts);
    }

    /// When it was begun for the first time.
    pub fn first_began_at(&self) -> Option<Timestamp> {
        self.earlier.first().map(|attempt| attempt.began_at).or(self.began_at)
    }

    /// What each attempt saw, the present one last.
    pub fn every_fact(&self) -> impl Iterator<Item = &StepEvidence> {
        self.earlier.iter().flat_map(|attempt| &attempt.facts).chain(&self.facts)
    }

    /// What a member would have to be told to do what it did before this step; nothing when no attempt saw it.
    pub fn member_was(&self, member: &MemberName) -> Option<MemberOrder> {
        self.every_fact().find_map(|fact| match fact {
            StepEvidence::MemberWas { member: other, order } if other == member => Some(*order),
            _ => None,
        })
    }

    /// Something in an engine may be different because of it. Not when it was never begun, nor when every attempt ended with the word that
    /// no order was taken: each was refused for certain, or none was given.
    pub fn may_have_acted(&self) -> bool {
        self.acted_before
            || match self.state {
                StepState::Waiting | StepState::Skipped { .. } => false,
                StepState::Failed { .. } => !self.facts.contains(&StepEvidence::NoOrderTaken),
                StepState::Running | StepState::Done => true,
            }
    }

    /// It is behind: done, or left out by somebody.
    pub fn is_behind(&self) -> bool {
        matches!(self.state, StepState::Done | StepState::Skipped { .. })
    }
}

impl Operation {
    /// An operation from its journal.
    ///
    /// # Errors
    /// When the journal is not one that this program writes: empty, or not beginning with a request, or about steps that are not there.
    pub fn from_journal(id: OperationId, journal: &[Entry]) -> Result<Operation, BadEntry> {
        let [first, rest @ ..] = journal else { return Err(BadEntry { number: 0 }) };
        let Event::Requested { request, by, plan } = &first.event else { return Err(BadEntry { number: 0 }) };
        let mut operation = Operation {
            id,
            request: Request::clone(request),
            requested_by: by.clone(),
            requested_at: first.at,
            steps: plan.steps.iter().map(|_| StepRun::new()).collect(),
            plan: Plan::clone(plan),
            undo: Vec::new(),
            stage: Stage::Running,
            given_up: None,
            paused_for: Millis(0),
            pause_wanted_by: None,
            cancel_wanted_by: None,
            questions: Vec::new(),
            attested: None,
            overridden: request.overridden.clone(),
            outage: None,
            events: 1,
        };
        if !request.attestation.trim().is_empty() {
            operation.attested = Some((by.clone(), request.attestation.trim().to_owned()));
        }
        for entry in rest {
            operation.evolve(entry)?;
        }
        Ok(operation)
    }

    /// Takes one event in.
    ///
    /// # Errors
    /// When it cannot have happened to this operation.
    pub fn evolve(&mut self, entry: &Entry) -> Result<(), BadEntry> {
        let bad = BadEntry { number: self.events };
        let at = entry.at;
        match &entry.event {
            Event::Requested { .. } => return Err(bad),
            Event::StepBegun { step } => self.steps.get_mut(*step).ok_or(bad)?.begin(at),
            Event::StepEnded { step, facts, trouble } => {
                self.steps.get_mut(*step).ok_or(bad)?.end(at, facts.clone(), trouble.clone());
            }
            Event::UndoBegun { step } => {
                if *step >= self.steps.len() {
                    return Err(bad);
                }
                if let Some(undo) = self.undo.iter_mut().find(|undo| undo.step == *step) {
                    undo.run.begin(at);
                } else {
                    let mut run = StepRun::new();
                    run.begin(at);
                    self.undo.push(UndoRun { step: *step, run });
                }
            }
            Event::UndoEnded { step, facts, trouble } => {
                let undo = self.undo.iter_mut().find(|undo| undo.step == *step).ok_or(bad)?;
                undo.run.end(at, facts.clone(), trouble.clone());
            }
            Event::GaveUp { why } => self.give_up(why.clone()),
            Event::PauseWanted { by } => self.pause_wanted_by = Some(by.clone()),
            Event::Paused { by } => {
                self.pause_wanted_by = None;
                self.stage = Stage::Paused { by: by.clone(), since: at };
            }
            Event::Resumed { .. } => {
                self.pause_wanted_by = None;
                if let Stage::Paused { since, .. } = self.stage {
                    self.paused_for.0 += Millis::between(since, at).0;
                    self.stage = Stage::Running;
                }
            }
            Event::CancelWanted { by } => self.cancel_wanted_by = Some(by.clone()),
            Event::Asked { question } => {
                self.questions.push(Asked { question: question.clone(), at, answer: None });
                self.stage = Stage::NeedsPerson { question: question.clone(), since: at };
            }
            Event::Answered { number, choice, by, reason } => self.answered(*number, *choice, by, reason, at).ok_or(bad)?,
            Event::OutageSeen { outage } => self.outage = Some(*outage),
            Event::Finished { outcome } => self.stage = Stage::Finished { outcome: outcome.clone(), at },
        }
        self.events += 1;
        Ok(())
    }

    fn give_up(&mut self, why: GivenUp) {
        self.stage = Stage::Undoing { why: why.clone() };
        self.given_up = Some(why);
    }

    fn answered(&mut self, number: u32, choice: Choice, by: &Login, reason: &str, at: Timestamp) -> Option<()> {
        let asked = self.questions.iter_mut().find(|asked| asked.question.number == number && asked.answer.is_none())?;
        asked.answer = Some(Answered { choice, by: by.clone(), reason: reason.to_owned(), at });
        let (step, undoing) = (asked.question.step, asked.question.undoing);
        if let (Choice::Attest, StepFailure::SeenAlive { witnesses, .. }) = (choice, &asked.question.trouble) {
            self.overridden.extend(witnesses.iter().map(|witness| witness.kind));
        }
        let run = if undoing { &mut self.undo.iter_mut().find(|undo| undo.step == step)?.run } else { self.steps.get_mut(step)? };
        match choice {
            Choice::Retry | Choice::Attest | Choice::Confirm => {
                run.put_aside();
                run.state = StepState::Waiting;
                if choice == Choice::Attest {
                    self.attested = Some((by.clone(), reason.to_owned()));
                }
            }
            Choice::Skip | Choice::GiveUp => {
                run.put_aside();
                run.state = StepState::Skipped { by: by.clone(), reason: reason.to_owned() };
            }
            Choice::Undo | Choice::Abandon => {}
        }
        self.stage = match (choice, undoing, &self.given_up) {
            (Choice::Undo, ..) => {
                self.give_up(GivenUp::Cancelled { by: by.clone() });
                return Some(());
            }
            (Choice::Abandon, ..) => Stage::Finished { outcome: super::Outcome::Abandoned { by: by.clone() }, at },
            (_, true, Some(why)) => Stage::Undoing { why: why.clone() },
            _ => Stage::Running,
        };
        Some(())
    }

    /// The point of no return is behind it: its order was given and may have been taken. While it is being given that counts as well; as
    /// long as every one was refused for certain, the way back is open.
    pub fn is_past_no_return(&self) -> bool {
        !self.request.dry_run && self.plan.no_return().and_then(|step| self.steps.get(step)).is_some_and(StepRun::may_have_acted)
    }

    /// Who has said, when it was asked while something was taken back, that the site which cannot be reached is off, and how they know.
    pub fn undo_attested(&self) -> Option<(Login, String)> {
        let last = self.questions.iter().rev().find(|asked| asked.question.undoing)?;
        let answer = last.answer.as_ref().filter(|answer| answer.choice == Choice::Attest)?;
        Some((answer.by.clone(), answer.reason.clone()))
    }

    /// When somebody said last that what cannot be reached is off. What has answered after that was not.
    pub fn attested_at(&self) -> Option<Timestamp> {
        let answers = self.questions.iter().rev().filter_map(|asked| asked.answer.as_ref());
        let answered = answers.filter(|answer| answer.choice == Choice::Attest).map(|answer| answer.at).next();
        self.attested.as_ref().map(|_| answered.unwrap_or(self.requested_at))
    }

    /// Somebody has said that what a site has shipped of these timelines is out of the archive.
    pub fn has_set_aside(&self, side: Side, timelines: &[Timeline]) -> bool {
        self.questions.iter().any(|asked| {
            let confirmed = asked.answer.as_ref().is_some_and(|answer| answer.choice == Choice::Confirm);
            let about = |asked: &[Timeline]| timelines.iter().all(|timeline| asked.contains(timeline));
            confirmed
                && matches!(&asked.question.trouble, StepFailure::TimelinesGivenUp { side: of, timelines } if *of == side && about(timelines))
        })
    }

    /// The site that loses something for good when its open question is answered with this: its name has to be typed.
    pub fn gives_up_by(&self, choice: Choice) -> Option<Side> {
        let Stage::NeedsPerson { question, .. } = &self.stage else { return None };
        match self.plan.steps.get(question.step) {
            Some(super::Step::Save { side }) if choice == Choice::GiveUp => Some(*side),
            _ => None,
        }
    }

    /// It has ended.
    pub fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished { .. })
    }

    /// The first step that is not behind, counted from zero.
    pub fn current_step(&self) -> Option<usize> {
        self.steps.iter().position(|run| !run.is_behind())
    }

    /// It on one line.
    pub fn summary(&self) -> OperationSummary {
        OperationSummary {
            id: self.id,
            pool: self.plan.pool.clone(),
            kind: Some(self.plan.intent.kind()),
            side: self.plan.intent.side(),
            dry_run: self.request.dry_run,
            requested_by: Some(self.requested_by.clone()),
            requested_at: Some(self.requested_at),
            stage: self.stage.as_code(),
            step: self.current_step(),
            steps: self.steps.len(),
            past_no_return: self.is_past_no_return(),
            outage: self.outage,
            ended_at: match self.stage {
                Stage::Finished { at, .. } => Some(at),
                _ => None,
            },
            made_active: self.plan.intent.side().filter(|_| self.is_past_no_return()),
            unreadable: None,
            loss: Some(self.loss_at_a_glance()),
        }
    }
}
