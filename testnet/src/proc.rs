//! What processes and threads use, from `/proc`.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The kernel reports CPU time in ticks of 10 ms (USER_HZ, fixed on Linux).
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process has used, all threads; zero when it is gone.
pub fn process_cpu(pid: u32) -> Duration {
    cpu_of(&Path::new("/proc").join(pid.to_string()).join("stat"))
}

/// CPU time of this process's threads whose names begin with `prefix`.
pub fn thread_cpu(prefix: &str) -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    tasks
        .flatten()
        .filter(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with(prefix))
        })
        .map(|task| cpu_of(&task.path().join("stat")))
        .sum()
}

/// Resident memory of a process in bytes; zero when it is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    kib * 1024
}

/// Fields 14 and 15 of a `stat` file; the name before them may hold spaces and parentheses.
fn cpu_of(stat: &Path) -> Duration {
    let text = fs::read_to_string(stat).unwrap_or_default();
    let Some((_, fields)) = text.rsplit_once(')') else { return Duration::ZERO };
    let ticks: u32 =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    TICK * ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_memory_and_cpu_of_this_process() {
        let begun = process_cpu(std::process::id());
        let mut sum = 0u64;
        while process_cpu(std::process::id()) == begun {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(resident_bytes(std::process::id()) > 100_000);
    }

    #[test]
    fn a_process_that_is_gone_uses_nothing() {
        assert_eq!(process_cpu(u32::MAX), Duration::ZERO);
        assert_eq!(resident_bytes(u32::MAX), 0);
    }
}
