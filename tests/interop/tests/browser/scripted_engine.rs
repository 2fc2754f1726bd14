//! A phone whose engine lists and answers more than our own: extensions, and attestation
//! statements of each format. Clients verify no statement, so these are made up.

use ciborium::Value as Cbor;
use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::CtapEngine;
use fido_hybrid::ctap::GetInfoResponse;
use fido_hybrid_interop::canonical;

/// CTAP's names for its commands, and the members that are rewritten [CTAP 2.2 §6].
const MAKE_CREDENTIAL: u8 = 0x01;
const GET_ASSERTION: u8 = 0x02;
const FORMAT: i64 = 0x01;
const AUTH_DATA: i64 = 0x02;
const STATEMENT: i64 = 0x03;
const INPUTS_AT_CREATION: i64 = 0x06;
const OUTPUTS_AT_CREATION: i64 = 0x06;
const INPUTS_AT_ASSERTION: i64 = 0x04;
const OUTPUTS_AT_ASSERTION: i64 = 0x08;

/// Flag ED, and where the flags are [WebAuthn L3 §6.1].
const EXTENSION_DATA: u8 = 0x80;
const FLAGS: usize = 32;

/// What the engine lists and answers beyond what another engine does.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// What getInfo lists.
    pub(crate) extensions: &'static [&'static str],
    /// Format and statement of a new passkey's attestation.
    pub(crate) statement: Option<(&'static str, Cbor)>,
    /// The large blob of every passkey.
    pub(crate) blob: Option<&'static [u8]>,
}

/// Another engine under a [`Script`].
pub(crate) struct ScriptedEngine<E> {
    pub(crate) engine: E,
    pub(crate) script: Script,
}

impl<E: CtapEngine> CtapEngine for ScriptedEngine<E> {
    fn get_info(&self) -> GetInfoResponse {
        let mut info = self.engine.get_info();
        info.extensions.extend(self.script.extensions.iter().map(|&name| name.to_owned()));
        info
    }

    fn process<'a>(&'a self, request: &'a [u8]) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move {
            let (command, parameters) = request.split_first().unwrap();
            let (inputs, outputs) = match *command {
                MAKE_CREDENTIAL => (INPUTS_AT_CREATION, OUTPUTS_AT_CREATION),
                GET_ASSERTION => (INPUTS_AT_ASSERTION, OUTPUTS_AT_ASSERTION),
                _ => return self.engine.process(request).await,
            };
            let mut parameters = map(parameters);
            let inputs = take(&mut parameters, inputs);
            let request = [vec![*command], canonical(&Cbor::Map(parameters))].concat();
            let response = self.engine.process(&request).await;
            let [0, members @ ..] = &response[..] else { return response };
            let mut members = map(members);
            for (name, input) in inputs.and_then(|it| it.into_map().ok()).unwrap_or_default() {
                match name.as_text() {
                    Some("credProtect") => sign(&mut members, &name, input),
                    Some("largeBlob") => {
                        let output = Cbor::Map(vec![(name, self.large_blob(&input))]);
                        members.push((outputs.into(), output));
                    }
                    other => panic!("{other:?} is not listed"),
                }
            }
            if let (MAKE_CREDENTIAL, Some((format, statement))) = (*command, &self.script.statement)
            {
                put(&mut members, FORMAT, (*format).into());
                put(&mut members, STATEMENT, statement.clone());
            }
            [vec![0], canonical(&Cbor::Map(members))].concat()
        })
    }
}

impl<E> ScriptedEngine<E> {
    /// The output for an input of `largeBlob`, in the form that phones speak.
    fn large_blob(&self, input: &Cbor) -> Cbor {
        let entries = input.as_map().unwrap();
        let has = |name: &str| entries.iter().any(|(key, _)| key.as_text() == Some(name));
        let output = match self.script.blob {
            _ if has("support") => vec![("supported".into(), true.into())],
            _ if has("write") => vec![("written".into(), true.into())],
            Some(blob) => vec![
                ("blob".into(), Cbor::Bytes(deflated(blob))),
                ("originalSize".into(), u64::try_from(blob.len()).unwrap().into()),
            ],
            None => Vec::new(),
        };
        Cbor::Map(output)
    }
}

/// A stream of DEFLATE with one block, which is not compressed [RFC 1951 §3.2.4].
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes(), bytes].concat()
}

/// Adds an output to those that authenticator data signs.
fn sign(members: &mut [(Cbor, Cbor)], name: &Cbor, output: Cbor) {
    let data = members.iter_mut().find(|(key, _)| *key == Cbor::from(AUTH_DATA));
    let data = data.unwrap().1.as_bytes_mut().unwrap();
    assert_eq!(data[FLAGS] & EXTENSION_DATA, 0);
    data[FLAGS] |= EXTENSION_DATA;
    data.extend(canonical(&Cbor::Map(vec![(name.clone(), output)])));
}

fn map(bytes: &[u8]) -> Vec<(Cbor, Cbor)> {
    ciborium::from_reader::<Cbor, _>(bytes).unwrap().into_map().unwrap()
}

fn take(members: &mut Vec<(Cbor, Cbor)>, key: i64) -> Option<Cbor> {
    let place = members.iter().position(|(other, _)| *other == key.into())?;
    Some(members.remove(place).1)
}

fn put(members: &mut Vec<(Cbor, Cbor)>, key: i64, value: Cbor) {
    take(members, key);
    members.push((key.into(), value));
}
