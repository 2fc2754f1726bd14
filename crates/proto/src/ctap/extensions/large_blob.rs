//! `largeBlob`: a few bytes of the relying party's own beside a credential
//! [WebAuthn L3 §10.1.5], in the form that iPhones take over CTAP.
//!
//! ```text
//! registration  in   {"support": "required" | "preferred"}
//!               out  {"supported": bool}
//! assertion     in   {"read": true}  or  {"write": bytes, "originalSize": n}
//!               out  {"blob": bytes, "originalSize": n}  or  {"written": bool}
//! ```
//!
//! Blobs are compressed (DEFLATE) by the client. `originalSize` is what the
//! peer claims: a caller that inflates must bound the result by it *and* by a limit
//! of their own. Blobs are carried as secrets, since relying parties keep keys there.

use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer};
use crate::secret::SecretBytes;

/// How much a relying party wants large blobs with a new credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LargeBlobSupport {
    /// No credential without.
    Required,
    /// Better with.
    Preferred,
}

impl Encode for LargeBlobSupport {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("support", |writer| {
                writer.text(match self {
                    Self::Required => "required",
                    Self::Preferred => "preferred",
                });
            });
        });
    }
}

impl<'a> Decode<'a> for LargeBlobSupport {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let mut support = None;
        reader.map(|key, reader| {
            if key == MapKey::Text("support") {
                support = Some(match reader.text()? {
                    "required" => Self::Required,
                    "preferred" => Self::Preferred,
                    _ => return Err(CborError::Invalid("the large blob support")),
                });
            }
            Ok(())
        })?;
        support.ok_or(CborError::Missing("the large blob support"))
    }
}

/// Tells whether a new credential can have large blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeBlobRegistrationOutput {
    /// Whether it can.
    pub supported: bool,
}

impl Encode for LargeBlobRegistrationOutput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| map.text("supported", |writer| writer.boolean(self.supported)));
    }
}

impl<'a> Decode<'a> for LargeBlobRegistrationOutput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let mut supported = None;
        reader.map(|key, reader| {
            if key == MapKey::Text("supported") {
                supported = Some(reader.boolean()?);
            }
            Ok(())
        })?;
        // An authenticator that does not say has none, as in Chromium.
        Ok(Self { supported: supported.unwrap_or_default() })
    }
}

/// A blob as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeBlob {
    /// The compressed bytes.
    pub compressed: SecretBytes,
    /// How many bytes they become, as the sender says.
    pub original_size: u64,
}

/// An operation on a credential's blob.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LargeBlobAssertionInput {
    /// Give it.
    Read,
    /// Replace it.
    Write(LargeBlob),
}

impl Encode for LargeBlobAssertionInput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| match self {
            Self::Read => map.text("read", |writer| writer.boolean(true)),
            Self::Write(blob) => {
                map.text("write", |writer| writer.bytes(blob.compressed.expose()));
                map.text("originalSize", |writer| writer.unsigned(blob.original_size));
            }
        });
    }
}

impl<'a> Decode<'a> for LargeBlobAssertionInput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut read, mut compressed, mut original_size) = (false, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Text("read") => read = reader.boolean()?,
                MapKey::Text("write") => compressed = Some(reader.bytes()?),
                MapKey::Text("originalSize") => original_size = Some(reader.unsigned()?),
                _ => {}
            }
            Ok(())
        })?;
        match (read, blob(compressed, original_size)?) {
            (true, None) => Ok(Self::Read),
            (false, Some(blob)) => Ok(Self::Write(blob)),
            // Both at once, or nothing to do at all.
            _ => Err(CborError::Invalid("the large blob operation")),
        }
    }
}

/// The result of the operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeBlobAssertionOutput {
    /// The blob, after a read of a credential that has one.
    pub blob: Option<LargeBlob>,
    /// Whether it was replaced, after a write.
    pub written: Option<bool>,
}

impl LargeBlobAssertionOutput {
    /// After a read.
    #[must_use]
    pub const fn read(blob: Option<LargeBlob>) -> Self {
        Self { blob, written: None }
    }

    /// After a write.
    #[must_use]
    pub const fn written(written: bool) -> Self {
        Self { blob: None, written: Some(written) }
    }
}

impl Encode for LargeBlobAssertionOutput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(blob) = &self.blob {
                map.text("blob", |writer| writer.bytes(blob.compressed.expose()));
                map.text("originalSize", |writer| writer.unsigned(blob.original_size));
            }
            if let Some(written) = self.written {
                map.text("written", |writer| writer.boolean(written));
            }
        });
    }
}

impl<'a> Decode<'a> for LargeBlobAssertionOutput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut compressed, mut original_size, mut written) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Text("blob") => compressed = Some(reader.bytes()?),
                MapKey::Text("originalSize") => original_size = Some(reader.unsigned()?),
                MapKey::Text("written") => written = Some(reader.boolean()?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { blob: blob(compressed, original_size)?, written })
    }
}

/// A blob needs its size; a size alone means nothing.
fn blob(
    compressed: Option<&[u8]>,
    original_size: Option<u64>,
) -> Result<Option<LargeBlob>, CborError> {
    let Some(compressed) = compressed else { return Ok(None) };
    let original_size =
        original_size.ok_or(CborError::Missing("the large blob's original size"))?;
    Ok(Some(LargeBlob { compressed: compressed.into(), original_size }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};

    fn sample() -> LargeBlob {
        LargeBlob { compressed: SecretBytes::new(vec![0xab; 3]), original_size: 70_000 }
    }

    #[test]
    fn every_form_is_written_and_read() {
        for support in [LargeBlobSupport::Required, LargeBlobSupport::Preferred] {
            assert_eq!(decode(&encode(&support)), Ok(support));
        }
        for supported in [true, false] {
            let output = LargeBlobRegistrationOutput { supported };
            assert_eq!(decode(&encode(&output)), Ok(output));
        }
        for input in [LargeBlobAssertionInput::Read, LargeBlobAssertionInput::Write(sample())] {
            assert_eq!(decode(&encode(&input)), Ok(input));
        }
        for output in [
            LargeBlobAssertionOutput::read(Some(sample())),
            LargeBlobAssertionOutput::read(None),
            LargeBlobAssertionOutput::written(true),
            LargeBlobAssertionOutput::written(false),
        ] {
            assert_eq!(decode(&encode(&output)), Ok(output));
        }
        assert_eq!(encode(&LargeBlobAssertionInput::Read), b"\xa1\x64read\xf5");
    }

    #[test]
    fn an_answer_that_does_not_say_supported_is_no() {
        assert_eq!(decode(b"\xa0"), Ok(LargeBlobRegistrationOutput { supported: false }));
    }

    #[test]
    fn one_operation_at_a_time() {
        const INVALID: CborError = CborError::Invalid("the large blob operation");
        let both = b"\xa3\x64read\xf5\x65write\x40\x6coriginalSize\x00";
        assert_eq!(decode::<LargeBlobAssertionInput>(both), Err(INVALID));
        assert_eq!(decode::<LargeBlobAssertionInput>(b"\xa0"), Err(INVALID));
        assert_eq!(
            decode::<LargeBlobAssertionInput>(b"\xa1\x65write\x40"),
            Err(CborError::Missing("the large blob's original size"))
        );
    }

    #[test]
    fn support_is_one_of_two_words() {
        assert_eq!(
            decode::<LargeBlobSupport>(b"\xa1\x67support\x62no"),
            Err(CborError::Invalid("the large blob support"))
        );
        assert!(matches!(decode::<LargeBlobSupport>(b"\xa0"), Err(CborError::Missing(_))));
    }

    #[test]
    fn debug_shows_no_byte() {
        let debug = format!("{:?}", LargeBlobAssertionOutput::read(Some(sample())));
        assert!(debug.contains("SecretBytes(3 bytes)"), "{debug}");
        assert!(!debug.contains("171"), "{debug}");
    }
}
