//! Which module of a crate imports which: read from the source text.
//!
//! A path that starts with `crate`, `super` or `self` is an import, in a `use` or
//! anywhere else in the code. What stands in comments, in strings and under
//! `#[cfg(test)]` is left out. A name that a module re-exports is followed to where
//! it comes from. Glob imports count as imports of the module alone; `#[path]` and
//! names made by macros are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's path inside its crate; the crate itself is empty.
pub type Module = Vec<String>;

/// The modules of one crate and what they import.
#[derive(Debug, Default)]
pub struct Imports {
    /// For each module its tokens.
    modules: BTreeMap<Module, Vec<String>>,
    /// For each module, the names that a `use` brings into it.
    names: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
}

/// An import across a fork: below `parent`, `from` (or a module inside it) imports
/// from `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The module that holds both.
    pub parent: Module,
    /// What imports.
    pub from: String,
    /// What is imported.
    pub to: String,
}

impl Imports {
    /// Reads the crate whose root is this file.
    ///
    /// # Errors
    ///
    /// A file is missing, or a `mod` names one that is not there.
    pub fn read(root: &Path) -> Result<Self, String> {
        Self::load(root, &|path| std::fs::read_to_string(path).ok())
    }

    /// As [`Self::read`], with files from elsewhere.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn load(root: &Path, file: &dyn Fn(&Path) -> Option<String>) -> Result<Self, String> {
        let mut imports = Self::default();
        let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
        imports.load_module(Vec::new(), root.to_path_buf(), folder, file)?;
        for (module, tokens) in &imports.modules {
            let names = uses(tokens).into_iter().filter_map(|it| {
                let path = imports.absolute(module, &it.path)?;
                Some((it.name, path))
            });
            imports.names.insert(module.clone(), names.collect());
        }
        Ok(imports)
    }

    fn load_module(
        &mut self,
        module: Module,
        path: PathBuf,
        children: PathBuf,
        file: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<(), String> {
        let text = file(&path).ok_or_else(|| format!("{} cannot be read", path.display()))?;
        let tokens = without_tests(tokens(&text));
        let names: Vec<String> = tokens
            .windows(3)
            .filter(|it| it[0] == "mod" && it[2] == ";")
            .map(|it| it[1].clone())
            .collect();
        self.modules.insert(module.clone(), tokens);
        for name in names {
            let inside = children.join(&name);
            let candidates = [children.join(format!("{name}.rs")), inside.join("mod.rs")];
            let path = candidates.into_iter().find(|it| file(it).is_some());
            let path =
                path.ok_or_else(|| format!("{}: no file for `mod {name}`", path_of(&module)))?;
            let mut below = module.clone();
            below.push(name);
            self.load_module(below, path, inside, file)?;
        }
        Ok(())
    }

    /// The modules at the root of the crate.
    #[must_use]
    pub fn top_modules(&self) -> BTreeSet<&str> {
        self.modules.keys().filter(|it| it.len() == 1).map(|it| it[0].as_str()).collect()
    }

    /// The types that are public in their modules: structs, enums, traits and aliases,
    /// each with its module.
    #[must_use]
    pub fn public_types(&self) -> Vec<(&Module, &str)> {
        let mut types = Vec::new();
        for (module, tokens) in &self.modules {
            for it in tokens.windows(3) {
                let [visibility, kind, name] = it else { continue };
                let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind.as_str());
                if visibility == "pub" && is_type && is_word(name) {
                    types.push((module, name.as_str()));
                }
            }
        }
        types
    }

    /// Every import from a module to another that is not around it.
    #[must_use]
    pub fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (module, tokens) in &self.modules {
            let in_uses = uses(tokens).into_iter().map(|it| it.path);
            for path in in_uses.chain(inline_paths(tokens)) {
                let Some(path) = self.absolute(module, &path) else { continue };
                let imported = self.home(path, 0);
                let common = module.iter().zip(&imported).take_while(|(a, b)| a == b).count();
                if let (Some(from), Some(to)) = (module.get(common), imported.get(common)) {
                    let parent = module[..common].to_vec();
                    arrows.insert(Arrow { parent, from: from.clone(), to: to.clone() });
                }
            }
        }
        arrows
    }

    /// From the root of the crate. `None`: a path into another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let mut at = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|it| it == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                at.push(child.to_owned());
                let is_child = self.modules.contains_key(&at);
                at.pop();
                if !is_child {
                    return None;
                }
            }
        }
        at.extend(rest.iter().cloned());
        Some(at)
    }

    /// The module in which the item at this path is written.
    fn home(&self, path: Vec<String>, depth: usize) -> Module {
        let mut module = Vec::new();
        for (index, segment) in path.iter().enumerate() {
            module.push(segment.clone());
            if self.modules.contains_key(&module) {
                continue;
            }
            module.pop();
            let name = self.names.get(&module).and_then(|it| it.get(segment));
            return match name {
                // Far deeper than re-exports go: names that mean one another end here.
                Some(target) if depth < 16 => {
                    let rest = &path[index + 1..];
                    self.home([&target[..], rest].concat(), depth + 1)
                }
                _ => module,
            };
        }
        module
    }
}

/// How a module is written.
#[must_use]
pub fn path_of(module: &[String]) -> String {
    let mut path = String::from("crate");
    for it in module {
        path.push_str("::");
        path.push_str(it);
    }
    path
}

/// One name of a `use`.
#[derive(Debug)]
struct Use {
    name: String,
    path: Vec<String>,
}

fn uses(tokens: &[String]) -> Vec<Use> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            let mut next = at + 1;
            use_tree(tokens, &mut next, &[], &mut found);
            at = next;
        } else {
            at += 1;
        }
    }
    found
}

/// A path, or `path::{…}`, `path::*`, `path as name`.
fn use_tree(tokens: &[String], at: &mut usize, before: &[String], found: &mut Vec<Use>) {
    let mut path = before.to_vec();
    loop {
        match tokens.get(*at).map(String::as_str) {
            Some("::") => *at += 1,
            Some("{") => {
                *at += 1;
                while tokens.get(*at).is_some_and(|it| it != "}") {
                    use_tree(tokens, at, &path, found);
                    *at += usize::from(tokens.get(*at).is_some_and(|it| it == ","));
                }
                *at += 1;
                return;
            }
            Some("*") => {
                *at += 1;
                found.push(Use { name: "*".to_owned(), path });
                return;
            }
            Some(word) if is_word(word) && word != "as" => {
                // `{self, …}` is the module itself.
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                *at += 1;
            }
            end => {
                let mut name = path.last().cloned().unwrap_or_default();
                if end == Some("as") {
                    name = tokens.get(*at + 1).cloned().unwrap_or_default();
                    *at += 2;
                } else if !matches!(end, Some("," | "}" | ";")) {
                    *at += 1;
                }
                found.push(Use { name, path });
                return;
            }
        }
    }
}

/// Paths outside of `use` that start with `crate`, `super` or `self`.
fn inline_paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 1 < tokens.len() {
        let starts = matches!(tokens[at].as_str(), "crate" | "super" | "self");
        // `pub(in crate::x)` is no import.
        let scope = at > 0 && tokens[at - 1] == "in";
        if starts && tokens[at + 1] == "::" && !scope {
            let mut path = vec![tokens[at].clone()];
            while tokens.get(at + 1).is_some_and(|it| it == "::")
                && tokens.get(at + 2).is_some_and(|it| is_word(it))
            {
                path.push(tokens[at + 2].clone());
                at += 2;
            }
            found.push(path);
        }
        at += 1;
    }
    found
}

fn is_word(token: &str) -> bool {
    token.starts_with(|it: char| it == '_' || it.is_alphanumeric())
}

/// Words, `::`, and other characters one by one; no comments, strings or characters.
fn tokens(text: &str) -> Vec<String> {
    let bytes: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&it) = bytes.get(at) {
        let next = bytes.get(at + 1).copied().unwrap_or('\0');
        if it == '/' && next == '/' {
            while bytes.get(at).is_some_and(|it| *it != '\n') {
                at += 1;
            }
        } else if it == '/' && next == '*' {
            let mut depth = 0;
            while at < bytes.len() {
                match (bytes[at], bytes.get(at + 1)) {
                    ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
                    ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
                    _ => at += 1,
                }
                if depth == 0 {
                    break;
                }
            }
        } else if it == '"' {
            at = after_string(&bytes, at);
        } else if it == '\'' {
            at = after_quote(&bytes, at);
        } else if it == '_' || it.is_alphanumeric() {
            let start = at;
            while bytes.get(at).is_some_and(|it| *it == '_' || it.is_alphanumeric()) {
                at += 1;
            }
            let word: String = bytes[start..at].iter().collect();
            let raw = matches!(word.as_str(), "r" | "br" | "cr");
            match bytes.get(at) {
                Some('#' | '"') if raw => match after_raw_string(&bytes, at) {
                    Some(end) => at = end,
                    // `r#type`: a word that is a keyword elsewhere.
                    None => at += 1,
                },
                _ => found.push(word),
            }
        } else if it == ':' && next == ':' {
            found.push("::".to_owned());
            at += 2;
        } else {
            if !it.is_whitespace() {
                found.push(it.to_string());
            }
            at += 1;
        }
    }
    found
}

fn after_string(text: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&it) = text.get(at) {
        match it {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// `at` is behind the `r`.
fn after_raw_string(text: &[char], at: usize) -> Option<usize> {
    let hashes = text[at..].iter().take_while(|it| **it == '#').count();
    if text.get(at + hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = at + hashes + 1;
    let found = text[body..].windows(end.len()).position(|it| it == end)?;
    Some(body + found + end.len())
}

/// A character, or a lifetime.
fn after_quote(text: &[char], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some('\\'), _) => {
            let closing = text[at + 3..].iter().position(|it| *it == '\'');
            closing.map_or(text.len(), |it| at + 3 + it + 1)
        }
        (_, Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Leaves out each item that `#[cfg(test)]` stands before.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
        if tokens[at..].iter().take(attribute.len()).eq(attribute.iter()) {
            at = after_item(&tokens, at + attribute.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Behind the `;` or the block that ends an item.
fn after_item(tokens: &[String], start: usize) -> usize {
    let mut depth = 0_usize;
    let is_use = tokens.get(start).is_some_and(|it| it == "use");
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == "}" && !is_use {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let files: BTreeMap<PathBuf, String> =
            files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        let imports = Imports::load(Path::new("lib.rs"), &|path| files.get(path).cloned());
        let arrows = imports.unwrap().arrows();
        let written = |it: &Arrow| format!("{}: {} -> {}", path_of(&it.parent), it.from, it.to);
        arrows.iter().map(written).collect()
    }

    #[test]
    fn a_use_and_a_path_in_the_code_are_imports() {
        let roots = "mod a; mod b; mod c; mod d;";
        let found = arrows(&[
            ("lib.rs", roots),
            ("a.rs", "use crate::b::Thing; fn f() { crate::c::g() }"),
            ("b.rs", "use super::{c::{self, X as Y}, d};"),
            ("c.rs", "use std::fmt; use serde::d;"),
            ("d/mod.rs", "pub(in crate::a) fn f() {}"),
        ]);
        assert_eq!(found, ["crate: a -> b", "crate: a -> c", "crate: b -> c", "crate: b -> d"]);
    }

    #[test]
    fn a_name_is_followed_to_where_it_is_written() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b; mod c; pub use b::Thing; pub use crate::c::deep;"),
            ("a.rs", "use crate::Thing; use crate::deep::X;"),
            ("b.rs", "mod inner; pub use inner::Thing;"),
            ("b/inner.rs", "pub struct Thing;"),
            ("c.rs", "pub mod deep;"),
            ("c/deep.rs", ""),
        ]);
        assert_eq!(found, ["crate: a -> b", "crate: a -> c"]);
    }

    #[test]
    fn modules_inside_a_folder_are_compared_with_one_another() {
        let found = arrows(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod x; mod y; pub use x::X;"),
            ("a/x.rs", "use super::y::Y;"),
            ("a/y.rs", "use super::X;"),
        ]);
        assert_eq!(found, ["crate::a: x -> y", "crate::a: y -> x"]);
    }

    #[test]
    fn comments_strings_and_tests_are_no_imports() {
        let text = r##"
            //! [`crate::b`]
            /* crate::b /* crate::b */ crate::b */
            const A: &str = "crate::b \" crate::b"; const B: &str = r#"crate::b " crate::b"#;
            const C: [char; 3] = ['"', '\'', 'c']; fn f<'a>(it: &'a str) {}
            #[cfg(test)]
            use crate::b::{X};
            #[cfg(test)]
            mod tests { use crate::b; fn f() { "}" } }
            #[cfg(test)]
            mod elsewhere;
            use crate::c::r#type;
        "##;
        let found = arrows(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", text),
            ("b.rs", ""),
            ("c.rs", ""),
        ]);
        assert_eq!(found, ["crate: a -> c"]);
    }

    #[test]
    fn public_types_are_those_of_code_with_their_modules() {
        let text = "pub struct A; pub(crate) struct B; struct C; pub enum D {} pub trait E { \
                    type F; } #[cfg(test)] pub struct G; pub type H = A;";
        let imports = Imports::load(Path::new("lib.rs"), &|path| match path.to_str() {
            Some("lib.rs") => Some("mod a; pub struct A;".to_owned()),
            Some("a.rs") => Some(text.to_owned()),
            _ => None,
        });
        let imports = imports.unwrap();
        let types = imports.public_types();
        let types: Vec<_> = types.iter().map(|(module, it)| (path_of(module), *it)).collect();
        let a = |it| ("crate::a".to_owned(), it);
        assert_eq!(types, [("crate".to_owned(), "A"), a("A"), a("D"), a("E"), a("H")]);
    }

    #[test]
    fn a_module_without_a_file_is_an_error() {
        let error = Imports::load(Path::new("lib.rs"), &|path| {
            (path == Path::new("lib.rs")).then(|| "mod a;".to_owned())
        });
        assert_eq!(error.unwrap_err(), "crate: no file for `mod a`");
    }
}
