//! The authenticator's transaction through its public API, with a client made
//! of the protocol's own pieces on the other side.
//!
//! Clauses: [CTAP 2.2 §6.1.2, §6.2.2, §8.2, §11.5.1, §11.5.1.2].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use fido_hybrid_testkit::rig;
use std::time::Duration;

use fido_hybrid_proto::authenticator::{
    Attestation, AuthenticatorConfig, AuthenticatorUpdate, Backup, Decision, Input,
    MAX_MESSAGE_SIZE, MAX_PROMPTS, Output, Passkey, Question, Refusal, Transaction,
    UserVerification,
};
use fido_hybrid_proto::crypto::sha256;
use fido_hybrid_proto::ctap::{
    Algorithm, AuthenticatorData, Command, CredentialDescriptor, CredentialId,
    CredentialParameters, CtapRequest, CtapResponse, GetAssertionRequest, GetAssertionResponse,
    MakeCredentialRequest, RelyingParty, Status, User, UserHandle,
};
use fido_hybrid_proto::error::{
    ApiMisuse, BluetoothError, CancelledBy, Error, ErrorKind, PeerMisbehaved, Stage, StoreError,
    TunnelError, Unsupported,
};
use fido_hybrid_proto::transport::key_schedule::psk;
use fido_hybrid_proto::transport::{
    DataChannels, Eid, HandshakeError, Initiator, MessageType, TunnelDomain,
};
use rig::*;

const SEED: u64 = 7;

fn listening() -> Rig {
    Rig::listening(config(), SEED)
}

/// Signs in with what the store has, and gives the response.
fn sign_in(
    rig: &mut Rig,
    request: GetAssertionRequest,
    found: Vec<Passkey>,
    account: usize,
) -> GetAssertionResponse {
    let counter = found[account].counter.unwrap() + 1;
    let outputs = rig.ask(&request.into());
    assert!(matches!(outputs.as_slice(), [Output::FindPasskeys { .. }]));
    let outputs = rig.find(found);
    let outputs = rig.decide(&prompt(&outputs), approved(account));
    assert!(matches!(outputs.as_slice(), [Output::CountUse { .. }]), "counted before signed");
    let outputs = rig.step(Input::UseCounted(Ok(counter)));
    match rig.answer(Command::GetAssertion, outputs) {
        Ok(CtapResponse::GetAssertion(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn verifies(passkey: &Passkey, data: &AuthenticatorData, signature: &[u8]) -> bool {
    let signed = [data.raw(), &HASH].concat();
    passkey.key.public_key().verifies(&signed, signature)
}

mod a_whole_transaction {
    use super::*;

    #[test]
    fn registers_a_passkey_and_signs_in_with_it() {
        let mut rig = listening();
        let (passkey, made) = rig.register(&make_credential("ada"));
        assert_eq!((passkey.rp_id.as_str(), &passkey.user), (RP_ID, &user("ada")));
        let data = &made.auth_data;
        assert_eq!(*data.rp_id_hash(), sha256(&[RP_ID.as_bytes()]));
        assert_eq!(data.flags().0, 0x45, "UP, UV, AT, device-bound");
        assert_eq!(data.sign_count(), 0);
        let credential = made.credential().unwrap();
        assert_eq!(credential.id, passkey.id);
        assert_eq!(credential.public_key.es256(), Some(passkey.key.public_key()));
        assert_eq!((made.format.as_str(), made.statement.as_bytes()), ("none", &[0xa0][..]));

        let signed = sign_in(&mut rig, get_assertion(&[]), vec![passkey.clone()], 0);
        assert!(verifies(&passkey, &signed.auth_data, signed.signature.expose()));
        assert_eq!(signed.auth_data.flags().0, 0x05);
        assert_eq!(signed.auth_data.sign_count(), 1);
        assert_eq!(signed.credential, Some(descriptor(&passkey)));
        let account = signed.user.unwrap();
        assert_eq!(account.id, passkey.user.id);
        assert_eq!(
            (account.name.as_deref(), account.display_name.as_deref()),
            (Some(""), Some(""))
        );
        assert_eq!((signed.user_selected, signed.number_of_credentials), (Some(true), None));

        let outputs = rig.send(MessageType::Shutdown, &[]);
        assert!(matches!(outputs.as_slice(), [Output::CloseTunnel, Output::Closed(Ok(()))]));
        assert_eq!((rig.transaction.stage(), rig.transaction.deadline()), (Stage::Closed, None));
    }

    #[test]
    fn is_the_same_for_the_same_seed_and_another_for_another() {
        let run = |seed| {
            let (mut rig, advert) = Rig::advertising(config(), seed);
            let (_, first) = rig.handshake(&advert);
            let mut all = vec![advert];
            all.extend(sent(rig.step(Input::Message(first))));
            all
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let made = |seed| Rig::listening(config(), seed).register(&make_credential("ada")).0.id;
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    #[test]
    fn get_info_is_the_one_of_the_introduction() {
        let mut rig = listening();
        let outputs = rig.ask(&CtapRequest::GetInfo);
        let Ok(CtapResponse::GetInfo(info)) = rig.answer(Command::GetInfo, outputs) else {
            panic!()
        };
        assert_eq!(Some(info), rig.info);
        assert_eq!(rig.transaction.stage(), Stage::Listening);
    }
}

mod registering {
    use super::*;

    #[test]
    fn self_attestation_comes_when_asked_for_or_by_default() {
        let mut asked = make_credential("ada");
        asked.attestation_formats = vec!["packed".to_owned()];
        let mut by_default = config();
        by_default.profile.attestation = Attestation::Packed;
        for (config, request) in [(config(), asked), (by_default, make_credential("ada"))] {
            let (passkey, made) = Rig::listening(config, SEED).register(&request);
            assert_eq!(made.format, "packed");
            // {"alg": -7, "sig": DER}
            let statement = made.statement.as_bytes();
            assert_eq!(statement[..11], *b"\xa2\x63alg\x26\x63sig\x58");
            assert!(verifies(&passkey, &made.auth_data, &statement[12..]));
        }
    }

    #[test]
    fn an_excluded_passkey_is_told_after_an_approval_only() {
        let existing = passkey(3, RP_ID, "ada");
        let mut request = make_credential("ada");
        request.exclude_list = vec![descriptor(&existing)];
        for (decision, status) in [
            (approved(0), Status::CREDENTIAL_EXCLUDED),
            (
                Decision::Approved { verification: UserVerification::Present, account: 0 },
                Status::CREDENTIAL_EXCLUDED,
            ),
            (Decision::Declined, Status::OPERATION_DENIED),
            (Decision::TimedOut, Status::USER_ACTION_TIMEOUT),
            (Decision::NoUi, Status::NOT_ALLOWED),
        ] {
            let mut rig = listening();
            let outputs = rig.ask(&request.clone().into());
            let [Output::FindPasskeys { rp_id, ids: None }] = outputs.as_slice() else {
                panic!("{outputs:?}")
            };
            assert_eq!(rp_id, RP_ID);
            let outputs = rig.find(vec![existing.clone()]);
            let prompt = prompt(&outputs);
            assert!(sent(outputs).is_empty());
            assert!(matches!(prompt.question, Question::CredentialExcluded(_)));
            let outputs = rig.decide(&prompt, decision);
            assert!(!outputs.iter().any(|output| matches!(output, Output::SavePasskey(_))));
            assert_eq!(rig.status(outputs), status);
            assert_eq!(rig.transaction.stage(), Stage::Listening);
        }
    }

    #[test]
    fn the_prompt_says_which_passkey_the_new_one_replaces() {
        let (mine, other) = (passkey(1, RP_ID, "ada"), passkey(2, RP_ID, "bob"));
        let mut request = make_credential("ada");
        request.user.id = mine.user.id.clone();
        // Of a user who is not here, so that the answer is the test's to give.
        request.exclude_list = vec![descriptor(&passkey(9, RP_ID, "eve"))];
        let mut rig = listening();
        rig.ask(&request.into());
        let prompt = prompt(&rig.find(vec![other, mine.clone()]));
        assert!(matches!(prompt.question, Question::Register(_)));
        assert_eq!(prompt.replaces(), Some(&mine.id));
        assert!(prompt.to_string().contains("replace your passkey"), "{prompt}");
    }

    #[test]
    fn a_passkey_of_another_rp_excludes_nothing() {
        let elsewhere = passkey(3, "example.net", "ada");
        let mut request = make_credential("ada");
        request.exclude_list = vec![descriptor(&elsewhere)];
        let mut rig = listening();
        rig.ask(&request.into());
        let prompt = prompt(&rig.find(vec![elsewhere]));
        assert!(matches!(prompt.question, Question::Register(_)));
    }

    #[test]
    fn the_prompt_shows_rp_and_account_without_tricks() {
        let mut rig = listening();
        let mut request = make_credential("ada");
        request.rp.name = Some("Exa\u{202e}mple\n".to_owned());
        request.user.display_name = Some("A\u{0}da".to_owned());
        let prompt = prompt(&rig.ask(&request.into()));
        assert_eq!((prompt.rp_id.as_str(), prompt.rp_name.as_deref()), (RP_ID, Some("Example")));
        assert_eq!(prompt.accounts()[0].user.display_name.as_deref(), Some("Ada"));
        assert_eq!(prompt.demanded, UserVerification::Verified);
    }

    #[test]
    fn an_rp_without_a_name_of_its_own_has_none_in_the_prompt() {
        for name in [None, Some(""), Some(" \t"), Some("\u{200b}")] {
            let mut request = make_credential("ada");
            request.rp.name = name.map(str::to_owned);
            let prompt = prompt(&listening().ask(&request.into()));
            assert_eq!(prompt.rp_name, None, "{name:?}");
        }
    }

    #[test]
    fn nothing_is_told_of_a_passkey_that_was_not_saved() {
        for (error, status) in [
            (StoreError::Full, Status::KEY_STORE_FULL),
            (StoreError::failed(std::fmt::Error), Status::OTHER),
        ] {
            let mut rig = listening();
            let outputs = rig.ask(&make_credential("ada").into());
            rig.decide(&prompt(&outputs), approved(0));
            let outputs = rig.step(Input::Saved(Err(error)));
            assert!(matches!(
                outputs.first(),
                Some(Output::Update(AuthenticatorUpdate::StoreFailed(Error {
                    kind: ErrorKind::Store(_),
                    ..
                })))
            ));
            let response = rig.response(outputs);
            assert_eq!((response.status(), response.payload().len()), (status, 0));
            rig.register(&make_credential("ada"));
        }
    }

    #[test]
    fn synced_passkeys_set_the_backup_flags_and_do_not_count() {
        let mut config = config();
        config.profile.backup = Backup::BackedUp;
        let mut rig = Rig::listening(config, SEED);
        let (passkey, made) = rig.register(&make_credential("ada"));
        assert_eq!(made.auth_data.flags().0, 0x5d);
        assert_eq!(passkey.counter, None);
        rig.ask(&get_assertion(&[]).into());
        let outputs = rig.find(vec![passkey]);
        let outputs = rig.decide(&prompt(&outputs), approved(0));
        let Ok(CtapResponse::GetAssertion(signed)) = rig.answer(Command::GetAssertion, outputs)
        else {
            panic!("answered at once: there is nothing to save")
        };
        assert_eq!((signed.auth_data.flags().0, signed.auth_data.sign_count()), (0x1d, 0));
    }
}

mod signing_in {
    use super::*;

    #[test]
    fn the_user_picks_the_account() {
        let (ada, grace) = (passkey(1, RP_ID, "ada"), passkey(2, RP_ID, "grace"));
        let mut rig = listening();
        rig.ask(&get_assertion(&[]).into());
        let outputs = rig.find(vec![ada.clone(), grace.clone()]);
        let prompt = prompt(&outputs);
        let names: Vec<_> =
            prompt.accounts().iter().map(|account| account.user.name.as_deref()).collect();
        assert_eq!(names, [Some("ada"), Some("grace")]);
        rig.decide(&prompt, approved(1));
        let outputs = rig.step(Input::UseCounted(Ok(1)));
        let Ok(CtapResponse::GetAssertion(signed)) = rig.answer(Command::GetAssertion, outputs)
        else {
            panic!()
        };
        assert_eq!(signed.credential, Some(descriptor(&grace)));
        assert_eq!(signed.user.unwrap().id, grace.user.id);
        assert!(verifies(&grace, &signed.auth_data, signed.signature.expose()));
        assert!(!verifies(&ada, &signed.auth_data, signed.signature.expose()));
    }

    #[test]
    fn an_allow_list_is_honoured_and_the_account_is_named_by_its_handle() {
        let (ada, grace) = (passkey(1, RP_ID, "ada"), passkey(2, RP_ID, "grace"));
        let mut rig = listening();
        let found = vec![ada, grace.clone()];
        let signed = sign_in(&mut rig, get_assertion(&[&grace]), found, 0);
        assert_eq!(signed.credential, Some(descriptor(&grace)));
        let handle = User::from_handle(grace.user.id);
        assert_eq!((signed.user, signed.user_selected), (Some(handle), None));
    }

    /// CTAP forbids names in an answer without user verification.
    #[test]
    fn an_unverified_user_is_named_by_handle_alone() {
        let mut config = config();
        config.profile.capability = UserVerification::Present;
        let ada = passkey(1, RP_ID, "ada");
        for allowed in [vec![], vec![&ada]] {
            let mut rig = Rig::listening(config.clone(), SEED);
            let mut request = get_assertion(&allowed);
            request.options.uv = None;
            rig.ask(&request.into());
            let prompt = prompt(&rig.find(vec![ada.clone()]));
            let present =
                Decision::Approved { verification: UserVerification::Present, account: 0 };
            rig.decide(&prompt, present);
            let outputs = rig.step(Input::UseCounted(Ok(1)));
            let Ok(CtapResponse::GetAssertion(signed)) = rig.answer(Command::GetAssertion, outputs)
            else {
                panic!()
            };
            assert_eq!(signed.user, Some(User::from_handle(ada.user.id.clone())));
        }
    }

    #[test]
    fn a_passkey_of_another_rp_is_never_used() {
        let elsewhere = passkey(1, "example.net", "ada");
        for request in [get_assertion(&[]), get_assertion(&[&elsewhere])] {
            let mut rig = listening();
            rig.ask(&request.into());
            let prompt = prompt(&rig.find(vec![elsewhere.clone()]));
            assert_eq!(prompt.question, Question::NoCredentials);
            let outputs = rig.decide(&prompt, approved(0));
            assert_eq!(rig.status(outputs), Status::NO_CREDENTIALS);
        }
    }

    #[test]
    fn that_there_is_no_passkey_is_told_after_an_approval_only() {
        let mut rig = listening();
        rig.ask(&get_assertion(&[]).into());
        let outputs = rig.find(vec![]);
        let prompt = prompt(&outputs);
        assert!(sent(outputs).is_empty());
        let outputs = rig.decide(&prompt, Decision::Declined);
        assert_eq!(rig.status(outputs), Status::OPERATION_DENIED);
    }

    #[test]
    fn a_list_of_unknown_types_is_not_an_empty_list() {
        let ada = passkey(1, RP_ID, "ada");
        let mut request = get_assertion(&[&ada]);
        request.allow_list[0].kind = "new-type".to_owned();
        let mut rig = listening();
        let outputs = rig.ask(&request.into());
        assert!(matches!(outputs.as_slice(), [Output::FindPasskeys { ids: Some(ids), .. }]
            if ids.is_empty()));
        assert_eq!(prompt(&rig.find(vec![ada])).question, Question::NoCredentials);
    }

    #[test]
    fn a_store_that_fails_gives_no_signature() {
        let ada = passkey(1, RP_ID, "ada");
        let failed = || StoreError::failed(std::fmt::Error);
        let mut rig = listening();
        rig.ask(&get_assertion(&[]).into());
        let outputs = rig.step(Input::PasskeysFound(Err(failed())));
        assert_eq!(rig.status(outputs), Status::OTHER);

        rig.ask(&get_assertion(&[]).into());
        let outputs = rig.find(vec![ada]);
        rig.decide(&prompt(&outputs), approved(0));
        let outputs = rig.step(Input::UseCounted(Err(failed())));
        let response = rig.response(outputs);
        assert_eq!((response.status(), response.payload().len()), (Status::OTHER, 0));
    }

    #[test]
    fn the_signature_carries_what_the_store_counted() {
        let mut rig = listening();
        rig.ask(&get_assertion(&[]).into());
        // Meanwhile another sign-in has counted too.
        let outputs = rig.find(vec![passkey(1, RP_ID, "ada")]);
        let outputs = rig.decide(&prompt(&outputs), approved(0));
        assert!(matches!(outputs.as_slice(), [Output::CountUse { .. }]));
        let outputs = rig.step(Input::UseCounted(Ok(41)));
        match rig.answer(Command::GetAssertion, outputs) {
            Ok(CtapResponse::GetAssertion(signed)) => assert_eq!(signed.auth_data.sign_count(), 41),
            other => panic!("{other:?}"),
        }
    }
}

mod consent {
    use super::*;

    #[test]
    fn each_answer_of_the_user_has_its_status_and_the_session_goes_on() {
        for (decision, status) in [
            (Decision::Declined, Status::OPERATION_DENIED),
            (Decision::TimedOut, Status::USER_ACTION_TIMEOUT),
            (Decision::NoUi, Status::NOT_ALLOWED),
        ] {
            let mut rig = listening();
            let outputs = rig.ask(&make_credential("ada").into());
            let outputs = rig.decide(&prompt(&outputs), decision);
            assert!(outputs.iter().any(|output| matches!(output,
                Output::Update(AuthenticatorUpdate::Refused(refused)) if refused.status() == status)));
            assert_eq!(rig.status(outputs), status);

            rig.ask(&get_assertion(&[]).into());
            let outputs = rig.find(vec![passkey(1, RP_ID, "ada")]);
            let outputs = rig.decide(&prompt(&outputs), decision);
            assert_eq!(rig.status(outputs), status);
            rig.register(&make_credential("ada"));
        }
    }

    #[test]
    fn presence_never_does_on_a_device_that_can_verify() {
        let present = Decision::Approved { verification: UserVerification::Present, account: 0 };
        for uv in [None, Some(false), Some(true)] {
            let mut rig = listening();
            let mut request = make_credential("ada");
            request.options.uv = uv;
            let outputs = rig.ask(&request.into());
            let outputs = rig.decide(&prompt(&outputs), present);
            assert_eq!(rig.status(outputs), Status::OPERATION_DENIED, "{uv:?}");

            let mut request = get_assertion(&[]);
            request.options.uv = uv;
            rig.ask(&request.into());
            let outputs = rig.find(vec![passkey(1, RP_ID, "ada")]);
            let outputs = rig.decide(&prompt(&outputs), present);
            assert_eq!(rig.status(outputs), Status::OPERATION_DENIED, "{uv:?}");
        }
    }

    #[test]
    fn presence_does_on_a_device_that_cannot_verify_and_sets_no_uv() {
        let present = Decision::Approved { verification: UserVerification::Present, account: 0 };
        let mut config = config();
        config.profile.capability = UserVerification::Present;
        let mut rig = Rig::listening(config, SEED);
        let mut request = make_credential("ada");
        let outputs = rig.ask(&request.clone().into());
        assert_eq!(rig.status(outputs), Status::INVALID_OPTION, "uv was demanded");

        request.options.uv = None;
        let outputs = rig.ask(&request.into());
        rig.decide(&prompt(&outputs), present);
        let outputs = rig.saved();
        let Ok(CtapResponse::MakeCredential(made)) = rig.answer(Command::MakeCredential, outputs)
        else {
            panic!()
        };
        assert_eq!(made.auth_data.flags().0, 0x41);
    }

    #[test]
    fn a_decision_on_another_prompt_signs_nothing() {
        let other = prompt(&Rig::listening(config(), SEED + 1).ask(&make_credential("ada").into()));
        let mut rig = listening();
        let stale = prompt(&rig.ask(&make_credential("ada").into()));
        rig.decide(&stale, Decision::Declined);
        let shown = prompt(&rig.ask(&make_credential("ada").into()));
        for prompt in [&other, &stale] {
            let decision = Input::Decided { prompt: prompt.id, decision: approved(0) };
            assert_eq!(rig.try_step(decision).unwrap_err(), ApiMisuse::WrongPrompt);
        }
        let beyond = Input::Decided { prompt: shown.id, decision: approved(1) };
        assert_eq!(rig.try_step(beyond).unwrap_err(), ApiMisuse::NoSuchAccount);
        assert_eq!(rig.transaction.stage(), Stage::Answering);
        saving(&rig.decide(&shown, approved(0)));
        // Once only.
        let again = Input::Decided { prompt: shown.id, decision: approved(0) };
        assert_eq!(rig.try_step(again).unwrap_err(), ApiMisuse::WrongStage);
    }

    #[test]
    fn no_user_is_asked_for_ever() {
        let mut rig = listening();
        for _ in 0..MAX_PROMPTS {
            let outputs = rig.ask(&make_credential("ada").into());
            rig.decide(&prompt(&outputs), Decision::Declined);
        }
        let outputs = rig.ask(&make_credential("ada").into());
        assert!(matches!(
            failed(&outputs).kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::TooManyRequests)
        ));
    }
}

mod requests_that_cannot_be_served {
    use super::*;

    #[test]
    fn have_a_status_and_the_session_goes_on() {
        let mut rig = listening();
        let mut no_algorithm = make_credential("ada");
        no_algorithm.parameters.clear();
        let mut silent = get_assertion(&[]);
        silent.options.up = Some(false);
        for (bytes, status) in [
            (vec![], Status::INVALID_LENGTH),
            (vec![0x06, 0xa0], Status::INVALID_COMMAND),
            (vec![0x07], Status::INVALID_COMMAND),
            (vec![0xff; 100], Status::INVALID_COMMAND),
            (vec![0x01], Status::INVALID_CBOR),
            (vec![0x02, 0xa2, 0x01], Status::INVALID_CBOR),
            (vec![0x01, 0xa0], Status::MISSING_PARAMETER),
            (vec![0x02, 0x80], Status::CBOR_UNEXPECTED_TYPE),
            (vec![0x04, 0xa0], Status::INVALID_LENGTH),
            ([vec![0x02], vec![0x81; 5_000]].concat(), Status::INVALID_CBOR),
            (CtapRequest::GetNextAssertion.to_bytes(), Status::NOT_ALLOWED),
            (CtapRequest::from(no_algorithm).to_bytes(), Status::UNSUPPORTED_ALGORITHM),
            (CtapRequest::from(silent).to_bytes(), Status::UNSUPPORTED_OPTION),
        ] {
            let outputs = rig.send(MessageType::Ctap, &bytes);
            assert_eq!(rig.response(outputs).to_bytes().expose(), [status.0], "{bytes:02x?}");
            assert_eq!(rig.transaction.stage(), Stage::Listening);
        }
        rig.register(&make_credential("ada"));
    }

    #[test]
    fn every_truncation_of_a_request_has_a_status() {
        let mut rig = listening();
        let bytes = CtapRequest::from(make_credential("ada")).to_bytes();
        for length in 1..bytes.len() {
            let outputs = rig.send(MessageType::Ctap, &bytes[..length]);
            assert!(!rig.status(outputs).is_ok());
        }
        rig.register(&make_credential("ada"));
    }
}

mod requests_for_a_touch {
    use super::*;

    /// What Chromium sends to a phone without `FIDO_2_1`.
    fn dummy() -> CtapRequest {
        let mut user = User::from_handle(UserHandle::new([1]).unwrap());
        user.name = Some("dummy".to_owned());
        user.display_name = Some(String::new());
        let mut rp = RelyingParty::new(".dummy", "");
        rp.name = None;
        let parameters = vec![CredentialParameters::new(Algorithm::ES256)];
        MakeCredentialRequest::new(sha256(&[b""]), rp, user, parameters).into()
    }

    #[test]
    fn tell_the_user_and_are_answered_as_chromium_takes_it_for_a_touch() {
        let present = Decision::Approved { verification: UserVerification::Present, account: 0 };
        for (request, status) in
            [(CtapRequest::Selection, Status::OK), (dummy(), Status::PIN_NOT_SET)]
        {
            // A user who declines has read it too.
            for decision in [present, approved(0), Decision::Declined] {
                let mut rig = listening();
                let outputs = rig.ask(&request);
                assert!(matches!(
                    outputs.as_slice(),
                    [Output::Update(AuthenticatorUpdate::Answering), Output::Prompt(_)]
                ));
                let prompt = prompt(&outputs);
                assert_eq!((&prompt.question, prompt.rp_id.as_str()), (&Question::Unsupported, ""));
                assert_eq!(prompt.demanded, UserVerification::Present);
                assert_eq!(prompt.decline_label(), None);
                let outputs = rig.decide(&prompt, decision);
                // Nothing but the status: no passkey is made, looked for or used.
                assert!(matches!(
                    outputs.as_slice(),
                    [Output::Send(_), Output::Update(AuthenticatorUpdate::Unsupported)]
                ));
                assert_eq!(rig.response(outputs).to_bytes().expose(), [status.0]);
                let outputs = rig.send(MessageType::Shutdown, &[]);
                assert!(matches!(closed(&outputs), Some(Ok(()))));
            }
        }
    }

    #[test]
    fn end_the_transaction_where_the_user_does_not_answer() {
        for request in [CtapRequest::Selection, dummy()] {
            for (decision, refusal) in
                [(Decision::TimedOut, Refusal::TimedOut), (Decision::NoUi, Refusal::NoUi)]
            {
                let mut rig = listening();
                let prompt = prompt(&rig.ask(&request));
                let outputs = rig.decide(&prompt, decision);
                assert!(matches!(
                    outputs.as_slice(),
                    [
                        Output::Send(_),
                        Output::Update(AuthenticatorUpdate::Refused(told)),
                        Output::CloseTunnel,
                        Output::Closed(Ok(()))
                    ] if *told == refusal
                ));
                assert_eq!(rig.status(outputs), refusal.status());
            }
        }
    }

    #[test]
    fn have_a_deadline_and_count_as_prompts() {
        let mut rig = listening();
        prompt(&rig.ask(&CtapRequest::Selection));
        rig.now = rig.transaction.deadline().unwrap();
        let outputs = rig.step(Input::TimePassed);
        assert!(matches!(failed(&outputs).kind, ErrorKind::Deadline));
        assert!(outputs.iter().any(|output| matches!(output, Output::DismissPrompt)));
        assert_eq!(rig.status(outputs), Status::USER_ACTION_TIMEOUT);

        let mut rig = listening();
        for _ in 0..MAX_PROMPTS {
            let prompt = prompt(&rig.ask(&CtapRequest::Selection));
            rig.decide(&prompt, approved(0));
        }
        assert!(matches!(
            failed(&rig.ask(&CtapRequest::Selection)).kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::TooManyRequests)
        ));
    }

    /// The order in which Chromium asks where getInfo lists more than is there.
    #[test]
    fn come_after_an_unsupported_algorithm_too() {
        let mut rig = listening();
        let mut request = make_credential("ada");
        request.parameters = vec![CredentialParameters::new(Algorithm::RS256)];
        let outputs = rig.ask(&request.into());
        assert!(matches!(
            outputs.last(),
            Some(Output::Update(AuthenticatorUpdate::Refused(Refusal::Algorithm)))
        ));
        assert_eq!(rig.status(outputs), Status::UNSUPPORTED_ALGORITHM);
        let prompt = prompt(&rig.ask(&CtapRequest::Selection));
        let outputs = rig.decide(&prompt, approved(0));
        assert_eq!(rig.status(outputs), Status::OK);
    }
}

mod the_limits_of_get_info {
    use super::*;

    fn ids(count: usize, length: usize) -> Vec<CredentialDescriptor> {
        let id = |at: usize| {
            let mut id = vec![0; length];
            id[..2].copy_from_slice(&(at as u16).to_be_bytes());
            CredentialDescriptor::new(CredentialId::new(id).unwrap())
        };
        (0..count).map(id).collect()
    }

    /// As libwebauthn: without a limit in getInfo, CTAP's 1,024 bytes hold.
    fn client_sends(rig: &Rig, request: &CtapRequest) -> bool {
        let limit = rig.info.as_ref().unwrap().max_message_size.unwrap_or(1024);
        request.to_bytes().len() as u64 <= limit
    }

    #[test]
    fn let_a_client_send_100_ids() {
        for length in [16, 64, 255] {
            let mut rig = listening();
            let mut request = get_assertion(&[]);
            request.allow_list = ids(100, length);
            let request = CtapRequest::from(request);
            assert!(client_sends(&rig, &request));
            let outputs = rig.ask(&request);
            assert!(matches!(outputs.as_slice(), [Output::FindPasskeys { ids: Some(ids), .. }]
                if ids.len() == 100));

            let mut rig = listening();
            let mut request = make_credential("ada");
            request.exclude_list = ids(100, length);
            let request = CtapRequest::from(request);
            assert!(client_sends(&rig, &request));
            let outputs = rig.ask(&request);
            assert!(matches!(outputs.as_slice(), [Output::FindPasskeys { .. }]));
            let prompt = prompt(&rig.find(vec![]));
            saving(&rig.decide(&prompt, approved(0)));
        }
    }

    #[test]
    fn are_those_of_the_requests_that_are_served() {
        let mut rig = listening();
        let info = rig.info.clone().unwrap();
        assert_eq!(info.max_message_size, Some(MAX_MESSAGE_SIZE as u64));
        let count = info.max_credential_count_in_list.unwrap() as usize;
        let longest = info.max_credential_id_length.unwrap() as usize;

        // The longest request: full to the last byte.
        let mut request = get_assertion(&[]);
        request.allow_list = ids(62, longest);
        let length = CtapRequest::from(request.clone()).to_bytes().len();
        let last = MAX_MESSAGE_SIZE - length;
        // {"id": bytes of more than 255, "type": "public-key"}
        request.allow_list.extend(ids(1, last - 23));
        let request = CtapRequest::from(request);
        assert_eq!(request.to_bytes().len(), MAX_MESSAGE_SIZE);
        let outputs = rig.ask(&request);
        assert!(matches!(outputs.as_slice(), [Output::FindPasskeys { ids: Some(ids), .. }]
            if ids.len() == 63));

        // The longest list.
        let mut rig = listening();
        let mut request = get_assertion(&[]);
        request.allow_list = ids(count, 2);
        let outputs = rig.ask(&request.clone().into());
        assert!(matches!(outputs.as_slice(), [Output::FindPasskeys { ids: Some(ids), .. }]
            if ids.len() == count));
        let mut rig = listening();
        request.allow_list.extend(ids(1, 2));
        let outputs = rig.ask(&request.into());
        assert_eq!(rig.status(outputs), Status::INVALID_PARAMETER);
    }

    /// With type byte, padding and tag, such a request is one Noise message.
    #[test]
    fn keep_messages_within_what_noise_libraries_can_seal() {
        let mut rig = listening();
        let channel = rig.channel.as_mut().unwrap();
        let sealed = channel.seal(MessageType::Ctap, &vec![0; MAX_MESSAGE_SIZE]).unwrap();
        assert!(sealed.len() <= 65_535, "{}", sealed.len());
    }
}

mod messages {
    use super::*;

    fn misbehaved(rig: &mut Rig, kind: MessageType, payload: &[u8]) -> PeerMisbehaved {
        match failed(&rig.send(kind, payload)).kind {
            ErrorKind::PeerMisbehaved(misbehaviour) => misbehaviour,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn updates_are_checked_and_ignored() {
        let mut rig = listening();
        assert!(rig.send(MessageType::Update, &[0xa0]).is_empty());
        assert_eq!(rig.transaction.stage(), Stage::Listening);
        assert!(matches!(
            misbehaved(&mut rig, MessageType::Update, &[0xff]),
            PeerMisbehaved::Update(_)
        ));
    }

    #[test]
    fn what_no_client_sends_ends_the_transaction() {
        assert_eq!(
            misbehaved(&mut listening(), MessageType::Json, b"{}"),
            PeerMisbehaved::UnexpectedMessage(MessageType::Json)
        );
        // A type that does not exist.
        let mut rig = listening();
        let unknown = rig.channel.as_mut().unwrap().seal_untyped(&[4, 0]).unwrap();
        assert!(matches!(
            failed(&rig.step(Input::Message(unknown))).kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::Channel(_))
        ));
        // What was not sealed.
        for bytes in [vec![], vec![0; 16], vec![0; 48]] {
            assert!(matches!(
                failed(&listening().step(Input::Message(bytes))).kind,
                ErrorKind::PeerMisbehaved(PeerMisbehaved::Channel(_))
            ));
        }
    }

    #[test]
    fn a_second_request_before_the_first_is_answered_ends_the_transaction() {
        let mut rig = listening();
        prompt(&rig.ask(&make_credential("ada").into()));
        let outputs = rig.ask(&CtapRequest::GetInfo);
        assert!(matches!(
            outputs.as_slice(),
            [Output::DismissPrompt, Output::CloseTunnel, Output::Closed(Err(_))]
        ));
        assert!(matches!(
            failed(&outputs).kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::UnexpectedMessage(MessageType::Ctap))
        ));
    }

    #[test]
    fn a_shutdown_before_an_answer_is_the_clients_cancellation() {
        let mut idle = listening();
        idle.ask(&CtapRequest::GetInfo);
        let outputs = idle.send(MessageType::Shutdown, &[]);
        assert!(matches!(failed(&outputs).kind, ErrorKind::Cancelled(CancelledBy::Client)));

        let mut prompting = listening();
        prompt(&prompting.ask(&make_credential("ada").into()));
        let outputs = prompting.send(MessageType::Shutdown, &[]);
        assert!(matches!(outputs.first(), Some(Output::DismissPrompt)));
        let error = failed(&outputs);
        assert!(error.is_cancelled());
        assert_eq!(error.stage, Stage::Answering);
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let mut rig = listening();
        let outputs = rig.ask(&make_credential("ada").into());
        rig.decide(&prompt(&outputs), Decision::Declined);
        assert!(matches!(closed(&rig.send(MessageType::Shutdown, &[])), Some(Ok(()))));
    }
}

mod handshakes {
    use super::*;

    #[test]
    fn one_attempt_is_all_there_is() {
        let (rig, advert) = Rig::advertising(config(), SEED);
        let (_, good) = rig.handshake(&advert);
        for at in 0..good.len() {
            let (mut rig, _) = Rig::advertising(config(), SEED);
            let mut bad = good.clone();
            bad[at] ^= 1;
            let outputs = rig.step(Input::Message(bad));
            assert!(matches!(
                outputs.as_slice(),
                [Output::StopAdvertising, Output::CloseTunnel, Output::Closed(Err(_))]
            ));
            let error = failed(&outputs);
            assert_eq!(error.stage, Stage::Handshaking);
            assert!(matches!(
                error.kind,
                ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(
                    HandshakeError::Point | HandshakeError::Authentication
                ))
            ));
            assert!(rig.step(Input::Message(good.clone())).is_empty(), "it is over");
        }
    }

    #[test]
    fn a_client_that_did_not_receive_the_advert_gets_nothing() {
        let (mut rig, _) = Rig::advertising(config(), SEED);
        // It has the QR code's secret and the right address, and not the nonce.
        let guess = Eid::new([0; 10], ROUTING_ID, domain());
        let psk = psk(&rig.client.code.secret, &guess);
        let identity = rig.client.identity.clone();
        let ephemeral = rig.client.ephemeral.clone();
        let (_, message) = Initiator::qr(identity, &psk, ephemeral).unwrap();
        let error = failed(&rig.step(Input::Message(message.into())));
        assert!(matches!(
            error.kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(HandshakeError::Authentication))
        ));
    }

    #[test]
    fn a_second_handshake_on_the_tunnel_ends_it() {
        let (mut rig, advert) = Rig::advertising(config(), SEED);
        let (_, first) = rig.handshake(&advert);
        rig.step(Input::Message(first.clone()));
        assert!(matches!(
            failed(&rig.step(Input::Message(first))).kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::Channel(_))
        ));
    }

    #[test]
    fn lengths_other_than_81_are_refused() {
        for length in [0, 1, 65, 80, 82, 4096] {
            let (mut rig, _) = Rig::advertising(config(), SEED);
            let outputs = rig.step(Input::Message(vec![4; length]));
            assert!(matches!(
                failed(&outputs).kind,
                ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(HandshakeError::Length(of)))
                    if of == length
            ));
        }
    }
}

mod starting {
    use super::*;

    fn refused(config: AuthenticatorConfig, change: impl FnOnce(&mut Client)) -> ErrorKind {
        let mut client = Client::new(SEED);
        change(&mut client);
        let started = Transaction::qr(config, &client.code, keys(SEED), Duration::ZERO);
        let error = started.unwrap_err();
        assert_eq!(error.stage, Stage::Preparing);
        error.kind
    }

    #[test]
    fn the_client_must_know_the_tunnel_service() {
        for known in [0, 1] {
            let config = AuthenticatorConfig::new(TunnelDomain::APPLE);
            let error = refused(config, |client| client.code.known_domains = known);
            assert!(matches!(error, ErrorKind::Unsupported(Unsupported::TunnelDomain)));
        }
        let mut client = Client::new(SEED);
        client.code.known_domains = 0;
        assert!(Transaction::qr(config(), &client.code, keys(SEED), Duration::ZERO).is_ok());
    }

    #[test]
    fn the_client_must_use_tunnel_services() {
        let error = refused(config(), |client| client.code.channels = DataChannels::Bluetooth);
        assert!(matches!(error, ErrorKind::Unsupported(Unsupported::DataChannel)));
    }

    #[test]
    fn a_service_must_give_a_routing_id() {
        let outputs =
            Rig::registering(config(), SEED).step(Input::TunnelOpened { routing_id: None });
        assert!(matches!(
            outputs.as_slice(),
            [Output::CloseTunnel, Output::Closed(Err(error))]
                if matches!(error.kind, ErrorKind::Tunnel(TunnelError::Upgrade(_)))
        ));
    }

    #[test]
    fn nothing_may_come_before_the_tunnel_is_open() {
        let outputs = Rig::registering(config(), SEED).step(Input::Message(vec![4; 81]));
        assert!(matches!(
            failed(&outputs).kind,
            ErrorKind::PeerMisbehaved(PeerMisbehaved::TooEarly)
        ));
    }
}

mod ends {
    use super::*;

    /// A rig in each stage, with the outputs that must come at its end.
    fn every_stage() -> Vec<(Rig, &'static str)> {
        let finding = || {
            let mut rig = listening();
            rig.ask(&get_assertion(&[]).into());
            rig
        };
        let asking = || {
            let mut rig = finding();
            rig.find(vec![passkey(1, RP_ID, "ada")]);
            rig
        };
        let saving = || {
            let mut rig = listening();
            let outputs = rig.ask(&make_credential("ada").into());
            rig.decide(&prompt(&outputs), approved(0));
            rig
        };
        vec![
            (Rig::registering(config(), SEED), "close"),
            (Rig::advertising(config(), SEED).0, "stop-advert close"),
            (listening(), "close"),
            (finding(), "send close"),
            (asking(), "send dismiss close"),
            (saving(), "send close"),
        ]
    }

    fn names(outputs: &[Output]) -> String {
        let names: Vec<&str> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Send(_) => Some("send"),
                Output::StopAdvertising => Some("stop-advert"),
                Output::DismissPrompt => Some("dismiss"),
                Output::CloseTunnel => Some("close"),
                _ => None,
            })
            .collect();
        names.join(" ")
    }

    #[test]
    fn cancel_stops_everything_in_every_stage() {
        for (mut rig, expected) in every_stage() {
            let stage = rig.transaction.stage();
            let outputs = rig.step(Input::Cancel);
            assert_eq!(names(&outputs), expected, "{stage}");
            let error = failed(&outputs);
            assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::Caller)));
            assert_eq!(error.stage, stage);
            if stage == Stage::Answering {
                assert_eq!(rig.status(outputs), Status::OPERATION_DENIED);
            }
            assert!(rig.step(Input::Cancel).is_empty());
        }
    }

    #[test]
    fn each_stage_has_a_deadline_of_its_own() {
        for (mut rig, expected) in every_stage() {
            let stage = rig.transaction.stage();
            let deadline = rig.transaction.deadline().unwrap();
            rig.now = deadline - Duration::from_nanos(1);
            assert!(rig.step(Input::TimePassed).is_empty(), "{stage}");
            rig.now = deadline;
            let outputs = rig.step(Input::TimePassed);
            assert_eq!(names(&outputs), expected, "{stage}");
            let error = failed(&outputs);
            assert!(matches!(error.kind, ErrorKind::Deadline));
            assert_eq!(error.stage, stage);
            if stage == Stage::Answering {
                assert_eq!(rig.status(outputs), Status::USER_ACTION_TIMEOUT);
            }
        }
    }

    #[test]
    fn a_deadline_starts_with_its_stage() {
        let mut rig = Rig::registering(config(), SEED);
        assert_eq!(rig.transaction.deadline(), Some(Duration::from_secs(10)));
        rig.now = Duration::from_secs(9);
        rig.step(Input::TunnelOpened { routing_id: Some(ROUTING_ID) });
        assert_eq!(rig.transaction.deadline(), Some(Duration::from_secs(69)));
    }

    #[test]
    fn a_decision_after_the_deadline_signs_nothing() {
        let mut rig = listening();
        let prompt = prompt(&rig.ask(&make_credential("ada").into()));
        rig.now = rig.transaction.deadline().unwrap();
        let outputs = rig.decide(&prompt, approved(0));
        assert!(matches!(failed(&outputs).kind, ErrorKind::Deadline));
        assert_eq!(rig.status(outputs), Status::USER_ACTION_TIMEOUT);
    }

    #[test]
    fn a_tunnel_that_ends_ends_the_transaction_in_every_stage() {
        for (mut rig, expected) in every_stage() {
            let stage = rig.transaction.stage();
            let outputs = rig.step(Input::TunnelClosed);
            let expected = expected.replace("send", "").replace("close", "");
            assert_eq!(names(&outputs), expected.trim(), "{stage}: nothing more through it");
            let error = failed(&outputs);
            assert_eq!(error.stage, stage);
            match stage {
                Stage::Registering | Stage::Advertising => {
                    assert!(matches!(error.kind, ErrorKind::Tunnel(TunnelError::Closed(None))));
                }
                _ => assert!(matches!(error.kind, ErrorKind::PeerDisconnected)),
            }
        }
        for (mut rig, _) in every_stage() {
            rig.now = rig.transaction.deadline().unwrap();
            let outputs = rig.step(Input::TunnelFailed(TunnelError::NotBinary));
            assert!(matches!(failed(&outputs).kind, ErrorKind::Tunnel(TunnelError::NotBinary)));
            assert!(sent(outputs).is_empty());
        }
    }

    #[test]
    fn a_service_that_closes_because_the_client_disconnected_reports_that() {
        for (mut rig, _) in every_stage() {
            let stage = rig.transaction.stage();
            let lost = Input::TunnelFailed(TunnelError::Closed(Some(1001)));
            let kind = failed(&rig.step(lost)).kind;
            match stage {
                // No client has been there yet.
                Stage::Registering | Stage::Advertising => {
                    assert!(matches!(kind, ErrorKind::Tunnel(TunnelError::Closed(Some(1001)))));
                }
                _ => assert!(matches!(kind, ErrorKind::PeerDisconnected)),
            }
        }
        let too_long = Input::TunnelFailed(TunnelError::Closed(Some(1009)));
        let kind = failed(&listening().step(too_long)).kind;
        assert!(matches!(kind, ErrorKind::Tunnel(TunnelError::Closed(Some(1009)))));
    }

    #[test]
    fn after_an_answer_disconnecting_and_silence_are_normal_ends() {
        let served = || {
            let mut rig = listening();
            rig.register(&make_credential("ada"));
            rig
        };
        assert!(matches!(closed(&served().step(Input::TunnelClosed)), Some(Ok(()))));
        assert!(matches!(closed(&served().step(Input::Cancel)), Some(Ok(()))));
        let mut rig = served();
        rig.now = rig.transaction.deadline().unwrap();
        assert!(matches!(closed(&rig.step(Input::TimePassed)), Some(Ok(()))));
    }

    #[test]
    fn an_answer_that_was_not_sent_is_no_normal_end() {
        let mut rig = listening();
        rig.register(&make_credential("ada"));
        let outputs = rig.step(Input::SendFailed(TunnelError::Stalled));
        assert!(matches!(outputs.as_slice(), [Output::Closed(Err(_))]));
        assert!(matches!(failed(&outputs).kind, ErrorKind::Tunnel(TunnelError::Stalled)));
        for (mut rig, _) in every_stage() {
            let outputs = rig.step(Input::SendFailed(TunnelError::Stalled));
            assert!(matches!(failed(&outputs).kind, ErrorKind::Tunnel(TunnelError::Stalled)));
            assert!(sent(outputs).is_empty());
        }
    }

    #[test]
    fn a_radio_that_fails_ends_it_while_advertising_only() {
        let failed_radio = || Input::AdvertisingFailed(BluetoothError::Off);
        let (mut rig, _) = Rig::advertising(config(), SEED);
        let outputs = rig.step(failed_radio());
        assert!(matches!(
            outputs.as_slice(),
            [Output::CloseTunnel, Output::Closed(Err(error))]
                if matches!(error.kind, ErrorKind::Bluetooth(BluetoothError::Off))
        ));
        assert!(listening().step(failed_radio()).is_empty());
    }

    #[test]
    fn what_comes_after_the_end_is_ignored() {
        let mut rig = listening();
        let prompt = prompt(&rig.ask(&make_credential("ada").into()));
        rig.step(Input::TunnelClosed);
        for input in [
            Input::Decided { prompt: prompt.id, decision: approved(0) },
            Input::Saved(Ok(())),
            Input::PasskeysFound(Ok(vec![])),
            Input::Message(vec![0; 48]),
            Input::TunnelOpened { routing_id: None },
            Input::TimePassed,
        ] {
            assert!(rig.step(input).is_empty());
        }
    }
}

mod the_law {
    use super::*;

    #[test]
    fn outputs_are_taken_before_the_next_input() {
        let client = Client::new(SEED);
        let mut transaction =
            Transaction::qr(config(), &client.code, keys(SEED), Duration::ZERO).unwrap();
        assert_eq!(
            transaction.handle(Duration::ZERO, Input::Cancel),
            Err(ApiMisuse::OutputsPending)
        );
    }

    #[test]
    fn time_does_not_go_back() {
        let mut rig = Rig::registering(config(), SEED);
        rig.now = Duration::from_secs(5);
        rig.step(Input::TimePassed);
        rig.now = Duration::from_secs(4);
        assert_eq!(rig.try_step(Input::TimePassed).unwrap_err(), ApiMisuse::TimeWentBackwards);
    }

    #[test]
    fn inputs_belong_to_their_stage() {
        let mut rig = listening();
        for input in [
            Input::TunnelOpened { routing_id: Some(ROUTING_ID) },
            Input::PasskeysFound(Ok(vec![passkey(1, RP_ID, "ada")])),
            Input::Saved(Ok(())),
        ] {
            assert_eq!(rig.try_step(input).unwrap_err(), ApiMisuse::WrongStage);
        }
        rig.register(&make_credential("ada"));
    }
}
