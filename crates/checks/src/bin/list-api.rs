//! Prints the public items of a crate, one on each line, from rustdoc's JSON. Arguments:
//! the crate's file, then those of the crates that it re-exports. Standard error has
//! how many there are of each kind.
//!
//! It fails if a type of another project stands in a signature and is not re-exported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fido_hybrid_checks::api::Crates;
use fido_hybrid_checks::foreign;

/// Other projects whose types may stand in signatures, since a module re-exports them,
/// with the re-export; a program that runs on tokio depends on tokio anyway.
const RE_EXPORTS: [(&str, &str); 6] = [
    ("btleplug", "bluetooth::btleplug"),
    ("futures_core", "Stream"),
    ("rand_core", "crypto::rand_core"),
    ("rustls", "tunnel::rustls"),
    ("rustls_pki_types", "tunnel::rustls"),
    ("zeroize", "secret::zeroize"),
];

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
    let stems = files.iter().filter_map(|it| Path::new(it).file_stem()?.to_str());
    let ours: BTreeSet<&str> = stems.collect();
    for file in &files {
        for other in foreign::in_signatures(&std::fs::read_to_string(file)?, &ours)? {
            let re_export = RE_EXPORTS.iter().find(|(project, _)| *project == other);
            let line =
                re_export.map(|(_, path)| format!("{name}::{path}: re-export of another project"));
            if other != "tokio" && !line.is_some_and(|it| list.contains(&it)) {
                return Err(format!(
                    "{file}: {other} stands in a signature and is not re-exported"
                )
                .into());
            }
        }
    }
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
