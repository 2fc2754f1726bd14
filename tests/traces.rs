//! What a program sees at level trace: stages and lengths, and no secret in any
//! encoding.
//!
//! Whole ceremonies, over the crate's own tunnel service on loopback, with all
//! that is traced written down. What the WebSocket crate says is not here: it
//! writes to `log`, which SECURITY.md tells embedders to keep off.
#![cfg(all(
    feature = "client",
    feature = "authenticator",
    feature = "tunnel",
    feature = "relay",
    feature = "sim",
    feature = "aws-lc-rs"
))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/rig.rs"]
mod rig;

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{Authenticator, Decision, MemoryStore, Prompt, UserCheck};
use fido_hybrid::bluetooth::{Advertisement, Advertiser};
use fido_hybrid::client::Client;
use fido_hybrid::ctap::{self, Response};
use fido_hybrid::error::BluetoothFault;
use fido_hybrid::protocol::advert::AdvertKey;
use fido_hybrid::protocol::keys;
use fido_hybrid::protocol::qr_code::QrCode;
use fido_hybrid::relay::Server;
use fido_hybrid::sim::Air;
use fido_hybrid::tunnel::WebSocketTunnel;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down the fields of every span and event.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<String>>);

impl Visit for Notebook {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}: {value:?}").unwrap();
    }
}

impl Subscriber for Notebook {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An advertiser that keeps a copy of what goes on the air.
struct Overheard(Air, Arc<Mutex<Vec<u8>>>);

impl Advertiser for Overheard {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothFault>> {
        self.1.lock().unwrap().clone_from(&service_data);
        self.0.advertise(service_data)
    }
}

struct Yes;

impl UserCheck for Yes {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { rig::approved(0) })
    }
}

/// Eight bytes of it are enough to tell, wherever they are and however written.
fn assert_absent(traces: &str, what: &str, secret: &[u8]) {
    let lower = traces.to_ascii_lowercase();
    for part in secret.chunks_exact(8).step_by(2) {
        let listed = format!("{part:?}");
        let written = [HEXLOWER.encode(part), listed.trim_matches(['[', ']']).to_owned()];
        assert!(!written.iter().any(|text| lower.contains(text)), "{what}");
    }
    // Where a part begins, base64 writes it otherwise: the whole from its start.
    for text in [BASE64_NOPAD.encode(secret), BASE64URL_NOPAD.encode(secret)] {
        let start: String = text.chars().take(10).collect();
        assert!(!traces.contains(&start), "{what}");
    }
}

#[tokio::test]
async fn hold_no_secret_of_a_ceremony() {
    let notebook = Notebook::default();
    let _guard = tracing::subscriber::set_default(notebook.clone());

    let service = Server::builder().bind("127.0.0.1:0").await.unwrap();
    let address = service.local_addr().unwrap();
    let _service = service.start().unwrap();
    let tunnel =
        WebSocketTunnel::builder().resolve_without_tls(&rig::domain().host(), address).build();
    let tunnel = tunnel.unwrap();

    let (air, on_air, store) = (Air::new(), Arc::default(), MemoryStore::new());
    let client = Client::builder().scanner(air.clone()).tunnel(tunnel.clone()).build().unwrap();
    let phone = Authenticator::builder(store.clone(), Yes)
        .advertiser(Overheard(air, Arc::clone(&on_air)))
        .tunnel(tunnel)
        .domain(rig::domain())
        .build()
        .unwrap();

    let mut secrets: Vec<(&str, Vec<u8>)> = Vec::new();
    let requests: [ctap::Request; 2] =
        [rig::make_credential("ada").into(), rig::get_assertion(&[]).into()];
    for request in requests {
        let mut ceremony = client.begin(request, None).unwrap();
        let text = ceremony.qr_code().expose().to_owned();
        let code: QrCode = text.parse().unwrap();
        let mut session = phone.answer(text.parse().unwrap()).unwrap();
        let response = ceremony.outcome().await.unwrap();
        drop(ceremony);
        session.outcome().await.unwrap();

        let eid_key = keys::eid_key(&code.secret);
        let on_air = on_air.lock().unwrap().clone();
        let eid = AdvertKey::new(&eid_key).open(&on_air).unwrap().eid;
        secrets.extend([
            ("the QR code", text.into_bytes()),
            ("the QR secret", code.secret.expose().to_vec()),
            ("the EID key", eid_key.expose().to_vec()),
            ("the EID", eid.expose().to_vec()),
            ("the PSK", keys::psk(&code.secret, &eid).expose().to_vec()),
            ("the tunnel's id", keys::tunnel_id(&code.secret).0.to_vec()),
        ]);
        if let Response::GetAssertion(signed) = response {
            secrets.push(("the signature", signed.signature.expose().to_vec()));
        }
    }
    let passkey = store.passkeys().remove(0);
    secrets.push(("the private key", passkey.key.expose().to_vec()));
    secrets.push(("the passkey's id", passkey.id.as_bytes().to_vec()));
    assert_eq!(secrets.len(), 15);

    let traces = notebook.0.lock().unwrap().clone();
    for told in ["dialling the tunnel service", "the tunnel is open", "the transaction is over"] {
        assert!(traces.contains(told), "nothing was traced of {told}");
    }
    for (what, secret) in &secrets {
        assert_absent(&traces, what, secret);
    }
    let text = String::from_utf8(secrets.remove(0).1).unwrap();
    assert!(!traces.contains("FIDO:/") && !traces.contains(&text[6..20]));
}

#[test]
#[should_panic(expected = "a key")]
fn would_be_found_in_any_encoding() {
    let secret = *b"sixteen bytes 16";
    for text in [BASE64URL_NOPAD.encode(&secret), HEXLOWER.encode(&secret)] {
        let found = std::panic::catch_unwind(|| assert_absent(&text, "a key", &secret));
        assert!(found.is_err(), "{text} was not recognised");
    }
    assert_absent(&format!("{secret:?}"), "a key", &secret);
}
