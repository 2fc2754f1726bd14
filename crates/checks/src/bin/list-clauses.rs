//! Lists the clauses of standards that the repository names: how many files of code name
//! each, how many of tests, and their names with `--files`. Run it in the workspace's folder.

use std::path::Path;

use fido_hybrid_checks::clauses::Clauses;
use fido_hybrid_checks::prose;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let with_files = std::env::args().nth(1).is_some_and(|it| it == "--files");
    let mut clauses = Clauses::default();
    for path in prose::files(Path::new("."))? {
        let name = path.strip_prefix(".").unwrap_or(&path).display().to_string();
        if !name.starts_with("crates/checks/") && !name.ends_with(".md") {
            let text = std::fs::read_to_string(&path)?;
            clauses.file(&name, &prose::passages(&path, &text));
        }
    }
    println!("code tests  clause");
    for (clause, places) in &clauses.places {
        println!("{:4} {:5}  {clause}", places.code.len(), places.tests.len());
        if with_files {
            for file in places.code.iter().chain(&places.tests) {
                println!("              {file}");
            }
        }
    }
    let untested = clauses.places.values().filter(|it| it.tests.is_empty()).count();
    println!("{} clauses; no test names {untested} of them", clauses.places.len());
    Ok(())
}
