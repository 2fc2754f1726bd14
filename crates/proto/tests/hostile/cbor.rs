//! CBOR that no such device writes, in every message that holds CBOR: what is
//! malformed in any place, a value of another type in each place, a message cut
//! at each byte, and messages that are valid and as costly as they can be.
//!
//! Clauses: [CTAP 2.2 §8].

use fido_hybrid_proto::authenticator::Output as PhoneOutput;
use fido_hybrid_proto::cbor::CborError;
use fido_hybrid_proto::client::{ClientUpdate, Output};
use fido_hybrid_proto::ctap::{
    Command, CredentialDescriptor, CredentialId, CtapRequest, CtapResponse, Status,
};
use fido_hybrid_proto::error::{PeerMisbehaved, Stage};
use fido_hybrid_proto::transport::MessageType;

use super::client_rig::{self, ClientRig, Flow, info, introduction};
use super::malformed::{Map, UNKNOWN_KEY, malformed, misshapen, other_types, texts_for_bytes};
use super::rig::{self, approved, get_assertion, make_credential, passkey};
use super::{STRIDE, misbehaviour, phone_rig, within};

/// What a message that is malformed may make a role hold at one time, in bytes:
/// itself as the rig seals it, a second time in parts, and the outputs about it.
const fn malformed_peak(length: usize) -> u64 {
    2 * length as u64 + (4 << 10)
}

/// What a message that is valid may make a role hold beside it, in bytes:
/// itself a second time, and what its lists take beyond the room that they had on
/// the wire, at their limits.
const fn valid_peak(length: usize) -> u64 {
    2 * length as u64 + (256 << 10)
}

/// The CBOR of an honest answer to a request.
fn answer(request: &CtapRequest) -> Vec<u8> {
    let mut rig = phone_rig::listening().0;
    let outputs = rig.ask(request);
    let (command, outputs) = match request {
        CtapRequest::MakeCredential(_) => {
            rig.decide(&rig::prompt(&outputs), approved(0));
            (Command::MakeCredential, rig.saved())
        }
        _ => {
            let prompt = rig::prompt(&rig.find(vec![passkey(1, rig::RP_ID, "ada")]));
            rig.decide(&prompt, approved(0));
            let counted = fido_hybrid_proto::authenticator::Input::UseCounted(Ok(1));
            (Command::GetAssertion, rig.step(counted))
        }
    };
    let response = rig.response(outputs);
    response.decode(command).unwrap();
    response.payload().expose().to_vec()
}

fn registration() -> CtapRequest {
    make_credential("ada").into()
}

fn sign_in() -> CtapRequest {
    get_assertion(&[]).into()
}

/// Both requests that phones answer.
const REQUESTS: [fn() -> CtapRequest; 2] = [registration, sign_in];

/// A phone's answer of this CBOR to a request, and how the client ended.
fn answered(request: CtapRequest, cbor: &[u8]) -> Vec<Output> {
    let mut rig = ClientRig::asking_for(Flow::Qr, request);
    let payload = [&[0], cbor].concat();
    within(malformed_peak(cbor.len()), || rig.send(MessageType::Ctap, &payload))
}

/// A phone's introduction, and how the client ended.
fn introduced(plaintext: &[u8]) -> Vec<Output> {
    let mut rig = ClientRig::introducing(Flow::Qr);
    within(malformed_peak(plaintext.len()), || rig.introduce(plaintext))
}

#[test]
fn a_phone_answers_in_invalid_cbor() {
    for request in REQUESTS {
        let good = Map::of(&answer(&request()));
        let mut answers = misshapen(&good);
        for (item, error) in malformed() {
            answers.push((good.clone().with(UNKNOWN_KEY, &item).bytes(), error));
        }
        for (cbor, error) in answers {
            let outputs = answered(request(), &cbor);
            let end = misbehaviour(client_rig::failed(&outputs));
            assert_eq!(
                end,
                (Stage::AwaitingResponse, PeerMisbehaved::Response(error)),
                "{cbor:02x?}"
            );
        }
    }
}

#[test]
fn a_phone_answers_with_text_for_bytes_or_any_other_type() {
    for request in REQUESTS {
        let good = answer(&request());
        for cbor in [texts_for_bytes(&good), other_types(&good)].concat() {
            let outputs = answered(request(), &cbor);
            let end = misbehaviour(client_rig::failed(&outputs));
            assert!(
                matches!(
                    end,
                    (
                        Stage::AwaitingResponse,
                        PeerMisbehaved::Response(CborError::Expected(_) | CborError::Invalid(_))
                            | PeerMisbehaved::ResponseMismatch(_)
                    )
                ),
                "{end:?} {cbor:02x?}"
            );
        }
    }
}

#[test]
fn a_phone_answers_less_than_a_whole_answer() {
    for request in REQUESTS {
        let good = answer(&request());
        for length in (0..good.len()).step_by(STRIDE) {
            let outputs = answered(request(), &good[..length]);
            let end = misbehaviour(client_rig::failed(&outputs));
            let error = PeerMisbehaved::Response(CborError::UnexpectedEnd);
            assert_eq!(end, (Stage::AwaitingResponse, error), "{length} bytes");
        }
    }
}

#[test]
fn a_phone_introduces_itself_in_invalid_cbor() {
    let good = Map::of(&introduction(&info()));
    let mut introductions = misshapen(&good);
    for (item, error) in malformed() {
        introductions.push((good.clone().with(UNKNOWN_KEY, &item).bytes(), error));
    }
    for (plaintext, error) in introductions {
        let outputs = introduced(&plaintext);
        let end = misbehaviour(client_rig::failed(&outputs));
        let error = PeerMisbehaved::PostHandshake(error);
        assert_eq!(end, (Stage::AwaitingPostHandshake, error), "{plaintext:02x?}");
    }
}

#[test]
fn a_phone_sends_get_info_in_invalid_cbor() {
    let good = Map::of(&info());
    let mut infos = misshapen(&good);
    for (item, error) in malformed() {
        infos.push((good.clone().with(UNKNOWN_KEY, &item).bytes(), error));
    }
    for (info, error) in infos {
        let outputs = introduced(&introduction(&info));
        let end = misbehaviour(client_rig::failed(&outputs));
        assert_eq!(
            end,
            (Stage::AwaitingPostHandshake, PeerMisbehaved::GetInfo(error)),
            "{info:02x?}"
        );
    }
}

#[test]
fn a_phone_introduces_itself_with_text_for_bytes_or_any_other_type() {
    let (info, outer) = (info(), introduction(&info()));
    let inner = [texts_for_bytes(&info), other_types(&info)].concat();
    let inner = inner.into_iter().map(|info| introduction(&info));
    for plaintext in
        [texts_for_bytes(&outer), other_types(&outer)].concat().into_iter().chain(inner)
    {
        let outputs = introduced(&plaintext);
        let end = misbehaviour(client_rig::failed(&outputs));
        assert!(
            matches!(
                end,
                (
                    Stage::AwaitingPostHandshake,
                    PeerMisbehaved::PostHandshake(CborError::Expected(_) | CborError::Invalid(_))
                        | PeerMisbehaved::GetInfo(CborError::Expected(_) | CborError::Invalid(_))
                )
            ),
            "{end:?} {plaintext:02x?}"
        );
    }
}

#[test]
fn a_phone_introduces_itself_in_part() {
    let good = introduction(&info());
    for length in (0..good.len()).step_by(STRIDE) {
        let outputs = introduced(&good[..length]);
        let end = misbehaviour(client_rig::failed(&outputs));
        let error = PeerMisbehaved::PostHandshake(CborError::UnexpectedEnd);
        assert_eq!(end, (Stage::AwaitingPostHandshake, error), "{length} bytes");
    }
}

/// A bad update costs the link and not the sign-in.
#[test]
fn a_phone_sends_updates_in_invalid_cbor() {
    let mut rig = ClientRig::ready(Flow::Qr);
    for (item, _) in malformed() {
        // The link's place, and one that has no meaning.
        for key in [b"\x01", UNKNOWN_KEY] {
            let payload = Map::of(b"\xa0").with(key, &item).bytes();
            let peak = malformed_peak(payload.len());
            let outputs = within(peak, || rig.send(MessageType::Update, &payload));
            assert!(
                matches!(outputs[..], [Output::Update(ClientUpdate::LinkDropped)]),
                "{outputs:?}"
            );
            assert_eq!(rig.transaction.stage(), Stage::Ready);
        }
    }
}

/// Unlike a phone's, a bad update from a client has no link to lose: it ends
/// the transaction.
#[test]
fn a_client_sends_updates_in_invalid_cbor() {
    let empty = Map::of(b"\xa0");
    for (item, error) in malformed() {
        let payload = empty.clone().with(UNKNOWN_KEY, &item).bytes();
        let mut rig = phone_rig::listening().0;
        let peak = malformed_peak(payload.len());
        let outputs = within(peak, || rig.send(MessageType::Update, &payload));
        let end = misbehaviour(&rig::failed(&outputs));
        assert_eq!(end, (Stage::Listening, PeerMisbehaved::Update(error)), "{payload:02x?}");
    }
}

/// The status of a request of these parameters. The phone asks no user, and keeps
/// waiting for requests.
fn refused(rig: &mut rig::Rig, command: Command, cbor: &[u8]) -> Status {
    let peak = malformed_peak(cbor.len());
    let request = [&[command.byte()], cbor].concat();
    let outputs = within(peak, || rig.send(MessageType::Ctap, &request));
    assert!(
        matches!(outputs[..], [PhoneOutput::Send(_), PhoneOutput::Update(_)]),
        "{outputs:?} {cbor:02x?}"
    );
    assert_eq!(rig.transaction.stage(), Stage::Listening);
    rig.status(outputs)
}

#[test]
fn a_client_asks_in_invalid_cbor() {
    let mut rig = phone_rig::listening().0;
    for request in REQUESTS {
        let command = request().command();
        let good = Map::of(&request().to_bytes()[1..]);
        let mut requests = misshapen(&good);
        for (item, error) in malformed() {
            requests.push((good.clone().with(UNKNOWN_KEY, &item).bytes(), error));
        }
        for (cbor, error) in requests {
            let status = match error {
                CborError::Expected(_) => Status::CBOR_UNEXPECTED_TYPE,
                _ => Status::INVALID_CBOR,
            };
            assert_eq!(refused(&mut rig, command, &cbor), status, "{cbor:02x?}");
        }
    }
}

#[test]
fn a_client_asks_with_text_for_bytes_or_any_other_type() {
    let mut rig = phone_rig::listening().0;
    for request in REQUESTS {
        let good = request().to_bytes();
        for cbor in [texts_for_bytes(&good[1..]), other_types(&good[1..])].concat() {
            let status = refused(&mut rig, request().command(), &cbor);
            assert!(
                matches!(status, Status::CBOR_UNEXPECTED_TYPE | Status::INVALID_PARAMETER),
                "{status} {cbor:02x?}"
            );
        }
    }
}

/// As many of everything as the limits allow: valid, and as costly as it gets.
#[test]
fn a_client_asks_in_the_most_costly_way() {
    let mut request = make_credential("ada");
    let id = |at: u16| CredentialId::new(at.to_be_bytes()).unwrap();
    request.exclude_list = (0..2_000).map(|at| CredentialDescriptor::new(id(at))).collect();
    request.parameters = vec![request.parameters[0].clone(); 128];
    request.attestation_formats = vec!["a".to_owned(); 64];
    let mut rig = phone_rig::listening().0;
    let bytes = CtapRequest::from(request).to_bytes();
    let outputs = within(valid_peak(bytes.len()), || rig.send(MessageType::Ctap, &bytes));
    assert!(matches!(outputs[..], [PhoneOutput::FindPasskeys { .. }]), "{outputs:?}");
}

#[test]
fn a_phone_answers_as_much_as_a_message_holds() {
    // Nearly 1 MiB in one value that has no meaning.
    let mut long = vec![0x5a, 0, 0x0f, 0xf0, 0];
    long.resize(5 + 0x000f_f000, 7);
    let cbor = Map::of(&answer(&sign_in())).with(UNKNOWN_KEY, &long).bytes();
    let mut rig = ClientRig::asking_for(Flow::Qr, sign_in());
    let message =
        rig.channel.as_mut().unwrap().seal(MessageType::Ctap, &[&[0], &cbor[..]].concat());
    let message = message.unwrap();
    let outputs = within(valid_peak(message.len()), || rig.receive(message));
    assert!(
        matches!(outputs[..], [Output::Response(Ok(CtapResponse::GetAssertion(_))), ..]),
        "{outputs:?}"
    );
}
