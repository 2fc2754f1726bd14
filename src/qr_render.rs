//! QR codes as something to look at: a module matrix, and from it text for a
//! terminal, SVG, pixels (greyscale or RGBA), and (feature `qr-png`) PNG.
//!
//! The encoding is ISO/IEC 18004 by the `qrcode` crate, which mixes segments
//! of alphanumeric and numeric mode: `FIDO:/` and 168 digits fit version 4, 33
//! by 33 modules.
//!
//! Every form has the quiet zone of 4 modules that the standard wants, and is
//! dark on light whatever surrounds it: common decoders do not read inverted
//! symbols.
//!
//! The drawing contains the transaction's secret. All types here are wiped when
//! dropped and do not print; what `qrcode` needed on the way is not wiped.

mod pixels;
#[cfg(feature = "qr-png")]
mod png_file;

pub use pixels::{MAX_PIXELS_PER_MODULE, PixelImage};

use std::fmt::{self, Write as _};

use qrcode::EcLevel;
use zeroize::{Zeroize, ZeroizeOnDrop};

use fido_hybrid_proto::error::{ApiMisuse, Error, ErrorKind, Stage, Unsupported};
use fido_hybrid_proto::secret::SecretText;
use fido_hybrid_proto::transport::QrText;

/// Light modules on each side of a symbol (ISO/IEC 18004).
pub const QUIET_ZONE: usize = 4;

/// Why a QR code was not drawn: the caller asked for what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The text does not fit any symbol. No [`QrText`] is that long.
    #[error("the text does not fit a QR code")]
    TooLong,
    /// The scale is 0 or above [`MAX_PIXELS_PER_MODULE`].
    #[error("the scale must be from 1 to {MAX_PIXELS_PER_MODULE} pixels per module")]
    Scale,
}

impl From<RenderError> for Error {
    fn from(error: RenderError) -> Self {
        let kind: ErrorKind = match error {
            RenderError::TooLong => Unsupported::RequestTooLong.into(),
            RenderError::Scale => ApiMisuse::QrScale.into(),
        };
        Self::new(Stage::Preparing, kind)
    }
}

/// How much of a symbol may be unreadable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCorrection {
    /// Level L, 7 %: the largest modules, best on a screen.
    #[default]
    Low,
    /// Level M, 15 %: for paper, or for a small mark laid over the symbol.
    Medium,
}

/// A symbol's modules, without the quiet zone.
///
/// ```
/// use fido_hybrid::qr_render::QrMatrix;
/// # use fido_hybrid::transport::QrCode;
/// # const CODE: &str = "FIDO:/162870791865632382552704231438327900152302540348097243854039966655366469794954476199158014113179232779520163209900691930075274801398564434658077048963842109321447142660";
///
/// # fn main() -> Result<(), fido_hybrid::Error> {
/// # let text = CODE.parse::<QrCode>()?.to_text();
/// // `text` is what `ClientUpdate::WaitingForScan` or `Ceremony::qr_code` returned.
/// let matrix = QrMatrix::new(&text)?;
/// println!("{}", matrix.to_terminal().expose());
/// let svg = matrix.to_svg(); // for a web view
/// let image = matrix.to_rgba(8)?; // for a toolkit: 8 pixels for each module
/// assert_eq!(image.pixels().len(), 4 * image.width() * image.height());
/// # let _ = svg;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct QrMatrix {
    width: usize,
    dark: Vec<bool>,
}

impl QrMatrix {
    /// Encodes at level L.
    ///
    /// # Errors
    /// [`RenderError::TooLong`], which no text of this crate causes.
    pub fn new(text: &QrText) -> Result<Self, RenderError> {
        Self::with_error_correction(text, ErrorCorrection::default())
    }

    /// Encodes at a level of the caller's choice.
    ///
    /// # Errors
    /// [`RenderError::TooLong`], which no text of this crate causes.
    pub fn with_error_correction(
        text: &QrText,
        level: ErrorCorrection,
    ) -> Result<Self, RenderError> {
        let level = match level {
            ErrorCorrection::Low => EcLevel::L,
            ErrorCorrection::Medium => EcLevel::M,
        };
        let symbol = qrcode::QrCode::with_error_correction_level(text.expose(), level)
            .map_err(|_| RenderError::TooLong)?;
        let width = symbol.width();
        let dark = symbol.into_colors().into_iter().map(|color| color == qrcode::Color::Dark);
        Ok(Self { width, dark: dark.collect() })
    }

    /// Modules on a side, the quiet zone not counted.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Whether a module is dark, counted from the upper left. Outside the
    /// symbol all is light.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = x < self.width && y < self.width;
        inside && self.dark.get(y * self.width + x).copied().unwrap_or_default()
    }

    /// Text for any terminal: two modules to a character, in black on white by
    /// ANSI escapes, so that it can be scanned on dark backgrounds too.
    ///
    /// Each line ends in a line feed and leaves the colours as they were by
    /// default. The width is that of the symbol and quiet zone in characters,
    /// 41 for a usual code, the height half of it.
    #[must_use]
    pub fn to_terminal(&self) -> SecretText {
        // Of 256 colours those two do not follow the user's theme, unlike the
        // first 16.
        self.lines("\x1b[38;5;16;48;5;231m", "\x1b[0m")
    }

    /// Text for terminals without UTF-8: two spaces to a module, in background
    /// colours by ANSI escapes, and nothing but ASCII.
    ///
    /// Each line ends in a line feed and leaves the colours as they were by
    /// default. A usual code has 82 columns and 41 rows.
    #[must_use]
    pub fn to_ascii_terminal(&self) -> SecretText {
        const DARK: &str = "\x1b[48;5;16m";
        const LIGHT: &str = "\x1b[48;5;231m";
        const END: &str = "\x1b[0m\n";
        const MODULE: &str = "  ";
        let side = self.side();
        let line = side * (LIGHT.len() + MODULE.len()) + END.len();
        let mut text = String::with_capacity(side * line);
        for y in 0..side {
            let mut before = None;
            for x in 0..side {
                let dark = self.is_dark_in_zone(x, y);
                if before != Some(dark) {
                    text.push_str(if dark { DARK } else { LIGHT });
                }
                before = Some(dark);
                text.push_str(MODULE);
            }
            text.push_str(END);
        }
        SecretText::new(text)
    }

    /// As [`to_terminal`](Self::to_terminal) without escapes, for dark text on
    /// a light background. On a dark background it comes out inverted, and
    /// many phones do not read that.
    #[must_use]
    pub fn to_plain_text(&self) -> SecretText {
        self.lines("", "")
    }

    /// An SVG image of its own size in modules; scale it by the `width` or
    /// `height` of the element that shows it.
    #[must_use]
    pub fn to_svg(&self) -> SecretText {
        // Room for each dark module alone, so that no copy is left behind.
        let dark = self.dark.iter().filter(|dark| **dark).count();
        let mut svg = String::with_capacity(512 + dark * "M000 000h000v1h-000z".len());
        let side = self.side();
        // Writing to a string cannot fail.
        let _infallible = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\">\
             <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
             <path fill=\"#000\" d=\""
        );
        for y in 0..self.width {
            let mut x = 0;
            while x < self.width {
                let length = (x..self.width).take_while(|x| self.is_dark(*x, y)).count();
                if length > 0 {
                    let (x, y) = (x + QUIET_ZONE, y + QUIET_ZONE);
                    let _infallible = write!(svg, "M{x} {y}h{length}v1h-{length}z");
                }
                x += length + 1;
            }
        }
        svg.push_str("\"/></svg>");
        SecretText::new(svg)
    }

    fn lines(&self, before: &str, after: &str) -> SecretText {
        let side = self.side();
        let line = before.len() + side * "█".len() + after.len() + 1;
        let mut text = String::with_capacity(side.div_ceil(2) * line);
        for y in (0..side).step_by(2) {
            text.push_str(before);
            for x in 0..side {
                text.push(match (self.is_dark_in_zone(x, y), self.is_dark_in_zone(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            text.push_str(after);
            text.push('\n');
        }
        SecretText::new(text)
    }

    /// Modules on a side with the quiet zone.
    const fn side(&self) -> usize {
        self.width + 2 * QUIET_ZONE
    }

    /// As `is_dark`, counted from the quiet zone's corner.
    fn is_dark_in_zone(&self, x: usize, y: usize) -> bool {
        match (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) {
            (Some(x), Some(y)) => self.is_dark(x, y),
            _ => false,
        }
    }
}

impl fmt::Debug for QrMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QrMatrix({0}x{0})", self.width)
    }
}

#[cfg(test)]
mod tests {
    use rxing::common::GlobalHistogramBinarizer;
    use rxing::qrcode::QRCodeReader;
    use rxing::{BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader as _};

    use super::*;
    use fido_hybrid_proto::crypto::SecretKey;
    use fido_hybrid_proto::secret::QrSecret;
    use fido_hybrid_proto::transport::{DataChannels, QrCode, RequestHint};

    pub(super) fn code(byte: u8) -> QrCode {
        let key = SecretKey::from_scalar(&[byte; 32]).unwrap();
        let secret = QrSecret::new([byte; 16]);
        QrCode::new(*key.public_key(), secret, 1_700_000_000, RequestHint::GetAssertion)
    }

    pub(super) fn matrix() -> QrMatrix {
        QrMatrix::new(&code(0x42).to_text()).unwrap()
    }

    /// What a decoder reads in a square of greyscale pixels.
    pub(super) fn decoded(side: usize, pixels: &[u8]) -> String {
        let side = u32::try_from(side).unwrap();
        let pixels = Luma8LuminanceSource::new(pixels.to_vec(), side, side).unwrap();
        let mut picture = BinaryBitmap::new(GlobalHistogramBinarizer::new(pixels));
        // There is no noise in these pictures; at one pixel to a module they
        // are too small for the search that cameras need.
        let hints = DecodeHints { PureBarcode: Some(true), ..DecodeHints::default() };
        let read = QRCodeReader::new().decode_with_hints(&mut picture, &hints).unwrap();
        read.getText().to_owned()
    }

    #[test]
    fn a_decoder_reads_the_exact_text_at_every_scale() {
        for byte in 1..=4 {
            let mut code = code(byte);
            if byte % 2 == 0 {
                code.channels = DataChannels::Both;
            }
            for text in [code.to_text(), code.to_greased_text()] {
                for level in [ErrorCorrection::Low, ErrorCorrection::Medium] {
                    let matrix = QrMatrix::with_error_correction(&text, level).unwrap();
                    for scale in [1, 2, 3, 7] {
                        let image = matrix.to_greyscale(scale).unwrap();
                        let read = decoded(image.width(), image.pixels());
                        assert_eq!(read, text.expose(), "{level:?}, scale {scale}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_usual_code_is_of_version_4_and_at_level_m_of_version_5() {
        let text = code(0x42).to_text();
        assert_eq!(QrMatrix::new(&text).unwrap().width(), 33);
        let medium = QrMatrix::with_error_correction(&text, ErrorCorrection::Medium).unwrap();
        assert_eq!(medium.width(), 37);
    }

    #[test]
    fn outside_the_symbol_all_is_light() {
        let matrix = matrix();
        assert!(matrix.is_dark(0, 0) && matrix.is_dark(32, 0), "finder patterns");
        for at in [33, 34, usize::MAX] {
            assert!(!matrix.is_dark(at, 0) && !matrix.is_dark(0, at) && !matrix.is_dark(at, at));
        }
    }

    #[test]
    fn plain_text_holds_the_matrix_and_its_quiet_zone() {
        let matrix = matrix();
        let text = matrix.to_plain_text();
        let lines: Vec<Vec<char>> =
            text.expose().lines().map(|line| line.chars().collect()).collect();
        assert_eq!(lines.len(), 21);
        assert!(lines.iter().all(|line| line.len() == 41));
        for y in 0..42 {
            for (x, character) in lines[y / 2].iter().enumerate() {
                let dark = match character {
                    '█' => true,
                    '▀' => y % 2 == 0,
                    '▄' => y % 2 == 1,
                    ' ' => false,
                    other => panic!("{other:?}"),
                };
                let inside = (4..37).contains(&x) && (4..37).contains(&y);
                let expected = inside && matrix.is_dark(x - 4, y - 4);
                assert_eq!(dark, expected, "{x}, {y}");
            }
        }
    }

    #[test]
    fn terminal_text_sets_both_colours_and_resets_them_on_each_line() {
        let text = matrix().to_terminal();
        let plain = matrix().to_plain_text();
        assert_eq!(text.expose().lines().count(), 21);
        for (line, plain) in text.expose().lines().zip(plain.expose().lines()) {
            assert_eq!(line, format!("\x1b[38;5;16;48;5;231m{plain}\x1b[0m"));
        }
        assert!(text.expose().ends_with('\n'));
    }

    #[test]
    fn ascii_terminal_text_holds_the_matrix_in_background_colours() {
        let matrix = matrix();
        let text = matrix.to_ascii_terminal();
        assert!(text.expose().is_ascii());
        let lines: Vec<&str> = text.expose().lines().collect();
        assert_eq!(lines.len(), 41);
        for (y, line) in lines.iter().enumerate() {
            let line = line.strip_suffix("\x1b[0m").unwrap();
            let mut drawn = Vec::new();
            for run in line.split("\x1b[48;5;").skip(1) {
                let (colour, spaces) = run.split_once('m').unwrap();
                assert!(spaces.chars().all(|space| space == ' ') && spaces.len() % 2 == 0);
                drawn.extend(vec![colour == "16"; spaces.len() / 2]);
            }
            let expected: Vec<bool> = (0..41).map(|x| matrix.is_dark_in_zone(x, y)).collect();
            assert_eq!(drawn, expected, "row {y}");
        }
    }

    #[test]
    fn svg_draws_every_dark_module_once_in_its_place() {
        let matrix = matrix();
        let svg = matrix.to_svg();
        let svg = svg.expose();
        assert!(
            svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 41 41\" ")
        );
        assert!(svg.contains("shape-rendering=\"crispEdges\""));
        assert!(svg.contains("<rect width=\"41\" height=\"41\" fill=\"#fff\"/>"));
        let path = svg.split(" d=\"").nth(1).unwrap().strip_suffix("\"/></svg>").unwrap();
        let mut drawn = vec![false; 33 * 33];
        for run in path.split_terminator('z') {
            let (at, shape) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let length: usize = shape.split_once('v').unwrap().0.parse().unwrap();
            assert_eq!(shape, format!("{length}v1h-{length}"));
            for x in x..x + length {
                let module = &mut drawn[(y - 4) * 33 + x - 4];
                assert!(!*module, "{x}, {y} twice");
                *module = true;
            }
        }
        assert_eq!(drawn, matrix.dark);
    }

    #[test]
    fn texts_are_written_without_outgrowing_their_buffers() {
        for byte in 1..=20 {
            let matrix = QrMatrix::new(&code(byte).to_text()).unwrap();
            let line = "\x1b[38;5;16;48;5;231m\x1b[0m\n".len() + 3 * 41;
            assert!(matrix.to_terminal().into_exposed().capacity() <= 21 * line);
            let line = 41 * "\x1b[48;5;231m  ".len() + "\x1b[0m\n".len();
            assert!(matrix.to_ascii_terminal().into_exposed().capacity() <= 41 * line);
            let dark = matrix.dark.iter().filter(|dark| **dark).count();
            assert!(matrix.to_svg().into_exposed().capacity() <= 512 + 20 * dark);
        }
    }

    #[test]
    fn debug_shows_the_size_alone() {
        assert_eq!(format!("{:?}", matrix()), "QrMatrix(33x33)");
    }
}
