//! The QR code on the terminal.

use std::convert::Infallible;
use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use fido_hybrid::qr_render::{QUIET_ZONE, QrMatrix};
use fido_hybrid::secret::SecretText;
use fido_hybrid::transport::QrText;
use terminal_size::{Height, Width, terminal_size_of};

use crate::report::{put, tell};

/// How often the window's size is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How the code is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As something to scan.
    Drawing,
    /// As text, for a phone that takes it by hand.
    Text,
}

/// A code on the terminal's second screen, which closes with this value and
/// leaves nothing to scroll back to. Where there is no terminal, it is written
/// once.
pub struct OnScreen {
    code: SecretText,
    /// Columns and rows that the code needs.
    needs: (usize, usize),
    /// What stands below it.
    told: String,
    size: Option<(usize, usize)>,
}

impl OnScreen {
    pub fn show(text: &QrText, form: Form) -> Self {
        let is_terminal = stderr().is_terminal();
        let (code, needs) = match (QrMatrix::new(text), form) {
            (Ok(matrix), Form::Drawing) if !is_terminal => (matrix.to_plain_text(), (0, 0)),
            (Ok(matrix), Form::Drawing) => {
                let side = matrix.width() + 2 * QUIET_ZONE;
                if is_utf8() {
                    (matrix.to_terminal(), (side, side.div_ceil(2)))
                } else {
                    (matrix.to_ascii_terminal(), (2 * side, side))
                }
            }
            // A text that fits no symbol can still be read.
            (Ok(_), Form::Text) | (Err(_), _) => {
                (SecretText::new(format!("{}\n", text.expose())), (0, 0))
            }
        };
        let screen = Self { code, needs, told: String::new(), size: size() };
        if is_terminal {
            put("\x1b[?1049h");
            screen.draw();
        } else {
            put(screen.code.expose());
        }
        screen
    }

    /// Says something below the code.
    pub fn tell(&mut self, sentence: &str) {
        sentence.clone_into(&mut self.told);
        if stderr().is_terminal() {
            self.draw();
        } else {
            tell(sentence);
        }
    }

    /// Draws the code again each time that the window has another size.
    ///
    /// # Cancel safety
    /// No change is missed.
    pub async fn follow_size(&mut self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            let size = size();
            if size != self.size {
                self.size = size;
                self.draw();
            }
        }
    }

    /// A part of a code is of no help: the whole of it, or a word.
    fn draw(&self) {
        let (columns, rows) = self.needs;
        let below = |width: usize| self.told.chars().count().div_ceil(width.max(1)).max(1);
        let is_enough = |(width, height)| width >= columns && height >= rows + below(width);
        // The upper left of an empty screen, and no end of line after the last.
        put("\x1b[H\x1b[2J");
        if self.size.is_none_or(is_enough) {
            put(self.code.expose());
        } else {
            let rows = rows + below(columns);
            tell(&format!(
                "Enlarge the window: the QR code needs {columns} columns and {rows} rows."
            ));
        }
        put(&self.told);
    }
}

/// Columns and rows of the window, where the system tells.
fn size() -> Option<(usize, usize)> {
    let (Width(columns), Height(rows)) = terminal_size_of(stderr())?;
    Some((columns.into(), rows.into()))
}

/// Whether the terminal's language is written in UTF-8, by the first variable
/// that says one [POSIX §8.2]. Windows' console takes UTF-16 from Rust.
fn is_utf8() -> bool {
    let says = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let language = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(says);
    let is_utf8 = |language: String| {
        let language = language.to_ascii_lowercase();
        language.contains("utf-8") || language.contains("utf8")
    };
    cfg!(windows) || language.is_some_and(is_utf8)
}

impl Drop for OnScreen {
    fn drop(&mut self) {
        if stderr().is_terminal() {
            put("\x1b[?1049l");
        }
    }
}
