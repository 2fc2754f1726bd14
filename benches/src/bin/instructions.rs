//! Repeats one operation for callgrind, which counts what is done inside
//! `counted_by_callgrind` and nothing else; the script `instructions` runs it.
//!
//! Without arguments it prints the operations that are worth counting. Whole
//! ceremonies are not among them: how often a socket is asked varies.

use fido_hybrid_benches::{Case, GROUPS};

fn cases() -> impl Iterator<Item = Case> {
    GROUPS.into_iter().filter(|(name, _)| *name != "ceremony").flat_map(|(_, cases)| cases())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => cases().for_each(|case| println!("{}", case.name)),
        [name, count] => {
            let count = count.parse().expect("how often");
            let mut case = cases().find(|case| case.name == *name).expect("an operation's name");
            // What is done once, as looking for instructions of the processor,
            // is not counted.
            case.ours.allocations();
            case.ours.time(count);
        }
        _ => panic!("usage: instructions [NAME COUNT]"),
    }
}
