//! The `largeBlob` extension on a relying party's side [WebAuthn L3 §10.1.5].
//!
//! ```text
//! registration  {"largeBlob": {"support"?: "required" | "preferred"}}
//! assertion     {"largeBlob": {"read": true}}  or  {"largeBlob": {"write": bytes}}
//! answer        {"largeBlob": {"supported": bool}}  {"largeBlob": {"blob"?: bytes}}
//!               {"largeBlob": {"written": bool}}
//! ```
//!
//! Bytes are base64url. Phones get and give DEFLATE [RFC 1951] with the length of the
//! blob beside it, as they do with Chromium.
//!
//! **Written blobs are not made shorter**: they go in blocks of the kind `stored`. They are a few
//! kilobytes, often keys or signatures, and a compressor would leave
//! copies of them in memory. Any DEFLATE is read.

use std::fmt;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use serde::Serialize;

use super::base64::Base64Url;
use crate::ctap::extensions::LargeBlob;
use crate::secret::SecretBytes;

/// The longest blob that is read, in bytes: as long as a message of a phone can be.
/// Chromium writes at most 2 KiB.
pub const MAX_LARGE_BLOB: usize = 1024 * 1024;

/// The most bytes of a stored block [RFC 1951 §3.2.4].
const BLOCK: usize = 0xffff;

/// What a sign-in does with a passkey's blob. `Debug` prints a length.
#[derive(Clone, PartialEq, Eq)]
pub enum LargeBlobOperation {
    /// The phone gives it.
    Read,
    /// The phone replaces it with these bytes.
    Write(SecretBytes),
}

impl fmt::Debug for LargeBlobOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("Read"),
            Self::Write(blob) => write!(f, "Write({} bytes)", blob.len()),
        }
    }
}

/// A blob as phones take it.
pub(super) fn deflate(blob: &[u8]) -> LargeBlob {
    const HEADER: usize = 5;
    // An empty blob is an empty block.
    let blocks = blob.len().div_ceil(BLOCK).max(1);
    let mut stored = Vec::with_capacity(blob.len() + blocks * HEADER);
    for index in 0..blocks {
        let start = index * BLOCK;
        let end = blob.len().min(start + BLOCK);
        let bytes = blob.get(start..end).unwrap_or_default();
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        stored.push(u8::from(index + 1 == blocks));
        stored.extend_from_slice(&length.to_le_bytes());
        stored.extend_from_slice(&(!length).to_le_bytes());
        stored.extend_from_slice(bytes);
    }
    let original_size = u64::try_from(blob.len()).unwrap_or(u64::MAX);
    LargeBlob { compressed: SecretBytes::new(stored), original_size }
}

/// A blob as the relying party gave it. `None`: it is longer than [`MAX_LARGE_BLOB`], not
/// DEFLATE, or of another length than the phone says.
pub(super) fn inflate(blob: &LargeBlob) -> Option<SecretBytes> {
    let size = usize::try_from(blob.original_size).ok().filter(|size| *size <= MAX_LARGE_BLOB)?;
    // No larger buffer, so that no bytes are left in a smaller one.
    let mut inflated = SecretBytes::new(vec![0; size]);
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, written) = decompress(
        &mut Box::<DecompressorOxide>::default(),
        blob.compressed.expose(),
        inflated.expose_mut(),
        0,
        flags,
    );
    (status == TINFLStatus::Done && written == size).then_some(inflated)
}

/// The answer to a relying party.
#[derive(Default, Serialize)]
pub(super) struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blob: Option<Base64Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(compressed: &[u8], original_size: u64) -> Option<Vec<u8>> {
        let blob = LargeBlob { compressed: compressed.into(), original_size };
        inflate(&blob).map(SecretBytes::into_exposed)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 2_048, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let blob: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let written = deflate(&blob);
            assert_eq!(written.original_size, length as u64);
            assert_eq!(
                written.compressed.expose().len(),
                length + 5 * length.div_ceil(BLOCK).max(1)
            );
            assert_eq!(inflate(&written).unwrap().expose(), blob, "{length}");
        }
        assert_eq!(deflate(b"ab").compressed.expose(), b"\x01\x02\x00\xfd\xffab");
    }

    // Made by zlib's raw deflate: `a` 1,000 times, and "large blob".
    #[test]
    fn what_other_clients_compressed_is_read() {
        let same = b"\x4b\x4c\x1c\x05\xa3\x60\x14\x0c\x77\x00\x00";
        assert_eq!(read(same, 1_000).unwrap(), [b'a'; 1_000]);
        let text = b"\xcb\x49\x2c\x4a\x4f\x55\x48\xca\xc9\x4f\x02\x00";
        assert_eq!(read(text, 10).unwrap(), b"large blob");
    }

    #[test]
    fn a_blob_of_another_length_or_form_is_refused() {
        let same = b"\x4b\x4c\x1c\x05\xa3\x60\x14\x0c\x77\x00\x00";
        for size in [0, 999, 1_001, MAX_LARGE_BLOB as u64 + 1, u64::MAX] {
            assert_eq!(read(same, size), None, "{size}");
        }
        for bytes in
            [&b""[..], b"\x4b", &same[..10], b"\x07", b"\x01\x02\x00\xfd\xfea", b"\xff\xff"]
        {
            assert_eq!(read(bytes, 2), None, "{bytes:?}");
        }
    }

    #[test]
    fn debug_shows_no_byte() {
        let write = LargeBlobOperation::Write(vec![0xab; 3].into());
        assert_eq!(format!("{write:?}"), "Write(3 bytes)");
    }
}
