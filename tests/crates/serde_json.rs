use ::serde_json::{Value, json};
use molt_db::Connection;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::check::{for_many, unread};
use crate::common::{connect, on_each_server};

/// Sends a value as `json` and as `jsonb`, alone and in a list, and compares what comes back.
async fn there_and_back(c: &mut Connection, value: &Value) -> Result<(), String> {
    let sql = "select $1::json, $2::jsonb, $2::jsonb = $3::text::jsonb, $1::json::text";
    let text = value.to_string();
    let found = c.query(sql).bind_all((value, value, &text)).one::<(Value, Value, bool, String)>().await;
    let (json, jsonb, is_same, shown) = found.map_err(|error| format!("{text}: {error}"))?;
    if &json != value || &jsonb != value || !is_same || shown != text {
        return Err(format!("{text} came back as {json} and {jsonb}, and is {shown} for the server"));
    }
    let list = vec![Some(value.clone()), None];
    let found = c.query("select $1::json[], $1::jsonb[]").bind(&list).one().await;
    let (json, jsonb): (Vec<Option<Value>>, Vec<Option<Value>>) = found.map_err(|error| error.to_string())?;
    if json == list && jsonb == list { Ok(()) } else { Err(format!("{list:?}: {json:?}, {jsonb:?}")) }
}

#[tokio::test]
async fn documents_are_the_same_for_the_server() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for value in [
            Value::Null,
            json!(true),
            json!("ä😀\"\\\u{1}"),
            json!([]),
            json!({"a": {"b": [1, -2.5, 0.30000000000000004, 1.0, null]}, "": {}}),
            json!([u64::MAX, i64::MIN, f64::MIN_POSITIVE, 5e-324]),
        ] {
            there_and_back(&mut c, &value).await.unwrap();
        }
        c.execute("create temporary table documents (j json, b jsonb)", ()).await.unwrap();
        let value = json!({"a": [1, 2]});
        let sql = "insert into documents values ($1, $2) returning b->'a'->1, j";
        let found: (Value, Value) = c.query(sql).bind_all((&value, &value)).one().await.unwrap();
        assert_eq!(found, (json!(2), value));
        let (none, is_null): (Option<Value>, bool) =
            c.query("select $1::jsonb, $1::jsonb is null").bind(None::<Value>).one().await.unwrap();
        assert!(none.is_none() && is_null);
        let (last,): (Value,) = c.query("select '{\"a\": 1, \"a\": 2}'::json").one().await.unwrap();
        assert_eq!(last, json!({"a": 2}));
    })
    .await;
}

#[tokio::test]
async fn numbers_that_would_be_rounded_are_an_error() {
    let deep = format!("'{}{}'::jsonb", "[".repeat(128), "]".repeat(128));
    unread::<Value>(&[
        ("'18446744073709551617'::json", "rounded"),
        ("'{\"a\": [1e400]}'::jsonb", "rounded"),
        ("'[3.14159265358979323846]'::jsonb", "rounded"),
        (&deep, "deep"),
    ])
    .await;
}

fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Larger ones are integers for the server, and come back as such.
        (-1e15..1e15).prop_map(|float: f64| Value::from(float + 0.5)),
        any::<String>().prop_map(|text| Value::from(text.replace('\0', ""))),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let key = any::<String>().prop_map(|key| key.replace('\0', ""));
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(key, inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

#[test]
fn any_document_is_the_same_for_the_server() {
    for_many(any_document(), async |c: &mut Connection, value| there_and_back(c, value).await);
}
