//! One comparison, and how an operation is run and timed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;

/// Something that can be repeated and measured.
pub trait Operation {
    /// How long `count` repetitions take, what prepares and ends them left out.
    fn time(&mut self, count: u64) -> Duration;

    /// What one repetition allocates on this thread, its result included.
    fn allocations(&mut self) -> AllocationInfo;
}

/// One operation of this crate, and a yardstick.
pub struct Case {
    /// What is done.
    pub name: String,
    /// This crate's way.
    pub ours: Box<dyn Operation>,
    /// What it is measured by, and its name.
    pub yardstick: (&'static str, Box<dyn Operation>),
}

impl Case {
    /// A comparison.
    pub fn new(
        name: impl Into<String>,
        ours: impl Operation + 'static,
        yardstick_name: &'static str,
        yardstick: impl Operation + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            ours: Box::new(ours),
            yardstick: (yardstick_name, Box::new(yardstick)),
        }
    }
}

/// Prepares inputs, then times what is done with each, for a batch at a time.
/// Results are kept until the clock has stopped.
pub struct Batched<P, R> {
    prepare: P,
    run: R,
    batch: u64,
}

/// An operation on a value that is prepared for each repetition.
pub fn batched<I, O, P, R>(batch: u64, prepare: P, run: R) -> Batched<P, R>
where
    P: FnMut() -> I,
    R: FnMut(I) -> O,
{
    Batched { prepare, run, batch }
}

/// An operation that needs nothing prepared.
pub fn plain<O>(mut run: impl FnMut() -> O) -> impl Operation {
    batched(64, || (), move |()| run())
}

impl<I, O, P, R> Operation for Batched<P, R>
where
    P: FnMut() -> I,
    R: FnMut(I) -> O,
{
    fn time(&mut self, count: u64) -> Duration {
        let mut spent = Duration::ZERO;
        let mut left = count;
        while left > 0 {
            let batch = left.min(self.batch);
            let inputs: Vec<I> = (0..batch).map(|_| (self.prepare)()).collect();
            let mut outputs = Vec::with_capacity(inputs.len());
            let start = Instant::now();
            for input in inputs {
                outputs.push(counted_by_callgrind(&mut self.run, input));
            }
            spent += start.elapsed();
            left -= batch;
        }
        spent
    }

    fn allocations(&mut self) -> AllocationInfo {
        let input = (self.prepare)();
        let mut output = None;
        let counted = allocation_counter::measure(|| output = Some((self.run)(input)));
        drop(output);
        counted
    }
}

/// Of its own, so that callgrind can tell it from what prepares and ends.
#[inline(never)]
fn counted_by_callgrind<I, O>(run: &mut impl FnMut(I) -> O, input: I) -> O {
    black_box(run(black_box(input)))
}
