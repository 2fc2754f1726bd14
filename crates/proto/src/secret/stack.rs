//! Wiping what other code leaves on the stack.

use zeroize::zeroize_stack;

/// Does `work`, and wipes the `N` bytes of the stack below that it used.
///
/// Code of other crates moves secrets by value and leaves copies on the stack.
/// They would not stay there: a value that is moved to the heap takes along
/// whatever lies in those of its bytes that are not in use.
pub(crate) fn with_wiped_stack<const N: usize, T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn in_its_own_frame<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let value = in_its_own_frame(work);
    zeroize_stack::<N>();
    value
}
