//! What README.md says is what the crate's documentation, its manifest and its
//! code say. The documentation's examples are compiled; the README's are these.

#![allow(
    clippy::expect_used,
    reason = "the helpers below are tests too, which clippy does not see"
)]

use fido_hybrid::transport::tunnel_domain::ASSIGNED_DOMAINS;

const README: &str = include_str!("../README.md");
const DOCUMENTATION: &str = include_str!("../src/lib.rs");
const MANIFEST: &str = include_str!("../Cargo.toml");

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
    assert_eq!(compiled.len(), 2);
    assert_eq!(examples(README, "```rust"), compiled);
    assert!(!README.contains("```rust,"), "an example that nothing compiles");
}

#[test]
fn its_table_of_features_is_the_manifests() {
    let (_, table) = README.split_once("| Feature | Brings | Default |\n").expect("a table");
    let rows: Vec<(&str, bool)> = table
        .lines()
        .skip(1)
        .map_while(|row| row.strip_prefix("| `"))
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
fn its_table_of_what_to_look_at_has_every_advice() {
    const ADVICE: &str = include_str!("../crates/proto/src/error/advice.rs");
    let (_, code) = ADVICE.split_once("f.write_str(match self {").expect("the sentences");
    let advice: Vec<&str> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::"))
        .map(|line| line.split(' ').next().expect("a name"))
        .collect();
    assert!(advice.len() > 10, "{advice:?}");
    let (_, table) = README.split_once("| `Advice` | Look at |\n").expect("a table");
    let rows: Vec<&str> = table
        .lines()
        .skip(1)
        .map_while(|row| row.strip_prefix("| `"))
        .map(|row| row.split('`').next().expect("a name"))
        .collect();
    assert_eq!(rows, advice);
}

#[test]
fn it_names_the_tunnel_services_that_a_firewall_must_let_through() {
    for domain in ASSIGNED_DOMAINS {
        assert!(README.contains(&format!("`{domain}`")), "{domain}");
    }
}
