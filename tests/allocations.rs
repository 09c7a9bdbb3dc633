//! Streaming costs no allocation per row.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be had without")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{connect, on_each_server};
use molt_db::Connection;
use molt_db::arrow::{ArrowOptions, BatchLimits, ByteLimit, RowLimit, Unfit};

/// The system's allocator, and how often each thread has asked it for memory.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Negative where a thread frees what another has allocated.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

// A thread that is ending has no counter any more, and nobody to read it.
fn note() {
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

fn hold(bytes: isize) {
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    if let Ok(held) = held {
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held)));
    }
}

// SAFETY: every call goes to the system's allocator as it came. Counting neither allocates nor unwinds: the counter
// needs no initialisation and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        hold(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(-layout.size().cast_signed());
        // SAFETY: the caller keeps the contract, which is the same; the pointer came from this allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // A large block is moved by its pages, and is never there twice.
        hold(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller keeps the contract, which is the same; the pointer came from this allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how often this thread allocated meanwhile. Tests run on the thread that polls them.
async fn allocations(work: impl Future<Output = ()>) -> u64 {
    let before = COUNT.get();
    work.await;
    COUNT.get() - before
}

const SQL: &str = "select g::int8 as id, 'a text of some length, number ' || g, g * 0.5::float8, g % 2 = 0,
                          nullif(g % 7, 0)::int4, g::numeric(12,2), timestamptz 'epoch' + g * interval '1 second'
                   from generate_series(1, $1::int4) g";

async fn stream(c: &mut Connection, rows: i32) {
    let mut found = c.query(SQL).bind(rows).rows().await.unwrap();
    let mut sum = 0;
    while let Some(row) = found.next().await.unwrap() {
        let text: &str = row.get(1).unwrap();
        let third: Option<i32> = row.get(4).unwrap();
        sum += row.get::<i64>(0).unwrap();
        assert!(text.len() > 20 && row.get::<f64>(2).unwrap() > 0.0);
        assert_eq!(row.get::<bool>(3).unwrap(), row.get::<i64>("id").unwrap() % 2 == 0);
        assert_eq!(third.is_none(), row.get::<i64>(0).unwrap() % 7 == 0);
    }
    assert_eq!(sum, i64::from(rows) * i64::from(rows + 1) / 2);
}

/// The growth of the read buffer, and timers and the like, that do not come with every row.
const SLACK: u64 = 40;

#[tokio::test]
async fn the_counter_counts() {
    let mut kept = Vec::new();
    let counted = allocations(async { kept.extend((0..1000_u64).map(Box::new)) }).await;
    assert!((1000..1100).contains(&counted), "{counted}");
}

#[tokio::test]
async fn rows_that_are_lent_and_read_allocate_nothing_each() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        stream(&mut c, 10_000).await;
        let few = allocations(stream(&mut c, 1_000)).await;
        let many = allocations(stream(&mut c, 10_000)).await;
        assert!(many <= few + SLACK, "{few} for 1,000 rows, {many} for 10,000");
    })
    .await;
}

async fn tuples(c: &mut Connection, rows: i32) {
    let sql = "select g::int8, 'some text ' || g from generate_series(1, $1::int4) g";
    let mut found = c.query(sql).bind(rows).rows().await.unwrap();
    let mut seen = 0;
    while let Some(row) = found.next().await.unwrap() {
        let (_, text): (i64, &str) = row.read().unwrap();
        seen += i32::from(text.starts_with("some text "));
    }
    assert_eq!(seen, rows);
}

#[tokio::test]
async fn rows_that_are_read_as_tuples_allocate_nothing_each() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        tuples(&mut c, 10_000).await;
        let few = allocations(tuples(&mut c, 1_000)).await;
        let many = allocations(tuples(&mut c, 10_000)).await;
        assert!(many <= few + SLACK, "{few} for 1,000 rows, {many} for 10,000");
    })
    .await;
}

async fn typed(c: &mut Connection, rows: i32) {
    let sql = "select g::int8, g::int4 from generate_series(1, $1::int4) g";
    let mut found = c.query(sql).bind(rows).rows_as::<(i64, i32)>().await.unwrap();
    let mut seen = 0;
    while let Some((wide, narrow)) = found.next().await.unwrap() {
        seen += i32::from(wide == i64::from(narrow));
    }
    assert_eq!(seen, rows);
}

#[tokio::test]
async fn typed_rows_allocate_nothing_each() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        typed(&mut c, 10_000).await;
        let few = allocations(typed(&mut c, 1_000)).await;
        let many = allocations(typed(&mut c, 10_000)).await;
        assert!(many <= few + SLACK, "{few} for 1,000 rows, {many} for 10,000");
    })
    .await;
}

async fn plain_values(c: &mut Connection, rows: i32) {
    let sql = "select g::int8, g::int4 from generate_series(1, $1::int4) g";
    let all: Vec<(i64, i32)> = c.query(sql).bind(rows).all().await.unwrap();
    assert_eq!(all.len(), usize::try_from(rows).unwrap());
}

#[tokio::test]
async fn collecting_plain_values_allocates_for_the_vector_alone() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        plain_values(&mut c, 10_000).await;
        let few = allocations(plain_values(&mut c, 1_000)).await;
        let many = allocations(plain_values(&mut c, 10_000)).await;
        assert!(many <= few + SLACK, "{few} for 1,000 rows, {many} for 10,000");
    })
    .await;
}

/// Takes so many rows in batches of so many, and returns the number of batches.
async fn batches(c: &mut Connection, rows: i32, limit: usize) -> u64 {
    let limits = BatchLimits { rows: RowLimit::new(limit), bytes: ByteLimit::MAX };
    let query = c.query(SQL).bind(rows);
    let mut found = query.arrow_with(&ArrowOptions::default(), limits).await.unwrap();
    let mut count = 0;
    while let Some(batch) = found.next().await.unwrap() {
        assert!(batch.num_rows() > 0);
        count += 1;
    }
    count
}

/// The buffers of a batch of [`SQL`]: values, offsets where there is text, a bitmap where there are NULLs.
const BUFFERS: u64 = 7 + 1 + 1;

/// Buffers grow by a quarter, or by more if more rows came at once: ten times as many rows take eleven steps at most.
const STEPS: u64 = 11;

#[tokio::test]
async fn a_batch_costs_the_same_number_of_allocations_however_many_rows_it_has() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        batches(&mut c, 40_000, 4_000).await;
        let small = allocations(async { assert!(batches(&mut c, 4_000, 400).await >= 10) }).await;
        let large = allocations(async { assert!(batches(&mut c, 40_000, 4_000).await >= 10) }).await;
        assert!(large <= small + STEPS * BUFFERS + SLACK, "{small} for 400 rows a batch, {large} for 4,000");
        let one = allocations(async { assert_eq!(batches(&mut c, 4_000, 4_000).await, 1) }).await;
        let ten = allocations(async { assert!(batches(&mut c, 40_000, 4_000).await >= 10) }).await;
        assert!(ten <= one * 10 + SLACK, "{one} for one batch, {ten} for ten");
    })
    .await;
}

#[tokio::test]
async fn a_streamed_read_holds_one_batch_and_sixteen_mebibytes_however_much_there_is() {
    // In the target list it is made up as it is read.
    let wide = "select repeat('x', 1000) from (select generate_series(1, 100000)) g";
    let many = "select g, repeat('x', g % 20) from (select generate_series(1, 600000)) s(g)";
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for sql in [wide, many] {
            let before = HELD.get();
            PEAK.set(before);
            let mut found = c.query(sql).arrow().await.unwrap();
            let mut batches = 0;
            while found.next().await.unwrap().is_some() {
                batches += 1;
            }
            let peak = PEAK.get() - before;
            assert!(batches > 3 && peak < (16 + 16) << 20, "{sql}: {batches} batches, {peak} bytes");
        }
    })
    .await;
}

#[tokio::test]
async fn text_in_the_place_of_what_does_not_fit_takes_no_memory_for_each_value() {
    let sql = "select date '2000-01-01' + g, timestamptz 'epoch' + g * interval '1.5 seconds', g * interval '1 second',
                      g::numeric(12,2), tsrange(timestamp 'epoch', null), array[g, null], array[[g::text, 'a b']],
                      array[g * 1e20::float8]
               from generate_series(1, $1::int4) g";
    let options = ArrowOptions { unfit: Unfit::Text.into(), ..ArrowOptions::default() };
    let limits = BatchLimits { rows: RowLimit::new(1_000), bytes: ByteLimit::MAX };
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut take = async |rows: i32| {
            let mut batches = c.query(sql).bind(rows).arrow_with(&options, limits).await.unwrap();
            let mut seen = 0;
            while let Some(batch) = batches.next().await.unwrap() {
                seen += batch.num_rows();
            }
            assert_eq!(seen, rows as usize);
        };
        take(20_000).await;
        let few = allocations(take(2_000)).await;
        let many = allocations(take(20_000)).await;
        // Those of 18 batches more, of 144,000 values.
        assert!(many - few < 5_000, "{few} for 2,000 rows, {many} for 20,000");
    })
    .await;
}
