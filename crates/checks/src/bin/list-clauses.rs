//! Lists the clauses of standards that the repository names: how many files of code name
//! each, how many of these have unit tests, how many files of tests name it, and the names of
//! the files with `--files`. Run it in the workspace's folder.

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
            clauses.file(&name, prose::has_tests(&text), &prose::passages(&path, &text));
        }
    }
    println!("code  unit tests  clause");
    for (clause, places) in &clauses.places {
        let (code, unit) = (places.code.len(), places.unit_tested.len());
        println!("{code:4} {unit:5} {:5}  {clause}", places.tests.len());
        if with_files {
            for file in places.code.iter().chain(&places.tests) {
                println!("                   {file}");
            }
        }
    }
    let unnamed = clauses.places.values().filter(|it| it.tests.is_empty());
    let bare = unnamed.clone().filter(|it| it.unit_tested.is_empty()).count();
    println!(
        "{} clauses; no test names {} of them, and {bare} of these have no unit tests beside the code",
        clauses.places.len(),
        unnamed.count()
    );
    Ok(())
}
