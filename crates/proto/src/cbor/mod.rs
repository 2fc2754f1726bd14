//! CBOR as CTAP2 uses it: bounded, canonical, without allocation on reading.
//!
//! [CTAP 2.2 §8] ("Message Encoding") allows a strict subset of RFC 8949:
//! shortest lengths, definite lengths only, map keys unique and sorted, no
//! tags. Chromium's reader refuses everything else, so no deployed peer sends
//! it; [`Reader`] refuses it too, and [`Writer`] cannot produce it.
//!
//! The key order of CTAP2 (major type, then length, then bytes) equals the
//! byte order of the encoded keys, which is how both sides here compare them.
//! Headers are read and written by `ciborium-ll`; what it does not check
//! (canonical form, duplicates, nesting, trailing bytes) is checked here.
//!
//! Not supported, since no message of this protocol has them: floating point,
//! tags, `undefined` and other simple values.

mod reader;
mod writer;

pub use reader::{CborError, Decode, ItemType, MAX_DEPTH, MapKey, Reader, decode};
pub use writer::{Encode, MapWriter, Writer, encode};
