//! Lists as relying parties have them, and as they must not be.

use super::*;
use crate::error::DomainError;
use crate::webauthn::{BuiltInSuffixes, Caller};

fn request() -> RelatedOriginsRequest {
    RelatedOriginsRequest::new("example.com", &BuiltInSuffixes).unwrap()
}

fn read(body: &str) -> Result<RelatedOrigins, RelatedOriginsError> {
    request().read(200, Some("application/json"), body.as_bytes())
}

fn check(asking: &str, origins: &[&str]) -> Result<(), RelatedOriginsError> {
    let body = serde_json::json!({ "origins": origins }).to_string();
    read(&body).unwrap().check(&Origin::parse(asking).unwrap(), &BuiltInSuffixes)
}

#[test]
fn chromiums_cases_have_its_results() {
    const OK: &str = "ok";
    const JSON: &str = "Json";
    const NO: &str = "NotListed";
    const BEHIND: &str = "TooManyLabels";
    let origin = Origin::parse("https://foo.com").unwrap();
    for (json, expected) in [
        (r#"[]"#, JSON),
        (r#"{}"#, JSON),
        (r#"{"foo": "bar"}"#, JSON),
        (r#"{"origins": "bar"}"#, JSON),
        (r#"{"origins": []}"#, NO),
        (r#"{"origins": [1]}"#, JSON),
        (r#"{"origins": ["https://foo.com"]}"#, OK),
        (r#"{"origins": ["https://foo2.com"]}"#, NO),
        (r#"{"origins": ["https://com"]}"#, NO),
        (r#"{"origins": ["other://foo.com"]}"#, NO),
        (
            r#"{"origins": ["https://a.com","https://b.com","https://c.com","https://d.com","https://foo.com"]}"#,
            OK,
        ),
        (
            r#"{"origins": ["https://a.com","https://b.com","https://c.com","https://d.com","https://e.com","https://foo.com"]}"#,
            BEHIND,
        ),
        (
            r#"{"origins": ["https://a.com","https://b.com","https://c.com","https://d.com","https://foo.com","https://e.com"]}"#,
            OK,
        ),
        (
            r#"{"origins": ["https://foo.co.uk","https://foo.de","https://foo.in","https://foo.net","https://foo.org","https://foo.com"]}"#,
            OK,
        ),
    ] {
        let outcome = read(json).and_then(|list| list.check(&origin, &BuiltInSuffixes));
        let outcome = outcome.map_or_else(|error| format!("{error:?}"), |()| OK.to_owned());
        assert_eq!(outcome, expected, "{json}");
    }
}

#[test]
fn elements_are_read_as_urls() {
    for listed in [
        "https://foo.com",
        "https://foo.com/",
        "HTTPS://Foo.COM",
        "https://foo.com:443",
        "https://foo.com:/",
        "https://foo.com/path?query#fragment",
        "https://name@foo.com",
        " https://foo.com\n",
    ] {
        assert!(check("https://foo.com", &[listed]).is_ok(), "{listed}");
    }
    for listed in [
        "foo.com",
        "http://foo.com",
        "wss://foo.com",
        "https://foo.com:8443",
        "https://www.foo.com",
        "https://foo.com.",
        "https://foo.com@evil.example",
        "https://foo.com:x",
        "https://foo.com:99999",
        "https://evil.example/https://foo.com",
        "https://foo.com%00.evil.example",
        "https://*.com",
        "https://",
        "",
    ] {
        let outcome = check("https://foo.com", &[listed]);
        assert!(matches!(outcome, Err(RelatedOriginsError::NotListed)), "{listed}");
    }
    assert!(check("https://foo.com:8443", &["https://foo.com:8443"]).is_ok());
    assert!(check("https://foo.com:8443", &["https://foo.com"]).is_err());
}

#[test]
fn a_label_counts_once_and_what_has_no_domain_not_at_all() {
    let four = ["https://a.com", "http://b.com", "wss://c.com", "https://www.d.co.uk"];
    let list = |more: &[&'static str]| [&four[..], more, &["https://foo.com"]].concat();
    for more in [
        &["https://x.a.org", "https://b.github.io", "https://c.test:1", "https://d.de"][..],
        &["other://e.com", "https://192.0.2.1", "https://com", "https://localhost", "", "e.com"],
    ] {
        assert!(check("https://foo.com", &list(more)).is_ok(), "{more:?}");
    }
    let behind = check("https://foo.com", &list(&["https://e.com"]));
    assert!(matches!(behind, Err(RelatedOriginsError::TooManyLabels)));
    // The sixth label is not read, but what comes after it with an early one is.
    let again = ["https://e.com", "https://f.com", "https://a.net"];
    assert!(check("https://a.net", &[&four[..], &again].concat()).is_ok());
    let unlisted = check("https://g.com", &[&four[..], &again].concat());
    assert!(matches!(unlisted, Err(RelatedOriginsError::NotListed)));
}

#[test]
fn answers_of_another_kind_are_refused() {
    let body = br#"{"origins": ["https://foo.com"]}"#;
    let read = |status, content_type| request().read(status, content_type, body);
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=utf-8",
        " application/json ; x",
    ] {
        assert!(read(200, Some(content_type)).is_ok(), "{content_type}");
    }
    for content_type in [
        None,
        Some(""),
        Some("text/html"),
        Some("text/json"),
        Some("application/json+x"),
        Some("x;application/json"),
    ] {
        let error = read(200, content_type).unwrap_err();
        assert!(matches!(error, RelatedOriginsError::ContentType), "{content_type:?}");
    }
    for status in [100, 201, 204, 206, 301, 304, 404, 500, 0] {
        let error = read(status, Some("application/json")).unwrap_err();
        assert!(matches!(error, RelatedOriginsError::Status(it) if it == status), "{status}");
    }
}

#[test]
fn malformed_lists_are_refused() {
    for json in [
        "",
        " ",
        "null",
        "[[]]",
        r#"[["https://foo.com"]]"#,
        r#"{"origins": null}"#,
        r#"{"origins": {}}"#,
        r#"{"origins": ["https://foo.com", null]}"#,
        r#"{"origins": ["https://foo.com"], "origins": []}"#,
        r#"{"origins": ["https://foo.com"]} x"#,
        r#"{"origins": ["https://foo.com"],}"#,
        r#"{"Origins": ["https://foo.com"]}"#,
        r#"{"origins": ["\ud800"]}"#,
    ] {
        assert!(matches!(read(json), Err(RelatedOriginsError::Json)), "{json}");
    }
    let not_utf8 = request().read(200, Some("application/json"), b"{\"origins\": [\"\xff\"]}");
    assert!(matches!(not_utf8, Err(RelatedOriginsError::Json)));
    // Nesting takes no stack, where it is read and where it is skipped.
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(&format!(r#"{{"origins":{deep}}}"#)), Err(RelatedOriginsError::Json)));
    assert!(read(&format!(r#"{{"a":{deep},"origins":[]}}"#)).is_ok());
    // Other members, and a byte order mark.
    assert!(read("\u{feff}{\"v\": {\"x\": 1}, \"origins\": [\"https://foo.com\"]}").is_ok());
}

#[test]
fn a_list_has_a_limit_in_bytes() {
    let empty = r#"{"origins":[]}"#;
    let padded = format!("{empty}{}", " ".repeat(MAX_RELATED_ORIGINS - empty.len()));
    assert!(read(&padded).is_ok());
    assert!(matches!(read(&format!("{padded} ")), Err(RelatedOriginsError::TooLong)));
}

#[test]
fn no_list_is_fetched_for_what_no_list_can_allow() {
    let request = |rp_id| RelatedOriginsRequest::new(rp_id, &BuiltInSuffixes);
    assert_eq!(request("example.com").unwrap().url(), "https://example.com/.well-known/webauthn");
    for (rp_id, error) in [
        ("", RpIdError::Domain(DomainError::Syntax)),
        ("example.com:8443", RpIdError::Domain(DomainError::Syntax)),
        ("example.com/a", RpIdError::Domain(DomainError::Syntax)),
        ("user@example.com", RpIdError::Domain(DomainError::Syntax)),
        ("Example.com", RpIdError::Domain(DomainError::NotCanonical)),
        ("example.com.", RpIdError::Domain(DomainError::NotCanonical)),
        ("127.0.0.1", RpIdError::Domain(DomainError::IpAddress)),
        ("[::1]", RpIdError::Domain(DomainError::IpAddress)),
        ("com", RpIdError::PublicSuffix),
        ("github.io", RpIdError::PublicSuffix),
        ("intranet", RpIdError::PublicSuffix),
        ("localhost", RpIdError::PublicSuffix),
        ("app.localhost", RpIdError::OtherDomain),
        ("a.app.localhost", RpIdError::OtherDomain),
    ] {
        assert_eq!(request(rp_id), Err(error), "{rp_id}");
    }
}

#[test]
fn a_list_allows_its_own_rp_id_alone() {
    let asking = Caller::page(Origin::parse("https://foo.de").unwrap());
    let suffixes = &BuiltInSuffixes;
    let request = asking.related_origins(Some("example.com"), suffixes).unwrap().unwrap();
    assert_eq!(request.rp_id().as_str(), "example.com");
    let body = br#"{"origins": ["https://foo.de"]}"#;
    let list = request.read(200, Some("application/json"), body).unwrap();
    let related = asking.clone().with_related(&list, suffixes).unwrap();
    assert_eq!(related.rp_id(Some("example.com"), suffixes).unwrap().as_str(), "example.com");
    assert_eq!(related.related_origins(Some("example.com"), suffixes), Ok(None));
    // What it may use anyway stays, and nothing else comes with it.
    assert_eq!(related.rp_id(None, suffixes).unwrap().as_str(), "foo.de");
    for other in ["www.example.com", "example.org", "com"] {
        assert!(related.rp_id(Some(other), suffixes).is_err(), "{other}");
    }
    let other = Caller::page(Origin::parse("https://bar.de").unwrap());
    assert!(other.with_related(&list, suffixes).is_err());
}

#[test]
fn only_pages_and_frames_have_related_origins() {
    let suffixes = &BuiltInSuffixes;
    let origin = Origin::parse("https://foo.de").unwrap();
    let frame = Caller::frame(origin.clone(), None);
    assert!(frame.related_origins(Some("example.com"), suffixes).unwrap().is_some());
    let page = Caller::page(origin);
    for own in [None, Some("foo.de")] {
        assert_eq!(page.related_origins(own, suffixes), Ok(None));
    }
    let app = Caller::android_app(&[7; 32], "example.com").unwrap();
    assert_eq!(app.related_origins(Some("example.com"), suffixes), Ok(None));
    let refused = app.related_origins(Some("example.org"), suffixes);
    assert_eq!(refused, Err(RpIdError::OtherDomain));
}
