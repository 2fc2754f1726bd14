//! What `.ci/run` checks of this repository itself.
//!
//! | module | what it checks | against |
//! |---|---|---|
//! | [`dependencies`] | licences, sources, duplicate versions, minimum Rust version | `deny.toml` |
//! | [`licence`] | one licence expression | a list of licences |
//! | [`manifests`] | what a published package must have | |
//! | [`structure`] | the directions of imports between crates and between modules | `ARCHITECTURE.md` |
//! | [`imports`] | which module of a crate imports which | |

pub mod dependencies;
pub mod imports;
pub mod licence;
pub mod manifests;
pub mod structure;
