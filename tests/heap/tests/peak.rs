//! How much of the heap a client's ceremony takes at its peak, from the relying party's
//! options to the JSON of the answer; and how much more for each entry of a list.
//!
//! The phone and the tunnel between are in another thread, whose memory is not counted.
//! TLS, a WebSocket and a radio come to it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc;
use std::thread;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck, UserVerification,
};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::{CredentialDescriptor, CredentialId};
use fido_hybrid::transport::{QrCode, TunnelDomain};
use fido_hybrid::webauthn::{Assertion, CreationOptions, Origin, Registration, RequestOptions};
use fido_hybrid_heap::{peak, unrecorded};
use fido_hybrid_sim::{Air, MemoryRelay};
use tokio::runtime::{Builder, Runtime};

const KIB: usize = 1 << 10;

/// The most that a ceremony takes, in bytes, with a list of one passkey.
const CEREMONY: usize = 80 * KIB;

/// The most that each further passkey of a list takes, in bytes. It is held three times
/// as a value of 100 bytes (by the relying party's request, by the request for phones and, for
/// a moment, by that for this phone) and three times in CBOR.
const ENTRY: usize = 464;

struct Yes;

impl UserCheck for Yes {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let decision = Decision::Approved { verification: UserVerification::Verified, account: 0 };
        Box::pin(std::future::ready(decision))
    }
}

/// A client, and a phone in another thread that reads the codes it is sent.
struct World {
    runtime: Runtime,
    client: Client,
    codes: mpsc::Sender<QrCode>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

impl World {
    fn new() -> Self {
        let (air, relay) = (Air::new(), MemoryRelay::new());
        let client = Client::new(air.clone(), relay.clone());
        let (codes, read) = mpsc::channel::<QrCode>();
        thread::spawn(move || {
            let phone = Authenticator::new(AuthenticatorParts {
                store: MemoryStore::new(),
                user: Yes,
                advertiser: air,
                dialer: relay,
                domain: TunnelDomain::GOOGLE,
            });
            let runtime = runtime();
            while let Ok(code) = read.recv() {
                runtime.block_on(async { phone.answer(code).unwrap().outcome().await }).unwrap();
            }
        });
        Self { runtime: runtime(), client, codes }
    }

    async fn answered<T>(&self, mut ceremony: Ceremony<T>, use_answer: impl FnOnce(T)) {
        let code = ceremony.qr_code().unwrap();
        unrecorded(|| self.codes.send(code.expose().parse().unwrap()).unwrap());
        let answer = ceremony.outcome().await.unwrap();
        use_answer(answer);
        ceremony.close().await;
    }

    /// Of a registration that excludes this many passkeys.
    fn registration(&self, entries: usize) -> usize {
        let origin = Origin::parse("https://example.com").unwrap();
        let mut options = CreationOptions::from_json(
            r#"{"challenge":"CQkJCQkJCQkJCQkJCQkJCQ","rp":{"id":"example.com","name":"Example"},
            "user":{"id":"AQIDBAUGBwg","name":"ada","displayName":"Ada Lovelace"},
            "pubKeyCredParams":[{"type":"public-key","alg":-7}]}"#,
        )
        .unwrap();
        options.exclude_credentials = list(entries);
        peak(|| {
            self.runtime.block_on(async {
                let ceremony = self.client.create(&options, &origin).unwrap();
                self.answered(ceremony, |it: Registration| drop(it.to_json())).await;
            });
        })
    }

    /// Of a sign-in that allows this many passkeys, the last of which is the phone's.
    fn sign_in(&self, entries: usize, own: &CredentialId) -> usize {
        let origin = Origin::parse("https://example.com").unwrap();
        let mut options = RequestOptions::from_json(
            r#"{"challenge":"CQkJCQkJCQkJCQkJCQkJCQ","rpId":"example.com"}"#,
        )
        .unwrap();
        options.allow_credentials = list(entries);
        options.allow_credentials.push(CredentialDescriptor::new(own.clone()));
        peak(|| {
            self.runtime.block_on(async {
                let ceremony = self.client.get(&options, &origin).unwrap();
                self.answered(ceremony, |it: Assertion| drop(it.to_json())).await;
            });
        })
    }

    /// The id of a passkey that the phone makes.
    fn passkey(&self) -> CredentialId {
        let origin = Origin::parse("https://example.com").unwrap();
        let options = CreationOptions::from_json(
            r#"{"challenge":"CQkJCQkJCQkJCQkJCQkJCQ","rp":{"id":"example.com","name":"Example"},
            "user":{"id":"AQIDBAUGBwg","name":"ada","displayName":"Ada Lovelace"},
            "pubKeyCredParams":[{"type":"public-key","alg":-7}]}"#,
        )
        .unwrap();
        let mut id = None;
        self.runtime.block_on(async {
            let ceremony = self.client.create(&options, &origin).unwrap();
            self.answered(ceremony, |it: Registration| id = Some(it.credential_id().clone())).await;
        });
        id.unwrap()
    }
}

/// Passkeys of other phones.
fn list(entries: usize) -> Vec<CredentialDescriptor> {
    let id = |number: usize| {
        let mut id = vec![0xc2; 16];
        id.splice(..8, number.to_be_bytes());
        CredentialDescriptor::new(CredentialId::new(id).unwrap())
    };
    (0..entries).map(id).collect()
}

#[test]
fn a_ceremony_takes_at_most_80_kib_and_a_bounded_amount_for_each_entry_of_a_list() {
    let world = World::new();
    let (few, many) = (1, 1_001);
    let registrations = [few, many].map(|entries| world.registration(entries));
    // Each registration replaces the passkey of the account.
    let own = world.passkey();
    let sign_ins = [few, many].map(|entries| world.sign_in(entries, &own));
    for (name, [least, most]) in [("registration", registrations), ("sign-in", sign_ins)] {
        let each = (most - least) / (many - few);
        println!("{name}: {least} bytes, and {each} for each entry");
        // Else the ceremony was not counted at all.
        assert!(least > 16 * KIB && least <= CEREMONY, "{name}: {least}");
        assert!(each > 16 && each <= ENTRY, "{name}: {each}");
    }
}
