//! Words and phrases that the project's prose does without, by the list `words.toml`.
//!
//! The list says for each what to write instead, and where it may stand all the same,
//! with the reason. A reason that no file needs any more is a finding too.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::prose::Passage;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Files that have words of the list for a reason that holds for every entry.
    #[serde(default)]
    pub unchecked: BTreeMap<String, String>,
    /// The entries, by the word that they are known by.
    pub words: BTreeMap<String, Entry>,
}

/// A word or a phrase in all its forms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The forms, in lower case.
    pub forms: Vec<String>,
    /// What to write instead.
    pub instead: String,
    /// The start of a path and, separated by white space, the words before and after;
    /// with the reason.
    #[serde(default)]
    pub allowed: BTreeMap<String, String>,
}

/// A word of the list in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry.
    pub name: String,
    /// The path.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The words that were found.
    pub found: String,
    /// What to write instead.
    pub instead: String,
}

/// The check of many files with one list. Remembers which reasons were needed.
#[derive(Debug)]
pub struct Check<'a> {
    words: &'a Words,
    needed: std::collections::BTreeSet<(&'a str, &'a str)>,
}

impl Words {
    /// Reads the list.
    ///
    /// # Errors
    ///
    /// It is not TOML of this form, a form is not in lower case, or a reason is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Self = basic_toml::from_str(text).map_err(|it| it.to_string())?;
        for (name, entry) in &words.words {
            if entry.forms.is_empty() || entry.instead.is_empty() {
                return Err(format!("{name}: no forms, or nothing to write instead"));
            }
            if let Some(form) = entry.forms.iter().find(|it| it.to_lowercase() != **it) {
                return Err(format!("{name}: not in lower case: {form}"));
            }
            if entry.allowed.values().any(String::is_empty) {
                return Err(format!("{name}: an exception without a reason"));
            }
        }
        Ok(words)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, path, line, found, instead } = self;
        write!(f, "{path}:{line}: {name}: \"{found}\"; instead: {instead}")
    }
}

impl<'a> Check<'a> {
    /// Starts a check.
    #[must_use]
    pub fn new(words: &'a Words) -> Self {
        Self { words, needed: std::collections::BTreeSet::new() }
    }

    /// The words of the list in one file.
    pub fn file(&mut self, path: &str, passages: &[Passage]) -> Vec<Finding> {
        if let Some((unchecked, _)) =
            self.words.unchecked.iter().find(|(it, _)| path.starts_with(it.as_str()))
        {
            self.needed.insert(("unchecked", unchecked));
            return Vec::new();
        }
        let mut findings = Vec::new();
        for passage in passages {
            let words = passage.words();
            for (name, entry) in &self.words.words {
                for form in &entry.forms {
                    let form: Vec<&str> = form.split(' ').collect();
                    for (at, window) in words.windows(form.len()).enumerate() {
                        let is_here = window.iter().map(|it| &it.text).eq(form.iter())
                            && window.iter().skip(1).all(|it| it.is_next);
                        if !is_here {
                            continue;
                        }
                        let around = words.iter().skip(at.saturating_sub(3));
                        let around: Vec<&str> =
                            around.take(form.len() + 6).map(|it| it.text.as_str()).collect();
                        let around = around.join(" ");
                        let allowed = entry.allowed.keys().find(|it| is_allowed(it, path, &around));
                        if let Some(allowed) = allowed {
                            self.needed.insert((name, allowed));
                        } else {
                            findings.push(Finding {
                                name: name.clone(),
                                path: path.to_owned(),
                                line: window.first().map_or(passage.line, |it| it.line),
                                found: around,
                                instead: entry.instead.clone(),
                            });
                        }
                    }
                }
            }
        }
        findings
    }

    /// Exceptions that no file needed, one sentence each.
    #[must_use]
    pub fn unneeded(&self) -> Vec<String> {
        let unchecked = self.words.unchecked.keys().map(|it| ("unchecked", it));
        let allowed = self.words.words.iter();
        let allowed =
            allowed.flat_map(|(name, it)| it.allowed.keys().map(move |path| (name.as_str(), path)));
        unchecked
            .chain(allowed)
            .filter(|(name, path)| !self.needed.contains(&(*name, path.as_str())))
            .map(|(name, path)| format!("no file needs the exception of {name} for {path}"))
            .collect()
    }
}

/// `allowed` is the start of a path, and words that must stand around the find.
fn is_allowed(allowed: &str, path: &str, around: &str) -> bool {
    let (start, context) = allowed.split_once(' ').unwrap_or((allowed, ""));
    let start = if start == "*" { "" } else { start };
    path.starts_with(start)
        && format!(" {around} ").contains(&format!(" {context} ").replace("  ", " "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::prose::passages;

    const LIST: &str = r#"
        [unchecked]
        "list.toml" = "the list itself"
        [words.nobody]
        forms = ["nobody", "is none"]
        instead = "say which"
        [words.leave]
        forms = ["leaves", "on the air"]
        instead = "disconnects"
        [words.leave.allowed]
        "src/prompt" = "a text for people"
        "* leaves out" = "another meaning"
    "#;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let words = Words::parse(LIST).unwrap();
        let found = Check::new(&words).file(path, &passages(Path::new(path), text));
        found.into_iter().map(|it| format!("{}: {}", it.line, it.found)).collect()
    }

    #[test]
    fn a_phrase_is_found_in_comments_literals_and_markdown_and_over_a_line_break() {
        assert_eq!(findings("tests/a.rs", "// Nobody asks.\n"), ["1: nobody asks"]);
        assert_eq!(
            findings("a.rs", "/// A point\n/// that is\n/// none.\n"),
            ["2: a point that is none"]
        );
        assert_eq!(findings("a.rs", "f(\"said by nobody\");\n"), ["1: said by nobody"]);
        assert_eq!(findings("a.md", "One.\n\nNobody.\n"), ["3: one nobody"]);
        assert_eq!(findings("a.toml", "# For nobody.\n"), ["1: for nobody"]);
    }

    #[test]
    fn code_and_other_words_are_not_found() {
        for text in [
            "fn nobody() { x.is_none() }",
            "// `nobody` is a name, and so is nobody_else.",
            "// What it is, none can tell.",
            "/// ```\n/// let nobody = 1;\n/// ```",
            "f(\"seeds/nobody-asked\");",
        ] {
            assert_eq!(findings("src/a.rs", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_functions_name_of_three_words_is_prose() {
        for (name, found) in [
            ("a_phone_leaves_early", vec!["1: a phone leaves early"]),
            ("it_is_none", vec!["1: it is none"]),
            ("is_none", vec![]),
            ("leaves", vec![]),
        ] {
            assert_eq!(findings("src/a.rs", &format!("async fn {name}() {{}}")), found, "{name}");
        }
        assert_eq!(findings("src/a.rs", "let a_phone_leaves = 1;"), Vec::<String>::new());
    }

    #[test]
    fn an_exception_holds_for_its_path_and_the_words_around() {
        assert_eq!(findings("src/a.rs", "/// The phone leaves."), ["1: the phone leaves"]);
        for (path, text) in
            [("src/a.rs", "/// It leaves out a byte."), ("src/prompt.rs", "/// The phone leaves.")]
        {
            assert_eq!(findings(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }

    #[test]
    fn an_exception_that_no_file_needs_is_told() {
        let words = Words::parse(LIST).unwrap();
        let mut check = Check::new(&words);
        assert_eq!(check.file("list.toml", &passages(Path::new("list.toml"), "# nobody")), []);
        let text = "/// It leaves out a byte.";
        assert_eq!(check.file("src/a.rs", &passages(Path::new("src/a.rs"), text)), []);
        assert_eq!(check.unneeded(), ["no file needs the exception of leave for src/prompt"]);
    }

    #[test]
    fn a_list_without_reasons_is_an_error() {
        assert!(Words::parse(&LIST.replace("another meaning", "")).is_err());
        assert!(Words::parse(&LIST.replace("\"leaves\"", "\"Leaves\"")).is_err());
        assert!(Words::parse(&LIST.replace("\"say which\"", "\"\"")).is_err());
    }
}
