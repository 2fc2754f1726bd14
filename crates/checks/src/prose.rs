//! The prose of a source file: comments, string literals, and Markdown, without code.
//!
//! | file | prose |
//! |---|---|
//! | `.rs`, `.js` | comments, string literals, and functions' names of three words or more |
//! | `.md` | everything but code spans and code examples |
//! | `.toml`, `.sh` and other shell scripts | comments, and text in double quotes |
//!
//! Of code examples in documentation and Markdown, the comments are prose.

use std::path::{Path, PathBuf};

/// What a passage is. A report: passages of other kinds may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// `///` or `//!`.
    Doc,
    /// Another comment.
    Comment,
    /// A string literal.
    Literal,
    /// Markdown.
    Markdown,
    /// A function's name of three words or more, with spaces between them.
    Name,
}

/// Adjacent lines of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// What it is.
    pub kind: Kind,
    /// The line of the file on which it starts, from 1.
    pub line: usize,
    /// The text, with the file's line breaks. Code in backquotes is [`CODE`].
    pub text: String,
    /// Whether it stands in a unit test: below `#[cfg(test)]` and `mod`.
    pub is_test: bool,
}

/// What stands for code in a passage.
pub const CODE: char = '\u{fffc}';

/// A word of a passage: letters, digits, `_`, and `-` and `.` between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// In lower case.
    pub text: String,
    /// The line of the file.
    pub line: usize,
    /// Whether only white space is between this word and the one before it.
    pub is_next: bool,
}

impl Passage {
    /// Its words in order.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        let text: Vec<char> = self.text.chars().collect();
        let is_part = |at: usize| text.get(at).is_some_and(|it| it.is_alphanumeric() || *it == '_');
        let mut words = Vec::new();
        let (mut at, mut line, mut is_next) = (0, self.line, true);
        while let Some(it) = text.get(at) {
            if is_part(at) {
                let start = at;
                while is_part(at)
                    || (matches!(text.get(at), Some('-' | '.')) && is_part(at + 1) && at > start)
                {
                    at += 1;
                }
                let word: String = text.iter().take(at).skip(start).collect();
                words.push(Word { text: word.to_lowercase(), line, is_next });
                is_next = true;
            } else {
                line += usize::from(*it == '\n');
                is_next &= it.is_whitespace();
                at += 1;
            }
        }
        words
    }
}

/// The files of a folder whose prose can be read, without what builds leave there.
///
/// # Errors
///
/// A folder cannot be listed.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    const LEFT_OUT: [&str; 5] = ["target", ".git", "corpus", "artifacts", "node_modules"];
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let tell = |it: std::io::Error| format!("{}: {it}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(tell)? {
            let entry = entry.map_err(tell)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(tell)?;
            if LEFT_OUT.iter().any(|it| entry.file_name() == *it) {
            } else if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() && Language::of(&path).is_some() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a path is that of a test.
#[must_use]
pub fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Whether a file of Rust has unit tests, in it or in a file of their own.
#[must_use]
pub fn has_tests(text: &str) -> bool {
    first_test(text).is_some()
}

/// The index of the line with `#[cfg(test)]` before a module.
fn first_test(text: &str) -> Option<usize> {
    let pairs = text.lines().zip(text.lines().skip(1));
    pairs
        .into_iter()
        .position(|(first, second)| first == "#[cfg(test)]" && second.starts_with("mod "))
}

/// The passages of a file. None for a file of another language.
#[must_use]
pub fn passages(path: &Path, text: &str) -> Vec<Passage> {
    match Language::of(path) {
        Some(Language::Rust) => rust(text),
        Some(Language::Markdown) => {
            vec![passage(Kind::Markdown, 1, without_code(text, ""))]
        }
        Some(Language::Hash) => hash(text),
        None => Vec::new(),
    }
}

#[derive(Clone, Copy)]
enum Language {
    Rust,
    Markdown,
    /// Comments start with `#`.
    Hash,
}

impl Language {
    fn of(path: &Path) -> Option<Self> {
        match path.extension().and_then(|it| it.to_str()) {
            Some("rs" | "js") => Some(Self::Rust),
            Some("md") => Some(Self::Markdown),
            Some("toml" | "sh") => Some(Self::Hash),
            Some(_) => None,
            None => {
                let text = std::fs::read(path).ok()?;
                let first = text.split(|it| *it == b'\n').next()?;
                let first = std::str::from_utf8(first).ok()?;
                (first.starts_with("#!") && first.contains("sh")
                    || first.starts_with("# shellcheck"))
                .then_some(Self::Hash)
            }
        }
    }
}

fn passage(kind: Kind, line: usize, text: String) -> Passage {
    Passage { kind, line, text, is_test: false }
}

fn rust(text: &str) -> Vec<Passage> {
    let test_line = first_test(text).map_or(usize::MAX, |it| it + 1);
    let text: Vec<char> = text.chars().collect();
    let mut found: Vec<Passage> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&it) = text.get(at) {
        let next = text.get(at + 1).copied().unwrap_or('\0');
        let start = at;
        match (it, next) {
            ('/', '/') => {
                at = until(&text, at, '\n');
                let (kind, body) = comment(&text, start, at);
                match found.last_mut() {
                    Some(last)
                        if last.kind == kind
                            && kind != Kind::Literal
                            && last.line + breaks_of(&last.text) + 1 == line =>
                    {
                        last.text.push('\n');
                        last.text.push_str(&body);
                    }
                    _ => found.push(passage(kind, line, body)),
                }
            }
            ('/', '*') => {
                at = after_block_comment(&text, at);
                let body = text.iter().take(at).skip(start).collect();
                found.push(passage(Kind::Comment, line, body));
            }
            ('"', _) => {
                at = after_string(&text, at);
                found.push(passage(Kind::Literal, line, literal(&text, start + 1, at)));
            }
            ('\'', _) => at = after_quote(&text, at),
            _ if it == '_' || it.is_alphanumeric() => {
                while text.get(at).is_some_and(|it| *it == '_' || it.is_alphanumeric()) {
                    at += 1;
                }
                let is_raw = matches!(text.get(start..at), Some(['r'] | ['b' | 'c', 'r']));
                if let (true, Some(end)) = (is_raw, after_raw_string(&text, at)) {
                    let body = text.iter().take(end).skip(at).collect();
                    found.push(passage(Kind::Literal, line, body));
                    at = end;
                } else if text.get(start..at) == Some(&['f', 'n']) {
                    found.extend(name(&text, at).map(|it| passage(Kind::Name, line, it)));
                }
            }
            _ => at += 1,
        }
        line += text.iter().take(at).skip(start).filter(|it| **it == '\n').count();
    }
    for it in &mut found {
        it.is_test = it.line > test_line;
        if it.kind != Kind::Literal {
            it.text = without_code(&it.text, "rust");
        }
    }
    found
}

/// The name behind `fn`, as words. `None` if it has fewer than three.
fn name(text: &[char], at: usize) -> Option<String> {
    let name = text.iter().skip(at).skip_while(|it| it.is_whitespace());
    let name: String = name.take_while(|it| **it == '_' || it.is_alphanumeric()).collect();
    let words: Vec<&str> = name.split('_').filter(|it| !it.is_empty()).collect();
    (words.len() >= 3).then(|| words.join(" "))
}

fn breaks_of(text: &str) -> usize {
    text.matches('\n').count()
}

fn until(text: &[char], from: usize, end: char) -> usize {
    text.iter().skip(from).position(|it| *it == end).map_or(text.len(), |it| from + it)
}

/// The kind and the text of a line comment.
fn comment(text: &[char], start: usize, end: usize) -> (Kind, String) {
    let line: String = text.iter().take(end).skip(start).collect();
    let doc = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"));
    match doc {
        Some(body) if !body.starts_with('/') => (Kind::Doc, body.to_owned()),
        _ => (Kind::Comment, line.trim_start_matches('/').to_owned()),
    }
}

/// The text of a string literal: escapes are spaces, line breaks stay.
fn literal(text: &[char], start: usize, end: usize) -> String {
    let mut body = String::new();
    let mut escaped = false;
    for it in text.iter().take(end.saturating_sub(1)).skip(start) {
        match (escaped, it) {
            (false, '\\') => escaped = true,
            (true, '\n') => (escaped, _) = (false, body.push('\n')),
            (true, _) => (escaped, _) = (false, body.push(' ')),
            (false, it) => body.push(*it),
        }
    }
    body
}

fn after_block_comment(text: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(it) = text.get(at) {
        match (it, text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn after_string(text: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(it) = text.get(at) {
        match it {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// `at` is behind the `r`.
fn after_raw_string(text: &[char], at: usize) -> Option<usize> {
    let hashes = text.iter().skip(at).take_while(|it| **it == '#').count();
    if text.get(at + hashes) != Some(&'"') {
        return None;
    }
    let body = at + hashes + 1;
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let found = text.get(body..)?.windows(end.len()).position(|it| it == end)?;
    Some(body + found + end.len())
}

/// A character, or a lifetime.
fn after_quote(text: &[char], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some('\\'), _) => until(text, at + 3, '\'') + 1,
        (_, Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Replaces code spans by [`CODE`], and empties code examples but for their comments.
/// Line breaks stay. `default` is the language of a block that names none.
fn without_code(text: &str, default: &str) -> String {
    let mut kept = String::new();
    let mut fence: Option<String> = None;
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            kept.push('\n');
        }
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let named = language.split([',', ' ']).next().unwrap_or_default();
            fence = match fence {
                Some(_) => None,
                None if named.is_empty() => Some(default.to_owned()),
                None => Some(named.to_owned()),
            };
            continue;
        }
        let comment = match fence.as_deref() {
            None => Some(line),
            // A picture, or what a program prints.
            Some("" | "text" | "console") => Some(line),
            Some("sh" | "toml") => line.split_once("# ").map(|(_, it)| it),
            Some(_) => line.split_once("// ").map(|(_, it)| it),
        };
        kept.push_str(comment.unwrap_or_default());
    }
    without_spans(&kept)
}

/// A span may go over a line break, but not out of its paragraph.
fn without_spans(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        kept.push_str(before);
        let ticks = 1 + after.chars().take_while(|it| *it == '`').count();
        let body = after.trim_start_matches('`');
        let end = "`".repeat(ticks);
        match body.split_once(&end) {
            Some((code, after)) if !code.contains("\n\n") => {
                kept.push(CODE);
                kept.extend(code.chars().filter(|it| *it == '\n'));
                rest = after;
            }
            _ => rest = body,
        }
    }
    kept.push_str(rest);
    without_links(&kept)
}

/// Leaves out where links lead: `(…)` behind a `]`.
fn without_links(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        kept.push_str(before);
        kept.push(']');
        let (link, behind) = after.split_once(')').unwrap_or(("", after));
        kept.extend(link.chars().filter(|it| *it == '\n'));
        rest = behind;
    }
    kept.push_str(rest);
    kept
}

/// Comments, and text in double quotes.
fn hash(text: &str) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let start = line.match_indices('#').map(|(at, _)| at).find(|at| {
            let before = line.get(..*at).unwrap_or_default();
            before.is_empty() || before.ends_with([' ', '\t'])
        });
        let (code, comment) = match start {
            Some(at) => (line.get(..at).unwrap_or_default(), line.get(at..)),
            None => (line, None),
        };
        for quoted in code.split('"').skip(1).step_by(2) {
            found.push(passage(Kind::Literal, line_number, quoted.to_owned()));
        }
        let Some(comment) = comment else { continue };
        let comment = without_spans(comment.trim_start_matches('#'));
        match found.last_mut() {
            Some(last)
                if last.kind == Kind::Comment
                    && last.line + breaks_of(&last.text) + 1 == line_number =>
            {
                last.text.push('\n');
                last.text.push_str(&comment);
            }
            _ => found.push(passage(Kind::Comment, line_number, comment)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Vec<(Kind, usize, String)> {
        let found = passages(Path::new(name), text);
        found.into_iter().map(|it| (it.kind, it.line, it.text)).collect()
    }

    #[test]
    fn rust_has_comments_and_literals_and_its_code_is_left_out() {
        let text = "//! A file\n//! in two lines.\n\nfn nobody<'a>() {\n    // A reason.\n    \
                    f(\"a \\\n       text\", '\"', r#\"raw \"text\"#); /* a\n block */\n}\n/// Doc.\n";
        assert_eq!(
            read("a.rs", text),
            [
                (Kind::Doc, 1, " A file\n in two lines.".to_owned()),
                (Kind::Comment, 5, " A reason.".to_owned()),
                (Kind::Literal, 6, "a \n       text".to_owned()),
                (Kind::Literal, 7, "#\"raw \"text\"#".to_owned()),
                (Kind::Comment, 7, "/* a\n block */".to_owned()),
                (Kind::Doc, 10, " Doc.".to_owned()),
            ]
        );
    }

    #[test]
    fn a_functions_name_of_three_words_is_a_passage() {
        let text = "fn a_phone_answers<'a>() {}\nfn new() {}\nasync fn of_it() { an_other_name() }";
        assert_eq!(read("a.rs", text), [(Kind::Name, 1, "a phone answers".to_owned())]);
    }

    #[test]
    fn code_in_markdown_is_left_out_and_its_comments_are_not() {
        let text =
            "See `a b` and\n```rust\nlet x = 1; // a reason\n```\n```text\npicture\n```\nend";
        let text = text.replace("end", "[end](of::this)");
        let expected = format!("See {CODE} and\n\na reason\n\n\npicture\n\n[end]");
        assert_eq!(read("a.md", &text), [(Kind::Markdown, 1, expected)]);
    }

    #[test]
    fn a_manifest_has_comments_and_quoted_text() {
        let text = "# One\n# reason.\nname = \"a thing\" # why\n";
        assert_eq!(
            read("a.toml", text),
            [
                (Kind::Comment, 1, " One\n reason.".to_owned()),
                (Kind::Literal, 3, "a thing".to_owned()),
                (Kind::Comment, 3, " why".to_owned()),
            ]
        );
    }

    #[test]
    fn words_know_their_lines_and_what_stands_between_them() {
        let passage = passage(Kind::Doc, 7, "One two,\nthree-four 2.2 five".to_owned());
        let words: Vec<_> =
            passage.words().into_iter().map(|it| (it.text, it.line, it.is_next)).collect();
        assert_eq!(
            words,
            [
                ("one".to_owned(), 7, true),
                ("two".to_owned(), 7, true),
                ("three-four".to_owned(), 8, false),
                ("2.2".to_owned(), 8, true),
                ("five".to_owned(), 8, true),
            ]
        );
    }

    #[test]
    fn what_follows_the_start_of_the_unit_tests_is_a_test() {
        let text = "/// One.\nfn f() {}\n#[cfg(test)]\nmod tests {\n    // Two.\n}\n";
        let found: Vec<bool> =
            passages(Path::new("a.rs"), text).into_iter().map(|it| it.is_test).collect();
        assert_eq!(found, [false, true]);
        assert!(has_tests(text) && !has_tests("fn tests() {}"));
    }
}
