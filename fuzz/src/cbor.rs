//! CBOR of any shape.

use fido_hybrid::cbor::{CborError, ItemType, MAX_DEPTH, MapKey, Reader, Writer};

use super::memory;

/// Any bytes as one item: what is read is canonical, so that writing it gives
/// the bytes that were read; and to check an item takes no memory.
pub fn cbor(input: &[u8]) {
    let mut reader = Reader::new(input);
    let checked = memory::within(0, || reader.raw());
    let mut walker = Reader::new(input);
    let mut writer = Writer::new();
    let copied = copy(&mut walker, &mut writer, 0);
    match (checked, copied) {
        (Ok(raw), Ok(())) => {
            assert_eq!(writer.into_bytes(), raw);
            assert_eq!(walker.remaining(), reader.remaining());
            assert_eq!([raw, reader.remaining()].concat(), input);
            assert_eq!(reader.finish().is_ok(), raw.len() == input.len());
        }
        // Well-formed, and no value here: the copy ends where it lies.
        (_, Err(CborError::Expected("an integer of 64 bits"))) => {}
        (checked, copied) => assert_eq!(checked.map(drop), copied),
    }
}

fn copy(reader: &mut Reader<'_>, writer: &mut Writer, depth: u8) -> Result<(), CborError> {
    assert!(depth <= MAX_DEPTH);
    match reader.peek()? {
        ItemType::Unsigned => writer.unsigned(reader.unsigned()?),
        ItemType::Negative => writer.integer(reader.integer()?),
        ItemType::Bytes => writer.bytes(reader.bytes()?),
        ItemType::Text => writer.text(reader.text()?),
        ItemType::Bool => writer.boolean(reader.boolean()?),
        ItemType::Null => writer.raw(reader.raw()?),
        ItemType::Array => {
            let mut items = Vec::new();
            reader.array(|reader| {
                let mut item = Writer::new();
                copy(reader, &mut item, depth + 1)?;
                items.push(item.into_bytes());
                Ok(())
            })?;
            writer.array(items.iter(), |writer, item| writer.raw(item));
        }
        ItemType::Map => {
            let mut entries = Vec::new();
            reader.map(|key, reader| {
                let mut value = Writer::new();
                copy(reader, &mut value, depth + 1)?;
                entries.push((key, value.into_bytes()));
                Ok(())
            })?;
            writer.map(|map| {
                // The writer puts them into order.
                for (key, value) in entries.iter().rev() {
                    match key {
                        MapKey::Integer(key) => map.integer(*key, |writer| writer.raw(value)),
                        MapKey::Text(key) => map.text(key, |writer| writer.raw(value)),
                        MapKey::Bytes(key) => map.bytes(key, |writer| writer.raw(value)),
                    }
                }
            });
        }
    }
    Ok(())
}
