//! Origins and RP IDs: the cases of other projects as one table, with what this crate
//! does and what they do. A row where the two differ has its reason.
//!
//! The cases are those of web-platform-tests (`webauthn/*-badargs-*`), of Chromium's
//! tests of RP IDs, and of the table in HTML under "is a registrable domain suffix of
//! or is equal to".
//!
//! Clauses: [WebAuthn L3 §4, §5.1.3, §5.1.4] [HTML §7.1.1].

#![cfg(feature = "webauthn")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use fido_hybrid_proto::error::{DomException, Error};
use fido_hybrid_proto::webauthn::{CreationOptions, Origin, RequestOptions};
use serde_json::{Value, json};

/// Allowed, with the RP ID that the phone gets.
const ALLOWED: &str = "allowed";

// The ids of the errors.
const SYNTAX: &str = "options.rp-id-syntax";
const NOT_CANONICAL: &str = "options.rp-id-not-canonical";
const IP_ADDRESS: &str = "options.rp-id-ip-address";
const OTHER_DOMAIN: &str = "options.rp-id-other-domain";
const PUBLIC_SUFFIX: &str = "options.rp-id-public-suffix";
const SCHEME: &str = "origin.scheme";
const HOST_SYNTAX: &str = "origin.host-syntax";
const HOST_NOT_CANONICAL: &str = "origin.host-not-canonical";
const HOST_IP_ADDRESS: &str = "origin.host-ip-address";

// Why a row is refused here that is allowed elsewhere.
const ROOT: &str =
    "a name with the root's dot is another origin to servers, and their RP IDs have none";
const EMPTY_LABELS: &str = "no name has empty labels, and Chromium's reading of them is its own";
const ADDRESS: &str = "HTML allows an address that equals itself; WebAuthn has no RP ID for one";

/// One case: who asks, with which RP ID; what this crate says, and what the others say.
struct Row {
    url: &'static str,
    rp_id: &'static str,
    here: &'static str,
    /// Whether it is allowed elsewhere.
    there: bool,
    why: Option<&'static str>,
}

const fn same(url: &'static str, rp_id: &'static str, here: &'static str) -> Row {
    // Both allow it, or both refuse it.
    let there = matches!(here.as_bytes(), b"allowed");
    Row { url, rp_id, here, there, why: None }
}

const fn stricter(
    url: &'static str,
    rp_id: &'static str,
    here: &'static str,
    why: &'static str,
) -> Row {
    Row { url, rp_id, here, there: true, why: Some(why) }
}

const CHROMIUM: &[Row] = &[
    same("http://localhost", "localhost", ALLOWED),
    same("https://localhost", "localhost", ALLOWED),
    same("https://myawesomedomain", "myawesomedomain", ALLOWED),
    same("https://example.com", "example.com", ALLOWED),
    same("https://foo.bar.google.com", "foo.bar.google.com", ALLOWED),
    same("https://foo.bar.google.com", "bar.google.com", ALLOWED),
    same("https://foo.bar.google.com", "google.com", ALLOWED),
    same("https://earth.login.awesomecompany", "login.awesomecompany", ALLOWED),
    same("https://google.com:1337", "google.com", ALLOWED),
    stricter("https://google.com.", "google.com", HOST_NOT_CANONICAL, ROOT),
    stricter("https://google.com.", "google.com.", HOST_NOT_CANONICAL, ROOT),
    stricter("https://google.com..", "google.com..", HOST_NOT_CANONICAL, ROOT),
    stricter("https://.google.com", "google.com", HOST_SYNTAX, EMPTY_LABELS),
    stricter("https://..google.com", "google.com", HOST_SYNTAX, EMPTY_LABELS),
    stricter("https://.google.com", ".google.com", HOST_SYNTAX, EMPTY_LABELS),
    stricter("https://..google.com", ".google.com", HOST_SYNTAX, EMPTY_LABELS),
    stricter("https://accounts.google.com", ".google.com", SYNTAX, EMPTY_LABELS),
    same("https://google.com", "com", PUBLIC_SUFFIX),
    same("http://google.com", "google.com", SCHEME),
    same("http://myawesomedomain", "myawesomedomain", SCHEME),
    same("https://google.com", "foo.bar.google.com", OTHER_DOMAIN),
    same("http://myawesomedomain", "randomdomain", SCHEME),
    same("https://myawesomedomain", "randomdomain", OTHER_DOMAIN),
    same("https://notgoogle.com", "google.com)", SYNTAX),
    same("https://not-google.com", "google.com)", SYNTAX),
    same("https://notexample.com", "example.com", OTHER_DOMAIN),
    same("https://evil.appspot.com", "appspot.com", PUBLIC_SUFFIX),
    same("https://evil.co.uk", "co.uk", PUBLIC_SUFFIX),
    same("https://google.com", "google.com.", NOT_CANONICAL),
    same("https://google.com", "google.com..", NOT_CANONICAL),
    same("https://google.com", ".google.com", SYNTAX),
    same("https://google.com..", "google.com", HOST_NOT_CANONICAL),
    same("https://.com", "com.", HOST_SYNTAX),
    same("https://.co.uk", "co.uk.", HOST_SYNTAX),
    same("https://1.2.3", "1.2.3", HOST_IP_ADDRESS),
    same("https://1.2.3", "2.3", HOST_IP_ADDRESS),
    same("https://127.0.0.1", "127.0.0.1", HOST_IP_ADDRESS),
    same("https://127.0.0.1", "27.0.0.1", HOST_IP_ADDRESS),
    same("https://127.0.0.1", ".0.0.1", HOST_IP_ADDRESS),
    same("https://127.0.0.1", "0.0.1", HOST_IP_ADDRESS),
    same("http://127.0.0.1", "127.0.0.1", HOST_IP_ADDRESS),
    same("https://192.168.0.1", "192.168.0.1", HOST_IP_ADDRESS),
    same("https://[::127.0.0.1]", "127.0.0.1", HOST_IP_ADDRESS),
    same("https://[::127.0.0.1]", "[127.0.0.1]", HOST_IP_ADDRESS),
    same("https://[::1]", "1", HOST_IP_ADDRESS),
    same("https://[::1]", "1]", HOST_IP_ADDRESS),
    same("https://[::1]", "::1", HOST_IP_ADDRESS),
    same("https://[::1]", "[::1]", HOST_IP_ADDRESS),
    same("https://[1::1]", "::1", HOST_IP_ADDRESS),
    same("https://[1::1]", "::1]", HOST_IP_ADDRESS),
    same("https://[1::1]", "[::1]", HOST_IP_ADDRESS),
    same("http://google.com:443", "google.com", SCHEME),
    same("data:google.com", "google.com", SCHEME),
    same("data:text/html,google.com", "google.com", SCHEME),
    same("ws://google.com", "google.com", SCHEME),
    same("gopher://google.com", "google.com", SCHEME),
    same("ftp://google.com", "google.com", SCHEME),
    same("file:///google.com", "google.com", SCHEME),
    same("wss://google.com", "google.com", SCHEME),
    same("about:blank", "google.com", SCHEME),
    same("chrome://settings", "settings", SCHEME),
    same("chrome-extension://example", "example", SCHEME),
    same(
        "isolated-app://aerugqztij5biqquuk3mfwpsaibuegaqcitgfchwuosuofdjabzqaaic",
        "localhost",
        SCHEME,
    ),
    same("data:,", "", SCHEME),
    same("https://google.com", "", SYNTAX),
    same("ws:///google.com", "", SCHEME),
    same("wss:///google.com", "", SCHEME),
    same("file:///google.com", "", SCHEME),
    same("https://login.awesomecompany", "awesomecompany", PUBLIC_SUFFIX),
    same("https://localhost", "example.com", OTHER_DOMAIN),
    same("http://foo.localhost", "localhost", PUBLIC_SUFFIX),
    // Inside the host's own public suffix.
    same("https://foo.up.railway.app", "railway.app", PUBLIC_SUFFIX),
];

const HTML: &[Row] = &[
    stricter("https://0.0.0.0", "0.0.0.0", HOST_IP_ADDRESS, ADDRESS),
    stricter("https://0.1.2.3", "0x10203", HOST_IP_ADDRESS, ADDRESS),
    stricter("https://[::1]", "[0::1]", HOST_IP_ADDRESS, ADDRESS),
    same("https://example.com", "example.com", ALLOWED),
    same("https://example.com.", "example.com", HOST_NOT_CANONICAL),
    same("https://example.com", "example.com.", NOT_CANONICAL),
    same("https://www.example.com", "example.com", ALLOWED),
    same("https://example.com", "com", PUBLIC_SUFFIX),
    same("https://example", "example", ALLOWED),
    same("https://example.compute.amazonaws.com", "compute.amazonaws.com", PUBLIC_SUFFIX),
    same(
        "https://www.example.compute.amazonaws.com",
        "example.compute.amazonaws.com",
        PUBLIC_SUFFIX,
    ),
    same("https://www.example.compute.amazonaws.com", "amazonaws.com", PUBLIC_SUFFIX),
    same("https://test.amazonaws.com", "amazonaws.com", ALLOWED),
];

/// The page of web-platform-tests is `https://web-platform.test:8443`.
const WPT: &[Row] = &[
    same(WPT_PAGE, "web-platform.test", ALLOWED),
    same(WPT_PAGE, "", SYNTAX),
    same(WPT_PAGE, "null", OTHER_DOMAIN),
    same(WPT_PAGE, "[object Object]", IP_ADDRESS),
    same(WPT_PAGE, "invalid domain.com", SYNTAX),
    same(WPT_PAGE, "-invaliddomain.com", OTHER_DOMAIN),
    same(WPT_PAGE, "0invaliddomain.com", OTHER_DOMAIN),
    same(WPT_PAGE, "web-platform.test:8443", SYNTAX),
    same(WPT_PAGE, "web-platform.test:443", SYNTAX),
];
const WPT_PAGE: &str = "https://web-platform.test:8443";

// Why a row is refused here although HTML's algorithm converts it first.
const SCRIPT: &str =
    "Chromium refuses it too; those that convert disagree on what the phone hashes";
const URLS: &str = "a URL library converts; what it returns is taken";
const CASE: &str = "Chromium's URLs have lower case already; for RP IDs it refuses too";

/// Other scripts, and names that play with the list of suffixes.
const LISTS: &[Row] = &[
    same("https://xn--bcher-kva.example", "xn--bcher-kva.example", ALLOWED),
    same("https://shop.xn--bcher-kva.example", "xn--bcher-kva.example", ALLOWED),
    same("https://xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai", ALLOWED),
    same("https://a.xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai", ALLOWED),
    same("https://xn--e1afmkfd.xn--p1ai", "xn--p1ai", PUBLIC_SUFFIX),
    same("https://a.xn--55qx5d.cn", "xn--55qx5d.cn", PUBLIC_SUFFIX),
    stricter("https://xn--bcher-kva.example", "bücher.example", NOT_CANONICAL, SCRIPT),
    stricter("https://xn--bcher-kva.example", "BÜCHER.example", NOT_CANONICAL, SCRIPT),
    stricter("https://bücher.example", "bücher.example", HOST_NOT_CANONICAL, URLS),
    stricter("https://bücher.example", "xn--bcher-kva.example", HOST_NOT_CANONICAL, URLS),
    stricter("https://example.com", "ｅxample.com", NOT_CANONICAL, SCRIPT),
    stricter("https://example.com", "example。com", NOT_CANONICAL, SCRIPT),
    stricter("https://example.com", "exam\u{ad}ple.com", NOT_CANONICAL, SCRIPT),
    stricter("https://example.com", "EXAMPLE.com", NOT_CANONICAL, CASE),
    // Kelvin sign and long s fold to ASCII letters.
    same("https://evil.example", "\u{212a}.example", NOT_CANONICAL),
    same("https://example.com", "exam%70le.com", SYNTAX),
    same("https://example.com", "example.com\0", SYNTAX),
    same("https://example.com", "example.com/", SYNTAX),
    same("https://example.com", "https://example.com", SYNTAX),
    same("https://example.com", " example.com", SYNTAX),
    same("https://example.com", "*.com", SYNTAX),
    same("https://example.com", "*", SYNTAX),
    same("https://example.com", ".", NOT_CANONICAL),
    same("https://example.com", ".com", SYNTAX),
    same("https://example.com", "com.", NOT_CANONICAL),
    same("https://example.com", "COM", NOT_CANONICAL),
    same("https://example.com", "e.com", OTHER_DOMAIN),
    same("https://example.com", "ample.com", OTHER_DOMAIN),
    // A wildcard, what it covers, and its exception.
    same("https://www.ck", "www.ck", ALLOWED),
    same("https://a.www.ck", "www.ck", ALLOWED),
    same("https://a.shop.ck", "shop.ck", PUBLIC_SUFFIX),
    same("https://b.a.shop.ck", "a.shop.ck", ALLOWED),
    same("https://a.shop.ck", "ck", PUBLIC_SUFFIX),
    same("https://a.www.ck", "ck", PUBLIC_SUFFIX),
    same("https://a.b.c.kobe.jp", "c.kobe.jp", PUBLIC_SUFFIX),
    same("https://a.b.c.kobe.jp", "b.c.kobe.jp", ALLOWED),
    same("https://a.city.kobe.jp", "city.kobe.jp", ALLOWED),
    same("https://a.city.kobe.jp", "kobe.jp", PUBLIC_SUFFIX),
    // Suffixes of the private section, and what is between two of them.
    same("https://me.github.io", "github.io", PUBLIC_SUFFIX),
    same("https://github.io", "github.io", ALLOWED),
    same("https://me.github.io", "io", PUBLIC_SUFFIX),
    same(
        "https://a.s3.dualstack.eu-west-1.amazonaws.com",
        "eu-west-1.amazonaws.com",
        PUBLIC_SUFFIX,
    ),
    same("https://a.s3.dualstack.eu-west-1.amazonaws.com", "amazonaws.com", PUBLIC_SUFFIX),
    // Names that no list has: the last label is the suffix.
    same("https://a.corp", "corp", PUBLIC_SUFFIX),
    same("https://b.a.corp", "a.corp", ALLOWED),
    same("https://intranet", "intranet", ALLOWED),
    same("http://app.localhost:3000", "app.localhost", ALLOWED),
    same("http://a.app.localhost", "app.localhost", ALLOWED),
    // As text, the host of one is a suffix of the other's.
    same("https://evil-github.io", "github.io", OTHER_DOMAIN),
    same("https://evilgoogle.com", "google.com", OTHER_DOMAIN),
    same("https://google.com.evil.example", "google.com", OTHER_DOMAIN),
    // Android writes this; it is taken by `Caller::android_app` alone.
    same("android:apk-key-hash:-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s", "example.com", SCHEME),
];

/// What both kinds of options say, or the origin before them.
fn outcome(row: &Row) -> &'static str {
    let origin = match Origin::from_url(row.url) {
        Ok(origin) => origin,
        Err(error) => return Error::from(error).kind.as_str(),
    };
    let mut get = RequestOptions::new([1]);
    get.rp_id = Some(row.rp_id.to_owned());
    let mut create = CreationOptions::from_json(&creation_json().to_string()).unwrap();
    create.rp_id = Some(row.rp_id.to_owned());
    match (get.prepare(&origin), create.prepare(&origin)) {
        (Ok(get), Ok(create)) => {
            assert_eq!((get.rp_id(), &*create.rp().id), (row.rp_id, row.rp_id));
            ALLOWED
        }
        (Err(get), Err(create)) => {
            assert_eq!(get, create);
            let error = Error::from(get);
            assert_eq!(error.dom_exception(), DomException::Security);
            error.kind.as_str()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn origins_and_rp_ids_are_judged_as_the_table_says() {
    let rows: Vec<_> = [CHROMIUM, HTML, WPT, LISTS].into_iter().flatten().collect();
    assert!(rows.len() >= 130, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let here = outcome(row);
        if here != row.here {
            wrong.push(format!("{} {}: {here}, not {}", row.url, row.rp_id, row.here));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_row_that_differs_says_why_and_is_the_stricter_one() {
    for row in [CHROMIUM, HTML, WPT, LISTS].into_iter().flatten() {
        let differs = (row.here == ALLOWED) != row.there;
        assert_eq!(differs, row.why.is_some(), "{} {}", row.url, row.rp_id);
        assert!(!differs || row.there, "{} {} is allowed here alone", row.url, row.rp_id);
    }
}

fn creation_json() -> Value {
    json!({
        "challenge": "AAECAw",
        "rp": {"name": "Example"},
        "user": {"id": "Bwg", "name": "ada", "displayName": "Ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    })
}

/// In JSON, where `rpId` may have any type. (Other bad arguments of web-platform-tests are
/// in `webauthn/platform_tests.rs`.) A row has the exception that those tests expect, and
/// what this crate does.
#[test]
fn an_rp_id_of_another_type_is_converted_first() {
    const NULL: &str = "`null` counts as an absent member: servers write it for one";
    let origin = Origin::from_url(WPT_PAGE).unwrap();
    for (value, there, here, why) in [
        (json!(""), "SecurityError", "SecurityError", ""),
        (json!(null), "SecurityError", ALLOWED, NULL),
        (json!({}), "SecurityError", "SecurityError", ""),
        (json!([]), "SecurityError", "SecurityError", ""),
        (json!(1), "SecurityError", "SecurityError", ""),
        (json!(true), "SecurityError", "SecurityError", ""),
        (json!(["web-platform.test"]), ALLOWED, ALLOWED, ""),
        (json!("web-platform.test"), ALLOWED, ALLOWED, ""),
    ] {
        let mut get = json!({"challenge": "AAECAw"});
        get["rpId"] = value.clone();
        let get = RequestOptions::from_json(&get.to_string()).unwrap().prepare(&origin);
        let mut create = creation_json();
        create["rp"]["id"] = value.clone();
        let create = CreationOptions::from_json(&create.to_string()).unwrap().prepare(&origin);
        for outcome in [get.map(drop), create.map(drop)] {
            let error = outcome.map_err(|error| Error::from(error).dom_exception().name());
            assert_eq!(error.err().unwrap_or(ALLOWED), here, "{value}");
        }
        assert_eq!(there != here, !why.is_empty(), "{value}");
    }
}
