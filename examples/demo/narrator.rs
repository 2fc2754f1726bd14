//! Tells the story: who did what, and when.

use std::fmt::Display;
use std::io::{IsTerminal, Write as _, stdout};
use std::sync::Mutex;
use std::time::Instant;

/// Who speaks.
#[derive(Clone, Copy)]
pub(crate) enum Voice {
    RelyingParty,
    Desktop,
    Phone,
}

pub(crate) struct Narrator {
    style: Style,
    /// When the present scene began.
    scene: Mutex<Instant>,
}

#[derive(PartialEq)]
enum Style {
    Silent,
    Plain,
    Coloured,
}

impl Narrator {
    /// Colours only where a person looks at them and has not asked for none
    /// (<https://no-color.org>).
    pub(crate) fn to_terminal() -> Self {
        let coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self::new(if coloured { Style::Coloured } else { Style::Plain })
    }

    pub(crate) fn silent() -> Self {
        Self::new(Style::Silent)
    }

    fn new(style: Style) -> Self {
        Self { style, scene: Mutex::new(Instant::now()) }
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.style == Style::Silent
    }

    /// Begins a scene: its clock starts at zero.
    pub(crate) fn scene(&self, title: &str) {
        *self.scene.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Instant::now();
        self.print(&format!("\n{}\n", self.paint("1", title)));
    }

    /// One line of the story, with the time since the scene began.
    pub(crate) fn say(&self, voice: Voice, what: impl Display) {
        // Held until it is printed, so that lines come in the order of their times.
        let scene = self.scene.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (colour, name) = match voice {
            Voice::RelyingParty => ("35", "site"),
            Voice::Desktop => ("36", "desktop"),
            Voice::Phone => ("33", "phone"),
        };
        let time = format!("{:8.1} ms", scene.elapsed().as_secs_f64() * 1000.0);
        let time = self.paint("2", &time);
        let name = self.paint(colour, &format!("{name:<7}"));
        self.print(&format!("{time}  {name}  {what}\n"));
    }

    /// Something that was tried, and how it was refused.
    pub(crate) fn tick(&self, tried: impl Display, refusal: impl Display) {
        let tick = self.paint("32", "✓");
        let refusal = self.paint("2", &format!("refused: {refusal}"));
        self.print(&format!("  {tick} {tried}\n    {refusal}\n"));
    }

    /// Something to look at, as it is.
    pub(crate) fn show(&self, picture: &str) {
        self.print(picture);
        self.print("\n");
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.style {
            Style::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
            Style::Plain | Style::Silent => text.to_owned(),
        }
    }

    fn print(&self, text: &str) {
        if self.style != Style::Silent {
            // A closed pipe is no reason to fail.
            let _dropped = stdout().lock().write_all(text.as_bytes());
        }
    }

    pub(crate) fn is_coloured(&self) -> bool {
        self.style == Style::Coloured
    }
}
