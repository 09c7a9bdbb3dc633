//! Results as Arrow IPC streams: what a reader makes of them, and what there is of one that fails.

mod common;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use arrow_ipc::reader::StreamReader;
use bytes::Bytes;
use common::{assert_usable, code, connect, connect_to_new, on_each_server, plain_config, within};
use futures_core::Stream;
use molt_db::arrow::array::{Array, RecordBatch};
use molt_db::arrow::schema::{DataType, SchemaRef};
use molt_db::arrow::{
    Arrays, ArrowOptions, BatchLimits, ByteLimit, Dimensions, ExtensionTypes, Policies, Profile, RowLimit,
    TextLayout, Unfit,
};
use molt_db::{Batches, Connection, Error, IpcStream};
use molt_db_testkit::proxy::{Direction, Flow, Proxy};

const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What a stream gave: its pieces, and the error that ended it.
struct Taken {
    pieces: Vec<Bytes>,
    error: Option<Error>,
}

impl Taken {
    async fn of(batches: Batches<'_>) -> Self {
        let (mut stream, mut pieces) = (batches.into_ipc(), Vec::new());
        let error = loop {
            match stream.next().await {
                Ok(Some(piece)) => pieces.push(piece),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        for _ in 0..2 {
            assert!(stream.next().await.unwrap().is_none(), "it goes on behind its end");
        }
        Self { pieces, error }
    }

    /// Takes a stream that comes to its end: a schema, batches, and the end marker.
    async fn whole(batches: Batches<'_>) -> Self {
        let taken = Self::of(batches).await;
        assert!(taken.error.is_none(), "{:?}", taken.error);
        assert_eq!(taken.pieces.last().unwrap()[..], END);
        assert!(taken.pieces.len() >= 2);
        taken
    }

    /// Returns what a reader makes of it.
    fn read(&self) -> (SchemaRef, Vec<RecordBatch>) {
        let bytes = self.pieces.concat();
        let mut reader = StreamReader::try_new(&bytes[..], None).unwrap();
        let batches: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        for column in batches.iter().flat_map(RecordBatch::columns) {
            column.to_data().validate_full().unwrap();
        }
        (reader.schema(), batches)
    }
}

fn rows_at_most(rows: usize) -> BatchLimits {
    BatchLimits { rows: RowLimit::new(rows), bytes: ByteLimit::MAX }
}

fn options(text: TextLayout) -> ArrowOptions {
    ArrowOptions { text, ..ArrowOptions::default() }
}

/// Runs a query both ways and asserts that the stream has the very batches.
async fn assert_same(c: &mut Connection, sql: &str, options: &ArrowOptions, limits: BatchLimits) -> Taken {
    let mut batches = c.query(sql).arrow_with(options, limits).await.unwrap();
    let (schema, mut expected) = (batches.schema(), Vec::new());
    while let Some(batch) = batches.next().await.unwrap() {
        expected.push(batch);
    }
    let batches = c.query(sql).arrow_with(options, limits).await.unwrap();
    let taken = Taken::whole(batches).await;
    let (found_schema, found) = taken.read();
    assert_eq!(found_schema, schema, "{sql}");
    assert_eq!(found, expected, "{sql}");
    assert_eq!(taken.pieces.len(), expected.len() + 2, "{sql}");
    assert_usable(c).await;
    taken
}

/// A column for each line of the table of types, with values and NULL.
const EVERY_TYPE: &str = "
    select v::bool as bool, n::int2 as int2, n::int4 as int4, n::int8 as int8, f::float4 as float4, f::float8 as float8,
           o::oid as oid, d::numeric(15,2) as small, d::numeric(50,5) as large, d::numeric as free,
           d::numeric(80,3) as huge, t::text as text, t::varchar(40) as varchar, t::char(40) as bpchar, t::name as name,
           left(t, 1)::\"char\" as char, convert_to(t, 'UTF8') as bytea, day::date as date, clock::time as time,
           at::timestamp as timestamp, at::timestamptz as timestamptz, id::uuid as uuid, js::json as json, js::jsonb as jsonb,
           clock::interval as interval, array[n, null, 1] as ints, array[t, null] as texts, array[]::date[] as dates, relacl[1] as acl
    from (values (true, -7, 1.5, '4294967295', '-1234.50', 'x', '1969-12-31', '12:34:56.789', '2000-01-01 00:00:00.000001',
                  '00112233-4455-6677-8899-aabbccddeeff', '{\"a\" :1}'),
                 (null, null, null, null, null, null, null, null, null, null, null),
                 (false, 7, 'NaN', '0', '0', 'more than twelve bytes: \u{e4}', '4714-11-24 BC', '00:00', 'epoch',
                  'ffffffff-ffff-ffff-ffff-ffffffffffff', '[]'),
                 (null, 0, '-0', '1', '99', '', '5874897-12-31', '23:59:59.999999', '294247-01-01', null, 'null'))
         x(v, n, f, o, d, t, day, clock, at, id, js), (select relacl from pg_class where relacl is not null limit 1) c";

#[tokio::test]
async fn a_reader_finds_the_same_batches_of_every_type() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for text in [TextLayout::Utf8, TextLayout::Utf8View] {
            for limits in [BatchLimits::default(), rows_at_most(1)] {
                for where_clause in ["", " where n is null", " where n is not null", " where n > 7"] {
                    let sql = format!("{EVERY_TYPE}{where_clause}");
                    assert_same(&mut c, &sql, &options(text), limits).await;
                }
            }
        }
        let plain = ArrowOptions { extension_types: ExtensionTypes::Omit, ..ArrowOptions::default() };
        assert_same(&mut c, EVERY_TYPE, &plain, BatchLimits::default()).await;
    })
    .await;
}

#[tokio::test]
async fn policies_and_profiles_are_in_the_stream() {
    let unfit =
        Policies { infinity: Unfit::Text, range: Unfit::Null, shape: Unfit::Null, ..Policies::default() };
    let all = Policies::all(Unfit::Text);
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = format!(
            "select x.*, '[2:3]={{1,2}}'::int4[] shifted, '{{{{1}},{{2}}}}'::int4[] plane, 'infinity'::timestamp at_end, \
             '[2000-01-01,)'::daterange days, '24:00'::time midnight, 'NaN'::numeric(5,2) small from ({EVERY_TYPE}) x"
        );
        let nested = Arrays::Nested(Dimensions::new(2));
        for (unfit, profile, arrays) in [
            (unfit, Profile::Arrow, Arrays::Lists),
            (all, Profile::Arrow, Arrays::Lists),
            (Policies { shape: Unfit::Null, ..all }, Profile::Arrow, nested),
            (Policies { shape: Unfit::Null, ..all }, Profile::Molt, nested),
            (Policies::all(Unfit::Null), Profile::Molt, Arrays::Lists),
            (Policies { shape: Unfit::Error, ..all }, Profile::Molt, Arrays::Structs),
        ] {
            let unfit = Policies { nan: Unfit::Null, ..unfit };
            let options = ArrowOptions { unfit, profile, arrays, ..ArrowOptions::default() };
            let taken = assert_same(&mut c, &sql, &options, rows_at_most(2)).await;
            let (schema, _) = taken.read();
            let in_force = |name: &str| {
                let field = schema.field_with_name(name).unwrap();
                field.metadata().get("POSTGRESQL:unfit").cloned()
            };
            assert_eq!(in_force("timestamp").as_deref(), Some(if unfit.infinity == Unfit::Text { "text" } else { "null" }));
            assert_eq!(in_force("midnight"), Some(unfit.range.to_string()));
            assert_eq!(in_force("shifted"), (arrays != Arrays::Structs).then(|| unfit.shape.to_string()));
            assert_eq!(in_force("int4"), None);
        }
    })
    .await;
}

#[tokio::test]
async fn extension_types_and_the_names_of_types_are_in_the_stream() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let (schema, _) = Taken::whole(c.query(EVERY_TYPE).arrow().await.unwrap()).await.read();
        let entry = |name: &str, key: &str| {
            schema.field_with_name(name).unwrap().metadata().get(key).map(String::as_str).map(str::to_owned)
        };
        for (name, extension, postgres, modifier) in [
            ("uuid", Some("arrow.uuid"), "uuid", None),
            ("jsonb", Some("arrow.json"), "jsonb", None),
            ("free", Some("arrow.opaque"), "numeric", None),
            ("acl", Some("arrow.opaque"), "aclitem", None),
            ("varchar", None, "varchar", Some("44")),
        ] {
            assert_eq!(entry(name, "ARROW:extension:name").as_deref(), extension, "{name}");
            assert_eq!(entry(name, "POSTGRESQL:type").as_deref(), Some(postgres), "{name}");
            assert_eq!(entry(name, "POSTGRESQL:typmod").as_deref(), modifier, "{name}");
        }
        assert!(entry("free", "ARROW:extension:metadata").unwrap().contains("numeric"));
    })
    .await;
}

#[tokio::test]
async fn a_stream_without_rows_is_its_schema_and_an_end() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1 as one, 'x' as text where false";
        let taken = assert_same(&mut c, sql, &ArrowOptions::default(), BatchLimits::default()).await;
        let (schema, batches) = taken.read();
        assert_eq!((taken.pieces.len(), schema.fields().len(), batches.len()), (2, 2, 0));
        for sql in ["", "create temp table if not exists t (a int)"] {
            let taken = assert_same(&mut c, sql, &ArrowOptions::default(), BatchLimits::default()).await;
            assert_eq!((taken.pieces.len(), taken.read().0.fields().len()), (2, 0), "{sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn rows_without_columns_are_counted_in_the_stream() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select from generate_series(1, 3)";
        let taken = assert_same(&mut c, sql, &ArrowOptions::default(), rows_at_most(2)).await;
        let rows: Vec<_> = taken.read().1.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows, [2, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_stream_has_a_piece_for_each_batch() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql =
            "select g, g::text, nullif(g % 3, 0), repeat('wide ', g % 50) from generate_series(1, 1000) g";
        for text in [TextLayout::Utf8, TextLayout::Utf8View] {
            for rows in [1, 7, 64, 1000, 1001] {
                let taken = assert_same(&mut c, sql, &options(text), rows_at_most(rows)).await;
                assert_eq!(taken.pieces.len(), 1000_usize.div_ceil(rows) + 2);
                // The specification has messages begin at multiples of 8 bytes.
                assert!(taken.pieces.iter().all(|piece| piece.len().is_multiple_of(8)));
            }
            let limits = BatchLimits { bytes: ByteLimit::new(4096), ..BatchLimits::default() };
            assert!(assert_same(&mut c, sql, &options(text), limits).await.pieces.len() > 10);
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_as_many_columns_as_there_can_be_is_read() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let columns: Vec<_> = (0..1600).map(|n| format!("{n} as a{n}")).collect();
        let sql = format!("select {} from generate_series(1, 3)", columns.join(", "));
        assert_same(&mut c, &sql, &ArrowOptions::default(), rows_at_most(2)).await;
    })
    .await;
}

#[tokio::test]
async fn text_in_views_brings_no_bytes_that_no_view_refers_to() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (sql, referred) in [
            ("select 'short' from generate_series(1, 10000)", 0),
            ("select case g % 2 when 0 then repeat('x', 100) else 'twelve bytes' end from generate_series(1, 10000) g", 500_000),
            ("select repeat('x', 100) from generate_series(1, 10000)", 1_000_000),
            ("select array['short', 'short'] from generate_series(1, 5000)", 5001 * 4),
            ("select array['short', repeat('x', 100)] from generate_series(1, 5000)", 5001 * 4 + 500_000),
        ] {
            let taken = assert_same(&mut c, sql, &options(TextLayout::Utf8View), BatchLimits::default()).await;
            let (views, length) = (16 * 10_000, taken.pieces[1].len());
            // Arrow 59 writes a bit for each row where nothing is NULL.
            let least = views + referred;
            assert!((least..least + 4096).contains(&length), "{length} bytes: {sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_piece_is_made_in_a_vector_of_its_size() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for sql in [
            EVERY_TYPE,
            "select g, g::text, nullif(g, 7)::int2, null, g % 2 = 0 from generate_series(1, 5000) g",
        ] {
            for text in [TextLayout::Utf8, TextLayout::Utf8View] {
                let batches = c.query(sql).arrow_with(&options(text), BatchLimits::default()).await.unwrap();
                let columns = batches.schema().fields().len();
                let piece = Taken::whole(batches).await.pieces.swap_remove(1);
                let length = piece.len();
                let capacity = piece.try_into_mut().unwrap().capacity();
                assert!(capacity - length <= 256 + columns * 1200, "{length} bytes in {capacity}");
            }
        }
    })
    .await;
}

/// Asserts what is left of a stream that failed: nothing says that it has ended.
fn assert_unended(taken: &Taken, rows: usize) -> &Error {
    assert!(taken.pieces.iter().all(|piece| piece[..] != END));
    let (_, batches) = taken.read();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
    taken.error.as_ref().unwrap()
}

#[tokio::test]
async fn a_stream_that_fails_has_no_end_and_the_connection_goes_on() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1 / (4 - g) from generate_series(1, 10) g";
        let taken =
            Taken::of(c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(1)).await.unwrap())
                .await;
        assert_eq!(code(assert_unended(&taken, 3)), "22012");
        assert_usable(&mut c).await;

        let sql =
            "select case when g = 4 then 'infinity' else 'today' end::date from generate_series(1, 10) g";
        let taken =
            Taken::of(c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(1)).await.unwrap())
                .await;
        assert!(assert_unended(&taken, 3).is_conversion());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_fails_behind_its_last_row_has_no_end() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.execute("create table t (a int unique deferrable initially deferred)", ()).await.unwrap();
        let sql = "insert into t values (1), (1) returning a";
        let taken =
            Taken::of(c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(1)).await.unwrap())
                .await;
        assert_eq!(code(assert_unended(&taken, 2)), "23505");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_half_way_leaves_a_connection_to_settle() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for pieces in 0..4 {
            let sql = "select g, repeat('x', 100) from generate_series(1, 100000) g";
            let batches = c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(10)).await.unwrap();
            let mut stream = batches.into_ipc();
            for _ in 0..pieces {
                assert!(stream.next().await.unwrap().is_some());
            }
            drop(stream);
            assert!(!c.is_usable() && c.execute("select 1", ()).await.unwrap_err().is_unsettled());
            within(c.settle()).await.unwrap();
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// Polls once, drops the future, and begins again, until there is something.
async fn next_of_dropped(stream: &mut IpcStream<'_>) -> (Option<Bytes>, usize) {
    let mut dropped = 0;
    loop {
        let polled = poll_fn(|cx| Poll::Ready(pin!(stream.next()).poll(cx))).await;
        match polled {
            Poll::Ready(piece) => return (piece.unwrap(), dropped),
            Poll::Pending => dropped += 1,
        }
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
}

#[tokio::test]
async fn a_stream_whose_futures_are_dropped_is_the_same() {
    on_each_server(async |server| {
        let sql = "select g, 'text ' || repeat('x', g % 20) from generate_series(1, 300) g";
        let mut direct = connect(server).await;
        let expected = assert_same(&mut direct, sql, &ArrowOptions::default(), rows_at_most(64)).await;
        let proxy = Proxy::start(server.port()).unwrap();
        proxy.set_flow(Direction::ToClient, Flow::Pieces(50));
        let mut c = Connection::connect(&plain_config(server, "test").port(proxy.port())).await.unwrap();
        let batches = c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(64)).await.unwrap();
        let (mut stream, mut pieces, mut dropped) = (batches.into_ipc(), Vec::new(), 0);
        while let (Some(piece), drops) = next_of_dropped(&mut stream).await {
            pieces.push(piece);
            dropped += drops;
        }
        assert!(dropped > 0, "nothing was dropped");
        assert_eq!(pieces, expected.pieces);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_read_while_nobody_asks_for_a_piece() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let waits = format!(
            "select 1 from pg_stat_activity where pid = {} and wait_event = 'ClientWrite'",
            c.backend_pid().unwrap()
        );
        let sql = "select generate_series(1, 1000000), repeat('x', 1000)";
        let batches = c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(10)).await.unwrap();
        let mut stream = batches.into_ipc();
        for _ in 0..2 {
            assert!(stream.next().await.unwrap().is_some());
            within(async {
                while server.sql(&waits).unwrap().is_empty() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
        }
        drop(stream);
        within(c.settle()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_copy_gives_the_stream_of_its_query() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for sql in ["select g, g::text as t from generate_series(1, 100) g", "select 1 as a where false"] {
            let expected = assert_same(&mut c, sql, &ArrowOptions::default(), BatchLimits::default()).await;
            let found = Taken::whole(c.copy_out_arrow(sql).await.unwrap()).await;
            assert_eq!(found.pieces, expected.pieces, "{sql}");
            assert_usable(&mut c).await;
        }
        let sql = "select 1 / (4 - g) from generate_series(1, 10) g";
        let taken = Taken::of(c.copy_out_arrow(sql).await.unwrap()).await;
        assert_eq!(code(taken.error.as_ref().unwrap()), "22012");
        assert!(taken.pieces.iter().all(|piece| piece[..] != END));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn pieces_are_a_stream() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1 / (101 - g) from generate_series(1, 200) g";
        let batches = c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(10)).await.unwrap();
        let mut stream = batches.into_ipc();
        assert_eq!(stream.schema().field(0).data_type(), &DataType::Int32);
        let mut seen = Vec::new();
        while let Some(item) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
            seen.push(item.map(|piece| piece.len() > END.len()).map_err(|error| code(&error)));
        }
        let mut expected = vec![Ok(true); 11];
        expected.push(Err("22012".to_owned()));
        assert_eq!(seen, expected);
        assert_usable(&mut c).await;
    })
    .await;
}

#[test]
fn the_stream_and_its_futures_cross_threads() {
    fn is_send<T: Send>(_: T) {}
    fn futures_are_send(mut stream: IpcStream<'_>) {
        is_send(stream.next());
        is_send(stream);
    }
    let _compiled = futures_are_send;
}
