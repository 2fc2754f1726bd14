//! What may be depended on: the rules of `deny.toml`, held against what Cargo says.
//!
//! cargo-deny reads the same file and knows advisories too; this needs nothing but
//! Cargo. Two of Cargo's commands give the input: `cargo metadata` says what each
//! package is, and `cargo tree` which packages a build takes. (`cargo metadata` also
//! lists optional packages that no feature turns on.)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::path::PathBuf;

use serde::Deserialize;

use crate::licence;

/// The rules: the part of `deny.toml` that is checked here.
#[derive(Debug, Deserialize)]
pub struct Rules {
    /// Which builds are looked at.
    pub graph: Graph,
    /// Which licences may be used.
    pub licenses: Licenses,
    /// Which packages may be used.
    pub bans: Bans,
    /// Where packages may come from.
    pub sources: Sources,
}

/// `[graph]`.
#[derive(Debug, Deserialize)]
pub struct Graph {
    /// The targets that are built for.
    pub targets: Vec<String>,
}

/// `[licenses]`.
#[derive(Debug, Deserialize)]
pub struct Licenses {
    /// For every package.
    pub allow: Vec<String>,
    /// For one package each.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

/// Licences of one package.
#[derive(Debug, Deserialize)]
pub struct Exception {
    /// The package.
    #[serde(rename = "crate")]
    pub package: String,
    /// What it may have beside the licences of all.
    pub allow: Vec<String>,
}

/// `[bans]`.
#[derive(Debug, Deserialize)]
pub struct Bans {
    /// Packages that must not be used.
    #[serde(default)]
    pub deny: Vec<Ban>,
    /// Versions that may stand beside others of the same package.
    #[serde(default)]
    pub skip: Vec<Ban>,
}

/// One package, and why it is in the list.
#[derive(Debug, Deserialize)]
pub struct Ban {
    /// `name`, or `name@` and the leading parts of a version.
    #[serde(rename = "crate")]
    pub package: String,
    /// Why.
    pub reason: String,
}

/// `[sources]`.
#[derive(Debug, Deserialize)]
pub struct Sources {
    /// The indexes of registries.
    #[serde(rename = "allow-registry")]
    pub registries: Vec<String>,
}

impl Rules {
    /// Reads `deny.toml`.
    ///
    /// # Errors
    ///
    /// The text is no TOML, or lacks a list.
    pub fn parse(toml: &str) -> Result<Self, String> {
        basic_toml::from_str(toml).map_err(|error| format!("deny.toml: {error}"))
    }
}

/// What `cargo metadata` prints, as far as it is read here.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// Every package of the lock file.
    pub packages: Vec<Package>,
    /// The ids of this workspace's own.
    pub workspace_members: BTreeSet<String>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Unique.
    pub id: String,
    /// As in Cargo.toml.
    pub name: String,
    /// As in Cargo.toml.
    pub version: String,
    /// An SPDX expression.
    pub license: Option<String>,
    /// Where it comes from. `None`: a path.
    pub source: Option<String>,
    /// The minimum Rust version.
    pub rust_version: Option<String>,
    /// Where it may be published. `None`: anywhere.
    pub publish: Option<Vec<String>>,
    /// What it asks for.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    /// As in Cargo.toml.
    pub description: Option<String>,
    /// As in Cargo.toml.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// As in Cargo.toml.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Relative to the manifest.
    pub readme: Option<String>,
    /// Where Cargo.toml lies.
    #[serde(default)]
    pub manifest_path: PathBuf,
    /// What is built of it.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// A library, a program, a test binary.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `lib`, `bin`, `test` and others.
    pub kind: Vec<String>,
}

impl Package {
    /// Whether others can depend on it.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

/// What a package asks for.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// The version requirement.
    pub req: String,
    /// `None`, `dev` or `build`.
    pub kind: Option<String>,
    /// Where it lies, if it is no registry's.
    pub path: Option<String>,
}

impl Metadata {
    /// Reads what `cargo metadata --format-version 1` printed.
    ///
    /// # Errors
    ///
    /// It is not that.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// This workspace's own packages.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|it| self.workspace_members.contains(&it.id))
    }
}

/// A package that a build takes: name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Reads what `cargo tree --prefix none --format '{p}'` printed: `name v1.2.3 …` on
/// each line.
///
/// # Errors
///
/// A line is not that.
pub fn parse_tree(text: &str) -> Result<BTreeSet<Used>, String> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default();
            let version = words.next().and_then(|it| it.strip_prefix('v'));
            let version = version.ok_or_else(|| format!("cargo tree: `{line}`"))?;
            Ok(Used { name: name.to_owned(), version: version.to_owned() })
        })
        .collect()
}

/// What is wrong with the packages that a build takes, one sentence each.
#[must_use]
pub fn check(rules: &Rules, metadata: &Metadata, used: &BTreeSet<Used>) -> Vec<String> {
    let mut findings = Vec::new();
    let packages: BTreeMap<Used, &Package> =
        metadata.packages.iter().map(|it| (used_as(it), it)).collect();
    let mut exceptions_needed = BTreeSet::new();
    for it in used {
        let Some(package) = packages.get(it) else {
            findings.push(format!("{it} is not in the output of cargo metadata"));
            continue;
        };
        check_licence(rules, package, &mut exceptions_needed, &mut findings);
        check_source(rules, metadata, package, &mut findings);
        for ban in rules.bans.deny.iter().filter(|ban| names(&ban.package, it)) {
            findings.push(format!("{it} must not be used: {}", ban.reason));
        }
    }
    for exception in &rules.licenses.exceptions {
        if !exceptions_needed.contains(&exception.package) {
            findings.push(format!("no package needs the exception of {}", exception.package));
        }
    }
    check_duplicates(rules, used, &mut findings);
    check_wildcards(metadata, &mut findings);
    findings
}

fn used_as(package: &Package) -> Used {
    Used { name: package.name.clone(), version: package.version.clone() }
}

/// Whether `name` or `name@version` in a list means this package.
fn names(entry: &str, used: &Used) -> bool {
    match entry.split_once('@') {
        None => entry == used.name,
        Some((name, version)) => {
            let rest = used.version.strip_prefix(version);
            name == used.name && rest.is_some_and(|it| it.is_empty() || it.starts_with('.'))
        }
    }
}

fn check_licence(
    rules: &Rules,
    package: &Package,
    exceptions_needed: &mut BTreeSet<String>,
    findings: &mut Vec<String>,
) {
    let used = used_as(package);
    let Some(expression) = &package.license else {
        findings.push(format!("{used} states no licence"));
        return;
    };
    let general = |licence: &str| rules.licenses.allow.iter().any(|it| it == licence);
    let exceptions = rules.licenses.exceptions.iter().filter(|it| it.package == package.name);
    let own: Vec<&String> = exceptions.flat_map(|it| &it.allow).collect();
    let with_own = |licence: &str| general(licence) || own.iter().any(|it| *it == licence);
    match (licence::is_met(expression, &general), licence::is_met(expression, &with_own)) {
        (Ok(true), _) => {}
        (_, Ok(true)) => {
            exceptions_needed.insert(package.name.clone());
        }
        (_, Ok(false)) => {
            findings.push(format!("{used} has a licence that is not allowed: {expression}"));
        }
        (_, Err(error)) => findings.push(format!("{used}: {error}")),
    }
}

fn check_source(rules: &Rules, metadata: &Metadata, package: &Package, findings: &mut Vec<String>) {
    let allowed = match &package.source {
        None => metadata.workspace_members.contains(&package.id),
        Some(source) => {
            let registry = source.strip_prefix("registry+");
            registry.is_some_and(|it| rules.sources.registries.iter().any(|one| one == it))
        }
    };
    if !allowed {
        let source = package.source.as_deref().unwrap_or("a path outside the workspace");
        findings.push(format!("{} comes from {source}", used_as(package)));
    }
}

fn check_duplicates(rules: &Rules, used: &BTreeSet<Used>, findings: &mut Vec<String>) {
    let mut versions: BTreeMap<&str, Vec<&Used>> = BTreeMap::new();
    for it in used {
        versions.entry(&it.name).or_default().push(it);
    }
    for skip in &rules.bans.skip {
        let several = used.iter().any(|it| {
            names(&skip.package, it)
                && versions.get(it.name.as_str()).is_some_and(|all| all.len() > 1)
        });
        if !several {
            findings.push(format!("{} stands beside no other version", skip.package));
        }
    }
    for (name, all) in versions {
        let counted =
            all.iter().filter(|it| !rules.bans.skip.iter().any(|skip| names(&skip.package, it)));
        let counted: Vec<&str> = counted.map(|it| it.version.as_str()).collect();
        if counted.len() > 1 {
            findings.push(format!("{name} is used in several versions: {}", counted.join(", ")));
        }
    }
}

/// A dependency on any version is refused by registries, but for those that
/// publishing leaves out: of packages that are not published, and for development.
fn check_wildcards(metadata: &Metadata, findings: &mut Vec<String>) {
    for member in metadata.members() {
        for dependency in member.dependencies.iter().filter(|it| it.req == "*") {
            let left_out = dependency.path.is_some()
                && (!member.is_published() || dependency.kind.as_deref() == Some("dev"));
            if !left_out {
                findings
                    .push(format!("{} depends on any version of {}", member.name, dependency.name));
            }
        }
    }
}

/// Dependencies of a published package that need a newer Rust than it states.
#[must_use]
pub fn check_rust_version(
    metadata: &Metadata,
    member: &Package,
    used: &BTreeSet<Used>,
) -> Vec<String> {
    let Some(stated) = &member.rust_version else {
        return vec![format!("{} states no rust-version", member.name)];
    };
    let needs_more =
        metadata.packages.iter().filter(|it| used.contains(&used_as(it))).filter_map(|it| {
            it.rust_version
                .as_ref()
                .filter(|needed| parts(needed) > parts(stated))
                .map(|needed| (it, needed))
        });
    needs_more
        .map(|(it, needed)| {
            format!("{} states Rust {stated}, and {} needs {needed}", member.name, used_as(it))
        })
        .collect()
}

/// `1.89` and `1.89.0` are the same.
fn parts(version: &str) -> [u64; 3] {
    let mut parts = [0; 3];
    for (part, text) in parts.iter_mut().zip(version.split('.')) {
        *part = text.parse().unwrap_or(u64::MAX);
    }
    parts
}
