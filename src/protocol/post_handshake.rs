//! The phone's first message after the handshake: CTAP 2.2 section 11.5.1.2.
//!
//! ```text
//! {
//!   0: bstr    padding, ignored
//!   1: bstr    getInfo response without its status byte
//!   2: map     linking information, in the place where early phones put it
//!   3: [tstr]  features: "ctap", "dc"; absent means CTAP only
//! }
//! ```
//!
//! It has no type byte. Phones of protocol revision 0 pad the map themselves
//! (zeros, then how many: 16 bits little-endian, or 8 before 2022), which is
//! also how a client recognises them: see [`Revision`].

use crate::cbor::{Decode, Encode, Error, Key, Reader, Writer, decode};

/// The construction that the phone uses after this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// Messages are CTAP without a type byte; there is no shutdown, no update.
    Zero,
    /// Typed messages ([`Message`](super::message::Message)).
    One,
}

/// What a phone can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// CTAP requests.
    pub ctap: bool,
    /// JSON requests (digital credentials).
    pub digital_credentials: bool,
}

impl Features {
    /// CTAP alone: also what a phone means that lists nothing.
    pub const CTAP: Self = Self { ctap: true, digital_credentials: false };
}

/// The post-handshake message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostHandshake {
    /// The getInfo response's CBOR, without the status byte.
    pub get_info: Option<Vec<u8>>,
    /// The linking map's CBOR.
    pub linking: Option<Vec<u8>>,
    /// What the phone offers. Unknown features are left out.
    pub features: Features,
    /// How the phone talks from here on.
    pub revision: Revision,
}

impl PostHandshake {
    /// What a phone that speaks CTAP sends.
    #[must_use]
    pub const fn ctap(get_info: Vec<u8>) -> Self {
        Self {
            get_info: Some(get_info),
            linking: None,
            features: Features::CTAP,
            revision: Revision::One,
        }
    }

    /// Reads the opened message in any of its three forms.
    ///
    /// # Errors
    /// A map that CTAP2 does not allow; a feature list without `ctap` beside
    /// getInfo, or with it and no getInfo.
    pub fn parse(opened: &[u8]) -> Result<Self, Error> {
        // Chromium's order: as it is, then by a 16-bit trailer, then by an
        // 8-bit one. What comes first decides the revision.
        let bare = decode(opened);
        let Err(first_error) = bare else { return bare };
        for unpadded in [strip_16_bit_padding(opened), strip_8_bit_padding(opened)] {
            if let Some(Ok(message)) = unpadded.map(decode::<Self>) {
                return Ok(Self { revision: Revision::Zero, ..message });
            }
        }
        Err(first_error)
    }
}

impl<'a> Decode<'a> for PostHandshake {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (mut get_info, mut linking, mut features) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                Key::Integer(1) => get_info = Some(reader.bytes()?.to_vec()),
                Key::Integer(2) => {
                    let map = reader.raw()?;
                    Reader::new(map).map(|_, _| Ok(()))?;
                    linking = Some(map.to_vec());
                }
                Key::Integer(3) => features = Some(read_features(reader)?),
                _ => {}
            }
            Ok(())
        })?;
        let features = features.unwrap_or(Features::CTAP);
        match (features.ctap, &get_info) {
            (true, None) => Err(Error::Missing("getInfo")),
            (false, Some(_)) => Err(Error::Invalid("the feature list")),
            _ => Ok(Self { get_info, linking, features, revision: Revision::One }),
        }
    }
}

fn read_features(reader: &mut Reader<'_>) -> Result<Features, Error> {
    let mut features = Features { ctap: false, digital_credentials: false };
    reader.array(|reader| {
        // What is no text is skipped, like a text of the future.
        if let Ok(feature) = reader.clone().text() {
            features.ctap |= feature == "ctap";
            features.digital_credentials |= feature == "dc";
        }
        Ok(())
    })?;
    Ok(features)
}

impl Encode for PostHandshake {
    /// Writes the map without padding: the form of revision 1.
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(get_info) = &self.get_info {
                map.integer(1, |writer| writer.bytes(get_info));
            }
            if let Some(linking) = &self.linking {
                map.integer(2, |writer| writer.raw(linking));
            }
            let Features { ctap, digital_credentials } = self.features;
            let features = [(ctap, "ctap"), (digital_credentials, "dc")];
            let listed: Vec<&str> =
                features.iter().filter(|(listed, _)| *listed).map(|(_, name)| *name).collect();
            map.integer(3, |writer| writer.array(listed.iter(), |writer, name| writer.text(name)));
        });
    }
}

fn strip_16_bit_padding(padded: &[u8]) -> Option<&[u8]> {
    let (rest, count) = padded.split_last_chunk::<2>()?;
    strip_zeros(rest, usize::from(u16::from_le_bytes(*count)))
}

fn strip_8_bit_padding(padded: &[u8]) -> Option<&[u8]> {
    let (count, rest) = padded.split_last()?;
    strip_zeros(rest, usize::from(*count))
}

fn strip_zeros(rest: &[u8], count: usize) -> Option<&[u8]> {
    let (message, zeros) = rest.split_at_checked(rest.len().checked_sub(count)?)?;
    zeros.iter().all(|byte| *byte == 0).then_some(message)
}
