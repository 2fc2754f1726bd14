//! `prf`: a secret of 32 bytes per credential and input
//! [WebAuthn L3 §10.1.4], in the form that phones take over CTAP.
//!
//! ```text
//! registration  in   {"eval"?: values}          mostly {}: "does it have one?"
//!               out  {"enabled": bool, "results"?: values}
//! assertion     in   {"eval"?: values, "evalByCredential"?: {id: values}}
//!               out  {"results"?: values}
//! values             {"first": bytes[32], "second"?: bytes[32]}
//! ```
//!
//! Inputs are hashed by the client already: SHA-256 of `WebAuthn PRF`, a zero
//! byte and what the relying party gave. They go in the clear inside the tunnel.

use std::collections::BTreeMap;

use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer};
use crate::ctap::CredentialId;
use crate::ctap::bounds::MAX_CREDENTIALS;
use crate::secret::{PrfInput, PrfOutput};

/// One or two values, of inputs or of outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrfValues<T> {
    /// The value that is always there.
    pub first: T,
    /// The value for a relying party that changes its secret.
    pub second: Option<T>,
}

/// Asks whether a new credential has a PRF, and perhaps for its outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrfRegistrationInput {
    /// The values to evaluate at once; phones ignore them.
    pub eval: Option<PrfValues<PrfInput>>,
}

impl Encode for PrfRegistrationInput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(eval) = &self.eval {
                map.text("eval", |writer| write(eval, writer));
            }
        });
    }
}

impl<'a> Decode<'a> for PrfRegistrationInput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let mut eval = None;
        reader.map(|key, reader| {
            if key == MapKey::Text("eval") {
                eval = Some(read(reader)?);
            }
            Ok(())
        })?;
        Ok(Self { eval })
    }
}

/// Tells whether a new credential has a PRF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrfRegistrationOutput {
    /// Whether it has. An answer that does not say is read as no.
    pub enabled: bool,
    /// The outputs, from an authenticator that evaluated at once.
    pub results: Option<PrfValues<PrfOutput>>,
}

impl PrfRegistrationOutput {
    /// The answer without outputs.
    #[must_use]
    pub const fn new(enabled: bool) -> Self {
        Self { enabled, results: None }
    }
}

impl Encode for PrfRegistrationOutput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("enabled", |writer| writer.boolean(self.enabled));
            if let Some(results) = &self.results {
                map.text("results", |writer| write(results, writer));
            }
        });
    }
}

impl<'a> Decode<'a> for PrfRegistrationOutput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut enabled, mut results) = (false, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Text("enabled") => enabled = reader.boolean()?,
                MapKey::Text("results") => results = Some(read(reader)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { enabled, results })
    }
}

/// Asks for a credential's outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrfAssertionInput {
    /// The values for any credential that has no values of its own.
    pub eval: Option<PrfValues<PrfInput>>,
    /// The values for single credentials of the allow list.
    pub eval_by_credential: BTreeMap<CredentialId, PrfValues<PrfInput>>,
}

impl PrfAssertionInput {
    /// Asks for the same of any credential.
    #[must_use]
    pub const fn new(eval: PrfValues<PrfInput>) -> Self {
        Self { eval: Some(eval), eval_by_credential: BTreeMap::new() }
    }

    /// Whether there are values for any credential.
    #[cfg(feature = "webauthn")]
    pub(crate) fn has_values(&self) -> bool {
        self.eval.is_some() || !self.eval_by_credential.is_empty()
    }

    /// The values for this credential: its own values go first
    /// [WebAuthn L3 §10.1.4].
    #[must_use]
    pub fn values_for(&self, credential: &CredentialId) -> Option<&PrfValues<PrfInput>> {
        self.eval_by_credential.get(credential).or(self.eval.as_ref())
    }
}

impl Encode for PrfAssertionInput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(eval) = &self.eval {
                map.text("eval", |writer| write(eval, writer));
            }
            if !self.eval_by_credential.is_empty() {
                map.text("evalByCredential", |writer| {
                    writer.map(|map| {
                        for (id, values) in &self.eval_by_credential {
                            map.bytes(id.as_bytes(), |writer| write(values, writer));
                        }
                    });
                });
            }
        });
    }
}

impl<'a> Decode<'a> for PrfAssertionInput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut eval, mut eval_by_credential) = (None, BTreeMap::new());
        reader.map(|key, reader| {
            match key {
                MapKey::Text("eval") => eval = Some(read(reader)?),
                MapKey::Text("evalByCredential") => eval_by_credential = by_credential(reader)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { eval, eval_by_credential })
    }
}

fn by_credential(
    reader: &mut Reader<'_>,
) -> Result<BTreeMap<CredentialId, PrfValues<PrfInput>>, CborError> {
    let mut map = BTreeMap::new();
    reader.map(|key, reader| {
        let MapKey::Bytes(id) = key else {
            return Err(CborError::Expected("a byte string as a credential id"));
        };
        if map.len() == MAX_CREDENTIALS {
            return Err(CborError::Invalid("the number of PRF inputs"));
        }
        map.insert(CredentialId::from_message(id)?, read(reader)?);
        Ok(())
    })?;
    Ok(map)
}

/// A credential's outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrfAssertionOutput {
    /// The outputs; none from a credential without a PRF.
    pub results: Option<PrfValues<PrfOutput>>,
}

impl PrfAssertionOutput {
    /// These outputs.
    #[must_use]
    pub const fn new(results: PrfValues<PrfOutput>) -> Self {
        Self { results: Some(results) }
    }
}

impl Encode for PrfAssertionOutput {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(results) = &self.results {
                map.text("results", |writer| write(results, writer));
            }
        });
    }
}

impl<'a> Decode<'a> for PrfAssertionOutput {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let mut results = None;
        reader.map(|key, reader| {
            if key == MapKey::Text("results") {
                results = Some(read(reader)?);
            }
            Ok(())
        })?;
        Ok(Self { results })
    }
}

/// A value of 32 bytes that the extension carries.
trait Value: Sized {
    fn from_slice(bytes: &[u8]) -> Option<Self>;
    fn bytes(&self) -> &[u8; 32];
}

impl Value for PrfInput {
    fn from_slice(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes)
    }

    fn bytes(&self) -> &[u8; 32] {
        self.expose()
    }
}

impl Value for PrfOutput {
    fn from_slice(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes)
    }

    fn bytes(&self) -> &[u8; 32] {
        self.expose()
    }
}

fn write<T: Value>(values: &PrfValues<T>, writer: &mut Writer) {
    writer.map(|map| {
        map.text("first", |writer| writer.bytes(values.first.bytes()));
        if let Some(second) = &values.second {
            map.text("second", |writer| writer.bytes(second.bytes()));
        }
    });
}

fn read<T: Value>(reader: &mut Reader<'_>) -> Result<PrfValues<T>, CborError> {
    let (mut first, mut second) = (None, None);
    reader.map(|key, reader| {
        match key {
            MapKey::Text("first") => first = Some(value(reader)?),
            MapKey::Text("second") => second = Some(value(reader)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(PrfValues { first: first.ok_or(CborError::Missing("the first PRF value"))?, second })
}

fn value<T: Value>(reader: &mut Reader<'_>) -> Result<T, CborError> {
    T::from_slice(reader.bytes()?).ok_or(CborError::Invalid("the length of a PRF value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};

    fn inputs(first: u8, second: Option<u8>) -> PrfValues<PrfInput> {
        PrfValues {
            first: PrfInput::new([first; 32]),
            second: second.map(|byte| PrfInput::new([byte; 32])),
        }
    }

    #[test]
    fn a_credential_has_its_own_values_or_those_for_all() {
        let id = |byte| CredentialId::new([byte]).unwrap();
        let mut input = PrfAssertionInput::new(inputs(1, None));
        input.eval_by_credential.insert(id(7), inputs(2, Some(3)));
        assert_eq!(input.values_for(&id(7)), Some(&inputs(2, Some(3))));
        assert_eq!(input.values_for(&id(8)), Some(&inputs(1, None)));
        input.eval = None;
        assert_eq!(input.values_for(&id(8)), None);
        assert_eq!(decode(&encode(&input)), Ok(input));
    }

    #[test]
    fn values_have_exactly_32_bytes() {
        for length in [0, 31, 33] {
            let mut writer = Writer::new();
            writer.map(|map| {
                map.text("results", |writer| {
                    writer.map(|map| {
                        map.text("first", |writer| writer.bytes(&vec![0; length]));
                    });
                });
            });
            assert_eq!(
                decode::<PrfAssertionOutput>(&writer.into_bytes()),
                Err(CborError::Invalid("the length of a PRF value")),
                "{length}"
            );
        }
        assert_eq!(
            decode::<PrfAssertionOutput>(b"\xa1\x67results\xa0"),
            Err(CborError::Missing("the first PRF value"))
        );
    }

    #[test]
    fn credentials_are_named_by_bytes_and_bounded() {
        assert!(matches!(
            decode::<PrfAssertionInput>(b"\xa1\x70evalByCredential\xa1\x61a\xa0"),
            Err(CborError::Expected(_))
        ));
        let mut input = PrfAssertionInput::default();
        for number in 0..=MAX_CREDENTIALS {
            let id = CredentialId::new(number.to_be_bytes()).unwrap();
            input.eval_by_credential.insert(id, inputs(0, None));
        }
        assert_eq!(
            decode::<PrfAssertionInput>(&encode(&input)),
            Err(CborError::Invalid("the number of PRF inputs"))
        );
        input.eval_by_credential.pop_first();
        assert_eq!(decode(&encode(&input)), Ok(input));
    }

    #[test]
    fn an_answer_that_does_not_say_enabled_is_no() {
        assert_eq!(decode(b"\xa0"), Ok(PrfRegistrationOutput::new(false)));
    }

    #[test]
    fn debug_shows_no_value() {
        let output =
            PrfAssertionOutput::new(PrfValues { first: PrfOutput::new([0xab; 32]), second: None });
        let debug = format!("{output:?}");
        assert!(debug.contains("PrfOutput(..)"), "{debug}");
        assert!(!debug.contains("171") && !debug.contains("ab,"), "{debug}");
    }
}
