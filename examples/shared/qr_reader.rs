//! Reads QR codes off a picture, be it a drawing of modules, a photo, or a
//! screen with a browser's round modules and a mark in the middle.
//!
//! One way of looking is not enough: which pixels are dark is decided by their
//! neighbours (good for photos) or once for the whole picture (good for small
//! drawings), and the search for several codes stops at the first thing that
//! only looks like one.

use std::collections::BTreeSet;
use std::thread;

use fido_hybrid::secret::SecretText;
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::multi::MultipleBarcodeReader as _;
use rxing::multi::qrcode::QRCodeMultiReader;
use rxing::qrcode::QRCodeReader;
use rxing::{Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader as _};

/// The texts of all codes found, each once, in no order. A picture is
/// `width * height` bytes, 0 for black; one that is not has no codes.
pub(crate) fn read(pixels: Vec<u8>, width: usize, height: usize) -> Vec<SecretText> {
    let (Ok(columns), Ok(rows)) = (u32::try_from(width), u32::try_from(height)) else {
        return Vec::new();
    };
    if width == 0 || height == 0 || Some(pixels.len()) != width.checked_mul(height) {
        return Vec::new();
    }
    // A picture may come from anybody. Should the reader panic on one, this
    // thread alone ends.
    let reading = thread::spawn(move || {
        let Ok(source) = Luma8LuminanceSource::new(pixels, columns, rows) else {
            return BTreeSet::new();
        };
        let mut texts = look(HybridBinarizer::new(source.clone()));
        if !texts.iter().any(|text| is_fido(text)) {
            texts.append(&mut look(GlobalHistogramBinarizer::new(source)));
        }
        texts
    });
    reading.join().unwrap_or_default().into_iter().map(SecretText::new).collect()
}

/// Whether a code is one for passkeys; scanners may change the letters' case.
pub(crate) fn is_fido(text: &str) -> bool {
    text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("FIDO:/"))
}

fn look(binarizer: impl Binarizer) -> BTreeSet<String> {
    let mut picture = BinaryBitmap::new(binarizer);
    let hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let several = QRCodeMultiReader::new().decode_multiple_with_hints(&mut picture, &hints);
    let one = QRCodeReader::new().decode_with_hints(&mut picture, &hints);
    let found = several.unwrap_or_default().into_iter().chain(one);
    found.map(|code| code.getText().to_owned()).collect()
}
