//! The phone's first message after the handshake: [CTAP 2.2 §11.5.1.2].
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

use std::fmt;

use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer, decode};
use crate::secret::SecretBytes;

/// The construction that the phone uses after this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// Messages are CTAP without a type byte; there is no shutdown, no update.
    Zero,
    /// Typed messages ([`Message`](super::message::Message)).
    One,
}

/// The kinds of requests that a phone accepts.
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

/// The post-handshake message. A link in it is a secret: `Debug` says only
/// whether there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct PostHandshake {
    /// The getInfo response's CBOR, without the status byte.
    pub get_info: Option<Vec<u8>>,
    /// The linking map's CBOR, which holds the link's secret.
    pub linking: Option<SecretBytes>,
    /// The phone's features, without unknown ones.
    pub features: Features,
    /// How the phone talks from here on.
    pub revision: Revision,
}

impl PostHandshake {
    /// The message of a phone that speaks CTAP.
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
    pub fn parse(opened: &[u8]) -> Result<Self, CborError> {
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

impl fmt::Debug for PostHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostHandshake")
            .field("get_info_length", &self.get_info.as_ref().map(Vec::len))
            .field("has_link", &self.linking.is_some())
            .field("features", &self.features)
            .field("revision", &self.revision)
            .finish()
    }
}

impl<'a> Decode<'a> for PostHandshake {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut get_info, mut linking, mut features) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => get_info = Some(reader.bytes()?.to_vec()),
                MapKey::Integer(2) => {
                    let map = reader.raw()?;
                    Reader::new(map).map(|_, _| Ok(()))?;
                    linking = Some(map.into());
                }
                MapKey::Integer(3) => features = Some(read_features(reader)?),
                _ => {}
            }
            Ok(())
        })?;
        let features = features.unwrap_or(Features::CTAP);
        match (features.ctap, &get_info) {
            (true, None) => Err(CborError::Missing("getInfo")),
            (false, Some(_)) => Err(CborError::Invalid("the feature list")),
            _ => Ok(Self { get_info, linking, features, revision: Revision::One }),
        }
    }
}

fn read_features(reader: &mut Reader<'_>) -> Result<Features, CborError> {
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
                map.integer(2, |writer| writer.raw(linking.expose()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::MapWriter;

    fn parse(members: impl FnOnce(&mut MapWriter<'_>)) -> Result<PostHandshake, CborError> {
        let mut writer = Writer::new();
        writer.map(members);
        PostHandshake::parse(&writer.into_bytes())
    }

    fn features(features: &[&str]) -> Result<Features, CborError> {
        parse(|map| {
            map.integer(1, |writer| writer.bytes(b"info"));
            map.integer(3, |writer| {
                writer.array(features.iter(), |writer, name| writer.text(name));
            });
        })
        .map(|message| message.features)
    }

    #[test]
    fn ctap_and_get_info_come_together() {
        let both = Features { ctap: true, digital_credentials: true };
        assert_eq!(features(&["ctap"]), Ok(Features::CTAP));
        assert_eq!(features(&["ctap", "dc", "new"]), Ok(both));
        assert_eq!(features(&["dc"]), Err(CborError::Invalid("the feature list")));
        assert_eq!(features(&[]), Err(CborError::Invalid("the feature list")));
        assert_eq!(parse(|_| {}), Err(CborError::Missing("getInfo")));
        let listed = |map: &mut MapWriter<'_>| {
            map.integer(3, |writer| writer.array(["ctap"].iter(), |writer, it| writer.text(it)));
        };
        assert_eq!(parse(listed), Err(CborError::Missing("getInfo")));
    }

    #[test]
    fn a_phone_may_offer_digital_credentials_alone() {
        let message = parse(|map| {
            map.integer(3, |writer| writer.array(["dc"].iter(), |writer, it| writer.text(it)));
        });
        let message = message.unwrap();
        assert_eq!(message.get_info, None);
        assert_eq!(message.features, Features { ctap: false, digital_credentials: true });
    }

    #[test]
    fn a_feature_that_is_no_text_is_skipped_and_a_value_that_is_no_list_is_refused() {
        let message = parse(|map| {
            map.integer(1, |writer| writer.bytes(b"info"));
            map.integer(3, |writer| {
                writer.array(0..3, |writer, at| match at {
                    0 => writer.unsigned(7),
                    1 => writer.array(["dc"].iter(), |writer, name| writer.text(name)),
                    _ => writer.text("ctap"),
                });
            });
        });
        assert_eq!(message.unwrap().features, Features::CTAP);
        let no_list = parse(|map| {
            map.integer(1, |writer| writer.bytes(b"info"));
            map.integer(3, |writer| writer.text("ctap"));
        });
        assert_eq!(no_list, Err(CborError::Expected("an array")));
    }

    #[test]
    fn members_of_the_wrong_type_are_refused_and_padding_is_not_looked_at() {
        assert!(matches!(
            parse(|map| map.integer(1, |writer| writer.text("info"))),
            Err(CborError::Expected(_))
        ));
        assert!(matches!(
            parse(|map| {
                map.integer(1, |writer| writer.bytes(b"info"));
                map.integer(2, |writer| writer.bytes(b"link"));
            }),
            Err(CborError::Expected(_))
        ));
        let padded = parse(|map| {
            map.integer(0, |writer| writer.bytes(&[7; 40]));
            map.integer(1, |writer| writer.bytes(b"info"));
        });
        assert_eq!(padded, Ok(PostHandshake::ctap(b"info".to_vec())));
    }

    #[test]
    fn bytes_behind_the_map_are_padding_of_revision_zero_or_nothing() {
        let map = crate::cbor::encode(&PostHandshake::ctap(b"info".to_vec()));
        let parse = |tail: &[u8]| PostHandshake::parse(&[&map, tail].concat());
        assert_eq!(parse(&[]).unwrap().revision, Revision::One);
        for tail in [&[0, 0][..], &[0, 0, 2, 0], &[0], &[0, 0, 0, 3]] {
            assert_eq!(parse(tail).unwrap().revision, Revision::Zero, "{tail:?}");
        }
        for tail in [&[1][..], &[1, 0], &[7, 1, 0], &[7, 1], &[0xff, 0xff], &[0, 0, 1]] {
            assert_eq!(parse(tail), Err(CborError::TrailingBytes), "{tail:?}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_link() {
        let message = PostHandshake {
            linking: Some(vec![0xa1, 0x03, 0x42, 0xab, 0xab].into()),
            ..PostHandshake::ctap(vec![0xa0])
        };
        let shown = format!("{message:?}");
        assert!(shown.contains("has_link: true") && !shown.contains("171"), "{shown}");
    }
}
