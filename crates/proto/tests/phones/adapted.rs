//! Each request at each phone: what is sent, or which refusal ends the transaction
//! before the phone's user is asked. Nothing is sent in the hope that it works.
//!
//! Clauses: [CTAP 2.2 §6.4] [WebAuthn L3 §5.1.3, §5.1.4].

use fido_hybrid_proto::client::{Input, PhoneRequest};
use fido_hybrid_proto::ctap::extensions::CredProtect::VerificationRequired;
use fido_hybrid_proto::ctap::{
    Algorithm, CredentialDescriptor, CredentialId, CredentialParameters, CtapRequest,
    GetInfoResponse,
};
use fido_hybrid_proto::error::{ErrorKind, Stage};
use fido_hybrid_proto::transport::MessageType;
use fido_hybrid_proto::webauthn::Requirement::{Discouraged, Preferred, Required};

use super::client_rig::{self, ClientRig, Flow};
use super::{creation, phone, prf_to_create, prf_to_get, sign_in};

/// A list of passkeys with ids of these lengths.
fn list(lengths: impl IntoIterator<Item = usize>) -> Vec<CredentialDescriptor> {
    let id = |(number, length): (usize, usize)| {
        let mut id = vec![0xc2; length];
        id[0] = number as u8;
        CredentialDescriptor::new(CredentialId::new(id).unwrap())
    };
    lengths.into_iter().enumerate().map(id).collect()
}

fn prepared<T: TryInto<PhoneRequest>>(prepared: T) -> PhoneRequest
where
    T::Error: std::fmt::Debug,
{
    prepared.try_into().unwrap()
}

/// The requests, by name.
fn requests() -> [(&'static str, PhoneRequest); 8] {
    [
        ("create", prepared(creation(|_| {}))),
        (
            "create a discoverable and verified passkey",
            prepared(creation(|asked| {
                asked.resident_key = Required;
                asked.user_verification = Required;
            })),
        ),
        (
            "create a PRF and a protected passkey, both preferred",
            prepared(creation(|asked| {
                asked.resident_key = Preferred;
                asked.user_verification = Discouraged;
                asked.exclude_credentials = list([16, 65, 16]);
                asked.extensions.prf = Some(prf_to_create());
                asked.extensions.cred_protect = Some(VerificationRequired);
            })),
        ),
        (
            "create with an enforced policy",
            prepared(creation(|asked| {
                asked.extensions.cred_protect = Some(VerificationRequired);
                asked.extensions.enforce_cred_protect = true;
            })),
        ),
        ("get any", prepared(sign_in(|_| {}))),
        (
            "get a verified one of two, with a PRF for each",
            prepared(sign_in(|asked| {
                asked.user_verification = Required;
                asked.allow_credentials = list([16, 65]);
                let mut prf = prf_to_get();
                let values = prf.eval.clone().unwrap();
                let of = |listed: &CredentialDescriptor| (listed.id.clone(), values.clone());
                prf.eval_by_credential = asked.allow_credentials.iter().map(of).collect();
                asked.extensions.prf = Some(prf);
            })),
        ),
        (
            "get one with a long id",
            prepared(sign_in(|asked| {
                asked.user_verification = Discouraged;
                asked.allow_credentials = list([65]);
            })),
        ),
        ("get one of 64", prepared(sign_in(|asked| asked.allow_credentials = list([64; 64])))),
    ]
}

/// The phones, by name.
fn phones() -> [(&'static str, GetInfoResponse); 10] {
    let both = &[("rk", true), ("uv", true)][..];
    let limited = |limit: u64| {
        let mut phone = phone(both, &["prf"]);
        phone.max_credential_id_length = Some(limit);
        phone.max_credential_count_in_list = Some(limit / 32);
        phone.max_message_size = (limit > 0).then_some(limit * 64);
        phone
    };
    let mut of_another_algorithm = phone(both, &["prf"]);
    of_another_algorithm.algorithms = vec![CredentialParameters::new(Algorithm::RS256)];
    let mut full = phone(both, &["prf", "credProtect"]);
    full.remaining_discoverable_credentials = Some(0);
    let mut u2f = phone(both, &["prf"]);
    u2f.versions = vec!["U2F_V2".to_owned()];
    let mut small_messages = phone(both, &[]);
    small_messages.max_message_size = Some(0);
    [
        ("Android, iPhone", phone(both, &["largeBlob", "prf"])),
        ("lists no option", phone(&[], &[])),
        ("no screen lock", phone(&[("rk", true), ("uv", false)], &["prf", "credProtect"])),
        (
            "always verifies, protects",
            phone(
                &[("rk", true), ("uv", true), ("alwaysUv", true), ("makeCredUvNotRqd", true)],
                &["credProtect"],
            ),
        ),
        ("ids of 64 bytes, lists of 2, messages of 4 KiB", limited(64)),
        ("limits of 0", limited(0)),
        ("messages of 0 bytes, which are 1,024", small_messages),
        ("other algorithms", of_another_algorithm),
        ("no room", full),
        ("U2F alone", u2f),
    ]
}

/// What a request says, in short.
fn shape(request: &CtapRequest) -> String {
    let (options, names, list, evaluated) = match request {
        CtapRequest::MakeCredential(asked) => {
            let names: Vec<_> = asked.extensions.names().collect();
            (asked.options, names, &asked.exclude_list, 0)
        }
        CtapRequest::GetAssertion(asked) => {
            let prf = asked.extensions.prf.as_ref();
            let evaluated = prf.map_or(0, |prf| prf.eval_by_credential.len());
            (asked.options, asked.extensions.names().collect(), &asked.allow_list, evaluated)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(options.up, None, "no silent request");
    let mut said = Vec::new();
    said.extend(options.rk.map(|rk| format!("rk={rk}")));
    said.extend(options.uv.map(|uv| format!("uv={uv}")));
    said.extend(names.into_iter().map(str::to_owned));
    said.extend((!list.is_empty()).then(|| format!("list={}", list.len())));
    said.extend((evaluated > 0).then(|| format!("evaluated={evaluated}")));
    if said.is_empty() { "plain".to_owned() } else { said.join(" ") }
}

/// What the phone is sent, or the id of the refusal.
fn outcome(phone: &GetInfoResponse, request: PhoneRequest) -> String {
    let mut rig = ClientRig::introducing(Flow::Qr);
    rig.introduce(&client_rig::introduction(&fido_hybrid_proto::cbor::encode(phone)));
    let outputs = rig.step(Input::Request { request, timeout: None });
    let refusal = matches!(rig.transaction.stage(), Stage::Closed).then(|| {
        let error = client_rig::failed(&outputs);
        assert!(matches!(error.kind, ErrorKind::Unsupported(_)), "{error}");
        assert_eq!(error.stage, Stage::Ready);
        error.kind.as_str().to_owned()
    });
    let [message] = client_rig::sent(outputs).try_into().unwrap();
    let message = rig.channel.unwrap().open(message).unwrap();
    match refusal {
        Some(refusal) => {
            assert_eq!(message.kind, MessageType::Shutdown, "its user is not asked");
            refusal
        }
        None => shape(&CtapRequest::parse(message.payload.expose()).unwrap()),
    }
}

#[test]
fn each_request_fits_the_phone_or_is_refused_before_it_is_sent() {
    let mut table = String::new();
    for (name, phone) in phones() {
        table.push_str(&format!("{name}\n"));
        for (asked, request) in requests() {
            table.push_str(&format!("  {asked}: {}\n", outcome(&phone, request)));
        }
    }
    assert_eq!(table, include_str!("adapted.txt"));
}
