//! Other programs, which end with the test, however that ends.
//!
//! Each runs below a shell that waits at its standard input, of which this
//! process holds the other end: when that is dropped, or closed by the system
//! because this process was killed, the shell kills the program's whole group.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// `"$@"` is the program. It takes the shell along when it ends by itself.
const SUPERVISE: &str = r#"{ "$@"; kill -KILL 0; } & read -r _; kill -KILL 0"#;

/// A program that runs.
pub(crate) struct Process {
    shell: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it says goes to `log`.
    pub(crate) fn start(program: &Command, log: &Path) -> Self {
        let log_file = File::create(log).unwrap();
        let output = log_file.try_clone().unwrap();
        Self::supervised(program, log, output.into(), log_file)
    }

    /// The same, but gives what the program says on standard output.
    pub(crate) fn start_with_output(program: &Command, log: &Path) -> (Self, ChildStdout) {
        let mut process =
            Self::supervised(program, log, Stdio::piped(), File::create(log).unwrap());
        let output = process.shell.stdout.take().unwrap();
        (process, output)
    }

    fn supervised(program: &Command, log: &Path, output: Stdio, log_file: File) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", SUPERVISE, "sh"]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            shell.env(name, value.unwrap());
        }
        shell.stdin(Stdio::piped()).stdout(output).stderr(log_file).process_group(0);
        let mut shell = shell.spawn().unwrap();
        let lifeline = shell.stdin.take();
        Self { shell, lifeline, log: log.to_owned() }
    }

    /// Fails if the program has ended by itself.
    pub(crate) fn assert_running(&mut self) {
        if self.shell.try_wait().unwrap().is_some() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(10).collect();
            panic!("{} ends with, the latest first:\n{}", self.log.display(), tail.join("\n"));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _killed_by_itself = self.shell.wait();
    }
}
