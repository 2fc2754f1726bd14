//! The runtime of a program, and work that the program's end does not wait for.

use std::io::Write as _;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Runs a program. Its end does not wait for calls that block, such as a look-up of
/// a name: a resolver that does not answer must not hold up Ctrl-C.
pub fn run(program: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _dropped = writeln!(std::io::stderr(), "error: the program cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(program);
    runtime.shutdown_background();
    code
}

/// Does blocking work on a thread of its own, while the program sees signals. `None`
/// if the work panicked.
pub async fn unwatched<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    std::thread::spawn(move || {
        let _dropped = done.send(work());
    });
    result.await.ok()
}
