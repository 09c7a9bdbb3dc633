//! Every byte of every frame, both ways, is a point at which each operation is dropped. Time is virtual.

use crate::place::Place;
use crate::table::{Reach, operations};
use crate::walk::{Holder, walk};

async fn walk_all(holder: Holder) {
    walk_some(holder, Share::All).await;
}

/// Which of the operations: two threads take a half each of what takes longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    All,
    Even,
    Odd,
}

async fn walk_some(holder: Holder, share: Share) {
    let mut total = 0;
    let everywhere = operations().filter(|operation| operation.reach == Reach::Anywhere);
    let parts = [Share::Even, Share::Odd].into_iter().cycle();
    for (operation, _) in everywhere.zip(parts).filter(|(_, part)| share == Share::All || share == *part) {
        let place = Place::in_memory();
        let points = walk(&place, operation, holder).await;
        println!("{points:6} {}", operation.name);
        let floor = if holder == Holder::Newcomer { operation.floor } else { 2 };
        assert!(points >= floor, "only {points} points of {}", operation.name);
        total += points;
    }
    println!("{total:6} points, {holder:?}, {share:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_behind_any_byte_can_be_settled() {
    walk_all(Holder::Caller).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_behind_any_byte_of_a_new_connection_can_be_settled() {
    walk_some(Holder::Newcomer, Share::Even).await;
}

#[tokio::test(start_paused = true)]
async fn what_else_is_dropped_behind_any_byte_of_a_new_connection_can_be_settled() {
    walk_some(Holder::Newcomer, Share::Odd).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_behind_any_byte_goes_back_to_its_pool() {
    walk_all(Holder::Pool).await;
}
