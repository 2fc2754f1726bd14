//! What `phone --picture` makes of files.

use fido_hybrid::crypto::SecretKey;
use fido_hybrid::qr_render::QrMatrix;
use fido_hybrid::secret::QrSecret;
use fido_hybrid::transport::{QrCode, QrText, RequestHint};

use crate::programs::{Ended, Program, Scratch};

const MODULE: usize = 4;

/// A grey picture, white where nothing is drawn.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0xff; width * height] }
    }

    /// Draws modules from a corner on.
    pub(crate) fn draw(&mut self, (left, top): (usize, usize), modules: &[Vec<bool>]) {
        for (row, line) in modules.iter().enumerate() {
            for (column, _) in line.iter().enumerate().filter(|(_, dark)| **dark) {
                for y in 0..MODULE {
                    let start = (top + row * MODULE + y) * self.width + left + column * MODULE;
                    self.pixels[start..start + MODULE].fill(0);
                }
            }
        }
    }

    pub(crate) fn png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&self.pixels).unwrap();
        file
    }
}

pub(crate) fn code(byte: u8) -> QrText {
    let key = SecretKey::from_scalar(&[byte; 32]).unwrap();
    // Made in 2023: phones do not answer it any more.
    let created = 1_700_000_000;
    let secret = QrSecret::new([byte; 16]);
    QrCode::new(*key.public_key(), secret, created, RequestHint::GetAssertion).to_text()
}

pub(crate) fn modules(code: &QrText) -> Vec<Vec<bool>> {
    let code = QrMatrix::new(code).unwrap();
    let width = code.width();
    (0..width).map(|y| (0..width).map(|x| code.is_dark(x, y)).collect()).collect()
}

fn phone(scratch: &Scratch, picture: impl AsRef<[u8]>) -> Ended {
    let picture = scratch.write("picture", picture);
    let store = scratch.file("store");
    Program::new("phone").arguments(["--picture", &picture, "--store", &store]).run()
}

#[track_caller]
fn refused(picture: impl AsRef<[u8]>, why: &str) {
    let scratch = Scratch::new();
    let ended = phone(&scratch, picture);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains(why), "{why:?} in {}", ended.stderr);
    assert!(ended.stderr.contains(&scratch.file("picture")), "{}", ended.stderr);
    assert!(!std::path::Path::new(&scratch.file("store")).exists());
}

#[test]
fn one_code_is_read_wherever_it_is() {
    let scratch = Scratch::new();
    let mut canvas = Canvas::new(1280, 1000);
    canvas.draw((700, 500), &modules(&code(1)));
    let ended = phone(&scratch, canvas.png());
    // It goes on to the store, where this test chooses no PIN.
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.ends_with("error: no PIN was chosen\n"), "{}", ended.stderr);
}

#[test]
fn a_code_is_read_from_a_photo_too() {
    let ended = phone(&Scratch::new(), include_bytes!("code.jpg"));
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

#[test]
fn a_code_for_something_else_is_told_as_that() {
    let code = qrcode::QrCode::new("https://example.com").unwrap();
    let width = code.width();
    let colors = code.into_colors();
    let dark = colors.iter().map(|color| *color == qrcode::Color::Dark).collect::<Vec<_>>();
    let mut canvas = Canvas::new(640, 480);
    canvas.draw((100, 100), &dark.chunks(width).map(<[bool]>::to_vec).collect::<Vec<_>>());
    refused(canvas.png(), "the QR code in the picture is not for passkeys");
}

#[test]
fn an_old_picture_is_not_answered() {
    let scratch = Scratch::new();
    let mut canvas = Canvas::new(640, 480);
    canvas.draw((100, 100), &modules(&code(1)));
    let picture = scratch.write("picture.png", canvas.png());
    let store = scratch.file("store");
    let mut phone =
        Program::new("phone").arguments(["--picture", &picture, "--store", &store]).start();
    for question in ["New PIN:", "Repeat the PIN:"] {
        phone.wait_for(question);
        phone.type_line("1234");
    }
    let ended = phone.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = "the QR code's time differs too much from this device's clock";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn of_several_codes_none_is_taken() {
    let mut canvas = Canvas::new(1280, 1000);
    canvas.draw((100, 100), &modules(&code(1)));
    canvas.draw((700, 500), &modules(&code(2)));
    refused(canvas.png(), "the picture has 2 QR codes for passkeys");
}

#[test]
fn a_picture_without_a_code_is_told_as_that() {
    refused(Canvas::new(300, 300).png(), "the picture has no QR code");
}

#[test]
fn what_is_no_picture_is_told_as_that() {
    refused("", "neither PNG nor JPEG");
    refused("hello", "neither PNG nor JPEG");
}

#[test]
fn damaged_pictures_are_told_as_that() {
    let whole = Canvas::new(300, 300).png();
    for length in [8, 20, 40, whole.len() / 2] {
        refused(&whole[..length], "the PNG is damaged");
    }
    for jpeg in [&[0xff, 0xd8][..], &[0xff, 0xd8, 0xff, 0xc0, 0, 11, 8]] {
        refused(jpeg, "the JPEG is damaged");
    }
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused_by_its_header_alone() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 30_000, 30_000);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[]).unwrap();
    drop(writer);
    refused(file, "too large");
}
