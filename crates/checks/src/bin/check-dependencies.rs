//! Checks what this workspace depends on by the rules of `deny.toml`, and the minimum
//! Rust version of what is published. Run it in the workspace's folder.

use std::collections::BTreeSet;
use std::process::{Command, ExitCode};

use fido_hybrid_checks::dependencies::{Metadata, Rules, check, check_rust_version, parse_tree};
use fido_hybrid_checks::report;

fn main() -> ExitCode {
    report(run(), "deny.toml has the rules")
}

fn run() -> Result<Vec<String>, String> {
    let rules = std::fs::read_to_string("deny.toml").map_err(|it| format!("deny.toml: {it}"))?;
    let rules = Rules::parse(&rules)?;
    let metadata = Metadata::parse(&cargo(&["metadata", "--format-version=1", "--all-features"])?)?;

    let mut used = BTreeSet::new();
    for target in &rules.graph.targets {
        used.extend(tree(&["--workspace", "--edges=normal,build,dev", "--target", target])?);
    }
    let mut findings = check(&rules, &metadata, &used);
    println!("{} packages on {} targets, tests included", used.len(), rules.graph.targets.len());

    for member in metadata.members().filter(|it| it.is_published()) {
        let mut used = BTreeSet::new();
        for target in &rules.graph.targets {
            let package = ["--package", &member.name];
            let edges = ["--edges=normal,build", "--target", target];
            used.extend(tree(&[&package[..], &edges[..]].concat())?);
        }
        findings.extend(check_rust_version(&metadata, member, &used));
        let stated = member.rust_version.as_deref().unwrap_or("nothing");
        println!("{}: {} packages, Rust {stated}", member.name, used.len());
    }
    Ok(findings)
}

fn tree(arguments: &[&str]) -> Result<BTreeSet<fido_hybrid_checks::dependencies::Used>, String> {
    let always = ["tree", "--all-features", "--prefix=none", "--format={p}"];
    parse_tree(&cargo(&[&always[..], arguments].concat())?)
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--locked")
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo {} failed", arguments.first().unwrap_or(&"")));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("cargo: {error}"))
}
