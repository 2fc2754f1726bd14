//! Messages of any content: what is written is read back the same, in
//! canonical form, and no bytes at all make a reader panic.
//!
//! Clauses: [CTAP 2.2 §6.1, §6.2, §6.4, §8].

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use fido_hybrid_proto::cbor::{self, Reader};
use fido_hybrid_proto::crypto::SecretKey;
use fido_hybrid_proto::ctap::extensions::{
    AssertionInputs, AssertionOutputs, LargeBlob, LargeBlobAssertionInput,
    LargeBlobAssertionOutput, LargeBlobRegistrationOutput, LargeBlobSupport, OtherExtensions,
    PrfAssertionInput, PrfAssertionOutput, PrfRegistrationInput, PrfRegistrationOutput, PrfValues,
    RegistrationInputs, RegistrationOutputs,
};
use fido_hybrid_proto::ctap::{
    Aaguid, Algorithm, AttestedCredential, AuthenticatorData, Command, CoseKey,
    CredentialDescriptor, CredentialId, CredentialParameters, CtapRequest, CtapResponse, Flags,
    GetAssertionRequest, GetAssertionResponse, GetInfoResponse, MakeCredentialRequest,
    MakeCredentialResponse, RawCbor, RawResponse, RelyingParty, User, UserHandle,
};
use fido_hybrid_proto::secret::{PrfInput, PrfOutput, SecretBytes};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex(".{0,12}").unwrap()
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

fn credential_id() -> impl Strategy<Value = CredentialId> {
    bytes(80).prop_map(|bytes| CredentialId::new(bytes).unwrap())
}

fn descriptor() -> impl Strategy<Value = CredentialDescriptor> {
    (credential_id(), option::of(text()), vec(text(), 0..3)).prop_map(|(id, kind, transports)| {
        let mut descriptor = CredentialDescriptor::new(id);
        descriptor.transports = transports;
        if let Some(kind) = kind {
            descriptor.kind = kind;
        }
        descriptor
    })
}

fn user() -> impl Strategy<Value = User> {
    (bytes(64), option::of(text()), option::of(text())).prop_map(|(id, name, display_name)| {
        let mut user = User::from_handle(UserHandle::new(id).unwrap());
        user.name = name;
        user.display_name = display_name;
        user
    })
}

fn values<T: Clone + std::fmt::Debug>(
    new: fn([u8; 32]) -> T,
) -> impl Strategy<Value = PrfValues<T>> {
    (any::<[u8; 32]>(), option::of(any::<[u8; 32]>()))
        .prop_map(move |(first, second)| PrfValues { first: new(first), second: second.map(new) })
}

fn blob() -> impl Strategy<Value = LargeBlob> {
    (bytes(40), any::<u64>()).prop_map(|(compressed, original_size)| LargeBlob {
        compressed: SecretBytes::new(compressed),
        original_size,
    })
}

fn other() -> impl Strategy<Value = OtherExtensions> {
    btree_map(text(), any::<i64>(), 0..3).prop_map(|entries| {
        let mut other = OtherExtensions::default();
        for (name, number) in entries {
            let mut writer = cbor::Writer::new();
            writer.integer(number);
            let value = RawCbor::new(writer.into_bytes()).unwrap();
            // A name that has a type is left out.
            let _typed = other.insert(name, value);
        }
        other
    })
}

fn registration_inputs() -> impl Strategy<Value = RegistrationInputs> {
    let support = prop_oneof![Just(LargeBlobSupport::Required), Just(LargeBlobSupport::Preferred)];
    (option::of(option::of(values(PrfInput::new))), option::of(support), other()).prop_map(
        |(eval, large_blob, other)| {
            let mut inputs = RegistrationInputs::default();
            inputs.prf = eval.map(|eval| {
                let mut input = PrfRegistrationInput::default();
                input.eval = eval;
                input
            });
            inputs.large_blob = large_blob;
            inputs.other = other;
            inputs
        },
    )
}

fn registration_outputs() -> impl Strategy<Value = RegistrationOutputs> {
    let prf = (any::<bool>(), option::of(values(PrfOutput::new)));
    (option::of(prf), option::of(any::<bool>()), other()).prop_map(|(prf, supported, other)| {
        let mut outputs = RegistrationOutputs::default();
        outputs.prf = prf.map(|(enabled, results)| {
            let mut output = PrfRegistrationOutput::new(enabled);
            output.results = results;
            output
        });
        outputs.large_blob = supported.map(|supported| LargeBlobRegistrationOutput { supported });
        outputs.other = other;
        outputs
    })
}

fn assertion_inputs() -> impl Strategy<Value = AssertionInputs> {
    let prf = (
        option::of(values(PrfInput::new)),
        btree_map(credential_id(), values(PrfInput::new), 0..3),
    );
    let large_blob = prop_oneof![
        Just(LargeBlobAssertionInput::Read),
        blob().prop_map(LargeBlobAssertionInput::Write)
    ];
    (option::of(prf), option::of(large_blob), other()).prop_map(|(prf, large_blob, other)| {
        let mut inputs = AssertionInputs::default();
        inputs.prf = prf.map(|(eval, eval_by_credential)| {
            let mut input = PrfAssertionInput::default();
            input.eval = eval;
            input.eval_by_credential = eval_by_credential;
            input
        });
        inputs.large_blob = large_blob;
        inputs.other = other;
        inputs
    })
}

fn assertion_outputs() -> impl Strategy<Value = AssertionOutputs> {
    let large_blob = prop_oneof![
        option::of(blob()).prop_map(LargeBlobAssertionOutput::read),
        any::<bool>().prop_map(LargeBlobAssertionOutput::written)
    ];
    (option::of(values(PrfOutput::new)), option::of(large_blob), other()).prop_map(
        |(results, large_blob, other)| {
            let mut outputs = AssertionOutputs::default();
            outputs.prf = results.map(PrfAssertionOutput::new);
            outputs.large_blob = large_blob;
            outputs.other = other;
            outputs
        },
    )
}

fn parameters() -> impl Strategy<Value = Vec<CredentialParameters>> {
    vec(any::<i64>().prop_map(|number| CredentialParameters::new(Algorithm(number))), 0..4)
}

fn make_credential_request() -> impl Strategy<Value = MakeCredentialRequest> {
    let options = (any::<Option<bool>>(), any::<Option<bool>>(), any::<Option<bool>>());
    let required = (any::<[u8; 32]>(), text(), option::of(text()), user(), parameters());
    let optional = (
        vec(descriptor(), 0..3),
        registration_inputs(),
        options,
        any::<Option<u64>>(),
        vec(text(), 0..3),
    );
    (required, optional).prop_map(
        |(
            (hash, rp_id, rp_name, user, parameters),
            (exclude, extensions, options, ea, formats),
        )| {
            let mut rp = RelyingParty::new(rp_id, "");
            rp.name = rp_name;
            let mut request = MakeCredentialRequest::new(hash, rp, user, parameters);
            request.exclude_list = exclude;
            request.extensions = extensions;
            (request.options.rk, request.options.up, request.options.uv) = options;
            request.enterprise_attestation = ea;
            request.attestation_formats = formats;
            request
        },
    )
}

fn get_assertion_request() -> impl Strategy<Value = GetAssertionRequest> {
    let options = (any::<Option<bool>>(), any::<Option<bool>>());
    (text(), any::<[u8; 32]>(), vec(descriptor(), 0..3), assertion_inputs(), options).prop_map(
        |(rp_id, hash, allow_list, extensions, options)| {
            let mut request = GetAssertionRequest::new(rp_id, hash);
            request.allow_list = allow_list;
            request.extensions = extensions;
            (request.options.up, request.options.uv) = options;
            request
        },
    )
}

fn auth_data() -> impl Strategy<Value = AuthenticatorData> {
    (any::<[u8; 32]>(), any::<u8>(), any::<u32>())
        .prop_map(|(hash, flags, count)| AuthenticatorData::new(hash, Flags(flags), count))
}

fn make_credential_response() -> impl Strategy<Value = MakeCredentialResponse> {
    let data = (auth_data(), any::<[u8; 16]>(), credential_id()).prop_map(|(data, aaguid, id)| {
        let key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
        data.with_credential(AttestedCredential {
            aaguid: Aaguid(aaguid),
            id,
            public_key: CoseKey::from_es256(key.public_key()),
        })
    });
    (text(), data, any::<Option<bool>>(), option::of(bytes(40)), registration_outputs()).prop_map(
        |(format, data, enterprise, key, extensions)| {
            let mut response = MakeCredentialResponse::new(format, data, RawCbor::empty_map());
            response.enterprise_attestation = enterprise;
            response.large_blob_key = key.map(SecretBytes::new);
            response.unsigned_extensions = extensions;
            response
        },
    )
}

fn get_assertion_response() -> impl Strategy<Value = GetAssertionResponse> {
    let rest = (any::<Option<u64>>(), any::<Option<bool>>(), option::of(bytes(40)));
    let signed = (option::of(descriptor()), auth_data(), bytes(80));
    (signed, option::of(user()), rest, assertion_outputs()).prop_map(
        |((credential, data, signature), user, (number, selected, key), extensions)| {
            let id = CredentialId::new([]).unwrap();
            let mut response = GetAssertionResponse::new(
                CredentialDescriptor::new(id),
                data,
                SecretBytes::new(signature),
            );
            response.credential = credential;
            response.user = user;
            response.number_of_credentials = number;
            response.user_selected = selected;
            response.large_blob_key = key.map(SecretBytes::new);
            response.unsigned_extensions = extensions;
            response
        },
    )
}

fn get_info_response() -> impl Strategy<Value = GetInfoResponse> {
    let names = || vec(text(), 0..4);
    let versions = proptest::collection::btree_set(text(), 0..4);
    let numbers = (any::<Option<u64>>(), any::<Option<u64>>(), any::<Option<u64>>());
    let options = btree_map(text(), any::<bool>(), 0..4);
    (versions, names(), any::<[u8; 16]>(), options, numbers, names(), parameters()).prop_map(
        |(versions, extensions, aaguid, options, numbers, transports, algorithms)| {
            let versions = versions.into_iter().collect();
            let mut info = GetInfoResponse::new(versions, Aaguid(aaguid));
            info.extensions = extensions;
            info.options = options;
            (
                info.max_message_size,
                info.max_credential_count_in_list,
                info.max_credential_id_length,
            ) = numbers;
            info.transports = transports;
            info.algorithms = algorithms;
            info
        },
    )
}

fn request() -> impl Strategy<Value = CtapRequest> {
    prop_oneof![
        make_credential_request().prop_map(CtapRequest::from),
        get_assertion_request().prop_map(CtapRequest::from),
    ]
}

fn response() -> impl Strategy<Value = (Command, CtapResponse)> {
    prop_oneof![
        make_credential_response()
            .prop_map(|it| (Command::MakeCredential, CtapResponse::MakeCredential(it))),
        get_assertion_response()
            .prop_map(|it| (Command::GetAssertion, CtapResponse::GetAssertion(it))),
        get_info_response().prop_map(|it| (Command::GetInfo, CtapResponse::GetInfo(it))),
    ]
}

fn is_canonical(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.raw().is_ok() && reader.finish().is_ok()
}

proptest! {
    #[test]
    fn any_request_is_read_back(request in request()) {
        let bytes = request.to_bytes();
        prop_assert!(is_canonical(&bytes[1..]));
        prop_assert_eq!(CtapRequest::parse(&bytes), Ok(request));
    }

    #[test]
    fn any_response_is_read_back((command, response) in response()) {
        let raw = response.to_raw();
        prop_assert!(is_canonical(raw.payload().expose()));
        let parsed = RawResponse::parse(raw.to_bytes().into_exposed());
        prop_assert_eq!(parsed.as_ref(), Ok(&raw));
        prop_assert_eq!(raw.decode(command), Ok(response));
    }

    #[test]
    fn a_request_with_bytes_changed_or_cut_is_never_a_panic(
        request in request(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = request.to_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(read) = CtapRequest::parse(&bytes) {
            // What could be read can be written, and says the same.
            prop_assert_eq!(CtapRequest::parse(&read.to_bytes()), Ok(read));
        }
    }

    #[test]
    fn a_response_with_bytes_changed_or_cut_is_never_a_panic(
        (command, response) in response(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = response.to_raw().to_bytes().into_exposed();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(read) = RawResponse::parse(bytes).and_then(|raw| raw.decode(command)) {
            prop_assert_eq!(read.to_raw().decode(command), Ok(read));
        }
    }

    #[test]
    fn any_bytes_at_all_are_never_a_panic(bytes in bytes(300)) {
        for command in [1, 2, 4, 8, 0x0b] {
            let _read = CtapRequest::parse(&[&[command], &bytes[..]].concat());
        }
        for command in [Command::MakeCredential, Command::GetAssertion, Command::GetInfo] {
            let raw = RawResponse::parse([&[0], &bytes[..]].concat()).unwrap();
            let _read = raw.decode(command);
        }
    }
}
