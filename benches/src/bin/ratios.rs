//! Prints the table of README.md: how long each operation takes, how that
//! compares with its yardstick, and what it allocates.
//!
//! ```sh
//! cargo run --release --bin ratios [--features aws-lc-rs] [-- PART-OF-A-NAME]
//! ```
//!
//! Each round times the yardstick and then this crate's way, for about a
//! millisecond each; the ratio is the median over the rounds, so that whatever
//! else the machine does meets both alike. It differs from one machine to
//! another, mostly by what instructions for cryptography the processor has.

use std::time::Duration;

use fido_hybrid_benches::{Case, GROUPS, Operation, PROVIDER};

const ROUNDS: usize = 201;

/// What one round spends on each side.
const ROUND: Duration = Duration::from_millis(1);

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!("P-256 and AES-GCM by {PROVIDER}:\n");
    println!("| What | Median | Beside | Its median | Ratio | Allocations | Bytes | Peak bytes |");
    println!("|---|--:|---|--:|--:|--:|--:|--:|");
    for (_, cases) in GROUPS {
        for case in cases() {
            if case.name.contains(&wanted) {
                print(case);
            }
        }
    }
}

fn print(Case { name, mut ours, yardstick: (beside, mut yardstick) }: Case) {
    let allocations = ours.allocations();
    let (our_count, its_count) = (count(&mut *ours), count(&mut *yardstick));
    let (mut our_times, mut its_times, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let its = time(&mut *yardstick, its_count);
        let our = time(&mut *ours, our_count);
        our_times.push(our);
        its_times.push(its);
        ratios.push(our / its);
    }
    let (our, its) = (shown(median(our_times)), shown(median(its_times)));
    println!(
        "| {name} | {our} | {beside} | {its} | {:.2} | {} | {} | {} |",
        median(ratios),
        allocations.count_total,
        allocations.bytes_total,
        allocations.bytes_max
    );
}

/// How many repetitions fill a round.
fn count(operation: &mut dyn Operation) -> u64 {
    let mut count = 1;
    loop {
        let spent = operation.time(count);
        if spent >= ROUND || count >= 1 << 20 {
            return count;
        }
        count *= 2;
    }
}

/// Seconds for one repetition.
fn time(operation: &mut dyn Operation, count: u64) -> f64 {
    operation.time(count).as_secs_f64() / count as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(seconds: f64) -> String {
    match seconds {
        ..1e-6 => format!("{:.0} ns", seconds * 1e9),
        1e-6..1e-3 => format!("{:.1} µs", seconds * 1e6),
        _ => format!("{:.2} ms", seconds * 1e3),
    }
}
