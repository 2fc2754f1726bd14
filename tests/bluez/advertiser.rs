//! An advert on the air: what it says, who sends it, and why none can be sent.

use fido_hybrid::bluetooth::{Advertisement, Advertiser as _, Bluetooth};
use fido_hybrid::error::{Advice, BluetoothFault, Error, Stage};

use crate::bluez::{
    ADVERTISEMENT, ADVERTISING_MANAGER, Advertising, Air, Answer, Ending, Machine, PROPERTIES,
    Plug, Policy, Power, Value, uuid,
};
use crate::{bluetooth, laptop, soon};

const DATA: [u8; 20] = [0xc3; 20];

async fn advertising(radio: &Bluetooth) -> Box<dyn Advertisement> {
    soon("an advert", radio.advertise(DATA.to_vec())).await.unwrap()
}

async fn refusal(radio: &Bluetooth) -> BluetoothFault {
    match soon("a refusal", radio.advertise(DATA.to_vec())).await {
        Ok(_) => panic!("an advert in place of a refusal"),
        Err(fault) => fault,
    }
}

/// What a person is told to do.
fn advice(fault: BluetoothFault) -> Advice {
    Error::new(Stage::Advertising, fault).advice()
}

#[tokio::test]
async fn twenty_bytes_of_service_data_are_on_the_air_until_the_drop() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let advert = advertising(&bluetooth(&laptop)).await;
    let [on_air] = &air.adverts()[..] else { panic!("one advert") };
    assert_eq!(on_air.service_data, [(uuid(0xfff9), DATA.to_vec())].into());
    assert!(!on_air.connectable && !on_air.discoverable);
    assert_eq!(on_air.local_name, None);
    drop(advert);
    air.until("it is off the air", || air.adverts().is_empty()).await;
    // By its own word, not only by leaving the bus.
    air.until("it is unregistered", || laptop.calls_of("UnregisterAdvertisement").len() == 1).await;
    assert_eq!(laptop.registered("hci0"), []);
}

#[tokio::test]
async fn each_advert_has_an_address_of_its_own_which_is_not_the_adapters() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let radio = bluetooth(&laptop);
    let _one = advertising(&radio).await;
    let _other = advertising(&radio).await;
    let [one, other] = &air.adverts()[..] else { panic!("two adverts") };
    assert_eq!((&*one.address_type, &*other.address_type), ("random", "random"));
    assert_ne!(one.address, other.address);
    assert_ne!(one.address, laptop.address("hci0"));
}

#[tokio::test]
async fn the_advert_is_described_to_bluez_alone() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let _advert = advertising(&bluetooth(&laptop)).await;
    let [registered] = &laptop.registered("hci0")[..] else { panic!("one advert") };
    assert_eq!(registered.properties.entry("Type"), Some(&Value::text("broadcast")));

    let address = laptop.bus_address().to_owned();
    let (program, path) = (registered.program.clone(), registered.path.clone());
    let curious = tokio::task::spawn_blocking(move || {
        let mut stranger = dbus::channel::Channel::open_private(&address).unwrap();
        stranger.register().unwrap();
        let ask =
            dbus::Message::call_with_args(program, path, PROPERTIES, "GetAll", (ADVERTISEMENT,));
        stranger.send_with_reply_and_block(ask, crate::PATIENCE).err()
    });
    let denied = curious.await.unwrap().unwrap();
    assert_eq!(denied.name(), Some("org.freedesktop.DBus.Error.AccessDenied"));
}

#[tokio::test]
async fn the_first_adapter_that_can_advertises_or_the_chosen_one() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    laptop.plug_in("hci0", Power::Off);
    laptop.plug(Plug::new("hci1", Power::On).advertising(Advertising::None));
    laptop.plug(Plug::new("hci2", Power::On).advertising(Advertising::Slots(0)));
    laptop.plug_in("hci3", Power::On);
    laptop.plug_in("hci4", Power::On);
    let on = || ["hci3", "hci4"].map(|name| laptop.registered(name).len());

    let advert = advertising(&bluetooth(&laptop)).await;
    assert_eq!(on(), [1, 0]);
    let chosen = advertising(&bluetooth(&laptop).adapter("hci4")).await;
    assert_eq!(on(), [1, 1]);
    drop((advert, chosen));
    assert_eq!(laptop.calls_of("Set"), []);
}

#[tokio::test]
async fn each_reason_why_an_adapter_cannot_has_its_advice() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    let radio = bluetooth(&laptop);

    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::Absent), "{fault:?}");
    assert_eq!(advice(fault), Advice::AddBluetooth);

    laptop.plug_in("hci0", Power::Off);
    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::Off), "{fault:?}");
    assert_eq!(advice(fault), Advice::TurnBluetoothOn);
    assert_eq!(laptop.power("hci0"), Power::Off);
    laptop.unplug("hci0");

    laptop.plug(Plug::new("hci0", Power::On).advertising(Advertising::None));
    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::Unsupported("advertise")), "{fault:?}");
    assert_eq!(advice(fault), Advice::UseAnotherDevice);
    laptop.unplug("hci0");

    laptop.plug(Plug::new("hci0", Power::On).advertising(Advertising::Slots(1)));
    let another = advertising(&radio).await;
    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::NoAdvertisingSlot), "{fault:?}");
    assert_eq!(advice(fault), Advice::CloseOtherPrograms);
    drop(another);
    air.until("there is a slot", || laptop.registered("hci0").is_empty()).await;

    for policy in [Policy::Closed, Policy::Without(ADVERTISING_MANAGER)] {
        laptop.set_policy(&policy);
        let fault = refusal(&radio).await;
        assert!(matches!(fault, BluetoothFault::NotPermitted), "{policy:?}: {fault:?}");
        assert_eq!(advice(fault), Advice::AllowBluetooth);
    }
    laptop.set_policy(&Policy::Open);

    let odd = Answer::error("org.bluez.Error.Failed", "Failed to register advertisement");
    laptop.answer("RegisterAdvertisement", odd);
    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::Failed(_)), "{fault:?}");
    assert_eq!(advice(fault), Advice::RestartBluetooth);
    laptop.answer_truly("RegisterAdvertisement");

    laptop.stop_bluetoothd(Ending::Crash);
    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::Absent), "{fault:?}");
    laptop.kill_bus();
    let fault = refusal(&radio).await;
    assert!(matches!(fault, BluetoothFault::NoService(_)), "{fault:?}");
    assert_eq!(advice(fault), Advice::StartBluetooth);
    assert_eq!(air.adverts(), []);
}

#[tokio::test]
async fn an_adapter_is_switched_on_to_advertise_for_those_who_ask() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    laptop.plug_in("hci0", Power::Off);
    let _advert = advertising(&bluetooth(&laptop).switch_on()).await;
    assert_eq!(laptop.power("hci0"), Power::On);
    assert_eq!(laptop.registered("hci0").len(), 1);
}

#[tokio::test]
async fn service_data_of_any_length_goes_on_the_air_or_is_refused() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let radio = bluetooth(&laptop);
    // 31 bytes in all, of which 4 say what they are.
    for length in (0..=40).chain([255, 256, 70_000]) {
        let done = soon("an answer", radio.advertise(vec![7; length])).await;
        match &done {
            Ok(_) if length <= 27 => {
                assert_eq!(air.adverts()[0].service_data[&uuid(0xfff9)], vec![7; length]);
            }
            Err(BluetoothFault::Unsupported(_)) if length > 27 => {}
            Ok(_) => panic!("{length} bytes are on the air"),
            Err(fault) => panic!("{length} bytes: {fault:?}"),
        }
        drop(done);
        air.until("it is off the air", || laptop.registered("hci0").is_empty()).await;
    }
}

#[tokio::test]
async fn dropping_the_future_leaves_nothing_on_the_air() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    for (count, answer) in [Answer::Hold, Answer::DoInSilence].into_iter().enumerate() {
        laptop.answer("RegisterAdvertisement", answer);
        let radio = bluetooth(&laptop);
        let advert = tokio::spawn(async move { radio.advertise(DATA.to_vec()).await.is_ok() });
        let asked = || laptop.calls_of("RegisterAdvertisement").len() > count;
        air.until("BlueZ is asked", asked).await;
        let program = laptop.calls_of("RegisterAdvertisement")[count].program.clone();
        advert.abort();
        assert!(advert.await.unwrap_err().is_cancelled());
        air.until("the program has left the bus", || laptop.has_left(&program)).await;
        laptop.answer_truly("RegisterAdvertisement");
        assert_eq!((air.adverts(), laptop.registered("hci0")), (vec![], vec![]));
    }
}

#[tokio::test]
async fn whatever_takes_an_advert_off_the_air_is_told() {
    type Harm = (&'static str, fn(&Machine), fn(&BluetoothFault) -> bool);
    let Some(air) = Air::by_hand() else { return };
    let absent = |fault: &BluetoothFault| matches!(fault, BluetoothFault::Absent);
    let off = |fault: &BluetoothFault| matches!(fault, BluetoothFault::Off);
    let no_service = |fault: &BluetoothFault| matches!(fault, BluetoothFault::NoService(_));
    let harms: [Harm; 7] = [
        ("unplugged", |it| it.unplug("hci0"), absent),
        ("pulled out", |it| it.unplug_without_release("hci0"), absent),
        ("switched off", |it| it.switch("hci0", Power::Off), off),
        ("released", |it| it.release_adverts("hci0"), absent),
        ("bluetoothd stops", |it| it.stop_bluetoothd(Ending::Orderly), absent),
        ("bluetoothd crashes", |it| it.stop_bluetoothd(Ending::Crash), absent),
        ("the bus is gone", Machine::kill_bus, no_service),
    ];
    for (what, harm, expected) in harms {
        let laptop = laptop(&air);
        laptop.plug_in("hci1", Power::On);
        let mut advert = advertising(&bluetooth(&laptop)).await;
        // What happens to another adapter or its adverts is not this one's end.
        let mut other = advertising(&bluetooth(&laptop).adapter("hci1")).await;
        laptop.unplug("hci1");
        soon("the other's end", other.lost()).await;
        let mut waiting = advert.lost();
        assert!(looked_at(&mut waiting).is_none(), "lost before it was {what}");
        drop(waiting);

        harm(&laptop);
        let fault = soon(what, advert.lost()).await;
        assert!(expected(&fault), "{what}: {fault:?}");
        // The next call gives the same answer.
        let again = soon(what, advert.lost()).await;
        assert!(expected(&again), "{what}: {again:?}");
    }
}

/// One look at a future.
fn looked_at<T>(future: &mut std::pin::Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(done) => Some(done),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn only_bluez_can_take_an_advert_off_the_air() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut advert = advertising(&bluetooth(&laptop)).await;
    let registered = laptop.registered("hci0")[0].clone();
    let address = laptop.bus_address().to_owned();
    let refused = tokio::task::spawn_blocking(move || {
        let mut stranger = dbus::channel::Channel::open_private(&address).unwrap();
        stranger.register().unwrap();
        let release = dbus::Message::new_method_call(
            registered.program,
            registered.path,
            ADVERTISEMENT,
            "Release",
        );
        stranger.send_with_reply_and_block(release.unwrap(), crate::PATIENCE).is_err()
    });
    assert!(refused.await.unwrap());
    assert!(looked_at(&mut advert.lost()).is_none());
    assert_eq!(air.adverts().len(), 1);
}
