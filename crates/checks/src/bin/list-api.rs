//! Prints the public items of a crate, one on each line, from rustdoc's JSON. Arguments:
//! the crate's file, then those of the crates that it re-exports. Standard error has
//! how many there are of each kind.

use std::collections::BTreeMap;
use std::path::Path;

use fido_hybrid_checks::api::Crates;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let mut crates = Crates::default();
    for file in &files {
        crates.add(&std::fs::read_to_string(file)?).map_err(|it| format!("{file}: {it}"))?;
    }
    let first = files.first().map(|it| Path::new(it).file_stem().unwrap_or_default());
    let name =
        first.and_then(|it| it.to_str()).ok_or("usage: list-api CRATE.json [OTHER.json...]")?;
    let list = crates.list(name)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &list {
        println!("{line}");
        let (_, kind) = line.rsplit_once(": ").unwrap_or_default();
        *counts.entry(kind).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(kind, it)| format!("{it} {kind}")).collect();
    eprintln!("{} items: {}", list.len(), counts.join(", "));
    Ok(())
}
