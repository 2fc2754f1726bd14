//! A QR code as pixels, for image surfaces.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{QrMatrix, RenderError};

/// The largest number of pixels on each side of a module. At it the codes of this
/// protocol take 2,880 pixels on a side at most: 8 MiB in greyscale, 32 MiB as RGBA. The
/// largest symbol there is would take 134 MiB and 535 MiB.
pub const MAX_PIXELS_PER_MODULE: usize = 64;

impl QrMatrix {
    /// Greyscale pixels, `pixels_per_module` on each side of a module, quiet zone
    /// included: one byte for each, 0 for black and 255 for white.
    ///
    /// # Errors
    /// [`RenderError::Scale`] for 0 and above [`MAX_PIXELS_PER_MODULE`].
    pub fn to_greyscale(&self, pixels_per_module: usize) -> Result<PixelImage, RenderError> {
        self.pixels(pixels_per_module, [[0xff], [0x00]])
    }

    /// RGBA pixels, as toolkits take them: `pixels_per_module` on each side of a module,
    /// quiet zone included. There are four bytes for each: red, green, blue, and alpha, which
    /// is always 255. Each pixel is black or white, so the order of the colours does not
    /// matter, and neither does whether colours are multiplied by alpha.
    ///
    /// ```
    /// # use fido_hybrid::qr_render::{PixelImage, QrMatrix, RenderError};
    /// /// What most toolkits take: width, height, and bytes.
    /// fn texture(code: &QrMatrix) -> Result<(usize, usize, PixelImage), RenderError> {
    ///     let image = code.to_rgba(8)?;
    ///     Ok((image.width(), image.height(), image)) // image.pixels() are the bytes
    /// }
    /// ```
    ///
    /// # Errors
    /// [`RenderError::Scale`] for 0 and above [`MAX_PIXELS_PER_MODULE`].
    pub fn to_rgba(&self, pixels_per_module: usize) -> Result<PixelImage, RenderError> {
        const WHITE: [u8; 4] = [0xff; 4];
        const BLACK: [u8; 4] = [0, 0, 0, 0xff];
        self.pixels(pixels_per_module, [WHITE, BLACK])
    }

    /// The side of the image, quiet zone included.
    pub(super) fn pixels_on_a_side(&self, pixels_per_module: usize) -> Result<usize, RenderError> {
        if !(1..=MAX_PIXELS_PER_MODULE).contains(&pixels_per_module) {
            return Err(RenderError::Scale);
        }
        Ok(self.side() * pixels_per_module)
    }

    /// Row by row, each pixel in one of two colours.
    fn pixels<const N: usize>(
        &self,
        scale: usize,
        [light, dark]: [[u8; N]; 2],
    ) -> Result<PixelImage, RenderError> {
        let side = self.pixels_on_a_side(scale)?;
        // All of it at once, so that no copy is left behind.
        let mut pixels = Vec::with_capacity(side * side * N);
        for y in 0..side {
            for x in 0..side {
                let is_dark = self.is_dark_in_zone(x / scale, y / scale);
                pixels.extend_from_slice(if is_dark { &dark } else { &light });
            }
        }
        Ok(PixelImage { side, pixels })
    }
}

/// A square image, row by row from the top, without padding between rows:
/// [`QrMatrix::to_greyscale`] or [`QrMatrix::to_rgba`] says what a pixel is.
///
/// The pixels contain the transaction's secret. They are wiped when the image is dropped;
/// what a toolkit copies is not.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PixelImage {
    side: usize,
    pixels: Vec<u8>,
}

impl PixelImage {
    /// Pixels in a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.side
    }

    /// Rows; as many as pixels in a row.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.side
    }

    /// The bytes of the pixels.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl fmt::Debug for PixelImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PixelImage({0}x{0})", self.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qr_render::tests::{code, decoded, matrix};

    #[test]
    fn a_decoder_reads_the_text_in_each_colour_of_rgba() {
        for scale in [1, 3, 8] {
            let image = matrix().to_rgba(scale).unwrap();
            assert_eq!((image.width(), image.height()), (41 * scale, 41 * scale));
            let (pixels, rest) = image.pixels().as_chunks::<4>();
            assert!(rest.is_empty() && pixels.len() == image.width() * image.height());
            for colour in 0..3 {
                let channel: Vec<u8> = pixels.iter().map(|pixel| pixel[colour]).collect();
                assert_eq!(decoded(image.width(), &channel), code(0x42).to_text().expose());
            }
            assert!(pixels.iter().all(|pixel| pixel[3] == 0xff), "opaque");
        }
    }

    #[test]
    fn rgba_and_greyscale_are_the_same_picture() {
        let (grey, rgba) = (matrix().to_greyscale(2).unwrap(), matrix().to_rgba(2).unwrap());
        let expected: Vec<u8> = grey.pixels().iter().flat_map(|&it| [it, it, it, 0xff]).collect();
        assert_eq!(rgba.pixels(), expected);
    }

    #[test]
    fn the_scale_is_bounded() {
        for scale in [0, MAX_PIXELS_PER_MODULE + 1, usize::MAX] {
            assert_eq!(matrix().to_greyscale(scale).unwrap_err(), RenderError::Scale);
            assert_eq!(matrix().to_rgba(scale).unwrap_err(), RenderError::Scale);
        }
        let image = matrix().to_greyscale(MAX_PIXELS_PER_MODULE).unwrap();
        assert_eq!((image.width(), image.height()), (41 * 64, 41 * 64));
        assert_eq!(image.pixels().len(), image.width() * image.height());
    }

    #[test]
    fn pixels_are_written_without_outgrowing_their_buffers() {
        assert_eq!(matrix().to_greyscale(3).unwrap().pixels.capacity(), 123 * 123);
        assert_eq!(matrix().to_rgba(3).unwrap().pixels.capacity(), 4 * 123 * 123);
    }

    #[test]
    fn debug_shows_the_size_alone() {
        assert_eq!(format!("{:?}", matrix().to_rgba(2).unwrap()), "PixelImage(82x82)");
    }
}
