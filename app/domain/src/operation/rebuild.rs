//! What somebody has to do by hand: when a returning site has a history of its own and has to be made anew, and when something that only it
//! has could not be saved.

use super::{NotSaved, Operation, Stage, Step, StepEvidence, StepFailure, StepRun, StepState};
use crate::{NodeName, Pool, Site, Timeline};
use serde::{Deserialize, Serialize};

/// Something that somebody has to do by hand; of several, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Instruction {
    /// What for.
    pub task: Task,
    /// On whose machine: the name of a node or of an etcd. Nothing for what is done elsewhere.
    pub on: Option<String>,
    /// The command, for a shell of `root` there. Nothing where the installation decides what it is.
    pub command: Option<String>,
}

/// What an instruction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Stop Patroni, and with it its `PostgreSQL`.
    StopPatroni,
    /// Empty the data directory. The directory itself stays: it may be where a disk is mounted.
    EmptyData,
    /// Remove what etcd knows of the site's cluster, all but its configuration: that keeps the site from leading.
    ForgetCluster,
    /// Remove what the site has shipped to an archive of the log: it belongs to the history that is given up, under the names of files
    /// that the other history has too.
    EmptyArchive,
    /// Move away what the site has shipped to the archive of timelines that were given up.
    SetAside,
    /// Copy tables that could not be saved, as a superuser.
    CopyTables,
    /// Copy all data of a node that is about to be rewound.
    CopyData,
    /// Start a node that did not say what its log has, or let the console reach it.
    StartSilent,
    /// Answer the operation's question with `retry`: what could not be saved is tried again.
    SaveAgain,
    /// Or answer it with `give_up`.
    GiveUp,
    /// Answer the operation's question with `confirm`.
    Confirm,
    /// Answer the operation's question with `retry`: while nothing runs in the site, the console tells it whom to follow.
    Retry,
    /// Start Patroni on the first node: it copies the active site's data and then leads its own site.
    StartFirst,
    /// Start Patroni on another node, as soon as its site has a leader.
    StartNext,
}

impl Operation {
    /// What somebody has to do by hand now: nothing unless a site has a history of its own that no engine can give up by itself.
    pub fn instructions(&self, pool: &Pool) -> Vec<Instruction> {
        if let Stage::NeedsPerson { question, .. } = &self.stage
            && let StepFailure::TimelinesGivenUp { timelines, .. } = &question.trouble
        {
            let aside = Instruction { task: Task::SetAside, on: None, command: Some(set_aside(timelines)) };
            return vec![aside, Instruction { task: Task::Confirm, on: None, command: None }];
        }
        if let Stage::NeedsPerson { question, .. } = &self.stage
            && let StepFailure::NotSaved { node, what, .. } = &question.trouble
        {
            return self.copy(node.as_ref(), what);
        }
        let steps = || self.plan.steps.iter().zip(&self.steps);
        let follow = steps().find_map(|(step, run)| match step {
            Step::Follow { side } => Some((*side, run)),
            _ => None,
        });
        let Some((side, follow)) = follow.filter(|(_, run)| !self.is_finished() && has_collided(run)) else { return Vec::new() };
        let site = &pool.sites[side];
        if !follow.is_behind() {
            return self.rebuild(site);
        }
        // The console has done its part; what is missing are the nodes themselves.
        let waits = steps().any(|(step, run)| *step == Step::Reprotect { side } && !run.is_behind());
        if waits { start(site).collect() } else { Vec::new() }
    }

    fn rebuild(&self, site: &Site) -> Vec<Instruction> {
        let each = |task: Task, command: &dyn Fn(&NodeName) -> Option<String>| -> Vec<Instruction> {
            site.nodes.iter().map(|node| Instruction { task, on: Some(node.name.to_string()), command: command(&node.name) }).collect()
        };
        let mut all = each(Task::StopPatroni, &|_| Some("systemctl stop patroni".to_owned()));
        all.extend(each(Task::EmptyData, &|node| {
            self.data_directory(node).map(|path| format!("find {} -mindepth 1 -delete", quoted(path)))
        }));
        all.push(Instruction {
            task: Task::ForgetCluster,
            on: site.etcd.first().map(ToString::to_string),
            command: Some(forget(&site.keys)),
        });
        all.push(Instruction { task: Task::EmptyArchive, on: None, command: None });
        all.push(Instruction { task: Task::Retry, on: None, command: None });
        all.extend(start(site));
        all
    }

    /// How what could not be saved can still be had before its node is rewound.
    fn copy(&self, node: Option<&NodeName>, what: &[NotSaved]) -> Vec<Instruction> {
        let mut all = Vec::new();
        for silent in what.iter().filter_map(|one| if let NotSaved::Silent { node } = one { Some(node) } else { None }) {
            all.push(Instruction { task: Task::StartSilent, on: Some(silent.to_string()), command: None });
        }
        if let Some(node) = node {
            let on = || Some(node.to_string());
            let path = self.data_directory(node);
            let mut databases: Vec<(&str, Vec<String>)> = Vec::new();
            for one in what {
                let (database, table) = match (one, one.table()) {
                    (NotSaved::Database { database, .. }, _) => (database.as_str(), None),
                    (_, Some((database, schema, table))) => (database, Some(format!("{}.{}", identifier(schema), identifier(table)))),
                    _ => continue,
                };
                let known = databases.iter().position(|(name, _)| *name == database);
                let at = known.unwrap_or_else(|| {
                    databases.push((database, Vec::new()));
                    databases.len() - 1
                });
                databases[at].1.extend(table);
            }
            for (number, (database, tables)) in databases.iter().enumerate() {
                let file = format!("/var/tmp/{}-{node}-{}.dump", self.id, number + 1);
                let command = path.map(|path| dump(path, database, tables, &file));
                all.push(Instruction { task: Task::CopyTables, on: on(), command });
            }
            if what.iter().any(NotSaved::needs_all_data) {
                let command = path.map(|path| {
                    let (from, to) = (quoted(path), quoted(&format!("{path}.{}", self.id)));
                    format!("systemctl stop patroni && cp -a {from} {to} && systemctl start patroni")
                });
                all.push(Instruction { task: Task::CopyData, on: on(), command });
            }
        }
        all.push(Instruction { task: Task::SaveAgain, on: None, command: None });
        all.push(Instruction { task: Task::GiveUp, on: None, command: None });
        all
    }

    /// Where a node's data is, as it said when it was last asked.
    fn data_directory(&self, of: &NodeName) -> Option<&str> {
        self.steps.iter().rev().flat_map(StepRun::every_fact).find_map(|fact| match fact {
            StepEvidence::DataDirectory { node, path } if node == of => Some(path.as_str()),
            _ => None,
        })
    }

    /// The names of what it keeps beside its journal, in the order in which it was saved.
    pub fn evidence(&self) -> Vec<String> {
        let mut names = Vec::new();
        for fact in self.steps.iter().flat_map(StepRun::every_fact) {
            if let StepEvidence::Saved { name, .. } = fact
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }
}

/// Some attempt found that the site has a history of its own.
fn has_collided(run: &StepRun) -> bool {
    let collision = |trouble: Option<&StepFailure>| matches!(trouble, Some(StepFailure::Collision { .. }));
    let now = match &run.state {
        StepState::Failed { trouble } => Some(trouble),
        _ => None,
    };
    collision(now) || run.earlier.iter().any(|attempt| collision(attempt.trouble.as_ref()))
}

fn start(site: &Site) -> impl Iterator<Item = Instruction> {
    site.nodes.iter().enumerate().map(|(index, node)| Instruction {
        task: if index == 0 { Task::StartFirst } else { Task::StartNext },
        on: Some(node.name.to_string()),
        command: Some("systemctl start patroni".to_owned()),
    })
}

/// Removes every key below `keys` (`/service/pool-a/`) but `config`: what comes before it, and what comes after it.
fn forget(keys: &str) -> String {
    let key = |name: &str| quoted(&format!("{keys}{name}"));
    // The first key that does not begin with `keys`: `0` comes right after the slash.
    let end = quoted(&format!("{}0", keys.trim_end_matches('/')));
    format!("etcdctl del {} {} && etcdctl del {} {end}", key(""), key("config"), key("config0"))
}

/// Moves every file of these timelines, whose names begin with the number in eight hexadecimal digits, into a new folder.
fn set_aside(timelines: &[Timeline]) -> String {
    let files: Vec<String> = timelines.iter().map(|timeline| format!("{:08X}*", timeline.0)).collect();
    format!(
        "d=given-up-$(date +%Y%m%dT%H%M%S) && mkdir \"$d\" && for f in {}; do [ ! -e \"$f\" ] || mv \"$f\" \"$d\"/; done",
        files.join(" ")
    )
}

/// Dumps tables of a database, or all of it, by a server that is asked over its own socket, as its superuser. Where that is stands in
/// its `postmaster.pid`.
fn dump(path: &str, database: &str, tables: &[String], file: &str) -> String {
    let only = tables.iter().map(|table| [" -t ", &quoted(table)].concat()).collect::<String>();
    let user = "\"$(stat -c %U \"$d\")\"";
    let at = "-h \"$(sed -n 5p \"$d/postmaster.pid\")\" -p \"$(sed -n 4p \"$d/postmaster.pid\")\"";
    let (path, database, file) = (quoted(path), quoted(database), quoted(file));
    format!("d={path} && umask 077 && runuser -u {user} -- pg_dump {at} -U postgres -d {database}{only} -Fc -f {file}")
}

/// A name for SQL, whatever is in it.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A word for the shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_gets_every_path_as_one_word() {
        assert_eq!(quoted("/var/lib/postgresql/15/main"), "'/var/lib/postgresql/15/main'");
        assert_eq!(quoted("/data; rm -rf /'$(x)"), r"'/data; rm -rf /'\''$(x)'");
    }

    #[test]
    fn the_files_of_a_timeline_are_found_by_the_beginning_of_their_names() {
        let command = set_aside(&[Timeline(2), Timeline(0x1f)]);
        let moves = "for f in 00000002* 0000001F*; do [ ! -e \"$f\" ] || mv \"$f\" \"$d\"/; done";
        assert_eq!(command, format!("d=given-up-$(date +%Y%m%dT%H%M%S) && mkdir \"$d\" && {moves}"));
    }

    #[test]
    fn etcd_forgets_everything_of_the_cluster_but_its_configuration() {
        let command = forget("/service/pool-a/");
        assert_eq!(
            command,
            "etcdctl del '/service/pool-a/' '/service/pool-a/config' && etcdctl del '/service/pool-a/config0' '/service/pool-a0'"
        );
        let words: Vec<&str> = command.split('\'').skip(1).step_by(2).collect();
        let removed = |key: &str| (words[0] <= key && key < words[1]) || (words[2] <= key && key < words[3]);
        for gone in ["initialize", "leader", "history", "members/a1", "status", "sync", "failover", "failsafe", "brake"] {
            assert!(removed(&format!("/service/pool-a/{gone}")), "{gone}");
        }
        for stays in ["/service/pool-a/config", "/service/pool-ab/leader", "/service/pool-b/config", "/service/pool-a"] {
            assert!(!removed(stays), "{stays}");
        }
    }
}
