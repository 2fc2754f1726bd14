//! What goes well, in bad air too.

use std::time::Duration;

use fido_hybrid_proto::crypto::sha256;
use fido_hybrid_proto::ctap::{CtapRequest, CtapResponse, Flags, Status};
use fido_hybrid_proto::error::{ErrorKind, Stage, Unsupported};
use fido_hybrid_proto::transport::TunnelDomain;
use fido_hybrid_sim::{Pair, Setup, Side};

use super::{RP_ID, SEEDS, assert_all_is_off, made, pair, registration, setup, sign_in};

#[test]
fn a_passkey_is_made_and_signs_in_with_an_empty_allow_list() {
    for seed in SEEDS {
        let mut registering = pair(seed);
        registering.run();
        assert_all_is_off(&registering);
        for side in [Side::Client, Side::Phone] {
            assert!(matches!(registering.result(side), Some(Ok(()))));
        }
        let credential = made(&registering).auth_data.credential().unwrap();
        let key = *credential.public_key.es256().unwrap();

        let mut setup = setup(seed + 1000);
        setup.requests = vec![sign_in()];
        setup.passkeys = registering.passkeys;
        let mut signing = Pair::new(setup).unwrap();
        signing.run();
        assert_all_is_off(&signing);
        let [Ok(CtapResponse::GetAssertion(assertion))] = &signing.responses[..] else {
            panic!("{:#?}", signing.transcript());
        };
        assert_eq!(assertion.auth_data.rp_id_hash(), &sha256(&[RP_ID.as_bytes()]));
        let flags = assertion.auth_data.flags();
        assert!(flags.contains(Flags::USER_PRESENT | Flags::USER_VERIFIED));
        assert_eq!(assertion.user.as_ref().unwrap().id.as_bytes(), [1]);
        let signed = [assertion.auth_data.raw(), &[2; 32]].concat();
        assert!(key.verifies(&signed, assertion.signature.expose()));
    }
}

#[test]
fn the_same_seed_gives_the_same_transcript() {
    for seed in SEEDS {
        let (mut one, mut other) = (pair(seed), pair(seed));
        one.run();
        other.run();
        assert!(one.transcript().len() > 10);
        assert_eq!(one.transcript(), other.transcript());
    }
    let (mut one, mut other) = (pair(1), pair(2));
    one.run();
    other.run();
    assert_ne!(one.transcript(), other.transcript());
}

#[test]
fn one_request_after_another_while_the_phone_stays() {
    let requests = vec![registration(1), registration(2), sign_in(), CtapRequest::GetInfo];
    let mut pair = Pair::new(Setup::new(1, requests)).unwrap();
    pair.run();
    assert_all_is_off(&pair);
    assert!(matches!(
        pair.responses[..],
        [
            Ok(CtapResponse::MakeCredential(_)),
            Ok(CtapResponse::MakeCredential(_)),
            Ok(CtapResponse::GetAssertion(_)),
            Ok(CtapResponse::GetInfo(_)),
        ]
    ));
    assert_eq!(pair.passkeys.len(), 2);
}

#[test]
fn a_refusal_is_an_answer_and_not_the_end() {
    // Nothing is registered, which the user lets the relying party know.
    let requests = vec![sign_in(), registration(1)];
    let mut pair = Pair::new(Setup::new(1, requests)).unwrap();
    pair.run();
    assert_all_is_off(&pair);
    assert!(matches!(
        pair.responses[..],
        [Err(Status::NO_CREDENTIALS), Ok(CtapResponse::MakeCredential(_))]
    ));
    assert!(matches!(pair.result(Side::Client), Some(Ok(()))));
}

#[test]
fn the_code_is_withdrawn_once_a_phones_advert_was_received() {
    let mut pair = pair(3);
    assert!(pair.client.qr_text().is_some());
    pair.run_until(|pair| pair.stage(Side::Client) == Stage::Connecting);
    assert!(pair.client.qr_text().is_none());
    assert!(!pair.is_scanning());
}

#[test]
fn the_advert_is_off_the_air_as_soon_as_the_client_is_there() {
    let mut pair = pair(3);
    pair.run_until(|pair| pair.stage(Side::Phone) == Stage::Listening);
    assert!(!pair.is_advertising());
}

#[test]
fn hashed_tunnel_domains_are_known_to_every_client() {
    for encoded in [256, 266, 0x1234, u16::MAX] {
        let mut setup = setup(u64::from(encoded));
        setup.phone.domain = TunnelDomain::from_encoded(encoded).unwrap();
        let mut pair = Pair::new(setup).unwrap();
        pair.run();
        made(&pair);
    }
}

#[test]
fn a_slow_person_is_waited_for() {
    let mut setup = setup(1);
    setup.reaction = Duration::from_secs(4 * 60);
    let mut pair = Pair::new(setup).unwrap();
    pair.run();
    made(&pair);
}

#[test]
fn what_does_not_exist_over_hybrid_never_leaves() {
    // These end transactions on deployed phones: they never leave.
    for request in [CtapRequest::Selection, CtapRequest::GetNextAssertion] {
        let error = Pair::new(Setup::new(1, vec![request])).unwrap_err();
        assert_eq!(error.stage, Stage::Preparing);
        assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::Command)), "{error}");
    }
}
