//! The ground that a chaos run stands on: namespaces of its own for network and mounts, where the system allows them.
//!
//! The program starts itself again inside them, so that all links, addresses and mounts vanish with the process,
//! however it ends. Without root rights, or without the programs `unshare`, `ip` and `mount`, validators stay on
//! loopback, and are neither cut off nor given a small disk.

use crate::network::Hosts;
use eyre::{WrapErr, bail, ensure};
use rustix::fs::{major, minor};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells the inner program that it runs in namespaces of its own.
const INSIDE: &str = "FAIRLANE_CHAOS_INSIDE";
/// Where load, subscribers and this program live among the validators.
const OUTSIDE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);
const BRIDGE: &str = "fairlane0";

/// Where the kernel is told how many writes a second a block device takes (cgroup v1).
const THROTTLE: &str = "/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device";

/// What the system allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// Namespaces of our own.
    Own,
    /// The system's, as it is.
    Shared,
}

impl Ground {
    /// Finds out what is allowed. Does not return where that is namespaces: it continues as another program there.
    pub(super) fn enter() -> eyre::Result<Self> {
        if std::env::var_os(INSIDE).is_some() {
            return Ok(Self::Own);
        }
        let needed: [&[&str]; 3] =
            [&["unshare", "--mount", "--net", "true"], &["ip", "-V"], &["mount", "--version"]];
        if !needed.into_iter().all(succeeds) {
            return Ok(Self::Shared);
        }
        let program = std::env::current_exe().wrap_err("finding this program's own path")?;
        let failed = Command::new("unshare")
            .args(["--mount", "--net", "--propagation", "private", "--"])
            .arg(program)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .exec();
        Err(failed).wrap_err("starting again in namespaces")
    }

    /// Prepares a place for each validator.
    pub(super) fn prepare(self, validators: usize) -> eyre::Result<Hosts> {
        if self == Self::Shared {
            return Ok(Hosts::Loopback);
        }
        // Names of network namespaces are files there; these must not meet the system's.
        run("mount -t tmpfs none /run")?;
        run("ip link set lo up")?;
        run(&format!("ip link add {BRIDGE} type bridge"))?;
        run(&format!("ip address add {OUTSIDE_ADDRESS}/24 dev {BRIDGE}"))?;
        run(&format!("ip link set {BRIDGE} up"))?;
        for index in 0..validators {
            let (name, address) = (Hosts::namespace(index), Hosts::Namespaces.address(index));
            let cable = cable(index);
            run(&format!("ip netns add {name}"))?;
            run(&format!("ip link add {cable} type veth peer name eth0 netns {name}"))?;
            run(&format!("ip link set {cable} master {BRIDGE} up"))?;
            run(&format!("ip -n {name} address add {address}/24 dev eth0"))?;
            run(&format!("ip -n {name} link set eth0 up"))?;
            run(&format!("ip -n {name} link set lo up"))?;
        }
        Ok(Hosts::Namespaces)
    }
}

/// Pulls a validator's network cable: what it sends and what is sent to it vanishes, and nobody is told.
pub(super) fn cut(index: usize) -> eyre::Result<()> {
    run(&format!("ip link set {} down", cable(index)))
}

/// Plugs it in again.
pub(super) fn join(index: usize) -> eyre::Result<()> {
    run(&format!("ip link set {} up", cable(index)))
}

/// Puts a disk of its own, of so many bytes, in place of a directory.
pub(super) fn small_disk(directory: &Path, bytes: u64) -> eyre::Result<()> {
    std::fs::create_dir_all(directory).wrap_err_with(|| format!("creating {}", directory.display()))?;
    let Some(path) = directory.to_str() else { bail!("{} is no text", directory.display()) };
    ensure!(!path.contains(' '), "a small disk cannot be mounted at a path with spaces: {path}");
    run(&format!("mount -t tmpfs -o size={bytes} none {path}"))
}

/// Takes a disk away, at once or when the last file there is closed. It vanishes with the process in any case.
pub(super) fn unmount(directory: &Path) {
    if let Err(error) = run(&format!("umount --lazy {}", directory.display())) {
        eprintln!("warning: a temporary home stays: {error}");
    }
}

/// Whether a disk can be slowed down: the kernel must limit the writes of block devices, and a device be made of a file.
pub(super) fn can_slow() -> bool {
    Path::new(THROTTLE).exists() && succeeds(&["mkfs.ext4", "-V"])
}

/// A block device of its own, made of a file, that can be slowed down. It is as fast as ever again when this is dropped.
#[derive(Debug)]
pub(super) struct SlowableDisk {
    /// Its numbers, as the kernel writes them.
    device: String,
}

impl SlowableDisk {
    /// Puts a disk of so many bytes, kept in `image`, in place of a directory.
    pub(super) fn mount(directory: &Path, image: &Path, bytes: u64) -> eyre::Result<Self> {
        std::fs::create_dir_all(directory).wrap_err_with(|| format!("creating {}", directory.display()))?;
        let file = std::fs::File::create(image).wrap_err_with(|| format!("creating {}", image.display()))?;
        file.set_len(bytes)?;
        let (Some(path), Some(image)) = (directory.to_str(), image.to_str()) else {
            bail!("{} is no text", directory.display())
        };
        ensure!(!path.contains(' '), "a disk cannot be mounted at a path with spaces: {path}");
        run(&format!("mkfs.ext4 -q -F {image}"))?;
        run(&format!("mount -o loop {image} {path}"))?;
        let device = std::fs::metadata(directory)?.dev();
        let disk = Self { device: format!("{}:{}", major(device), minor(device)) };
        disk.limit(0)?;
        Ok(disk)
    }

    /// Lets it take so many writes a second; zero lifts the limit.
    pub(super) fn limit(&self, writes: u32) -> eyre::Result<()> {
        std::fs::write(THROTTLE, format!("{} {writes}", self.device))
            .wrap_err("limiting the writes of a disk")
    }
}

impl Drop for SlowableDisk {
    fn drop(&mut self) {
        // The limit outlives this process otherwise, and meets the next device of these numbers.
        let _ = self.limit(0);
    }
}

fn cable(index: usize) -> String {
    format!("fairlane-v{index}")
}

fn succeeds(words: &[&str]) -> bool {
    let (program, arguments) = (words[0], &words[1..]);
    let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn run(line: &str) -> eyre::Result<()> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).output().wrap_err_with(|| format!("starting `{line}`"))?;
    ensure!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
