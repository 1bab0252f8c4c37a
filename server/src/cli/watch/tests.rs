use super::*;
use serde_json::json;

fn run(state: &str) -> Value {
    match state {
        "waiting" => json!({"state": {"state": "waiting"}, "attempts": 0, "began_at": null, "ended_at": null, "facts": []}),
        "running" => {
            json!({"state": {"state": "running"}, "attempts": 1, "began_at": "2026-01-01T00:00:01Z", "ended_at": null, "facts": []})
        }
        _ => json!({"state": {"state": state}, "attempts": 1, "began_at": "2026-01-01T00:00:01Z",
                    "ended_at": "2026-01-01T00:00:01.250Z", "facts": []}),
    }
}

fn operation(first: &str, second: &str) -> Value {
    let plan = json!({
        "pool": "chat-core", "intent": {"kind": "switchover", "to": "b"}, "epoch": 3, "made_at": "2026-01-01T00:00:00Z",
        "steps": [{"step": "preflight"}, {"step": "promote", "side": "b"}], "leaders": [], "not_passed": [], "objections": [],
        "loss": {"state": "protected", "loss_bytes": 0, "loss": 0, "bound": "about", "measured_at": null},
    });
    let request = json!({
        "pool": "chat-core", "intent": {"kind": "switchover", "to": "b"}, "plan": "00", "planned_at": "2026-01-01T00:00:00Z",
        "reason": "drill", "typed_pool": "chat-core", "typed_site": "dc-b",
    });
    json!({
        "id": "op-0042", "request": request, "requested_by": "mira", "requested_at": "2026-01-01T00:00:00Z", "plan": plan,
        "steps": [run(first), run(second)], "undo": [], "stage": {"stage": "running"}, "given_up": null, "paused_for": 0,
        "attested": null, "pause_wanted_by": null, "cancel_wanted_by": null, "questions": [], "outage": null, "events": 1,
    })
}

fn read(value: &Value) -> Operation {
    serde_json::from_value(value.clone()).expect("an operation")
}

fn words(lines: &[Line]) -> Vec<String> {
    let word = |line: &Line| match line {
        Line::Step { step, state, took_ms, .. } => format!("{step} {state} {took_ms:?}"),
        Line::Outage { ended, .. } => format!("outage {ended}"),
        Line::Stage { stage, .. } => format!("stage {}", super::word(stage)),
    };
    lines.iter().map(word).collect()
}

#[test]
fn each_thing_that_happens_is_told_once() {
    let (first, second) = (read(&operation("running", "waiting")), read(&operation("done", "running")));
    assert_eq!(words(&lines(None, &first)), ["0 running None", "stage running"]);
    assert_eq!(words(&lines(Some(&first), &second)), ["0 done Some(250)", "1 running None"]);
    assert_eq!(words(&lines(Some(&second), &second)), Vec::<String>::new());
}

#[test]
fn an_outage_is_told_when_it_begins_and_when_it_ends() {
    let with = |first: Value| {
        let mut value = operation("done", "running");
        value["outage"] = json!({"last_write_at": "2026-01-01T00:00:02Z", "first_write_at": first, "acknowledged": 9, "found": null});
        read(&value)
    };
    let (before, during) = (read(&operation("done", "running")), with(Value::Null));
    let after = with(json!("2026-01-01T00:00:02.400Z"));
    assert_eq!(words(&lines(Some(&before), &during)), ["outage false"]);
    assert_eq!(words(&lines(Some(&during), &after)), ["outage true"]);
}

#[test]
fn how_it_ended_decides_the_exit_code() {
    let ended = |outcome: Value| {
        let mut value = operation("done", "done");
        value["stage"] = json!({"stage": "finished", "outcome": outcome, "at": "2026-01-01T00:00:03Z"});
        end_of(&read(&value))
    };
    assert_eq!(ended(json!({"outcome": "done"})), End::Done);
    assert_eq!(ended(json!({"outcome": "undone", "why": {"why": "cancelled", "by": "mira"}})), End::Undone);
    assert_eq!(ended(json!({"outcome": "abandoned", "by": "mira"})), End::Failed);
    let mut asks = operation("done", "running");
    let question = json!({"number": 1, "step": 1, "undoing": false, "trouble": {"trouble": "split_brain"}, "options": ["retry"]});
    asks["stage"] = json!({"stage": "needs_person", "question": question, "since": "2026-01-01T00:00:03Z"});
    assert_eq!(end_of(&read(&asks)), End::NeedsPerson);
}

#[test]
fn events_are_read_wherever_the_network_cuts_them() {
    let whole = json!({"at": "2026-01-01T00:00:00Z", "value": operation("running", "waiting")});
    let patch = json!([{"op": "replace", "path": "/steps/0/state/state", "value": "done"}]);
    let change = json!({"at": "2026-01-01T00:00:00Z", "patch": patch});
    let stream = format!(
        "id: ab-1\nevent: whole\ndata: {whole}\n\nevent: beat\ndata: {{\"at\":\"2026-01-01T00:00:00Z\"}}\n\nid: ab-2\nevent: change\ndata: {change}\n\n"
    );
    for size in [1, 7, 64, stream.len()] {
        let mut seen = Seen::default();
        let parts = stream.as_bytes().chunks(size).flat_map(|part| seen.take(part).expect("good"));
        let states: Vec<StepState> = parts.map(|operation| operation.steps[0].state.clone()).collect();
        assert_eq!(states, [StepState::Running, StepState::Done], "in parts of {size}");
        assert_eq!(seen.last_id.as_deref(), Some("ab-2"));
    }
}

#[test]
fn after_a_break_nothing_of_the_old_stream_is_left_in_the_new_one() {
    let mut seen = Seen::default();
    assert!(seen.take(b"id: ab-1\nevent: who").expect("good").is_empty());
    seen.broken();
    let whole = json!({"at": "2026-01-01T00:00:00Z", "value": operation("done", "waiting")});
    assert_eq!(seen.take(format!("id: ab-1\nevent: whole\ndata: {whole}\n\n").as_bytes()).expect("good").len(), 1);
}

#[test]
fn events_that_make_no_sense_are_an_error_and_not_a_guess() {
    assert!(Seen::default().take(b"event: change\ndata: {\"patch\":[]}\n\n").is_err());
    assert!(Seen::default().take(b"event: whole\ndata: {\"value\":7}\n\n").is_err());
    assert!(Seen::default().take(b"event: whole\ndata: {\n\n").is_err());
}
