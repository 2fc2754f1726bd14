//! What a domain is here: a host name as it stands in an origin, lower case,
//! ASCII, without the root's dot.
//!
//! Names in other scripts come in their ASCII form (`xn--…`), as browsers have
//! them in origins. This crate does not convert, since two ways to convert are
//! two ways to disagree about who asks.

use crate::ctap::bounds::MAX_RP_ID;
use crate::error::DomainError;

/// Length of a label in bytes [RFC 1035 §2.3.4].
const MAX_LABEL: usize = 63;

pub(super) fn check(text: &str) -> Result<(), DomainError> {
    if text.starts_with('[') {
        return Err(DomainError::IpAddress);
    }
    if text.is_empty() || text.len() > MAX_RP_ID {
        return Err(DomainError::Syntax);
    }
    if !text.is_ascii() || text.ends_with('.') || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(DomainError::NotCanonical);
    }
    let letter = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    for label in text.split('.') {
        if label.is_empty() || label.len() > MAX_LABEL || !label.bytes().all(letter) {
            return Err(DomainError::Syntax);
        }
    }
    // The URL standard takes a host for an IPv4 address by its last label
    // alone, so that `1.0x7f`, `127.1` and `2130706433` are addresses too.
    let last = text.rsplit('.').next().unwrap_or_default();
    let hex =
        last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    if hex || last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DomainError::IpAddress);
    }
    Ok(())
}

/// Whether the name never leaves the machine: `localhost`, and all below it
/// [RFC 6761 §6.3].
pub(super) fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken() {
        for name in
            ["localhost", "example.com", "xn--bcher-kva.example", "a_b.example", "1.example"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        assert_eq!(longest.len(), MAX_RP_ID);
        assert_eq!(check(&longest), Ok(()));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let (label, name) = ("a".repeat(64), "a.".repeat(127));
        for text in ["", "a..b", ".a", "a b", "a/b", "a%2eb", &label, &format!("{name}b")] {
            assert_eq!(check(text), Err(DomainError::Syntax), "{text}");
        }
        for text in ["Example.com", "example.com.", "bücher.example", "ｅxample.com"] {
            assert_eq!(check(text), Err(DomainError::NotCanonical), "{text}");
        }
    }

    #[test]
    fn addresses_are_refused_in_every_spelling() {
        for text in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "1.0x", "[::1]", "a.1"] {
            assert_eq!(check(text), Err(DomainError::IpAddress), "{text}");
        }
    }
}
