//! A switchover with Patroni's own commands, to compare with.

use std::time::{Duration, Instant};

use crate::command;
use crate::config;
use crate::error::{LabError, Result};
use crate::lab::{Lab, patroni};
use crate::places::{Node, Site};

impl Lab {
    /// The site that has the primary.
    pub async fn active(&self) -> Result<Site> {
        self.primary().await.map(|node| node.site).ok_or_else(|| LabError::Refused("there is not exactly one primary".to_owned()))
    }

    /// `patronictl demote-cluster` at the active site, then `patronictl promote-cluster` at the other one. Returns when both have returned,
    /// and when it was begun.
    pub async fn switch_with_patronictl(&self, to: Site) -> Result<Instant> {
        let from = to.peer();
        let section = config::patroni::standby_section(&self.layout, from);
        let text = |name: &str| section[name].as_str().map_or_else(|| section[name].to_string(), str::to_owned);
        let demote = [
            "demote-cluster".to_owned(),
            from.scope(),
            "--force".to_owned(),
            "--host".to_owned(),
            text("host"),
            "--port".to_owned(),
            text("port"),
            "--primary-slot-name".to_owned(),
            text("primary_slot_name"),
            "--restore-command".to_owned(),
            text("restore_command"),
        ];
        let promote = ["promote-cluster".to_owned(), to.scope(), "--force".to_owned()];
        let lab = self.clone();
        let run = move || {
            let began = Instant::now();
            lab.patronictl(from.nodes()[0], &demote)?;
            lab.patronictl(to.nodes()[0], &promote)?;
            Ok(began)
        };
        let began = tokio::task::spawn_blocking(run).await.map_err(|error| LabError::Refused(error.to_string()))??;
        // The command leaves out keys of the section that it does not know.
        self.follow_completely(from).await?;
        Ok(began)
    }

    fn patronictl(&self, node: Node, args: &[String]) -> Result<String> {
        let program = patroni(&self.layout, "patronictl").display().to_string();
        let file = self.layout.patroni_yml(node).display().to_string();
        let args: Vec<&str> = ["-c", &file].into_iter().chain(args.iter().map(String::as_str)).collect();
        command::run(&program, &args)
    }

    /// Gives the site's cluster the complete section with which it follows the other one, as it had it after `up`.
    async fn follow_completely(&self, site: Site) -> Result<()> {
        let section = serde_json::json!({ "standby_cluster": config::patroni::standby_section(&self.layout, site) });
        let urls = site.nodes().map(|node| format!("{}/config", self.layout.patroni_url(node)));
        self.wait("the old site takes its complete section", Duration::from_secs(30), async || {
            for url in &urls {
                if self.http.patch(url, &section, "switchback", &self.secrets.rest).await.is_ok_and(|status| status == 200) {
                    return Ok(());
                }
            }
            Err("no node took it".to_owned())
        })
        .await
    }

    /// Makes a site's cluster follow the other one (`PATCH /config`), as a person would do by hand. For tests that prepare a situation.
    pub async fn follow(&self, site: Site) -> Result<()> {
        self.follow_completely(site).await
    }

    /// Makes a site's cluster lead (`PATCH /config`), as a person would do by hand. For tests that prepare a situation.
    pub async fn lead(&self, site: Site) -> Result<()> {
        let nothing = serde_json::json!({ "standby_cluster": null });
        let urls = site.nodes().map(|node| format!("{}/config", self.layout.patroni_url(node)));
        self.wait("the site takes the order to lead", Duration::from_secs(30), async || {
            for url in &urls {
                if self.http.patch(url, &nothing, "switchback", &self.secrets.rest).await.is_ok_and(|status| status == 200) {
                    return Ok(());
                }
            }
            Err("no node took it".to_owned())
        })
        .await
    }
}
