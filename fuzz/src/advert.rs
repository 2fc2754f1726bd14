//! Bluetooth service data: an advert and its suffix.

use fido_hybrid::cbor;
use fido_hybrid::secret::EidKey;
use fido_hybrid::transport::{ADVERT_LENGTH, AdvertKey, AdvertSuffix, EID_LENGTH, Eid};

use super::memory;

/// Service data as it comes, and an EID with a suffix behind it, sealed: what
/// was sealed is accepted, other bytes are not, and neither costs memory.
pub fn advert(input: &[u8]) {
    let key = AdvertKey::new(&EidKey::new([0x5a; 64]));
    let foreign = AdvertKey::new(&EidKey::new([0xa5; 64]));

    let received = memory::within(0, || key.open_linked(input));
    if let Some(received) = received {
        assert_eq!(key.seal(&received.eid), input[..ADVERT_LENGTH]);
        assert_eq!(received.suffix_bytes, &input[ADVERT_LENGTH..]);
    }

    let Some((eid, suffix)) = input.split_first_chunk::<EID_LENGTH>() else {
        assert!(Eid::parse(input).is_err());
        return;
    };
    if let Ok(parsed) = AdvertSuffix::parse(suffix) {
        let written = parsed.to_bytes();
        assert_eq!(parsed == AdvertSuffix::default(), written.is_empty());
        assert!(written.is_empty() || AdvertSuffix::parse(&written) == Ok(parsed));
        assert_eq!(cbor::decode(&cbor::encode(&parsed)), Ok(parsed));
    }

    let Ok(eid) = Eid::parse_linked(eid) else {
        assert_ne!(eid[0], 0);
        return;
    };
    let mut service_data = key.seal(&eid).to_vec();
    service_data.extend_from_slice(suffix);
    let received = key.open_linked(&service_data).unwrap();
    assert!(format!("{key:?} {eid:?}").len() < 40);
    assert_eq!((&received.eid, received.suffix_bytes), (&eid, suffix));
    assert_eq!(received.suffix(), AdvertSuffix::parse(suffix).unwrap_or_default());
    // The answer to a QR code names a tunnel service.
    assert_eq!(key.open(&service_data), Some(received).filter(|_| eid.domain().is_some()));
    assert_eq!(Eid::parse(eid.expose()).ok(), Some(eid.clone()).filter(|_| eid.domain().is_some()));
    if let Some(domain) = eid.domain() {
        assert!(domain.host().starts_with("cable."), "{}", domain.host());
        assert!(domain.host().len() < 64);
    }

    assert_eq!(foreign.open_linked(&service_data), None);
    let flipped = usize::from(suffix.first().copied().unwrap_or_default()) % (8 * ADVERT_LENGTH);
    service_data[flipped / 8] ^= 1 << (flipped % 8);
    assert_eq!(key.open_linked(&service_data), None);
}
