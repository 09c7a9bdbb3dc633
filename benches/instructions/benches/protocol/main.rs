//! Instructions of molt-db beside those of postgres-protocol, on the same bytes. README.md says how to run it.
#![expect(missing_docs, unused_qualifications, reason = "gungraun's macros write so")]

mod theirs;

use std::hint::black_box;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use gungraun::prelude::*;
use molt_db_decode::Params;
use molt_db_instructions::input::{self, COLUMNS};
use molt_db_instructions::ours::{self, RowReader, Session};
use molt_db_instructions::{TIMES, Tally};
use molt_db_protocol::client::RowRun;

#[library_benchmark]
#[bench::by_frame(kept(input::messages(TIMES)))]
fn framing_ours(input: &[u8]) -> usize {
    ours::frames(black_box(input))
}

#[library_benchmark]
#[bench::by_header(kept(input::messages(TIMES)))]
fn framing_theirs_header(input: &[u8]) -> usize {
    theirs::headers(black_box(input))
}

#[library_benchmark]
#[bench::by_message(received(input::messages(TIMES)))]
fn framing_theirs(input: &mut BytesMut) -> usize {
    theirs::messages(black_box(input))
}

#[library_benchmark]
#[bench::by_run_and_layout(run(), kept(RowReader::default()))]
fn rows_ours_read(rows: RowRun<'_>, reader: &mut RowReader) -> Tally {
    ours::run_layout(black_box(rows), reader)
}

#[library_benchmark]
#[bench::by_run_and_layout(run(), kept(RowReader::default()))]
fn rows_ours_located(rows: RowRun<'_>, reader: &mut RowReader) -> usize {
    ours::run_located(black_box(rows), reader)
}

#[library_benchmark]
#[bench::by_run_and_values(run())]
fn rows_ours_values(rows: RowRun<'_>) -> Tally {
    ours::run_values(black_box(rows))
}

#[library_benchmark]
#[bench::by_frame_and_values(kept(input::rows(TIMES)))]
fn rows_ours_frame(input: &[u8]) -> Tally {
    ours::framed_values(black_box(input))
}

#[library_benchmark]
#[bench::by_message_and_ranges(received(input::rows(TIMES)))]
fn rows_theirs(input: &mut BytesMut) -> Tally {
    theirs::rows(black_box(input))
}

#[library_benchmark]
#[bench::by_message_and_ranges(received(input::rows(TIMES)), kept(Vec::with_capacity(COLUMNS)))]
fn rows_theirs_collected(input: &mut BytesMut, ranges: &mut Vec<Option<Range<usize>>>) -> Tally {
    theirs::rows_collected(black_box(input), ranges)
}

#[library_benchmark]
#[bench::of_encoded_values(encoded(), kept(Vec::with_capacity(ROOM)))]
fn bind_ours(values: &[u8], out: &mut Vec<u8>) {
    ours::binds(values, out);
}

#[library_benchmark]
#[bench::of_encoded_values(kept(theirs::encoded()), kept(BytesMut::with_capacity(ROOM)))]
fn bind_theirs(values: &[Bytes; 3], out: &mut BytesMut) {
    theirs::binds(values, out);
}

#[library_benchmark]
#[bench::with_parameters(kept(warm_params()), kept(Vec::with_capacity(ROOM)))]
fn bind_parameters_ours(params: &mut Params, out: &mut Vec<u8>) {
    ours::binds_with_parameters(params, out);
}

#[library_benchmark]
#[bench::with_parameters(kept(BytesMut::with_capacity(ROOM)))]
fn bind_parameters_theirs(out: &mut BytesMut) {
    theirs::binds_with_parameters(out);
}

#[library_benchmark]
#[bench::by_client(kept(Session::warm()), kept(input::answers(TIMES)))]
fn conversation_ours(session: &mut Session, answers: &[u8]) -> Tally {
    session.converse(black_box(answers))
}

#[library_benchmark]
#[bench::by_message(received(input::answers(TIMES)), kept(BytesMut::with_capacity(ROOM)))]
fn conversation_theirs(answers: &mut BytesMut, out: &mut BytesMut) -> Tally {
    theirs::converse(black_box(answers), out)
}

library_benchmark_group!(name = framing, benchmarks = [framing_ours, framing_theirs_header, framing_theirs]);
library_benchmark_group!(
    name = rows,
    benchmarks = [
        rows_ours_located,
        rows_ours_values,
        rows_ours_frame,
        rows_theirs,
        rows_ours_read,
        rows_theirs_collected
    ]
);
library_benchmark_group!(
    name = bind,
    benchmarks = [bind_ours, bind_theirs, bind_parameters_ours, bind_parameters_theirs]
);
library_benchmark_group!(name = conversation, benchmarks = [conversation_ours, conversation_theirs]);

main!(library_benchmark_groups = [framing, rows, bind, conversation]);

/// What a job works on outlives it: giving memory back is no part of it.
fn kept<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

fn received(input: Vec<u8>) -> &'static mut BytesMut {
    kept(BytesMut::from(&input[..]))
}

fn run() -> RowRun<'static> {
    Session::streaming().rows(kept(input::rows(TIMES)))
}

fn warm_params() -> Params {
    let mut params = Params::default();
    ours::encode_parameters(&mut params);
    params
}

fn encoded() -> &'static [u8] {
    kept(warm_params()).values()
}

/// More than a Bind takes.
const ROOM: usize = 1024;
