//! Orders to one `HAProxy` over its runtime interface.

use super::{ORDER, OrderTrouble, QUESTION};
use crate::{
    haproxy::{check_name, runtime::Runtime, wire},
    target::{HaproxyTarget, SetUpError},
};
use switchback_domain::{MemberName, operation::MemberOrder};
use switchback_engine::ports::MemberSeen;

/// One `HAProxy`.
pub(super) struct Haproxy {
    runtime: Runtime,
    backend: String,
}

impl Haproxy {
    pub(super) fn new(target: HaproxyTarget) -> Result<Self, SetUpError> {
        check_name(&target.backend)?;
        Ok(Haproxy { runtime: Runtime::new(target.address, target.tls)?, backend: target.backend })
    }

    pub(super) async fn members(&self) -> Result<Vec<MemberSeen>, OrderTrouble> {
        let answer = self.runtime.say(&format!("show stat {} 4 -1\n", self.backend), QUESTION).await?;
        let seen = |member: switchback_domain::MemberFacts| MemberSeen {
            member: member.name,
            state: member.state,
            healthy: member.healthy,
            sessions: member.sessions,
        };
        Ok(wire::members(&answer)?.into_iter().map(seen).collect())
    }

    pub(super) async fn tell(&self, member: &MemberName, order: MemberOrder) -> Result<(), OrderTrouble> {
        let line = line(&self.backend, member.as_str(), order)?;
        match wire::order(&self.runtime.say(&line, ORDER).await?)? {
            None => Ok(()),
            Some(said) => Err(OrderTrouble::refused(said)),
        }
    }
}

/// The command, unless a name could carry another one.
fn line(backend: &str, member: &str, order: MemberOrder) -> Result<String, OrderTrouble> {
    let fits = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    if !fits(backend) || !fits(member) {
        return Err(OrderTrouble::refused("a name cannot be part of a command"));
    }
    let state = match order {
        MemberOrder::Ready => "ready",
        MemberOrder::Drain => "drain",
        MemberOrder::Maintenance => "maint",
    };
    Ok(format!("set server {backend}/{member} state {state}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_command_and_names_carry_no_other() {
        assert_eq!(line("members", "member-a1", MemberOrder::Drain).expect("a command"), "set server members/member-a1 state drain\n");
        assert_eq!(line("m", "x", MemberOrder::Maintenance).expect("a command"), "set server m/x state maint\n");
        for bad in ["", "a1;disable frontend web", "a1\nshutdown", "a1 state ready", "a1/../b", "#1"] {
            assert!(line("members", bad, MemberOrder::Ready).is_err(), "{bad:?}");
            assert!(line(bad, "a1", MemberOrder::Ready).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nothing_but_an_empty_line_means_done() {
        // As HAProxy 2.6 says it.
        assert_eq!(wire::order(b"\n").expect("an answer"), None);
        let said = |text: &str| wire::order(text.as_bytes()).expect("an answer").expect("a refusal");
        assert_eq!(said("No such server.\n\n"), "No such server.");
        assert_eq!(said("No such backend.\n\n"), "No such backend.");
        assert_eq!(said("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n").split(' ').next(), Some("'set"));
        assert!(wire::order(b"").is_err(), "a connection that only closes is no answer");
        assert!(wire::order(b"\xff\xfe").is_err());
    }
}
