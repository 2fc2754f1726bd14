//! What `.ci/run` checks of this repository itself.
//!
//! | module | what it checks | against |
//! |---|---|---|
//! | [`dependencies`] | licences, sources, duplicate versions, minimum Rust version | `deny.toml` |
//! | [`licence`] | one licence expression | a list of licences |
//! | [`manifests`] | what a published package must have | |
//! | [`structure`] | the directions of imports between crates and between modules | `ARCHITECTURE.md` |
//! | [`imports`] | which module of a crate imports which | |
//! | [`prose`] | the comments, texts and Markdown of a file | |
//! | [`words`] | words that the prose does without | `words.toml` |
//! | [`clauses`] | references to clauses of standards, in one spelling | |
//! | [`names`] | public types of one name | `names.toml` |
//! | [`api`] | the public items of a crate, from rustdoc's JSON | `docs/api.txt` |
//! | [`foreign`] | other projects whose types stand in signatures | re-exports in `docs/api.txt` |

pub mod api;
pub mod clauses;
pub mod dependencies;
pub mod foreign;
pub mod imports;
pub mod licence;
pub mod manifests;
pub mod names;
pub mod prose;
pub mod structure;
pub mod words;

use std::process::ExitCode;

/// Ends a program that checks: prints what it found, and `hint` if that is not nothing.
#[must_use]
pub fn report(checked: Result<Vec<String>, String>, hint: &str) -> ExitCode {
    let findings = match checked {
        Ok(findings) if findings.is_empty() => return ExitCode::SUCCESS,
        Ok(findings) => findings,
        Err(error) => vec![error],
    };
    for finding in &findings {
        eprintln!("error: {finding}");
    }
    eprintln!("errors: {}; {hint}", findings.len());
    ExitCode::FAILURE
}
