//! One run: what is asked, by whom, and what goes wrong when.

use std::fmt;
use std::time::Duration;

use super::{Arena, Manner, Phase, QUERIES, Query, Random};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: then the answer is right.
    Nothing,
    /// A process ends at once.
    Kill(usize),
    /// A process stops where it is.
    Freeze(usize),
    /// Connections between two nodes are reset, new ones too.
    Cut(usize, usize),
    /// Nothing passes from the first node to the second; connections stand.
    Silence(usize, usize),
    /// Nothing passes between two nodes; connections stand.
    Part(usize, usize),
    /// Nothing passes between a node and all others; connections stand.
    Isolate(usize),
    /// All that passes between two nodes is this late, each way.
    Slow(usize, usize, Duration),
    /// Bits change in what passes between two nodes.
    Garble(usize, usize),
    /// What two hosts send each other vanishes, dials too. Needs hosts.
    Vanish(usize, usize),
    /// A host's cable is pulled: clients lose it too. Needs hosts.
    Unplug(usize),
    /// A node is told to end.
    Drain(usize),
    /// There is no room on a node's disk.
    FullDisk(usize),
    /// Bytes change in what a node has spilled.
    Corrupt(usize),
    /// A process is killed by the system for its memory. Needs groups.
    Starve(usize),
}

/// What can be broken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Disks that can be full.
    pub disks: bool,
    /// Hosts of their own for the nodes.
    pub hosts: bool,
    /// Groups of processes that the system gives little memory.
    pub groups: bool,
}

impl Means {
    /// What this system lets; `told` hears, for each that it does not, what is not tested and why.
    pub fn here(told: impl Fn(String)) -> Self {
        let can = |what: &str, tried: crate::Result<()>| {
            tried.map_err(|error| told(format!("{what}: {error}"))).is_ok()
        };
        Self {
            disks: can("NO FULL DISKS: nothing can be mounted", Arena::disks().map(drop)),
            hosts: can("NO PACKETS THAT VANISH: no hosts can be made", Arena::hosts().map(drop)),
            groups: can("NO NODES KILLED FOR THEIR MEMORY: no groups can be made", Arena::groups()),
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What it was made from; 0 where it was written by hand.
    pub seed: u64,
    /// What is asked.
    pub query: &'static Query,
    /// By which client.
    pub manner: Manner,
    /// Which node takes it.
    pub coordinator: usize,
    /// `squadron.delivery = 'staged'`.
    pub staged: bool,
    /// `squadron.endpoints = 'one'`.
    pub one_endpoint: bool,
    /// `squadron.execution_mode = 'local'`.
    pub local: bool,
    /// What goes wrong.
    pub fault: Fault,
    /// When.
    pub phase: Phase,
    /// How long after the phase has come.
    pub after: Duration,
    /// How long it stays wrong; `None`: until the client has ended.
    pub lasts: Option<Duration>,
    /// How long a client that stalls does so.
    pub pause: Duration,
}

impl Recipe {
    /// The usual query by the usual client, asked of the first node, with nothing going wrong.
    pub fn new(query: &str) -> Self {
        Self {
            seed: 0,
            query: Query::named(query),
            manner: Manner::AllAtOnce,
            coordinator: 0,
            staged: false,
            one_endpoint: false,
            local: false,
            fault: Fault::Nothing,
            phase: Phase::Planning,
            after: Duration::ZERO,
            lasts: None,
            pause: Duration::from_secs(1),
        }
    }

    /// With this going wrong, then.
    pub fn fault(mut self, fault: Fault, phase: Phase) -> Self {
        (self.fault, self.phase) = (fault, phase);
        self
    }

    /// By this client.
    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// What a seed gives, for a cluster of so many nodes, where so much can be broken.
    pub fn from_seed(seed: u64, nodes: usize, means: Means) -> Self {
        let mut random = Random::new(seed);
        let fault = fault(&mut random, nodes, means);
        let manner = match random.percent(40) {
            true => Manner::AllAtOnce,
            false => random.one_of(&Manner::ALL),
        };
        let phase = match (fault, manner) {
            // Only what is complete is left alone on a disk.
            (Fault::Corrupt(_), _) => Phase::Reading,
            (_, Manner::GoesWhilePlanning) => Phase::Planning,
            _ => random.one_of(&Phase::ALL),
        };
        let query = query(&mut random, fault, phase);
        let lasts = random.percent(40).then(|| milliseconds(random.between(50, 6000)));
        Self {
            seed,
            query,
            manner,
            coordinator: random.below(nodes),
            staged: random.percent(30),
            one_endpoint: random.percent(15),
            local: random.percent(10),
            fault,
            phase,
            after: milliseconds(random.one_of(&[0, 0, 1, 5, 20, 100])),
            lasts,
            pause: milliseconds(random.between(100, 2000)),
        }
    }

    /// With the rows held back until the commit.
    pub fn staged(mut self) -> Self {
        self.staged = true;
        self
    }

    /// Asked of this node.
    pub fn coordinator(mut self, node: usize) -> Self {
        self.coordinator = node;
        self
    }

    /// Whether it can be run on hosts of their own only.
    pub(super) fn needs_hosts(&self) -> bool {
        matches!(self.fault, Fault::Vanish(..) | Fault::Unplug(_))
    }

    /// Whether a fault is to meet more than the question, which it always does.
    pub(super) fn has_a_phase(&self) -> bool {
        self.fault != Fault::Nothing && self.phase != Phase::Planning
    }

    /// The headers that say so.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            header("squadron-execution-mode", if self.local { "local" } else { "distributed" }),
            header("squadron-endpoints", if self.one_endpoint { "one" } else { "all" }),
            header("squadron-delivery", if self.staged { "staged" } else { "streaming" }),
        ]
    }
}

/// Small results are over before anything can happen to them, and quick ones before anything has.
fn query(random: &mut Random, fault: Fault, phase: Phase) -> &'static Query {
    let named = |name: &str| -> Vec<&'static Query> { vec![Query::named(name)] };
    let large = || QUERIES.iter().filter(|query| query.large).collect();
    let met: Vec<_> = match (fault, phase) {
        (Fault::FullDisk(_), _) | (_, Phase::Delivering | Phase::Reading) => large(),
        (_, Phase::FirstStage) => named("pairs"),
        (_, Phase::Planning | Phase::Committing) => Vec::new(),
    };
    match !met.is_empty() && random.percent(70) {
        true => random.one_of(&met),
        false => &QUERIES[random.below(QUERIES.len())],
    }
}

fn fault(random: &mut Random, nodes: usize, means: Means) -> Fault {
    let one = random.below(nodes);
    let other = (one + 1 + random.below(nodes - 1)) % nodes;
    let rare = [
        (means.disks, Fault::FullDisk(one)),
        (means.disks, Fault::FullDisk(one)),
        (means.hosts, Fault::Vanish(one, other)),
        (means.hosts, Fault::Unplug(one)),
        (means.groups, Fault::Starve(one)),
    ];
    let rare: Vec<_> = rare.iter().filter(|(can, _)| *can).map(|(_, fault)| *fault).collect();
    match random.below(22 + rare.len()) {
        0..=1 => Fault::Nothing,
        2..=4 => Fault::Kill(one),
        5..=6 => Fault::Freeze(one),
        7..=9 => Fault::Cut(one, other),
        10 => Fault::Silence(one, other),
        11..=12 => Fault::Part(one, other),
        13 => Fault::Isolate(one),
        14..=15 => Fault::Slow(one, other, milliseconds(random.between(1, 200))),
        16..=17 => Fault::Corrupt(one),
        18..=19 => Fault::Drain(one),
        20..=21 => Fault::Garble(one, other),
        more => rare[more - 22],
    }
}

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seed != 0 {
            write!(f, "--seed {}: ", self.seed)?;
        }
        write!(f, "{} by {:?} at node {}", self.query.name, self.manner, self.coordinator)?;
        let options =
            [(self.staged, "staged"), (self.one_endpoint, "one endpoint"), (self.local, "local")];
        for (_, option) in options.iter().filter(|(chosen, _)| *chosen) {
            write!(f, ", {option}")?;
        }
        write!(f, "; {:?} {:?} after {:?}", self.fault, self.after, self.phase)?;
        match self.lasts {
            Some(lasts) => write!(f, ", for {lasts:?}")?,
            None => write!(f, ", to the end")?,
        }
        write!(f, "; pause {:?}", self.pause)
    }
}
