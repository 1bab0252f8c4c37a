//! Applies what the server's patches hold of RFC 6902: adding, removing and replacing. Anything else is refused.

use serde::Deserialize;
use serde_json::Value;

/// A change of one place of a value.
#[derive(Deserialize)]
pub(super) struct Operation {
    op: String,
    path: String,
    #[serde(default)]
    value: Value,
}

/// Makes the changes one after the other. `None`: one of them does not fit, and the value is half changed.
pub(super) fn apply(value: &mut Value, operations: Vec<Operation>) -> Option<()> {
    operations.into_iter().try_for_each(|Operation { op, path, value: new }| {
        if op == "replace" {
            *value.pointer_mut(&path)? = new;
            return Some(());
        }
        let (parent, name) = path.rsplit_once('/')?;
        match (op.as_str(), value.pointer_mut(parent)?) {
            ("add", Value::Object(fields)) => {
                fields.insert(unescaped(name), new);
            }
            ("add", Value::Array(items)) => {
                let index = if name == "-" { items.len() } else { index(name)? };
                if index > items.len() {
                    return None;
                }
                items.insert(index, new);
            }
            ("remove", Value::Object(fields)) => {
                fields.remove(&unescaped(name))?;
            }
            ("remove", Value::Array(items)) => {
                let index = index(name).filter(|index| *index < items.len())?;
                items.remove(index);
            }
            _ => return None,
        }
        Some(())
    })
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

fn index(name: &str) -> Option<usize> {
    name.parse().ok().filter(|_| name.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn applied(mut value: Value, patch: Value) -> Option<Value> {
        let operations = serde_json::from_value(patch).expect("operations");
        apply(&mut value, operations).map(|()| value)
    }

    #[test]
    fn what_the_server_finds_to_have_changed_leads_to_the_new_value() {
        let values = [
            json!({"a": [1, 2, 3], "b/c": {"~": null}, "d": "x"}),
            json!({"a": [1, 3], "b/c": {"~": {"e": [1]}}, "f": true}),
            json!({"a": [], "b/c": 7, "": {"": 1}}),
            json!({"a": [[1], {"g": 2}, 3, 4], "b/c": {"~1": 0}, "d": null}),
            json!([{"name": "a"}, {"name": "b"}]),
            json!([{"name": "b", "more": 1.5}]),
            json!("text"),
        ];
        for before in &values {
            for after in &values {
                let patch = serde_json::to_value(json_patch::diff(before, after)).expect("JSON");
                assert_eq!(applied(before.clone(), patch.clone()).as_ref(), Some(after), "{before} with {patch}");
            }
        }
    }

    #[test]
    fn a_change_that_does_not_fit_is_refused() {
        let value = || json!({"a": [1], "b": 2});
        for (op, path) in [
            ("replace", "/c"),
            ("replace", "/a/1"),
            ("remove", "/c"),
            ("remove", "/a/1"),
            ("remove", "/a/-"),
            ("remove", ""),
            ("add", "/a/2"),
            ("add", "/a/+0"),
            ("add", "/c/d"),
            ("add", "/b/x"),
            ("test", "/b"),
        ] {
            assert_eq!(applied(value(), json!([{"op": op, "path": path, "value": 2}])), None, "{op} {path}");
        }
    }
}
