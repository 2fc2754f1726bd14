//! What the programs show in a terminal's window, which `script` (util-linux)
//! plays and `stty` gives its size.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fido_hybrid::transport::QrCode;

use crate::bluez::{Air, Machine, Power};
use crate::programs::{Program, Scratch};

/// For what must happen soon on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What empties the screen before a picture.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// A program in a window. Dropped, it is closed.
struct Window {
    script: Child,
    written: Receiver<Vec<u8>>,
    /// All that was written.
    text: Vec<u8>,
    scratch: Scratch,
}

impl Window {
    /// `register`, which waits for a phone.
    fn open(machine: &Machine, (columns, rows): (u32, u32), language: &str, flags: &str) -> Self {
        let scratch = Scratch::new();
        let program = Program::path("register");
        let shell = format!(
            "stty columns {columns} rows {rows}; tty > '{}'; echo $$ > '{}'; \
             exec '{}' https://example.com {flags}",
            scratch.file("tty"),
            scratch.file("pid"),
            program.display()
        );
        let mut script = Command::new("script")
            .args(["-q", "-e", "-f", "-c", &shell, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("DBUS_SYSTEM_BUS_ADDRESS", machine.bus_address())
            .env_remove("LC_CTYPE")
            .env("LC_ALL", language)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = script.stdout.take().unwrap();
        let (sender, written) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { script, written, text: Vec::new(), scratch }
    }

    /// Reads on until the last picture is like this.
    #[track_caller]
    fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = String::from_utf8_lossy(&self.text).into_owned();
            let picture = all.rsplit(CLEAR).next().unwrap();
            if is_so(picture) {
                return picture.to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.written.recv_timeout(left) {
                Ok(more) => self.text.extend(more),
                Err(_) => panic!("{what} does not come after:\n{all}"),
            }
        }
    }

    fn resize(&self, columns: u32, rows: u32) {
        let tty = fs::read_to_string(self.scratch.file("tty")).unwrap();
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let arguments = ["-F", tty.trim(), "columns", &columns, "rows", &rows];
        assert!(Command::new("stty").args(arguments).status().unwrap().success());
    }

    /// Sends a signal to the program, and gives all that it wrote until its end.
    fn end_by(mut self, signal: &str) -> String {
        let process = fs::read_to_string(self.scratch.file("pid")).unwrap();
        assert!(Command::new("kill").args([signal, process.trim()]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.written.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(more) => self.text.extend(more),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end after {signal}"),
            }
        }
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ended_already = self.script.kill();
        let _ended_already = self.script.wait();
    }
}

/// The rows of a code that is drawn in half blocks.
fn rows_of_code(picture: &str) -> Vec<String> {
    let row =
        |line: &str| line.split_once("231m")?.1.split_once("\x1b[0m").map(|it| it.0.to_owned());
    picture.lines().filter_map(row).collect()
}

/// Whether all of a usual code is there.
fn is_whole(picture: &str) -> bool {
    let rows = rows_of_code(picture);
    rows.len() == 21 && rows.iter().all(|row| row.chars().count() == 41)
}

fn laptop(air: &Air) -> Machine {
    let machine = Machine::start(air, "laptop");
    machine.plug_in("hci0", Power::On);
    machine
}

#[test]
fn a_window_that_is_too_small_gets_a_word_and_no_part_of_a_code() {
    let Some(air) = Air::by_hand() else { return };
    let machine = laptop(&air);
    for (columns, rows) in [(80, 21), (40, 50)] {
        let mut window = Window::open(&machine, (columns, rows), "C.UTF-8", "");
        let told = "Enlarge the window: the QR code needs 41 columns and ";
        let picture = window.until("the word", |picture| picture.contains(told));
        assert_eq!(rows_of_code(&picture), Vec::<String>::new());
    }
}

#[test]
fn a_window_that_changes_its_size_gets_the_code_again() {
    let Some(air) = Air::by_hand() else { return };
    let machine = laptop(&air);
    let mut window = Window::open(&machine, (80, 10), "C.UTF-8", "");
    window.until("the word", |picture| picture.contains("Enlarge the window"));
    window.resize(80, 24);
    let scan = "Scan the QR code with your phone.";
    window.until("the code", |picture| is_whole(picture) && picture.ends_with(scan));
    window.resize(30, 24);
    window.until("the word", |picture| picture.contains("Enlarge the window"));
}

#[test]
fn what_is_told_below_the_code_does_not_push_it_out_of_the_window() {
    let Some(air) = Air::by_hand() else { return };
    let machine = laptop(&air);
    let mut window = Window::open(&machine, (80, 22), "C.UTF-8", "");
    window.until("the code", is_whole);
    for (power, told) in
        [(Power::Off, "Bluetooth is switched off."), (Power::On, "Bluetooth is on.")]
    {
        machine.switch("hci0", power);
        let picture = window.until(told, |picture| is_whole(picture) && picture.contains(told));
        // 21 rows end in a line feed, and the sentence does not.
        assert_eq!(picture.matches('\n').count(), 21, "{picture}");
    }
}

#[test]
fn a_terminal_without_utf8_gets_the_code_in_colours() {
    let Some(air) = Air::by_hand() else { return };
    let machine = laptop(&air);
    for language in ["C", "POSIX", "en_US.ISO-8859-1"] {
        let mut window = Window::open(&machine, (82, 42), language, "");
        let picture = window.until("the code", |picture| picture.contains("Scan the QR code"));
        assert!(picture.is_ascii(), "{language}: {picture}");
        let rows: Vec<&str> = picture.lines().filter(|line| line.contains("\x1b[48;5;")).collect();
        assert_eq!(rows.len(), 41, "{picture}");
        let is_dark = picture.contains("\x1b[48;5;16m  ");
        assert!(is_dark && picture.contains("\x1b[48;5;231m  "), "{picture}");
    }
}

#[test]
fn the_code_is_shown_as_text_where_that_is_asked() {
    let Some(air) = Air::by_hand() else { return };
    let machine = laptop(&air);
    let mut window = Window::open(&machine, (80, 24), "C", "--text");
    let picture = window.until("the code", |picture| picture.contains("Scan the QR code"));
    let text = picture.lines().next().unwrap();
    text.trim().parse::<QrCode>().unwrap();
    assert_eq!(rows_of_code(&picture), Vec::<String>::new());
}

#[test]
fn the_code_is_off_the_screen_after_the_end() {
    let Some(air) = Air::by_hand() else { return };
    let machine = laptop(&air);
    for signal in ["-INT", "-TERM"] {
        let mut window = Window::open(&machine, (80, 24), "C.UTF-8", "");
        window.until("the code", is_whole);
        let text = window.end_by(signal);
        let (before, _) = text.split_once("\x1b[?1049h").expect("it is on the second screen");
        assert_eq!(rows_of_code(before), Vec::<String>::new(), "{signal}");
        let (_, after) = text.rsplit_once("\x1b[?1049l").expect("the first screen is back");
        assert_eq!(rows_of_code(after), Vec::<String>::new(), "{signal}");
        assert!(after.contains("error: interrupted"), "{signal}: {after:?}");
    }
}
