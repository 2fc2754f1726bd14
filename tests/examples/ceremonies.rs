//! Whole ceremonies: `register` and `sign_in` on one machine, `phone` on
//! another, which has the code from a picture of the first one's terminal.

use std::fs;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::bluez::{Air, Machine, Power};
use crate::pictures::Canvas;
use crate::programs::{Ended, Program, Running, Scratch};
use crate::tunnel_service::TunnelService;

/// An advertising interval of this air.
const INTERVAL: Duration = Duration::from_millis(20);

const ORIGIN: &str = "https://example.com";
const PIN: &str = "correct horse";

struct World {
    laptop: Machine,
    mobile: Machine,
    service: TunnelService,
    scratch: Scratch,
    air: Air,
}

impl World {
    /// `None`, said loudly, where there is no D-Bus daemon.
    fn new() -> Option<Self> {
        let air = Air::every(INTERVAL)?;
        let scratch = Scratch::new();
        let service = TunnelService::start(&scratch);
        let [laptop, mobile] = ["laptop", "mobile"].map(|name| Machine::start(&air, name));
        laptop.plug_in("hci0", Power::On);
        mobile.plug_in("hci0", Power::On);
        Some(Self { laptop, mobile, service, scratch, air })
    }

    fn desktop(&self, program: &str, arguments: &[&str]) -> Running {
        Program::new(program)
            .environment("DBUS_SYSTEM_BUS_ADDRESS", self.laptop.bus_address())
            .arguments([ORIGIN])
            .arguments(self.service.arguments())
            .arguments(arguments)
            .start()
    }

    /// The phone, with a picture of what the other program shows.
    fn phone(&self, desktop: &mut Running) -> Running {
        desktop.wait_for("Scan the QR code with your phone.");
        let picture = self.scratch.write("screen.png", photograph(&desktop.said));
        Program::new("phone")
            .environment("DBUS_SYSTEM_BUS_ADDRESS", self.mobile.bus_address())
            .arguments(["--picture", &picture, "--store", &self.scratch.file("store")])
            .arguments(self.service.arguments())
            .start()
    }

    /// The same, of a user who has used the program before.
    fn known_phone(&self, desktop: &mut Running) -> Running {
        let phone = self.phone(desktop);
        assert!(fs::exists(self.scratch.file("store")).unwrap());
        phone
    }

    /// A passkey for this account, and what the server keeps of it.
    fn registered(&self, user: &str) -> String {
        let keep = self.scratch.file(&format!("{user}.json"));
        let mut register = self.desktop("register", &["--user", user, "--keep", &keep]);
        let mut phone = self.phone(&mut register);
        if !fs::exists(self.scratch.file("store")).unwrap() {
            choose_pin(&mut phone);
        }
        phone.wait_for("create a passkey for example.com on this device. Allow it?");
        phone.wait_for(user);
        say_yes(&mut phone);
        succeeded(register.finish());
        assert_eq!(phone.finish().code, Some(0));
        keep
    }
}

/// What a camera sees of the code in a terminal.
pub(crate) fn photograph(terminal: &str) -> Vec<u8> {
    let is_code =
        |line: &&str| line.chars().count() > 20 && line.chars().all(|c| " ▀▄█".contains(c));
    let lines = terminal.lines().filter(is_code);
    let modules: Vec<Vec<bool>> = lines
        .flat_map(|line| {
            let row = |dark: &str| line.chars().map(|c| dark.contains(c)).collect();
            [row("▀█"), row("▄█")]
        })
        .collect();
    let mut canvas = Canvas::new(1280, 1000);
    canvas.draw((300, 200), &modules);
    canvas.png()
}

pub(crate) fn choose_pin(phone: &mut Running) {
    for question in ["New PIN:", "Repeat the PIN:"] {
        phone.wait_for(question);
        phone.type_line(PIN);
    }
}

fn say_yes(phone: &mut Running) {
    phone.wait_for("(y) or cancel (n)?");
    phone.type_line("y");
    phone.wait_for("PIN:");
    phone.type_line(PIN);
}

/// Its answer.
#[track_caller]
fn succeeded(ended: Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

fn read(file: &str) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_passkey_is_registered_and_signs_in() {
    let Some(world) = World::new() else { return };
    let keep = world.registered("ada@example.com");

    let mut sign_in = world.desktop("sign_in", &["--registered", &keep]);
    let mut phone = world.known_phone(&mut sign_in);
    phone.wait_for("Another device wants to sign in to example.com. Use your passkey?");
    phone.wait_for("ada@example.com");
    say_yes(&mut phone);
    sign_in.wait_for("A phone is nearby.");
    let ended = sign_in.finish();
    assert!(ended.stderr.ends_with("The answer and its signature are valid.\n"), "{ended:?}");
    let answer = succeeded(ended);
    assert_eq!(answer["id"], read(&keep)["registration"]["id"]);
    let ended = phone.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("The other device was signed in."), "{}", ended.stderr);
}

#[test]
fn without_the_public_key_the_signature_is_not_called_right() {
    let Some(world) = World::new() else { return };
    world.registered("ada");
    let mut sign_in = world.desktop("sign_in", &[]);
    let mut phone = world.known_phone(&mut sign_in);
    say_yes(&mut phone);
    let ended = sign_in.finish();
    assert!(ended.stderr.contains("Its signature was not verified"), "{}", ended.stderr);
    succeeded(ended);
}

#[test]
fn a_signature_of_another_key_is_refused_with_3() {
    let Some(world) = World::new() else { return };
    let keep = world.registered("ada");
    // On file is another key for the same credential: that of a second account.
    let other = read(&world.registered("bob"));
    let mut forged = read(&keep);
    let old = forged["registration"]["id"].as_str().unwrap().to_owned();
    let new = other["registration"]["id"].as_str().unwrap();
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let mut object =
        decode(other["registration"]["response"]["attestationObject"].as_str().unwrap());
    let (old, new) = (decode(&old), decode(new));
    let place = object.windows(new.len()).position(|part| part == new).unwrap();
    object[place..place + new.len()].copy_from_slice(&old);
    forged["registration"]["response"]["attestationObject"] =
        BASE64URL_NOPAD.encode(&object).into();
    let forged = world.scratch.write("forged.json", forged.to_string());

    let mut sign_in = world.desktop("sign_in", &["--registered", &forged]);
    let mut phone = world.known_phone(&mut sign_in);
    say_yes(&mut phone);
    let ended = sign_in.finish();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let refused = "a server would refuse this answer: the signature is invalid";
    assert!(ended.stderr.contains(refused), "{}", ended.stderr);
}

#[test]
fn of_two_accounts_the_one_that_is_chosen_signs_in() {
    let Some(world) = World::new() else { return };
    let first = read(&world.registered("ada"));
    world.registered("bob");
    let mut sign_in = world.desktop("sign_in", &[]);
    let mut phone = world.known_phone(&mut sign_in);
    phone.wait_for("  1  bob");
    phone.wait_for("  2  ada");
    for nonsense in ["0", "3", "ada", ""] {
        phone.wait_for("Which account?");
        phone.type_line(nonsense);
    }
    phone.wait_for("Which account?");
    phone.type_line("2");
    phone.wait_for("PIN:");
    phone.type_line(PIN);
    let answer = succeeded(sign_in.finish());
    assert_eq!(answer["response"]["userHandle"], first["userHandle"]);
    assert_eq!(phone.finish().code, Some(0));
}

#[test]
fn a_servers_own_options_are_used_and_answered() {
    let Some(world) = World::new() else { return };
    let options = json!({
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": "QURB", "name": "ada", "displayName": "Ada"},
        "challenge": "YSBzZXJ2ZXIncyBjaGFsbGVuZ2U",
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    });
    let mut register = world.desktop("register", &["--options", "-"]);
    register.type_line(&options.to_string());
    register.end_input();
    let mut phone = world.phone(&mut register);
    choose_pin(&mut phone);
    phone.wait_for("The site calls itself \"Example\". This name is not verified.");
    phone.wait_for("Ada (ada)");
    say_yes(&mut phone);
    let answer = succeeded(register.finish());
    let client_data = answer["response"]["clientDataJSON"].as_str().unwrap();
    let client_data = BASE64URL_NOPAD.decode(client_data.as_bytes()).unwrap();
    let client_data: Value = serde_json::from_slice(&client_data).unwrap();
    assert_eq!(client_data["challenge"], options["challenge"]);
    assert_eq!(client_data["origin"], ORIGIN);

    let options = json!({
        "rpId": "example.com",
        "challenge": "YW5vdGhlciBjaGFsbGVuZ2U",
        "allowCredentials": [{"type": "public-key", "id": answer["id"]}],
    });
    let options = world.scratch.write("options.json", options.to_string());
    let mut sign_in = world.desktop("sign_in", &["--options", &options]);
    let mut phone = world.known_phone(&mut sign_in);
    say_yes(&mut phone);
    assert_eq!(succeeded(sign_in.finish())["id"], answer["id"]);
}

#[test]
fn a_passkey_of_another_rp_does_not_count() {
    let Some(world) = World::new() else { return };
    let mut other = read(&world.registered("ada"));
    other["rpId"] = "example.org".into();
    let other = world.scratch.write("other.json", other.to_string());
    let ended = world.desktop("sign_in", &["--registered", &other]).finish();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("the saved passkey is for example.org"), "{}", ended.stderr);
}

#[test]
fn a_refusal_ends_both_programs_and_is_no_failure_of_the_phone() {
    let Some(world) = World::new() else { return };
    let mut register = world.desktop("register", &["--json"]);
    let mut phone = world.phone(&mut register);
    choose_pin(&mut phone);
    phone.wait_for("(y) or cancel (n)?");
    phone.type_line("maybe");
    phone.wait_for("(y) or cancel (n)?");
    phone.type_line("n");
    let ended = register.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told["error"]["name"], "NotAllowedError");
    let ended = phone.finish();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.ends_with("You declined the request.\n"), "{}", ended.stderr);
}

#[test]
fn an_approval_to_tell_of_a_passkey_is_not_taken_for_a_refusal() {
    let Some(world) = World::new() else { return };
    let known = read(&world.registered("ada"));
    let options = json!({
        "rp": {"id": "example.com", "name": ""},
        "user": {"id": "QURB", "name": "ada", "displayName": "Ada"},
        "challenge": "YSBzZXJ2ZXIncyBjaGFsbGVuZ2U",
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "excludeCredentials": [{"type": "public-key", "id": known["registration"]["id"]}],
    });
    let options = world.scratch.write("options.json", options.to_string());
    let mut register = world.desktop("register", &["--options", &options, "--json"]);
    let mut phone = world.known_phone(&mut register);
    phone.wait_for("Tell it that one exists?");
    phone.wait_for("(y) or cancel (n)?");
    phone.type_line("y");
    let told: Value = serde_json::from_str(&register.finish().stdout).unwrap();
    assert_eq!(told["error"]["name"], "InvalidStateError");
    let ended = phone.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = "No passkey was created: this device already has one for this site.\n";
    assert!(ended.stderr.ends_with(told), "{}", ended.stderr);
    assert!(!ended.stderr.contains("The site calls itself"), "an empty name: {}", ended.stderr);
}

#[test]
fn the_end_of_the_input_is_a_refusal() {
    let Some(world) = World::new() else { return };
    let mut register = world.desktop("register", &[]);
    let mut phone = world.phone(&mut register);
    choose_pin(&mut phone);
    phone.wait_for("(y) or cancel (n)?");
    phone.end_input();
    assert_eq!(register.finish().code, Some(1));
    assert_eq!(phone.finish().code, Some(3));
}

#[test]
fn a_pin_is_tried_three_times_and_not_typed_ahead() {
    let Some(world) = World::new() else { return };
    world.registered("ada");
    let mut sign_in = world.desktop("sign_in", &[]);
    let mut phone = world.known_phone(&mut sign_in);
    phone.wait_for("(y) or cancel (n)?");
    phone.type_line("y");
    phone.wait_for("PIN:");
    // The second line comes before it is asked for.
    phone.type_line(&format!("wrong\n{PIN}"));
    for _ in 0..2 {
        phone.wait_for("Wrong PIN.");
        phone.wait_for("PIN:");
        phone.type_line("wrong");
    }
    let ended = phone.finish();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stderr.matches("Wrong PIN.").count(), 3);
    let refused = "The request was refused: you were not verified.\n";
    assert!(ended.stderr.ends_with(refused), "{}", ended.stderr);
    assert_eq!(sign_in.finish().code, Some(1));
}

#[test]
fn interrupting_the_desktop_takes_the_prompt_off_the_phone() {
    let Some(world) = World::new() else { return };
    let mut register = world.desktop("register", &["--json"]);
    let mut phone = world.phone(&mut register);
    choose_pin(&mut phone);
    phone.wait_for("(y) or cancel (n)?");
    register.interrupt();
    let ended = register.finish();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    // A person at the program, as one who closes a browser's window.
    assert_eq!(told["error"]["name"], "NotAllowedError");
    phone.wait_for("The other device disconnected.");
    let ended = phone.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cancelled by the client"), "{}", ended.stderr);
}

#[test]
fn interrupting_the_phone_tells_the_desktop() {
    let Some(world) = World::new() else { return };
    let mut register = world.desktop("register", &[]);
    let mut phone = world.phone(&mut register);
    choose_pin(&mut phone);
    phone.wait_for("(y) or cancel (n)?");
    phone.interrupt();
    assert_eq!(phone.finish().code, Some(130));
    let ended = register.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let off_the_air = || world.mobile.registered("hci0").is_empty();
    Runtime::new().unwrap().block_on(world.air.until("the advert is off the air", off_the_air));
}

#[test]
fn a_radio_that_is_off_is_told_and_the_same_code_is_good_once_it_is_on() {
    let Some(world) = World::new() else { return };
    world.laptop.switch("hci0", Power::Off);
    let mut register = world.desktop("register", &[]);
    let mut phone = world.phone(&mut register);
    register.wait_for("Bluetooth is switched off. Turn on Bluetooth.");
    choose_pin(&mut phone);
    phone.wait_for("Bring both devices close together.");
    world.laptop.switch("hci0", Power::On);
    register.wait_for("Bluetooth is on.");
    say_yes(&mut phone);
    succeeded(register.finish());
    assert_eq!(phone.finish().code, Some(0));
}
