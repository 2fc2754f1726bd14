//! A phone's advert over Bluetooth, the proof that it is near:
//! [CTAP 2.2 §11.5.1].
//!
//! ```text
//! advert     AES-256 block of the EID [16] | HMAC-SHA-256 tag [4] | suffix
//! EID        0 | nonce [10] | routing id [3] | tunnel domain LE16
//! ```
//!
//! The EID key holds both keys, for the block first. The tag is the first 4
//! bytes of the HMAC over the *encrypted* block, so that each received
//! advert that is for another client costs one HMAC. Several phones
//! may answer one QR code under one key: a block cipher, unlike a stream, keeps
//! that safe.
//!
//! Whether an advert came over the air is for the caller to know. Nothing here
//! can tell, and everything rests on it.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::advert_suffix::AdvertSuffix;
use super::tunnel_domain::TunnelDomain;
use super::tunnel_url::RoutingId;
use crate::crypto::{Aes256Block, HmacSha256};
use crate::secret::{AdvertNonce, EidKey, SecretArray, with_wiped_stack};

/// Length of an advert without its suffix, in bytes.
pub const ADVERT_LENGTH: usize = EID_LENGTH + TAG_LENGTH;

/// Length of an EID, in bytes: one block of AES.
pub const EID_LENGTH: usize = 16;

/// Length of the tag in bytes: short, so that the advert fits in 31 bytes. An attacker
/// who guesses the tag (probability 2^-32) causes one failed dial and nothing else.
const TAG_LENGTH: usize = 4;

/// Why bytes are no EID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EidError {
    /// Not 16 bytes.
    #[error("an EID has {EID_LENGTH} bytes")]
    Length,
    /// The first byte is not 0: the phone uses something that this client did
    /// not offer.
    #[error("the EID's reserved byte is set")]
    Reserved,
    /// The tunnel domain is neither assigned nor hashed.
    #[error("the EID's tunnel domain is not known")]
    UnknownDomain,
}

/// The plaintext of an advert ("ephemeral identifier").
///
/// Knowing it proves that the advert was received, so it is wiped when dropped
/// and `Debug` shows no byte. Comparison takes constant time.
#[derive(Clone)]
pub struct Eid(SecretArray<EID_LENGTH>);

impl Eid {
    /// Puts one together. In a state-assisted transaction the routing id means
    /// nothing and may be any.
    ///
    /// The domain must be valid in both flows: Chromium's client checks it even
    /// where it does not use it. Chromium's phone fills those bytes at random and
    /// so loses one linked transaction in 258.
    #[must_use]
    pub fn new(nonce: [u8; 10], routing: RoutingId, domain: TunnelDomain) -> Self {
        Self::with(&AdvertNonce::new(nonce), routing, domain)
    }

    pub(crate) fn with(nonce: &AdvertNonce, routing: RoutingId, domain: TunnelDomain) -> Self {
        let mut eid = SecretArray::zeroed();
        let bytes = eid.expose_mut();
        bytes[1..11].copy_from_slice(nonce.expose());
        bytes[11..14].copy_from_slice(&routing.0);
        bytes[14..].copy_from_slice(&domain.encoded().to_le_bytes());
        Self(eid)
    }

    /// Puts one together with a fresh nonce, as each transaction needs.
    pub fn generate(routing: RoutingId, domain: TunnelDomain, rng: &mut impl CryptoRng) -> Self {
        Self::with(&AdvertNonce::generate(rng), routing, domain)
    }

    /// Reads the 16 bytes of an EID that answers a QR code.
    ///
    /// # Errors
    /// An [`EidError`] that says what was wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, EidError> {
        let eid = Self::parse_linked(bytes)?;
        if eid.domain().is_none() {
            return Err(EidError::UnknownDomain);
        }
        Ok(eid)
    }

    /// Reads the 16 bytes of a linked phone's EID, whose domain is not looked
    /// at: Chromium's phone puts random bytes there.
    ///
    /// # Errors
    /// [`EidError::Length`] or [`EidError::Reserved`].
    pub fn parse_linked(bytes: &[u8]) -> Result<Self, EidError> {
        let eid = Self(SecretArray::from_slice(bytes).ok_or(EidError::Length)?);
        if eid.expose()[0] != 0 {
            return Err(EidError::Reserved);
        }
        Ok(eid)
    }

    /// All 16 bytes, the salt of the [pre-shared key](super::key_schedule::psk). Never
    /// log, print or compare them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; EID_LENGTH] {
        self.0.expose()
    }

    /// Where the phone waits at its tunnel service; meaningless from a linked
    /// phone.
    #[must_use]
    pub const fn routing_id(&self) -> RoutingId {
        let [.., a, b, c, _, _] = *self.expose();
        RoutingId([a, b, c])
    }

    /// The tunnel service at which the phone waits. `None` only from a linked
    /// phone, where it means nothing.
    #[must_use]
    pub fn domain(&self) -> Option<TunnelDomain> {
        let [.., low, high] = *self.expose();
        TunnelDomain::from_encoded(u16::from_le_bytes([low, high]))
    }
}

impl PartialEq for Eid {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for Eid {}

impl fmt::Debug for Eid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Eid(..)")
    }
}

/// An advert that was made under the expected key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedAdvert<'a> {
    /// The plaintext of the first 20 bytes.
    pub eid: Eid,
    /// The bytes behind them, which nothing protects.
    pub suffix_bytes: &'a [u8],
}

impl OpenedAdvert<'_> {
    /// The suffix; empty if the advert has no suffix or a malformed one.
    #[must_use]
    pub fn suffix(&self) -> AdvertSuffix {
        AdvertSuffix::parse(self.suffix_bytes).unwrap_or_default()
    }
}

/// An EID key made ready: for a phone to seal one advert, for a client to look
/// for one among many.
#[derive(Clone)]
pub struct AdvertKey(Box<Prepared>);

/// How much of the stack is wiped after making the keys of adverts ready, in
/// bytes.
const PREPARED_STACK: usize = 4 << 10;

/// The same after an advert was opened: one block, in registers for the most.
const OPENED_STACK: usize = 1 << 10;

/// In a box: a cipher's first round keys are its key, and a move would leave a
/// copy of them behind.
#[derive(Clone)]
struct Prepared {
    block: Aes256Block,
    mac: HmacSha256,
}

impl AdvertKey {
    /// Prepares both keys.
    #[must_use]
    pub fn new(key: &EidKey) -> Self {
        with_wiped_stack::<PREPARED_STACK, _>(|| {
            let mut half = Zeroizing::new([0; 32]);
            half.copy_from_slice(&key.expose()[..32]);
            let block = Aes256Block::new(&half);
            half.copy_from_slice(&key.expose()[32..]);
            Self(Box::new(Prepared { block, mac: HmacSha256::new(&half) }))
        })
    }

    /// The service data that a phone advertises, before any suffix.
    #[must_use]
    pub fn seal(&self, eid: &Eid) -> [u8; ADVERT_LENGTH] {
        let block = self.0.block.encrypt(eid.expose());
        let tag = self.0.mac.tag(&block);
        let mut advert = [0; ADVERT_LENGTH];
        advert[..EID_LENGTH].copy_from_slice(&block);
        advert[EID_LENGTH..].copy_from_slice(&tag[..TAG_LENGTH]);
        advert
    }

    /// Takes service data that answers a QR code; `None` for all other. Other
    /// service data is not an error: ignore it and keep scanning.
    ///
    /// The first 20 bytes decide. Chromium wants no more than them; phones of
    /// CTAP 2.3 send more.
    #[must_use]
    pub fn open<'a>(&self, service_data: &'a [u8]) -> Option<OpenedAdvert<'a>> {
        self.open_linked(service_data).filter(|received| received.eid.domain().is_some())
    }

    /// Takes a linked phone's service data; as [`open`](Self::open), but for
    /// the domain, which [is not looked at](Eid::parse_linked).
    #[must_use]
    pub fn open_linked<'a>(&self, service_data: &'a [u8]) -> Option<OpenedAdvert<'a>> {
        let (block, rest) = service_data.split_first_chunk::<EID_LENGTH>()?;
        let (tag, suffix_bytes) = rest.split_first_chunk::<TAG_LENGTH>()?;
        if !self.0.mac.verifies(block, tag) {
            return None;
        }
        let eid = with_wiped_stack::<OPENED_STACK, _>(|| {
            let plaintext = Zeroizing::new(self.0.block.decrypt(block));
            Eid::parse_linked(plaintext.as_slice()).ok()
        })?;
        Some(OpenedAdvert { eid, suffix_bytes })
    }
}

impl fmt::Debug for AdvertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdvertKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> AdvertKey {
        AdvertKey::new(&EidKey::new(std::array::from_fn(|at| at as u8)))
    }

    fn eid() -> Eid {
        Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::APPLE)
    }

    #[test]
    fn the_fields_lie_where_the_text_says() {
        let expected = [0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, 2, 3, 1, 0];
        assert_eq!(eid().expose(), &expected);
        assert_eq!(Eid::parse(&expected), Ok(eid()));
    }

    #[test]
    fn any_changed_bit_makes_it_another_phones() {
        let advert = key().seal(&eid());
        for bit in 0..8 * ADVERT_LENGTH {
            let mut changed = advert;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(&changed), None, "bit {bit}");
            assert_eq!(key().open_linked(&changed), None, "bit {bit}");
        }
        assert_eq!(key().open(&advert).unwrap().eid, eid());
    }

    #[test]
    fn short_service_data_is_ignored_and_long_has_a_suffix() {
        let mut data = key().seal(&eid()).to_vec();
        for length in 0..ADVERT_LENGTH {
            assert_eq!(key().open(&data[..length]), None, "{length} bytes");
        }
        data.extend([0xa1, 0x01, 0x18, 0x80]);
        let received = key().open(&data).unwrap();
        assert_eq!((received.eid.clone(), received.suffix().psm), (eid(), Some(0x80)));
        data.push(0xff);
        let received = key().open(&data).unwrap();
        assert_eq!((received.eid.clone(), received.suffix().psm), (eid(), None), "malformed");
        assert_eq!(received.suffix_bytes, [0xa1, 0x01, 0x18, 0x80, 0xff]);
    }

    #[test]
    fn reserved_bits_are_refused_in_both_flows() {
        for bit in 0..8 {
            let mut eid = eid();
            eid.0.expose_mut()[0] = 1 << bit;
            let advert = key().seal(&eid);
            assert_eq!(key().open(&advert), None);
            assert_eq!(key().open_linked(&advert), None);
        }
    }

    #[test]
    fn an_unassigned_domain_is_refused_but_from_a_linked_phone() {
        for domain in 2..=255 {
            let mut eid = eid();
            eid.0.expose_mut()[14] = domain;
            assert_eq!(eid.domain(), None);
            assert_eq!(Eid::parse(eid.expose()), Err(EidError::UnknownDomain));
            let advert = key().seal(&eid);
            assert_eq!(key().open(&advert), None);
            assert_eq!(key().open_linked(&advert).unwrap().eid, eid);
        }
    }

    #[test]
    fn debug_shows_no_byte() {
        let advert = key().seal(&eid());
        let shown = format!("{:?} {:?}", key(), key().open(&advert).unwrap());
        assert_eq!(shown, "AdvertKey(..) OpenedAdvert { eid: Eid(..), suffix_bytes: [] }");
    }

    proptest! {
        #[test]
        fn adverts_survive(
            secret in prop::array::uniform32(any::<[u8; 2]>()),
            nonce: [u8; 10],
            routing: [u8; 3],
            domain in prop_oneof![Just(0), Just(1), 256..=u16::MAX],
            suffix: Vec<u8>,
        ) {
            let key = AdvertKey::new(&EidKey::new(secret.concat().try_into().unwrap()));
            let domain = TunnelDomain::from_encoded(domain).unwrap();
            let eid = Eid::new(nonce, RoutingId(routing), domain);
            prop_assert_eq!(eid.routing_id(), RoutingId(routing));
            prop_assert_eq!(eid.domain(), Some(domain));

            let mut data = key.seal(&eid).to_vec();
            data.extend(&suffix);
            let received = key.open(&data);
            prop_assert_eq!(received, Some(OpenedAdvert { eid, suffix_bytes: &suffix }));
        }

        #[test]
        fn any_service_data_is_answered(data: Vec<u8>) {
            prop_assert_eq!(key().open(&data), None);
            prop_assert_eq!(key().open_linked(&data), None);
        }
    }
}
