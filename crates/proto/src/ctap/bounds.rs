//! Limits of what repeats in a message, and reading within them.
//!
//! The transport bounds a message as a whole. A string costs its own length
//! once it is read, but an element of a list can take twenty times the room
//! that it had on the wire, so lists and maps have limits of their own. All
//! are far above what peers send. What goes beyond is refused as invalid, not
//! cut: half an exclude list would be a wrong answer.

use crate::cbor::{CborError, Reader};

/// Credentials in an allow or exclude list, and in `prf.evalByCredential`.
///
/// Deployed peers stop at requests of 64 KiB, and not more than 1,771
/// descriptors fit in there if each id has WebAuthn's least 16 bytes.
pub(crate) const MAX_CREDENTIALS: usize = 2_000;

/// Algorithms that a relying party accepts. The COSE registry has fewer than 128
/// for signatures.
pub(crate) const MAX_CREDENTIAL_PARAMETERS: usize = 128;

/// Names in one list: versions, transports, extensions, options, attestation
/// formats. The registries have about 20 at most.
pub(crate) const MAX_NAMES: usize = 64;

/// Extensions in one message. The registry has about 20.
pub(crate) const MAX_EXTENSIONS: usize = 64;

/// Members of a message that this crate does not know. CTAP 2.3 has about 30
/// in its largest, getInfo.
pub(crate) const MAX_MEMBERS: usize = 64;

/// Length of an RP ID in bytes: it is a domain name [RFC 1035 §2.3.4].
pub(crate) const MAX_RP_ID: usize = 253;

/// Reads an array of at most `limit` elements; `name` is what is invalid
/// beyond.
pub(super) fn list<'a, T>(
    reader: &mut Reader<'a>,
    limit: usize,
    name: &'static str,
    mut element: impl FnMut(&mut Reader<'a>) -> Result<T, CborError>,
) -> Result<Vec<T>, CborError> {
    let mut elements = Vec::new();
    reader.array(|reader| {
        if elements.len() == limit {
            return Err(CborError::Invalid(name));
        }
        elements.push(element(reader)?);
        Ok(())
    })?;
    Ok(elements)
}

/// Reads an array of at most [`MAX_NAMES`] text strings.
pub(super) fn names(reader: &mut Reader<'_>, name: &'static str) -> Result<Vec<String>, CborError> {
    list(reader, MAX_NAMES, name, |reader| reader.text().map(str::to_owned))
}

/// Reads a text string of at most [`MAX_RP_ID`] bytes.
pub(super) fn rp_id(reader: &mut Reader<'_>) -> Result<String, CborError> {
    let id = reader.text()?;
    if id.len() <= MAX_RP_ID { Ok(id.to_owned()) } else { Err(CborError::Invalid("the RP ID")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::Writer;

    fn texts(count: usize) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(0..count, |writer, _| writer.text(""));
        writer.into_bytes()
    }

    #[test]
    fn lists_are_read_up_to_their_limit_and_refused_beyond() {
        let read = |count| names(&mut Reader::new(&texts(count)), "the list").map(|it| it.len());
        assert_eq!(read(0), Ok(0));
        assert_eq!(read(MAX_NAMES), Ok(MAX_NAMES));
        assert_eq!(read(MAX_NAMES + 1), Err(CborError::Invalid("the list")));
    }

    #[test]
    fn rp_ids_are_as_long_as_domain_names() {
        let read = |length: usize| {
            let mut writer = Writer::new();
            writer.text(&"a".repeat(length));
            rp_id(&mut Reader::new(&writer.into_bytes())).map(|id| id.len())
        };
        assert_eq!(read(MAX_RP_ID), Ok(MAX_RP_ID));
        assert_eq!(read(MAX_RP_ID + 1), Err(CborError::Invalid("the RP ID")));
    }
}
