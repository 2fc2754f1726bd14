//! Programs end soon after Ctrl-C, SIGTERM or their result, whatever the system's D-Bus
//! does.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::bluez::{Air, Machine, Power};
use crate::programs::{Ended, Program, Running, Scratch};
use crate::tunnel_service::TunnelService;

/// What a program may take to end: less than its Bluetooth may take, and far more than
/// it needs.
const SOON: Duration = Duration::from_secs(8);

/// Each signal with the exit code that follows.
const SIGNALS: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

/// A bus that accepts connections and says nothing.
struct SilentBus {
    listener: UnixListener,
    address: String,
}

impl SilentBus {
    fn start(scratch: &Scratch) -> Self {
        let path = scratch.file("bus");
        let listener = UnixListener::bind(&path).unwrap();
        Self { listener, address: format!("unix:path={path}") }
    }
}

fn start(name: &str, bus: &str, service: &TunnelService, more: &[&str]) -> Running {
    Program::new(name)
        .environment("DBUS_SYSTEM_BUS_ADDRESS", bus)
        .arguments(service.arguments())
        .arguments(more)
        .start()
}

#[track_caller]
fn ends_soon(running: Running, signal: &str) -> Ended {
    let signalled = Instant::now();
    running.signal(signal);
    let ended = running.finish();
    assert!(signalled.elapsed() < SOON, "{signal}: {:?} after {ended:?}", signalled.elapsed());
    ended
}

#[test]
fn programs_end_by_a_signal_while_the_bus_stays_silent() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    for (signal, code) in SIGNALS {
        for program in ["register", "sign_in"] {
            let scratch = Scratch::new();
            let bus = SilentBus::start(&scratch);
            let running = start(program, &bus.address, &service, &["https://example.com"]);
            let (accepted, _) = bus.listener.accept().unwrap();
            let ended = ends_soon(running, signal);
            assert_eq!(ended.code, Some(code), "{program}, {signal}: {ended:?}");
            drop(accepted);
        }
    }
}

#[test]
fn programs_end_by_a_signal_while_the_bus_stands_still() {
    let Some(air) = Air::by_hand() else { return };
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    for (signal, code) in SIGNALS {
        for program in ["register", "sign_in"] {
            let machine = Machine::start(&air, "laptop");
            machine.plug_in("hci0", Power::On);
            let site = ["https://example.com"];
            let mut running = start(program, machine.bus_address(), &service, &site);
            running.wait_for("Scan the QR code with a phone.");
            // In the middle of a scan.
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let scans = || !machine.discoverers("hci0").is_empty();
            runtime.block_on(air.until("it scans", scans));
            machine.freeze_bus();
            let ended = ends_soon(running, signal);
            assert_eq!(ended.code, Some(code), "{program}, {signal}: {ended:?}");
        }
    }
}

#[test]
fn a_phone_ends_by_a_signal_while_the_bus_stays_silent() {
    let Some(air) = Air::by_hand() else { return };
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let machine = Machine::start(&air, "laptop");
    machine.plug_in("hci0", Power::On);
    let bus = SilentBus::start(&scratch);
    for (signal, code) in SIGNALS {
        let site = ["https://example.com"];
        let mut register = start("register", machine.bus_address(), &service, &site);
        register.wait_for("Scan the QR code with a phone.");
        let picture = scratch.write("screen.png", crate::ceremonies::photograph(&register.said));
        let store = scratch.file("store");
        let arguments = ["--picture", &picture, "--store", &store];
        let mut phone = start("phone", &bus.address, &service, &arguments);
        if !std::fs::exists(&store).unwrap() {
            crate::ceremonies::choose_pin(&mut phone);
        }
        phone.wait_for("Bring the two devices close together.");
        let ended = ends_soon(phone, signal);
        assert_eq!(ended.code, Some(code), "{signal}: {ended:?}");
    }
}

#[test]
fn a_phone_that_looks_at_the_screen_ends_by_a_signal_while_the_desktop_stays_silent() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    for (signal, code) in SIGNALS {
        let scratch = Scratch::new();
        let bus = SilentBus::start(&scratch);
        let phone = Program::new("phone")
            .environment("DBUS_SESSION_BUS_ADDRESS", &bus.address)
            .arguments(service.arguments())
            .arguments(["--screen", "--store", &scratch.file("store")])
            .start();
        let (accepted, _) = bus.listener.accept().unwrap();
        let ended = ends_soon(phone, signal);
        assert_eq!(ended.code, Some(code), "{signal}: {ended:?}");
        drop(accepted);
    }
}

#[test]
fn a_diagnosis_of_a_silent_bus_comes_to_its_end_and_says_so() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let bus = SilentBus::start(&scratch);
    let mut running = start("diagnose", &bus.address, &service, &[]);
    running.end_input();
    let ended = running.finish();
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let told = "It cannot be used: ";
    assert!(ended.stdout.contains(told), "{ended:?}");
    assert!(ended.stdout.contains("Turn Bluetooth off and on again."), "{ended:?}");
    assert!(ended.stdout.contains("If D-Bus is stuck too, restart the computer."), "{ended:?}");
}

#[test]
fn a_bus_on_another_machine_is_not_asked_though_the_environment_names_it() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = format!("tcp:host=127.0.0.1,port={port}");
    let mut running = start("diagnose", &address, &service, &[]);
    running.end_input();
    let ended = running.finish();
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let told = "the environment variable DBUS_SYSTEM_BUS_ADDRESS names a D-Bus that may be on \
                another machine: it must begin with `unix:`";
    assert!(ended.stdout.contains(told), "{ended:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
