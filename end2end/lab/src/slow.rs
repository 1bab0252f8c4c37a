//! Slow and lossy links, made in user space: what travels between two places takes a way through a device whose other end is a
//! process of the lab, which keeps each packet for a while and forgets some.
//!
//! netem would do the same inside the kernel, but many kernels come without it, and one way that is tested everywhere is worth
//! more than two of which one is not.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::command::run;
use crate::error::{Doing, LabError, Result};
use crate::lab::Lab;
use crate::layout::Layout;
use crate::places::Place;
use crate::process::{self, Launch};

/// More than any window of the lab's connections; what comes on top is dropped, as a router would.
const QUEUE_MAX_PACKETS: usize = 20_000;

/// A link that is slower or worse than the wire.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// One end.
    pub x: Place,
    /// The other end.
    pub y: Place,
    /// How long each packet is kept, in each direction, in milliseconds.
    pub delay_ms: u64,
    /// How many packets of a hundred are lost.
    pub loss_percent: f64,
}

impl Slow {
    fn name(&self) -> String {
        format!("slow-{}-{}", self.x, self.y)
    }

    /// A number of its own for each pair of places; names the device and the routing table.
    fn number(&self) -> usize {
        let index = |place| Place::ALL.iter().position(|one| *one == place).unwrap_or(0);
        100 + index(self.x) * Place::ALL.len() + index(self.y)
    }
}

impl Lab {
    /// Keeps every packet between two places for `delay_ms` in each direction, and loses `loss_percent` of them. Zero and zero ends it.
    pub async fn slow(&self, x: Place, y: Place, delay_ms: u64, loss_percent: f64) -> Result<()> {
        if !self.layout.has_networks() {
            return Err(LabError::Refused("a link can be made slow only when the lab has networks of its own: run it as root".to_owned()));
        }
        if !Path::new("/dev/net/tun").exists() {
            return Err(LabError::Refused("a link cannot be made slow on this machine: its kernel has no /dev/net/tun".to_owned()));
        }
        if x == y || !(0.0..=100.0).contains(&loss_percent) {
            return Err(LabError::Refused("slow needs two different places, and a loss of 0 to 100 percent".to_owned()));
        }
        let (x, y) = if x < y { (x, y) } else { (y, x) };
        let link = Slow { x, y, delay_ms, loss_percent };
        self.end_slow(&link);
        let mut all = slow_links(&self.layout);
        all.retain(|one| (one.x, one.y) != (x, y));
        if delay_ms > 0 || loss_percent > 0.0 {
            self.begin_slow(&link).await?;
            all.push(link);
        }
        let text = serde_json::to_string(&all).doing(|| "slow.json".to_owned())?;
        crate::lab::write(&self.layout.dir().join("slow.json"), &text)
    }

    async fn begin_slow(&self, link: &Slow) -> Result<()> {
        let layout = &self.layout;
        let (wan, number) = (layout.wan(), link.number().to_string());
        let device = format!("slow{number}");
        let launch = Launch {
            name: link.name(),
            namespace: Some(wan.clone()),
            user: None,
            program: layout.program().display().to_string(),
            args: [
                "slow-link",
                "--device",
                &device,
                "--delay-ms",
                &link.delay_ms.to_string(),
                "--loss-percent",
                &link.loss_percent.to_string(),
            ]
            .map(String::from)
            .to_vec(),
            env: Vec::new(),
        };
        process::start(layout, &launch)?;
        self.wait(&format!("the device of the slow link ({})", layout.log(link.name()).display()), Duration::from_secs(5), async || {
            run("ip", &["-n", &wan, "link", "set", &device, "up"]).map(drop).map_err(|error| error.to_string())
        })
        .await?;
        run("ip", &["-n", &wan, "route", "replace", "default", "dev", &device, "table", &number])?;
        for (from, to) in [(link.x, link.y), (link.y, link.x)] {
            let (came_in, network) = (format!("to-{from}"), layout.network(to));
            // What comes back from the device came in through it, so that it is not sent there again.
            run("ip", &["-n", &wan, "rule", "add", "pref", &number, "iif", &came_in, "to", &network, "lookup", &number])?;
        }
        Ok(())
    }

    fn end_slow(&self, link: &Slow) {
        let (wan, number) = (self.layout.wan(), link.number().to_string());
        // Rules first: without its process the device would swallow everything.
        while run("ip", &["-n", &wan, "rule", "del", "pref", &number]).is_ok() {}
        if let Some(process) = process::recorded(&self.layout, &link.name()) {
            process::kill_all(&[process]);
        }
        process::forget(&self.layout, &link.name());
    }
}

/// The links that are slow now.
pub(crate) fn slow_links(layout: &Layout) -> Vec<Slow> {
    let text = std::fs::read_to_string(layout.dir().join("slow.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Packets on their way, each with the moment at which it may go on.
#[derive(Default)]
struct Way {
    packets: Mutex<VecDeque<(Instant, Vec<u8>)>>,
    came: Condvar,
}

impl Way {
    fn enter(&self, due: Instant, packet: Vec<u8>) {
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        if packets.len() < QUEUE_MAX_PACKETS {
            packets.push_back((due, packet));
            self.came.notify_one();
        }
    }

    /// The next packet, once its time has come. All are kept equally long, so that the first in is the first out.
    fn leave(&self) -> Vec<u8> {
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            match packets.front() {
                None => packets = self.came.wait(packets).unwrap_or_else(PoisonError::into_inner),
                Some((due, _)) if *due > now => {
                    let rest = *due - now;
                    packets = self.came.wait_timeout(packets, rest).unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    if let Some((_, packet)) = packets.pop_front() {
                        return packet;
                    }
                }
            }
        }
    }
}

/// Decides which packets are lost. Seeded the same each time: a lossy link is to be as lossy in every run.
struct Chance(u64);

impl Chance {
    fn is_lost(&mut self, percent: f64) -> bool {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let drawn = u32::try_from(self.0 % 1_000_000).unwrap_or(0);
        f64::from(drawn) < percent * 10_000.0
    }
}

/// The other end of a slow link's device; runs for ever.
pub fn run_slow_link(device: &str, delay_ms: u64, loss_percent: f64) -> Result<()> {
    let mut inlet = open_device(device)?;
    let mut outlet = inlet.try_clone().doing(|| format!("sharing {device}"))?;
    let way = std::sync::Arc::new(Way::default());
    let exit = std::sync::Arc::clone(&way);
    std::thread::spawn(move || {
        loop {
            // The kernel refuses a packet while the device is down; then it is lost, as on any wire.
            let _ = outlet.write_all(&exit.leave());
        }
    });
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut buffer = vec![0_u8; 65_536];
    loop {
        match inlet.read(&mut buffer) {
            Ok(length) if !chance.is_lost(loss_percent) => {
                way.enter(Instant::now() + Duration::from_millis(delay_ms), buffer[..length].to_vec());
            }
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error).doing(|| format!("reading {device}")),
        }
    }
}

/// Makes a device whose packets this process reads and writes.
#[expect(unsafe_code, reason = "there is no other way to ask the kernel for such a device than this one ioctl")]
fn open_device(name: &str) -> Result<File> {
    mod request {
        nix::ioctl_write_ptr_bad!(set_interface, nix::libc::TUNSETIFF, nix::libc::ifreq);
    }
    let file = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").doing(|| "opening /dev/net/tun".to_owned())?;
    let mut ifr_name = [0; nix::libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().take(nix::libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = nix::libc::c_char::try_from(from).unwrap_or(0);
    }
    // Plain IP packets, without a header of the device's own.
    let ifru_flags = nix::libc::c_short::try_from(nix::libc::IFF_TUN | nix::libc::IFF_NO_PI).unwrap_or(0);
    let wanted = nix::libc::ifreq { ifr_name, ifr_ifru: nix::libc::__c_anonymous_ifr_ifru { ifru_flags } };
    // SAFETY: the file is open, and the request lives until the call returns; the kernel only reads name and flags from it.
    unsafe { request::set_interface(std::os::fd::AsRawFd::as_raw_fd(&file), &raw const wanted) }.doing(|| format!("making {name}"))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_packets_are_lost_as_were_asked_for() {
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        let lost = (0..100_000).filter(|_| chance.is_lost(5.0)).count();
        assert!((4_500..5_500).contains(&lost), "{lost} of 100000");
        assert_eq!((0..1000).filter(|_| chance.is_lost(0.0)).count(), 0);
        assert_eq!((0..1000).filter(|_| chance.is_lost(100.0)).count(), 1000);
    }

    #[test]
    fn packets_leave_in_order_and_not_before_their_time() {
        let way = Way::default();
        let began = Instant::now();
        for number in 0..3 {
            way.enter(began + Duration::from_millis(30), vec![number]);
        }
        assert_eq!([way.leave(), way.leave(), way.leave()], [[0], [1], [2]]);
        assert!(began.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn each_pair_of_places_has_a_device_of_its_own() {
        let mut numbers: Vec<usize> = Vec::new();
        for (index, x) in Place::ALL.into_iter().enumerate() {
            for y in Place::ALL.into_iter().skip(index + 1) {
                numbers.push(Slow { x, y, delay_ms: 1, loss_percent: 0.0 }.number());
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 6);
    }
}
