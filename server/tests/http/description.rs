//! The API's description of itself: it does not change unnoticed, and it says what is true.

use crate::{
    api::{Program, json_of},
    control::MembersOnly,
    support::World,
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use switchback_server::http::openapi;

/// The document as programs have got it so far.
const KNOWN: &str = include_str!("../openapi.json");

#[test]
fn the_description_does_not_change_unnoticed() {
    let now = format!("{}\n", serde_json::to_string_pretty(&openapi()).unwrap());
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
    let document = openapi();
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

/// A status comes only where it is described, whatever is sent.
#[tokio::test]
async fn every_error_that_comes_is_described_for_its_route() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mut program = Program::of(&world).await;
    let mut count = 0;
    let document = openapi();
    let long = format!("?{}", "x".repeat(3_000));
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(70_000));
    let bodies = [
        "",
        "{}",
        "[]",
        "{\"wish\":\"explode\"}",
        "{\"kind\":\"switchover\",\"to\":\"b\"}",
        "{\"login\":\"mira\",\"password\":\"x\"}",
        &large,
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if path.ends_with("/session") && method == "delete" {
                continue;
            }
            assert!(operation["responses"].get("default").is_none(), "{method} {path} describes what nobody can go by");
            let known = path.replace("{pool}", "chat-core").replace("{id}", "op-0001").replace("{name}", "none.jsonl");
            let unknown = path.replace("{pool}", "no where").replace("{id}", "op-9999").replace("{name}", "x");
            let mut requests = Vec::new();
            for address in
                [known.clone(), unknown.replace(' ', "%20"), format!("{known}{long}"), format!("{known}?most=0"), format!("{known}?most=x")]
            {
                for body in bodies {
                    for header in [
                        None,
                        Some(("content-type", "text/plain")),
                        Some(("host", "evil.example")),
                        Some(("origin", "https://evil.example")),
                    ] {
                        requests.push((address.clone(), body.to_owned(), header));
                    }
                }
            }
            for (address, body, header) in requests {
                // Now and then another session: one that is refused again and again has to slow down.
                count += 1;
                if count % 50 == 0 {
                    program = program.anew().await;
                }
                let status = program.status(&method.to_uppercase(), &address, header.as_slice(), &body).await;
                seen.insert(status);
                let described = operation["responses"].as_object().unwrap().keys().any(|known| *known == status.to_string());
                assert!(described, "{method} {address} {header:?} answers {status}, which is not described");
            }
        }
    }
    for status in [400, 401, 403, 404, 413, 414, 415, 421] {
        assert!(seen.contains(&status), "{status} never came: {seen:?}");
    }
}

#[tokio::test]
async fn numbers_out_of_range_are_refused() {
    let world = World::new().await;
    let program = Program::of(&world).await;
    for most in ["0", "201", "2147483647", "2147483648", "4294967295", "4294967296", "99999999999999999999", "-1", "1.5", "1e2", "", "0x10"]
    {
        let response = program.get(&format!("/operations?most={most}")).await;
        assert_eq!(response.status().as_u16(), 400, "most={most}");
        assert!(["out_of_range", "malformed"].contains(&json_of(response).await["code"].as_str().unwrap()), "most={most}");
    }
    for most in ["1", "200"] {
        assert!(program.get(&format!("/operations?most={most}")).await.status().is_success(), "most={most}");
    }
    for question in ["-1", "4294967296", "1.5", "99999999999999999999999"] {
        let body = format!("{{\"question\":{question},\"choice\":\"retry\"}}");
        assert_eq!(program.send("/operations/op-1/answers", &[], body).await.status().as_u16(), 400, "question {question}");
    }
    let whole = program.send("/operations/op-1/answers", &[], "{\"question\":7.0,\"choice\":\"retry\"}").await;
    assert_eq!(whole.status().as_u16(), 404, "7.0 is a whole number; only the operation is not there");
    for id in ["op-", "op--1", "op-9999999999999999999", "op-1.5", "op-0x1", "1"] {
        assert_eq!(program.get(&format!("/operations/{id}")).await.status().as_u16(), 404, "{id}");
    }
}

/// What the description allows is taken, and what it forbids is not.
#[tokio::test]
async fn what_is_described_is_what_is_taken() {
    let document = openapi();
    let pattern = |name: &str| document["components"]["schemas"][name]["pattern"].as_str().map(str::to_owned);
    for name in ["PoolId", "SiteId", "NodeName", "MemberName", "EndpointName", "Login", "OperationId"] {
        assert!(pattern(name).is_some_and(|pattern| pattern.starts_with('^') && pattern.ends_with('$')), "{name} has no pattern");
    }
    let closed = |schema: &Value| schema["additionalProperties"] == json!(false);
    for name in ["SignIn", "Request", "MemberChange", "WishBody", "AnswerBody"] {
        assert!(closed(&document["components"]["schemas"][name]), "{name} takes fields that nobody knows");
    }
    let kinds = document["components"]["schemas"]["Intent"]["oneOf"].as_array().unwrap();
    assert!(kinds.len() > 4 && kinds.iter().all(closed), "{kinds:?}");

    let world = World::new().await;
    let program = Program::of(&world).await;
    let plan = async |body: Value| program.send("/pools/chat-core/plans", &[], body.to_string()).await.status().as_u16();
    assert_eq!(plan(json!({"kind": "switchover", "to": "b"})).await, 200);
    for bad in [
        json!({"kind": "switchover", "to": "b", "force": true}),
        json!({"kind": "switchover", "to": "c"}),
        json!({"kind": "switchover"}),
        json!({"kind": "members", "changes": [{"side": "a", "member": "../x", "to": "drain"}]}),
        json!({"kind": "members", "changes": [{"side": "a", "member": "m", "to": "drain", "by": "force"}]}),
        json!(null),
    ] {
        assert_eq!(plan(bad.clone()).await, 400, "{bad}");
    }
}

/// No answer tells browsers to guess, or tells anybody which program made it.
#[tokio::test]
async fn every_answer_says_what_it_is_and_not_which_program_made_it() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    for path in [
        "/",
        "/sign-in",
        "/health/live",
        "/metrics",
        "/api/v1/pools",
        "/api/v1/openapi.json",
        "/favicon.svg",
        "/nowhere",
        "/api/v1/nowhere",
    ] {
        let response = world.get(path, Some(&mira)).await;
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        let says = ["application/json", "application/problem+json", "image/svg+xml"].contains(&&*kind) || kind.contains("charset=utf-8");
        assert!(says, "{path}: {kind:?}");
        for name in ["server", "x-powered-by", "via"] {
            assert!(response.headers().get(name).is_none(), "{path} tells {name}");
        }
    }
}

#[test]
fn what_is_not_as_described_would_be_noticed() {
    let document = openapi();
    let schema = json!({ "$ref": "#/components/schemas/Intent" });
    let fits = |value: Value| fits(&value, &schema, &document, "intent");
    assert_eq!(fits(json!({"kind": "switchover", "to": "b"})), Ok(()));
    for bad in [json!({"kind": "switchover", "to": "c"}), json!({"kind": "switchover"}), json!({"kind": "explode", "to": "b"}), json!(7)] {
        assert!(fits(bad.clone()).is_err(), "{bad}");
    }
}
