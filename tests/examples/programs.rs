//! Running one of the programs.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// For what must happen soon on any machine; a longer wait fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bus that is not there.
const NO_BUS: &str = "unix:path=/nonexistent/bus";

/// A program with its arguments.
pub(crate) struct Program(Command);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A program that runs. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<String>>,
    /// What it has said on standard error.
    pub(crate) said: String,
}

impl Program {
    /// On a machine without buses, screen and home.
    pub(crate) fn new(name: &str) -> Self {
        let mut command = Command::new(built(name));
        for variable in ["DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "HOME"] {
            command.env_remove(variable);
        }
        for variable in
            ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"]
        {
            command.env_remove(variable);
        }
        command.env("DBUS_SYSTEM_BUS_ADDRESS", NO_BUS).env("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
        Self(command)
    }

    /// Where it is, for tests that start it otherwise.
    #[cfg(target_os = "linux")]
    pub(crate) fn path(name: &str) -> PathBuf {
        built(name)
    }

    pub(crate) fn arguments<S: AsRef<std::ffi::OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end, with nothing to read.
    pub(crate) fn run(self) -> Ended {
        let mut running = self.start();
        running.end_input();
        running.finish()
    }

    pub(crate) fn start(mut self) -> Running {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut stdout = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let stdin = child.stdin.take();
        Running { child, stdin, lines, stdout: Some(stdout), said: String::new() }
    }
}

impl Running {
    /// Reads on until a line has this in it.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("timed out waiting for {text:?} after:\n{}", self.said);
            };
            self.said += &line;
            self.said.push('\n');
            if line.contains(text) {
                return;
            }
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        // A program that has ended shows that by itself.
        let _dropped = stdin.write_all(format!("{line}\n").as_bytes());
    }

    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// As Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends it a signal, by its name.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let kill = Command::new("kill").args([&format!("-{name}"), &process]).status();
        assert!(kill.unwrap().success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        // The end of its standard error, which it keeps open until it ends.
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said += &(line + "\n"),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => panic!("it does not end, after:\n{}", self.said),
            }
        }
        let code = self.child.wait().unwrap().code();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        Ended { code, stdout, stderr: std::mem::take(&mut self.said) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

/// The program, which `cargo test` builds before it runs tests; `cargo test
/// --test examples` does not.
fn built(name: &str) -> PathBuf {
    // target/PROFILE/deps/this test
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let program =
        profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let modified = |file: &Path| fs::metadata(file).and_then(|it| it.modified()).ok();
    let built = modified(&program);
    // What it was built of, as cargo writes it down: `program: source source …`,
    // with a backslash before a space in a name.
    let sources = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let sources = sources.replace("\\ ", "\0");
    let sources = sources.split_once(": ").map(|(_, sources)| sources.split_whitespace());
    let is_new =
        |source: &str| built.is_some() && modified(Path::new(&source.replace('\0', " "))) <= built;
    assert!(
        sources.is_some_and(|mut sources| sources.all(is_new)),
        "{} is missing or old: run `cargo build --examples` first",
        program.display()
    );
    program
}

/// A folder of one test, deleted with this value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("examples-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let file = self.file(name);
        fs::write(&file, content).unwrap();
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}
