//! The options of makeCredential and getAssertion: [CTAP 2.2 §6.1, §6.2],
//! "options".

use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer};

/// Options of a request. What is absent has the default of its command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// makeCredential: the passkey is to be found without its id (a "resident key").
    /// It means nothing in getAssertion.
    pub rk: Option<bool>,
    /// The user must be present. makeCredential allows `true` alone; in getAssertion
    /// `false` asks silently, which no client does over hybrid.
    pub up: Option<bool>,
    /// The user must be verified.
    pub uv: Option<bool>,
}

impl Encode for Options {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            for (name, value) in [("rk", self.rk), ("up", self.up), ("uv", self.uv)] {
                if let Some(value) = value {
                    map.text(name, |writer| writer.boolean(value));
                }
            }
        });
    }
}

impl<'a> Decode<'a> for Options {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let mut options = Self::default();
        reader.map(|key, reader| {
            match key {
                MapKey::Text("rk") => options.rk = Some(reader.boolean()?),
                MapKey::Text("up") => options.up = Some(reader.boolean()?),
                MapKey::Text("uv") => options.uv = Some(reader.boolean()?),
                // [CTAP 2.2 §6.1.2, §6.2.2]: unknown options are ignored.
                _ => {}
            }
            Ok(())
        })?;
        Ok(options)
    }
}
