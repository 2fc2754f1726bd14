//! What holds for every text that a person reads, asserted by the tests of each.

/// Words of the code, the standards and the wire, which no person needs.
const CODE_WORDS: &[&str] = &[
    "tunnel",
    "advert",
    "advertise",
    "relying",
    "rp",
    "ctap",
    "cbor",
    "eid",
    "psk",
    "handshake",
    "session",
    "transaction",
    "ceremony",
    "authenticator",
    "client",
    "store",
    "engine",
    "getinfo",
    "none",
    "null",
    "credential",
    "origin",
];

/// Panics unless the whole text has at most 15 words.
pub(crate) fn assert_is_short(text: &str) {
    assert!(text.split_whitespace().count() <= 15, "{text}");
    assert_is_plain(text);
}

/// Panics unless each sentence has at most 15 words.
pub(crate) fn assert_has_short_sentences(text: &str) {
    for sentence in text.split(". ") {
        assert!(sentence.split_whitespace().count() <= 15, "{sentence}");
    }
    assert_is_plain(text);
}

fn assert_is_plain(text: &str) {
    assert!(text.starts_with(|it: char| it.is_ascii_uppercase()), "{text}");
    assert!(text.ends_with(['.', '?']) && !text.contains("  "), "{text}");
    assert!(!text.contains(['`', '_', ';', '{', '(']) && !text.contains("::"), "{text}");
    let lower = text.to_lowercase();
    let mut words = lower.split(|it: char| !it.is_alphanumeric());
    assert!(!words.any(|it| CODE_WORDS.contains(&it)), "{text}");
}
