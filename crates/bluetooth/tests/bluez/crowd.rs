//! Thousands of foreign adverts, and what they cost.
//!
//! The program that scans is a process of its own here, so that its memory and its
//! time can be told from those of the BlueZ for tests: this test binary again, with
//! a variable that says which bus to scan on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use fido_hybrid::bluetooth::{SERVICE_UUID, Scan, ScanEvent, Scanner as _};

use crate::bluez::{Advert, AdvertId, Air, Machine};
use crate::{laptop, soon};

const BUS: &str = "BLUEZ_CROWD_BUS";
const FOREIGN: u32 = 20_000;
const MARK: &[u8] = b"ours";

/// Between two of our own.
const INTERVAL: Duration = Duration::from_millis(10);

/// What a crowd may leave behind in the program's memory, in KiB. If it kept what it
/// receives it would be some 30 MiB: libdbus alone takes over 1 KiB for each message. 300 KiB were
/// measured.
const MEMORY: u64 = 1024;
/// How many adverts may wait for a caller that does not listen.
const WAITING: u32 = 1000;
/// What an advert of another sender may cost, in microseconds, without optimization.
/// Three thousand of them a minute are then 1 % of a core; 70 µs were measured.
const TIME: u64 = 200;

/// What the program says about itself.
#[derive(Clone, Copy, Debug)]
struct Cost {
    kib: u64,
    microseconds: u64,
}

/// The program, from within.
async fn scan_until_told(bus: String) {
    let radio = fido_hybrid::bluetooth::Bluetooth::new().bus_address(bus);
    let mut scan = radio.scan().await.unwrap();
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        match &*line {
            "cost" => say(&own_cost()),
            // Scans until our own advert comes, and prints how many came before.
            "receive" => say(&received_before_ours(&mut scan).await.to_string()),
            other => panic!("{other}"),
        }
    }
}

async fn received_before_ours(scan: &mut Box<dyn Scan>) -> u32 {
    let mut before = 0;
    loop {
        match soon("our advert", scan.next()).await.unwrap() {
            ScanEvent::Advert(received) if received.service_data == MARK => return before,
            _ => before += 1,
        }
    }
}

fn lines() -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if line.map(|line| sender.send(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn say(what: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\nSAID {what}").unwrap();
    out.flush().unwrap();
}

/// The memory that it has ever had, and the time that it has taken.
fn own_cost() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib = peak.trim().trim_end_matches(" kB");
    // All of its threads': nanoseconds on a processor come first.
    let nanoseconds: u64 = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|thread| {
            let path = thread.unwrap().path().join("schedstat");
            // A thread may end meanwhile.
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.split(' ').next().unwrap().parse().unwrap_or(0)
        })
        .sum();
    format!("{kib} {}", nanoseconds / 1000)
}

/// The program, from without.
struct Program {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Program {
    fn start(machine: &Machine, test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(BUS, machine.bus_address())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from: BufReader::new(from) }
    }

    fn ask(&mut self, what: &str) {
        writeln!(self.to, "{what}").unwrap();
    }

    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "the program has ended");
            if let Some(said) = line.strip_prefix("SAID ") {
                return said.trim().to_owned();
            }
        }
    }

    fn cost(&mut self) -> Cost {
        self.ask("cost");
        let said = self.answer();
        let (kib, microseconds) = said.split_once(' ').unwrap();
        Cost { kib: kib.parse().unwrap(), microseconds: microseconds.parse().unwrap() }
    }

    /// How many events came before our own advert, which is received now.
    fn received(&mut self, air: &Air) -> u32 {
        let ours = air.inject(Advert::new(SERVICE_UUID, MARK));
        self.ask("receive");
        // A queue that is full has no room for it until the program takes from it.
        let answered = std::sync::atomic::AtomicBool::new(false);
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !answered.load(std::sync::atomic::Ordering::Relaxed) {
                    air.interval_of(ours);
                    std::thread::sleep(INTERVAL);
                }
            });
            let received = self.answer();
            answered.store(true, std::sync::atomic::Ordering::Relaxed);
            received
        });
        air.withdraw(ours);
        received.parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn crowd(air: &Air, size: u32, advert: impl Fn(u32) -> Advert) -> Vec<AdvertId> {
    let address = |n: u32| {
        let [_, a, b, c] = n.to_be_bytes();
        format!("2B:00:00:{a:02X}:{b:02X}:{c:02X}")
    };
    (0..size).map(|n| air.inject(advert(n).from(&address(n)))).collect()
}

fn within_the_program() -> Option<String> {
    std::env::var(BUS).ok()
}

#[tokio::test]
async fn twenty_thousand_foreign_adverts_never_reach_the_caller_and_cost_little() {
    const NAME: &str =
        "crowd::twenty_thousand_foreign_adverts_never_reach_the_caller_and_cost_little";
    if let Some(bus) = within_the_program() {
        return scan_until_told(bus).await;
    }
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut program = Program::start(&laptop, NAME);
    air.until("the program scans", || !laptop.discoverers("hci0").is_empty()).await;
    assert_eq!(program.received(&air), 0);
    let before = program.cost();
    let crowd = crowd(&air, FOREIGN, |n| match n % 3 {
        0 => Advert::foreign(),
        1 => Advert::new(0xfd6f, [0; 20]),
        _ => Advert::new(0xfe2c, [0xff; 24]).connectable(),
    });
    air.interval();
    for advert in crowd {
        air.withdraw(advert);
    }
    // Only after them comes our own.
    assert_eq!(program.received(&air), 0);
    let after = program.cost();
    let each = (after.microseconds - before.microseconds) / u64::from(FOREIGN);
    assert!(after.kib - before.kib < MEMORY, "{before:?} to {after:?}");
    assert!(each < TIME, "{each} µs for each advert");
}

#[tokio::test]
async fn a_caller_that_does_not_listen_loses_adverts_and_no_memory() {
    const NAME: &str = "crowd::a_caller_that_does_not_listen_loses_adverts_and_no_memory";
    if let Some(bus) = within_the_program() {
        return scan_until_told(bus).await;
    }
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut program = Program::start(&laptop, NAME);
    air.until("the program scans", || !laptop.discoverers("hci0").is_empty()).await;
    assert_eq!(program.received(&air), 0);
    let before = program.cost();
    // All of other people's phones.
    let crowd = crowd(&air, 5 * WAITING, |_| Advert::new(SERVICE_UUID, [0; 20]));
    air.interval();
    for advert in crowd {
        air.withdraw(advert);
    }
    let waited = program.received(&air);
    let after = program.cost();
    assert!(after.kib - before.kib < MEMORY, "{before:?} to {after:?}");
    assert!((1..WAITING).contains(&waited), "{waited} have waited");
}
