//! The QR code that starts a transaction [CTAP 2.2 §11.5.1] [CTAP 2.3 §11.5.1].
//!
//! ```text
//! FIDO:/ digits(CBOR)
//! CBOR { 0: client's P-256 key, compressed [33]    4: will keep links, bool
//!        1: QR secret [16]                         5: "ga" | "mc" | "dcp" | "dci"
//!        2: assigned tunnel domains known          6: data channels, array
//!        3: made at, Unix seconds           0xffff: grease, sometimes }
//! ```
//!
//! The text is the secret: who reads it can answer in the phone's place. It
//! has a type of its own, [`QrText`], that does not print.
//!
//! Parsing is as lenient as Chromium's phone where phones differ: only keys 0
//! and 1 must be there, keys without a meaning are skipped. The CBOR itself has
//! to be canonical. Whether a code is too old is for the role to decide; what
//! vendors' phones do is not known.
//!
//! Not accepted: the `fido://` form with base64url that clients wrote before
//! mid-2021.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::digits::{self, DigitsError};
use super::tunnel_domain::{ASSIGNED_DOMAINS, TunnelDomain};
use crate::cbor::{self, CborError, Decode, ItemType, MapKey, MapWriter, Reader, Writer};
use crate::crypto::PublicKey;
use crate::secret::QrSecret;

/// The start of the text. Upper case keeps the symbol in alphanumeric mode.
const PREFIX: &str = "FIDO:/";

/// A key that no phone gives a meaning to.
const GREASE_KEY: i64 = 0xffff;

/// The id of the WebSocket channel in key 6.
const WEB_SOCKET_CHANNEL: u64 = 0;

/// The id of the L2CAP channel in key 6 and in advert suffixes.
pub(super) const BLUETOOTH_CHANNEL: u64 = 1;

/// Why a text is not a QR code of this protocol. The program that showed it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QrCodeError {
    /// The text does not start with `FIDO:/`: some other QR code.
    #[error("the text does not start with FIDO:/")]
    NotFido,
    /// Nothing follows `FIDO:/`.
    #[error("the QR code is empty")]
    Empty,
    /// The text after `FIDO:/` is not digits of the right form and number.
    #[error("the QR code's digits are malformed")]
    Digits(#[source] DigitsError),
    /// The bytes are not the CBOR map that is due.
    #[error("the QR code's content is malformed")]
    Cbor(#[source] CborError),
}

/// The kind of the coming request, so that a phone can show the right words.
///
/// A hint only: it does not limit what the client may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestHint {
    /// `mc`: a passkey will be registered.
    MakeCredential,
    /// `ga`: a sign-in will be signed. Also what no hint and an unknown hint
    /// mean.
    #[default]
    GetAssertion,
    /// `dcp`: a digital credential will be presented.
    CredentialPresentation,
    /// `dci`: a digital credential will be issued.
    CredentialIssuance,
}

impl RequestHint {
    /// The text that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MakeCredential => "mc",
            Self::GetAssertion => "ga",
            Self::CredentialPresentation => "dcp",
            Self::CredentialIssuance => "dci",
        }
    }

    fn from_text(text: &str) -> Self {
        match text {
            "mc" => Self::MakeCredential,
            "dcp" => Self::CredentialPresentation,
            "dci" => Self::CredentialIssuance,
            _ => Self::GetAssertion,
        }
    }
}

/// The ways for messages to go after the advert (key 6 as CTAP 2.3 has it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataChannels {
    /// Through a tunnel service. Also what the absence of key 6 means, and
    /// what is made of a list with nothing known in it.
    WebSocket,
    /// Over Bluetooth (L2CAP) alone.
    Bluetooth,
    /// Either, as the phone chooses.
    Both,
}

impl DataChannels {
    /// Whether a phone may append a Bluetooth
    /// [suffix](super::AdvertSuffix) to its advert.
    #[must_use]
    pub const fn has_bluetooth(self) -> bool {
        matches!(self, Self::Bluetooth | Self::Both)
    }

    /// Whether a phone may open a tunnel.
    #[must_use]
    pub const fn has_web_socket(self) -> bool {
        matches!(self, Self::WebSocket | Self::Both)
    }
}

/// The content of a QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QrCode {
    /// Key 0: the client's key, for this code alone.
    pub public_key: PublicKey,
    /// Key 1: what all keys of the transaction are derived from.
    pub secret: QrSecret,
    /// Key 2: how many of the [assigned domains](ASSIGNED_DOMAINS) the client
    /// knows; 0 if it does not say. See [`knows`](Self::knows).
    pub known_domains: u64,
    /// Key 3: when the code was made, in seconds since 1970. Anything up to
    /// `u64::MAX`, as the client pleases; `abs_diff` compares it safely.
    /// `None` if it is absent or no such number: Chromium's phone does not
    /// even look.
    pub created: Option<u64>,
    /// Key 4: whether the client will keep a link. Not to say is not `false`:
    /// early phones took the mere presence of this key for protocol version
    /// 2.1.
    pub supports_linking: Option<bool>,
    /// Key 5.
    pub hint: RequestHint,
    /// Key 6, if it is a list.
    pub channels: DataChannels,
    /// Key 6, if it is a boolean, which older clients write to say that they
    /// can register a credential that is not discoverable. Never written.
    pub non_discoverable: Option<bool>,
}

impl QrCode {
    /// A client's code: all assigned domains known, no links, tunnel only.
    /// `created` is in seconds since 1970.
    ///
    /// Key and secret must be fresh for each code.
    #[must_use]
    pub const fn new(
        public_key: PublicKey,
        secret: QrSecret,
        created: u64,
        hint: RequestHint,
    ) -> Self {
        Self {
            public_key,
            secret,
            known_domains: ASSIGNED_DOMAINS.len() as u64,
            created: Some(created),
            supports_linking: Some(false),
            hint,
            channels: DataChannels::WebSocket,
            non_discoverable: None,
        }
    }

    /// Whether the client will know this tunnel domain in an advert. A phone
    /// must not choose another.
    #[must_use]
    pub fn knows(&self, domain: TunnelDomain) -> bool {
        !domain.is_assigned() || u64::from(domain.encoded()) < self.known_domains
    }

    /// The text to show as a QR code, written as Chromium does.
    ///
    /// Key 6 is left out unless Bluetooth is offered: older Google Play
    /// services refuse the whole code for it.
    #[must_use]
    pub fn to_text(&self) -> QrText {
        self.text_with(|_| {})
    }

    /// As [`to_text`](Self::to_text), with a key that means nothing. CTAP
    /// tells clients to show such a code now and then (some do for one in
    /// four), so that phones keep skipping keys that they do not know.
    #[must_use]
    pub fn to_greased_text(&self) -> QrText {
        self.text_with(|map| map.integer(GREASE_KEY, |w| w.unsigned(0)))
    }

    fn text_with(&self, more: impl FnOnce(&mut MapWriter<'_>)) -> QrText {
        let mut writer = Writer::new();
        writer.map(|map| {
            self.write(map);
            more(map);
        });
        let content = Zeroizing::new(writer.into_bytes());
        let length = PREFIX.len() + digits::encoded_length(content.len());
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(PREFIX);
        digits::push(&mut text, &content);
        QrText(text)
    }

    fn write(&self, map: &mut MapWriter<'_>) {
        map.integer(0, |w| w.bytes(&self.public_key.compressed()));
        map.integer(1, |w| w.bytes(self.secret.expose()));
        map.integer(2, |w| w.unsigned(self.known_domains));
        if let Some(created) = self.created {
            map.integer(3, |w| w.unsigned(created));
        }
        if let Some(supports_linking) = self.supports_linking {
            map.integer(4, |w| w.boolean(supports_linking));
        }
        map.integer(5, |w| w.text(self.hint.as_str()));
        let channels: &[u64] = match self.channels {
            DataChannels::WebSocket => return,
            DataChannels::Bluetooth => &[BLUETOOTH_CHANNEL],
            DataChannels::Both => &[WEB_SOCKET_CHANNEL, BLUETOOTH_CHANNEL],
        };
        map.integer(6, |w| w.array(channels.iter(), |w, channel| w.unsigned(*channel)));
    }
}

impl FromStr for QrCode {
    type Err = QrCodeError;

    /// Reads the text of a QR code.
    ///
    /// Text must come from a camera or an equally deliberate act of the user,
    /// never from a link, web content or another app (CVE-2024-9956).
    fn from_str(text: &str) -> Result<Self, QrCodeError> {
        let (prefix, digits) = text.split_at_checked(PREFIX.len()).ok_or(QrCodeError::NotFido)?;
        // Some scanners hand over URI schemes in lower case.
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(QrCodeError::NotFido);
        }
        if digits.is_empty() {
            return Err(QrCodeError::Empty);
        }
        let content = Zeroizing::new(digits::decode(digits).map_err(QrCodeError::Digits)?);
        cbor::decode(&content).map_err(QrCodeError::Cbor)
    }
}

/// The text of a QR code, which *is* its secret: wiped when dropped, never
/// printed.
#[derive(Clone)]
pub struct QrText(Zeroizing<String>);

impl QrText {
    /// The text itself, to show as a QR code. Never log, print or keep it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for QrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QrText(..)")
    }
}

impl<'a> Decode<'a> for QrCode {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut public_key, mut secret) = (None, None);
        let (mut known_domains, mut created, mut supports_linking) = (0, None, None);
        let mut hint = RequestHint::default();
        let (mut channels, mut non_discoverable) = (DataChannels::WebSocket, None);
        reader.map(|key, value| {
            match key {
                MapKey::Integer(0) => {
                    let point = PublicKey::from_compressed(value.bytes()?);
                    public_key = Some(point.map_err(|_| CborError::Invalid("the public key"))?);
                }
                MapKey::Integer(1) => {
                    let bytes = QrSecret::from_slice(value.bytes()?);
                    secret = Some(bytes.ok_or(CborError::Invalid("the QR secret"))?);
                }
                MapKey::Integer(2) => known_domains = value.unsigned()?,
                MapKey::Integer(3) if value.peek()? == ItemType::Unsigned => {
                    created = Some(value.unsigned()?);
                }
                MapKey::Integer(4) => supports_linking = Some(value.boolean()?),
                MapKey::Integer(5) => hint = RequestHint::from_text(value.text()?),
                MapKey::Integer(6) => match value.peek()? {
                    ItemType::Bool => non_discoverable = Some(value.boolean()?),
                    ItemType::Array => channels = read_channels(value)?,
                    _ => {}
                },
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            public_key: public_key.ok_or(CborError::Missing("the public key"))?,
            secret: secret.ok_or(CborError::Missing("the QR secret"))?,
            known_domains,
            created,
            supports_linking,
            hint,
            channels,
            non_discoverable,
        })
    }
}

/// Ids of the future and repeated ones are skipped; a list with anything but
/// ids in it counts as absent, as Firefox's client reads it.
fn read_channels(value: &mut Reader<'_>) -> Result<DataChannels, CborError> {
    let (mut web_socket, mut bluetooth, mut odd) = (false, false, false);
    value.array(|channel| {
        if channel.peek()? != ItemType::Unsigned {
            odd = true;
            return Ok(());
        }
        match channel.unsigned()? {
            WEB_SOCKET_CHANNEL => web_socket = true,
            BLUETOOTH_CHANNEL => bluetooth = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(match (web_socket, bluetooth) {
        _ if odd => DataChannels::WebSocket,
        (true, true) => DataChannels::Both,
        (false, true) => DataChannels::Bluetooth,
        (_, false) => DataChannels::WebSocket,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::SecretKey;

    fn code() -> QrCode {
        let key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
        QrCode::new(
            *key.public_key(),
            QrSecret::new([0xab; 16]),
            1_700_000_000,
            RequestHint::MakeCredential,
        )
    }

    fn parse(text: &str) -> Result<QrCode, QrCodeError> {
        text.parse()
    }

    /// Parses a map of valid keys 0 and 1 and what `more` adds.
    fn with(more: impl FnOnce(&mut MapWriter<'_>)) -> Result<QrCode, QrCodeError> {
        map(|map| {
            map.integer(0, |w| w.bytes(&code().public_key.compressed()));
            map.integer(1, |w| w.bytes(&[1; 16]));
            more(map);
        })
    }

    fn map(entries: impl FnOnce(&mut MapWriter<'_>)) -> Result<QrCode, QrCodeError> {
        let mut writer = Writer::new();
        writer.map(entries);
        parse(&format!("FIDO:/{}", digits::encode(&writer.into_bytes())))
    }

    #[test]
    fn a_clients_code_has_the_six_keys_of_chromium_in_168_digits() {
        let text = code().to_text();
        assert_eq!(text.expose().len(), PREFIX.len() + 168);
        let content = digits::decode(&text.expose()[PREFIX.len()..]).unwrap();
        let mut keys = Vec::new();
        Reader::new(&content)
            .map(|key, _| {
                keys.push(key);
                Ok(())
            })
            .unwrap();
        assert_eq!(keys, [0, 1, 2, 3, 4, 5].map(MapKey::Integer));
    }

    #[test]
    fn grease_is_skipped() {
        let (plain, greased) = (code().to_text(), code().to_greased_text());
        assert_ne!(plain.expose(), greased.expose());
        assert_eq!(parse(greased.expose()), Ok(code()));
    }

    #[test]
    fn the_prefix_is_read_in_any_case_and_no_other_is() {
        let text = code().to_text();
        let digits = &text.expose()[PREFIX.len()..];
        for prefix in ["FIDO:/", "fido:/", "Fido:/", "fIdO:/"] {
            assert_eq!(parse(&format!("{prefix}{digits}")), Ok(code()), "{prefix}");
        }
        for prefix in ["", "FIDO:", "FIDO/", " FIDO:/", "FIDO :/", "ＦＩＤＯ:/", "ﬁdo:/"] {
            assert_eq!(parse(&format!("{prefix}{digits}")), Err(QrCodeError::NotFido), "{prefix}");
        }
        for (text, error) in [
            (format!("FIDO://{digits}"), QrCodeError::Digits(DigitsError::NotADigit)),
            (format!("FIDO:/{digits} "), QrCodeError::Digits(DigitsError::NotADigit)),
            (format!("FIDO:/{digits}0"), QrCodeError::Digits(DigitsError::Length)),
            ("FIDO:/".to_owned(), QrCodeError::Empty),
            (
                format!("FIDO:/{}", "0".repeat(digits::MAX_DIGITS + 1)),
                QrCodeError::Digits(DigitsError::TooLong),
            ),
        ] {
            assert_eq!(parse(&text), Err(error));
        }
    }

    #[test]
    fn only_key_and_secret_must_be_there() {
        let code = with(|_| {}).unwrap();
        assert_eq!(code.known_domains, 0);
        assert_eq!(code.created, None);
        assert_eq!(code.supports_linking, None);
        assert_eq!(code.hint, RequestHint::GetAssertion);
        assert_eq!(code.channels, DataChannels::WebSocket);
        assert_eq!(code.non_discoverable, None);
        let missing = |name| Err(QrCodeError::Cbor(CborError::Missing(name)));
        assert_eq!(map(|map| map.integer(1, |w| w.bytes(&[1; 16]))), missing("the public key"));
        assert_eq!(map(|map| map.integer(0, |w| w.bytes(&[2; 33]))), missing("the QR secret"));
    }

    #[test]
    fn keys_of_the_wrong_form_are_refused() {
        let key_and_secret = |key: &[u8], secret: &[u8]| {
            map(|map| {
                map.integer(0, |w| w.bytes(key));
                map.integer(1, |w| w.bytes(secret));
            })
        };
        let point = code().public_key;
        let invalid = |name| Err(QrCodeError::Cbor(CborError::Invalid(name)));
        assert_eq!(key_and_secret(&point.uncompressed(), &[1; 16]), invalid("the public key"));
        assert_eq!(key_and_secret(&point.compressed(), &[1; 15]), invalid("the QR secret"));
        assert_eq!(key_and_secret(&point.compressed(), &[1; 17]), invalid("the QR secret"));
        for tag in [0, 4, 5, 6, 7] {
            let mut key = point.compressed();
            key[0] = tag;
            assert_eq!(key_and_secret(&key, &[1; 16]), invalid("the public key"), "{tag}");
        }
    }

    #[test]
    fn values_that_phones_insist_on_have_their_types() {
        let expected = |name| Err(QrCodeError::Cbor(CborError::Expected(name)));
        assert_eq!(with(|map| map.integer(2, |w| w.text("2"))), expected("an unsigned integer"));
        assert_eq!(with(|map| map.integer(2, |w| w.integer(-1))), expected("an unsigned integer"));
        assert_eq!(with(|map| map.integer(4, |w| w.unsigned(1))), expected("a boolean"));
        assert_eq!(with(|map| map.integer(5, |w| w.bytes(b"ga"))), expected("a text string"));
    }

    #[test]
    fn values_that_phones_ignore_do_not_spoil_the_code() {
        assert_eq!(with(|map| map.integer(3, |w| w.text("now"))).unwrap().created, None);
        assert_eq!(with(|map| map.integer(3, |w| w.integer(-1))).unwrap().created, None);
        let latest = with(|map| map.integer(3, |w| w.unsigned(u64::MAX))).unwrap();
        assert_eq!(latest.created, Some(u64::MAX));
        for text in ["", "GA", "mcx", "dc"] {
            let code = with(|map| map.integer(5, |w| w.text(text))).unwrap();
            assert_eq!(code.hint, RequestHint::GetAssertion, "{text:?}");
        }
        assert!(with(|map| map.text("new", |w| w.boolean(true))).is_ok());
    }

    #[test]
    fn key_6_is_read_in_both_meanings() {
        let code = with(|map| map.integer(6, |w| w.boolean(true))).unwrap();
        assert_eq!((code.channels, code.non_discoverable), (DataChannels::WebSocket, Some(true)));
        for (list, channels) in [
            (&[][..], DataChannels::WebSocket),
            (&[0], DataChannels::WebSocket),
            (&[1], DataChannels::Bluetooth),
            (&[0, 1], DataChannels::Both),
            (&[1, 0, 1], DataChannels::Both),
            (&[7], DataChannels::WebSocket),
            (&[1, u64::MAX], DataChannels::Bluetooth),
        ] {
            let code =
                with(|map| map.integer(6, |w| w.array(list.iter(), |w, id| w.unsigned(*id))));
            let code = code.unwrap();
            assert_eq!((code.channels, code.non_discoverable), (channels, None), "{list:?}");
        }
        for odd in [-1, -2] {
            let code =
                with(|map| map.integer(6, |w| w.array([1, odd].iter(), |w, id| w.integer(*id))));
            assert_eq!(code.unwrap().channels, DataChannels::WebSocket);
        }
        for code in [
            with(|map| map.integer(6, |w| w.text("01"))),
            with(|map| map.integer(6, |w| w.unsigned(1))),
        ] {
            assert_eq!(code.unwrap().channels, DataChannels::WebSocket);
        }
    }

    #[test]
    fn key_6_is_written_only_when_bluetooth_is_offered() {
        let mut offering = code();
        offering.channels = DataChannels::Both;
        let content = digits::decode(&offering.to_text().expose()[PREFIX.len()..]).unwrap();
        assert!(content.ends_with(&[0x06, 0x82, 0x00, 0x01]));
        offering.channels = DataChannels::WebSocket;
        assert_eq!(offering.to_text().expose(), code().to_text().expose());
    }

    #[test]
    fn a_phone_may_use_what_the_client_knows() {
        let mut code = code();
        let hashed = TunnelDomain::from_encoded(256).unwrap();
        let mut knows = |count| {
            code.known_domains = count;
            [TunnelDomain::GOOGLE, TunnelDomain::APPLE, hashed].map(|domain| code.knows(domain))
        };
        assert_eq!(knows(0), [false, false, true]);
        assert_eq!(knows(1), [true, false, true]);
        assert_eq!(knows(2), [true, true, true]);
        assert_eq!(knows(u64::MAX), [true, true, true]);
    }

    #[test]
    fn debug_shows_neither_secret_nor_text() {
        let shown = format!("{:?} {:?}", code(), code().to_text());
        assert!(shown.contains("QrSecret(..)") && shown.ends_with("QrText(..)"), "{shown}");
        assert!(!shown.contains("171"), "0xab as Debug would write it");
        assert!(!shown.contains("FIDO"), "{shown}");
    }

    #[test]
    fn the_longest_code_is_read_and_its_text_was_never_moved() {
        let mut code = code();
        (code.known_domains, code.created) = (u64::MAX, Some(u64::MAX));
        code.hint = RequestHint::CredentialIssuance;
        code.channels = DataChannels::Both;
        let text = code.to_greased_text();
        assert_eq!(text.0.capacity(), text.0.len());
        assert_eq!(parse(text.expose()), Ok(code));
    }

    proptest! {
        #[test]
        fn codes_survive(
            scalar in 1_u128..,
            secret: [u8; 16],
            known_domains: u64,
            created: Option<u64>,
            supports_linking: Option<bool>,
            hint in prop::sample::select(&[
                RequestHint::MakeCredential,
                RequestHint::GetAssertion,
                RequestHint::CredentialPresentation,
                RequestHint::CredentialIssuance,
            ][..]),
            channels in prop::sample::select(&[
                DataChannels::WebSocket,
                DataChannels::Bluetooth,
                DataChannels::Both,
            ][..]),
        ) {
            let mut key = [0; 32];
            key[16..].copy_from_slice(&scalar.to_be_bytes());
            let code = QrCode {
                public_key: *SecretKey::from_scalar(&key).unwrap().public_key(),
                secret: QrSecret::new(secret),
                known_domains,
                created,
                supports_linking,
                hint,
                channels,
                non_discoverable: None,
            };
            prop_assert_eq!(parse(code.to_text().expose()), Ok(code.clone()));
            prop_assert_eq!(parse(code.to_greased_text().expose()), Ok(code));
        }

        #[test]
        fn any_text_is_answered(text: String, content: Vec<u8>) {
            let _ = parse(&text);
            let _ = parse(&format!("FIDO:/{text}"));
            let _ = parse(&format!("FIDO:/{}", digits::encode(&content)));
        }
    }
}
