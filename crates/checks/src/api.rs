//! The public items of a crate, from rustdoc's JSON.
//!
//! An item that can be reached on several paths is listed once, by its shortest path; of
//! two that are as short, by the first in the order of the alphabet. Items of other
//! crates are followed where the JSON of these is given too. Implementations of traits
//! are not listed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The format of the JSON that this was written for: that of Rust 1.95. Formats before
/// and after it have the same fields as far as they are read here, which
/// [`Crates::list`] tests: an item without the fields that it must have is an error.
const OLDEST_FORMAT: u64 = 45;

/// The JSON of a crate and of those whose items it re-exports.
#[derive(Debug, Default)]
pub struct Crates {
    crates: BTreeMap<String, Value>,
}

/// An item to be visited: first those with the shortest paths.
type Visit = (usize, String, String, String);

/// A list under way.
#[derive(Default)]
struct List {
    open: BTreeSet<Visit>,
    seen: BTreeSet<(String, String)>,
    lines: BTreeSet<String>,
}

impl Crates {
    /// Adds a crate's JSON.
    ///
    /// # Errors
    ///
    /// It is not rustdoc's JSON, or of a format that is too old.
    pub fn add(&mut self, json: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(json).map_err(|it| it.to_string())?;
        let format = value.get("format_version").and_then(Value::as_u64).unwrap_or(0);
        if format < OLDEST_FORMAT {
            return Err(format!("rustdoc's JSON has the format {format}"));
        }
        let root = id_of(value.get("root")).ok_or("rustdoc's JSON has no root")?;
        let name = text(item(&value, &root)?, "name").ok_or("the root has no name")?;
        self.crates.insert(name.to_owned(), value);
        Ok(())
    }

    /// The public items of a crate: `path: kind`, in the order of their paths.
    ///
    /// # Errors
    ///
    /// The crate was not added, or an item lacks what it must have.
    pub fn list(&self, name: &str) -> Result<BTreeSet<String>, String> {
        let root = self.crates.get(name).ok_or_else(|| format!("no JSON of {name}"))?;
        let root = id_of(root.get("root")).ok_or("rustdoc's JSON has no root")?;
        let mut list = List::default();
        list.open.insert((1, name.to_owned(), name.to_owned(), root));
        while let Some((depth, path, krate, id)) = list.open.pop_first() {
            if list.seen.insert((krate.clone(), id.clone())) {
                self.visit(&mut list, depth, &path, &krate, &id)?;
            }
        }
        Ok(list.lines)
    }

    fn json(&self, krate: &str) -> Result<&Value, String> {
        self.crates.get(krate).ok_or_else(|| format!("no JSON of {krate}"))
    }

    fn visit(
        &self,
        list: &mut List,
        depth: usize,
        path: &str,
        krate: &str,
        id: &str,
    ) -> Result<(), String> {
        let json = self.json(krate)?;
        let (kind, inner) = kind_of(item(json, id)?)?;
        match kind {
            "module" => {
                list.lines.insert(format!("{path}: module"));
                self.open_children(list, depth, path, krate, id)?;
            }
            "struct" | "union" | "enum" | "trait" => {
                list.lines.insert(format!("{path}: {kind}"));
                for field in fields(inner) {
                    member(list, json, path, &field, "field")?;
                }
                for variant in ids(inner, "variants") {
                    member(list, json, path, &variant, "variant")?;
                    let (_, inner) = kind_of(item(json, &variant)?)?;
                    let name = text(item(json, &variant)?, "name").unwrap_or_default();
                    for field in fields(inner) {
                        member(list, json, &format!("{path}::{name}"), &field, "field")?;
                    }
                }
                for of_trait in ids(inner, "items") {
                    member(list, json, path, &of_trait, "trait method")?;
                }
                for implementation in ids(inner, "impls") {
                    let (_, inner) = kind_of(item(json, &implementation)?)?;
                    if inner.get("trait").is_some_and(Value::is_null) {
                        for method in ids(inner, "items") {
                            member(list, json, path, &method, "method")?;
                        }
                    }
                }
            }
            other => {
                list.lines.insert(format!("{path}: {}", other.replace('_', " ")));
            }
        }
        Ok(())
    }

    /// Opens what a module, or an enum that is imported with `*`, has.
    fn open_children(
        &self,
        list: &mut List,
        depth: usize,
        path: &str,
        krate: &str,
        id: &str,
    ) -> Result<(), String> {
        let json = self.json(krate)?;
        let (_, inner) = kind_of(item(json, id)?)?;
        for child in ids(inner, "items").into_iter().chain(ids(inner, "variants")) {
            let entry = item(json, &child)?;
            let (kind, inner) = kind_of(entry)?;
            if kind == "use" && is_public(entry) {
                let Some(target) = id_of(inner.get("id")) else { continue };
                let name = text(inner, "name").ok_or("a re-export has no name")?;
                let Some((krate, target)) = self.find(krate, &target)? else {
                    list.lines.insert(format!("{path}::{name}: re-export of another project"));
                    continue;
                };
                if inner.get("is_glob").and_then(Value::as_bool) == Some(true) {
                    self.open_children(list, depth, path, &krate, &target)?;
                } else {
                    list.open.insert((depth + 1, format!("{path}::{name}"), krate, target));
                }
            } else if kind != "use" && kind != "impl" && is_public(entry) {
                let name = text(entry, "name").ok_or("an item has no name")?;
                list.open.insert((depth + 1, format!("{path}::{name}"), krate.to_owned(), child));
            }
        }
        Ok(())
    }

    /// The crate that an item is in, and its id there. `None`: no JSON of that crate.
    fn find(&self, krate: &str, id: &str) -> Result<Option<(String, String)>, String> {
        let json = self.json(krate)?;
        if json.get("index").and_then(|it| it.get(id)).is_some() {
            return Ok(Some((krate.to_owned(), id.to_owned())));
        }
        let paths = |json: &Value| json.get("paths").and_then(Value::as_object).cloned();
        let all = paths(json).unwrap_or_default();
        let summary = all.get(id).ok_or_else(|| format!("{krate}: no path of item {id}"))?;
        let (path, kind) = (summary.get("path"), summary.get("kind"));
        let home = path.and_then(|it| it.get(0)).and_then(Value::as_str).unwrap_or_default();
        let Some(there) = self.crates.get(home) else { return Ok(None) };
        let found = paths(there).unwrap_or_default();
        let found = found.iter().find(|(_, it)| it.get("path") == path && it.get("kind") == kind);
        match found {
            Some((id, _)) => Ok(Some((home.to_owned(), id.clone()))),
            None => Err(format!("{home} has no item {path:?}")),
        }
    }
}

/// The line of what belongs to a type.
fn member(
    list: &mut List,
    json: &Value,
    path: &str,
    id: &str,
    kind_of_function: &str,
) -> Result<(), String> {
    // A field that is not public is in the list of fields and has no item.
    let Ok(entry) = item(json, id) else { return Ok(()) };
    let (kind, _) = kind_of(entry)?;
    let name = text(entry, "name").unwrap_or_default();
    let kind = match kind {
        "function" => kind_of_function,
        "assoc_const" => "constant",
        "assoc_type" => "associated type",
        "struct_field" => "field",
        other => other,
    };
    // What belongs to a variant or to a trait has the visibility of these.
    if entry.get("visibility") != Some(&Value::from("crate")) && !is_restricted(entry) {
        list.lines.insert(format!("{path}::{name}: {kind}"));
    }
    Ok(())
}

fn item<'a>(json: &'a Value, id: &str) -> Result<&'a Value, String> {
    json.get("index").and_then(|it| it.get(id)).ok_or_else(|| format!("no item {id}"))
}

fn kind_of(item: &Value) -> Result<(&str, &Value), String> {
    let inner = item.get("inner").and_then(Value::as_object);
    let (kind, inner) = inner.and_then(|it| it.iter().next()).ok_or("an item has no kind")?;
    Ok((kind, inner))
}

fn is_public(item: &Value) -> bool {
    matches!(item.get("visibility").and_then(Value::as_str), Some("public" | "default"))
}

fn is_restricted(item: &Value) -> bool {
    item.get("visibility").is_some_and(Value::is_object)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Ids are numbers as values, and texts as keys.
fn id_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_u64).map(|it| it.to_string())
}

fn ids(inner: &Value, key: &str) -> Vec<String> {
    let list = inner.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|it| id_of(Some(it))).collect()
}

/// The fields of a struct or of a variant.
fn fields(inner: &Value) -> Vec<String> {
    let Some(kind) = inner.get("kind") else { return Vec::new() };
    for form in ["plain", "struct"] {
        if let Some(named) = kind.get(form) {
            return ids(named, "fields");
        }
    }
    ids(kind, "tuple")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer() -> String {
        r#"{ "format_version": 57, "root": 0, "index": {
            "0": { "name": "outer", "visibility": "public", "inner": { "module": {
                "items": [1, 2, 3, 9] } } },
            "1": { "name": "deep", "visibility": "public", "inner": { "module": { "items": [4] } } },
            "2": { "name": null, "visibility": "public", "inner": { "use": {
                "name": "Thing", "id": 4, "is_glob": false } } },
            "3": { "name": null, "visibility": "public", "inner": { "use": {
                "name": "parts", "id": 7, "is_glob": true } } },
            "4": { "name": "Thing", "visibility": "public", "inner": { "struct": {
                "kind": { "plain": { "fields": [5, 99] } }, "impls": [6, 8] } } },
            "5": { "name": "size", "visibility": "public", "inner": { "struct_field": {} } },
            "6": { "name": null, "visibility": "default", "inner": { "impl": {
                "trait": null, "items": [10, 11] } } },
            "8": { "name": null, "visibility": "default", "inner": { "impl": {
                "trait": { "path": "Clone" }, "items": [12] } } },
            "9": { "name": null, "visibility": "public", "inner": { "use": {
                "name": "foreign", "id": 13, "is_glob": false } } },
            "10": { "name": "new", "visibility": "public", "inner": { "function": {} } },
            "11": { "name": "hidden", "visibility": { "restricted": {} }, "inner": { "function": {} } },
            "12": { "name": "clone", "visibility": "default", "inner": { "function": {} } } },
          "paths": {
            "7": { "crate_id": 5, "path": ["inner", "parts"], "kind": "module" },
            "13": { "crate_id": 6, "path": ["other", "foreign"], "kind": "module" } } }"#
            .to_owned()
    }

    const INNER: &str = r#"{ "format_version": 57, "root": 0, "index": {
        "0": { "name": "inner", "visibility": "public", "inner": { "module": { "items": [1] } } },
        "1": { "name": "parts", "visibility": "public", "inner": { "module": { "items": [2, 3] } } },
        "2": { "name": "Kind", "visibility": "public", "inner": { "enum": {
            "variants": [4, 5], "impls": [] } } },
        "3": { "name": "Ask", "visibility": "public", "inner": { "trait": {
            "items": [6, 7], "implementations": [] } } },
        "4": { "name": "One", "visibility": "default", "inner": { "variant": { "kind": "plain" } } },
        "5": { "name": "Two", "visibility": "default", "inner": { "variant": {
            "kind": { "struct": { "fields": [8] } } } } },
        "6": { "name": "ask", "visibility": "default", "inner": { "function": {} } },
        "7": { "name": "Answer", "visibility": "default", "inner": { "assoc_type": {} } },
        "8": { "name": "of", "visibility": "default", "inner": { "struct_field": {} } } },
      "paths": { "1": { "crate_id": 0, "path": ["inner", "parts"], "kind": "module" } } }"#;

    #[test]
    fn each_item_is_listed_once_by_its_shortest_path() {
        let mut crates = Crates::default();
        crates.add(&outer()).unwrap();
        crates.add(INNER).unwrap();
        let list: Vec<String> = crates.list("outer").unwrap().into_iter().collect();
        assert_eq!(
            list,
            [
                "outer: module",
                "outer::Ask: trait",
                "outer::Ask::Answer: associated type",
                "outer::Ask::ask: trait method",
                "outer::Kind: enum",
                "outer::Kind::One: variant",
                "outer::Kind::Two: variant",
                "outer::Kind::Two::of: field",
                "outer::Thing: struct",
                "outer::Thing::new: method",
                "outer::Thing::size: field",
                "outer::deep: module",
                "outer::foreign: re-export of another project",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let mut crates = Crates::default();
        assert!(crates.add("{}").is_err());
        assert!(crates.add(&outer().replace("57", "30")).is_err());
        assert!(crates.list("outer").is_err());
        crates.add(&outer().replace("\"items\": [1, 2, 3, 9]", "\"items\": [77]")).unwrap();
        assert!(crates.list("outer").is_err());
    }
}
