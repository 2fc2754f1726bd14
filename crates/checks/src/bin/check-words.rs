//! Checks the prose of the repository by the list of words, and the spelling of references
//! to clauses. Run it in the workspace's folder. `--count` prints how often each word of
//! the list stands there, exceptions left out, and finds nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use fido_hybrid_checks::clauses::Clauses;
use fido_hybrid_checks::prose;
use fido_hybrid_checks::report;
use fido_hybrid_checks::words::{Check, Words};

const LIST: &str = "crates/checks/words.toml";

fn main() -> ExitCode {
    report(run(), "crates/checks/words.toml has the list and its exceptions")
}

fn run() -> Result<Vec<String>, String> {
    let list = std::fs::read_to_string(LIST).map_err(|it| format!("{LIST}: {it}"))?;
    let words = Words::parse(&list).map_err(|it| format!("{LIST}: {it}"))?;
    let only_count = std::env::args().nth(1).is_some_and(|it| it == "--count");
    let mut check = Check::new(&words);
    let mut clauses = Clauses::default();
    let mut findings = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let files = prose::files(Path::new("."))?;
    for path in &files {
        let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).map_err(|it| format!("{name}: {it}"))?;
        let passages = prose::passages(path, &text);
        for it in check.file(&name, &passages) {
            *counts.entry(it.name.clone()).or_default() += 1;
            findings.push(it.to_string());
        }
        if !words.unchecked.contains_key(&name) {
            clauses.file(&name, prose::has_tests(&text), &passages);
        }
    }
    findings.extend(check.unneeded());
    findings.append(&mut clauses.findings);
    println!(
        "{} files, {} entries, {} clauses",
        files.len(),
        words.words.len(),
        clauses.places.len()
    );
    if only_count {
        for (name, count) in counts {
            println!("{count:5} {name}");
        }
        return Ok(Vec::new());
    }
    Ok(findings)
}
