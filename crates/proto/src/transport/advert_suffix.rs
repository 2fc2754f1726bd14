//! The bytes that may follow an advert's first 20: [CTAP 2.3 §11.5.1.1].
//!
//! ```text
//! CBOR { data channel id: that channel's value }
//! a1 01 18 80     channel 1 (L2CAP over Bluetooth) at PSM 0x80
//! ```
//!
//! Neither the advert's block nor its tag covers the suffix: anyone near can
//! change it. It is looked at only behind an advert that matched, and says
//! where to connect, never with whom: the handshake finds that out. So a
//! malformed suffix, an unknown channel or a value out of range is no reason
//! to drop the advert.
//!
//! A phone appends a suffix only if the QR code offered the channel: Chromium
//! does not take adverts of other than 20 bytes. Firefox's unreleased client
//! writes `{0: channel id}`, in which nothing is found here.

use crate::cbor::{self, Decode, Encode, ItemType, MapKey, Reader, Writer};

/// The id of the Bluetooth channel, in QR codes and in suffixes.
const BLUETOOTH: i64 = super::qr_code::BLUETOOTH_CHANNEL as i64;

/// Where a phone can be reached other than through a tunnel service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdvertSuffix {
    /// The phone listens for L2CAP connections here. Dynamic LE PSMs are
    /// 0x80 to 0xff, yet any but 0 is taken.
    pub psm: Option<u16>,
}

impl AdvertSuffix {
    /// Reads the bytes behind an advert.
    ///
    /// # Errors
    /// The CBOR is malformed or empty. Clients then continue without a suffix: see
    /// [`OpenedAdvert::suffix`](super::advert::OpenedAdvert::suffix).
    pub fn parse(bytes: &[u8]) -> Result<Self, cbor::CborError> {
        cbor::decode(bytes)
    }

    /// The bytes to append to an advert; none if there is nothing to say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.psm.is_none() { Vec::new() } else { cbor::encode(self) }
    }
}

impl Encode for AdvertSuffix {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(psm) = self.psm {
                map.integer(BLUETOOTH, |w| w.unsigned(psm.into()));
            }
        });
    }
}

impl<'a> Decode<'a> for AdvertSuffix {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, cbor::CborError> {
        let mut suffix = Self::default();
        reader.map(|key, value| {
            if key == MapKey::Integer(BLUETOOTH) && value.peek()? == ItemType::Unsigned {
                suffix.psm = u16::try_from(value.unsigned()?).ok().filter(|psm| *psm != 0);
            }
            Ok(())
        })?;
        Ok(suffix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dynamic_psm_takes_four_bytes() {
        let suffix = AdvertSuffix { psm: Some(0x80) };
        assert_eq!(suffix.to_bytes(), [0xa1, 0x01, 0x18, 0x80]);
        assert!(AdvertSuffix::default().to_bytes().is_empty());
    }

    #[test]
    fn values_that_are_not_used_are_skipped() {
        let nothing = Ok(AdvertSuffix::default());
        assert_eq!(AdvertSuffix::parse(&[0xa1, 0x01, 0x00]), nothing, "PSM 0");
        assert_eq!(AdvertSuffix::parse(&[0xa1, 0x01, 0x20]), nothing, "PSM -1");
        assert_eq!(AdvertSuffix::parse(&[0xa1, 0x01, 0xf5]), nothing, "PSM true");
        assert_eq!(
            AdvertSuffix::parse(&[0xa3, 0x00, 0xf6, 0x01, 0x18, 0xff, 0x18, 0x63, 0x80]),
            Ok(AdvertSuffix { psm: Some(0xff) }),
            "between unknown channels"
        );
    }

    proptest! {
        #[test]
        fn suffixes_survive(psm in 1..=u16::MAX) {
            let suffix = AdvertSuffix { psm: Some(psm) };
            prop_assert_eq!(AdvertSuffix::parse(&suffix.to_bytes()), Ok(suffix));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = AdvertSuffix::parse(&bytes);
        }
    }
}
