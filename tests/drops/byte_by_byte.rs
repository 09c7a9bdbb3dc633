//! Every byte of every frame, both ways, is a point at which each operation is dropped. Time is virtual.

use crate::place::Place;
use crate::table::{Reach, operations};
use crate::walk::{Holder, walk};

async fn walk_all(holder: Holder) {
    let mut total = 0;
    for operation in operations().filter(|operation| operation.reach == Reach::Anywhere) {
        let place = Place::in_memory();
        let points = walk(&place, operation, holder).await;
        println!("{points:6} {}", operation.name);
        let floor = if holder == Holder::Newcomer { operation.floor } else { 2 };
        assert!(points >= floor, "only {points} points of {}", operation.name);
        total += points;
    }
    println!("{total:6} points, {holder:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_behind_any_byte_can_be_settled() {
    walk_all(Holder::Caller).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_behind_any_byte_of_a_new_connection_can_be_settled() {
    walk_all(Holder::Newcomer).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_behind_any_byte_goes_back_to_its_pool() {
    walk_all(Holder::Pool).await;
}
