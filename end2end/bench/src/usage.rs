//! What a process uses, from `/proc`.

use anyhow::{Context, anyhow};
use nix::unistd::{SysconfVar, sysconf};
use std::{fs, time::Instant};

/// A process's use at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// When.
    at: Instant,
    /// CPU time since its start, in seconds.
    cpu_s: f64,
    /// Memory that is in RAM, in MiB.
    pub memory_mib: f64,
}

impl Usage {
    /// Of the process with this id.
    pub fn of(id: u32) -> anyhow::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("the process has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status")).context("the process has ended")?;
        let ticks_per_s = sysconf(SysconfVar::CLK_TCK)?.context("the length of a tick is not known")?;
        let (ticks, kib) = (ticks(&stat)?, resident_kib(&status)?);
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        Ok(Usage { at: Instant::now(), cpu_s: ticks as f64 / ticks_per_s as f64, memory_mib: kib as f64 / 1024.0 })
    }

    /// Of this process.
    pub fn of_bench() -> anyhow::Result<Usage> {
        Usage::of(std::process::id())
    }

    /// Busy cores on average between `earlier` and this.
    pub fn cores_since(&self, earlier: &Usage) -> f64 {
        (self.cpu_s - earlier.cpu_s) / (self.at - earlier.at).as_secs_f64()
    }
}

/// User and system time in ticks: fields 14 and 15, counted after the name, which may hold anything.
fn ticks(stat: &str) -> anyhow::Result<u64> {
    let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest);
    let mut fields = after_name.into_iter().flat_map(|rest| rest.split(' ')).skip(11).map_while(|field| field.parse::<u64>().ok());
    match (fields.next(), fields.next()) {
        (Some(user), Some(system)) => Ok(user + system),
        _ => Err(anyhow!("/proc/…/stat is not as it should be: {stat}")),
    }
}

fn resident_kib(status: &str) -> anyhow::Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse().ok());
    number.context("/proc/…/status has no VmRSS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 700 55 0 0 20 0 4 0 1 2 3";
        assert_eq!(ticks(stat).expect("fields"), 755);
        assert!(ticks("42 (short) S 1 2").is_err());
    }

    #[test]
    fn this_process_is_seen_to_work() {
        let before = Usage::of_bench().expect("this process");
        let began = Instant::now();
        while began.elapsed().as_millis() < 200 {
            std::hint::black_box(began.elapsed());
        }
        let used = Usage::of_bench().expect("this process").cores_since(&before);
        assert!(used > 0.2, "{used}");
        assert!(before.memory_mib > 0.5);
    }
}
