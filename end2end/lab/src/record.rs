//! Keeps the engines' raw answers, byte for byte, as material for tests of whoever has to understand them.

use std::path::Path;

use crate::error::{Doing, Result};
use crate::lab::{Lab, make_folder};
use crate::places::{Node, Site};
use crate::runtime_api;

impl Lab {
    /// Asks every endpoint once and stores each body in `folder`. An endpoint that does not answer has no file.
    ///
    /// Returns the names of the files, in order.
    pub async fn record(&self, folder: &Path) -> Result<Vec<String>> {
        make_folder(folder)?;
        let mut written = Vec::new();
        let mut keep = |name: String, body: Option<String>| -> Result<()> {
            let path = folder.join(&name);
            match body {
                Some(body) => {
                    std::fs::write(&path, body).doing(|| format!("writing {}", path.display()))?;
                    written.push(name);
                }
                // What was recorded here earlier would be taken for an answer of this situation.
                None => drop(std::fs::remove_file(&path)),
            }
            Ok(())
        };
        for node in Node::all() {
            for question in ["patroni", "cluster", "config", "history"] {
                let url = format!("{}/{question}", self.layout.patroni_url(node));
                keep(format!("{node}-{question}.json"), self.http.get(&url).await.ok().map(|answer| answer.body))?;
            }
        }
        for site in Site::BOTH {
            for (command, name) in [("show stat", "stat.csv"), ("show info", "info.txt"), ("show servers state", "servers-state.txt")] {
                keep(format!("haproxy-{site}-{name}"), runtime_api::ask(&self.layout, site, command).await.ok())?;
            }
            let url = format!("{}/health", self.layout.etcd_url(site));
            keep(format!("etcd-{site}-health.json"), self.http.get(&url).await.ok().map(|answer| answer.body))?;
            for number in [1, 2] {
                let url = self.layout.health_url(site, number);
                keep(format!("member-{site}{number}-health.json"), self.http.get(&url).await.ok().map(|answer| answer.body))?;
            }
        }
        Ok(written)
    }
}
