//! What an input may make the library hold.

/// The result of `work`, which must at no time hold more than `most` bytes of
/// heap on top of what was there before.
///
/// # Panics
/// If it does.
pub(crate) fn within<T>(most: usize, work: impl FnOnce() -> T) -> T {
    let mut result = None;
    let used = allocation_counter::measure(|| result = Some(work()));
    assert!(used.bytes_max <= most as u64, "{} bytes held, {most} allowed", used.bytes_max);
    result.unwrap()
}
