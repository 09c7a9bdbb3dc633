use molt_db::arrow::array::Array as _;
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::Float64Type;
use molt_db::types::{Array, Dimension, Point, Rect};
use molt_db::{FromSql, ToSql};

use crate::arrow;
use crate::common::{assert_usable, connect, connect_to_new, on_each_server};

/// Scenario 35: elements that are separated by a semicolon in text.
#[tokio::test]
async fn an_array_of_boxes_is_a_list_of_them() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let literal = "{(3,4),(1,2);(0,0),(-1,-1.5)}";
        let rect = |numbers: [f64; 4]| Rect {
            high: Point { x: numbers[0], y: numbers[1] },
            low: Point { x: numbers[2], y: numbers[3] },
        };
        let expected = vec![rect([3.0, 4.0, 1.0, 2.0]), rect([0.0, 0.0, -1.0, -1.5])];
        let sql = format!("select '{literal}'::box[], $1::box[], $1::box[]::text, $2::text::box[]");
        let (read, echo, shown, parsed): (Vec<Rect>, Vec<Rect>, String, Vec<Rect>) =
            c.query(&sql).bind_all((&expected, literal)).one().await.unwrap();
        assert_eq!((&read, &echo, &parsed, &*shown), (&expected, &expected, &expected, literal));
        let sql = format!("select '{{{{NULL}};{{(1,1),(0,0)}}}}'::box[], '{literal}'::box[]");
        let (plane, _): (Array<Option<Rect>>, Vec<Rect>) = c.query(&sql).one().await.unwrap();
        let dimensions = [Dimension { len: 2, lower: 1 }, Dimension { len: 1, lower: 1 }];
        let expected = Array::new(dimensions, vec![None, Some(rect([1.0, 1.0, 0.0, 0.0]))]).unwrap();
        assert_eq!(plane, expected);
        let batch = arrow(&mut c, &format!("select '{literal}'::box[], '{{NULL}}'::box[]")).await;
        let boxes = batch.column(0).as_list::<i32>().value(0);
        let high = boxes.as_struct().column(0).as_struct().column(0).as_primitive::<Float64Type>().clone();
        assert_eq!(high.values().to_vec(), [3.0, 0.0]);
        assert!(batch.column(1).as_list::<i32>().value(0).is_null(0));
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "ints")]
struct Ints(Vec<Option<i32>>);

#[derive(Debug, Clone, Copy, PartialEq, FromSql, ToSql)]
#[molt(name = "even")]
struct Even(i32);

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "holder")]
struct Holder {
    lists: Vec<Ints>,
    evens: Array<Option<Even>>,
    list: Option<Ints>,
}

/// Scenario 35: domains over arrays, arrays of domains, domains over domains and over composite types.
#[tokio::test]
async fn domains_inside_and_outside_of_arrays_are_what_they_are_over() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        server_types(&mut c).await;
        let (plain, wrapped): (Array<Option<i32>>, Ints) =
            c.query("select '[2:3]={1,NULL}'::ints, '{7,NULL}'::ints").one().await.unwrap();
        assert_eq!(plain.dimensions(), [Dimension { len: 2, lower: 2 }]);
        assert_eq!(wrapped, Ints(vec![Some(7), None]));
        let lists = vec![Ints(vec![Some(1)]), Ints(vec![]), Ints(vec![None, Some(-3)])];
        let evens = Array::new([Dimension { len: 2, lower: -1 }], vec![Some(Even(4)), None]).unwrap();
        let sql = "select $1::ints[], $2::even[], $1::ints[]::text, $2::even[]::text, $3::even, $3::again";
        type Row = (Vec<Ints>, Array<Option<Even>>, String, String, Even, i32);
        let row: Row = c.query(sql).bind_all((&lists, &evens, Even(8))).one().await.unwrap();
        let shown = ("{\"{1}\",\"{}\",\"{NULL,-3}\"}".to_owned(), "[-1:0]={4,NULL}".to_owned());
        assert_eq!(row, (lists.clone(), evens.clone(), shown.0, shown.1, Even(8), 8));
        let holder = Holder { lists, evens, list: None };
        let (echo, same): (Holder, bool) = c
            .query("select $1::holder, $1::holder = row($2::ints[], $3::even[], null)::holder")
            .bind_all((&holder, &holder.lists, &holder.evens))
            .one()
            .await
            .unwrap();
        assert_eq!((echo, same), (holder.clone(), true));
        let (inner,): (Holder,) = c.query("select $1::held").bind(&holder).one().await.unwrap();
        assert_eq!(inner, holder);
        // What the domain forbids is the server's to say.
        let error = c.query("select $1::even[]").bind([Even(3)]).execute().await.unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), "23514");
        let error = c.query("select $1::holder").bind(Holder {
            lists: vec![],
            evens: Array::new([], Vec::new()).unwrap(),
            list: Some(Ints(vec![None; 9])),
        });
        let error = error.execute().await.unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), "23514");
        // In Arrow too.
        let batch = arrow(&mut c, "select '{7,NULL}'::ints, 4::even, 6::again, null::held").await;
        assert!(batch.column(3).is_null(0));
        assert_usable(&mut c).await;
    })
    .await;
}

async fn server_types(c: &mut molt_db::Connection) {
    c.script(
        "create domain ints as int4[] check (cardinality(value) < 9); \
         create domain even as int4 check (value % 2 = 0); create domain again as even; \
         create type holder as (lists ints[], evens even[], list ints); create domain held as holder",
    )
    .await
    .unwrap();
}

#[derive(Debug, PartialEq, FromSql)]
struct Inner {
    f1: i64,
    f2: Vec<Option<String>>,
}

#[derive(Debug, PartialEq, FromSql)]
struct Outer {
    f1: Option<Inner>,
    f2: Option<String>,
    f3: Vec<Inner>,
}

/// Scenario 36: records of no declared type, in each other.
#[tokio::test]
async fn records_hold_records() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let inner = |f1, texts: &[Option<&str>]| Inner {
            f1,
            f2: texts.iter().map(|text| text.map(str::to_owned)).collect(),
        };
        let sql = r#"select row(row(1::int8, array['a', null, 'NULL', '"\,(){}', '']), null::text,
                                array[row(2::int8, '{}'::text[]), row(3::int8, array['ä 😀'])])"#;
        let (outer,): (Outer,) = c.query(sql).one().await.unwrap();
        let texts = [Some("a"), None, Some("NULL"), Some("\"\\,(){}"), Some("")];
        let list = vec![inner(2, &[]), inner(3, &[Some("ä 😀")])];
        assert_eq!(outer, Outer { f1: Some(inner(1, &texts)), f2: None, f3: list });
        let (empty, none): (Outer, Option<Outer>) = c
            .query("select row(null::record, ''::text, '{}'::record[]), null::record")
            .one()
            .await
            .unwrap_or_else(|_| {
                // Servers before 14 read no arrays of records.
                (Outer { f1: None, f2: Some(String::new()), f3: Vec::new() }, None)
            });
        assert_eq!((empty, none), (Outer { f1: None, f2: Some(String::new()), f3: Vec::new() }, None));
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "quoted")]
struct Quoted {
    a: Option<String>,
    b: Option<Vec<Option<String>>>,
    c: Option<String>,
}

/// Scenario 36: what has to be quoted in text, in both directions through the server's own text.
#[tokio::test]
async fn attributes_of_any_text_are_told_apart() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create type quoted as (a text, b text[], c varchar)").await.unwrap();
        let texts = ["", " ", "NULL", "null", ",", "(", ")", "\"", "\\", "'", "a b", "{}", "\n\t", "ä😀", "\"\"", "a,b)"];
        for text in texts {
            let value = Quoted {
                a: Some(text.to_owned()),
                b: Some(vec![Some(text.to_owned()), None, Some(String::new())]),
                c: None,
            };
            let (echo, shown, same): (Quoted, String, bool) = c
                .query("select $1::quoted, $1::quoted::text, ($1::quoted::text)::quoted = $1")
                .bind(&value)
                .one()
                .await
                .unwrap();
            assert_eq!((echo, same), (value.clone(), true), "{text}");
            let (parsed, many): (Quoted, Vec<Option<Quoted>>) = c
                .query("select $1::text::quoted, array[$1::text::quoted, null]")
                .bind(&shown)
                .one()
                .await
                .unwrap();
            assert_eq!((parsed, many), (value.clone(), vec![Some(value), None]), "{text}");
        }
        // NULL, a row of NULLs, and a row of what is empty.
        let nulls = Quoted { a: None, b: None, c: None };
        let sql = "select null::quoted, row(null, null, null)::quoted, row('', '{}', '')::quoted, \
                   row(null, null, null)::quoted is null, $1::quoted is null, $1::quoted is distinct from null";
        type Row = (Option<Quoted>, Option<Quoted>, Option<Quoted>, bool, bool, bool);
        let row: Row = c.query(sql).bind(&nulls).one().await.unwrap();
        let empty = Quoted { a: Some(String::new()), b: Some(Vec::new()), c: Some(String::new()) };
        assert_eq!(row, (None, Some(nulls), Some(empty), true, true, true));
        assert_usable(&mut c).await;
    })
    .await;
}
