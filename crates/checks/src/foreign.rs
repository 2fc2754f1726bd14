//! Other projects whose types stand in public signatures, from rustdoc's JSON.
//!
//! A program can name such a type only if it depends on the same version of that
//! project, or if the crate re-exports it. Implementations of traits are left out.

use std::collections::BTreeSet;

use serde_json::Value;

/// The names of the crates, without those of the standard library. A crate's own JSON
/// is enough; `ours` are crates whose items count as its own.
///
/// # Errors
///
/// It is not rustdoc's JSON.
pub fn in_signatures(json: &str, ours: &BTreeSet<&str>) -> Result<BTreeSet<String>, String> {
    let value: Value = serde_json::from_str(json).map_err(|it| it.to_string())?;
    let index = value.get("index").and_then(Value::as_object).ok_or("there is no index")?;
    let mut found = BTreeSet::new();
    let of_traits = of_traits(index);
    for (id, item) in index {
        let is_own = item.get("crate_id").and_then(Value::as_u64).unwrap_or_default() == 0;
        let visibility = item.get("visibility").and_then(Value::as_str);
        let inner = item.get("inner").unwrap_or(&Value::Null);
        let has_signature = inner.get("impl").is_none() && inner.get("use").is_none();
        let is_listed = has_signature && !of_traits.contains(id);
        if is_own && is_listed && matches!(visibility, Some("public" | "default")) {
            named(&value, inner, &mut found);
        }
    }
    found.retain(|it| {
        !["alloc", "core", "std"].contains(&it.as_str()) && !ours.contains(it.as_str())
    });
    Ok(found)
}

/// The ids of what belongs to implementations of traits.
fn of_traits(index: &serde_json::Map<String, Value>) -> BTreeSet<String> {
    let implementations = index.values().filter_map(|it| it.get("inner")?.get("impl"));
    let of_traits = implementations.filter(|it| it.get("trait").is_some_and(Value::is_object));
    let items = of_traits.filter_map(|it| it.get("items")?.as_array());
    items.flatten().map(ToString::to_string).collect()
}

/// Adds the crate of each type and trait that is named here.
fn named(json: &Value, part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(members) => {
            // A resolved path: a type or a trait with its arguments.
            if members.contains_key("path") && members.contains_key("args") {
                found.extend(members.get("id").and_then(|it| home(json, it)));
            }
            members.values().for_each(|it| named(json, it, found));
        }
        Value::Array(parts) => parts.iter().for_each(|it| named(json, it, found)),
        _ => {}
    }
}

/// The name of another crate in which the item with this id is.
fn home(json: &Value, id: &Value) -> Option<String> {
    let summary = json.get("paths")?.get(id.to_string())?;
    let number = summary.get("crate_id")?.as_u64().filter(|it| *it != 0)?;
    let name = json.get("external_crates")?.get(number.to_string())?.get("name")?;
    name.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{ "index": {
        "1": { "crate_id": 0, "visibility": "public", "inner": { "function": { "sig": {
            "inputs": [["it", { "resolved_path": { "path": "Thing", "id": 7, "args": null } }]],
            "output": { "resolved_path": { "path": "Vec", "id": 8, "args": null } } } } } },
        "2": { "crate_id": 0, "visibility": "crate", "inner": { "function": { "sig": {
            "inputs": [["it", { "resolved_path": { "path": "Hidden", "id": 9, "args": null } }]]
            } } } },
        "3": { "crate_id": 0, "visibility": "default", "inner": { "impl": {
            "trait": { "path": "Hidden", "id": 9, "args": null }, "items": [5] } } },
        "5": { "crate_id": 0, "visibility": "default", "inner": { "function": { "sig": {
            "output": { "resolved_path": { "path": "Hidden", "id": 9, "args": null } } } } } },
        "4": { "crate_id": 0, "visibility": "public", "inner": { "struct_field": {
            "resolved_path": { "path": "Own", "id": 10, "args": null } } } } },
      "paths": {
        "7": { "crate_id": 3, "path": ["other", "Thing"] },
        "8": { "crate_id": 2, "path": ["alloc", "vec", "Vec"] },
        "9": { "crate_id": 4, "path": ["hidden", "Hidden"] },
        "10": { "crate_id": 5, "path": ["sister", "Own"] } },
      "external_crates": { "2": { "name": "alloc" }, "3": { "name": "other" },
        "4": { "name": "hidden" }, "5": { "name": "sister" } } }"#;

    #[test]
    fn crates_in_signatures_are_found_and_those_of_implementations_are_not() {
        let found = in_signatures(JSON, &BTreeSet::from(["sister"])).unwrap();
        assert_eq!(found, BTreeSet::from(["other".to_owned()]));
        assert!(in_signatures("{}", &BTreeSet::new()).is_err());
    }
}
