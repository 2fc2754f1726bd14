//! A QR code as a PNG file, for mail clients, web pages and toolkits that load files.

use png::{BitDepth, ColorType, Encoder};
use zeroize::Zeroizing;

use fido_hybrid_proto::secret::SecretBytes;

use super::{QrMatrix, RenderError};

/// Bytes of a PNG file besides its picture: signature, chunks, and the frame of the
/// compression.
const OVERHEAD: usize = 1024;

impl QrMatrix {
    /// A PNG file (media type `image/png`) of one bit for each pixel, `pixels_per_module`
    /// pixels on each side of a module, quiet zone included: about 1,500 bytes for a usual
    /// code.
    ///
    /// The file contains the transaction's secret. Its bytes are wiped when they are dropped;
    /// what the `png` crate needed on the way is not wiped.
    ///
    /// ```no_run
    /// # use fido_hybrid::qr_render::QrMatrix;
    /// # fn write(code: &QrMatrix) -> Result<(), Box<dyn std::error::Error>> {
    /// std::fs::write("code.png", code.to_png(8)?.expose())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RenderError::Scale`] for 0 and above [`MAX_PIXELS_PER_MODULE`](super::MAX_PIXELS_PER_MODULE).
    pub fn to_png(&self, pixels_per_module: usize) -> Result<SecretBytes, RenderError> {
        let side = self.pixels_on_a_side(pixels_per_module)?;
        let rows = Zeroizing::new(self.rows(side, pixels_per_module));
        // More than the file can take, so that no copy is left behind.
        let mut file = Vec::with_capacity(rows.len() + side + OVERHEAD);
        let written = u32::try_from(side).ok().and_then(|side| {
            let mut encoder = Encoder::new(&mut file, side, side);
            encoder.set_color(ColorType::Grayscale);
            encoder.set_depth(BitDepth::One);
            let mut writer = encoder.write_header().ok()?;
            writer.write_image_data(&rows).ok()?;
            writer.finish().ok()
        });
        // Writing to a `Vec` cannot fail, and the bound on the scale keeps the picture
        // within PNG's limits.
        written.map(|()| SecretBytes::new(file)).ok_or(RenderError::Scale)
    }

    /// The picture with eight pixels in a byte, the left one in the highest bit. Each row
    /// begins with a new byte.
    fn rows(&self, side: usize, scale: usize) -> Vec<u8> {
        let mut rows = Vec::with_capacity(side * side.div_ceil(8));
        for y in 0..side {
            for left in (0..side).step_by(8) {
                let is_light = |x: usize| !self.is_dark_in_zone(x / scale, y / scale);
                rows.push((left..left + 8).fold(0, |byte, x| byte << 1 | u8::from(is_light(x))));
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use png::{Decoder, Transformations};

    use super::*;
    use crate::qr_render::MAX_PIXELS_PER_MODULE;
    use crate::qr_render::tests::{code, decoded, matrix};

    #[test]
    fn a_decoder_reads_the_text_in_the_file() {
        // Widths of 41, 123 and 328 pixels: with and without a last byte that is not full.
        for scale in [1, 3, 8] {
            let image = matrix().to_png(scale).unwrap();
            let mut decoder = Decoder::new(std::io::Cursor::new(image.expose()));
            decoder.set_transformations(Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((frame.width, frame.height), (41 * scale as u32, 41 * scale as u32));
            assert_eq!(pixels, matrix().to_greyscale(scale).unwrap().pixels());
            assert_eq!(decoded(41 * scale, &pixels), code(0x42).to_text().expose());
        }
    }

    #[test]
    fn the_file_is_written_without_outgrowing_its_buffer() {
        for scale in [1, 8, MAX_PIXELS_PER_MODULE] {
            let (file, side) = (matrix().to_png(scale).unwrap(), 41 * scale);
            let capacity = side * side.div_ceil(8) + side + OVERHEAD;
            assert_eq!(file.into_exposed().capacity(), capacity, "scale {scale}");
        }
    }

    #[test]
    fn the_scale_is_bounded() {
        for scale in [0, MAX_PIXELS_PER_MODULE + 1, usize::MAX] {
            assert_eq!(matrix().to_png(scale).unwrap_err(), RenderError::Scale);
        }
    }
}
