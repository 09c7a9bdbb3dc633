//! Other people's code, which may panic.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs code whose panics are no finding, and returns nothing when it panics.
pub fn caught<T>(theirs: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    // The hook that is there ends the process.
    HOOK.call_once(|| {
        let ends = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                ends(panic);
            }
        }));
    });
    EXPECTED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(theirs));
    EXPECTED.set(false);
    result.ok()
}
