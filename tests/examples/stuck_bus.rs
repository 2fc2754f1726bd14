//! Programs end after Ctrl-C, SIGTERM or their result, whatever the system's D-Bus, a
//! file or a resolver does.
//!
//! That a signal ends a program, and not a limit on time, is proven by the exit code.

use std::fs::File;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::bluez::{Air, Machine, Power};
use crate::programs::{Ended, Program, Running, Scratch};
use crate::runtime;
use crate::silent_bus::SilentBus;
use crate::tunnel_service::TunnelService;

/// For what must happen at some time.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a program may take to end beside a BlueZ that does not answer. Here the time is
/// the proof: a program that waits for an answer gives up after 10 s.
const SOON: Duration = Duration::from_secs(9);

/// Each signal with the exit code that follows.
const SIGNALS: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

fn start(name: &str, bus: &str, service: &TunnelService, more: &[&str]) -> Running {
    Program::new(name)
        .environment("DBUS_SYSTEM_BUS_ADDRESS", bus)
        .arguments(service.arguments())
        .arguments(more)
        .start()
}

fn end_by(running: Running, signal: &str) -> Ended {
    running.signal(signal);
    running.finish()
}

#[test]
fn programs_end_by_a_signal_while_the_bus_stays_silent() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    for (signal, code) in SIGNALS {
        for program in ["register", "sign_in"] {
            let bus = SilentBus::start();
            let running = start(program, &bus.address(), &service, &["https://example.com"]);
            let accepted = bus.accept();
            let ended = end_by(running, signal);
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
            let origin = ["https://example.com"];
            let mut running = start(program, machine.bus_address(), &service, &origin);
            running.wait_for("Scan the QR code with your phone.");
            // In the middle of a scan.
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let scans = || !machine.discoverers("hci0").is_empty();
            runtime.block_on(air.until("it scans", scans));
            machine.freeze_bus();
            let signalled = Instant::now();
            let ended = end_by(running, signal);
            assert!(signalled.elapsed() < SOON, "{program}, {signal}: {ended:?}");
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
    let bus = SilentBus::start();
    for (signal, code) in SIGNALS {
        let origin = ["https://example.com"];
        let mut register = start("register", machine.bus_address(), &service, &origin);
        register.wait_for("Scan the QR code with your phone.");
        let picture = scratch.write("screen.png", crate::ceremonies::photograph(&register.said));
        let store = scratch.file("store");
        let arguments = ["--picture", &picture, "--store", &store];
        let mut phone = start("phone", &bus.address(), &service, &arguments);
        if !std::fs::exists(&store).unwrap() {
            crate::ceremonies::choose_pin(&mut phone);
        }
        phone.wait_for("Bring both devices close together.");
        let ended = end_by(phone, signal);
        assert_eq!(ended.code, Some(code), "{signal}: {ended:?}");
    }
}

#[test]
fn a_phone_that_looks_at_the_screen_ends_by_a_signal_while_the_desktop_stays_silent() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    for (signal, code) in SIGNALS {
        let scratch = Scratch::new();
        let bus = SilentBus::start();
        let phone = Program::new("phone")
            .environment("DBUS_SESSION_BUS_ADDRESS", &bus.address())
            .arguments(service.arguments())
            .arguments(["--screen", "--store", &scratch.file("store")])
            .start();
        let accepted = bus.accept();
        let ended = end_by(phone, signal);
        assert_eq!(ended.code, Some(code), "{signal}: {ended:?}");
        drop(accepted);
    }
}

#[test]
fn a_phone_ends_by_a_signal_while_a_file_that_it_reads_stays_silent() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let files = SIGNALS.into_iter().flat_map(|it| ["picture", "store"].map(|file| (it, file)));
    for ((signal, code), file) in files {
        let scratch = Scratch::new();
        let (picture, store) = (scratch.file("picture"), scratch.file("store"));
        let silent = scratch.file(file);
        let made = std::process::Command::new("mkfifo").arg(&silent).status();
        assert!(made.unwrap().success());
        let picture = ["--picture", &picture];
        let picture = if file == "picture" { &picture[..] } else { &[] };
        let phone = Program::new("phone")
            .arguments(service.arguments())
            .arguments(["--store", &store])
            .arguments(picture)
            .start();
        let (opened, open) = channel();
        // Waits until the phone opens it too.
        let opening = move || opened.send(File::options().write(true).open(silent));
        std::thread::spawn(opening);
        let silent = open.recv_timeout(PATIENCE).expect("the phone reads").unwrap();
        let ended = end_by(phone, signal);
        assert_eq!(ended.code, Some(code), "{file}, {signal}: {ended:?}");
        drop(silent);
    }
}

#[test]
fn a_program_does_not_wait_in_its_end_for_a_call_that_blocks() {
    let (_held, is_paused) = channel::<()>();
    let (begun, begins) = channel();
    let (ended, end) = channel();
    std::thread::spawn(move || {
        ended.send(runtime::run(async {
            // As the look-up of a name does, with a resolver that does not answer.
            tokio::task::spawn_blocking(move || {
                begun.send(()).unwrap();
                is_paused.recv()
            });
            begins.recv_timeout(PATIENCE).expect("the call blocks");
            ExitCode::from(3)
        }))
    });
    let code = end.recv_timeout(PATIENCE).expect("the program ends");
    assert_eq!(code, ExitCode::from(3));
}

#[test]
fn a_diagnosis_of_a_silent_bus_ends_and_reports_the_silence() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let bus = SilentBus::start();
    let mut running = start("diagnose", &bus.address(), &service, &[]);
    running.end_input();
    let ended = running.finish();
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let told = "It cannot be used: ";
    assert!(ended.stdout.contains(told), "{ended:?}");
    assert!(ended.stdout.contains("Turn Bluetooth off and on again."), "{ended:?}");
    assert!(ended.stdout.contains("If D-Bus hangs too, restart the computer."), "{ended:?}");
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
