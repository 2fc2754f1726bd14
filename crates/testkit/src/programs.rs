//! Programs of the system that tests run: found, or left out loudly; ended, and what they
//! leave removed.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Attempts to find a port that stays free until the program has it.
const PORTS: usize = 20;

/// The first of these programs that can be started with `argument`. `None`, which it
/// tells, if they are missing; where `CI` is set, it panics.
pub fn installed(
    programs: &'static [&'static str],
    argument: &str,
    package: &str,
) -> Option<&'static str> {
    let runs = |program: &&&str| {
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok()
    };
    let found = programs.iter().find(runs).copied();
    if found.is_none() {
        let name = programs.first().unwrap();
        let missing = format!("there is no {name}; install the package `{package}`");
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        // The harness captures what goes through `eprintln!` alone.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "LEFT OUT: {test}: {missing}");
    }
    found
}

/// A folder of its own, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = format!("{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, content).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

/// A program that listens on loopback, ended with this.
pub struct Running {
    process: Child,
    address: SocketAddr,
}

impl Running {
    /// Starts it on a free port, once for each that another program took meanwhile. It
    /// listens when its standard error contains `ready`.
    pub fn on_a_port(mut command: impl FnMut(SocketAddr) -> Command, ready: &str) -> Self {
        let mut told = String::new();
        for _ in 0..PORTS {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let mut command = command(address);
            let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut process = command.spawn().unwrap();
            let mut log = BufReader::new(process.stderr.take().unwrap());
            told.clear();
            while log.read_line(&mut told).unwrap() != 0 {
                if told.contains(ready) {
                    // It is read to its end, so that the program can go on writing.
                    std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
                    return Self { process, address };
                }
            }
            process.wait().unwrap();
        }
        panic!("the program does not start: {told}");
    }

    /// Starts a program that does not tell when it listens: it does when it accepts.
    pub fn once_it_accepts(mut command: impl FnMut(SocketAddr) -> Command) -> Self {
        for _ in 0..PORTS {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let mut command = command(address);
            let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut process = command.spawn().unwrap();
            while process.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(address).is_ok() {
                    return Self { process, address };
                }
                std::thread::yield_now();
            }
        }
        panic!("the program does not start");
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}
