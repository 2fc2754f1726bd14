//! When a person, or the system, wants a program to end.

/// 128 and the number of the signal, as shells have it.
pub const INTERRUPTED: u8 = 130;
#[cfg(unix)]
const TERMINATED: u8 = 143;

/// Ctrl-C and, on Unix, SIGTERM. From when this is made, they do not end the program by
/// themselves.
pub struct Signals {
    #[cfg(unix)]
    interrupt: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for one of them, and gives back the exit code for it.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            () = come(&mut self.interrupt) => INTERRUPTED,
            () = come(&mut self.terminate) => TERMINATED,
        }
    }
}

/// Waits for ever for what the system does not have.
#[cfg(unix)]
async fn come(signal: &mut Option<tokio::signal::unix::Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending().await
    }
}

#[cfg(not(unix))]
impl Signals {
    pub fn listen() -> Self {
        Self {}
    }

    /// Waits for Ctrl-C, and gives back the exit code for it.
    pub async fn next(&mut self) -> u8 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => INTERRUPTED,
            Err(_) => std::future::pending().await,
        }
    }
}
