//! `diagnose`: its words, its JSON and its exit codes.

use std::net::{Ipv4Addr, SocketAddr};

use fido_hybrid_testkit::pem::pem;
use fido_hybrid_testkit::squid::{Authority, Squid, Squids};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::net::TcpSocket;
#[cfg(target_os = "linux")]
use tokio::runtime::Runtime;

use crate::programs::{Ended, Program, Scratch};
use crate::tunnel_service::TunnelService;

/// A port without a listener, which no other program gets meanwhile.
fn closed() -> (TcpSocket, [String; 2]) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, ["--tunnel-address".to_owned(), address])
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.stderr, "");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn without_bus_and_network_both_are_blamed_in_plain_words() {
    let (_socket, nowhere) = closed();
    let ended = Program::new("diagnose").arguments(nowhere).run();
    assert_eq!(ended.code, Some(16), "{ended:?}");
    for expected in [
        "It cannot be used: the system's Bluetooth service cannot be reached: ",
        "Tunnel service cable.ua5v.com, for Android phones\n  DNS      skipped: ",
        "Tunnel service cable.auth.com, for iPhones\n  DNS      skipped: ",
        "  TCP      FAILED: the TCP connection to the tunnel service failed: ",
        "  TLS      not tried\n  upgrade  not tried\n",
        "\nWhat to do\n",
        "A firewall must allow https://cable.ua5v.com and https://cable.auth.com",
    ] {
        assert!(ended.stdout.contains(expected), "{expected:?} in:\n{}", ended.stdout);
    }
    assert_eq!(ended.stderr, "");
}

#[test]
fn without_a_bus_bluetooth_alone_is_blamed_where_services_are_reached() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let program = Program::new("diagnose").arguments(service.arguments());
    let ended = program.arguments(["--json"]).run();
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let told = json(&ended);
    assert_eq!(told["exitCode"], 6);
    assert_eq!(told["bluetooth"]["state"], Value::Null);
    assert_eq!(told["bluetooth"]["advertises"], Value::Null);
    let error = told["bluetooth"]["error"].as_str().unwrap();
    assert!(error.starts_with("the system's Bluetooth service cannot be reached"), "{error}");
    for (service, host) in
        told["tunnelServices"].as_array().unwrap().iter().zip(["cable.ua5v.com", "cable.auth.com"])
    {
        assert_eq!(service["host"], host);
        assert_eq!(service["reached"], true);
        assert_eq!(service["failedStep"], Value::Null);
    }
}

#[test]
fn a_proxy_is_named_where_it_may_be_the_reason() {
    let scratch = Scratch::new();
    let (_socket, nowhere) = closed();
    let service = TunnelService::start(&scratch);
    // Bound and not listening.
    let (_proxy, not_listening) = closed();
    let proxy = format!("http://user:secret@{}", not_listening[1]);
    for (arguments, bypass, told) in
        [(&nowhere[..], "", true), (&service.arguments()[..], "127.0.0.0/8", false)]
    {
        let program = Program::new("diagnose").arguments(arguments);
        let program = program.environment("HTTPS_PROXY", &proxy).environment("NO_PROXY", bypass);
        let ended = program.run();
        let failed =
            ended.stdout.contains("TCP      FAILED: the TCP connection to the proxy failed");
        assert_eq!(failed, told, "{ended:?}");
        assert_eq!(ended.stdout.contains("HTTPS_PROXY sets a proxy"), told, "{ended:?}");
        assert!(!format!("{ended:?}").contains("secret"), "{ended:?}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_fails_at_tls() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let [flag, address, ..] = service.arguments();
    let ended = Program::new("diagnose").arguments([flag, address, "--json".into()]).run();
    assert_eq!(ended.code, Some(16), "{ended:?}");
    let told = json(&ended);
    assert_eq!(told["tunnelServices"][0]["failedStep"], "TLS");
    assert!(
        told["advice"].to_string().contains("whether secure connections are inspected"),
        "{told}"
    );
}

#[test]
fn an_address_that_was_given_is_not_told_of_a_service_that_was_looked_up() {
    let (_socket, nowhere) = closed();
    let program = Program::new("diagnose").arguments(nowhere).arguments(["--json"]);
    let told = json(&program.arguments(["--tunnel", "cable.auth.com"]).run());
    assert_eq!(told["tunnelServices"][0]["nameLookedUp"], true);
    assert_eq!(told["tunnelServices"][1]["nameLookedUp"], false);
}

#[test]
fn a_certificate_outside_its_dates_fails_at_tls_and_leads_to_the_clock() {
    let scratch = Scratch::new();
    let service = TunnelService::start_between(&scratch, 1990, 2020);
    let ended = Program::new("diagnose").arguments(service.arguments()).arguments(["--json"]).run();
    let told = json(&ended);
    assert_eq!(told["tunnelServices"][0]["failedStep"], "TLS");
    assert!(told["advice"].to_string().contains("Check the date and time"), "{told}");
}

/// A system that trusts no certificate.
fn without_roots(program: &str) -> Program {
    let program = Program::new(program).environment("SSL_CERT_FILE", "/nonexistent");
    program.environment("SSL_CERT_DIR", "/nonexistent")
}

#[test]
fn programs_that_find_no_trusted_certificates_do_not_blame_their_arguments() {
    let scratch = Scratch::new();
    let store = scratch.file("store");
    let origin = "https://example.com";
    for (name, arguments) in
        [("register", &[origin][..]), ("sign_in", &[origin]), ("phone", &["--store", &store])]
    {
        let ended = without_roots(name).arguments(arguments).run();
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        for expected in ["no trusted certificates", "package ca-certificates"] {
            assert!(ended.stderr.contains(expected), "{name}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("--help"), "{name}: {}", ended.stderr);
    }
}

#[cfg(target_os = "linux")]
mod with_adapters {
    use super::*;
    use crate::bluez::{Advertising, Air, Ending, Machine, Plug, Policy, Power};

    #[test]
    fn without_trusted_certificates_bluetooth_is_looked_at_all_the_same() {
        let Some(air) = Air::by_hand() else { return };
        let machine = Machine::start(&air, "laptop");
        machine.plug_in("hci0", Power::On);
        let diagnose = || {
            without_roots("diagnose").environment("DBUS_SYSTEM_BUS_ADDRESS", machine.bus_address())
        };
        let ended = diagnose().run();
        assert_eq!(ended.code, Some(10), "{ended:?}");
        for expected in ["It is on, and can scan for phones.", "package ca-certificates"] {
            assert!(ended.stdout.contains(expected), "{}", ended.stdout);
        }
        let told = json(&diagnose().arguments(["--json"]).run());
        assert_eq!(told["bluetooth"]["state"], "on");
        let why = told["tunnelServicesError"].as_str().unwrap();
        assert!(why.contains("no trusted certificates"), "{why}");
    }

    #[test]
    fn a_machine_without_bluez_is_told_to_start_it_and_not_to_plug_something_in() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let machine = Machine::start(&air, "laptop");
        let ended = diagnose(&machine, &service.arguments(), &[]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stdout.contains("No adapter was found."), "{}", ended.stdout);
        assert!(ended.stdout.contains("Plug in a Bluetooth adapter"), "{}", ended.stdout);

        machine.stop_bluetoothd(Ending::Crash);
        let ended = diagnose(&machine, &service.arguments(), &[]);
        assert_eq!(ended.code, Some(6), "{ended:?}");
        for expected in ["BlueZ is not running", "Start the system's Bluetooth service"] {
            assert!(ended.stdout.contains(expected), "{}", ended.stdout);
        }
        assert!(!ended.stdout.contains("Plug in"), "{}", ended.stdout);
    }

    #[test]
    fn a_name_that_no_adapter_has_is_told_with_those_that_there_are() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let machine = Machine::start(&air, "laptop");
        machine.plug_in("hci0", Power::On);
        let expected = "no Bluetooth adapter hci7; found: hci0";
        let ended = diagnose(&machine, &service.arguments(), &["--adapter", "hci7"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stdout.contains(expected), "{}", ended.stdout);
        assert!(!ended.stdout.contains("Plug in"), "{}", ended.stdout);
        let ended = diagnose(&machine, &service.arguments(), &["--adapter", "hci7", "--json"]);
        assert_eq!(json(&ended)["bluetooth"]["error"], expected);

        machine.plug_in("hci1", Power::On);
        for program in ["register", "sign_in"] {
            let ended = Program::new(program)
                .environment("DBUS_SYSTEM_BUS_ADDRESS", machine.bus_address())
                .arguments(["https://example.com", "--adapter", "hci7"])
                .run();
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let expected = "error: no Bluetooth adapter hci7; found: hci0, hci1\n";
            assert_eq!(ended.stderr, expected, "and no code is shown");
        }
    }

    #[test]
    fn an_adapter_without_room_for_an_advert_is_not_a_service_that_does_not_run() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let machine = Machine::start(&air, "laptop");
        machine.plug(Plug::new("hci0", Power::On).advertising(Advertising::Slots(0)));
        let ended = diagnose(&machine, &service.arguments(), &["--advertise"]);
        assert_eq!(ended.code, Some(6), "{ended:?}");
        for expected in
            ["no room for another advert", "`bluetoothctl show`", "Close other programs"]
        {
            assert!(ended.stdout.contains(expected), "{}", ended.stdout);
        }
        assert!(!ended.stdout.contains("systemctl"), "{}", ended.stdout);
    }

    fn diagnose(machine: &Machine, service: &[String], more: &[&str]) -> Ended {
        let program = Program::new("diagnose")
            .environment("DBUS_SYSTEM_BUS_ADDRESS", machine.bus_address())
            .arguments(service);
        program.arguments(more).run()
    }

    #[test]
    fn a_machine_that_is_well_has_no_findings() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch).arguments();
        let machine = Machine::start(&air, "laptop");
        machine.plug_in("hci0", Power::On);
        let ended = diagnose(&machine, &service, &["--advertise"]);
        assert_eq!(ended.code, Some(10), "the service has stopped: {ended:?}");

        let service = TunnelService::start(&scratch);
        let ended = diagnose(&machine, &service.arguments(), &["--advertise"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for expected in [
            &format!("  hci0  \"hci0\"  {}  on\n", machine.address("hci0")),
            "It is on, and can scan for phones.",
            "It can advertise, as example `phone` needs.",
            "  upgrade  ok: ",
            "\nEverything works.\n",
        ] {
            assert!(ended.stdout.contains(expected), "{expected:?} in:\n{}", ended.stdout);
        }
        assert!(!ended.stdout.contains("FAILED"), "{}", ended.stdout);
        let off_the_air = || machine.registered("hci0").is_empty();
        Runtime::new().unwrap().block_on(air.until("the advert is off the air", off_the_air));
    }

    #[test]
    fn nothing_is_advertised_or_switched_on_unasked() {
        let Some(air) = Air::by_hand() else { return };
        let (_socket, nowhere) = closed();
        let machine = Machine::start(&air, "laptop");
        machine.plug_in("hci0", Power::Off);
        machine.plug_in("hci1", Power::On);
        diagnose(&machine, &nowhere, &[]);
        for member in ["Set", "StartDiscovery", "RegisterAdvertisement"] {
            assert_eq!(machine.calls_of(member), [], "{member}");
        }
        assert_eq!(machine.power("hci0"), Power::Off);
    }

    #[test]
    fn each_state_of_bluetooth_has_an_exit_code_of_its_own() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let (_socket, nowhere) = closed();
        let machine = Machine::start(&air, "laptop");
        let check = |code: i32, state: Value| {
            let ended = diagnose(&machine, &service.arguments(), &["--json"]);
            assert_eq!(ended.code, Some(code), "{ended:?}");
            assert_eq!(json(&ended)["bluetooth"]["state"], state);
            let ended = diagnose(&machine, &nowhere, &[]);
            assert_eq!(ended.code, Some(code + 10), "{ended:?}");
        };
        check(3, "absent".into());
        machine.plug_in("hci0", Power::Off);
        check(4, "off".into());
        machine.switch("hci0", Power::On);
        check(0, "on".into());
        machine.set_policy(&Policy::Closed);
        check(5, "not permitted".into());
    }

    #[test]
    fn an_adapter_that_cannot_advertise_is_told_where_that_is_asked() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let machine = Machine::start(&air, "laptop");
        machine.plug(Plug::new("hci0", Power::On).advertising(Advertising::None));
        let ended = diagnose(&machine, &service.arguments(), &["--advertise"]);
        assert_eq!(ended.code, Some(6), "{ended:?}");
        let expected = "Advertising failed: the Bluetooth adapter cannot ";
        assert!(ended.stdout.contains(expected), "{}", ended.stdout);
        let ended = diagnose(&machine, &service.arguments(), &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    #[test]
    fn one_adapter_can_be_chosen_by_its_name_or_address() {
        let Some(air) = Air::by_hand() else { return };
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let machine = Machine::start(&air, "laptop");
        machine.plug_in("hci0", Power::On);
        machine.plug_in("hci1", Power::Off);
        let address = machine.address("hci1");
        let lower = address.to_lowercase();
        for (name, code, adapter) in [
            ("hci0", 0, "hci0"),
            ("hci1", 4, "hci1"),
            (address.as_str(), 4, "hci1"),
            (lower.as_str(), 4, "hci1"),
        ] {
            let chosen = ["--adapter", name, "--json"];
            let ended = diagnose(&machine, &service.arguments(), &chosen);
            assert_eq!(ended.code, Some(code), "{ended:?}");
            let told = json(&ended);
            let adapters = told["bluetooth"]["adapters"].as_array().unwrap();
            let ids: Vec<&Value> = adapters.iter().map(|adapter| &adapter["id"]).collect();
            assert_eq!(ids, [adapter], "{name}");
        }
    }
}

/// `SSL_CERT_FILE` is the system's store. squid refuses the upgrade itself: the service has
/// another port than that of its `Host`.
#[test]
fn a_proxy_that_inspects_tls_is_trusted_if_its_root_is_in_the_systems_store() {
    let scratch = Scratch::new();
    let service = TunnelService::start(&scratch);
    let [flag, address, _, ca] = service.arguments();
    let root = CertificateDer::from_pem_file(&ca).unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let kind = Squids::Inspecting { authority: &authority, service: &root };
    let Some(squid) = Squid::start(&kind) else { return };
    let proxy = format!("http://{}", squid.address());
    for (trusted, step) in [(&authority, "upgrade"), (&other, "TLS")] {
        let store = scratch.write("store.pem", pem("CERTIFICATE", &trusted.root()));
        let program = Program::new("diagnose").arguments([&flag, &address, "--json"]);
        let program =
            program.environment("SSL_CERT_FILE", &store).environment("HTTPS_PROXY", &proxy);
        let told = json(&program.run());
        assert_eq!(told["tunnelServices"][0]["failedStep"], step, "{told}");
        let inspection = told["advice"].to_string().contains("secure connections are inspected");
        assert_eq!(inspection, step == "TLS", "{told}");
    }
}
