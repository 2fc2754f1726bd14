//! Each rule of `deny.toml` refuses what it is for, and nothing else.

use std::collections::BTreeSet;

use fido_hybrid_checks::dependencies::{
    Metadata, Rules, Used, check, check_rust_version, parse_tree,
};
use serde_json::{Value, json};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

const RULES: &str = r#"
[graph]
targets = ["x86_64-unknown-linux-gnu"]
[licenses]
allow = ["MIT", "ISC"]
exceptions = [{ crate = "names", allow = ["Unicode-3.0"] }]
[bans]
deny = [{ crate = "rsa", reason = "its timing" }]
skip = [{ crate = "syn@2", reason = "at build time only" }]
[sources]
allow-registry = ["https://github.com/rust-lang/crates.io-index"]
"#;

/// A workspace that keeps every rule.
fn packages() -> Vec<Value> {
    let mut packages = vec![json!({
        "id": "own", "name": "own", "version": "0.1.0", "license": "MIT", "source": null,
        "rust_version": "1.89", "publish": null, "dependencies": [],
    })];
    for (name, version, license) in [
        ("aes", "0.9.4", "MIT OR Apache-2.0"),
        ("names", "1.0.0", "MIT AND Unicode-3.0"),
        ("syn", "2.0.1", "MIT"),
        ("syn", "3.0.1", "MIT"),
    ] {
        packages.push(json!({
            "id": format!("{name}@{version}"), "name": name, "version": version,
            "license": license, "source": REGISTRY, "rust_version": "1.89.0",
        }));
    }
    packages
}

fn metadata(packages: &[Value]) -> Metadata {
    let text = json!({ "packages": packages, "workspace_members": ["own"] }).to_string();
    Metadata::parse(&text).unwrap()
}

/// Every package, as if all were built.
fn used(packages: &[Value]) -> BTreeSet<Used> {
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|it| Used { name: text(it, "name"), version: text(it, "version") })
        .collect()
}

fn findings(packages: &[Value]) -> Vec<String> {
    check(&Rules::parse(RULES).unwrap(), &metadata(packages), &used(packages))
}

/// The findings when one package is changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut packages = packages();
    change(packages.iter_mut().find(|it| it["name"] == name).unwrap());
    findings(&packages)
}

#[test]
fn a_workspace_that_keeps_the_rules_has_no_findings() {
    assert_eq!(findings(&packages()), Vec::<String>::new());
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    assert_eq!(
        changed("aes", |it| it["license"] = json!("MIT AND GPL-3.0-only")),
        ["aes 0.9.4 has a licence that is not allowed: MIT AND GPL-3.0-only"]
    );
    // Allowed for another package alone.
    assert_eq!(
        changed("aes", |it| it["license"] = json!("Unicode-3.0")),
        ["aes 0.9.4 has a licence that is not allowed: Unicode-3.0"]
    );
    assert_eq!(
        changed("aes", |it| it["license"] = json!("MIT OR")),
        ["aes 0.9.4: the licence expression `MIT OR` cannot be read"]
    );
    assert_eq!(changed("aes", |it| it["license"] = Value::Null), ["aes 0.9.4 states no licence"]);
}

#[test]
fn an_exception_that_nothing_needs_is_found() {
    assert_eq!(
        changed("names", |it| it["license"] = json!("MIT")),
        ["no package needs the exception of names"]
    );
}

#[test]
fn a_source_that_is_not_allowed_is_found() {
    for source in [
        "registry+https://registry.example/index",
        "git+https://github.com/example/aes#0123456789abcdef",
    ] {
        assert_eq!(
            changed("aes", |it| it["source"] = json!(source)),
            [format!("aes 0.9.4 comes from {source}")]
        );
    }
    assert_eq!(
        changed("aes", |it| it["source"] = Value::Null),
        ["aes 0.9.4 comes from a path outside the workspace"]
    );
}

#[test]
fn a_duplicate_is_found_unless_the_list_has_it() {
    let mut packages = packages();
    let mut old = packages[1].clone();
    old["id"] = json!("aes@0.8.0");
    old["version"] = json!("0.8.0");
    packages.push(old);
    assert_eq!(findings(&packages), ["aes is used in several versions: 0.8.0, 0.9.4"]);
    // In the lock file and not built: no duplicate.
    let without_old = &packages[..packages.len() - 1];
    let found = check(&Rules::parse(RULES).unwrap(), &metadata(&packages), &used(without_old));
    assert_eq!(found, Vec::<String>::new());
    // `syn@2` is version 2, not 20.
    assert_eq!(
        changed("syn", |it| it["version"] = json!("20.0.0")),
        ["syn@2 stands beside no other version", "syn is used in several versions: 20.0.0, 3.0.1"]
    );
}

#[test]
fn a_banned_package_is_found_with_the_reason() {
    assert_eq!(
        changed("aes", |it| it["name"] = json!("rsa")),
        ["rsa 0.9.4 must not be used: its timing"]
    );
}

#[test]
fn any_version_is_found_unless_publishing_leaves_it_out() {
    let on = |dependency: Value, publish: Value| {
        changed("own", |it| {
            it["dependencies"] = json!([dependency]);
            it["publish"] = publish;
        })
    };
    let path = json!({ "name": "kit", "req": "*", "kind": null, "path": "crates/kit" });
    let mut test = path.clone();
    test["kind"] = json!("dev");
    let registry = json!({ "name": "kit", "req": "*", "kind": "dev", "path": null });
    let found = ["own depends on any version of kit"];
    assert_eq!(on(path.clone(), Value::Null), found);
    assert_eq!(on(registry, Value::Null), found);
    assert_eq!(on(test, Value::Null), Vec::<String>::new());
    assert_eq!(on(path, json!([])), Vec::<String>::new());
}

#[test]
fn what_is_built_and_not_in_the_metadata_is_found() {
    let mut more = used(&packages());
    more.extend(parse_tree("ghost v1.0.0\n").unwrap());
    let found = check(&Rules::parse(RULES).unwrap(), &metadata(&packages()), &more);
    assert_eq!(found, ["ghost 1.0.0 is not in the output of cargo metadata"]);
}

#[test]
fn a_dependency_that_needs_a_newer_rust_is_found() {
    let newer = |version: &str| {
        let mut packages = packages();
        packages[1]["rust_version"] = json!(version);
        let metadata = metadata(&packages);
        let own = metadata.members().next().unwrap();
        check_rust_version(&metadata, own, &used(&packages))
    };
    assert_eq!(newer("1.89.0"), Vec::<String>::new());
    assert_eq!(newer("1.9"), Vec::<String>::new());
    for version in ["1.90", "1.89.1", "2.0"] {
        assert_eq!(
            newer(version),
            [format!("own states Rust 1.89, and aes 0.9.4 needs {version}")]
        );
    }
}

#[test]
fn a_tree_is_read_line_by_line() {
    let read = parse_tree("aes v0.9.4\nown v0.1.0 (/somewhere)\n\nsyn v3.0.1 (*)\n").unwrap();
    let read: Vec<String> = read.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["aes 0.9.4", "own 0.1.0", "syn 3.0.1"]);
    assert!(parse_tree("aes\n").is_err());
}

#[test]
fn the_list_of_this_workspace_can_be_read() {
    let rules = Rules::parse(include_str!("../../../deny.toml")).unwrap();
    assert!(rules.licenses.allow.iter().any(|it| it == "MIT"));
    assert!(!rules.graph.targets.is_empty() && !rules.sources.registries.is_empty());
    assert!(Rules::parse("[graph]\ntargets = []").is_err());
}
