//! What is measured, and the yardstick beside it.
//!
//! A [`Case`] is one operation of this crate and a yardstick that does the
//! least that any implementation must do, or the same by another crate. Three
//! programs run the same cases: the criterion benches (`cargo bench`),
//! `ratios`, which prints the table of README.md, and `instructions`, whose
//! instructions callgrind counts.
//!
//! | module | ours | yardstick |
//! |---|---|---|
//! | [`handshake`] | both sides of a handshake | snow 0.10, the same pattern |
//! | [`frames`] | sealing and opening a message | the provider's AEAD in place |
//! | [`advert`] | rejecting and accepting an advert | a keyed HMAC; that and an AES block |
//! | [`qr`] | a QR code's text, both ways | std's integers; those and one point |
//! | [`ctap`] | CTAP messages, both ways | passkey-types through ciborium |
//! | [`ceremony`] | a whole registration on loopback | its [`sockets`] alone |

pub mod advert;
pub mod case;
pub mod ceremony;
pub mod ctap;
pub mod frames;
pub mod handshake;
pub mod qr;
pub mod sockets;
pub mod transport;

pub use case::{Case, Operation};

/// The provider of P-256 and AES-GCM on both sides of each comparison.
pub const PROVIDER: &str =
    if cfg!(feature = "aws-lc-rs") { "aws-lc-rs" } else { "the pure-Rust crates" };

/// A module's name and its cases.
pub type Group = (&'static str, fn() -> Vec<Case>);

/// All there is to measure.
pub const GROUPS: [Group; 6] = [
    ("handshake", handshake::cases),
    ("frames", frames::cases),
    ("advert", advert::cases),
    ("qr", qr::cases),
    ("ctap", ctap::cases),
    ("ceremony", ceremony::cases),
];

/// Has criterion measure one module's cases, ours and the yardsticks, with the
/// program's arguments.
pub fn run_criterion(module: &str) {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    for (name, cases) in GROUPS.into_iter().filter(|(name, _)| *name == module) {
        let mut group = criterion.benchmark_group(name);
        for Case { name, mut ours, yardstick: (beside, mut yardstick) } in cases() {
            group.bench_function(&name, |bencher| bencher.iter_custom(|count| ours.time(count)));
            group.bench_function(format!("{name}, {beside}"), |bencher| {
                bencher.iter_custom(|count| yardstick.time(count));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
