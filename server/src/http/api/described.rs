//! What the derived description of the API does not say by itself: which errors come where, how names look, how large numbers may be, and
//! that unknown fields are refused.

use serde_json::{Map, Value, json};

/// A name of a pool, site, node, member or person.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";

/// The number of an operation.
const OPERATION: &str = "^op-[0-9]{1,18}$";

/// Types that are names.
const NAMES: [&str; 6] = ["PoolId", "SiteId", "NodeName", "MemberName", "EndpointName", "Login"];

/// Types that are sent. Their fields are all that there are.
const SENT: [&str; 7] = ["SignIn", "Request", "Intent", "MemberChange", "WishBody", "AnswerBody", "Confirmation"];

/// Completes the document.
pub(super) fn complete(document: &mut Value) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    for name in NAMES {
        with(schemas.get_mut(name), "pattern", NAME);
    }
    with(schemas.get_mut("OperationId"), "pattern", OPERATION);
    if let Some(field) = schemas.get_mut("AnswerBody").and_then(|schema| schema.pointer_mut("/properties/question")) {
        // The formats of OpenAPI have none for whole numbers without a sign.
        with(Some(field), "format", "int64");
        with(Some(field), "maximum", u32::MAX);
    }
    for name in SENT {
        if let Some(schema) = schemas.get_mut(name) {
            close(schema);
        }
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            parameters(operation);
            errors(path, method, operation);
        }
    }
}

fn with(schema: Option<&mut Value>, key: &str, value: impl Into<Value>) {
    if let Some(schema) = schema.and_then(Value::as_object_mut) {
        schema.insert(key.to_owned(), value.into());
    }
}

/// Says of an object, and of each kind of it, that it has no other fields.
fn close(schema: &mut Value) {
    for kind in schema.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        close(kind);
    }
    if schema.get("properties").is_some() {
        with(Some(schema), "additionalProperties", false);
    }
}

fn parameters(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let schema = match (parameter["in"].as_str(), parameter["name"].as_str()) {
            (Some("path" | "query"), Some("pool")) => json!({ "$ref": "#/components/schemas/PoolId" }),
            (Some("path"), Some("id")) => json!({ "$ref": "#/components/schemas/OperationId" }),
            (Some("path"), Some("name")) => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$" }),
            (Some("header"), Some("Idempotency-Key")) => json!({ "type": "string", "pattern": "^[!-~]{1,200}$" }),
            (Some("header"), Some("Last-Event-ID")) => json!({ "type": "string", "pattern": "^[!-~]{0,200}$" }),
            _ => continue,
        };
        parameter["schema"] = schema;
    }
}

/// What may be answered instead of what was asked for. Another method of the same address is answered with 405, and an address that is
/// not described with 404.
fn errors(path: &str, method: &str, operation: &mut Value) {
    let is_open =
        operation["security"].as_array().is_some_and(|security| security.iter().all(|one| one.as_object().is_some_and(Map::is_empty)));
    let has_body = operation.get("requestBody").is_some();
    let names_something = path.contains('{') || path.ends_with("/operations");
    let asks_for_operation = method == "post" && path.ends_with("/operations");
    let steers = path.ends_with("/wishes") || path.ends_with("/answers") || (method == "post" && path.ends_with("/restored"));
    let signs_in = method == "post" && path.ends_with("/session");
    let comes: [(bool, u16, &str); 16] = [
        (true, 400, "It cannot be read: malformed, an unknown field, a number out of range, or no single Host header"),
        (!is_open || signs_in, 401, "There is no session, or sign-in name or password are wrong"),
        (!is_open || signs_in, 403, "A browser sent it from a page of somebody else, or the person may not do this"),
        (names_something, 404, "There is no pool, operation or file of this name"),
        (true, 408, "It did not arrive in time"),
        (asks_for_operation || steers, 409, "It cannot be done as the pool stands; the code says why"),
        (asks_for_operation, 410, "The plan that was seen is too old"),
        (true, 413, "It is larger than 64 KiB"),
        (true, 414, "Its address is longer than 2 KiB"),
        (has_body, 415, "It is not JSON, or does not say so"),
        (true, 421, "It was sent to a name that is not the console's"),
        (asks_for_operation || steers, 422, "What had to be typed, given as a reason or taken on is missing or wrong"),
        (!is_open || signs_in, 429, "Too many attempts or refusals; the header Retry-After says when to come back"),
        (true, 431, "Its headers are larger than 32 KiB or more than 100"),
        (true, 500, "The console failed; its log has the cause under the incident"),
        (true, 503, "The console could not answer in time, or its store is away"),
    ];
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.remove("default");
    for (_, status, description) in comes.into_iter().filter(|(comes, ..)| *comes) {
        let mut response = json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        if status == 429 {
            response["headers"] = json!({ "Retry-After": { "schema": { "type": "integer", "minimum": 0 }, "description": "Seconds" } });
        }
        if status == 431 {
            // Whoever sends such headers is answered before anybody has looked at what was asked for.
            if let Some(response) = response.as_object_mut() {
                response.remove("content");
            }
        }
        responses.entry(status.to_string()).or_insert(response);
    }
}
