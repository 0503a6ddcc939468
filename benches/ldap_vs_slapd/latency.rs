//! How long answers took: counts by time, in classes that are three percent wide, since millions of
//! times are too many to keep.

use std::time::Duration;

/// Classes for each doubling.
const STEPS: u32 = 32;
const DOUBLINGS: u32 = 36;

pub struct Latencies {
    counts: Vec<u64>,
    pub count: u64,
}

impl Latencies {
    pub fn new() -> Self {
        Self { counts: vec![0; (STEPS * (DOUBLINGS + 1)) as usize], count: 0 }
    }

    pub fn add(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let class = class(nanos).min(self.counts.len() - 1);
        self.counts[class] += 1;
        self.count += 1;
    }

    /// The time that this part of all answers did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.count as f64 * part).ceil() as u64;
        let mut sum = 0;
        let class = self.counts.iter().position(|count| {
            sum += count;
            sum >= wanted
        });
        Duration::from_nanos(upper_bound(class.unwrap_or_default()))
    }
}

/// Below [`STEPS`] each number has a class of its own; above, the leading bits of a number are its
/// class.
fn class(nanos: u64) -> usize {
    let shift = nanos.max(1).ilog2().saturating_sub(STEPS.ilog2());
    (shift * STEPS) as usize + (nanos >> shift) as usize
}

fn upper_bound(class: usize) -> u64 {
    let (class, steps) = (class as u64, u64::from(STEPS));
    let shift = (class / steps).saturating_sub(1);
    ((class - shift * steps + 1) << shift) - 1
}
