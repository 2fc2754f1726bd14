//! What reaches a linked phone through its tunnel service, and the texts that
//! a tunnel service reads in paths and headers.

use fido_hybrid::transport::{
    ContactHint, ContactId, ContactRequest, ContactRequestError, MAX_CONTACT_ID,
    MAX_CONTACT_REQUEST, RoutingId, TunnelDomain, TunnelId, TunnelUrl,
};

use super::memory;

/// A contact request as bytes and as a header, and the ids of a path.
pub fn contact_request(input: &[u8]) {
    let read = memory::within(0, || ContactRequest::from_bytes(input));
    match read {
        Ok(request) => {
            assert_eq!(ContactRequest::from_bytes(&request.to_bytes()), Ok(request));
            assert_eq!(ContactRequest::from_header(&request.to_header()), Ok(request));
            assert_eq!(ContactHint::from_request(request.hint.into()), Some(request.hint));
        }
        Err(error) => {
            let is_too_long = error == ContactRequestError::TooLong;
            assert_eq!(is_too_long, input.len() > MAX_CONTACT_REQUEST);
        }
    }
    let contact = ContactId::new(input);
    assert_eq!(contact.is_ok(), input.len() <= MAX_CONTACT_ID);
    if let Ok(contact) = contact {
        called(&contact);
    }

    let Ok(text) = str::from_utf8(input) else { return };
    let header = memory::within(MAX_CONTACT_REQUEST, || ContactRequest::from_header(text));
    if let Ok(request) = header {
        assert_eq!(ContactRequest::from_header(&request.to_header()), Ok(request));
    }
    if let Some(routing) = RoutingId::from_hex(text) {
        assert_eq!(routing.to_string(), text.to_ascii_uppercase());
    }
    if let Some(tunnel) = TunnelId::from_hex(text) {
        assert_eq!(tunnel.to_string(), text.to_ascii_uppercase());
    }
    if let Some(contact) = memory::within(MAX_CONTACT_ID + 2, || ContactId::from_base64url(text)) {
        assert_eq!(called(&contact), text);
    }
}

/// The text of a contact id in its URL, none of which `Debug` shows.
fn called(contact: &ContactId) -> String {
    let url = TunnelUrl::contact(TunnelDomain::GOOGLE, contact);
    assert_eq!(url.origin(), format!("wss://{}", url.host()));
    assert_eq!(url.to_string(), format!("{}{}", url.origin(), url.path()));
    assert!(format!("{url:?} {contact:?}").len() < 80);
    let (_, text) = url.path().rsplit_once('/').unwrap();
    assert_eq!(ContactId::from_base64url(text).as_ref(), Some(contact));
    text.to_owned()
}
