//! Reads QR codes from a picture: a drawing of modules, a photo, or a screen
//! with a browser's round modules and a mark in the middle.
//!
//! One way of looking is not enough: which pixels are dark is decided by their
//! neighbours (good for photos) or once for the whole picture (good for small
//! drawings), and the search for several codes stops at the first thing that
//! only looks like one. Nor is one size enough: terminals leave fine lines
//! between their rows, which a smaller picture does not have.

use std::collections::BTreeSet;
use std::thread;

use fido_hybrid::secret::SecretText;
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::multi::MultipleBarcodeReader as _;
use rxing::multi::qrcode::QRCodeMultiReader;
use rxing::qrcode::QRCodeReader;
use rxing::{Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader as _};

/// The sizes at which a picture is looked at until a code is found, in parts of
/// its own.
const SIZES: [(usize, usize); 4] = [(1, 1), (1, 2), (2, 3), (2, 5)];

/// The texts of all codes found, each once, in no order. A picture is
/// `width * height` bytes, 0 for black; one that is not has no codes.
pub fn read(pixels: Vec<u8>, width: usize, height: usize) -> Vec<SecretText> {
    if width == 0 || height == 0 || Some(pixels.len()) != width.checked_mul(height) {
        return Vec::new();
    }
    // A picture may come from an attacker. Should the reader panic on one, this
    // thread alone ends.
    let reading = thread::spawn(move || {
        let mut texts = BTreeSet::new();
        for size in SIZES {
            let (pixels, width, height) = scaled(&pixels, width, height, size);
            let (Ok(columns), Ok(rows)) = (u32::try_from(width), u32::try_from(height)) else {
                break;
            };
            let Ok(source) = Luma8LuminanceSource::new(pixels, columns, rows) else { break };
            texts.append(&mut look(HybridBinarizer::new(source.clone())));
            if !texts.iter().any(|text| is_fido(text)) {
                texts.append(&mut look(GlobalHistogramBinarizer::new(source)));
            }
            if texts.iter().any(|text| is_fido(text)) {
                break;
            }
        }
        texts
    });
    reading.join().unwrap_or_default().into_iter().map(SecretText::new).collect()
}

/// Whether a code is one for passkeys; scanners may change the letters' case.
pub fn is_fido(text: &str) -> bool {
    text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("FIDO:/"))
}

/// A picture of another size, each pixel the mean of those that it stands for.
fn scaled(
    pixels: &[u8],
    width: usize,
    height: usize,
    (part, whole): (usize, usize),
) -> (Vec<u8>, usize, usize) {
    if part == whole {
        return (pixels.to_vec(), width, height);
    }
    let side = |length: usize| (length * part / whole).max(1);
    let ends =
        |at: usize, length: usize| (at * whole / part, ((at + 1) * whole / part).min(length));
    let mut smaller = Vec::with_capacity(side(width) * side(height));
    for y in 0..side(height) {
        let (top, bottom) = ends(y, height);
        for x in 0..side(width) {
            let (left, right) = ends(x, width);
            let rows = pixels.chunks_exact(width).take(bottom).skip(top);
            let block = rows.flat_map(|row| row.get(left..right).unwrap_or_default());
            let (sum, count) =
                block.fold((0, 0), |(sum, count), pixel| (sum + usize::from(*pixel), count + 1));
            smaller.push((sum / count.max(1)) as u8);
        }
    }
    (smaller, side(width), side(height))
}

fn look(binarizer: impl Binarizer) -> BTreeSet<String> {
    let mut picture = BinaryBitmap::new(binarizer);
    let hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let several = QRCodeMultiReader::new().decode_multiple_with_hints(&mut picture, &hints);
    let one = QRCodeReader::new().decode_with_hints(&mut picture, &hints);
    let found = several.unwrap_or_default().into_iter().chain(one);
    found.map(|code| code.getText().to_owned()).collect()
}
