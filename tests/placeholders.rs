//! Parameters are never part of the text: what looks like a placeholder, or like SQL, is what it is.

mod common;

use common::{assert_usable, connect, on_each_server};

#[tokio::test]
async fn what_stands_in_quotes_and_comments_is_no_placeholder() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (sql, expected) in [
            ("select $tag$ $1 $tag$ || $1", " $1 x"),
            ("select '$1' || $1", "$1x"),
            ("select '''$1''' || $1", "'$1'x"),
            ("select E'\\'$1' || $1", "'$1x"),
            ("select $1 /* $2 */ -- $3", "x"),
            ("select $$ $2 $$ || $1", " $2 x"),
            ("select $1 as \"$2\"", "x"),
        ] {
            for _ in ["cold", "warm"] {
                let (found,): (String,) = c.query(sql).bind("x").one().await.unwrap();
                assert_eq!(found, expected, "{sql}");
            }
        }
    })
    .await;
}

/// A minus in front of a negative number would begin a comment if one were written into the text.
#[tokio::test]
async fn a_minus_in_front_of_a_negative_number_is_no_comment() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 10 -$1::int4, $2";
        let (found, text): (i32, String) =
            c.query(sql).bind(-1_i32).bind("\n, 'more' --").one().await.unwrap();
        assert_eq!((found, text.as_str()), (11, "\n, 'more' --"));
        let (found,): (f64,) = c.query("select -$1::float8").bind(-0.5_f64).one().await.unwrap();
        assert_eq!(found.to_bits(), 0.5_f64.to_bits());
    })
    .await;
}

#[tokio::test]
async fn text_is_data_whatever_the_server_takes_a_backslash_for() {
    const HOSTILE: [&str; 6] =
        ["\\", "\\'; drop table kept; --", "'; drop table kept; --", "$1", "x' or '1'='1", "\u{5c}\u{27}"];
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table kept (word text)").await.unwrap();
        for setting in ["off", "on"] {
            c.script(&format!(
                "set standard_conforming_strings = {setting}; set escape_string_warning = off"
            ))
            .await
            .unwrap();
            assert_eq!(c.parameter("standard_conforming_strings"), Some(setting));
            let mut batch = c.batch();
            for text in HOSTILE {
                batch.add("insert into kept values ($1) returning word", (text,));
            }
            let results = batch.run().await.unwrap();
            for (statement, text) in HOSTILE.into_iter().enumerate() {
                assert_eq!(results.one::<(&str,)>(statement).unwrap(), (text,));
                let found: Vec<(String,)> =
                    c.query("select word from kept where word = $1").bind(text).all().await.unwrap();
                assert!(!found.is_empty() && found.iter().all(|(word,)| word == text));
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}
