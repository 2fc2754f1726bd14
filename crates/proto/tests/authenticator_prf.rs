//! The PRF of an authenticator's passkeys through the public API: who gets
//! outputs, of which passkey, and that they are what WebAuthn says.
//!
//! Clauses: [WebAuthn L3 §10.1.4].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use fido_hybrid_testkit::rig;
use std::collections::BTreeMap;

use fido_hybrid_proto::authenticator::{
    AuthenticatorConfig, Backup, Decision, Input, Output, Passkey, UserVerification,
};
use fido_hybrid_proto::crypto::sha256;
use fido_hybrid_proto::ctap::extensions::{
    PrfAssertionInput, PrfRegistrationInput, PrfRegistrationOutput, PrfValues,
};
use fido_hybrid_proto::ctap::{
    Command, CtapResponse, Flags, GetAssertionRequest, GetAssertionResponse, MakeCredentialRequest,
    Status,
};
use fido_hybrid_proto::error::StoreError;
use fido_hybrid_proto::secret::{PrfInput, PrfOutput, PrfSecret};
use rig::*;

const SEED: u64 = 11;
const SECRET: [u8; 32] = *b"what a passkey's outputs hang on";

fn listening() -> Rig {
    Rig::listening(config(), SEED)
}

fn input(byte: u8) -> PrfInput {
    PrfInput::new([byte; 32])
}

fn one(byte: u8) -> PrfValues<PrfInput> {
    PrfValues { first: input(byte), second: None }
}

fn two(first: u8, second: u8) -> PrfValues<PrfInput> {
    PrfValues { first: input(first), second: Some(input(second)) }
}

/// HMAC-SHA-256 by RFC 2104, of the hash alone.
fn hmac(key: &PrfSecret, message: &PrfInput) -> PrfOutput {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key.expose());
    let inner = sha256(&[&block.map(|byte| byte ^ 0x36), message.expose()]);
    PrfOutput::new(sha256(&[&block.map(|byte| byte ^ 0x5c), &inner]))
}

/// A passkey that was made elsewhere, with a PRF.
fn with_prf(byte: u8, name: &str) -> Passkey {
    passkey(byte, RP_ID, name).with_prf_secret(PrfSecret::new(SECRET.map(|part| part ^ byte)))
}

fn registration(eval: Option<PrfValues<PrfInput>>) -> MakeCredentialRequest {
    let mut request = make_credential("ada");
    let mut prf = PrfRegistrationInput::default();
    prf.eval = eval;
    request.extensions.prf = Some(prf);
    request
}

fn evaluating(allowed: &[&Passkey], prf: PrfAssertionInput) -> GetAssertionRequest {
    let mut request = get_assertion(allowed);
    request.extensions.prf = Some(prf);
    request
}

/// Signs in with the first of these, as the user has it.
fn signed_in(
    rig: &mut Rig,
    request: GetAssertionRequest,
    found: Vec<Passkey>,
    verification: UserVerification,
) -> GetAssertionResponse {
    rig.ask(&request.into());
    let outputs = rig.find(found);
    rig.decide(&prompt(&outputs), Decision::Approved { verification, account: 0 });
    let outputs = rig.step(Input::UseCounted(Ok(1)));
    match rig.answer(Command::GetAssertion, outputs) {
        Ok(CtapResponse::GetAssertion(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// What a passkey gives for this.
fn results(passkey: &Passkey, prf: PrfAssertionInput) -> Option<PrfValues<PrfOutput>> {
    let request = evaluating(&[passkey], prf);
    let response =
        signed_in(&mut listening(), request, vec![passkey.clone()], UserVerification::Verified);
    response.unsigned_extensions.prf.map(|prf| prf.results.expect("no answer without outputs"))
}

fn unverified() -> AuthenticatorConfig {
    let mut config = config();
    config.profile.capability = UserVerification::Present;
    config
}

mod at_registration {
    use super::*;

    #[test]
    fn an_rp_that_asks_learns_that_there_is_a_prf() {
        let mut rig = listening();
        assert!(rig.info.as_ref().unwrap().has_extension("prf"));
        let (passkey, made) = rig.register(&registration(None));
        assert!(passkey.prf_secret.is_some());
        assert_eq!(made.unsigned_extensions.prf, Some(PrfRegistrationOutput::new(true)));
        assert_eq!(made.unsigned_extensions.names().collect::<Vec<_>>(), ["prf"]);
    }

    #[test]
    fn what_is_to_be_evaluated_is_evaluated_at_once() {
        let (passkey, made) = listening().register(&registration(Some(two(1, 2))));
        let secret = passkey.prf_secret.clone().unwrap();
        let prf = made.unsigned_extensions.prf.unwrap();
        assert!(prf.enabled);
        let outputs = prf.results.unwrap();
        assert_eq!(outputs.first, hmac(&secret, &input(1)));
        assert_eq!(outputs.second, Some(hmac(&secret, &input(2))));
        // And later again.
        assert_eq!(results(&passkey, PrfAssertionInput::new(two(1, 2))), Some(outputs));
    }

    #[test]
    fn an_rp_that_does_not_ask_is_told_nothing_and_may_ask_later() {
        let (passkey, made) = listening().register(&make_credential("ada"));
        assert!(made.unsigned_extensions.is_empty());
        let outputs = results(&passkey, PrfAssertionInput::new(one(1))).unwrap();
        assert_eq!(outputs.first, hmac(&passkey.prf_secret.unwrap(), &input(1)));
    }

    #[test]
    fn each_passkey_has_a_secret_of_its_own_beside_its_key() {
        let mut rig = listening();
        let secrets: Vec<PrfSecret> = (0..2)
            .map(|_| {
                let (passkey, _) = rig.register(&registration(None));
                let secret = passkey.prf_secret.unwrap();
                assert_ne!(*secret.expose(), *passkey.key.software().unwrap().expose());
                assert_ne!(secret.expose().as_slice(), passkey.id.as_bytes());
                secret
            })
            .collect();
        assert_ne!(secrets[0], secrets[1]);
        let (other, _) = Rig::listening(config(), SEED + 1).register(&registration(None));
        assert!(!secrets.contains(&other.prf_secret.unwrap()));
    }

    #[test]
    fn passkeys_that_are_backed_up_have_one_too() {
        let mut config = config();
        config.profile.backup = Backup::BackedUp;
        let (passkey, made) = Rig::listening(config, SEED).register(&registration(None));
        assert!(passkey.prf_secret.is_some());
        assert!(made.unsigned_extensions.prf.unwrap().enabled);
    }

    #[test]
    fn a_user_who_declines_and_a_store_that_fails_give_nothing() {
        let mut rig = listening();
        let outputs = rig.ask(&registration(Some(one(1))).into());
        let outputs = rig.decide(&prompt(&outputs), Decision::Declined);
        let response = rig.response(outputs);
        assert_eq!((response.status(), response.payload().len()), (Status::OPERATION_DENIED, 0));

        let outputs = rig.ask(&registration(Some(one(1))).into());
        rig.decide(&prompt(&outputs), approved(0));
        let outputs = rig.step(Input::Saved(Err(StoreError::Full)));
        let response = rig.response(outputs);
        assert_eq!((response.status(), response.payload().len()), (Status::KEY_STORE_FULL, 0));
    }
}

mod at_sign_in {
    use super::*;

    #[test]
    fn outputs_are_the_hmac_of_the_inputs() {
        let ada = with_prf(1, "ada");
        let secret = ada.prf_secret.clone().unwrap();
        let outputs = results(&ada, PrfAssertionInput::new(two(1, 2))).unwrap();
        assert_eq!(outputs.first, hmac(&secret, &input(1)));
        assert_eq!(outputs.second, Some(hmac(&secret, &input(2))));
        let outputs = results(&ada, PrfAssertionInput::new(one(2))).unwrap();
        assert_eq!((outputs.first, outputs.second), (hmac(&secret, &input(2)), None));
    }

    #[test]
    fn the_same_input_gives_the_same_and_another_passkey_another() {
        let (ada, grace) = (with_prf(1, "ada"), with_prf(2, "grace"));
        let of = |passkey, byte| results(passkey, PrfAssertionInput::new(one(byte))).unwrap().first;
        assert_eq!(of(&ada, 1), of(&ada, 1));
        assert_ne!(of(&ada, 1), of(&ada, 2));
        assert_ne!(of(&ada, 1), of(&grace, 1));
    }

    #[test]
    fn values_for_the_passkey_go_before_those_for_all() {
        let (ada, grace) = (with_prf(1, "ada"), with_prf(2, "grace"));
        let mut asked = PrfAssertionInput::new(one(1));
        asked.eval_by_credential = BTreeMap::from([(ada.id.clone(), one(2))]);
        for (passkey, byte) in [(ada, 2), (grace, 1)] {
            let secret = passkey.prf_secret.clone().unwrap();
            let outputs = results(&passkey, asked.clone()).unwrap();
            assert_eq!(outputs.first, hmac(&secret, &input(byte)));
        }
    }

    #[test]
    fn values_for_another_passkey_alone_give_nothing() {
        let (ada, grace) = (with_prf(1, "ada"), with_prf(2, "grace"));
        let mut asked = PrfAssertionInput::default();
        asked.eval_by_credential.insert(grace.id, one(1));
        assert_eq!(results(&ada, asked), None);
        assert_eq!(results(&ada, PrfAssertionInput::default()), None);
    }

    #[test]
    fn the_passkey_that_the_user_chose_gives_the_outputs() {
        let (ada, grace) = (with_prf(1, "ada"), with_prf(2, "grace"));
        let mut rig = listening();
        rig.ask(&evaluating(&[], PrfAssertionInput::new(one(1))).into());
        let outputs = rig.find(vec![ada, grace.clone()]);
        rig.decide(&prompt(&outputs), approved(1));
        let outputs = rig.step(Input::UseCounted(Ok(1)));
        let Ok(CtapResponse::GetAssertion(signed)) = rig.answer(Command::GetAssertion, outputs)
        else {
            panic!()
        };
        let outputs = signed.unsigned_extensions.prf.unwrap().results.unwrap();
        assert_eq!(outputs.first, hmac(&grace.prf_secret.unwrap(), &input(1)));
    }

    #[test]
    fn a_passkey_without_a_secret_signs_in_without_outputs() {
        let old = passkey(1, RP_ID, "ada");
        assert!(old.prf_secret.is_none());
        let request = evaluating(&[], PrfAssertionInput::new(one(1)));
        let signed = signed_in(&mut listening(), request, vec![old], UserVerification::Verified);
        assert!(signed.unsigned_extensions.is_empty());
    }

    #[test]
    fn a_request_that_does_not_ask_gets_no_outputs() {
        let ada = with_prf(1, "ada");
        let signed =
            signed_in(&mut listening(), get_assertion(&[]), vec![ada], UserVerification::Verified);
        assert!(signed.unsigned_extensions.is_empty());
    }

    #[test]
    fn a_user_who_declines_gives_nothing() {
        let mut rig = listening();
        rig.ask(&evaluating(&[], PrfAssertionInput::new(one(1))).into());
        let outputs = rig.find(vec![with_prf(1, "ada")]);
        let outputs = rig.decide(&prompt(&outputs), Decision::Declined);
        let response = rig.response(outputs);
        assert_eq!((response.status(), response.payload().len()), (Status::OPERATION_DENIED, 0));
    }
}

mod verification {
    use super::*;

    #[test]
    fn presence_is_not_enough_where_users_are_verified() {
        let mut rig = listening();
        let present = Decision::Approved { verification: UserVerification::Present, account: 0 };
        let mut request = evaluating(&[], PrfAssertionInput::new(one(1)));
        request.options.uv = None;
        rig.ask(&request.into());
        let outputs = rig.find(vec![with_prf(1, "ada")]);
        let outputs = rig.decide(&prompt(&outputs), present);
        let response = rig.response(outputs);
        assert_eq!((response.status(), response.payload().len()), (Status::OPERATION_DENIED, 0));
    }

    #[test]
    fn an_authenticator_without_it_has_no_prf_to_be_seen() {
        let mut rig = Rig::listening(unverified(), SEED);
        assert!(rig.info.as_ref().unwrap().extensions.is_empty());
        let mut request = registration(Some(one(1)));
        request.options.uv = None;
        let outputs = rig.ask(&request.into());
        let present = Decision::Approved { verification: UserVerification::Present, account: 0 };
        let outputs = rig.decide(&prompt(&outputs), present);
        assert!(outputs.iter().any(|output| matches!(output, Output::SavePasskey(_))));
        let outputs = rig.saved();
        let Ok(CtapResponse::MakeCredential(made)) = rig.answer(Command::MakeCredential, outputs)
        else {
            panic!()
        };
        assert!(made.unsigned_extensions.is_empty());

        let mut request = evaluating(&[], PrfAssertionInput::new(one(1)));
        request.options.uv = None;
        let signed = signed_in(
            &mut rig,
            request.clone(),
            vec![with_prf(1, "ada")],
            UserVerification::Present,
        );
        assert!(!signed.auth_data.flags().contains(Flags::USER_VERIFIED));
        assert!(signed.unsigned_extensions.is_empty());
        // If the user was verified all the same, the answer has the outputs and the flag.
        let signed =
            signed_in(&mut rig, request, vec![with_prf(1, "ada")], UserVerification::Verified);
        assert!(signed.auth_data.flags().contains(Flags::USER_VERIFIED));
        assert!(signed.unsigned_extensions.prf.is_some());
    }
}
