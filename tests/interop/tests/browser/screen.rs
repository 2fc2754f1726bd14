//! The computer's screen, as a camera sees it.
//!
//! Xvfb keeps the picture in a file, in the format of `xwd`: a header of
//! big-endian words, a table of colours, then the rows.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fido_hybrid::transport::QrCode;
use rxing::BarcodeFormat;
use rxing::helpers::detect_in_luma;
use tokio::time::{Instant, sleep};

use crate::polling::{PAUSE, until};
use crate::process::Process;

const SIZE: &str = "1280x1000x24";

/// For what is on the screen soon after it was asked for, on any machine.
const LIMIT: Duration = Duration::from_secs(20);

/// Longer than Chromium's moving pictures stand still.
const STILL: Duration = Duration::from_millis(600);

/// A screen with a window manager: without one, no window has the keyboard, and
/// pages without it may not ask for passkeys.
pub(crate) struct Screen {
    _windows: Process,
    _server: Process,
    display: String,
    picture: PathBuf,
}

/// What the screen shows at one time.
#[derive(PartialEq)]
pub(crate) struct Picture {
    xwd: Vec<u8>,
}

impl Screen {
    pub(crate) fn start(folder: &Path) -> Self {
        let (mut server, output) = Process::start_with_output(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp", "-fbdir"])
                .arg(folder),
            &folder.join("xvfb.log"),
        );
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number).unwrap();
        server.assert_running();
        let display = format!(":{}", number.trim());
        let windows = Process::start(
            Command::new("openbox").env("DISPLAY", &display),
            &folder.join("openbox.log"),
        );
        let picture = folder.join("Xvfb_screen0");
        Self { _windows: windows, _server: server, display, picture }
    }

    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    pub(crate) fn look(&self) -> Picture {
        Picture { xwd: fs::read(&self.picture).unwrap() }
    }

    /// The first code that a phone could scan, and the picture with it.
    pub(crate) async fn code(&self) -> (QrCode, Picture) {
        until("a QR code on the screen", LIMIT, || {
            let picture = self.look();
            picture.code().map(|code| (code, picture))
        })
        .await
    }

    /// The first picture without a code that a phone could scan.
    pub(crate) async fn without_code(&self) -> Picture {
        let none = |picture: &Picture| picture.code().is_none();
        until("the QR code to go off the screen", LIMIT, || Some(self.look()).filter(none)).await
    }

    /// The first picture that stays: Chromium's dialogs move while it works.
    pub(crate) async fn at_rest(&self) -> Picture {
        let mut last = (self.look(), Instant::now());
        until("a picture that stays", LIMIT, move || {
            let now = self.look();
            if now != last.0 {
                last = (now, Instant::now());
                return None;
            }
            (last.1.elapsed() > STILL).then_some(now)
        })
        .await
    }

    /// The screen when it shows this again. If it does not, the picture of what it shows
    /// instead goes to `otherwise`.
    pub(crate) async fn shows(&self, picture: &Picture, otherwise: &Path) -> Picture {
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.look();
            if now == *picture {
                return now;
            }
            if Instant::now() > deadline {
                now.save(otherwise);
                panic!("waited {LIMIT:?} for the screen to be as it was: {}", otherwise.display());
            }
            sleep(PAUSE).await;
        }
    }
}

impl Picture {
    fn word(&self, index: usize) -> usize {
        let bytes = self.xwd[index * 4..index * 4 + 4].try_into().unwrap();
        u32::from_be_bytes(bytes) as usize
    }

    fn size(&self) -> (u32, u32) {
        (self.word(4) as u32, self.word(5) as u32)
    }

    /// Red, green and blue of each pixel, row by row.
    fn colours(&self) -> Vec<u8> {
        let (header, width, row, table) =
            (self.word(0), self.word(4), self.word(12), self.word(19));
        let blue_comes_first = self.word(7) == 0 && self.word(11) == 32;
        assert!(blue_comes_first, "another picture than SIZE makes on this kind of machine");
        let mut colours = Vec::with_capacity(self.xwd.len());
        for row in self.xwd[header + table * 12..].chunks_exact(row) {
            for pixel in row[..width * 4].as_chunks::<4>().0 {
                colours.extend([pixel[2], pixel[1], pixel[0]]);
            }
        }
        colours
    }

    /// What a phone reads off the picture.
    pub(crate) fn code(&self) -> Option<QrCode> {
        let (width, height) = self.size();
        // Codes are black and white: any one colour will do.
        let green = self.colours().as_chunks::<3>().0.iter().map(|pixel| pixel[1]).collect();
        let found = detect_in_luma(green, width, height, Some(BarcodeFormat::QR_CODE));
        found.ok()?.getText().parse().ok()
    }

    pub(crate) fn save(&self, path: &Path) {
        let (width, height) = self.size();
        let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        encoder.write_header().unwrap().write_image_data(&self.colours()).unwrap();
    }
}
