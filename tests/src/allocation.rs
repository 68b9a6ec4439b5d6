//! How much memory something takes at its peak.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

/// The system's allocator, which knows how much each thread has taken. A program that calls [`peak`] makes it its global
/// allocator.
pub struct Counting;

thread_local! {
    /// Needs neither memory nor a destructor, so that an allocator may use it.
    static MEMORY: Cell<Memory> = const { Cell::new(Memory { taken: 0, peak: 0 }) };
}

/// In bytes; below zero where a thread frees what another one has taken.
#[derive(Clone, Copy)]
struct Memory {
    taken: isize,
    peak: isize,
}

/// The most memory that `work` holds at once beyond what this thread had before, in bytes.
///
/// # Panics
/// When [`Counting`] is not the global allocator.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    assert!(is_global(), "Counting has to be the global allocator");
    let before = MEMORY.get().taken;
    MEMORY.set(Memory {
        taken: before,
        peak: before,
    });
    let result = work();
    (result, (MEMORY.get().peak - before) as usize)
}

/// What all threads together hold at the moment, in bytes.
///
/// # Panics
/// When [`Counting`] is not the global allocator.
pub fn live() -> usize {
    assert!(is_global(), "Counting has to be the global allocator");
    LIVE.load(Ordering::Relaxed).max(0) as usize
}

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn is_global() -> bool {
    let before = MEMORY.get().taken;
    let probe = std::hint::black_box(Box::new(0u8));
    let counted = MEMORY.get().taken > before;
    drop(probe);
    counted
}

fn count(taken: usize, freed: usize) {
    LIVE.fetch_add(taken.wrapping_sub(freed) as isize, Ordering::Relaxed);
    let before = MEMORY.get();
    let taken = before
        .taken
        .wrapping_add_unsigned(taken)
        .wrapping_sub_unsigned(freed);
    MEMORY.set(Memory {
        taken,
        peak: before.peak.max(taken),
    });
}

// SAFETY: every call goes to the system's allocator as it came, so what holds for that one holds for this one; counting
// neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as in `alloc`; the pointer came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
