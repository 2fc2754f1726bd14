//! `cargo bench` at the root: passes everything on to the workspace in this
//! folder, whose yardsticks this package's own dependencies do not hold.

#![allow(clippy::print_stderr, reason = "a program for a terminal")]

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    // `cargo test --all-targets` comes without it, and would wait for minutes.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["bench", "--locked", "--manifest-path"]);
    cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/Cargo.toml"));
    if cfg!(feature = "aws-lc-rs") {
        cargo.args(["--features", "aws-lc-rs"]);
    }
    cargo.arg("--").args(arguments.into_iter().filter(|argument| argument != "--bench"));
    match cargo.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo does not start: {error}");
            ExitCode::FAILURE
        }
    }
}
