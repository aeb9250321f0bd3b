//! The event heap: one seed's history from its first event to its last.

mod losses;

use crate::byzantine::Villain;
use crate::disk::Disk;
use crate::invariants::{Ending, Invariants, Standing, Violation};
use crate::network::{Network, Storm};
use crate::node::Node;
use crate::node::Start;
use crate::node::shell::Clock;
use crate::report::{Counts, Report};
use crate::scenario::{FaultKind, Scenario, Stream, stream};
use crate::setup::{MS, Setup};
use crate::trace::Trace;
use crate::wire::{Message, Timer};
use losses::Loss;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often it is looked whether the run is over, once all faults are.
const CHECK: u64 = 50 * MS;

/// What can happen.
enum Event {
    Deliver {
        from: usize,
        to: usize,
        message: Message,
    },
    Wake {
        place: usize,
        boot: u32,
        timer: Timer,
    },
    Submit(usize),
    /// The backup is taken that a fault restores.
    Backup(usize),
    FaultBegins(usize),
    FaultEnds(usize),
    Restart(usize),
    Check,
}

/// A validator's machine.
enum Machine {
    Up(Box<Node>),
    /// Its process is gone; the disk is not.
    Down(Box<Disk>, Clock),
}

pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    setup: Arc<Setup>,
    now: u64,
    heap: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    machines: Vec<Machine>,
    boots: Vec<u32>,
    /// Until when each validator stands still.
    frozen_until: Vec<u64>,
    /// For each validator, how long it stays down after dying at a sync.
    down_for: Vec<u64>,
    /// What a fault restores, by its place in the schedule.
    backups: BTreeMap<usize, Disk>,
    /// Disks that are lost, by their validators, until these come back.
    losses: BTreeMap<usize, Loss>,
    network: Network,
    disks: ChaCha8Rng,
    invariants: Invariants,
    trace: Trace,
    counts: Counts,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario, prints: bool) -> Self {
        let setup = Arc::new(scenario.setup());
        let count = setup.count();
        let seed = scenario.seed;
        let clock = |place: usize| Clock::ahead_by(scenario.skews[place]);
        Self {
            now: 0,
            heap: BTreeMap::new(),
            scheduled: 0,
            machines: (0..count).map(|place| Machine::Down(Box::default(), clock(place))).collect(),
            boots: vec![0; count],
            frozen_until: vec![0; count],
            down_for: vec![0; count],
            backups: BTreeMap::new(),
            losses: BTreeMap::new(),
            network: Network::new(scenario.links, scenario.healed_at, stream(seed, Stream::Network)),
            disks: stream(seed, Stream::Disks),
            invariants: Invariants::new(scenario, setup.clone()),
            trace: Trace::new(prints),
            counts: Counts::default(),
            scenario,
            setup,
        }
    }

    /// Runs until everything is settled after the last fault, or something is violated.
    pub(crate) fn run(mut self) -> Report {
        let violation = self.play().err();
        let fates = self.network.fates;
        self.counts.add("message lost", fates.lost + fates.cut_off);
        self.counts.add("message sent again", fates.resent);
        self.counts.add("message duplicated", fates.duplicated);
        self.counts.add("validator set handed over", self.invariants.hand_overs());
        for (_, vices) in &self.scenario.villains {
            self.counts.add("villain", 1);
            self.counts.add("villain: equivocating lane", u64::from(vices.equivocates_from.is_some()));
        }
        Report {
            seed: self.scenario.seed,
            events: self.trace.events(),
            hash: self.trace.hash(),
            virtual_time: self.now,
            blocks: self.invariants.blocks(),
            ordered: self.invariants.ordered(),
            counts: self.counts,
            violation,
        }
    }

    fn play(&mut self) -> Result<(), Violation> {
        for place in 0..self.setup.count() {
            self.restart(place)?;
        }
        for (at, submission) in self.scenario.load.iter().enumerate() {
            self.schedule(submission.at, Event::Submit(at));
        }
        for (at, fault) in self.scenario.faults.iter().enumerate() {
            if let FaultKind::LoseDisk { backup: Some(age), .. } = fault.kind {
                self.schedule(fault.at - age, Event::Backup(at));
            }
            self.schedule(fault.at, Event::FaultBegins(at));
        }
        self.schedule(self.scenario.healed_at, Event::Check);
        while let Some(((at, _), event)) = self.heap.pop_first() {
            self.now = at;
            if matches!(event, Event::Check) {
                match self.ending()? {
                    Ending::NotYet => self.schedule(at + CHECK, Event::Check),
                    Ending::Kept => return self.invariants.at_the_end(self.now),
                    Ending::TooManyWatch => {
                        self.counts.add("stood still: too many watch", 1);
                        return Ok(());
                    }
                }
                continue;
            }
            self.happen(event)?;
        }
        Ok(())
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.heap.insert((at, self.scheduled), event);
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Deliver { from, to, message } => {
                if let Some(until) = self.frozen(to) {
                    self.schedule(until, Event::Deliver { from, to, message });
                    return Ok(());
                }
                self.trace.event(self.now, to, message.name(), message.digest());
                self.step(to, |node| node.on_message(from, message))
            }
            Event::Wake { place, boot, timer } => {
                if let Some(until) = self.frozen(place) {
                    self.schedule(until, Event::Wake { place, boot, timer });
                    return Ok(());
                }
                if self.boots[place] != boot {
                    return Ok(());
                }
                self.trace.event(self.now, place, timer.name(), [0; 8]);
                self.step(place, |node| node.on_timer(timer))
            }
            Event::Submit(at) => {
                let submission = &self.scenario.load[at];
                self.trace.event(self.now, submission.to, "submit", (at as u64).to_be_bytes());
                self.step(submission.to, |node| node.on_submission(&submission.transaction))
            }
            Event::Backup(at) => {
                self.back_up(at);
                Ok(())
            }
            Event::FaultBegins(at) => self.fault_begins(at),
            Event::FaultEnds(at) => {
                self.trace.event(self.now, at, "fault-ends", [0; 8]);
                self.network.calm(at);
                Ok(())
            }
            Event::Restart(place) => self.restart(place),
            Event::Check => Ok(()),
        }
    }

    fn frozen(&self, place: usize) -> Option<u64> {
        let until = self.frozen_until[place];
        (until > self.now).then_some(until)
    }

    /// Lets a validator do something, and carries what follows into the world.
    fn step(&mut self, place: usize, act: impl FnOnce(&mut Node)) -> Result<(), Violation> {
        let Machine::Up(node) = &mut self.machines[place] else { return Ok(()) };
        node.shell.now = self.now;
        act(node);
        self.collect(place)
    }

    fn collect(&mut self, place: usize) -> Result<(), Violation> {
        let Machine::Up(node) = &mut self.machines[place] else { return Ok(()) };
        let sent = node.take_sent();
        let timers = node.shell.take_timers();
        let observed = node.shell.take_observed();
        let fault = node.shell.take_fault();
        let (boot, dead) = (node.boot, node.shell.is_dead());
        if let Some(what) = fault {
            return Err(Violation::new("no validator fails by itself", self.now, what));
        }
        for fact in observed {
            if let Some((kind, detail)) = fact.traced() {
                self.trace.event(self.now, place, kind, detail);
            }
            self.invariants.observe(self.now, place, fact)?;
        }
        for (to, message) in sent {
            self.invariants.sent(self.now, place, &message)?;
            match to {
                Some(to) => self.send(place, to, message),
                None => {
                    for to in (0..self.setup.count()).filter(|to| *to != place) {
                        self.send(place, to, message.clone());
                    }
                }
            }
        }
        for (after, timer) in timers {
            self.schedule(self.now + after, Event::Wake { place, boot, timer });
        }
        if dead {
            self.counts.add("death at a sync", 1);
            self.die(place, self.down_for[place]);
        }
        Ok(())
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        for after in self.network.carry(self.now, from, to) {
            self.schedule(self.now + after, Event::Deliver { from, to, message: message.clone() });
        }
    }

    fn fault_begins(&mut self, at: usize) -> Result<(), Violation> {
        let fault = &self.scenario.faults[at];
        self.trace.event(self.now, at, fault.name(), [0; 8]);
        self.counts.add(fault.name(), 1);
        match &fault.kind {
            FaultKind::Kill { validator } => {
                if !self.scenario.is_villain(*validator) {
                    self.die(*validator, fault.lasts);
                }
            }
            FaultKind::LoseDisk { validator, log, .. } => {
                self.lose_disk(at, *validator, *log, fault.lasts);
            }
            FaultKind::KillAtSync { validator, point, moment } => {
                self.down_for[*validator] = fault.lasts;
                if !self.scenario.is_villain(*validator)
                    && let Machine::Up(node) = &mut self.machines[*validator]
                {
                    node.shell.disk.arm(*point, *moment);
                }
            }
            FaultKind::Freeze { validator } => {
                self.frozen_until[*validator] = self.frozen_until[*validator].max(fault.ends_at());
            }
            FaultKind::Partition { side } => self.network.part(at, side.clone()),
            FaultKind::Storm { loss, duplicates, delay } => {
                let storm = Storm { loss: *loss, duplicates: *duplicates, delay: *delay };
                self.network.storm(at, storm);
            }
            FaultKind::ClockJump { validator, by } => match &mut self.machines[*validator] {
                Machine::Up(node) => node.shell.clock.skew += by,
                Machine::Down(_, clock) => clock.skew += by,
            },
        }
        self.schedule(fault.ends_at(), Event::FaultEnds(at));
        Ok(())
    }

    /// A validator's process ends, and comes back later.
    fn die(&mut self, place: usize, down_for: u64) {
        if let Machine::Up(node) = &mut self.machines[place] {
            let mut disk = std::mem::take(&mut node.shell.disk);
            let lost = disk.crash(&mut self.disks);
            self.counts.add("write lost or torn", lost as u64);
            let clock = node.shell.clock;
            self.machines[place] = Machine::Down(Box::new(disk), clock);
            self.boots[place] += 1;
            self.invariants.died(place);
            self.trace.event(self.now, place, "dies", (lost as u64).to_be_bytes());
            self.schedule(self.now + down_for, Event::Restart(place));
        }
    }

    fn disk(&self, place: usize) -> &Disk {
        match &self.machines[place] {
            Machine::Up(node) => &node.shell.disk,
            Machine::Down(disk, _) => disk,
        }
    }

    fn restart(&mut self, place: usize) -> Result<(), Violation> {
        self.replace_disk(place);
        let Machine::Down(disk, clock) = &mut self.machines[place] else { return Ok(()) };
        let vices = self.scenario.villains.iter().find(|(villain, _)| *villain == place);
        let villain = vices.map(|(_, vices)| {
            Box::new(Villain::new(vices.clone(), stream(self.scenario.seed, Stream::Villain(place))))
        });
        let start = Start {
            me: place,
            boot: self.boots[place],
            disk: std::mem::take(&mut **disk),
            clock: *clock,
            now: self.now,
            villain,
        };
        self.trace.event(self.now, place, "starts", [0; 8]);
        let node = Node::start(self.setup.clone(), start)
            .map_err(|what| Violation::new("a validator starts from its disk", self.now, what))?;
        self.machines[place] = Machine::Up(Box::new(node));
        self.collect(place)
    }

    /// Whether all faults are over and everything that was promised is kept.
    fn ending(&mut self) -> Result<Ending, Violation> {
        let last = self.scenario.load.last().map_or(0, |submission| submission.at);
        if self.now <= last {
            return Ok(Ending::NotYet);
        }
        let honest = (0..self.setup.count()).filter(|place| !self.scenario.is_villain(*place));
        let standing: Vec<Standing> = honest.map(|place| self.standing(place)).collect();
        self.invariants.is_live(self.now, &standing)
    }

    fn standing(&self, place: usize) -> Standing {
        let power = self.invariants.council().power(place);
        match &self.machines[place] {
            Machine::Up(node) => Standing {
                power,
                height: node.height().get(),
                is_settled: node.is_settled(),
                watches: node.watches(),
            },
            Machine::Down(..) => Standing { power, height: 0, is_settled: false, watches: false },
        }
    }
}
