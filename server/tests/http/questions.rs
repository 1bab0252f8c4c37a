//! Every question that an operation can ask, answered in every way that it offers: by the form of its page, which needs no script, over
//! REST, and on the command line. And "Cancel and put back" from each of them.

use crate::{
    api::Program,
    cli::TestConsole,
    operations::page,
    support::{PASSWORD, World, location},
};
use http::StatusCode;
use serde_json::json;
use std::collections::BTreeSet;
use switchback_domain::{
    Side,
    fixture::questions::{Asking, questions},
    operation::{Choice, Operation, OperationId},
};

fn word(choice: Choice) -> String {
    serde_json::to_value(choice).unwrap().as_str().unwrap().to_owned()
}

async fn world_of(asking: &Asking) -> (World, OperationId) {
    let world = World::with_journal(&asking.journal).await;
    let id = world.store.operations(None, 1).await.unwrap()[0];
    (world, id)
}

/// The site whose name has to be typed with an answer that gives something up.
fn typed_site(asking: &Asking, choice: Choice) -> Option<&'static str> {
    let operation = Operation::from_journal(OperationId(1), &asking.journal).unwrap();
    operation.gives_up_by(choice).map(|side| if side == Side::A { "dc-a" } else { "dc-b" })
}

/// What the question of this number was answered with.
async fn answered(world: &World, id: OperationId, number: u32) -> Option<(Choice, String)> {
    let operation = Operation::from_journal(id, &world.store.journal(id).await.unwrap()).unwrap();
    let asked = operation.questions.iter().find(|asked| asked.question.number == number).unwrap();
    asked.answer.as_ref().map(|answer| (answer.choice, answer.reason.clone()))
}

/// A form of a page: where it leads, its hidden fields, and all of its text.
type Form<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);

/// The form of a page that has all of these in it: where it goes, and its hidden fields as they are sent.
fn form<'a>(page: &'a str, has: &[&str]) -> Option<Form<'a>> {
    let mut forms = page.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap());
    let found = forms.find(|form| has.iter().all(|part| form.contains(part)))?;
    let value = |text: &'a str, name: &str| text.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    let hidden = found.split("<input").skip(1).filter_map(|input| Some((value(input, "name")?, value(input, "value")?)));
    Some((value(found, "action")?, hidden.collect(), found))
}

fn sent(hidden: &[(&str, &str)]) -> String {
    hidden.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Of those that offer the same answers in the same situation one each: beside the page no way of answering knows what the step was.
fn one_of_each() -> Vec<Asking> {
    let mut known = BTreeSet::new();
    let mut all = questions();
    all.retain(|asking| known.insert((asking.question.undoing, asking.past_no_return, format!("{:?}", asking.question.options))));
    all
}

#[test]
fn every_answer_is_offered_somewhere() {
    let offered: BTreeSet<String> = questions().iter().flat_map(|asking| &asking.question.options).map(|choice| word(*choice)).collect();
    assert_eq!(offered, Choice::ALL.map(word).into());
    assert!(questions().len() > 25, "{}", questions().len());
}

#[tokio::test]
async fn every_answer_to_every_question_can_be_given_by_its_form_on_the_page() {
    for asking in questions() {
        for choice in &asking.question.options {
            let told = format!("{}: {choice:?}", asking.name);
            let (world, id) = world_of(&asking).await;
            let mira = world.signed_in().await;
            let page = page(&world, &format!("/operations/{id}"), &mira).await;
            let code = format!("value=\"{}\"", word(*choice));
            let (action, hidden, text) = form(&page, &["name=\"choice\"", &code]).unwrap_or_else(|| panic!("{told}: no form\n{page}"));
            let with_reason = text.contains("name=\"reason\"");
            assert_eq!(with_reason, choice.needs_reason(), "{told}");
            let site = typed_site(&asking, *choice);
            assert_eq!(text.contains("name=\"typed_site\""), site.is_some(), "{told}");
            let site = site.map(|site| format!("&typed_site={site}")).unwrap_or_default();
            let more = if with_reason { format!("&reason=as+agreed{site}") } else { site };
            let after = location(&world.post(action, &format!("{}{more}", sent(&hidden)), Some(&mira)).await).to_owned();
            assert_eq!(after, format!("/operations/{id}"), "{told}");
            let reason = if with_reason { "as agreed" } else { "" };
            assert_eq!(answered(&world, id, asking.question.number).await, Some((*choice, reason.to_owned())), "{told}");
        }
    }
}

#[tokio::test]
async fn cancel_and_put_back_among_the_controls_answers_the_question() {
    for asking in questions() {
        let (world, id) = world_of(&asking).await;
        let mira = world.signed_in().await;
        let path = format!("/operations/{id}");
        let control = page(&world, &path, &mira).await;
        let found = form(&control, &["name=\"wish\"", "value=\"cancel\""]);
        if asking.past_no_return || asking.question.undoing {
            assert!(found.is_none(), "{}: nothing would come of it", asking.name);
            continue;
        }
        let (action, hidden, _) = found.unwrap_or_else(|| panic!("{}: no control", asking.name));
        assert_eq!(location(&world.post(action, &sent(&hidden), Some(&mira)).await), path, "{}", asking.name);
        assert_eq!(answered(&world, id, asking.question.number).await, Some((Choice::Undo, String::new())), "{}", asking.name);
        let after = page(&world, &path, &mira).await;
        assert!(!after.contains("class=\"ask\"") && after.contains("Putting back"), "{}: it is not shown", asking.name);
    }
}

#[tokio::test]
async fn every_answer_and_the_wish_to_cancel_are_taken_over_rest() {
    for asking in one_of_each() {
        let number = asking.question.number;
        for choice in &asking.question.options {
            let (world, id) = world_of(&asking).await;
            let program = Program::of(&world).await;
            let mut body = json!({ "question": number, "choice": word(*choice) });
            if choice.needs_reason() {
                body["reason"] = "as agreed".into();
            }
            if let Some(site) = typed_site(&asking, *choice) {
                body["typed_site"] = site.into();
            }
            let answer = program.send(&format!("/operations/{id}/answers"), &[], body.to_string()).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{}: {choice:?}", asking.name);
            assert_eq!(answered(&world, id, number).await.map(|(choice, _)| choice), Some(*choice), "{}", asking.name);
        }
        let (world, id) = world_of(&asking).await;
        let program = Program::of(&world).await;
        let status = program.send(&format!("/operations/{id}/wishes"), &[], r#"{"wish":"cancel"}"#).await.status();
        let expected = if asking.past_no_return { StatusCode::CONFLICT } else { StatusCode::NO_CONTENT };
        assert_eq!(status, expected, "{}", asking.name);
        let undone = (!asking.past_no_return && !asking.question.undoing).then_some(Choice::Undo);
        assert_eq!(answered(&world, id, number).await.map(|(choice, _)| choice), undone, "{}", asking.name);
    }
}

#[tokio::test]
async fn every_answer_and_the_wish_to_cancel_are_taken_on_the_command_line() {
    for asking in one_of_each() {
        let number = asking.question.number;
        for choice in &asking.question.options {
            let (world, id) = world_of(&asking).await;
            let store = std::sync::Arc::clone(&world.store);
            let desk = TestConsole::at(world).await;
            desk.sign_in(&format!("{PASSWORD}\n")).await;
            let (id_text, choice_text) = (id.to_string(), word(*choice).replace('_', "-"));
            let mut words = vec!["operation", "answer", &id_text, &choice_text];
            if choice.needs_reason() {
                words.extend(["--reason", "as agreed"]);
            }
            if let Some(site) = typed_site(&asking, *choice) {
                words.extend(["--confirm-site", site]);
            }
            let ended = desk.run(&words).await;
            assert_eq!(ended.code, 0, "{}: {choice:?}: {ended:?}", asking.name);
            let operation = Operation::from_journal(id, &store.journal(id).await.unwrap()).unwrap();
            let asked = operation.questions.iter().find(|asked| asked.question.number == number).unwrap();
            assert_eq!(asked.answer.as_ref().map(|answer| answer.choice), Some(*choice), "{}", asking.name);
        }
        if asking.past_no_return || asking.question.undoing {
            continue;
        }
        let (world, id) = world_of(&asking).await;
        let store = std::sync::Arc::clone(&world.store);
        let desk = TestConsole::at(world).await;
        desk.sign_in(&format!("{PASSWORD}\n")).await;
        let ended = desk.run(&["operation", "cancel", &id.to_string()]).await;
        assert_eq!(ended.code, 0, "{}: {ended:?}", asking.name);
        let operation = Operation::from_journal(id, &store.journal(id).await.unwrap()).unwrap();
        assert!(operation.given_up.is_some(), "{}: it was not cancelled", asking.name);
    }
}
