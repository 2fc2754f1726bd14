//! `largeBlob`: a few bytes of the site's own beside a credential (WebAuthn
//! section 10.1.5), in the form that iPhones take over CTAP.
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
//! of their own. Blobs are carried as secrets, since sites keep keys there.

use crate::cbor::{Decode, Encode, Error, Key, Reader, Writer};
use crate::secret::SecretBytes;

/// How much a site wants large blobs with a new credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// No credential without.
    Required,
    /// Better with.
    Preferred,
}

impl Encode for Support {
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

impl<'a> Decode<'a> for Support {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut support = None;
        reader.map(|key, reader| {
            if key == Key::Text("support") {
                support = Some(match reader.text()? {
                    "required" => Self::Required,
                    "preferred" => Self::Preferred,
                    _ => return Err(Error::Invalid("the large blob support")),
                });
            }
            Ok(())
        })?;
        support.ok_or(Error::Missing("the large blob support"))
    }
}

/// Tells whether a new credential can have large blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationOutput {
    /// Whether it can.
    pub supported: bool,
}

impl Encode for RegistrationOutput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| map.text("supported", |writer| writer.boolean(self.supported)));
    }
}

impl<'a> Decode<'a> for RegistrationOutput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut supported = None;
        reader.map(|key, reader| {
            if key == Key::Text("supported") {
                supported = Some(reader.boolean()?);
            }
            Ok(())
        })?;
        Ok(Self {
            supported: supported.ok_or(Error::Missing("whether large blobs are supported"))?,
        })
    }
}

/// A blob as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The compressed bytes.
    pub compressed: SecretBytes,
    /// How many bytes they become, as the sender says.
    pub original_size: u64,
}

/// What to do with a credential's blob.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionInput {
    /// Give it.
    Read,
    /// Replace it.
    Write(Blob),
}

impl Encode for AssertionInput {
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

impl<'a> Decode<'a> for AssertionInput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (mut read, mut compressed, mut original_size) = (false, None, None);
        reader.map(|key, reader| {
            match key {
                Key::Text("read") => read = reader.boolean()?,
                Key::Text("write") => compressed = Some(reader.bytes()?),
                Key::Text("originalSize") => original_size = Some(reader.unsigned()?),
                _ => {}
            }
            Ok(())
        })?;
        match (read, blob(compressed, original_size)?) {
            (true, None) => Ok(Self::Read),
            (false, Some(blob)) => Ok(Self::Write(blob)),
            // Both at once, or nothing to do at all.
            _ => Err(Error::Invalid("the large blob operation")),
        }
    }
}

/// What became of the operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionOutput {
    /// The blob, after a read of a credential that has one.
    pub blob: Option<Blob>,
    /// Whether it was replaced, after a write.
    pub written: Option<bool>,
}

impl AssertionOutput {
    /// After a read.
    #[must_use]
    pub const fn read(blob: Option<Blob>) -> Self {
        Self { blob, written: None }
    }

    /// After a write.
    #[must_use]
    pub const fn written(written: bool) -> Self {
        Self { blob: None, written: Some(written) }
    }
}

impl Encode for AssertionOutput {
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

impl<'a> Decode<'a> for AssertionOutput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (mut compressed, mut original_size, mut written) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                Key::Text("blob") => compressed = Some(reader.bytes()?),
                Key::Text("originalSize") => original_size = Some(reader.unsigned()?),
                Key::Text("written") => written = Some(reader.boolean()?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { blob: blob(compressed, original_size)?, written })
    }
}

/// A blob needs its size; a size alone means nothing.
fn blob(compressed: Option<&[u8]>, original_size: Option<u64>) -> Result<Option<Blob>, Error> {
    let Some(compressed) = compressed else { return Ok(None) };
    let original_size = original_size.ok_or(Error::Missing("the large blob's original size"))?;
    Ok(Some(Blob { compressed: compressed.into(), original_size }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};

    fn sample() -> Blob {
        Blob { compressed: SecretBytes::new(vec![0xab; 3]), original_size: 70_000 }
    }

    #[test]
    fn every_form_is_written_and_read() {
        for support in [Support::Required, Support::Preferred] {
            assert_eq!(decode(&encode(&support)), Ok(support));
        }
        for supported in [true, false] {
            let output = RegistrationOutput { supported };
            assert_eq!(decode(&encode(&output)), Ok(output));
        }
        for input in [AssertionInput::Read, AssertionInput::Write(sample())] {
            assert_eq!(decode(&encode(&input)), Ok(input));
        }
        for output in [
            AssertionOutput::read(Some(sample())),
            AssertionOutput::read(None),
            AssertionOutput::written(true),
            AssertionOutput::written(false),
        ] {
            assert_eq!(decode(&encode(&output)), Ok(output));
        }
        assert_eq!(encode(&AssertionInput::Read), b"\xa1\x64read\xf5");
    }

    #[test]
    fn one_operation_at_a_time() {
        const INVALID: Error = Error::Invalid("the large blob operation");
        let both = b"\xa3\x64read\xf5\x65write\x40\x6coriginalSize\x00";
        assert_eq!(decode::<AssertionInput>(both), Err(INVALID));
        assert_eq!(decode::<AssertionInput>(b"\xa0"), Err(INVALID));
        assert_eq!(
            decode::<AssertionInput>(b"\xa1\x65write\x40"),
            Err(Error::Missing("the large blob's original size"))
        );
    }

    #[test]
    fn support_is_one_of_two_words() {
        assert_eq!(
            decode::<Support>(b"\xa1\x67support\x62no"),
            Err(Error::Invalid("the large blob support"))
        );
        assert!(matches!(decode::<Support>(b"\xa0"), Err(Error::Missing(_))));
    }

    #[test]
    fn debug_shows_no_byte() {
        let debug = format!("{:?}", AssertionOutput::read(Some(sample())));
        assert!(debug.contains("SecretBytes(3 bytes)"), "{debug}");
        assert!(!debug.contains("171"), "{debug}");
    }
}
