//! How the engines are arranged: everything about them that an operation may change. For the proof that a rehearsal changes nothing.

use serde_json::{Value, json};

use crate::error::{LabError, Result};
use crate::lab::Lab;
use crate::places::{Node, Site};
use crate::runtime_api;

impl Lab {
    /// What each node is and on which timeline, what each site's cluster is told and has been through, what each member is told, and the
    /// rows that operations of the console have left in the database. Two of these are equal when no operation did anything in between.
    pub async fn arrangement(&self) -> Result<Value> {
        let mut nodes = serde_json::Map::new();
        for node in Node::all() {
            let said = self.http.get_json(&format!("{}/patroni", self.layout.patroni_url(node))).await?;
            nodes.insert(node.to_string(), json!({ "role": said["role"], "state": said["state"], "timeline": said["timeline"] }));
        }
        let mut sites = serde_json::Map::new();
        for site in Site::BOTH {
            let [one, _] = site.nodes().map(|node| self.layout.patroni_url(node));
            let members = runtime_api::member_states(&self.layout, site).await?;
            let members: Vec<String> = members.into_iter().map(|(member, state, _)| format!("{member} {state}")).collect();
            let (config, history) =
                (self.http.get_json(&format!("{one}/config")).await?, self.http.get_json(&format!("{one}/history")).await?);
            sites.insert(site.to_string(), json!({ "config": config, "history": history, "members": members }));
        }
        let primary = self.primary().await.ok_or_else(|| LabError::Refused("there is not exactly one primary".to_owned()))?;
        let question = "SELECT count(*), coalesce(max(operation), 0) FROM switchback.marker;\n";
        let (lab, question) = (self.clone(), question.to_owned());
        let rows = tokio::task::spawn_blocking(move || lab.psql(primary, "switchback", &[], &question)).await;
        let rows = rows.map_err(|error| LabError::Refused(error.to_string()))??;
        Ok(json!({ "nodes": nodes, "sites": sites, "rows": rows.trim() }))
    }
}

/// The places at which two arrangements differ, for a person.
pub fn differences(one: &Value, other: &Value) -> Vec<String> {
    fn differ(one: &Value, other: &Value, at: &str, found: &mut Vec<String>) {
        match (one, other) {
            (Value::Object(ours), Value::Object(theirs)) => {
                let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
                for name in names {
                    let of = |all: &serde_json::Map<String, Value>| all.get(name).cloned().unwrap_or(Value::Null);
                    differ(&of(ours), &of(theirs), &format!("{at}/{name}"), found);
                }
            }
            _ if one == other => {}
            _ => found.push(format!("{at}: {one} is now {other}")),
        }
    }
    let mut found = Vec::new();
    differ(one, other, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_place() {
        let (before, after) = (json!({ "a": { "x": 1, "y": [1] }, "b": 2 }), json!({ "a": { "x": 1, "y": [2] }, "c": 3 }));
        assert_eq!(differences(&before, &after), ["/a/y: [1] is now [2]", "/b: 2 is now null", "/c: null is now 3"]);
        assert_eq!(differences(&before, &before.clone()), Vec::<String>::new());
    }
}
