//! Writes the seeds of the structured targets: scripts, whose bytes mean what
//! the targets' `step` modules say.
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example write_seeds
//! ```
//!
//! It prints the lines that belong into seeds/README.md.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool")]

use std::path::Path;

mod authenticator;
mod client;
mod relay;

/// A script as the targets read it.
#[derive(Clone, Default)]
pub(crate) struct Steps(Vec<u8>);

impl Steps {
    /// A script's settings come first.
    pub(crate) fn new(settings: &[u8]) -> Self {
        Self(settings.to_vec())
    }

    /// A step whose arguments have fixed lengths.
    pub(crate) fn step(mut self, what: u8, arguments: &[u8]) -> Self {
        self.0.push(what);
        self.0.extend_from_slice(arguments);
        self
    }

    /// A string, the last argument of a step.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).unwrap();
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A seed: its name, what it is, and its script.
pub(crate) type Seed = (&'static str, &'static str, Steps);

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, scripts) in [
        ("authenticator_transaction", authenticator::seeds()),
        ("client_transaction", client::seeds()),
        ("relay", relay::seeds()),
    ] {
        let folder = seeds.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, line, steps) in scripts {
            std::fs::write(folder.join(name), steps.0).unwrap();
            println!("| `{target}/{name}` | {line} |");
        }
    }
}
