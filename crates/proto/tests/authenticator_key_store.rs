//! Passkeys whose keys are in a key store: what it is asked, what becomes of its
//! answers, and that no key is left without a passkey.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use fido_hybrid_proto::authenticator::{
    Attestation, AuthenticatorConfig, AuthenticatorDeadlines, AuthenticatorUpdate, Decision,
    ExternalKey, Input, KeyHandle, NewKeys, Output, Passkey, PrivateKey, Refusal,
};
use fido_hybrid_proto::crypto::SecretKey;
use fido_hybrid_proto::ctap::{
    self, Algorithm, Command, CredentialId, CtapRequest, CtapResponse, GetAssertionRequest,
    MakeCredentialRequest, RelyingParty, Status,
};
use fido_hybrid_proto::error::{ApiMisuse, ErrorKind, KeyError, Stage, StoreError};
use fido_hybrid_proto::transport::MessageType;
use fido_hybrid_sim::{Pair, Setup, Side};
use fido_hybrid_testkit::rig::{
    HASH, RP_ID, Rig, approved, closed, config, failed, get_assertion, make_credential, passkey,
    prompt, saving, sent,
};

fn secret() -> SecretKey {
    SecretKey::from_scalar(&[0x33; 32]).unwrap()
}

fn handle() -> KeyHandle {
    KeyHandle::new(*b"key 1").unwrap()
}

fn external() -> ExternalKey {
    ExternalKey { handle: handle(), public_key: *secret().public_key() }
}

fn with_key_store(attestation: Attestation) -> AuthenticatorConfig {
    let mut config = config();
    config.profile.new_keys = NewKeys::External;
    config.profile.attestation = attestation;
    config
}

/// The passkey of ada, with a key in the key store.
fn kept() -> Passkey {
    let mut passkey = passkey(1, RP_ID, "ada");
    passkey.key = external().into();
    passkey
}

/// A transaction whose key store is asked for a key.
fn creating(attestation: Attestation) -> Rig {
    let mut rig = Rig::listening(with_key_store(attestation), 1);
    let outputs = rig.ask(&make_credential("ada").into());
    let outputs = rig.decide(&prompt(&outputs), approved(0));
    let [Output::CreateKey { rp_id }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(rp_id, RP_ID);
    rig
}

/// A transaction whose key store is asked for a signature of an attestation.
fn attesting() -> (Rig, Vec<u8>) {
    let mut rig = creating(Attestation::Packed);
    let outputs = rig.step(Input::KeyCreated(Ok(external())));
    let message = asked_to_sign(&outputs);
    (rig, message)
}

/// A transaction whose key store is asked for a signature of a sign-in.
fn signing() -> (Rig, Vec<u8>) {
    let mut rig = Rig::listening(config(), 1);
    rig.ask(&get_assertion(&[]).into());
    let outputs = rig.find(vec![kept()]);
    let outputs = rig.decide(&prompt(&outputs), approved(0));
    assert!(matches!(outputs[..], [Output::CountUse { .. }]), "counted before signed");
    let outputs = rig.step(Input::UseCounted(Ok(1)));
    let message = asked_to_sign(&outputs);
    (rig, message)
}

fn asked_to_sign(outputs: &[Output]) -> Vec<u8> {
    let [Output::Sign { rp_id, key, message }] = outputs else { panic!("{outputs:?}") };
    assert_eq!((rp_id.as_str(), key), (RP_ID, &handle()));
    message.clone()
}

fn deleted(outputs: &[Output]) -> Vec<KeyHandle> {
    let key = |output: &Output| match output {
        Output::DeleteKey(key) => Some(key.clone()),
        _ => None,
    };
    outputs.iter().filter_map(key).collect()
}

fn cancels(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::CancelKeyOperation))
}

fn key_error_told(outputs: &[Output]) -> Option<KeyError> {
    outputs.iter().find_map(|output| match output {
        Output::Update(AuthenticatorUpdate::KeyStoreFailed(error)) => match &error.kind {
            ErrorKind::Key(key) => {
                assert_eq!(error.stage, Stage::Answering);
                Some(key.clone())
            }
            other => panic!("{other:?}"),
        },
        _ => None,
    })
}

#[test]
fn a_new_passkey_has_the_key_stores_key_and_is_told_once_it_is_saved() {
    let mut rig = creating(Attestation::None);
    let outputs = rig.step(Input::KeyCreated(Ok(external())));
    let passkey = saving(&outputs);
    assert!(matches!(&passkey.key, PrivateKey::External(key) if *key == external()));
    assert!(passkey.prf_secret.is_some());
    assert!(sent(outputs).is_empty());
    let outputs = rig.saved();
    assert!(deleted(&outputs).is_empty());
    let Ok(CtapResponse::MakeCredential(made)) = rig.answer(Command::MakeCredential, outputs)
    else {
        panic!()
    };
    assert_eq!(made.credential().unwrap().public_key.es256(), Some(secret().public_key()));
    assert_eq!(made.credential().unwrap().id, passkey.id);
}

#[test]
fn an_attestation_is_signed_before_the_passkey_is_saved() {
    let (mut rig, message) = attesting();
    let outputs = rig.step(Input::Signed(Ok(secret().sign(&message))));
    saving(&outputs);
    let outputs = rig.saved();
    let Ok(CtapResponse::MakeCredential(made)) = rig.answer(Command::MakeCredential, outputs)
    else {
        panic!()
    };
    assert_eq!(made.format, "packed");
    assert_eq!(message, [made.auth_data.raw(), &HASH].concat());
    let credential = made.credential().unwrap();
    assert_eq!(credential.public_key.algorithm(), Algorithm::ES256);
}

#[test]
fn a_sign_in_is_signed_by_the_key_store() {
    let (mut rig, message) = signing();
    let outputs = rig.step(Input::Signed(Ok(secret().sign(&message))));
    let Ok(CtapResponse::GetAssertion(signed)) = rig.answer(Command::GetAssertion, outputs) else {
        panic!()
    };
    assert_eq!(message, [signed.auth_data.raw(), &HASH].concat());
    assert!(secret().public_key().verifies(&message, signed.signature.expose()));
    assert_eq!(signed.auth_data.sign_count(), 1);
}

#[test]
fn a_wrong_signature_is_the_key_stores_fault_and_is_not_sent() {
    let other = SecretKey::from_scalar(&[0x44; 32]).unwrap();
    let wrong = |message: &[u8]| {
        [other.sign(message), secret().sign(b"something else"), Vec::new(), vec![0x30; 70]]
    };
    let (_, message) = signing();
    for signature in wrong(&message) {
        let (mut rig, _) = signing();
        let outputs = rig.step(Input::Signed(Ok(signature)));
        let error = key_error_told(&outputs).unwrap();
        assert_eq!(error.to_string(), "the key store returned a wrong signature");
        assert_eq!(rig.response(outputs).to_bytes().expose(), [Status::OTHER.0]);
    }
    let (_, message) = attesting();
    for signature in wrong(&message) {
        let (mut rig, _) = attesting();
        let outputs = rig.step(Input::Signed(Ok(signature)));
        assert!(matches!(key_error_told(&outputs), Some(KeyError::WrongSignature)));
        assert_eq!(deleted(&outputs), [handle()]);
        assert_eq!(rig.response(outputs).to_bytes().expose(), [Status::OTHER.0]);
    }
}

#[test]
fn each_failure_has_its_status_and_a_new_key_does_not_outlive_it() {
    let failure = || KeyError::failed(std::io::Error::other("the chip is wet"));
    for (error, refusal) in [
        (KeyError::Cancelled, Refusal::Declined),
        (KeyError::Missing, Refusal::KeyMissing),
        (failure(), Refusal::KeyStoreFailed),
    ] {
        let is_told = !matches!(error, KeyError::Cancelled);
        for (mut rig, input, new) in [
            (creating(Attestation::None), Input::KeyCreated(Err(error.clone())), false),
            (attesting().0, Input::Signed(Err(error.clone())), true),
            (signing().0, Input::Signed(Err(error.clone())), false),
        ] {
            let outputs = rig.step(input);
            assert_eq!(key_error_told(&outputs).is_some(), is_told);
            assert!(outputs.iter().any(|output| matches!(output,
                Output::Update(AuthenticatorUpdate::Refused(refused)) if *refused == refusal)));
            assert_eq!(deleted(&outputs).len(), usize::from(new), "{error}");
            assert_eq!(rig.status(outputs), refusal.status());
            assert_eq!(rig.transaction.stage(), Stage::Listening, "the client may ask again");
        }
    }
}

#[test]
fn a_passkey_that_is_not_saved_leaves_no_key() {
    for error in [StoreError::Full, StoreError::failed(std::io::Error::other("the disk is wet"))] {
        let mut rig = creating(Attestation::None);
        rig.step(Input::KeyCreated(Ok(external())));
        let outputs = rig.step(Input::Saved(Err(error)));
        assert_eq!(deleted(&outputs), [handle()]);
        assert!(matches!(outputs.last(), Some(Output::DeleteKey(_))), "the client waits for none");
        assert_ne!(rig.status(outputs), Status::OK);
    }
}

#[test]
fn the_key_of_a_replaced_passkey_goes_once_the_new_one_is_saved() {
    let mut request = make_credential("ada");
    request.user = kept().user;
    let mut rig = Rig::listening(config(), 1);
    let outputs = rig.send(MessageType::Ctap, &CtapRequest::from(request).to_bytes());
    assert!(matches!(outputs[..], [Output::FindPasskeys { .. }]));
    let mut elsewhere = kept();
    elsewhere.rp_id = "example.net".into();
    let outputs = rig.find(vec![elsewhere, kept()]);
    let shown = prompt(&outputs);
    assert!(shown.replaces().is_some());
    let outputs = rig.decide(&shown, approved(0));
    assert!(deleted(&outputs).is_empty());
    assert_eq!(deleted(&rig.saved()), [handle()], "of the same account alone");
}

#[test]
fn whatever_ends_the_transaction_cancels_the_key_store_and_leaves_no_key() {
    let ways: [fn(&mut Rig) -> Vec<Output>; 4] = [
        |rig| rig.step(Input::TunnelClosed),
        |rig| rig.step(Input::Cancel),
        |rig| rig.send(MessageType::Shutdown, &[]),
        |rig| {
            rig.now = AuthenticatorDeadlines::default().answering;
            rig.step(Input::TimePassed)
        },
    ];
    for end in ways {
        for (mut rig, left) in
            [(creating(Attestation::None), 0), (attesting().0, 1), (signing().0, 0)]
        {
            let outputs = end(&mut rig);
            assert!(cancels(&outputs), "{outputs:?}");
            assert_eq!(deleted(&outputs), vec![handle(); left]);
            assert!(closed(&outputs).unwrap().is_err());
            assert_eq!(rig.transaction.deadline(), None);
        }
    }
}

#[test]
fn store_and_key_store_and_user_share_one_deadline() {
    let mut rig = Rig::listening(with_key_store(Attestation::Packed), 1);
    let outputs = rig.ask(&make_credential("ada").into());
    let deadline = rig.transaction.deadline();
    rig.now += Duration::from_secs(1);
    rig.decide(&prompt(&outputs), approved(0));
    rig.now += Duration::from_secs(1);
    rig.step(Input::KeyCreated(Ok(external())));
    assert_eq!(rig.transaction.deadline(), deadline);
    assert_eq!(rig.transaction.stage(), Stage::Answering);
}

#[test]
fn an_answer_that_comes_with_the_deadline_is_too_late_and_leaves_no_key() {
    let mut late = creating(Attestation::None);
    late.now = AuthenticatorDeadlines::default().answering;
    let outputs = late.step(Input::KeyCreated(Ok(external())));
    assert_eq!(deleted(&outputs), [handle()]);
    assert!(!cancels(&outputs), "there is nothing to cancel");
    assert!(matches!(failed(&outputs).kind, ErrorKind::Deadline));

    let (mut late, message) = attesting();
    late.now = AuthenticatorDeadlines::default().answering;
    let outputs = late.step(Input::Signed(Ok(secret().sign(&message))));
    assert_eq!(deleted(&outputs), [handle()]);

    let mut late = creating(Attestation::None);
    late.step(Input::KeyCreated(Ok(external())));
    late.now = AuthenticatorDeadlines::default().answering;
    let outputs = late.step(Input::Saved(Err(StoreError::Full)));
    assert_eq!(deleted(&outputs), [handle()]);
}

#[test]
fn a_key_whose_passkey_may_have_been_saved_is_kept() {
    let mut rig = creating(Attestation::None);
    rig.step(Input::KeyCreated(Ok(external())));
    let outputs = rig.step(Input::TunnelClosed);
    assert!(deleted(&outputs).is_empty() && closed(&outputs).is_some());
}

#[test]
fn nothing_is_made_or_signed_without_an_approval() {
    let mut rig = Rig::listening(with_key_store(Attestation::None), 1);
    let outputs = rig.ask(&make_credential("ada").into());
    let outputs = rig.decide(&prompt(&outputs), Decision::Declined);
    assert!(!outputs.iter().any(|output| matches!(output, Output::CreateKey { .. })));
    let created = Input::KeyCreated(Ok(external()));
    assert_eq!(rig.try_step(created).unwrap_err(), ApiMisuse::WrongStage);
    let signed = Input::Signed(Ok(secret().sign(b"")));
    assert_eq!(rig.try_step(signed).unwrap_err(), ApiMisuse::WrongStage);
}

#[test]
fn keys_of_both_kinds_go_through_whole_ceremonies() {
    let mut request = MakeCredentialRequest::new(
        [7; 32],
        RelyingParty::new(RP_ID, "Example"),
        passkey(1, RP_ID, "ada").user,
        vec![ctap::CredentialParameters::new(Algorithm::ES256)],
    );
    request.options.rk = Some(true);
    let sign_in = GetAssertionRequest::new(RP_ID, [8; 32]);
    for new_keys in [NewKeys::Software, NewKeys::External] {
        let requests = vec![request.clone().into(), sign_in.clone().into()];
        let mut setup = Setup::new(1, requests);
        setup.phone.profile.new_keys = new_keys;
        setup.phone.profile.attestation = Attestation::Packed;
        let mut pair = Pair::new(setup).unwrap();
        pair.run();
        for side in [Side::Client, Side::Phone] {
            assert!(matches!(pair.result(side), Some(Ok(()))), "{side}: {:?}", pair.result(side));
        }
        let [Ok(CtapResponse::MakeCredential(made)), Ok(CtapResponse::GetAssertion(signed))] =
            &pair.responses[..]
        else {
            panic!("{:?}", pair.responses)
        };
        let id: &CredentialId = &made.credential().unwrap().id;
        let key = *made.credential().unwrap().public_key.es256().unwrap();
        assert_eq!(signed.credential.as_ref().unwrap().id, *id);
        let message = [signed.auth_data.raw(), &[8; 32]].concat();
        assert!(key.verifies(&message, signed.signature.expose()));
        let external = pair.keys.values().filter(|kept| *kept.public_key() == key).count();
        assert_eq!(external, usize::from(new_keys == NewKeys::External));
    }
}
