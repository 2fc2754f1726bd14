//! A fuzzer of one's own: changes seeds at random and gives them to a target, which panics
//! at a fault: `own_fuzzer ctap_response 10000 ../../fuzz/seeds/ctap_response`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use fido_hybrid_sim::SeededRng;

#[cfg(test)]
mod tests;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, runs, seeds] = arguments.as_slice() else {
        return Err("usage: own_fuzzer TARGET RUNS FOLDER-OF-SEEDS".into());
    };
    println!("{} inputs", fuzz(target, runs.parse()?, Path::new(seeds))?);
    Ok(())
}

/// Gives the seeds and `runs` changed ones to a target; returns how many inputs there were.
fn fuzz(target: &str, runs: usize, folder: &Path) -> Result<usize, Box<dyn Error>> {
    let found = fido_hybrid_fuzz::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, target) = found.ok_or_else(|| format!("there is no target {target}"))?;
    let mut seeds = Vec::new();
    for file in fs::read_dir(folder)? {
        seeds.push(fs::read(file?.path())?);
    }
    for seed in &seeds {
        target(seed);
    }
    let mut rng = SeededRng::new(0); // the same inputs each time
    for run in 0..runs {
        let mut input = seeds.get(run % seeds.len().max(1)).cloned().unwrap_or_default();
        for _ in 0..=rng.below(4) {
            change(&mut input, &mut rng);
        }
        target(&input);
    }
    Ok(seeds.len() + runs)
}

fn change(input: &mut Vec<u8>, rng: &mut SeededRng) {
    let place = rng.below(input.len() as u64 + 1) as usize;
    let byte = rng.below(256) as u8;
    match rng.below(3) {
        0 => input.insert(place, byte),
        1 => input.truncate(place),
        _ => input.iter_mut().skip(place).take(1).for_each(|it| *it ^= byte),
    }
}
