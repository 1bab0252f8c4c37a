//! What comes next.

use super::{Choice, Event, GivenUp, OnFailure, Operation, Outcome, Question, Stage, Step, StepEvidence, StepFailure, StepState, Undo};

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Begin this step, counted from zero: write [`Event::StepBegun`], act, write [`Event::StepEnded`].
    Begin {
        /// Which.
        step: usize,
    },
    /// Take this step's effect back: write [`Event::UndoBegun`], act, write [`Event::UndoEnded`].
    Undo {
        /// Which.
        step: usize,
    },
    /// Write this event; no engine is touched.
    Write(Box<Event>),
    /// Nothing: somebody has to say something, or it has ended.
    Rest,
}

impl Operation {
    /// What comes next, given everything that has happened. Does nothing itself. Asked between two steps, and after a start of the
    /// console in the middle of one.
    pub fn decide(&self) -> Next {
        match &self.stage {
            Stage::Finished { .. } => Next::Rest,
            // The wish may have come in just before it asked.
            Stage::NeedsPerson { question, .. } => self.cancelled().filter(|_| !question.undoing).map_or(Next::Rest, write),
            Stage::Paused { .. } => self.cancelled().map_or(Next::Rest, write),
            Stage::Undoing { why } => self.next_undo(why),
            Stage::Running => self.cancelled().map_or_else(|| self.next_step(), write),
        }
    }

    fn cancelled(&self) -> Option<Event> {
        let by = self.cancel_wanted_by.clone().filter(|_| !self.is_past_no_return())?;
        Some(Event::GaveUp { why: GivenUp::Cancelled { by } })
    }

    fn next_step(&self) -> Next {
        let Some(at) = self.current_step() else { return write(Event::Finished { outcome: Outcome::Done }) };
        let (run, step) = (&self.steps[at], &self.plan.steps[at]);
        match (&run.state, &self.pause_wanted_by) {
            (StepState::Failed { trouble }, _) => write(self.after_failure(at, step, trouble)),
            // Where clients wait there is no pausing: that would only make them wait for longer.
            (StepState::Waiting, Some(by)) if !step.nature().within_outage => write(Event::Paused { by: by.clone() }),
            _ => Next::Begin { step: at },
        }
    }

    /// A planned operation gives up by itself before its point of no return, which is not passed by an order that was refused for certain;
    /// everything else is for a person to say.
    fn gives_up_after(&self, step: &Step) -> bool {
        let gives_up = match (step, step.nature().on_failure) {
            (_, OnFailure::GiveUp) => true,
            // Clients wait for the site that was demoted for it.
            (Step::Promote { .. }, _) if self.plan.demotes() => true,
            (_, OnFailure::Ask { .. }) => self.request.dry_run,
        };
        gives_up && !self.is_past_no_return()
    }

    fn after_failure(&self, at: usize, step: &Step, trouble: &StepFailure) -> Event {
        if self.gives_up_after(step) {
            return Event::GaveUp { why: GivenUp::StepFailed { step: at, trouble: trouble.clone() } };
        }
        let mut options = match trouble {
            StepFailure::NotFenced { .. } | StepFailure::SeenAlive { .. } => vec![Choice::Retry, Choice::Attest],
            // To begin the step again would only ask again.
            StepFailure::TimelinesGivenUp { .. } => vec![Choice::Confirm],
            _ => vec![Choice::Retry],
        };
        if let OnFailure::Ask { without } = step.nature().on_failure {
            options.extend(without);
        }
        options.push(if self.is_past_no_return() { Choice::Abandon } else { Choice::Undo });
        Event::Asked { question: self.question(at, false, trouble, options) }
    }

    fn next_undo(&self, why: &GivenUp) -> Next {
        let undone = |step: usize| self.undo.iter().find(|undo| undo.step == step).map(|undo| &undo.run);
        let back = |step: &usize| self.is_taken_back(*step);
        let left = (0..self.steps.len()).rev().filter(back).find(|step| !undone(*step).is_some_and(super::StepRun::is_behind));
        let Some(step) = left else {
            return write(Event::Finished { outcome: Outcome::Undone { why: why.clone(), stays: self.stays() } });
        };
        match undone(step).map(|run| &run.state) {
            Some(StepState::Failed { trouble }) => {
                let mut options = vec![Choice::Retry, Choice::Abandon];
                if matches!(trouble, StepFailure::NotFenced { .. }) {
                    options.insert(1, Choice::Attest);
                }
                write(Event::Asked { question: self.question(step, true, trouble, options) })
            }
            _ => Next::Undo { step },
        }
    }

    /// It was begun, and its effect is taken back when the operation gives up: a member's when it is known what the member did before.
    fn is_taken_back(&self, step: usize) -> bool {
        let (run, step) = (&self.steps[step], &self.plan.steps[step]);
        let known = match (step, step.nature().undo) {
            (Step::SetMember { change }, _) => run.member_was(&change.member).is_some(),
            (_, undo) => undo == Undo::Always,
        };
        known && run.may_have_acted() && !self.request.dry_run
    }

    /// The steps whose effects stay although the operation gives up. What may have taken effect counts: nobody shall rely on it not being
    /// there.
    fn stays(&self) -> Vec<usize> {
        let stays = |step: &usize| {
            let (run, step) = (&self.steps[*step], &self.plan.steps[*step]);
            let nothing_happened = match (&run.state, step) {
                // It only waits; what it changes is the pool's fence, once it is done.
                (state, Step::Reprotect { .. }) => *state != StepState::Done,
                _ if !run.may_have_acted() => true,
                (StepState::Failed { trouble: StepFailure::Refused { .. } }, _) => run.earlier.is_empty(),
                // Somebody else had told it so before.
                _ => run.earlier.is_empty() && run.facts.iter().any(|fact| matches!(fact, StepEvidence::Stored { already: true, .. })),
            };
            run.attempts > 0 && step.nature().lasts && !nothing_happened && !self.request.dry_run
        };
        (0..self.steps.len()).filter(stays).filter(|step| !self.is_taken_back(*step)).collect()
    }

    fn question(&self, step: usize, undoing: bool, trouble: &StepFailure, options: Vec<Choice>) -> Question {
        let number = u32::try_from(self.questions.len()).unwrap_or(u32::MAX).saturating_add(1);
        Question { number, step, undoing, trouble: trouble.clone(), options }
    }
}

fn write(event: Event) -> Next {
    Next::Write(Box::new(event))
}
