//! Carries out one fault, and waits until the validator takes part again.

use super::field::Field;
use super::ground;
use super::plan::{Fault, Strike};
use eyre::{OptionExt as _, WrapErr, ensure};
use fairlane_sequencer::config::Home;
use fairlane_sequencer::keys;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a validator may take, after its fault is over, until it takes part again.
const RECOVERY_LIMIT: Duration = Duration::from_secs(90);
/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(100);
/// The most bytes that half a write leaves behind.
const TORN_BYTES: usize = 200;
/// At most this part of a damaged store, at its end, is overwritten. Much of the end is room for later.
const DAMAGED_PART: u64 = 2;
/// How many writes a second a slow disk takes. A sync takes one to three.
const SLOW_WRITES: std::ops::Range<u32> = 10..60;
const SLOW_SPAN: u64 = (SLOW_WRITES.end - SLOW_WRITES.start) as u64;
/// What fills a disk, in the validator's data.
const BALLAST: &str = "ballast";

/// What became of a strike.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) fault: Fault,
    /// From the end of the fault until the validator took part again.
    pub(super) recovery: Duration,
    /// When the validator stopped, if what it had written was lost with it; counted from the beginning.
    pub(super) lost_at: Option<Duration>,
}

/// A fault in progress.
struct Patient<'a> {
    field: &'a Field,
    strike: &'a Strike,
    home: Home,
    lost_at: Option<Duration>,
}

/// Carries out a strike from beginning to end.
pub(super) async fn carry_out(field: &Field, strike: &Strike) -> eyre::Result<Outcome> {
    let home = field.nodes[strike.victim].lock().await.home().clone();
    let hold = strike.hold.as_secs_f64();
    field.tell(format!("validator {}: {}, for {hold:.1} s", strike.victim, strike.fault));
    let mut patient = Patient { field, strike, home, lost_at: None };
    patient.hurt().await.wrap_err_with(|| format!("validator {}: {}", strike.victim, strike.fault))?;
    let recovery = patient.recover().await?;
    field.tell(format!(
        "validator {}: takes part again after {:.1} s",
        strike.victim,
        recovery.as_secs_f64()
    ));
    Ok(Outcome { fault: strike.fault, recovery, lost_at: patient.lost_at })
}

impl Patient<'_> {
    /// The fault itself, until it is over.
    async fn hurt(&mut self) -> eyre::Result<()> {
        let victim = self.strike.victim;
        match self.strike.fault {
            Fault::Kill => {
                self.kill().await;
                self.hold().await;
                self.start().await?;
            }
            Fault::Freeze => {
                self.field.nodes[victim].lock().await.freeze();
                self.hold().await;
                self.field.nodes[victim].lock().await.thaw();
            }
            Fault::CutOff => {
                ground::cut(victim)?;
                self.hold().await;
                ground::join(victim)?;
            }
            Fault::FullDisk => {
                let ballast = self.home.data().join(BALLAST);
                fill_disk(&ballast)?;
                self.hold().await;
                fs::remove_file(&ballast).wrap_err("removing what fills the disk")?;
            }
            Fault::SlowDisk => {
                let disk = self.field.slow_disk.as_ref().ok_or_eyre("no disk can be slowed down")?;
                disk.limit(SLOW_WRITES.start + (self.strike.salt % SLOW_SPAN) as u32)?;
                self.hold().await;
                disk.limit(0)?;
            }
            Fault::TornLog => {
                self.kill().await;
                self.tear_log()?;
                self.hold().await;
                self.start().await?;
            }
            Fault::DamagedStore => {
                self.kill().await;
                damage(&self.home.store(), self.strike.salt)?;
                self.hold().await;
                self.start().await?;
            }
            Fault::OldBackup => self.restore_backup().await?,
            Fault::LostDisk => {
                self.kill().await;
                self.lose_disk()?;
                self.hold().await;
                self.start().await?;
            }
        }
        Ok(())
    }

    /// Waits until the validator votes again. What may end it by rights is put right as an operator would.
    async fn recover(&mut self) -> eyre::Result<Duration> {
        let victim = self.strike.victim;
        let validator = keys::read_consensus(&self.home.consensus_key())?.validator();
        let (since, height) = (Instant::now(), self.field.best());
        let mut helped = false;
        while !self.field.takes_part(victim, validator, height).await {
            let ended = self.field.nodes[victim].lock().await.check_alive().err();
            if let Some(ended) = ended {
                let curable = matches!(self.strike.fault, Fault::FullDisk | Fault::DamagedStore);
                if helped || !curable {
                    return Err(
                        ended.wrap_err(format!("validator {victim} ended after: {}", self.strike.fault))
                    );
                }
                helped = true;
                self.help().await?;
            }
            ensure!(
                since.elapsed() < RECOVERY_LIMIT,
                "validator {victim} does not take part again {RECOVERY_LIMIT:?} after: {}; the highest block is {}, \
                 its log ends with:\n{}",
                self.strike.fault,
                self.field.best(),
                self.field.nodes[victim].lock().await.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
        Ok(since.elapsed())
    }

    /// A validator that stopped because its disk was full is started again; a damaged store is given up first.
    async fn help(&mut self) -> eyre::Result<()> {
        let victim = self.strike.victim;
        if self.strike.fault == Fault::DamagedStore {
            self.field
                .tell(format!("validator {victim}: does not start on its damaged store, which is given up"));
            self.lose_disk()?;
        } else {
            self.field.tell(format!("validator {victim}: had stopped, and is started again"));
        }
        self.start().await
    }

    async fn hold(&self) {
        tokio::time::sleep(self.strike.hold).await;
    }

    async fn start(&self) -> eyre::Result<()> {
        self.field.nodes[self.strike.victim].lock().await.start()
    }

    async fn kill(&self) {
        self.field.nodes[self.strike.victim].lock().await.kill().await;
    }

    fn lose_disk(&mut self) -> eyre::Result<()> {
        self.lost_at = Some(self.field.begun.elapsed());
        empty(&self.home.data()).wrap_err("emptying the disk")
    }

    /// Appends what the beginning of one more write could have left.
    fn tear_log(&self) -> eyre::Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.strike.salt);
        let mut torn = vec![0; rng.gen_range(1..TORN_BYTES)];
        rng.fill_bytes(&mut torn);
        let path = self.home.consensus_wal();
        let log = OpenOptions::new().append(true).open(&path);
        log.and_then(|mut log| log.write_all(&torn)).wrap_err_with(|| format!("tearing {}", path.display()))
    }

    /// Copies the data of a frozen process (what a snapshot of its disk would hold), lets it go on, and then puts the
    /// copy back: with the log of votes of that moment, or without any.
    async fn restore_backup(&mut self) -> eyre::Result<()> {
        let node = &self.field.nodes[self.strike.victim];
        let (data, backup) = (self.home.data(), self.home.path().join("backup"));
        {
            let node = node.lock().await;
            node.freeze();
            let copied = copy_files(&data, &backup);
            node.thaw();
            copied.wrap_err("copying the data")?;
        }
        let with_log = self.strike.salt.is_multiple_of(2);
        if let Some(log) = self.home.consensus_wal().file_name().filter(|_| !with_log) {
            fs::remove_file(backup.join(log)).wrap_err("leaving the log out of the backup")?;
        }
        self.hold().await;
        self.kill().await;
        self.lose_disk()?;
        copy_files(&backup, &data).wrap_err("putting the backup back")?;
        fs::remove_dir_all(&backup).wrap_err("removing the backup")?;
        self.start().await
    }
}

/// Copies the files of a directory, and nothing in directories below it.
fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Removes all that is in a directory, which may be a mount.
fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    Ok(())
}

fn fill_disk(ballast: &Path) -> eyre::Result<()> {
    let mut file = fs::File::create(ballast).wrap_err("creating what fills the disk")?;
    let block = vec![0u8; 1 << 20];
    loop {
        match file.write(&block) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error).wrap_err("filling the disk"),
        }
    }
}

/// Overwrites the end of a file with chance.
fn damage(path: &Path, salt: u64) -> eyre::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(salt);
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(rng.gen_range(1..=length / DAMAGED_PART + 1));
    let mut garbage = vec![0; (length - from) as usize];
    rng.fill_bytes(&mut garbage);
    file.seek(SeekFrom::Start(from))?;
    file.write_all(&garbage).wrap_err_with(|| format!("damaging {}", path.display()))
}
