//! Requirement and phone to what is sent, or to why nothing is.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4] [CTAP 2.2 §6.4, §12.1].

use fido_hybrid_proto::client::{Input, Output};
use fido_hybrid_proto::crypto::sha256;
use fido_hybrid_proto::ctap::extensions::CredProtect::{
    VerificationOptional, VerificationOptionalWithList, VerificationRequired,
};
use fido_hybrid_proto::ctap::{
    Algorithm, AuthenticatorData, CredentialDescriptor, CredentialId, CredentialParameters,
    CtapRequest, Flags, GetAssertionResponse,
};
use fido_hybrid_proto::error::{Advice, DomException, Error, ErrorKind, Stage, Unsupported};
use fido_hybrid_proto::secret::SecretBytes;
use fido_hybrid_proto::transport::MessageType;
use fido_hybrid_proto::webauthn::Requirement::{self, Discouraged, Preferred, Required};

use super::client_rig::{self, ClientRig, Flow};
use super::{RP_ID, creation, listed, phone, prf_to_create, prf_to_get, sign_in};

/// What phones say of `uv`.
const VERIFIES: &[(&str, bool)] = &[("uv", true)];
const NOT_SET_UP: &[(&str, bool)] = &[("uv", false)];
const CANNOT: &[(&str, bool)] = &[];

#[test]
fn verification_is_asked_for_in_a_registration_where_the_phone_has_it() {
    let unsupported = Err(Unsupported::UserVerification);
    let optional = &[("uv", true), ("makeCredUvNotRqd", true)][..];
    let always = &[("uv", true), ("makeCredUvNotRqd", true), ("alwaysUv", true)][..];
    let both = &[("rk", true), ("uv", true), ("makeCredUvNotRqd", true)][..];
    let sends = Ok(Some(true));
    let leaves_out = Ok(None);
    for (uv, rk, prf, options, expected) in [
        (Required, Discouraged, false, VERIFIES, sends),
        (Preferred, Discouraged, false, VERIFIES, sends),
        // It would refuse otherwise: nothing says that it makes passkeys without.
        (Discouraged, Discouraged, false, VERIFIES, sends),
        (Required, Discouraged, false, NOT_SET_UP, Err(Unsupported::VerificationNotSetUp)),
        (Preferred, Discouraged, false, NOT_SET_UP, leaves_out),
        (Discouraged, Discouraged, false, NOT_SET_UP, leaves_out),
        (Required, Discouraged, false, CANNOT, unsupported),
        (Preferred, Discouraged, false, CANNOT, leaves_out),
        (Discouraged, Discouraged, false, CANNOT, leaves_out),
        (Required, Discouraged, false, optional, sends),
        (Preferred, Discouraged, false, optional, sends),
        (Discouraged, Discouraged, false, optional, leaves_out),
        (Discouraged, Discouraged, false, always, sends),
        // A PRF is that of verified users, a discoverable passkey for them.
        (Discouraged, Discouraged, true, optional, sends),
        (Discouraged, Required, false, both, sends),
        (Discouraged, Preferred, false, both, sends),
        (Discouraged, Discouraged, true, CANNOT, leaves_out),
        // Required by no relying party: Chromium's rule, not WebAuthn's.
        (Preferred, Required, false, &[("rk", true)], leaves_out),
    ] {
        let prepared = creation(|asked| {
            asked.user_verification = uv;
            asked.resident_key = rk;
            asked.extensions.prf = prf.then(prf_to_create);
        });
        let request = prepared.request_for(&phone(options, &["prf"]));
        let sent = request.map(|request| request.options.uv);
        assert_eq!(sent, expected, "uv {uv:?}, rk {rk:?}, prf {prf}, phone {options:?}");
    }
}

#[test]
fn verification_is_asked_for_in_a_sign_in_where_the_phone_has_it() {
    let always = &[("uv", true), ("alwaysUv", true)][..];
    let sends = Ok(Some(true));
    let leaves_out = Ok(None);
    for (uv, has_list, prf, options, expected) in [
        (Required, true, false, VERIFIES, sends),
        (Preferred, true, false, VERIFIES, sends),
        (Discouraged, true, false, VERIFIES, leaves_out),
        (Discouraged, true, true, VERIFIES, sends),
        (Discouraged, true, false, always, sends),
        // Without a list, the passkey is a discoverable one.
        (Required, false, false, VERIFIES, sends),
        (Preferred, false, false, VERIFIES, sends),
        (Discouraged, false, false, VERIFIES, sends),
        (Required, true, false, CANNOT, Err(Unsupported::UserVerification)),
        (Required, false, false, CANNOT, Err(Unsupported::UserVerification)),
        (Required, true, false, NOT_SET_UP, Err(Unsupported::VerificationNotSetUp)),
        (Preferred, true, false, CANNOT, leaves_out),
        (Preferred, false, false, CANNOT, leaves_out),
        (Preferred, true, false, NOT_SET_UP, leaves_out),
        (Preferred, false, false, NOT_SET_UP, leaves_out),
        (Discouraged, false, false, CANNOT, leaves_out),
        (Discouraged, true, true, CANNOT, leaves_out),
    ] {
        let prepared = sign_in(|asked| {
            asked.user_verification = uv;
            asked.allow_credentials = if has_list { vec![listed()] } else { Vec::new() };
            asked.extensions.prf = prf.then(prf_to_get);
        });
        let request = prepared.request_for(&phone(options, &["prf"]));
        let sent = request.map(|request| request.options.uv);
        assert_eq!(sent, expected, "uv {uv:?}, list {has_list}, prf {prf}, phone {options:?}");
    }
}

#[test]
fn a_discoverable_passkey_is_asked_for_where_the_phone_has_them() {
    let sends = Ok(Some(true));
    let leaves_out = Ok(None);
    for (rk, options, expected) in [
        (Required, &[("rk", true), ("uv", true)][..], sends),
        (Required, &[("rk", true)], sends),
        (Required, &[("rk", false), ("uv", true)], Err(Unsupported::DiscoverablePasskeys)),
        (Required, &[("uv", true)], Err(Unsupported::DiscoverablePasskeys)),
        (Preferred, &[("rk", true), ("uv", true)], sends),
        (Preferred, &[("rk", true), ("uv", false)], leaves_out),
        (Preferred, &[("rk", true)], leaves_out),
        (Preferred, &[("uv", true)], leaves_out),
        (Discouraged, &[("rk", true), ("uv", true)], leaves_out),
    ] {
        let prepared = creation(|asked| asked.resident_key = rk);
        let sent = prepared.request_for(&phone(options, &[])).map(|request| request.options.rk);
        assert_eq!(sent, expected, "rk {rk:?}, phone {options:?}");
    }
}

#[test]
fn a_prf_is_asked_for_where_the_phone_lists_it() {
    let prepared = creation(|asked| asked.extensions.prf = Some(prf_to_create()));
    let get = sign_in(|asked| asked.extensions.prf = Some(prf_to_get()));
    for (extensions, is_sent) in [(&["largeBlob", "prf"][..], true), (&["hmac-secret"], false)] {
        let phone = phone(VERIFIES, extensions);
        let request = prepared.request_for(&phone).unwrap();
        assert_eq!(request.extensions.names().any(|name| name == "prf"), is_sent);
        let request = get.request_for(&phone).unwrap();
        assert_eq!(request.extensions.names().any(|name| name == "prf"), is_sent);
    }
}

#[test]
fn a_phone_that_lists_its_algorithms_must_have_one_that_is_offered() {
    let parameters = |algorithms: &[Algorithm]| {
        algorithms.iter().copied().map(CredentialParameters::new).collect::<Vec<_>>()
    };
    let of_another_kind = |algorithm| {
        let mut parameters = CredentialParameters::new(algorithm);
        parameters.kind = "secret-key".to_owned();
        vec![parameters]
    };
    let (es256, eddsa, rs256) = (Algorithm::ES256, Algorithm::EDDSA, Algorithm::RS256);
    for (listed, offered, expected) in [
        (parameters(&[es256]), parameters(&[eddsa, es256]), Ok(())),
        (parameters(&[rs256, eddsa]), parameters(&[eddsa]), Ok(())),
        (parameters(&[es256]), parameters(&[eddsa, rs256]), Err(Unsupported::Algorithm)),
        (of_another_kind(es256), parameters(&[es256]), Err(Unsupported::Algorithm)),
        // It does not say: it will, when it is asked.
        (parameters(&[]), parameters(&[rs256]), Ok(())),
    ] {
        let mut phone = phone(VERIFIES, &[]);
        phone.algorithms = listed;
        let prepared = creation(|asked| asked.parameters = offered);
        assert_eq!(prepared.request_for(&phone).map(drop), expected);
    }
}

#[test]
fn a_protection_policy_is_sent_to_phones_that_have_it_and_enforced_on_others() {
    let unsupported = Err(Unsupported::CredentialProtection);
    for (policy, enforce, is_listed, expected) in [
        (VerificationOptional, false, true, Ok(Some([1]))),
        (VerificationOptionalWithList, false, true, Ok(Some([2]))),
        (VerificationRequired, true, true, Ok(Some([3]))),
        (VerificationRequired, false, false, Ok(None)),
        // The least is what every phone does.
        (VerificationOptional, true, false, Ok(None)),
        (VerificationOptionalWithList, true, false, unsupported),
        (VerificationRequired, true, false, unsupported),
    ] {
        let prepared = creation(|asked| {
            asked.extensions.cred_protect = Some(policy);
            asked.extensions.enforce_cred_protect = enforce;
        });
        let phone = phone(VERIFIES, if is_listed { &["credProtect"] } else { &[] });
        let sent = prepared.request_for(&phone).map(|request| {
            let input = request.extensions.other.get("credProtect");
            input.map(|input| <[u8; 1]>::try_from(input.as_bytes()).unwrap())
        });
        assert_eq!(sent, expected, "{policy:?}, enforced {enforce}, listed {is_listed}");
    }
}

#[test]
fn a_prf_that_the_phone_does_not_list_still_raises_verification_in_a_sign_in() {
    let optional = &[("uv", true), ("makeCredUvNotRqd", true)][..];
    for (options, extensions, to_create, to_get) in [
        (optional, &["prf"][..], Some(true), Some(true)),
        (optional, &[], None, Some(true)),
        (CANNOT, &["prf"], None, None),
        (CANNOT, &[], None, None),
    ] {
        let phone = phone(options, extensions);
        let create = creation(|asked| {
            asked.user_verification = Discouraged;
            asked.resident_key = Discouraged;
            asked.extensions.prf = Some(prf_to_create());
        });
        let get = sign_in(|asked| {
            asked.user_verification = Discouraged;
            asked.allow_credentials = vec![listed()];
            asked.extensions.prf = Some(prf_to_get());
        });
        let sent = create.request_for(&phone).unwrap().options.uv;
        assert_eq!(sent, to_create, "registration, {options:?} {extensions:?}");
        let sent = get.request_for(&phone).unwrap().options.uv;
        assert_eq!(sent, to_get, "sign-in, {options:?} {extensions:?}");
    }
}

fn of_length(length: usize) -> CredentialDescriptor {
    CredentialDescriptor::new(CredentialId::new(vec![0xc2; length]).unwrap())
}

#[test]
fn ids_that_the_phone_cannot_have_are_left_out_of_lists() {
    let none = Err(Unsupported::Passkeys);
    for (limit, ids, excluded, allowed) in [
        (None, &[16, 1023][..], &[16, 1023][..], Ok(&[16, 1023][..])),
        (Some(64), &[16, 64, 65], &[16, 64], Ok(&[16, 64])),
        (Some(64), &[65, 20], &[20], Ok(&[20])),
        (Some(64), &[65], &[], none),
        // CTAP has no such limit.
        (Some(0), &[16, 20], &[16, 20], Ok(&[16, 20])),
        // Any passkey, as it was before.
        (Some(64), &[], &[], Ok(&[])),
    ] {
        let mut phone = phone(VERIFIES, &["prf"]);
        phone.max_credential_id_length = limit;
        let lengths = |list: &[CredentialDescriptor]| {
            list.iter().map(|listed| listed.id.as_bytes().len()).collect::<Vec<_>>()
        };
        let list: Vec<_> = ids.iter().copied().map(of_length).collect();
        let create = creation(|asked| asked.exclude_credentials.clone_from(&list));
        let sent = create.request_for(&phone).unwrap();
        assert_eq!(lengths(&sent.exclude_list), excluded, "limit {limit:?}, {ids:?}");

        let get = sign_in(|asked| {
            let mut prf = prf_to_get();
            let values = prf.eval.clone().unwrap();
            let by_credential = list.iter().map(|listed| (listed.id.clone(), values.clone()));
            prf.eval_by_credential = by_credential.collect();
            asked.extensions.prf = Some(prf);
            asked.allow_credentials = list;
        });
        let sent = get.request_for(&phone);
        let evaluated = sent.clone().map(|sent| sent.extensions.prf.unwrap().eval_by_credential);
        let sent = sent.map(|sent| lengths(&sent.allow_list));
        assert_eq!(sent, allowed.map(<[usize]>::to_vec), "limit {limit:?}, {ids:?}");
        assert_eq!(evaluated.map(|evaluated| evaluated.len()), sent.map(|sent| sent.len()));
    }
}

#[test]
fn the_one_passkey_that_the_phone_can_have_need_not_be_named_in_its_answer() {
    let mut phone = phone(VERIFIES, &[]);
    phone.max_credential_id_length = Some(64);
    let get = sign_in(|asked| asked.allow_credentials = vec![of_length(65), listed()]);
    let data = AuthenticatorData::new(sha256(&[RP_ID.as_bytes()]), Flags(0x05), 0);
    let mut response = GetAssertionResponse::new(listed(), data, SecretBytes::new(vec![1; 70]));
    response.credential = None;
    assert_eq!(get.finish(&phone, response).unwrap().credential_id(), &listed().id);
}

/// Ends at a phone that introduces itself so, and what the phone was sent.
fn ended(request: fido_hybrid_proto::client::PhoneRequest, options: &[(&str, bool)]) -> Error {
    let mut rig = ClientRig::introducing(Flow::Qr);
    let mut phone = phone(options, &[]);
    phone.algorithms = vec![CredentialParameters::new(Algorithm::ES256)];
    phone.max_credential_id_length = Some(64);
    rig.introduce(&client_rig::introduction(&fido_hybrid_proto::cbor::encode(&phone)));
    assert_eq!(rig.transaction.get_info(), Some(&phone));
    let outputs = rig.step(Input::Request { request, timeout: None });
    let error = client_rig::failed(&outputs).clone();
    assert_eq!((rig.transaction.stage(), rig.transaction.get_info()), (Stage::Closed, None));
    let [Output::Send(goodbye), _, _] = &outputs[..] else { panic!("{outputs:?}") };
    let goodbye = rig.channel.unwrap().open(goodbye.clone()).unwrap();
    assert_eq!(goodbye.kind, MessageType::Shutdown, "its user is not asked");
    error
}

#[test]
fn what_the_phone_cannot_do_ends_before_its_user_is_asked() {
    let verified = |uv: Requirement| creation(|asked| asked.user_verification = uv);
    let discoverable = creation(|asked| asked.resident_key = Required);
    let eddsa = vec![CredentialParameters::new(Algorithm::EDDSA)];
    let of_another_algorithm = creation(|asked| asked.parameters = eddsa);
    let protected = creation(|asked| {
        asked.extensions.cred_protect = Some(VerificationRequired);
        asked.extensions.enforce_cred_protect = true;
    });
    let of_other_phones = sign_in(|asked| asked.allow_credentials = vec![of_length(65)]);
    let verified_get = sign_in(|asked| asked.user_verification = Required);
    for (request, options, text, advice) in [
        (
            verified(Required).try_into().unwrap(),
            CANNOT,
            "the phone is ready: the phone cannot verify its user",
            Advice::UseAnotherDevice,
        ),
        (
            verified_get.try_into().unwrap(),
            NOT_SET_UP,
            "the phone is ready: the phone has no screen lock to verify its user with",
            Advice::SetUpScreenLock,
        ),
        (
            discoverable.try_into().unwrap(),
            VERIFIES,
            "the phone is ready: the phone cannot create discoverable passkeys",
            Advice::UseAnotherDevice,
        ),
        (
            protected.try_into().unwrap(),
            VERIFIES,
            "the phone is ready: the phone cannot protect passkeys as the relying party demands",
            Advice::UseAnotherDevice,
        ),
        (
            of_another_algorithm.try_into().unwrap(),
            VERIFIES,
            "the phone is ready: the phone has none of the algorithms that the relying party accepts",
            Advice::UseAnotherDevice,
        ),
        (
            of_other_phones.try_into().unwrap(),
            VERIFIES,
            "the phone is ready: the phone cannot have any passkey that the relying party allows",
            Advice::UseAnotherPasskey,
        ),
    ] {
        let error = ended(request, options);
        assert!(matches!(error.kind, ErrorKind::Unsupported(_)), "{error:?}");
        assert_eq!((error.to_string().as_str(), error.advice()), (text, advice));
        assert_eq!(error.dom_exception(), DomException::NotAllowed);
        assert!(!error.can_retry(), "with the same phone it ends the same");
    }
}

#[test]
fn the_longest_request_is_as_long_as_any() {
    let length = |request: CtapRequest| request.to_bytes().len();
    let prepared = creation(|asked| {
        asked.resident_key = Preferred;
        asked.extensions.prf = Some(prf_to_create());
        asked.extensions.cred_protect = Some(VerificationRequired);
    });
    let get = sign_in(|asked| asked.extensions.prf = Some(prf_to_get()));
    let mut able = phone(&[("rk", true), ("uv", true)], &["prf", "credProtect"]);
    able.attestation_formats = vec!["none".to_owned()];
    assert_eq!(prepared.longest_request(), prepared.request_for(&able).unwrap());
    assert_eq!(get.longest_request(), get.request_for(&able).unwrap());
    let unable = phone(CANNOT, &[]);
    let shortest = length(prepared.request_for(&unable).unwrap().into());
    assert!(shortest < length(prepared.longest_request().into()));
}
