//! The QR code on a picture: PNG or JPEG.

use std::fs::File;
use std::io::{Cursor, Read as _};
use std::path::Path;

use fido_hybrid::secret::SecretText;
use png::{ColorType, Limits, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::qr_reader;

/// The longest file, in bytes: a screen of the size below that does not
/// compress at all.
const MAX_FILE: usize = 4 * MAX_PIXELS;

/// The most pixels: those of one screen at 8K, or of several smaller ones.
const MAX_PIXELS: usize = 40_000_000;

/// The longest side in pixels.
const MAX_SIDE: usize = 1 << 15;

/// Why there is no code to answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    #[error("cannot read the picture: {0}")]
    Io(#[from] std::io::Error),
    #[error("reading the picture failed")]
    NotRead,
    #[error("the picture is neither PNG nor JPEG")]
    Format,
    #[error("the picture is too large: the limit is {MAX_PIXELS} pixels")]
    TooLarge,
    #[error("the PNG is damaged: {0}")]
    Png(#[from] png::DecodingError),
    #[error("the JPEG is damaged")]
    Jpeg,
    #[error("the picture has no QR code")]
    NoCode,
    #[error("the QR code in the picture is not for passkeys")]
    OtherCode,
    #[error("the picture has {0} QR codes for passkeys; it must have one")]
    Several(usize),
}

/// The one code for passkeys on the picture in this file.
pub(crate) fn read(file: &Path) -> Result<SecretText, PictureError> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        return Err(PictureError::TooLarge);
    }
    let (pixels, width, height) = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => read_png(&bytes)?,
        [0xff, 0xd8, ..] => read_jpeg(&bytes)?,
        _ => return Err(PictureError::Format),
    };
    let codes = qr_reader::read(pixels, width, height);
    if codes.is_empty() {
        return Err(PictureError::NoCode);
    }
    let is_fido = |code: &SecretText| qr_reader::is_fido(code.expose());
    let mut codes: Vec<_> = codes.into_iter().filter(is_fido).collect();
    match (codes.pop(), codes.len()) {
        (Some(code), 0) => Ok(code),
        (Some(_), others) => Err(PictureError::Several(others + 1)),
        (None, _) => Err(PictureError::OtherCode),
    }
}

type Greyscale = (Vec<u8>, usize, usize);

fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(PictureError::TooLarge) }
}

fn read_png(bytes: &[u8]) -> Result<Greyscale, PictureError> {
    let limits = Limits { bytes: 4 * MAX_PIXELS };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(width, height)?;
    let mut buffer = vec![0; reader.output_buffer_size().ok_or(PictureError::TooLarge)?];
    let frame = reader.next_frame(&mut buffer)?;
    buffer.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        ColorType::Grayscale | ColorType::Indexed => buffer,
        ColorType::GrayscaleAlpha => grey(&buffer, |[grey, alpha]: [u8; 2]| on_white(grey, alpha)),
        ColorType::Rgb => grey(&buffer, |[r, g, b]: [u8; 3]| luma(r, g, b)),
        ColorType::Rgba => {
            grey(&buffer, |[r, g, b, alpha]: [u8; 4]| on_white(luma(r, g, b), alpha))
        }
    };
    Ok((pixels, width, height))
}

fn grey<const N: usize>(buffer: &[u8], of: impl Fn([u8; N]) -> u8) -> Vec<u8> {
    buffer.as_chunks().0.iter().map(|pixel| of(*pixel)).collect()
}

/// The weights of ITU-R BT.601, in 256ths.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue)) >> 8) as u8
}

/// What is transparent shows a light background.
fn on_white(grey: u8, alpha: u8) -> u8 {
    let (grey, alpha) = (u32::from(grey), u32::from(alpha));
    ((grey * alpha + 255 * (255 - alpha)) / 255) as u8
}

fn read_jpeg(bytes: &[u8]) -> Result<Greyscale, PictureError> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| PictureError::Jpeg)?;
    let (width, height) = decoder.dimensions().ok_or(PictureError::Jpeg)?;
    check_size(width, height)?;
    let pixels = decoder.decode().map_err(|_| PictureError::Jpeg)?;
    Ok((pixels, width, height))
}
