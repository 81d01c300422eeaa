//! Rounds in which the contenders of a row take turns.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::contender::Contender;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long a turn of a contender takes at least.
    pub turn: Duration,
    pub rounds: usize,
    /// A row takes no longer than about this, and fewer rounds if it would.
    pub limit: Duration,
}

impl Plan {
    pub const FULL: Self =
        Self { turn: Duration::from_micros(100), rounds: 501, limit: Duration::from_secs(6) };

    pub const QUICK: Self =
        Self { turn: Duration::from_micros(50), rounds: 101, limit: Duration::from_secs(1) };
}

/// What was measured of one contender.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The median, for one operation.
    pub nanoseconds: f64,
    /// The median of the ratios to the floor of the same round, and the quartiles around it.
    pub ratio: f64,
    pub quartiles: (f64, f64),
}

/// Fewer rounds say nothing.
const FEWEST_ROUNDS: usize = 7;

/// Measures all contenders of a row, of which the first is the floor.
pub fn measure(contenders: &mut [Contender], plan: Plan) -> Vec<Timing> {
    let times: Vec<u64> = contenders.iter_mut().map(|c| calibrate(c, plan.turn)).collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut random = Random::new();
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    let start = Instant::now();
    while rounds.len() < plan.rounds
        && (rounds.len() < FEWEST_ROUNDS || start.elapsed() < plan.limit)
    {
        random.shuffle(&mut order);
        let mut round = vec![0.0; contenders.len()];
        for &turn in &order {
            round[turn] = nanoseconds(&mut contenders[turn], times[turn]);
        }
        rounds.push(round);
    }
    (0..contenders.len()).map(|which| summarize(&rounds, which)).collect()
}

/// How often an operation must be repeated to take that long.
fn calibrate(contender: &mut Contender, turn: Duration) -> u64 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        contender.repeat(times);
        if start.elapsed() >= turn || times >= 1 << 32 {
            return times;
        }
        times *= 2;
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 repetitions")]
fn nanoseconds(contender: &mut Contender, times: u64) -> f64 {
    let start = Instant::now();
    contender.repeat(times);
    start.elapsed().as_secs_f64() * 1e9 / times as f64
}

fn summarize(rounds: &[Vec<f64>], which: usize) -> Timing {
    let mut absolute: Vec<f64> = rounds.iter().map(|round| round[which]).collect();
    let mut ratios: Vec<f64> = rounds.iter().map(|round| round[which] / round[0]).collect();
    absolute.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    let quarter = rounds.len() / 4;
    Timing {
        nanoseconds: absolute[rounds.len() / 2],
        ratio: ratios[rounds.len() / 2],
        quartiles: (ratios[quarter], ratios[rounds.len() - 1 - quarter]),
    }
}

/// Xorshift, seeded anew in each run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(RandomState::new().build_hasher().finish() | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for end in (1..order.len()).rev() {
            let place = usize::try_from(self.next() % (end as u64 + 1)).unwrap_or(0);
            order.swap(place, end);
        }
    }
}
