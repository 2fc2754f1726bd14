//! README.md, `docs/` and the other guides agree with the crate's documentation,
//! its manifest and its code. The documentation's examples are compiled; the
//! README's examples are the same.

#![allow(
    clippy::expect_used,
    reason = "the helpers below are tests too, which clippy does not see"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fido_hybrid::transport::ASSIGNED_DOMAINS;

const README: &str = include_str!("../README.md");
const DOCUMENTATION: &str = include_str!("../src/lib.rs");
const MANIFEST: &str = include_str!("../Cargo.toml");
const TROUBLESHOOTING: &str = include_str!("../docs/troubleshooting.md");

/// The fenced blocks of Rust in a text, without what rustdoc hides.
fn examples(text: &str, fence: &str) -> Vec<String> {
    let opening = format!("\n{fence}\n");
    text.split(&opening)
        .skip(1)
        .map(|block| {
            let (code, _) = block.split_once("\n```").expect("the fence is closed");
            let shown = code.lines().filter(|line| !line.starts_with("# "));
            shown.collect::<Vec<_>>().join("\n")
        })
        .collect()
}

/// The lines of the manifest's table of features.
fn features() -> impl Iterator<Item = (&'static str, &'static str)> {
    let (_, table) = MANIFEST.split_once("[features]\n").expect("there are features");
    let (table, _) = table.split_once("\n\n").expect("the table ends");
    table.lines().filter_map(|line| line.split_once(" = "))
}

#[test]
fn its_examples_are_those_that_are_compiled() {
    let documentation: Vec<&str> = DOCUMENTATION
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let compiled = examples(&documentation.join("\n"), "```no_run");
    assert_eq!(compiled.len(), 3);
    assert_eq!(examples(README, "```rust"), compiled);
    assert!(!README.contains("```rust,"), "an example that nothing compiles");
}

#[test]
fn the_table_of_features_is_the_manifests() {
    let start = "//! | Feature | Brings | Default |\n";
    let (_, table) = DOCUMENTATION.split_once(start).expect("a table");
    let rows: Vec<(&str, bool)> = table
        .lines()
        .skip(1)
        .map_while(|row| row.strip_prefix("//! | `"))
        .map(|row| {
            let (name, _) = row.split_once('`').expect("a name");
            (name, row.ends_with("| yes |"))
        })
        .collect();

    let (_, default) = features().next().expect("a first feature");
    let expected: Vec<(&str, bool)> = features()
        .skip(1)
        .map(|(name, _)| (name, default.contains(&format!("\"{name}\""))))
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn its_minimum_rust_version_is_the_manifests() {
    let (_, version) = MANIFEST.split_once("\nrust-version = \"").expect("a version");
    let (version, _) = version.split_once('"').expect("its end");
    let words = README.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("minimum Rust version is {version}.")), "{version}");
}

#[test]
fn troubleshooting_has_every_advice() {
    const ADVICE: &str = include_str!("../crates/proto/src/error/advice.rs");
    let (_, code) = ADVICE.split_once("f.write_str(match self {").expect("the sentences");
    let advice: Vec<&str> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::"))
        .map(|line| line.split(' ').next().expect("a name"))
        .collect();
    assert!(advice.len() > 10, "{advice:?}");
    let (_, table) = TROUBLESHOOTING.split_once("| `Advice` | Check |\n").expect("a table");
    let rows: Vec<&str> = table
        .lines()
        .skip(1)
        .map_while(|row| row.strip_prefix("| `"))
        .map(|row| row.split('`').next().expect("a name"))
        .collect();
    assert_eq!(rows, advice);
}

#[test]
fn the_tunnel_services_that_a_firewall_must_allow_are_named() {
    for domain in ASSIGNED_DOMAINS {
        let name = format!("`{domain}`");
        assert!(README.contains(&name), "README.md: {domain}");
        assert!(TROUBLESHOOTING.contains(&name), "troubleshooting.md: {domain}");
    }
}

/// The guides that people read on the project's page.
fn guides() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let crates = std::fs::read_dir(root.join("crates")).expect("the crates");
    folders.extend(crates.map(|folder| folder.expect("a crate").path()));
    folders.extend(["docs", "benches", "fuzz", "tests", "tests/vm"].map(|name| root.join(name)));
    let files = folders.iter().flat_map(|folder| {
        std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path())
    });
    files.filter(|file| file.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The anchors that GitHub makes of a text's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Whether a link leads to a file, and to one of its headings if it names one.
fn leads_somewhere(guide: &Path, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => guide.to_owned(),
        file => guide.parent().expect("a folder").join(file),
    };
    match anchor {
        "" => path.exists(),
        anchor => std::fs::read_to_string(path).is_ok_and(|text| anchors(&text).contains(anchor)),
    }
}

#[test]
fn links_in_the_guides_lead_somewhere() {
    let guides = guides();
    assert!(guides.len() > 10, "{guides:?}");
    let mut dead = Vec::new();
    for guide in guides {
        let text = std::fs::read_to_string(&guide).expect("a guide");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let inside = targets.filter(|target| !target.starts_with("https://"));
        let dead_here = inside.filter(|target| !leads_somewhere(&guide, target));
        dead.extend(dead_here.map(|target| format!("{}: {target}", guide.display())));
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}
