//! CTAP2 messages as they were captured or built elsewhere, through the
//! public API: read, written again, truncated, changed.
//!
//! Clauses: [CTAP 2.2 §6.1, §6.2, §6.4, §8.1].

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use data_encoding::HEXLOWER;
use fido_hybrid_proto::cbor::{self, MapKey, Reader};
use fido_hybrid_proto::crypto::{PublicKey, sha256};
use fido_hybrid_proto::ctap::extensions::{
    AssertionInputs, AssertionOutputs, PrfAssertionInput, PrfAssertionOutput, PrfRegistrationInput,
    PrfRegistrationOutput, PrfValues, RegistrationInputs, RegistrationOutputs,
};
use fido_hybrid_proto::ctap::{
    Aaguid, Algorithm, Command, CredentialId, CtapRequest, CtapResponse, FORMAT_PACKED, Flags,
    GetInfoResponse, RawResponse, RequestError, ResponseError, Status,
};
use fido_hybrid_proto::secret::{PrfInput, PrfOutput};
use fido_hybrid_testkit::vectors;
use vectors::{bytes as hex, vector};

/// The type byte of a tunnel message that carries CTAP.
const CTAP_MESSAGE: u8 = 1;

/// A tunnel message without its type byte.
fn ctap(mut frame: Vec<u8>) -> Vec<u8> {
    assert_eq!(frame.remove(0), CTAP_MESSAGE);
    frame
}

/// A padded tunnel message without padding and type byte.
fn unpadded(mut plaintext: Vec<u8>) -> Vec<u8> {
    let zeros = usize::from(plaintext.pop().unwrap());
    plaintext.truncate(plaintext.len() - zeros);
    ctap(plaintext)
}

fn make_credential_request() -> Vec<u8> {
    ctap(hex(&vector("framing/makecredential-request")["inputs"]["v2.1_frame"]))
}

/// The published frame lacks the status byte that phones send.
fn make_credential_response() -> Vec<u8> {
    let mut bytes =
        ctap(hex(&vector("framing/makecredential-response-no-status")["inputs"]["frame"]));
    bytes.insert(0, 0x00);
    bytes
}

fn iphone_request() -> Vec<u8> {
    ctap(hex(&vector("noise/iphone-full-transcript")["inputs"]["ctap_request_plaintext"]))
}

fn iphone_response() -> Vec<u8> {
    let outputs = &vector("noise/iphone-full-transcript")["outputs"];
    unpadded(hex(&outputs["ctap_response_padded_plaintext"]))
}

fn get_infos() -> [Vec<u8>; 3] {
    let map = hex(&vector("posthandshake/ios16")["inputs"]["map"]);
    let mut ios16 = None;
    Reader::new(&map)
        .map(|key, reader| {
            if key == MapKey::Integer(1) {
                ios16 = Some(reader.bytes()?.to_vec());
            }
            Ok(())
        })
        .unwrap();
    [
        ios16.unwrap(),
        hex(&vector("posthandshake/chromium-phone-current")["inputs"]["getinfo"]),
        hex(&vector("noise/iphone-full-transcript")["outputs"]["getinfo"]),
    ]
}

fn prf_message(name: &str) -> Vec<u8> {
    hex(&vector("prf/ctap-messages")["outputs"][name])
}

fn requests() -> Vec<Vec<u8>> {
    vec![
        make_credential_request(),
        iphone_request(),
        ctap(prf_message("getassertion_frame_eval")),
        ctap(prf_message("getassertion_frame_evalByCredential")),
    ]
}

fn responses() -> Vec<(Command, Vec<u8>)> {
    let mut responses = vec![
        (Command::MakeCredential, make_credential_response()),
        (Command::GetAssertion, iphone_response()),
    ];
    for mut info in get_infos() {
        info.insert(0, 0x00);
        responses.push((Command::GetInfo, info));
    }
    responses
}

/// Every change of one byte: each bit alone, all zeros, all ones.
fn changes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |at| {
        let flips = (0..8).map(move |bit| bytes[at] ^ (1 << bit));
        flips.chain([0x00, 0xff]).filter(move |byte| *byte != bytes[at]).map(move |byte| {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            changed
        })
    })
}

#[test]
fn every_message_is_written_again_as_it_came() {
    for bytes in requests() {
        assert_eq!(CtapRequest::parse(&bytes).unwrap().to_bytes(), bytes);
    }
    for (command, bytes) in responses() {
        let raw = RawResponse::parse(bytes.clone()).unwrap();
        assert_eq!(raw.to_bytes().expose(), bytes, "{command} raw");
        let typed = raw.decode(command).unwrap();
        assert_eq!(typed.to_raw().to_bytes().expose(), bytes, "{command} typed");
    }
}

#[test]
fn a_registration_request_is_understood() {
    let CtapRequest::MakeCredential(request) =
        CtapRequest::parse(&make_credential_request()).unwrap()
    else {
        panic!("not makeCredential");
    };
    assert_eq!(request.rp.id, "test.ctap");
    assert_eq!(request.rp.name.as_deref(), Some("test.ctap"));
    assert_eq!(request.user.id.as_bytes().len(), 32);
    assert_eq!(request.user.name.as_deref(), Some("testctap@ctap.com"));
    assert_eq!(request.user.display_name.as_deref(), Some("Test Ctap"));
    let algorithms: Vec<_> = request.parameters.iter().map(|it| it.algorithm).collect();
    assert_eq!(algorithms, [Algorithm::ES256, Algorithm::RS256, Algorithm(-37)]);
    assert_eq!((request.options.rk, request.options.uv), (Some(true), None));
}

#[test]
fn a_registration_with_attestation_is_understood() {
    let raw = RawResponse::parse(make_credential_response()).unwrap();
    let CtapResponse::MakeCredential(response) = raw.decode(Command::MakeCredential).unwrap()
    else {
        panic!("not makeCredential");
    };
    assert_eq!(response.format, FORMAT_PACKED);
    let data = &response.auth_data;
    assert_eq!(data.flags(), Flags(0xc5));
    assert_eq!(data.sign_count(), 0x55);
    assert_eq!(data.extensions()["hmac-secret"].as_bytes(), [0xf5]);
    let credential = response.credential().unwrap();
    assert_eq!(credential.aaguid.to_string(), "f8a011f3-8c0a-4d15-8006-17111f9edc7d");
    assert_eq!(credential.id.as_bytes().len(), 16);
    assert_eq!(credential.public_key.algorithm(), Algorithm::ES256);
    assert!(credential.public_key.es256().is_some());
    assert!(response.unsigned_extensions.is_empty());
}

#[test]
fn an_iphones_assertion_is_understood() {
    let CtapRequest::GetAssertion(request) = CtapRequest::parse(&iphone_request()).unwrap() else {
        panic!("not getAssertion");
    };
    assert_eq!(request.rp_id, "example.com");
    assert!(request.allow_list.is_empty() && request.extensions.is_empty());
    assert_eq!((request.options.up, request.options.uv), (None, Some(true)));

    let raw = RawResponse::parse(iphone_response()).unwrap();
    let CtapResponse::GetAssertion(response) = raw.decode(Command::GetAssertion).unwrap() else {
        panic!("not getAssertion");
    };
    assert_eq!(response.auth_data.rp_id_hash(), &sha256(&[b"example.com"]));
    let flags =
        Flags::USER_PRESENT | Flags::USER_VERIFIED | Flags::BACKUP_ELIGIBLE | Flags::BACKED_UP;
    assert_eq!(response.auth_data.flags(), flags);
    assert_eq!(response.auth_data.sign_count(), 0);
    assert_eq!(response.credential.unwrap().id.as_bytes().len(), 54);
    let user = response.user.unwrap();
    assert_eq!(user.id.as_bytes().len(), 32);
    assert_eq!((user.name.as_deref(), user.display_name.as_deref()), (Some(""), Some("")));
    assert_eq!(response.user_selected, Some(true));
    assert_eq!(response.number_of_credentials, None);
}

#[test]
fn phones_tell_what_they_can_do() {
    let [ios16, chromium, iphone] = get_infos().map(|bytes| {
        let info: GetInfoResponse = cbor::decode(&bytes).unwrap();
        assert_eq!(cbor::encode(&info), bytes);
        info
    });
    let outputs = vector("posthandshake/ios16")["outputs"].clone();
    assert_eq!(ios16.aaguid.0.to_vec(), hex(&outputs["aaguid"]));
    assert_eq!(ios16.versions, ["FIDO_2_0"]);
    assert_eq!(ios16.transports, ["internal", "hybrid"]);
    assert_eq!((ios16.option("rk"), ios16.option("uv")), (Some(true), Some(true)));
    assert!(!ios16.has_extension("prf"));

    assert_eq!(chromium.aaguid, Aaguid::ZERO);
    assert_eq!(chromium.transports, ["cable", "hybrid", "internal"]);
    assert!(chromium.has_extension("prf"));

    assert_eq!(iphone.extensions, ["largeBlob", "prf"]);
    assert_eq!(iphone.option("jsonMessages"), Some(true));
}

#[test]
fn prf_inputs_and_outputs_are_understood_and_written_alike() {
    let inputs = vector("prf/ctap-messages")["inputs"].clone();
    let first = PrfInput::new(hex(&inputs["first"]).try_into().unwrap());
    let values = PrfValues { first, second: None };
    let credential = CredentialId::new(hex(&inputs["credential_id"])).unwrap();

    let parse = |name: &str| match CtapRequest::parse(&ctap(prf_message(name))).unwrap() {
        CtapRequest::GetAssertion(request) => request,
        other => panic!("{other:?}"),
    };
    let request = parse("getassertion_frame_eval");
    let mut expected = AssertionInputs::default();
    expected.prf = Some(PrfAssertionInput::new(values.clone()));
    assert_eq!(request.extensions, expected);

    let request = parse("getassertion_frame_evalByCredential");
    let mut input = PrfAssertionInput::default();
    input.eval_by_credential.insert(credential.clone(), values);
    expected.prf = Some(input);
    assert_eq!(request.extensions, expected);
    assert_eq!(request.allow_list[0].id, credential);

    let bytes = prf_message("makecredential_extension_map_key6");
    let mut expected = RegistrationInputs::default();
    expected.prf = Some(PrfRegistrationInput::default());
    assert_eq!(cbor::decode(&bytes), Ok(expected.clone()));
    assert_eq!(cbor::encode(&expected), bytes);

    let bytes = prf_message("makecredential_unsigned_output_key6");
    let mut expected = RegistrationOutputs::default();
    expected.prf = Some(PrfRegistrationOutput::new(true));
    assert_eq!(cbor::decode(&bytes), Ok(expected.clone()));
    assert_eq!(cbor::encode(&expected), bytes);

    let bytes = prf_message("getassertion_unsigned_output_key8");
    let mut expected = AssertionOutputs::default();
    let first = PrfOutput::new([0; 32]);
    expected.prf = Some(PrfAssertionOutput::new(PrfValues { first, second: None }));
    assert_eq!(cbor::decode(&bytes), Ok(expected.clone()));
    assert_eq!(cbor::encode(&expected), bytes);
}

#[test]
fn every_truncation_is_an_error() {
    for bytes in requests() {
        assert_eq!(CtapRequest::parse(&[]), Err(RequestError::Empty));
        for length in 1..bytes.len() {
            let error = CtapRequest::parse(&bytes[..length]).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_CBOR, "{length} bytes");
            assert_eq!(error.command_byte(), Some(bytes[0]));
        }
    }
    for (command, bytes) in responses() {
        assert_eq!(RawResponse::parse(Vec::new()), Err(ResponseError::Empty));
        for length in 1..bytes.len() {
            let raw = RawResponse::parse(bytes[..length].to_vec()).unwrap();
            assert!(
                matches!(raw.decode(command), Err(ResponseError::Answer { .. })),
                "{command}, {length} bytes"
            );
        }
    }
}

/// What was read never takes more room, written again, than it came in.
#[test]
fn no_change_of_a_byte_panics_or_grows_what_is_read() {
    let (mut read, mut refused) = (0, 0);
    let mut count = |written: Option<usize>, came: usize| match written {
        Some(written) => {
            assert!(written <= came, "{written} bytes from {came}");
            read += 1;
        }
        None => refused += 1,
    };
    for bytes in requests() {
        for changed in changes(&bytes) {
            let written = CtapRequest::parse(&changed).ok().map(|request| request.to_bytes().len());
            count(written, changed.len());
        }
    }
    for (command, bytes) in responses() {
        for changed in changes(&bytes) {
            let raw = RawResponse::parse(changed).unwrap();
            let written = raw.decode(command).ok().map(|it| it.to_raw().to_bytes().len());
            count(written, bytes.len());
        }
    }
    assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
}

#[test]
fn nothing_of_an_assertion_is_printed() {
    let bytes = iphone_response();
    let raw = RawResponse::parse(bytes.clone()).unwrap();
    let typed = raw.decode(Command::GetAssertion).unwrap();
    let printed = format!("{raw:?} {typed:?} {raw:#?} {typed:#?}").to_lowercase();
    for part in bytes.chunks_exact(4) {
        let decimal = format!("{part:?}");
        assert!(!printed.contains(&HEXLOWER.encode(part)), "{printed}");
        assert!(!printed.contains(decimal.trim_matches(['[', ']'])), "{printed}");
    }
}

#[test]
fn the_attestation_signature_is_over_the_bytes_that_are_kept() {
    let CtapRequest::MakeCredential(request) =
        CtapRequest::parse(&make_credential_request()).unwrap()
    else {
        panic!("not makeCredential");
    };
    let raw = RawResponse::parse(make_credential_response()).unwrap();
    let CtapResponse::MakeCredential(response) = raw.decode(Command::MakeCredential).unwrap()
    else {
        panic!("not makeCredential");
    };
    let (mut signature, mut certificate) = (None, None);
    Reader::new(response.statement.as_bytes())
        .map(|key, reader| {
            match key {
                MapKey::Text("sig") => signature = Some(reader.bytes()?.to_vec()),
                MapKey::Text("x5c") => {
                    reader.array(|reader| {
                        certificate = Some(reader.bytes()?.to_vec());
                        Ok(())
                    })?;
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    // The certificate's key is its one BIT STRING of 66 bytes.
    let certificate = certificate.unwrap();
    let at = certificate.windows(4).position(|it| it == [0x03, 0x42, 0x00, 0x04]).unwrap() + 3;
    let key = PublicKey::from_uncompressed(&certificate[at..at + 65]).unwrap();
    let signed = [response.auth_data.raw(), &request.client_data_hash].concat();
    assert!(key.verifies(&signed, &signature.unwrap()));
}
