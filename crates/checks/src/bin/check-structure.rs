//! Checks three things: imports run one way, by the orders in `ARCHITECTURE.md`; each
//! published crate has what it needs; `tests/README.md` lists every test. Run it in the
//! workspace's folder, with the output of `cargo metadata` at standard input.

use std::path::Path;
use std::process::ExitCode;

use fido_hybrid_checks::dependencies::Metadata;
use fido_hybrid_checks::imports::Imports;
use fido_hybrid_checks::manifests;
use fido_hybrid_checks::report;
use fido_hybrid_checks::structure::{
    Order, circles, crate_arrows, crate_names, unpublished_dependencies,
};

const MAP: &str = "ARCHITECTURE.md";
const TESTS: &str = "tests/README.md";

fn main() -> ExitCode {
    report(run(), "ARCHITECTURE.md has the orders of imports")
}

fn run() -> Result<Vec<String>, String> {
    let metadata = std::io::read_to_string(std::io::stdin()).map_err(|it| it.to_string())?;
    let metadata = Metadata::parse(&metadata)?;
    let map = std::fs::read_to_string(MAP).map_err(|it| format!("{MAP}: {it}"))?;
    let mut orders = Order::parse_all(&map)?;

    let crates = orders.remove("crates").ok_or("ARCHITECTURE.md has no order of crates")?;
    let arrows = crate_arrows(&metadata);
    println!("crates: {} imports", arrows.len());
    let mut findings = crates.check(&crate_names(&metadata), arrows.iter().copied());
    findings.extend(unpublished_dependencies(&metadata));
    let tests = std::fs::read_to_string(TESTS).map_err(|it| format!("{TESTS}: {it}"))?;
    findings.extend(manifests::unlisted_tests(&metadata, &tests));

    for member in metadata.members().filter(|it| it.is_published()) {
        let beside = member.manifest_path.parent().unwrap_or(Path::new(""));
        findings.extend(manifests::check(member, &|path| {
            std::fs::read_to_string(beside.join(path)).ok()
        }));

        let imports = Imports::read(&beside.join("src/lib.rs"))?;
        let folder = match member.name.strip_prefix("fido-hybrid-") {
            None => "src".to_owned(),
            Some(name) => format!("crates/{name}/src"),
        };
        let arrows = imports.arrows();
        println!("{folder}: {} imports across modules", arrows.len());
        let tell = |it: String| format!("{folder}: {it}");
        findings.extend(circles(&arrows).into_iter().map(tell));
        let order = orders.remove(&folder);
        let order = order.ok_or_else(|| format!("{MAP} has no order of {folder}"))?;
        let top = arrows.iter().filter(|it| it.parent.is_empty());
        let top = top.map(|it| (it.from.as_str(), it.to.as_str()));
        findings.extend(order.check(&imports.top_modules(), top).into_iter().map(tell));
    }
    if let Some(name) = orders.keys().next() {
        findings.push(format!("{MAP} has an order of {name}, which is no published crate"));
    }
    Ok(findings)
}
