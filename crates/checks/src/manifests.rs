//! What a package must have before it is published, beside what builds.

use std::path::Path;

use crate::dependencies::{Metadata, Package};

/// The length of a README in lines. The root's is the project's, and longer.
const README_LINES: std::ops::RangeInclusive<usize> = 10..=40;

/// What crates.io takes.
const MAX_KEYWORDS: usize = 5;
const MAX_KEYWORD_LENGTH: usize = 20;
const MAX_CATEGORIES: usize = 5;

/// Those of crates.io's categories that fit; it drops others without an error.
const CATEGORIES: [&str; 6] = [
    "authentication",
    "cryptography",
    "development-tools::testing",
    "hardware-support",
    "network-programming",
    "web-programming::websocket",
];

/// What is wrong with a package that is published, one sentence each. `file` gives the
/// text of a file beside its manifest.
#[must_use]
pub fn check(package: &Package, file: &dyn Fn(&Path) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |what: String| findings.push(format!("{} {what}", package.name));
    if package.description.as_deref().unwrap_or_default().is_empty() {
        find("has no description".to_owned());
    }
    if !(1..=MAX_KEYWORDS).contains(&package.keywords.len()) {
        find(format!("has {} keywords", package.keywords.len()));
    }
    for keyword in &package.keywords {
        let starts = keyword.starts_with(|it: char| it.is_ascii_alphanumeric());
        let fits = |it: char| it.is_ascii_alphanumeric() || "-_+".contains(it);
        if !starts || keyword.len() > MAX_KEYWORD_LENGTH || !keyword.chars().all(fits) {
            find(format!("has a keyword that crates.io refuses: {keyword}"));
        }
    }
    if !(1..=MAX_CATEGORIES).contains(&package.categories.len()) {
        find(format!("has {} categories", package.categories.len()));
    }
    for category in package.categories.iter().filter(|it| !CATEGORIES.contains(&it.as_str())) {
        find(format!("has an unknown category: {category}"));
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        if file(Path::new(licence)).is_none() {
            find(format!("lacks {licence}"));
        }
    }
    let readme = package.readme.as_deref().and_then(|it| file(Path::new(it)));
    match readme.map(|it| it.lines().count()) {
        None => find("has no README".to_owned()),
        Some(lines) if package.name != "fido-hybrid" && !README_LINES.contains(&lines) => {
            find(format!("has a README of {lines} lines"));
        }
        Some(_) => {}
    }
    findings
}

/// Test binaries that a list of them does not name, one sentence each.
#[must_use]
pub fn unlisted_tests(metadata: &Metadata, list: &str) -> Vec<String> {
    let tests = metadata.members().flat_map(|member| {
        let targets = member.targets.iter().filter(|it| it.kind.iter().any(|kind| kind == "test"));
        targets.map(move |it| (&member.name, &it.name))
    });
    let unlisted = tests.filter(|(_, name)| !list.contains(&format!("`{name}`")));
    unlisted
        .map(|(package, name)| format!("{package} has a test that is not listed: {name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(change: (&str, &str), missing: &str, readme_lines: usize) -> Vec<String> {
        let text = r#"{ "workspace_members": ["1"], "packages": [{ "id": "1", "name": "core",
            "version": "1.0.0", "description": "a core", "keywords": ["fido"],
            "categories": ["cryptography"], "readme": "README.md" }] }"#;
        let metadata = Metadata::parse(&text.replace(change.0, change.1)).unwrap();
        check(metadata.members().next().unwrap(), &|path| {
            (path != Path::new(missing)).then(|| "line\n".repeat(readme_lines))
        })
    }

    #[test]
    fn each_thing_that_is_missing_is_found() {
        assert_eq!(findings(("", ""), "", 10), Vec::<String>::new());
        assert_eq!(findings(("a core", ""), "", 10), ["core has no description"]);
        assert_eq!(findings(("[\"fido\"]", "[]"), "", 10), ["core has 0 keywords"]);
        for keyword in ["two words", "-fido", "a-keyword-of-21-letters"] {
            let refused = format!("core has a keyword that crates.io refuses: {keyword}");
            assert_eq!(findings(("fido", keyword), "", 10), [refused]);
        }
        assert_eq!(
            findings(("cryptography", "magic"), "", 10),
            ["core has an unknown category: magic"]
        );
        assert_eq!(findings(("[\"cryptography\"]", "[]"), "", 10), ["core has 0 categories"]);
        assert_eq!(findings(("", ""), "LICENSE-MIT", 10), ["core lacks LICENSE-MIT"]);
        assert_eq!(findings(("", ""), "README.md", 10), ["core has no README"]);
        for lines in [9, 41] {
            assert_eq!(
                findings(("", ""), "", lines),
                [format!("core has a README of {lines} lines")]
            );
        }
        assert_eq!(findings(("core\"", "fido-hybrid\""), "", 41), Vec::<String>::new());
    }

    #[test]
    fn a_test_that_is_not_listed_is_found() {
        let metadata = Metadata::parse(
            r#"{ "workspace_members": ["1"], "packages": [{ "id": "1", "name": "core",
            "version": "1.0.0", "targets": [{ "name": "core", "kind": ["lib"] },
            { "name": "round_trip", "kind": ["test"] }] }] }"#,
        )
        .unwrap();
        assert_eq!(unlisted_tests(&metadata, "| `round_trip` | ..."), Vec::<String>::new());
        let found = ["core has a test that is not listed: round_trip"];
        assert_eq!(unlisted_tests(&metadata, "round_trip, `core`"), found);
    }
}
