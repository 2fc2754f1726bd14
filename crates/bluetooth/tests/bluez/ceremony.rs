//! Whole ceremonies between two machines: nothing is simulated but the adapters.

use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate as Told, Decision, MemoryStore, Prompt,
    Session, UserCheck, UserVerification,
};
use fido_hybrid::bluetooth::AdapterState;
use fido_hybrid::client::{Ceremony, Client, ClientUpdate};
use fido_hybrid::ctap::{CtapRequest, CtapResponse};
use fido_hybrid::error::{Advice, BluetoothError, ErrorKind, Stage};
use fido_hybrid::transport::{QrCode, TunnelDomain};
use fido_hybrid_relay::{Server, ServerHandle};

use crate::bluez::{Air, Ending, Machine, Power};
use crate::rig::{get_assertion, make_credential};
use crate::{bluetooth, soon};
use fido_hybrid_testkit::services::{certificate, domain, secure};

struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let agreed = Decision::Approved { verification: UserVerification::Verified, account: 0 };
        Box::pin(std::future::ready(agreed))
    }
}

/// A laptop and a phone, each with an adapter that is on.
struct World {
    air: Air,
    laptop: Machine,
    phone: Machine,
    client: Client,
    authenticator: Authenticator,
    _service: ServerHandle,
}

impl World {
    async fn new() -> Option<Self> {
        let air = Air::every(Duration::from_millis(20))?;
        let [laptop, phone] = ["laptop", "phone"].map(|name| {
            let machine = Machine::start(&air, name);
            machine.plug_in("hci0", Power::On);
            machine
        });
        let (root, config) = certificate(&[&domain()]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        let tunnel = secure(&root, service.local_addr()).build().unwrap();
        let client = Client::new(bluetooth(&laptop), tunnel.clone());
        let authenticator = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: Agrees,
            advertiser: bluetooth(&phone),
            dialer: tunnel,
            domain: TunnelDomain::GOOGLE,
        });
        Some(Self { air, laptop, phone, client, authenticator, _service: service })
    }

    fn begin(&self, request: impl Into<CtapRequest>) -> Ceremony<CtapResponse> {
        self.client.begin(request.into(), None).unwrap()
    }

    /// The phone's camera sees the code.
    fn scan(&self, ceremony: &Ceremony<CtapResponse>) -> Session {
        let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
        self.authenticator.answer(code).unwrap()
    }

    /// Neither side may leave anything going.
    async fn until_all_is_quiet(&self) {
        let is_quiet =
            || self.air.adverts().is_empty() && self.laptop.discoverers("hci0").is_empty();
        self.air.until("no machine advertises or discovers", is_quiet).await;
    }
}

async fn reach(ceremony: &mut Ceremony<CtapResponse>, enough: impl Fn(&ClientUpdate) -> bool) {
    soon("an update", async {
        while let Some(update) = ceremony.next().await {
            if enough(&update) {
                return;
            }
        }
        panic!("{:?}", ceremony.outcome().await);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_registered_and_signs_in_over_two_machines() {
    let Some(world) = World::new().await else { return };
    let requests: [CtapRequest; 2] = [make_credential("Ada").into(), get_assertion(&[]).into()];
    for request in requests {
        let mut ceremony = world.begin(request);
        let mut session = world.scan(&ceremony);
        let response = soon("an answer", ceremony.outcome()).await.unwrap();
        assert!(matches!(
            response,
            CtapResponse::MakeCredential(_) | CtapResponse::GetAssertion(_)
        ));
        drop(ceremony);
        soon("the phone's end", session.outcome()).await.unwrap();
        world.until_all_is_quiet().await;
    }
    // Neither machine's Bluetooth was switched.
    for machine in [&world.laptop, &world.phone] {
        assert_eq!(machine.calls_of("Set"), []);
    }
}

#[tokio::test]
async fn bluetooth_that_is_switched_on_late_serves_the_same_ceremony() {
    let Some(world) = World::new().await else { return };
    world.laptop.switch("hci0", Power::Off);
    let mut ceremony = world.begin(make_credential("Ada"));
    reach(&mut ceremony, |it| matches!(it, ClientUpdate::Adapter(AdapterState::Off))).await;
    let mut session = world.scan(&ceremony);
    world.air.until("the phone advertises", || !world.air.adverts().is_empty()).await;
    world.laptop.switch("hci0", Power::On);
    reach(&mut ceremony, |it| matches!(it, ClientUpdate::Adapter(AdapterState::On))).await;
    soon("an answer", ceremony.outcome()).await.unwrap();
    drop(ceremony);
    soon("the phone's end", session.outcome()).await.unwrap();
    world.until_all_is_quiet().await;
}

#[tokio::test]
async fn bluez_may_restart_while_the_client_waits_for_a_phone() {
    let Some(world) = World::new().await else { return };
    let mut ceremony = world.begin(make_credential("Ada"));
    world.air.until("it scans", || !world.laptop.discoverers("hci0").is_empty()).await;
    world.laptop.stop_bluetoothd(Ending::Crash);
    reach(&mut ceremony, |it| matches!(it, ClientUpdate::Adapter(AdapterState::Absent))).await;
    world.laptop.start_bluetoothd();
    let mut session = world.scan(&ceremony);
    soon("an answer", ceremony.outcome()).await.unwrap();
    drop(ceremony);
    soon("the phone's end", session.outcome()).await.unwrap();
}

#[tokio::test]
async fn a_ceremony_that_is_dropped_stops_its_scan() {
    let Some(world) = World::new().await else { return };
    let ceremony = world.begin(make_credential("Ada"));
    world.air.until("it scans", || !world.laptop.discoverers("hci0").is_empty()).await;
    drop(ceremony);
    world.until_all_is_quiet().await;
}

#[tokio::test]
async fn a_phone_that_is_put_away_stops_its_advert() {
    let Some(world) = World::new().await else { return };
    world.laptop.switch("hci0", Power::Off);
    let ceremony = world.begin(make_credential("Ada"));
    let session = world.scan(&ceremony);
    world.air.until("the phone advertises", || !world.air.adverts().is_empty()).await;
    drop(session);
    world.air.until("the advert has ended", || world.air.adverts().is_empty()).await;
}

#[tokio::test]
async fn an_adapter_pulled_out_of_the_phone_is_told_and_waited_for() {
    let Some(world) = World::new().await else { return };
    world.laptop.switch("hci0", Power::Off);
    let mut ceremony = world.begin(make_credential("Ada"));
    let mut session = world.scan(&ceremony);
    world.air.until("the phone advertises", || !world.air.adverts().is_empty()).await;
    for (change, told) in [
        (Change::Unplug, AdapterState::Absent),
        (Change::PlugIn, AdapterState::On),
        (Change::Switch(Power::Off), AdapterState::Off),
        (Change::Switch(Power::On), AdapterState::On),
    ] {
        match change {
            Change::Unplug => world.phone.unplug("hci0"),
            Change::PlugIn => world.phone.plug_in("hci0", Power::On),
            Change::Switch(power) => world.phone.switch("hci0", power),
        }
        let state = soon("what the person is told", async {
            loop {
                if let Told::Adapter(state) = session.next().await.unwrap() {
                    return state;
                }
            }
        });
        assert_eq!(state.await, told);
    }
    world.laptop.switch("hci0", Power::On);
    soon("the answer", ceremony.outcome()).await.unwrap();
    drop(ceremony);
    soon("the end", session.outcome()).await.unwrap();
}

/// What happens to the phone's adapter.
enum Change {
    Unplug,
    PlugIn,
    Switch(Power),
}

#[tokio::test]
async fn a_bus_that_is_lost_ends_the_ceremony_with_advice() {
    let Some(world) = World::new().await else { return };
    let mut ceremony = world.begin(make_credential("Ada"));
    world.air.until("it scans", || !world.laptop.discoverers("hci0").is_empty()).await;
    world.laptop.kill_bus();
    let error = soon("the end", ceremony.outcome()).await.unwrap_err();
    assert_eq!(error.stage, Stage::ShowingQr);
    assert!(matches!(error.kind, ErrorKind::Bluetooth(BluetoothError::NoService(_))), "{error}");
    assert_eq!(error.advice(), Advice::StartBluetooth);
}
