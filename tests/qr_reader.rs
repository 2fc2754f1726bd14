//! The examples' reader of QR codes, with pictures that have defeated readers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail so")]

use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::qr_render::{QUIET_ZONE, QrMatrix};
use fido_hybrid::secret::QrSecret;
use fido_hybrid::transport::{QrCode, QrText, RequestHint};
#[allow(dead_code, reason = "the programs use the rest")]
use fido_hybrid_testkit::qr_reader;

/// A code like any other, the same for the same number.
fn code(number: u32) -> QrText {
    let hash = sha256(&[&number.to_be_bytes()]);
    let key = *SecretKey::from_scalar(&hash).unwrap().public_key();
    let secret = QrSecret::new(*hash.first_chunk().unwrap());
    QrCode::new(key, secret, 1_700_000_000 + u64::from(number), RequestHint::GetAssertion).to_text()
}

fn is_read(code: &str, pixels: Vec<u8>, width: usize, height: usize) -> bool {
    let texts = qr_reader::read(pixels, width, height);
    matches!(&texts[..], [text] if text.expose() == code)
}

/// A terminal's window, with characters of this size in pixels. As with xterm
/// and DejaVu Sans Mono, block characters leave a line of pixels free between
/// rows, in which the background shows.
fn in_a_terminal(code: &QrText, (column, row): (usize, usize)) -> (Vec<u8>, usize, usize) {
    let matrix = QrMatrix::new(code).unwrap();
    let side = matrix.width() + 2 * QUIET_ZONE;
    let (width, height) = (80 * column, 24 * row);
    let mut pixels = vec![0; width * height];
    for y in 0..side.div_ceil(2) * row {
        for x in 0..side * column {
            let module = 2 * (y / row) + 2 * (y % row) / row;
            let inside = |at: usize| at.checked_sub(QUIET_ZONE);
            let is_dark = match (inside(x / column), inside(module)) {
                (Some(x), Some(line)) => matrix.is_dark(x, line) && y % row != row - 1,
                _ => false,
            };
            pixels[y * width + x] = if is_dark { 0 } else { 255 };
        }
    }
    (pixels, width, height)
}

#[test]
fn lines_between_the_rows_of_a_terminal_do_not_hide_a_code() {
    let mut missed = Vec::new();
    for cell in [(7, 14), (8, 16), (9, 18), (10, 20), (11, 22), (12, 25)] {
        for number in 0..5 {
            let code = code(number);
            let (pixels, width, height) = in_a_terminal(&code, cell);
            if !is_read(code.expose(), pixels, width, height) {
                missed.push((cell, number));
            }
        }
    }
    assert_eq!(missed, []);
}

/// Three of the 30 in 6,000 codes that the reader misses at two pixels to a
/// module if it looks at the picture in its own size alone.
#[test]
fn perfect_codes_that_one_size_misses_are_read() {
    const SCALE: usize = 2;
    for digits in [
        "714560134571693421883953177551337634271293440320619366471392848161355808435386554732364024126182746002599766855096797093722978733775784819891643639417501724057623786840",
        "648156619353623890000081371673073898358114664781550657885272069281059609458951547197700026418314776490656535085415336762592874361238243421719518530902541660023742409698",
        "427976027264746938718207423409054210791733962710559168388636856224912714787104588186001446830750500755919827638664561819550495896247639944823561668873921343133424997017",
    ] {
        let text = format!("FIDO:/{digits}");
        let symbol =
            qrcode::QrCode::with_error_correction_level(&text, qrcode::EcLevel::L).unwrap();
        let (width, modules) = (symbol.width(), symbol.to_colors());
        let side = (width + 2 * QUIET_ZONE) * SCALE;
        let is_dark = |at: usize| {
            let [x, y] = [at % side, at / side].map(|at| (at / SCALE).checked_sub(QUIET_ZONE));
            let (Some(x), Some(y)) = (x, y) else { return false };
            x < width && y < width && modules[y * width + x] == qrcode::Color::Dark
        };
        let pixels = (0..side * side).map(|at| if is_dark(at) { 0 } else { 255 }).collect();
        assert!(is_read(&text, pixels, side, side), "{digits}");
    }
}
