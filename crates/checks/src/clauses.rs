//! References to the clauses of standards: `[CTAP 2.2 §11.5.1.2]`.
//!
//! One spelling makes them findable. Several clauses of one standard stand in one pair
//! of brackets, and so may the name of a step: `[CTAP 2.2 §6.1, §6.2.2, makeCredUvNotRqd]`.

use std::collections::{BTreeMap, BTreeSet};

use crate::prose::{self, Passage};

/// The standards, as references name them. `*` stands for one word.
const STANDARDS: [&str; 13] = [
    "Bluetooth Core Vol * Part *",
    "CTAP 2.2",
    "CTAP 2.3",
    "ECMAScript",
    "HTML",
    "Infra",
    "Noise",
    "POSIX",
    "RFC *",
    "SEC 1",
    "Secure Contexts",
    "Web IDL",
    "WebAuthn L3",
];

/// What stands before a clause in other spellings.
const OTHER_SPELLINGS: [&str; 6] =
    ["section", "sections", "clause", "clauses", "appendix", "chapter"];

/// A clause of a standard. Ordered by standard, then by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clause {
    /// `CTAP 2.2`.
    pub standard: String,
    /// The numbers of `11.5.1.2`; a letter is behind all numbers.
    order: Vec<(u32, String)>,
}

/// Where a clause is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Files of code, without tests.
    pub code: BTreeSet<String>,
    /// Those of them that have unit tests.
    pub unit_tested: BTreeSet<String>,
    /// Files of tests, and files of code whose unit tests name it.
    pub tests: BTreeSet<String>,
}

/// The references of many files.
#[derive(Debug, Default)]
pub struct Clauses {
    /// Each clause and where it is named.
    pub places: BTreeMap<Clause, Places>,
    /// References in another spelling, one sentence each.
    pub findings: Vec<String>,
}

impl std::fmt::Display for Clause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<&str> = self.order.iter().map(|(_, it)| it.as_str()).collect();
        write!(f, "{} §{}", self.standard, parts.join("."))
    }
}

impl Clause {
    fn new(standard: &str, number: &str) -> Option<Self> {
        let order: Vec<_> =
            number.split('.').map(|it| (it.parse().unwrap_or(u32::MAX), it.to_owned())).collect();
        let is_number = |it: &str| {
            let is_letter = it.len() == 1 && it.starts_with(|it: char| it.is_ascii_uppercase());
            is_letter || (!it.is_empty() && it.chars().all(|it| it.is_ascii_digit()))
        };
        let is_known = STANDARDS.iter().any(|known| {
            let known: Vec<&str> = known.split(' ').collect();
            let named: Vec<&str> = standard.split(' ').collect();
            known.len() == named.len()
                && known.iter().zip(&named).all(|(known, it)| known == it || *known == "*")
        });
        let is_clause = is_known && order.iter().all(|(_, it)| is_number(it));
        is_clause.then(|| Self { standard: standard.to_owned(), order })
    }
}

impl Clauses {
    /// Adds the references of one file. `has_tests`: the file has unit tests.
    pub fn file(&mut self, path: &str, has_tests: bool, passages: &[Passage]) {
        let is_test_file = prose::is_test(path);
        for passage in passages {
            let (clauses, rest) = references(&passage.text);
            for clause in clauses {
                let places = self.places.entry(clause).or_default();
                let is_test = is_test_file || passage.is_test;
                let files = if is_test { &mut places.tests } else { &mut places.code };
                files.insert(path.to_owned());
                if has_tests && !is_test {
                    places.unit_tested.insert(path.to_owned());
                }
            }
            let rest = Passage { text: rest, ..passage.clone() };
            for (line, found) in other_spellings(&rest) {
                self.findings.push(format!("{path}:{line}: a clause in another spelling: {found}"));
            }
        }
    }
}

/// The clauses of well-formed references, and the text without these.
fn references(text: &str) -> (Vec<Clause>, String) {
    let mut found = Vec::new();
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        let inside = after.split_once(']').map(|(inside, behind)| (parse(inside), inside, behind));
        if let Some((Some(clauses), inside, behind)) = inside {
            found.extend(clauses);
            kept.extend(inside.chars().filter(|it| *it == '\n'));
            kept.push('.');
            rest = behind;
        } else {
            kept.push('[');
            rest = after;
        }
    }
    kept.push_str(rest);
    (found, kept)
}

/// What stands in the brackets of a reference.
fn parse(inside: &str) -> Option<Vec<Clause>> {
    let inside = inside.split_whitespace().collect::<Vec<_>>().join(" ");
    let (standard, _) = inside.split_once(" §")?;
    let rest = inside.strip_prefix(standard)?.trim_start();
    let mut clauses = Vec::new();
    for part in rest.split(", ") {
        match part.strip_prefix('§') {
            Some(number) => clauses.push(Clause::new(standard, number)?),
            None if part.contains('§') || part.starts_with(|it: char| it.is_ascii_digit()) => {
                return None;
            }
            // The name of a step or of a member.
            None => {}
        }
    }
    Some(clauses)
}

fn other_spellings(passage: &Passage) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in passage.text.split('\n').enumerate() {
        if line.contains('§') {
            found.push((passage.line + number, line.trim().to_owned()));
        }
    }
    let words = passage.words();
    for (at, pair) in words.windows(2).enumerate() {
        let [word, next] = pair else { continue };
        let starts = |it: &str| it.starts_with(|it: char| it.is_ascii_digit());
        let is_lettered = word.text == "appendix" && next.text.len() <= 5;
        let is_named = OTHER_SPELLINGS.contains(&word.text.as_str())
            && next.is_next
            && (starts(&next.text) || is_lettered);
        let is_listed = word.text == "rfc"
            && words
                .get(at + 2)
                .is_some_and(|it| !it.is_next && starts(&it.text) && it.text.contains('.'));
        if is_named || is_listed {
            found.push((word.line, format!("{} {}", word.text, next.text)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::prose::passages;

    fn read(files: &[(&str, &str)]) -> Clauses {
        let mut clauses = Clauses::default();
        for (path, text) in files {
            clauses.file(path, text.contains("mod tests"), &passages(Path::new(path), text));
        }
        clauses
    }

    #[test]
    fn references_are_listed_by_standard_and_number() {
        let found = read(&[
            (
                "src/a.rs",
                "/// One [CTAP 2.2 §11.5.1, §6.1, makeCredUvNotRqd] and [RFC 6455\n/// §7.4].",
            ),
            (
                "src/b.rs",
                "// [CTAP 2.2 §11.5.1]\n#[cfg(test)]\nmod tests {\n    // [RFC 8017 §A.1.1]\n}",
            ),
            ("tests/c.rs", "//! [CTAP 2.2 §6.1]"),
        ]);
        assert_eq!(found.findings, Vec::<String>::new());
        let list: Vec<_> = found
            .places
            .iter()
            .map(|(clause, it)| {
                (clause.to_string(), it.code.len(), it.unit_tested.len(), it.tests.len())
            })
            .collect();
        assert_eq!(
            list,
            [
                ("CTAP 2.2 §6.1".to_owned(), 1, 0, 1),
                ("CTAP 2.2 §11.5.1".to_owned(), 2, 1, 0),
                ("RFC 6455 §7.4".to_owned(), 1, 0, 0),
                ("RFC 8017 §A.1.1".to_owned(), 0, 0, 1),
            ]
        );
    }

    #[test]
    fn other_spellings_are_found() {
        for text in [
            "// CTAP 2.2 section 11.5.1",
            "// WebAuthn sections 5.1\n// and 5.2",
            "// see section\n// 8.2",
            "// CTAP 2.2 §11.5.1",
            "// [CTAP §11.5.1]",
            "// [CTAP 2.2 §6.1, 6.2]",
            "// [CTAP 2.2 §6.1 step 3]",
            "// (RFC 1035, 2.3.4)",
            "// RFC 8017 appendix A.1.1",
            "f(\"by CTAP 2.2 section 6\")",
        ] {
            assert_eq!(read(&[("a.rs", text)]).findings.len(), 1, "{text}");
        }
    }

    #[test]
    fn prose_without_clauses_is_not_found() {
        for text in [
            "// The section below; RFC 6979, so that 2 calls give the same.",
            "// [`Client`] and [a link](https://example.com)",
            "// CTAP 2.2 and 2.3",
        ] {
            assert_eq!(read(&[("a.rs", text)]).findings, Vec::<String>::new(), "{text}");
        }
    }
}
