//! An allocator that never uses memory again.
#![allow(unsafe_code, reason = "an allocator is made of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Room for all that is recorded in one run, in bytes: the ceremonies of the
/// tests take about a tenth. Pages that nothing is written to cost nothing.
const SIZE: usize = 128 << 20;

/// More than a test uses of its stack, in bytes.
const STACK: usize = 256 << 10;

/// The alignment of the memory itself, and so the largest that can be served.
const ALIGNMENT: usize = 4096;

#[repr(align(4096))]
struct Memory(UnsafeCell<MaybeUninit<[u8; SIZE]>>);

// SAFETY: it is accessed through raw pointers alone, and `NEXT` gives no part of
// it out twice.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new(MaybeUninit::uninit()));

/// Where the unused part of [`MEMORY`] begins.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Where the record that is under way begins.
static BEGINNING: AtomicUsize = AtomicUsize::new(0);

/// One record at a time, so that each is a range of [`MEMORY`].
static RECORDS: Mutex<()> = Mutex::new(());

/// The bytes of the recorded blocks that are in use, and the most that were at once.
static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_RECORDED: Cell<bool> = const { Cell::new(false) };
}

impl Memory {
    const fn start(&self) -> *mut u8 {
        self.0.get().cast()
    }

    fn holds(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.start() as usize) < SIZE
    }

    /// Null if there is no more.
    fn take(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGNMENT {
            return std::ptr::null_mut();
        }
        let place = |next: usize| {
            let start = next.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
            Some((start, end))
        };
        let taken = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            place(next).map(|(_, end)| end)
        });
        match taken.ok().and_then(place) {
            // SAFETY: `start` is within the memory.
            Some((start, _)) => unsafe { self.start().add(start) },
            None => std::ptr::null_mut(),
        }
    }
}

/// The program's allocator: the system's, but for what is recorded.
pub struct Arena;

// SAFETY: blocks are the system's, or disjoint parts of `MEMORY`, which lives as
// long as the program. A block that grows is copied, as the trait's own
// `realloc` does it, and its old place stays as it was.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_RECORDED.get() {
            let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
            PEAK.fetch_max(in_use, Ordering::Relaxed);
            return MEMORY.take(layout);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if MEMORY.holds(block) {
            IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        } else {
            // SAFETY: as the caller promises, and the block is the system's.
            unsafe { System.dealloc(block, layout) }
        }
    }
}

/// All that this thread allocated while it was recorded.
pub struct Record {
    range: Range<usize>,
    _alone: MutexGuard<'static, ()>,
}

/// Records what `work` allocates. Its value must not hold a secret: that would
/// be found.
pub fn record<T>(work: impl FnOnce() -> T) -> (T, Record) {
    let alone = RECORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let start = NEXT.load(Ordering::Relaxed);
    BEGINNING.store(start, Ordering::Relaxed);
    let value = with(true, work);
    (value, Record { range: start..NEXT.load(Ordering::Relaxed), _alone: alone })
}

/// The most bytes that `work` had in use at once, of what this thread allocated. A block
/// that another thread frees is not in use any more.
pub fn peak(work: impl FnOnce()) -> usize {
    let _alone = RECORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    with(true, work);
    PEAK.load(Ordering::Relaxed) - before
}

/// Does something in between that is not recorded, such as a test's own work.
///
/// What that leaves on the stack is wiped. Else it would reach the heap with the
/// unused bytes of a value that is moved there, and look like a leak.
pub fn unrecorded<T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn in_its_own_frame<T>(work: impl FnOnce() -> T) -> T {
        with(false, work)
    }
    let value = in_its_own_frame(work);
    zeroize::zeroize_stack::<STACK>();
    value
}

/// What is in the memory of the record that is under way, whether in use or not.
pub fn recorded_so_far() -> Vec<u8> {
    unrecorded(|| read(BEGINNING.load(Ordering::Relaxed)..NEXT.load(Ordering::Relaxed)))
}

fn with<T>(is_recorded: bool, work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_RECORDED.set(self.0);
        }
    }
    let _restore = Restore(IS_RECORDED.replace(is_recorded));
    work()
}

impl Record {
    /// The memory as it is now.
    pub fn bytes(&self) -> Vec<u8> {
        read(self.range.clone())
    }
}

fn read(range: Range<usize>) -> Vec<u8> {
    // SAFETY: within the memory, and read as a debugger would: whatever is there.
    range.map(|at| unsafe { MEMORY.start().add(at).read_volatile() }).collect()
}
