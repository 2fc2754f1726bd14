//! What each program says of itself, and to wrong arguments.

use crate::programs::{Program, Scratch};

const PROGRAMS: [&str; 4] = ["sign_in", "register", "phone", "diagnose"];

#[test]
fn each_program_explains_itself_on_standard_output() {
    for name in PROGRAMS {
        for flag in ["--help", "-h"] {
            let ended = Program::new(name).arguments([flag]).run();
            assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
            for part in ["usage: ", "Exit codes:", "--tunnel DOMAIN", "--json"] {
                let expected = name != "phone" || part != "--json";
                assert_eq!(ended.stdout.contains(part), expected, "{name}: {part}");
            }
            assert_eq!(ended.stderr, "");
        }
    }
}

#[test]
fn the_phone_says_beforehand_where_keys_and_messages_go() {
    let help = Program::new("phone").arguments(["--help"]).run().stdout;
    assert!(help.contains("not encrypted"), "{help}");
    assert!(help.contains("cable.ua5v.com, which Google runs"), "{help}");
}

#[test]
fn wrong_arguments_end_with_2_and_are_named() {
    let scratch = Scratch::new();
    let not_pem = scratch.write("not.pem", "hello");
    let origin = "https://example.com";
    let cases: &[(&str, &[&str], &str)] = &[
        ("sign_in", &[], "the site is missing"),
        ("sign_in", &["http://example.com"], "neither https nor http on localhost"),
        ("sign_in", &[origin, "--nonsense"], "unknown flag --nonsense"),
        ("sign_in", &[origin, origin], "too many arguments"),
        ("sign_in", &[origin, "--rp-id"], "--rp-id needs a value"),
        ("sign_in", &[origin, "--rp-id", "--json"], "--rp-id needs a value"),
        ("sign_in", &[origin, "--user-verification=always"], "--user-verification must be"),
        ("sign_in", &[origin, "--options", "/nonexistent"], "cannot read /nonexistent"),
        ("sign_in", &[origin, "--registered", &not_pem], "was not saved by register"),
        ("register", &[origin, "--tunnel", "example.com"], "not a tunnel service that clients"),
        ("register", &[origin, "--tunnel", "17"], "not a tunnel service that clients"),
        ("register", &[origin, "--ca", &not_pem], "cannot read certificates"),
        ("register", &[origin, "--tunnel-address", "nowhere"], "--tunnel-address nowhere"),
        ("register", &[origin, "--user", "a", "--options", "-"], "cannot be used with --options"),
        ("phone", &["--picture", "a", "--screen"], "use only one of"),
        ("phone", &[], "--store is needed"),
        ("diagnose", &["now"], "too many arguments"),
        ("diagnose", &["--advertise=yes"], "too many arguments"),
    ];
    for (name, arguments, expected) in cases {
        let ended = Program::new(name).arguments(*arguments).run();
        assert_eq!(ended.code, Some(2), "{name} {arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{name} {arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.ends_with("Try --help.\n"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_code_is_never_repeated() {
    let code = "FIDO:/0123456789";
    for (program, arguments) in
        [("phone", vec![code, code]), ("phone", vec![code]), ("diagnose", vec![code])]
    {
        let scratch = Scratch::new();
        let store = scratch.file("store");
        let program = Program::new(program).environment("XDG_DATA_HOME", &store);
        let ended = program.arguments(arguments).run();
        assert_ne!(ended.code, Some(0));
        assert!(!format!("{ended:?}").contains("0123456789"), "{ended:?}");
    }
}

#[test]
fn an_rp_that_may_not_use_the_rp_id_gets_no_code() {
    for name in ["sign_in", "register"] {
        let arguments = ["https://example.com", "--rp-id", "example.org", "--json"];
        let ended = Program::new(name).arguments(arguments).run();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!ended.stderr.contains('█'), "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with("error: the relying party's request was refused: "),
            "{ended:?}"
        );
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(told["error"]["name"], "SecurityError");
    }
}

#[test]
fn without_bluetooth_the_error_says_what_is_missing_and_what_to_do() {
    let ended = Program::new("sign_in").arguments(["https://example.com", "--json"]).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told["error"]["name"], "NotAllowedError");
    let message = told["error"]["message"].as_str().unwrap();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[0], "the system's Bluetooth service cannot be reached");
    assert!(lines[1].starts_with("  because: "), "{message}");
    assert_eq!(lines[2], "  while waiting for a phone");
    assert!(lines[3].starts_with("Start the system's Bluetooth service"), "{message}");
    assert_eq!(ended.stderr, format!("error: {message}\n"), "and no code is shown");
}
