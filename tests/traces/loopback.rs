//! Over sockets on loopback and the crate's own tunnel service.

use std::sync::{Arc, Mutex};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck,
};
use fido_hybrid::bluetooth::{Advertisement, Advertiser};
use fido_hybrid::client::Client;
use fido_hybrid::error::{BluetoothError, ErrorKind, TunnelError};
use fido_hybrid::transport::QrCode;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::Server;
use fido_hybrid_sim::Air;

use super::finder::Secrets;
use super::trace_recorder::Notebook;
use super::{machines, rig};

/// An advertiser that keeps a copy of what it advertises.
struct Recording(Air, Arc<Mutex<Vec<u8>>>);

impl Advertiser for Recording {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
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

#[tokio::test]
async fn of_ceremonies_that_succeed() {
    let notebook = Notebook::default();
    let _guard = tracing::subscriber::set_default(notebook.clone());

    let builder = Server::builder();
    notebook.print(&builder);
    let service = builder.bind("127.0.0.1:0").await.unwrap();
    notebook.print(&service);
    let address = service.local_addr().unwrap();
    let service = service.start().unwrap();
    let tunnel = WebSocketDialer::builder().resolve_without_tls(&rig::domain().host(), address);
    notebook.print(&tunnel);
    let tunnel = tunnel.build().unwrap();
    notebook.print(&tunnel);

    let (air, on_air, store) = (Air::new(), Arc::default(), MemoryStore::new());
    let client = Client::new(air.clone(), tunnel.clone());
    let phone = Authenticator::new(AuthenticatorParts {
        store: store.clone(),
        user: Yes,
        advertiser: Recording(air, Arc::clone(&on_air)),
        dialer: tunnel,
        domain: rig::domain(),
    });

    let mut secrets = Secrets::default();
    for request in [machines::registration(), machines::sign_in()] {
        let mut ceremony = client.begin(request, None).unwrap();
        secrets.qr_code(&ceremony.qr_code().unwrap());
        let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
        let mut session = phone.answer(code.clone()).unwrap();
        let response = ceremony.outcome().await.unwrap();
        notebook.print(&response);
        notebook.print(&service);
        drop(ceremony);
        notebook.end(&session.outcome().await);
        secrets.advert(&code.secret, &on_air.lock().unwrap());
        secrets.answer(&Ok(response));
    }
    secrets.passkey(&store.passkeys()[0]);
    assert_eq!(secrets.len(), 20, "a PRF secret and two outputs among them");

    for told in ["dialling the tunnel service", "the tunnel is open", "the transaction is over"] {
        assert!(notebook.holds(told), "nothing was traced of {told}");
    }
    notebook.assert_holds_none_of(&secrets);
}

#[tokio::test]
async fn of_a_service_that_refuses_and_one_that_is_not_there() {
    let notebook = Notebook::default();
    let _guard = tracing::subscriber::set_default(notebook.clone());
    let service = Server::builder().require_origin("https://elsewhere.example");
    let service = service.bind("127.0.0.1:0").await.unwrap();
    let there = service.local_addr().unwrap();
    let _service = service.start().unwrap();
    let gone = Server::builder().bind("127.0.0.1:0").await.unwrap();
    let not_there = gone.local_addr().unwrap();
    drop(gone);

    let mut secrets = Secrets::default();
    for (seed, address) in [(1, there), (2, not_there)] {
        let tunnel = WebSocketDialer::builder().resolve_without_tls(&rig::domain().host(), address);
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: Yes,
            advertiser: Air::new(),
            dialer: tunnel.build().unwrap(),
            domain: rig::domain(),
        });
        let mut code = rig::Client::new(seed).code;
        code.created = None;
        secrets.qr_code(&code.to_text());
        let outcome = phone.answer(code).unwrap().outcome().await;
        notebook.end(&outcome);
        let kind = outcome.unwrap_err().kind;
        let refused = matches!(kind, ErrorKind::Tunnel(TunnelError::Status(_)));
        let absent = matches!(kind, ErrorKind::Tunnel(TunnelError::Tcp(_)));
        assert_eq!((refused, absent), (address == there, address == not_there), "{kind}");
    }
    notebook.assert_holds_none_of(&secrets);
}
