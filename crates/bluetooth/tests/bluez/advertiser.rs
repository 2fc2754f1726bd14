//! Advertising: what the advert says, who sends it, and why none can be sent.

use fido_hybrid::bluetooth::{AdapterState, Advertisement, Advertiser as _, Bluetooth};
use fido_hybrid::error::{Advice, BluetoothError, Error, Stage};

use crate::bluez::{
    ADVERTISEMENT, ADVERTISING_MANAGER, Advertising, Air, Answer, Ending, Machine, PROPERTIES,
    Plug, Policy, Power, Value, uuid,
};
use crate::{bluetooth, laptop, soon};

const DATA: [u8; 20] = [0xc3; 20];

async fn advertising(radio: &Bluetooth) -> Box<dyn Advertisement> {
    soon("an advert", radio.advertise(DATA.to_vec())).await.unwrap()
}

/// Why advertising fails, for good or until the adapter changes.
async fn refusal(radio: &Bluetooth) -> BluetoothError {
    match soon("a refusal", radio.advertise(DATA.to_vec())).await {
        Ok(mut advert) => state(&mut advert).await.error().expect("a refusal"),
        Err(error) => error,
    }
}

async fn state(advert: &mut Box<dyn Advertisement>) -> AdapterState {
    soon("a state of the advert", advert.next()).await.unwrap()
}

/// What a person is told to do.
fn advice(error: BluetoothError) -> Advice {
    Error::new(Stage::Advertising, error).advice()
}

#[tokio::test]
async fn twenty_bytes_of_service_data_are_advertised_until_the_drop() {
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

    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::Absent), "{error:?}");
    assert_eq!(advice(error), Advice::AddBluetooth);

    laptop.plug_in("hci0", Power::Off);
    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::Off), "{error:?}");
    assert_eq!(advice(error), Advice::TurnBluetoothOn);
    assert_eq!(laptop.power("hci0"), Power::Off);
    laptop.unplug("hci0");

    laptop.plug(Plug::new("hci0", Power::On).advertising(Advertising::None));
    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::Unsupported("advertise")), "{error:?}");
    assert_eq!(advice(error), Advice::UseAnotherDevice);
    laptop.unplug("hci0");

    laptop.plug(Plug::new("hci0", Power::On).advertising(Advertising::Slots(1)));
    let another = advertising(&radio).await;
    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::NoAdvertisingSlot), "{error:?}");
    assert_eq!(advice(error), Advice::CloseOtherPrograms);
    drop(another);
    air.until("there is a slot", || laptop.registered("hci0").is_empty()).await;

    for policy in [Policy::Closed, Policy::Without(ADVERTISING_MANAGER)] {
        laptop.set_policy(&policy);
        let error = refusal(&radio).await;
        assert!(matches!(error, BluetoothError::NotPermitted), "{policy:?}: {error:?}");
        assert_eq!(advice(error), Advice::AllowBluetooth);
    }
    laptop.set_policy(&Policy::Open);

    let odd = Answer::error("org.bluez.Error.Failed", "Failed to register advertisement");
    laptop.answer("RegisterAdvertisement", odd);
    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::Failed(_)), "{error:?}");
    assert_eq!(advice(error), Advice::RestartBluetooth);
    laptop.answer_truly("RegisterAdvertisement");

    laptop.stop_bluetoothd(Ending::Crash);
    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::Absent), "{error:?}");
    laptop.kill_bus();
    let error = refusal(&radio).await;
    assert!(matches!(error, BluetoothError::NoService(_)), "{error:?}");
    assert_eq!(advice(error), Advice::StartBluetooth);
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
async fn service_data_of_any_length_is_advertised_or_refused() {
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
            Err(BluetoothError::Unsupported(_)) if length > 27 => {}
            Ok(_) => panic!("{length} bytes are advertised"),
            Err(error) => panic!("{length} bytes: {error:?}"),
        }
        drop(done);
        air.until("it is off the air", || laptop.registered("hci0").is_empty()).await;
    }
}

#[tokio::test]
async fn dropping_the_future_leaves_no_advert() {
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
        air.until("the program has disconnected from the bus", || {
            laptop.has_disconnected(&program)
        })
        .await;
        laptop.answer_truly("RegisterAdvertisement");
        assert_eq!((air.adverts(), laptop.registered("hci0")), (vec![], vec![]));
    }
}

#[tokio::test]
async fn whatever_ends_an_advert_is_reported_and_retried() {
    type Act = fn(&Machine);
    let Some(air) = Air::by_hand() else { return };
    let plug: Act = |it| it.plug_in("hci0", Power::On);
    let start: Act = Machine::start_bluetoothd;
    let unplug: Act = |it| it.unplug("hci0");
    let harms: [(&str, Act, AdapterState, Act); 5] = [
        ("unplugged", unplug, AdapterState::Absent, plug),
        ("pulled out", |it| it.unplug_without_release("hci0"), AdapterState::Absent, plug),
        (
            "switched off",
            |it| it.switch("hci0", Power::Off),
            AdapterState::Off,
            |it| it.switch("hci0", Power::On),
        ),
        ("stopped", |it| it.stop_bluetoothd(Ending::Orderly), AdapterState::Absent, start),
        ("crashed", |it| it.stop_bluetoothd(Ending::Crash), AdapterState::Absent, start),
    ];
    for (what, harm, expected, mend) in harms {
        let laptop = laptop(&air);
        let mut advert = advertising(&bluetooth(&laptop)).await;
        assert!(looked_at(&mut advert.next()).is_none(), "lost before it was {what}");
        for _ in 0..2 {
            harm(&laptop);
            assert_eq!(state(&mut advert).await, expected, "{what}");
            air.until(what, || air.adverts().is_empty()).await;
            mend(&laptop);
            assert_eq!(state(&mut advert).await, AdapterState::On, "{what}");
            let [on_air] = &air.adverts()[..] else { panic!("one advert") };
            assert_eq!(on_air.service_data, [(uuid(0xfff9), DATA.to_vec())].into());
        }
        drop(advert);
        air.until("it is off the air", || air.adverts().is_empty()).await;
    }
}

#[tokio::test]
async fn another_adapter_takes_over_without_an_event() {
    let Some(air) = Air::by_hand() else { return };
    for switched in [false, true] {
        let laptop = laptop(&air);
        laptop.plug_in("hci1", Power::On);
        let mut advert = advertising(&bluetooth(&laptop)).await;
        if switched {
            laptop.switch("hci0", Power::Off);
        } else {
            laptop.unplug("hci0");
        }
        air.until("it is taken over", || laptop.registered("hci1").len() == 1).await;
        air.until("it is sent once", || air.adverts().len() == 1).await;
        assert!(looked_at(&mut advert.next()).is_none());
    }
}

#[tokio::test]
async fn an_advert_that_bluez_releases_is_registered_again() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut advert = advertising(&bluetooth(&laptop)).await;
    laptop.release_adverts("hci0");
    air.until("it is advertised again", || laptop.registered("hci0").len() == 1).await;
    assert!(looked_at(&mut advert.next()).is_none());
}

#[tokio::test]
async fn a_lost_bus_ends_an_advert_with_an_error_that_stays() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut advert = advertising(&bluetooth(&laptop)).await;
    laptop.kill_bus();
    for _ in 0..2 {
        let error = soon("the end", advert.next()).await.unwrap_err();
        assert!(matches!(error, BluetoothError::NoService(_)), "{error:?}");
    }
}

#[tokio::test]
async fn an_advert_that_fails_at_first_is_registered_again() {
    let Some(air) = Air::by_hand() else { return };
    for error in ["Failed", "InProgress", "NotReady", "InvalidArguments"] {
        let laptop = laptop(&air);
        let odd = Answer::error(&format!("org.bluez.Error.{error}"), "not yet");
        laptop.answer("RegisterAdvertisement", odd);
        let radio = bluetooth(&laptop);
        let advert = tokio::spawn(async move { radio.advertise(DATA.to_vec()).await });
        let asked = || !laptop.calls_of("RegisterAdvertisement").is_empty();
        air.until("BlueZ is asked", asked).await;
        laptop.answer_truly("RegisterAdvertisement");
        let mut advert = soon(error, advert).await.unwrap().unwrap();
        let [registered] = &laptop.registered("hci0")[..] else { panic!("one advert") };
        let kind = registered.properties.entry("Type");
        assert_eq!(kind, Some(&Value::text("broadcast")), "{error}");
        assert!(looked_at(&mut advert.next()).is_none(), "{error}");
    }
}

#[tokio::test]
async fn an_adapter_that_does_not_broadcast_sends_an_advert_that_can_be_connected_to() {
    let Some(air) = Air::by_hand() else { return };
    for length in [20, 21, 24] {
        let laptop = Machine::start(&air, "laptop");
        laptop.plug(Plug::new("hci0", Power::On).without_broadcast());
        let data = vec![0xc3; length];
        let mut advert =
            soon("an advert", bluetooth(&laptop).advertise(data.clone())).await.unwrap();
        let [on_air] = &air.adverts()[..] else { panic!("one advert") };
        assert_eq!(on_air.service_data, [(uuid(0xfff9), data)].into());
        // The flags take the place of the list.
        assert_eq!(on_air.service_uuids.is_empty(), length > 20, "{length}");
        assert!(on_air.connectable);
        assert!(looked_at(&mut advert.next()).is_none());
        drop(advert);
        air.until("it is off the air", || air.adverts().is_empty()).await;
    }
}

#[tokio::test]
async fn an_advert_that_could_once_be_connected_to_is_a_broadcast_the_next_time() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let failed = Answer::error("org.bluez.Error.Failed", "Failed to register advertisement");
    laptop.answer("RegisterAdvertisement", failed);
    let radio = bluetooth(&laptop);
    let advert = tokio::spawn(async move { radio.advertise(DATA.to_vec()).await });
    let has_failed = || laptop.calls_of("RegisterAdvertisement").len() == 3;
    air.until("broadcasts have failed", has_failed).await;
    laptop.answer_truly("RegisterAdvertisement");
    let mut advert = soon("an advert", advert).await.unwrap().unwrap();
    assert!(air.adverts()[0].connectable);
    laptop.switch("hci0", Power::Off);
    assert_eq!(state(&mut advert).await, AdapterState::Off);
    laptop.switch("hci0", Power::On);
    assert_eq!(state(&mut advert).await, AdapterState::On);
    let [on_air] = &air.adverts()[..] else { panic!("one advert") };
    assert!(!on_air.connectable);
    assert_ne!(on_air.address, laptop.address("hci0"));
}

#[tokio::test]
async fn an_advert_waits_for_its_adapter_beside_one_that_cannot_advertise() {
    let Some(air) = Air::by_hand() else { return };
    for beside in [Advertising::None, Advertising::Slots(0)] {
        let laptop = laptop(&air);
        laptop.plug(Plug::new("hci1", Power::On).advertising(beside));
        let mut advert = advertising(&bluetooth(&laptop)).await;
        for _ in 0..2 {
            laptop.switch("hci0", Power::Off);
            assert_eq!(state(&mut advert).await, AdapterState::Off, "{beside:?}");
            laptop.switch("hci0", Power::On);
            assert_eq!(state(&mut advert).await, AdapterState::On, "{beside:?}");
            assert_eq!(laptop.registered("hci0").len(), 1);
        }
        laptop.unplug("hci0");
        let without = match beside {
            Advertising::None => AdapterState::Absent,
            Advertising::Slots(_) => AdapterState::NotReady,
        };
        assert_eq!(state(&mut advert).await, without, "{beside:?}");
        laptop.plug_in("hci0", Power::On);
        assert_eq!(state(&mut advert).await, AdapterState::On, "{beside:?}");
        drop(advert);
        air.until("it is off the air", || air.adverts().is_empty()).await;
    }
}

#[tokio::test]
async fn an_advert_starts_when_another_frees_its_slot() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    laptop.plug(Plug::new("hci0", Power::On).advertising(Advertising::Slots(1)));
    let mut advert = advertising(&bluetooth(&laptop)).await;
    laptop.switch("hci0", Power::Off);
    assert_eq!(state(&mut advert).await, AdapterState::Off);
    laptop.answer("RegisterAdvertisement", Answer::error("org.bluez.Error.NotPermitted", "full"));
    laptop.switch("hci0", Power::On);
    assert_eq!(state(&mut advert).await, AdapterState::NotReady);
    // No signal tells of it.
    laptop.answer_truly("RegisterAdvertisement");
    assert_eq!(state(&mut advert).await, AdapterState::On);
    assert_eq!(laptop.registered("hci0").len(), 1);
}

#[tokio::test]
async fn an_advert_waits_for_its_adapter_beside_one_that_is_forbidden() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.plug_in("hci1", Power::On);
    let mut advert = advertising(&bluetooth(&laptop)).await;
    assert_eq!(laptop.registered("hci0").len(), 1);
    laptop.answer("RegisterAdvertisement", Answer::error("org.bluez.Error.NotAuthorized", "no"));
    laptop.switch("hci0", Power::Off);
    assert_eq!(state(&mut advert).await, AdapterState::Off);
    laptop.answer_truly("RegisterAdvertisement");
    laptop.switch("hci0", Power::On);
    assert_eq!(state(&mut advert).await, AdapterState::On);
}

#[tokio::test]
async fn an_adapter_that_supports_neither_kind_of_advert_is_told_as_unable() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.answer("RegisterAdvertisement", Answer::error("org.bluez.Error.NotSupported", "no"));
    let error = refusal(&bluetooth(&laptop)).await;
    assert!(matches!(error, BluetoothError::Unsupported("advertise")), "{error:?}");
    assert_eq!(advice(error), Advice::UseAnotherDevice);
    let asked = laptop.calls_of("RegisterAdvertisement").len();
    assert_eq!(asked, 4, "three times for a broadcast");
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
    assert!(looked_at(&mut advert.next()).is_none());
    assert_eq!(air.adverts().len(), 1);
}
