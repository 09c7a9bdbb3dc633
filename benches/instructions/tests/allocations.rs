//! What the jobs ask the allocator for.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use molt_db_decode::Params;
use molt_db_instructions::ours::{self, RowReader, Session};
use molt_db_instructions::{TIMES, input};

/// The system's allocator, and how often each thread has asked it for memory.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn note() {
    // A thread that is ending has no counter any more, and nobody to read it.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it came. Counting neither allocates nor unwinds: the counter
// needs no initialisation and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same; the pointer came from this allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract, which is the same; the pointer came from this allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(work: impl FnOnce() -> T) -> usize {
    let before = COUNT.get();
    let made = work();
    let count = COUNT.get() - before;
    drop(made);
    count
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| Box::new(7)), 1);
    assert_eq!(allocations(|| vec![String::from("a"), String::from("b")]), 3);
}

#[test]
fn framing_allocates_nothing() {
    let input = input::messages(TIMES);
    assert_eq!(allocations(|| ours::frames(&input)), 0);
}

#[test]
fn walking_rows_allocates_nothing_from_the_second_row_on() {
    let (input, session, mut reader) = (input::rows(TIMES), Session::streaming(), RowReader::default());
    assert_eq!(allocations(|| ours::framed_values(&input)), 0);
    assert_eq!(allocations(|| ours::run_values(session.rows(&input))), 0);
    let first = input::rows(1);
    assert_ne!(allocations(|| ours::run_layout(session.rows(&first), &mut reader)), 0);
    assert_eq!(allocations(|| ours::run_layout(session.rows(&input), &mut reader)), 0);
}

#[test]
fn a_bind_allocates_nothing_once_its_buffers_have_grown() {
    let (mut params, mut out) = (Params::default(), Vec::new());
    assert_ne!(allocations(|| ours::binds_with_parameters(&mut params, &mut out)), 0);
    assert_eq!(allocations(|| ours::binds_with_parameters(&mut params, &mut out)), 0);
    assert_eq!(allocations(|| ours::binds(params.values(), &mut out)), 0);
}

#[test]
fn a_conversation_allocates_for_its_command_tag_and_nothing_else() {
    let (answers, mut session) = (input::answers(TIMES), Session::warm());
    session.converse(&input::answers(1));
    assert_eq!(allocations(|| session.converse(&answers)), TIMES);
}
