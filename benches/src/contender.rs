//! A row and those who contend in it.

use core::fmt;

/// One task, and the ways to do it.
pub struct Row {
    pub name: &'static str,
    /// What one operation is.
    pub what: &'static str,
    pub target: Target,
    /// How often an operation is repeated where its instructions are counted.
    pub counted: u64,
    pub contenders: fn() -> Vec<Contender>,
}

/// What `dlpack` must not exceed, as ratios to the floor.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub time: f64,
    pub instructions: Instructions,
    /// Allocations of one operation.
    pub mallocs: u64,
}

/// What instruction counts, which repeat exactly, have to say about a row.
#[derive(Clone, Copy, Debug)]
pub enum Instructions {
    /// They have a target of their own.
    Target(f64),
    /// They decide by the target for the time if noise leaves that open.
    Settle,
    /// Nothing: memory is what takes the time.
    Silent,
}

/// What a contender is in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the others are measured against; the first of its row.
    Floor,
    /// This project, as it is measured against the target.
    Ours,
    /// Another way of this project.
    Also,
    Peer,
    /// Written by hand, to explain a number.
    Reference,
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Also => "also",
            Self::Peer => "peer",
            Self::Reference => "reference",
        }
    }
}

/// Named numbers that all contenders of a row must agree on.
pub type Outcome = Vec<(&'static str, i64)>;

/// One way to do a row's task.
pub struct Contender {
    pub name: &'static str,
    pub role: Role,
    /// What it does less or more than the floor; empty if nothing.
    pub remark: &'static str,
    case: Box<dyn Case>,
}

trait Case {
    fn repeat(&mut self, times: u64);
    fn outcome(&mut self) -> Outcome;
}

struct Pair<F, G> {
    once: F,
    outcome: G,
}

impl<F: FnMut(), G: FnMut() -> Outcome> Case for Pair<F, G> {
    #[inline(never)]
    fn repeat(&mut self, times: u64) {
        for _ in 0..times {
            (self.once)();
        }
    }

    fn outcome(&mut self) -> Outcome {
        (self.outcome)()
    }
}

/// One operation that also looks at its result if it is asked to.
struct Looking<F>(F);

impl<F: FnMut(Option<&mut Outcome>)> Looking<F> {
    /// The one place that calls the operation, so that the compiler puts it into the loop whatever its size.
    #[inline(never)]
    fn run(&mut self, times: u64, mut look: Option<&mut Outcome>) {
        for _ in 0..times {
            (self.0)(look.as_deref_mut());
        }
    }
}

impl<F: FnMut(Option<&mut Outcome>)> Case for Looking<F> {
    fn repeat(&mut self, times: u64) {
        self.run(times, None);
    }

    fn outcome(&mut self) -> Outcome {
        let mut outcome = Outcome::new();
        self.run(1, Some(&mut outcome));
        outcome
    }
}

impl Contender {
    /// `once` is what is measured, and looks at its result if it is given an outcome.
    pub fn looking(
        role: Role,
        name: &'static str,
        once: impl FnMut(Option<&mut Outcome>) + 'static,
    ) -> Self {
        Self { name, role, remark: "", case: Box::new(Looking(once)) }
    }

    /// `once` is what is measured, `outcome` does the same and looks at the result.
    pub fn new(
        role: Role,
        name: &'static str,
        once: impl FnMut() + 'static,
        outcome: impl FnMut() -> Outcome + 'static,
    ) -> Self {
        Self { name, role, remark: "", case: Box::new(Pair { once, outcome }) }
    }

    pub fn remark(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }

    pub fn repeat(&mut self, times: u64) {
        self.case.repeat(times);
    }

    pub fn outcome(&mut self) -> Outcome {
        self.case.outcome()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}
