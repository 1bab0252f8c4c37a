//! A question that only a person can answer.

use super::View;
use crate::{
    api::operation::OptionView,
    pages::common::use_lang,
    paths,
    ui::{Icon, Sign, dynamic},
};
use leptos::prelude::*;
use switchback_domain::operation::Choice;
use switchback_words::say;

/// The open question, with its answers. It is drawn once for each question, so that a reason that is being typed is not lost.
#[component]
pub(super) fn Open(view: View) -> impl IntoView {
    let lang = use_lang();
    let question = view.part(|told| told.question.clone());
    let action = format!("{}/answer", view.told.with_untracked(|told| paths::operation(told.id)));
    dynamic(move || {
        let Some(question) = question.get() else { return ().into_any() };
        let number = question.number.to_string();
        let options = question.options.into_iter().enumerate().map(|(index, option)| {
            let form = Form {
                action: action.clone(),
                number: number.clone(),
                first: index == 0,
                needed: say!(lang(), operations.choice.reason_needed),
            };
            one(form, option)
        });
        view! {
            <section class="ask" aria-labelledby="ask-h">
                <div class="ask__head">
                    <h2 id="ask-h">{question.title}</h2>
                    {question.text.into_iter().map(|line| view! { <p>{line}</p> }).collect_view()}
                </div>
                <ul class="ask__opts">{options.collect_view()}</ul>
            </section>
        }
        .into_any()
    })
}

struct Form {
    action: String,
    number: String,
    first: bool,
    needed: String,
}

fn one(form: Form, option: OptionView) -> AnyView {
    let sign = match option.choice {
        Choice::Retry => Sign::Retry,
        Choice::Skip | Choice::Confirm => Sign::Arrow,
        Choice::Undo => Sign::Back,
        Choice::Attest => Sign::Fence,
        Choice::GiveUp | Choice::Abandon => Sign::Block,
    };
    let class = match option.choice {
        Choice::Attest | Choice::GiveUp => "btn btn--danger",
        Choice::Abandon => "btn btn--danger-line",
        _ if form.first => "btn btn--primary",
        _ => "btn",
    };
    let lines = option.lines.into_iter().map(|(tone, line)| {
        view! {
            <li class=format!("st--{}", tone.as_code())>
                <Icon sign=tone.sign() />
                <span>{line}</span>
            </li>
        }
    });
    let reason = option.reason.map(|label| {
        let id = format!("reason-{}", option.code);
        let hint = format!("{id}-hint");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <textarea class="input" id=id name="reason" rows="2" required=true maxlength="1000" aria-describedby=hint.clone()></textarea>
                <p class="hint" id=hint>{form.needed}</p>
            </div>
        }
    });
    let typed = option.type_site.map(|label| {
        let id = format!("typed-{}", option.code);
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input class="input" id=id name="typed_site" required=true autocomplete="off" autocapitalize="off" spellcheck="false" />
            </div>
        }
    });
    view! {
        <li>
            <h3>
                <Icon sign />
                {option.title}
            </h3>
            <ul>{lines.collect_view()}</ul>
            <form method="post" action=form.action>
                <input type="hidden" name="question" value=form.number />
                <input type="hidden" name="choice" value=option.code />
                {reason}
                {typed}
                <button type="submit" class=class>{option.button}</button>
            </form>
        </li>
    }
    .into_any()
}
