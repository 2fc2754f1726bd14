//! When a person wants a program to end.

/// Ctrl-C; never, where the system has no such thing.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
