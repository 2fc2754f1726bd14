//! CTAP2 requests and responses.

use std::collections::BTreeMap;
use std::fmt::Debug;

use fido_hybrid::ctap::{
    AuthenticatorData, Command, CtapRequest, CtapResponse, Flags, GetAssertionRequest,
    GetInfoResponse, MakeCredentialResponse, RawCbor, RawResponse, RequestError, ResponseError,
    Status,
};

use super::memory;

/// What a message may hold once read: its lists are of structures some times
/// as large as the least that each takes in CBOR.
fn most(input: &[u8]) -> usize {
    4 * 1_024 + 64 * input.len()
}

/// A byte is at most `255, ` on a line of its own where `Debug` shows it, and
/// names of members come on top. What is longer shows something twice.
fn assert_shown_once(message: &impl Debug, input: &[u8]) {
    assert!(format!("{message:?}").len() <= 4 * 1_024 + 64 * input.len());
}

/// A request as a phone gets it.
pub fn ctap_request(input: &[u8]) {
    match memory::within(most(input), || CtapRequest::parse(input)) {
        Ok(request) => {
            assert_eq!(request.command().byte(), input[0]);
            let written = request.to_bytes();
            // What has no meaning here is not kept.
            assert!(written.len() <= input.len());
            assert_eq!(CtapRequest::parse(&written).as_ref(), Ok(&request));
            assert_eq!(request.to_bytes(), written);
            assert_shown_once(&request, input);
            if let CtapRequest::GetAssertion(request) = &request {
                assert_prf_inputs(request);
            }
        }
        Err(error) => {
            assert!(!error.status().is_ok());
            assert!(error.status().name().is_some());
            assert!(error.to_string().len() < 100);
            assert_eq!(error.command_byte(), input.first().copied());
            let known = input.first().copied().and_then(Command::from_byte).is_some();
            let is_unknown = matches!(error, RequestError::UnknownCommand(_));
            assert_eq!(is_unknown, !known && !input.is_empty());
        }
    }
}

/// Each passkey gets its own inputs, and those for all only without such.
fn assert_prf_inputs(request: &GetAssertionRequest) {
    let Some(prf) = &request.extensions.prf else { return };
    for credential in &request.allow_list {
        let own = prf.eval_by_credential.get(&credential.id);
        assert_eq!(prf.values_for(&credential.id), own.or(prf.eval.as_ref()));
    }
}

/// The command asked, then a response as a client gets it.
pub fn ctap_response(input: &[u8]) {
    let Some((command, response)) = input.split_first() else { return };
    let Some(command) = Command::from_byte(*command) else { return };
    let raw = match RawResponse::parse(response.to_vec()) {
        Ok(raw) => raw,
        Err(error) => {
            assert_eq!(error, ResponseError::Empty);
            assert!(response.is_empty());
            return;
        }
    };
    assert_eq!(raw.to_bytes().expose(), response);
    match memory::within(most(input), || raw.decode(command)) {
        Ok(answer) => {
            assert_eq!(raw.status(), Status::OK);
            let written = answer.to_raw();
            assert_eq!(written.decode(command).as_ref(), Ok(&answer));
            assert_eq!(answer.to_raw(), written);
            assert_shown_once(&answer, input);
            match (command, &answer) {
                (Command::MakeCredential, CtapResponse::MakeCredential(answer)) => made(answer),
                (
                    Command::GetAssertion | Command::GetNextAssertion,
                    CtapResponse::GetAssertion(answer),
                ) => assert_assembled(&answer.auth_data),
                (Command::GetInfo, CtapResponse::GetInfo(answer)) => told(answer),
                (Command::Selection, CtapResponse::Selection) => {}
                _ => panic!("{command} answered with {answer:?}"),
            }
        }
        Err(ResponseError::Status(status)) => assert!(status == raw.status() && !status.is_ok()),
        Err(ResponseError::Answer { command: of, .. }) => assert_eq!(of, command),
        Err(error) => panic!("{error}"),
    }
}

fn made(answer: &MakeCredentialResponse) {
    let credential = answer.credential().unwrap();
    // Of ES256 keys alone the point is known.
    if let Some(key) = credential.public_key.es256() {
        assert!(!key.verifies(b"", b""));
    }
    assert_assembled(&answer.auth_data);
    for (_, value) in answer.unsigned_extensions.other.iter() {
        assert_kept(value);
    }
}

fn told(info: &GetInfoResponse) {
    assert_eq!(info.unknown().len(), info.unknown().iter().count());
    for (number, value) in info.unknown().iter() {
        assert_eq!(info.unknown().get(number), Some(value));
        assert_kept(value);
    }
    for (name, value) in &info.options {
        assert_eq!(info.option(name), Some(*value));
    }
}

/// What is kept unread is one item of CBOR.
fn assert_kept(value: &RawCbor) {
    assert_eq!(RawCbor::new(value.as_bytes().to_vec()).as_ref(), Ok(value));
}

/// What is signed is what was read: put together again from its parts, the data
/// is the same to the last byte.
fn assert_assembled(data: &AuthenticatorData) {
    for value in data.extensions().values() {
        assert_kept(value);
    }
    let extended = data.flags().contains(Flags::EXTENSIONS);
    // An empty map of extensions is nothing that would be written.
    if extended && data.extensions().is_empty() {
        return;
    }
    let mut again = AuthenticatorData::new(*data.rp_id_hash(), data.flags(), data.sign_count());
    if let Some(credential) = data.credential() {
        again = again.with_credential(credential.clone());
    }
    let extensions: BTreeMap<_, _> = data.extensions().clone();
    again = again.with_extensions(extensions);
    assert_eq!(again.raw(), data.raw());
    assert_eq!(&again, data);
}
