//! What a program leaves of its secrets in the heap.
//!
//! While [`record`] runs, this thread's allocations come from memory that is
//! never given out twice ([`Arena`], the program's allocator): what was in a
//! block when it was freed, or left behind when it grew, is still there at the
//! end. [`Secrets`] are then looked for in all of it. [`peak`] counts instead: the most
//! bytes that were in use at once.
//!
//! Not looked at: the stack, registers, and what libraries in C allocate.

mod arena;
mod secrets;

pub use arena::{Arena, Record, peak, record, recorded_so_far, unrecorded};
pub use secrets::Secrets;

#[global_allocator]
static ALLOCATOR: Arena = Arena;
