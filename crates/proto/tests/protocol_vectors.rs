//! Known answers through the public API: everything before the handshake.
//!
//! Each vector of the families below must be known here by name, so that one
//! added to the file cannot go unread.
//!
//! Clauses: [CTAP 2.2 §11.5.1, §11.5.1.1, §11.5.2].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers below are tests too, which clippy does not see"
)]

use fido_hybrid_proto::cbor;
use fido_hybrid_proto::crypto::PublicKey;
use fido_hybrid_proto::secret::{EidKey, LinkSecret, QrSecret};
use fido_hybrid_proto::transport::digits::{self, DigitsError};
use fido_hybrid_proto::transport::key_schedule::{self, Purpose};
use fido_hybrid_proto::transport::{
    ADVERT_LENGTH, AdvertKey, AdvertSuffix, CLIENT_PAYLOAD_HEADER, ClientNonce, ContactHint,
    ContactId, ContactRequest, DataChannels, Eid, EidError, LinkId, QrCode, QrCodeError,
    RequestHint, RoutingId, TunnelDomain, TunnelId, TunnelUrl,
};
use fido_hybrid_testkit::vectors;
use serde_json::Value;
use vectors::{array, bytes, family, list, number, text, unknown};

fn domain(value: &Value) -> Option<TunnelDomain> {
    TunnelDomain::from_encoded(number(value).try_into().unwrap())
}

fn hint(value: &Value) -> RequestHint {
    match text(value) {
        "ga" => RequestHint::GetAssertion,
        "mc" => RequestHint::MakeCredential,
        other => panic!("hint {other}"),
    }
}

#[test]
fn digits() {
    family("digits", 5, |name, inputs, outputs| match name {
        "abff" | "hello-world" => {
            let bytes = bytes(&inputs["bytes"]);
            assert_eq!(digits::encode(&bytes), text(&outputs["digits"]));
            assert_eq!(digits::decode(text(&outputs["digits"])), Ok(bytes));
        }
        "zero-widths" => {
            let counts = list(&inputs["zero_byte_counts"]);
            let widths = list(&outputs["digit_counts"]);
            assert_eq!(counts.len(), widths.len());
            for (count, width) in counts.iter().zip(widths) {
                let zeros = text(&outputs["all_digits"]).repeat(number(width));
                assert_eq!(digits::encode(&vec![0; number(count)]), zeros);
                assert_eq!(digits::decode(&zeros), Ok(vec![0; number(count)]));
            }
        }
        "reject" => {
            for string in list(&inputs["strings"]) {
                assert!(digits::decode(text(string)).is_err(), "{string}");
            }
        }
        "max-values" => {
            let all = list(&inputs["bytes"]);
            let (largest, larger) =
                (list(&outputs["digits"]), list(&outputs["digits_plus_one_rejected"]));
            assert_eq!((all.len(), all.len()), (largest.len(), larger.len()));
            for (at, value) in all.iter().enumerate() {
                assert_eq!(digits::encode(&bytes(value)), text(&largest[at]));
                assert_eq!(digits::decode(text(&largest[at])), Ok(bytes(value)));
                assert_eq!(digits::decode(text(&larger[at])), Err(DigitsError::Overflow));
            }
        }
        _ => unknown(name),
    });
}

#[test]
fn real_qr_codes() {
    family("qr", 11, |name, inputs, outputs| match name {
        "chrome-2022-mc-linking" | "chromium-145-mc" | "key6-websocket-and-grease" => {
            let url = text(&inputs["url"]);
            let content = digits::decode(&url["FIDO:/".len()..]).unwrap();
            assert_eq!(content, bytes(&outputs["cbor"]));
            assert_eq!(digits::encode(&content), &url["FIDO:/".len()..]);

            let map = &outputs["map"];
            let code: QrCode = url.parse().unwrap();
            assert_eq!(code.public_key.compressed(), array(&map["0"]));
            assert_eq!(code.public_key.uncompressed(), array(&outputs["client_identity_x962"]));
            assert_eq!(code.secret, QrSecret::new(array(&map["1"])));
            assert_eq!(Some(code.known_domains), map["2"].as_u64());
            assert_eq!(code.created, map["3"].as_u64());
            assert_eq!(code.supports_linking, map["4"].as_bool());
            assert_eq!(code.hint, hint(&map["5"]));
            assert_eq!(code.channels, DataChannels::WebSocket);
            assert_eq!(code.non_discoverable, None);
            assert_eq!(
                key_schedule::tunnel_id(&code.secret),
                TunnelId(array(&outputs["tunnel_id"]))
            );
            assert_eq!(
                key_schedule::eid_key(&code.secret),
                EidKey::new(array(&outputs["eid_key"]))
            );
            // Ours is Chromium's form; the third code is another client's.
            if map.get("6").is_none() {
                assert_eq!(code.to_text().expose(), url);
            } else {
                assert_eq!(name, "key6-websocket-and-grease");
            }
        }
        "url-reject" => {
            for url in list(&inputs["urls"]) {
                assert!(text(url).parse::<QrCode>().is_err(), "{url}");
            }
            assert_eq!(
                text(&inputs["lower_case_scheme"]).parse::<QrCode>(),
                Err(QrCodeError::Cbor(cbor::CborError::Expected("a map"))),
                "refused for its content alone"
            );
        }
        "chromium-knownqrs-00"
        | "chromium-knownqrs-02"
        | "chromium-knownqrs-04"
        | "chromium-knownqrs-06"
        | "chromium-knownqrs-08"
        | "chromium-knownqrs-10"
        | "chromium-knownqrs-12" => {
            let url = text(&inputs["url"]);
            assert_eq!(format!("FIDO:/{}", digits::encode(&bytes(&inputs["cbor"]))), url);
            let code = url.parse::<QrCode>();
            assert_eq!(code.is_ok(), outputs["valid"].as_bool().unwrap(), "{name}: {code:?}");
            if let Ok(code) = code {
                let parsed = &outputs["parsed"];
                assert_eq!(Some(code.known_domains), parsed["num_known_domains"].as_u64());
                assert_eq!(code.supports_linking, parsed["supports_linking"].as_bool());
                assert_eq!(code.hint, hint(&parsed["request_type"]));
            }
        }
        _ => unknown(name),
    });
}

#[test]
fn key_derivation() {
    family("hkdf", 2, |name, inputs, outputs| match name {
        "eidkey-nosalt" | "eidkey-salt15" => {
            assert_eq!(number(&inputs["purpose"]), Purpose::EidKey as usize);
            let key = key_schedule::derive(
                &bytes(&inputs["ikm"]),
                &bytes(&inputs["salt"]),
                Purpose::EidKey,
            );
            assert_eq!(*key, array::<64>(&outputs["okm"]));
        }
        _ => unknown(name),
    });
}

#[test]
fn adverts() {
    family("eid", 5, |name, inputs, outputs| match name {
        "webauthn-rs-known" | "iphone-2026" => {
            let secret = QrSecret::new(array(&inputs["secret"]));
            assert_eq!(text(&inputs["eid_key_salt"]), "");
            let eid_key = key_schedule::eid_key(&secret);
            assert_eq!(eid_key, EidKey::new(array(&outputs["eid_key"])));

            let routing = RoutingId(array(&outputs["routing_id"]));
            let domain = domain(&outputs["tunnel_domain"]).unwrap();
            assert_eq!(domain.host(), text(&outputs["domain_name"]));
            let eid = Eid::new(array(&outputs["nonce"]), routing, domain);
            assert_eq!(eid.expose(), &array(&inputs["eid_plaintext"]));

            let advert: [u8; ADVERT_LENGTH] = array(&outputs["advert"]);
            let advert_key = AdvertKey::new(&eid_key);
            assert_eq!(advert_key.seal(&eid), advert);
            let received = advert_key.open(&advert).unwrap().eid;
            assert_eq!(received, eid);
            assert_eq!((received.routing_id(), received.domain()), (routing, Some(domain)));
            assert_eq!(key_schedule::psk(&secret, &received).expose(), &array(&outputs["psk"]));

            let tunnel = key_schedule::tunnel_id(&secret);
            if name == "webauthn-rs-known" {
                let new = TunnelUrl::new_tunnel(domain, tunnel);
                assert_eq!(new.to_string(), text(&outputs["new_url"]));
                let connect = TunnelUrl::connect(domain, routing, tunnel);
                assert_eq!(connect.to_string(), text(&outputs["connect_url"]));
            }
        }
        "parse" => {
            let valid = bytes(&inputs["valid"]);
            let eid = Eid::parse(&valid).unwrap();
            assert_eq!(eid.expose()[1..11], array::<10>(&outputs["nonce"]));
            assert_eq!(eid.routing_id(), RoutingId(array(&outputs["routing_id"])));
            assert_eq!(eid.domain(), domain(&outputs["tunnel_domain"]));
            let invalid: Vec<_> =
                list(&inputs["invalid"]).iter().map(|eid| Eid::parse(&bytes(eid))).collect();
            assert_eq!(invalid, [Err(EidError::Reserved), Err(EidError::UnknownDomain)]);
            for length in (0..16).chain([17, 32]) {
                assert_eq!(Eid::parse(&vec![0; length]), Err(EidError::Length));
            }
        }
        "reject" => {
            let key = AdvertKey::new(&EidKey::new([3; 64]));
            let routing = RoutingId([1, 2, 3]);
            let advert = key.seal(&Eid::new([9; 10], routing, TunnelDomain::GOOGLE));
            assert!(key.open(&advert).is_some());
            for mutation in list(&inputs["mutations"]) {
                match text(mutation) {
                    "flip any bit of bytes 0..15" => refuses_flips(&key, advert, 0..16),
                    "flip any bit of bytes 16..19" => refuses_flips(&key, advert, 16..20),
                    "plaintext byte 0 != 0 with a correct tag" => {
                        // An advert made so cannot be had from outside: such an EID has
                        // no constructor. The unit tests of `advert` make one.
                        let mut plaintext = [0; 16];
                        for value in 1..=255 {
                            plaintext[0] = value;
                            assert_eq!(Eid::parse_linked(&plaintext), Err(EidError::Reserved));
                        }
                    }
                    "plaintext domain 2..255 with a correct tag" => {
                        let mut plaintext = [0; 16];
                        for value in 2..=255 {
                            plaintext[14] = value;
                            let advert = key.seal(&Eid::parse_linked(&plaintext).unwrap());
                            assert_eq!(key.open(&advert), None);
                            assert!(key.open_linked(&advert).is_some());
                        }
                    }
                    "fewer than 20 bytes" => {
                        for length in 0..ADVERT_LENGTH {
                            assert_eq!(key.open(&advert[..length]), None);
                        }
                    }
                    other => unknown(other),
                }
            }
        }
        "suffix-ignored-for-proof" => {
            let key = AdvertKey::new(&EidKey::new(array(&inputs["eid_key"])));
            let eid = Eid::parse(&bytes(&inputs["plaintext"])).unwrap();
            assert_eq!(key.seal(&eid), array(&outputs["advert"]));
            let data = bytes(&outputs["service_data_with_suffix"]);
            let received = key.open(&data).unwrap();
            assert_eq!(received.eid, eid);
            assert_eq!(received.suffix_bytes, bytes(&inputs["suffix"]));
            assert_eq!(received.suffix().psm.map(usize::from), Some(number(&outputs["psm"])));
        }
        _ => unknown(name),
    });
}

fn refuses_flips(key: &AdvertKey, advert: [u8; ADVERT_LENGTH], range: std::ops::Range<usize>) {
    for at in range {
        for bit in 0..8 {
            let mut changed = advert;
            changed[at] ^= 1 << bit;
            assert_eq!(key.open(&changed), None);
            assert_eq!(key.open_linked(&changed), None);
        }
    }
}

#[test]
fn tunnel_domains() {
    family("domains", 2, |name, inputs, outputs| match name {
        "published" => {
            let (ids, names) = (list(&inputs["ids"]), list(&outputs["names"]));
            assert_eq!(ids.len(), names.len());
            for (id, name) in ids.iter().zip(names) {
                assert_eq!(domain(id).unwrap().host(), text(name));
            }
        }
        "invalid" => {
            for id in list(&inputs["ids"]) {
                assert_eq!(domain(id), None);
            }
            assert_eq!(outputs["all_256_to_65535_valid"], true);
            assert!((256..=u16::MAX).all(|id| TunnelDomain::from_encoded(id).is_some()));
        }
        _ => unknown(name),
    });
}

#[test]
fn advert_suffixes() {
    family("suffix", 2, |name, inputs, outputs| match name {
        "ble-psm" => {
            let (suffixes, psms) = (list(&inputs["suffixes"]), list(&outputs["psm"]));
            assert_eq!(suffixes.len(), psms.len());
            for (suffix, psm) in suffixes.iter().zip(psms) {
                let suffix = bytes(suffix);
                let read = AdvertSuffix::parse(&suffix);
                match psm {
                    Value::Number(_) => {
                        let psm = number(psm).try_into().unwrap();
                        assert_eq!(read, Ok(AdvertSuffix { psm: Some(psm) }));
                        assert_eq!(AdvertSuffix { psm: Some(psm) }.to_bytes(), suffix);
                    }
                    Value::Null => assert_eq!(read, Ok(AdvertSuffix { psm: None })),
                    Value::String(why) if why.starts_with("malformed") => {
                        assert!(read.is_err(), "{suffix:02x?}");
                    }
                    other => panic!("{other}"),
                }
            }
        }
        "firefox-wip" => {
            let suffix = bytes(&outputs["suffix"]);
            assert_eq!(ADVERT_LENGTH + suffix.len(), number(&outputs["service_data_length"]));
            assert_eq!(AdvertSuffix::parse(&suffix), Ok(AdvertSuffix::default()));
        }
        _ => unknown(name),
    });
}

#[test]
fn state_assisted_setup() {
    family("state-assisted", 2, |name, inputs, outputs| match name {
        "setup" => {
            let secret = LinkSecret::new(array(&inputs["link_secret"]));
            let request = ContactRequest {
                link_id: LinkId(array(&inputs["link_id"])),
                nonce: ClientNonce(array(&inputs["client_nonce"])),
                hint: ContactHint::from_request(hint(&inputs["hint"])).unwrap(),
            };
            assert_eq!(request.to_bytes(), bytes(&outputs["client_payload_cbor"]));
            let header = format!("{CLIENT_PAYLOAD_HEADER}: {}", request.to_header());
            assert_eq!(header, text(&outputs["header"]));
            assert_eq!(ContactRequest::from_header(&request.to_header()), Ok(request));

            let contact = ContactId::new(bytes(&inputs["contact_id"])).unwrap();
            let url = TunnelUrl::contact(domain(&inputs["tunnel_domain"]).unwrap(), &contact);
            assert_eq!(url.to_string(), text(&outputs["contact_url"]));

            let eid_key = key_schedule::eid_key_linked(&secret, &request.nonce);
            assert_eq!(eid_key, EidKey::new(array(&outputs["eid_key"])));
            let eid = Eid::parse_linked(&bytes(&inputs["eid_plaintext"])).unwrap();
            let advert = AdvertKey::new(&eid_key).seal(&eid);
            assert_eq!(advert, array(&outputs["advert"]));
            let received = AdvertKey::new(&eid_key).open_linked(&advert).unwrap().eid;
            assert_eq!(received, eid);
            assert_eq!(
                key_schedule::psk_linked(&secret, &received).expose(),
                &array(&outputs["psk"])
            );
        }
        // A message of the tunnel, which is read behind this layer.
        "connect-signal" => {}
        _ => unknown(name),
    });
}

#[test]
fn keys_of_real_codes_survive_both_point_forms() {
    family("qr", 11, |_, _, outputs| {
        if let Some(point) = outputs.get("client_identity_x962") {
            let point = PublicKey::from_uncompressed(&bytes(point)).unwrap();
            assert_eq!(PublicKey::from_compressed(&point.compressed()), Ok(point));
        }
    });
}
