//! The text of a QR code.

use std::error::Error;

use fido_hybrid::transport::{ASSIGNED_DOMAINS, QrCode, TunnelDomain};

use super::memory;

/// Text of a QR code: what is read is written so that it is read the same, and
/// an error says nothing of the text.
pub fn qr_url(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    // The digits hold fewer bytes than they are; errors hold nothing.
    let read = memory::within(text.len() + 1_024, || text.parse::<QrCode>());
    let code = match read {
        Ok(code) => code,
        Err(error) => {
            let mut message = error.to_string();
            if let Some(source) = error.source() {
                message.push_str(&source.to_string());
            }
            assert!(message.len() < 200, "{message}");
            return;
        }
    };

    let mut expected = code.clone();
    // Read from older clients, never written.
    expected.non_discoverable = None;
    for written in [code.to_text(), code.to_greased_text()] {
        assert!(written.expose().bytes().skip("FIDO:/".len()).all(|byte| byte.is_ascii_digit()));
        assert_eq!(written.expose().parse().as_ref(), Ok(&expected));
        assert_eq!(format!("{written:?}"), "QrText(..)");
    }
    assert!(!format!("{code:?}").contains(text.trim_end()));
    // There is always a way for messages to go.
    assert!(code.channels.has_bluetooth() || code.channels.has_web_socket());
    for domain in 0..=u16::MAX >> 6 {
        // A client cannot deny that it knows the hashed domains.
        if let Some(domain) = TunnelDomain::from_encoded(domain << 6 | 0x3f) {
            assert!(domain.is_assigned() || code.knows(domain));
        }
    }
    let assigned = (0..ASSIGNED_DOMAINS.len() as u16).filter_map(TunnelDomain::from_encoded);
    let known = assigned.filter(|domain| code.knows(*domain)).count() as u64;
    assert_eq!(known, code.known_domains.min(ASSIGNED_DOMAINS.len() as u64));
}
