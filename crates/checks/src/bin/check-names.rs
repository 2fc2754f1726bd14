//! Checks that public types of published crates have different names. Run it in the
//! workspace's folder, with the output of `cargo metadata` at standard input.

use std::path::Path;
use std::process::ExitCode;

use fido_hybrid_checks::dependencies::Metadata;
use fido_hybrid_checks::imports::{Imports, path_of};
use fido_hybrid_checks::names::Exceptions;
use fido_hybrid_checks::report;

const LIST: &str = "crates/checks/names.toml";

fn main() -> ExitCode {
    report(run(), "crates/checks/names.toml has the exceptions")
}

fn run() -> Result<Vec<String>, String> {
    let metadata = std::io::read_to_string(std::io::stdin()).map_err(|it| it.to_string())?;
    let metadata = Metadata::parse(&metadata)?;
    let list = std::fs::read_to_string(LIST).map_err(|it| format!("{LIST}: {it}"))?;
    let exceptions = Exceptions::parse(&list).map_err(|it| format!("{LIST}: {it}"))?;
    let mut types = Vec::new();
    // The websocket crate is a part of two others: users do not see it.
    let seen = |name: &str| name != "fido-hybrid-websocket";
    for member in metadata.members().filter(|it| it.is_published() && seen(&it.name)) {
        let beside = member.manifest_path.parent().unwrap_or(Path::new(""));
        let imports = Imports::read(&beside.join("src/lib.rs"))?;
        let krate = member.name.replace('-', "_");
        types.extend(
            imports.public_types().into_iter().map(|(module, name)| {
                (path_of(module).replacen("crate", &krate, 1), name.to_owned())
            }),
        );
    }
    println!("{} public types", types.len());
    Ok(exceptions.check(&types))
}
