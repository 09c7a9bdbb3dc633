//! How much memory the code under test holds.
//!
//! A [`Meter`] counts what its closures allocate and keep, and asserts a bound on the most there ever was. What a
//! target collects itself stays outside of the closures.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What is held because of a peer, over one conversation.
#[derive(Debug, Default)]
pub struct Meter {
    /// What of the peer's bytes came here, for the bound.
    fed: usize,
    held: isize,
}

impl Meter {
    /// Runs what handles `bytes` more of the peer.
    ///
    /// # Panics
    ///
    /// If at any moment more is held than four times of all bytes so far, and 64 KiB.
    pub fn run<T>(&mut self, bytes: usize, handle: impl FnOnce() -> T) -> T {
        self.fed += bytes;
        let before = HELD.get();
        PEAK.set(before);
        let result = handle();
        let peak = self.held + PEAK.get() - before;
        self.held += HELD.get() - before;
        let bound = 4 * self.fed as isize + 65_536;
        assert!(peak <= bound, "{peak} bytes were held for {} of the peer", self.fed);
        result
    }
}

/// Runs what handles `bytes` of a peer at once, such as a parser. The bound is that of [`Meter::run`].
pub fn bounded<T>(bytes: usize, handle: impl FnOnce() -> T) -> T {
    Meter::default().run(bytes, handle)
}

thread_local! {
    /// Negative where a thread frees what another has allocated.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, and how much each thread has from it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(change: isize) {
    // A thread that is ending has no counter any more, and nobody to read it.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

/// No layout is larger than `isize::MAX`.
fn signed(size: usize) -> isize {
    size as isize
}

// SAFETY: every call goes to the system's allocator as it came. Counting neither allocates nor unwinds: the counters
// need no initialisation and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(signed(layout.size()));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(signed(layout.size()));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-signed(layout.size()));
        // SAFETY: the caller keeps the contract, which is the same; the pointer came from this allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(signed(size) - signed(layout.size()));
        // SAFETY: the caller keeps the contract, which is the same; the pointer came from this allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
