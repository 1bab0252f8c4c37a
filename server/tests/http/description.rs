//! The API's description of itself: it does not change unnoticed, and it says what is true.

use crate::{
    api::{Program, json_of},
    hands::MembersOnly,
    support::World,
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use switchback_server::http::openapi;

/// The document as programs have got it so far.
const KNOWN: &str = include_str!("../openapi.json");

#[test]
fn the_description_does_not_change_unnoticed() {
    let now = format!("{}\n", openapi().to_pretty_json().unwrap());
    if std::env::var_os("SWITCHBACK_RENEW").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json"), &now).unwrap();
        return;
    }
    let differs = KNOWN.lines().zip(now.lines()).position(|(known, now)| known != now);
    let line = differs.unwrap_or_else(|| KNOWN.lines().count().min(now.lines().count()));
    assert!(
        KNOWN == now,
        "the API's description is not server/tests/openapi.json any more, from line {} on:\n  known: {}\n  now:   {}\n\
         If that is wanted: SWITCHBACK_RENEW=1 cargo nextest run -p switchback-server the_description, and look at the difference.",
        line + 1,
        KNOWN.lines().nth(line).unwrap_or("(its end)"),
        now.lines().nth(line).unwrap_or("(its end)"),
    );
}

/// Whether a value is as a schema says; else where it is not.
fn fits(value: &Value, schema: &Value, document: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).ok_or_else(|| format!("{at}: {reference} is not there"))?;
        return fits(value, schema, document, at);
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(schemas) = schema[several].as_array() {
            let tried: Vec<String> = schemas.iter().filter_map(|schema| fits(value, schema, document, at).err()).collect();
            if tried.len() == schemas.len() {
                return Err(format!("{at}: nothing fits {value}: {tried:?}"));
            }
        }
    }
    for schema in schema["allOf"].as_array().into_iter().flatten() {
        fits(value, schema, document, at)?;
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        return Err(format!("{at}: {value} is none of {known:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{at}: what is {other}?"),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return Err(format!("{at}: {value} is no {kinds:?}"));
    }
    if let Some(parts) = value.as_object() {
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !parts.contains_key(required) {
                return Err(format!("{at}: no {required}"));
            }
        }
        if let Some(known) = schema["properties"].as_object() {
            for (name, schema) in known {
                if let Some(value) = parts.get(name) {
                    fits(value, schema, document, &format!("{at}.{name}"))?;
                }
            }
            let of_one_kind = schema["oneOf"].is_null() && schema["allOf"].is_null();
            if let Some(name) = parts.keys().find(|name| of_one_kind && !known.contains_key(*name)) {
                return Err(format!("{at}: {name} is not described"));
            }
        }
    }
    if let Some(items) = value.as_array() {
        for (place, item) in items.iter().enumerate() {
            let schema = schema["prefixItems"].get(place).unwrap_or(&schema["items"]);
            if schema.is_object() {
                fits(item, schema, document, &format!("{at}[{place}]"))?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn answers_are_as_they_are_described() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let program = Program::of(&world).await;
    let document: Value = serde_json::from_str(&openapi().to_json().unwrap()).unwrap();
    let described = |method: &str, path: &str, status: &str| {
        let response = &document["paths"][path][method]["responses"][status];
        let kinds = response["content"].as_object().unwrap_or_else(|| panic!("{method} {path} {status} is not described"));
        kinds.values().next().unwrap()["schema"].clone()
    };
    let check = |value: &Value, method: &str, path: &str, status: &str| {
        fits(value, &described(method, path, status), &document, &format!("{method} {path}")).unwrap();
    };
    for path in ["/pools", "/pools/{pool}", "/pools/{pool}/checks"] {
        let value = json_of(program.get(&path.replace("{pool}", "chat-core")).await).await;
        check(&value, "get", &format!("/api/v1{path}"), "200");
    }
    for intent in
        [json!({"kind": "switchover", "to": "b"}), json!({"kind": "failover", "to": "a"}), json!({"kind": "reprotect", "side": "a"})]
    {
        let value = json_of(program.send("/pools/chat-core/plans", &[], intent.to_string()).await).await;
        check(&value, "post", "/api/v1/pools/{pool}/plans", "200");
    }
    let mut request = program.request_for(json!({"kind": "failover", "to": "b"})).await;
    request["accepts_loss"] = json!(true);
    fits(
        &request,
        &document["paths"]["/api/v1/operations"]["post"]["requestBody"]["content"]["application/json"]["schema"],
        &document,
        "request",
    )
    .unwrap();
    let begun = json_of(program.send("/operations", &[], request.to_string()).await).await;
    check(&begun, "post", "/api/v1/operations", "201");
    let id = begun["id"].as_str().unwrap();
    for path in ["/operations", "/operations/{id}", "/operations/{id}/report"] {
        let value = json_of(program.get(&path.replace("{id}", id)).await).await;
        check(&value, "get", &format!("/api/v1{path}"), "200");
    }
    let refused = json_of(program.send("/operations", &[], request.to_string()).await).await;
    let problem = &document["components"]["schemas"]["Problem"];
    assert!(problem.is_object(), "errors are described");
    assert_eq!(refused["code"], "operation_runs");
    for required in problem["required"].as_array().unwrap() {
        assert!(refused.get(required.as_str().unwrap()).is_some(), "{refused} lacks {required}");
    }
}

#[test]
fn what_is_not_as_described_would_be_noticed() {
    let document: Value = serde_json::from_str(&openapi().to_json().unwrap()).unwrap();
    let schema = json!({ "$ref": "#/components/schemas/Intent" });
    let fits = |value: Value| fits(&value, &schema, &document, "intent");
    assert_eq!(fits(json!({"kind": "switchover", "to": "b"})), Ok(()));
    for bad in [json!({"kind": "switchover", "to": "c"}), json!({"kind": "switchover"}), json!({"kind": "explode", "to": "b"}), json!(7)] {
        assert!(fits(bad.clone()).is_err(), "{bad}");
    }
}
