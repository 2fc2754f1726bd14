//! That imports run one way: between the crates, between the modules at the root of
//! each crate, and without a circle inside each folder.
//!
//! `ARCHITECTURE.md` has the orders. A comment `<!-- order: NAME -->` marks the fenced
//! block below it: one floor on each line, the highest first. What stands on a floor
//! may import from lower floors, never from its own and never from a higher one.

use std::collections::{BTreeMap, BTreeSet};

use crate::dependencies::Metadata;
use crate::imports::{Arrow, path_of};

/// The floors of one order, the highest first.
#[derive(Debug, PartialEq, Eq)]
pub struct Order(Vec<Vec<String>>);

impl Order {
    /// Every order of a text, by its name.
    ///
    /// # Errors
    ///
    /// A comment has no block below it, or a name stands in one order twice.
    pub fn parse_all(text: &str) -> Result<BTreeMap<String, Self>, String> {
        let mut orders = BTreeMap::new();
        for part in text.split("<!-- order: ").skip(1) {
            let Some((name, rest)) = part.split_once(" -->\n") else {
                return Err("a comment of an order does not end".to_owned());
            };
            let block = rest.strip_prefix("```text\n").and_then(|it| it.split_once("\n```"));
            let (block, _) = block.ok_or_else(|| format!("no block is below `order: {name}`"))?;
            let floors = block.lines();
            let floors = floors.map(|it| it.split_whitespace().map(str::to_owned).collect());
            let order = Self(floors.collect());
            let all: Vec<&String> = order.0.iter().flatten().collect();
            if all.iter().collect::<BTreeSet<_>>().len() != all.len() {
                return Err(format!("`order: {name}` has a name twice"));
            }
            orders.insert(name.to_owned(), order);
        }
        Ok(orders)
    }

    fn floor(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|floor| floor.iter().any(|it| it == name))
    }

    /// What is wrong with these imports, one sentence each.
    #[must_use]
    pub fn check<'a>(
        &self,
        names: &BTreeSet<&str>,
        imports: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<String> {
        let mut findings = Vec::new();
        for name in names.iter().filter(|it| self.floor(it).is_none()) {
            findings.push(format!("{name} has no place in the order"));
        }
        for name in self.0.iter().flatten().filter(|it| !names.contains(it.as_str())) {
            findings.push(format!("{name} stands in the order and does not exist"));
        }
        for (from, to) in imports {
            if let (Some(above), Some(below)) = (self.floor(from), self.floor(to))
                && above >= below
            {
                findings.push(format!("{from} imports {to}, which does not stand below it"));
            }
        }
        findings
    }
}

/// The dependencies between the workspace's crates, without those of tests.
#[must_use]
pub fn crate_arrows(metadata: &Metadata) -> BTreeSet<(&str, &str)> {
    let names = crate_names(metadata);
    let of = |name| {
        let package = metadata.members().find(move |it| it.name == name);
        package.into_iter().flat_map(|it| &it.dependencies)
    };
    let arrows = names.iter().flat_map(|from| {
        let used = of(*from).filter(|it| it.kind.as_deref() != Some("dev"));
        used.map(move |it| (*from, it.name.as_str()))
    });
    arrows.filter(|(_, to)| names.contains(to)).collect()
}

/// The workspace's crates.
#[must_use]
pub fn crate_names(metadata: &Metadata) -> BTreeSet<&str> {
    metadata.members().map(|it| it.name.as_str()).collect()
}

/// Published crates that depend on one that is not.
#[must_use]
pub fn unpublished_dependencies(metadata: &Metadata) -> Vec<String> {
    let published: BTreeSet<&str> =
        metadata.members().filter(|it| it.is_published()).map(|it| it.name.as_str()).collect();
    let wrong = crate_arrows(metadata)
        .into_iter()
        .filter(|(from, to)| published.contains(from) && !published.contains(to));
    wrong
        .map(|(from, to)| format!("{from} is published and depends on {to}, which is not"))
        .collect()
}

/// Modules of one folder that import one another in a circle, one sentence each.
#[must_use]
pub fn circles(arrows: &BTreeSet<Arrow>) -> Vec<String> {
    let mut folders: BTreeMap<&[String], BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for it in arrows {
        let folder = folders.entry(&it.parent).or_default();
        folder.entry(&it.from).or_default().insert(&it.to);
    }
    let mut findings = Vec::new();
    for (parent, imports) in folders {
        for from in imports.keys() {
            let circle: BTreeSet<&str> = reached(&imports, from)
                .into_iter()
                .filter(|it| reached(&imports, it).contains(from))
                .collect();
            // Each circle once: from its first module by name.
            if circle.first() == Some(from) {
                let inside = |it: &&Arrow| {
                    it.parent == parent
                        && circle.contains(it.from.as_str())
                        && circle.contains(it.to.as_str())
                };
                let told = arrows.iter().filter(inside);
                let told: Vec<String> =
                    told.map(|it| format!("{} imports {}", it.from, it.to)).collect();
                findings.push(format!("a circle in {}: {}", path_of(parent), told.join(", ")));
            }
        }
    }
    findings
}

fn reached<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = imports.get(from).into_iter().flatten().copied().collect();
    while let Some(it) = open.pop() {
        if found.insert(it) {
            open.extend(imports.get(it).into_iter().flatten());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Some text.\n\n<!-- order: here -->\n```text\nroof\nleft right\nground\n```\n";

    fn order() -> Order {
        Order::parse_all(TEXT).unwrap().remove("here").unwrap()
    }

    fn names() -> BTreeSet<&'static str> {
        BTreeSet::from(["roof", "left", "right", "ground"])
    }

    #[test]
    fn imports_from_lower_floors_are_right_and_others_are_not() {
        let down = [("roof", "ground"), ("roof", "left"), ("right", "ground")];
        assert_eq!(order().check(&names(), down.into_iter()), Vec::<String>::new());
        for (from, to) in [("ground", "roof"), ("left", "right"), ("ground", "left")] {
            assert_eq!(
                order().check(&names(), [(from, to)].into_iter()),
                [format!("{from} imports {to}, which does not stand below it")]
            );
        }
    }

    #[test]
    fn the_order_has_each_name_and_no_other() {
        let mut more = names();
        more.insert("shed");
        more.remove("left");
        assert_eq!(
            order().check(&more, std::iter::empty()),
            ["shed has no place in the order", "left stands in the order and does not exist"]
        );
    }

    #[test]
    fn an_order_that_cannot_be_read_is_an_error() {
        for text in [
            "<!-- order: a -->\n\n```text\nx\n```\n",
            "<!-- order: a -->\n```text\nx\nx y\n```\n",
            "<!-- order: a",
        ] {
            assert!(Order::parse_all(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_circle_is_told_once_with_all_that_are_in_it() {
        let arrow = |from: &str, to: &str| Arrow {
            parent: vec!["a".to_owned()],
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let straight = BTreeSet::from([arrow("x", "y"), arrow("y", "z"), arrow("x", "z")]);
        assert_eq!(circles(&straight), Vec::<String>::new());
        let mut circle = straight;
        circle.insert(arrow("z", "y"));
        assert_eq!(circles(&circle), ["a circle in crate::a: y imports z, z imports y"]);
    }

    fn metadata(testkit: &str, kind: &str) -> Metadata {
        Metadata::parse(&format!(
            r#"{{ "workspace_members": ["1", "2"], "packages": [
                {{ "id": "1", "name": "core", "version": "1.0.0", "dependencies": [
                    {{ "name": "testkit", "req": "*", "kind": {kind} }},
                    {{ "name": "serde", "req": "^1", "kind": null }} ] }},
                {{ "id": "2", "name": "testkit", "version": "0.0.0", "publish": {testkit} }} ] }}"#
        ))
        .unwrap()
    }

    #[test]
    fn what_is_published_depends_on_what_is_published() {
        assert_eq!(
            unpublished_dependencies(&metadata("[]", "null")),
            ["core is published and depends on testkit, which is not"]
        );
        assert_eq!(unpublished_dependencies(&metadata("null", "null")), Vec::<String>::new());
        assert_eq!(unpublished_dependencies(&metadata("[]", "\"dev\"")), Vec::<String>::new());
    }
}
