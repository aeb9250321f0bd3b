//! Kills at each boundary of what is awaited: between two syncs of the journal a crash leaves any part of what was
//! written in between. What was promised before is there afterwards, what was not is there whole or not at all, and no
//! place of the own lane is filled twice.

use super::*;
use crate::testing::TestChain;
use fairlane_engine::BlockStore;
use fairlane_types::{Round, ValidatorId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::path::{Path, PathBuf};

/// What a disk writes at once.
const SECTOR: usize = 512;
const LOGS: [&str; 2] = ["journal-a", "journal-b"];

/// A step that somebody waits for.
enum Step {
    Own(Arc<Segment>),
    /// Another validator's segment, which the next sync makes durable, too.
    Peer(Arc<Segment>),
    Proposal(Height, StoredProposal),
    Decided(Arc<Proposal>, CommitCertificate),
}

impl Step {
    async fn take(&self, store: &Store) {
        match self {
            Self::Own(segment) => store.put_own_segment(segment.clone()).await,
            Self::Peer(segment) => store.put_segments_durable(vec![segment.clone()]).await,
            Self::Proposal(height, proposal) => store.put_proposal(*height, proposal.clone()).await,
            Self::Decided(proposal, certificate) => {
                store.put_decided(proposal.clone(), certificate.clone()).await
            }
        }
        .unwrap();
    }

    /// Whether a store has what the step promised. Part of it is a failure.
    async fn is_kept(&self, store: &Store) -> bool {
        match self {
            Self::Own(segment) | Self::Peer(segment) => {
                let kept = store.segment(&segment.reference()).unwrap();
                assert!(kept.is_none() || kept.as_ref() == Some(segment.bytes()));
                kept.is_some()
            }
            Self::Proposal(height, proposal) => {
                BlockStore::proposals(store, *height, proposal.round).await.unwrap().contains(proposal)
            }
            Self::Decided(proposal, certificate) => {
                let height = certificate.height;
                let kept = store.decisions(height..=height).unwrap();
                assert!(kept.is_empty() || kept[0] == (proposal.clone(), certificate.clone()));
                !kept.is_empty()
            }
        }
    }
}

/// The files of a store at one moment.
#[derive(Clone)]
struct Image {
    redb: Vec<u8>,
    logs: [Vec<u8>; 2],
}

impl Image {
    fn of(redb: &Path, journal: &Path) -> Self {
        let log = |which: &str| std::fs::read(journal.with_extension(which)).unwrap();
        Self { redb: std::fs::read(redb).unwrap(), logs: LOGS.map(log) }
    }

    /// What a crash on the way from here to a later moment leaves, where only these sectors of the journal were written.
    fn on_the_way(&self, later: &Self, written: impl Fn(usize) -> bool) -> Self {
        let mut torn = self.clone();
        for (log, later) in torn.logs.iter_mut().zip(&later.logs) {
            log.resize(later.len().max(log.len()), 0);
            for (at, (byte, new)) in log.iter_mut().zip(later).enumerate() {
                if written(at / SECTOR) {
                    *byte = *new;
                }
            }
        }
        torn
    }

    /// The sectors in which a later moment differs.
    fn changed(&self, later: &Self) -> Vec<usize> {
        let differs = |at: usize| (0..2).any(|log| self.logs[log].get(at) != later.logs[log].get(at));
        let length = later.logs.iter().map(Vec::len).max().unwrap_or(0);
        let mut sectors: Vec<usize> = (0..length).filter(|at| differs(*at)).map(|at| at / SECTOR).collect();
        sectors.dedup();
        sectors
    }
}

/// A chain's steps, and the files after each of them.
struct History {
    chain: TestChain,
    steps: Vec<Step>,
    /// One more than there are steps.
    images: Vec<Image>,
    /// Segments that contradict those of the own lane, and which step put the right one.
    forks: Vec<(usize, Arc<Segment>)>,
    folder: tempfile::TempDir,
}

impl History {
    async fn make(blocks: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let mut chain = TestChain::new();
        let store = Store::open(&path, chain.state.network(), &chain.genesis).unwrap();
        // redb as it was opened: the journal alone has what comes.
        let opened = folder.path().join("as-opened.redb");
        std::fs::copy(&path, &opened).unwrap();
        let mut others = TestChain::new();
        let (mut steps, mut forks) = (Vec::new(), Vec::new());
        let mut images = vec![Image::of(&opened, &path)];
        for round in 0..blocks as u32 {
            let payload = chain.transaction(1, 700 * round as usize);
            let other = chain.transaction(2, 10);
            forks.push((steps.len(), chain.fork(vec![other])));
            let own = chain.segment(vec![payload]);
            let foreign = others.transaction(2, 900);
            let block = chain.block(vec![own.clone()], false);
            let proposal = StoredProposal {
                round: Round::new(round),
                valid_round: None,
                proposer: ValidatorId::from_bytes([7; 32]),
                proposal: block.proposal.clone(),
            };
            let new = [
                Step::Own(own),
                Step::Peer(others.segment(vec![foreign])),
                Step::Proposal(block.height(), proposal),
                Step::Decided(block.proposal.clone(), block.certificate.clone()),
            ];
            for step in new {
                step.take(&store).await;
                images.push(Image::of(&opened, &path));
                steps.push(step);
            }
        }
        Self { chain, steps, images, forks, folder }
    }

    /// Opens what a crash left after so many steps and in the middle of the next one.
    async fn check(&self, image: &Image, done: usize, number: usize) {
        let path: PathBuf = self.folder.path().join(format!("crash-{number}.redb"));
        std::fs::write(&path, &image.redb).unwrap();
        for (which, log) in LOGS.iter().zip(&image.logs) {
            std::fs::write(path.with_extension(which), log).unwrap();
        }
        let store = Store::open(&path, self.chain.state.network(), &self.chain.genesis).unwrap();
        for (at, step) in self.steps.iter().enumerate() {
            let kept = step.is_kept(&store).await;
            assert!(kept || at >= done, "step {at} was promised before the crash in step {done}");
            assert!(!kept || at <= done, "step {at} comes after the crash in step {done}");
        }
        for (put, fork) in self.forks.iter().filter(|(put, _)| *put < done) {
            let refused = store.put_own_segment(fork.clone()).await;
            assert!(
                matches!(refused, Err(StoreError::WouldEquivocate { .. })),
                "step {put}, crash in {done}"
            );
        }
        store.close().await.unwrap();
        for file in LOGS.map(|which| path.with_extension(which)).iter().chain([&path]) {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_promised_survives_a_kill_at_every_sync() {
    let history = History::make(5).await;
    let mut random = StdRng::seed_from_u64(12);
    let mut number = 0;
    for done in 0..history.steps.len() {
        let (before, after) = (&history.images[done], &history.images[done + 1]);
        let sectors = before.changed(after);
        assert!(!sectors.is_empty(), "step {done} is in the journal when it was awaited");
        let mut cases = vec![before.clone()];
        // In order, and in any order.
        cases.extend(sectors.iter().map(|last| before.on_the_way(after, |sector| sector <= *last)));
        for _ in 0..3 {
            let lucky: Vec<usize> = sectors.iter().copied().filter(|_| random.gen_bool(0.5)).collect();
            cases.push(before.on_the_way(after, |sector| lucky.contains(&sector)));
        }
        for case in cases {
            history.check(&case, done, number).await;
            number += 1;
        }
    }
    assert!(number > 100, "{number} crashes are too few to say anything");
}
