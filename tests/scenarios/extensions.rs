use molt_db::arrow::array::cast::AsArray;
use molt_db::types::{Bits, Cube, Hstore, Money};
use molt_db::{Connection, FromSql, ToSql};
use molt_db_testkit::Server;

use crate::arrow;
use crate::common::{assert_usable, code, connect, connect_to, on_each_server};

/// Connects to a new database that has the extensions.
///
/// # Panics
///
/// When the server's programs came without them.
async fn connect_with(server: &Server, extensions: &[&str]) -> Connection {
    let database = server.create_database().unwrap();
    for extension in extensions {
        let made = server.sql_in(&database, &format!("create extension {extension}"));
        assert!(
            made.is_ok(),
            "{server:?} has no extension {extension}, which is in PostgreSQL's contrib (on Debian: apt-get install \
             postgresql-contrib): {made:?}"
        );
    }
    server.sql_in(&database, "grant all on schema public to public").unwrap();
    connect_to(server, &database).await
}

/// Scenario 37: `hstore`.
#[tokio::test]
async fn an_hstore_is_a_map_of_texts() {
    on_each_server(async |server| {
        let mut c = connect_with(server, &["hstore"]).await;
        let owned = |pairs: &[(&str, Option<&str>)]| {
            Hstore(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect())
        };
        let stores = [
            owned(&[]),
            owned(&[("a", Some("1"))]),
            owned(&[("", Some("")), ("NULL", None), ("null", Some("NULL")), ("a=>b", Some("\"\\,'"))]),
            owned(&[("ä😀", Some("\n\t ")), ("long", Some(&"x".repeat(60_000)))]),
        ];
        for store in &stores {
            let (back, shown): (Hstore, String) =
                c.query("select $1::hstore, $1::hstore::text").bind(store).one().await.unwrap();
            assert_eq!(&back, store);
            let (parsed, keys): (Hstore, Vec<String>) =
                c.query("select $1::text::hstore, akeys($1::text::hstore)").bind(shown).one().await.unwrap();
            assert_eq!((&parsed, keys.len()), (store, store.0.len()));
        }
        let list = stores.to_vec();
        let (back, count): (Vec<Hstore>, i32) =
            c.query("select $1::hstore[], cardinality($1::hstore[])").bind(&list).one().await.unwrap();
        assert_eq!((back, count), (list, 4));
        let (none,): (Option<Hstore>,) = c.query("select null::hstore").one().await.unwrap();
        assert_eq!(none, None);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 37: `cube`, which has a binary form from 14 on.
#[tokio::test]
async fn a_cube_is_its_corners() {
    on_each_server(async |server| {
        let mut c = connect_with(server, &["cube"]).await;
        let literals = ["()", "(1)", "(1, 2.5, -3)", "(0, 0),(1e+300, -0.1)", "(NaN, Infinity)"];
        for literal in literals {
            let sql = format!("select '{literal}'::cube, '{literal}'::cube::text");
            if server.version().0 < 14 {
                let (text, shown): (String, String) = c.query(&sql).one().await.unwrap();
                assert_eq!(text, shown);
                continue;
            }
            let (cube, shown): (Cube, String) = c.query(&sql).one().await.unwrap();
            let (echo, back): (Cube, String) =
                c.query("select $1::cube, $1::cube::text").bind(&cube).one().await.unwrap();
            assert_eq!((echo.to_string(), back), (cube.to_string(), shown.clone()));
            assert_eq!(cube.to_string(), shown);
            let (list,): (Vec<Option<Cube>>,) =
                c.query("select array[$1::cube, null]").bind(&cube).one().await.unwrap();
            assert_eq!(list.len(), 2);
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "citext")]
struct Word(String);

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "place")]
struct Place {
    path: String,
    name: Word,
}

/// Scenario 37: `ltree` and what belongs to it, `citext`.
#[tokio::test]
async fn texts_of_extensions_are_read_as_strings() {
    on_each_server(async |server| {
        let mut c = connect_with(server, &["ltree", "citext"]).await;
        let known = [
            ("ltree", "a.b_1.C"),
            ("ltree", ""),
            ("lquery", "*.b|c*@.!x.*{1,2}"),
            ("ltxtquery", "a & !b* | c@"),
            ("citext", "ÄaB 😀"),
        ];
        for (name, literal) in known {
            let sql = format!(
                "select '{literal}'::{name}, '{literal}'::{name}::text, array['{literal}'::{name}, null]"
            );
            let (value, shown, list): (String, String, Vec<Option<String>>) =
                c.query(&sql).one().await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((&value, &list), (&shown, &vec![Some(shown.clone()), None]), "{name}");
            let (back, text): (String, String) =
                c.query(&format!("select $1::{name}, $1::{name}::text")).bind(&value).one().await.unwrap();
            assert_eq!((back, text), (shown.clone(), shown.clone()), "{name}");
            let batch = arrow(&mut c, &sql).await;
            assert_eq!(batch.column(0).as_string::<i32>().value(0), shown, "{name}");
            assert_eq!(
                batch.column(2).as_list::<i32>().value(0).as_string::<i32>().value(0),
                shown,
                "{name}"
            );
        }
        c.script("create type place as (path ltree, name citext)").await.unwrap();
        let (place, word, same): (String, Word, bool) = c
            .query("select 'a.b'::ltree, $1, $1 = 'wORD'::citext")
            .bind(Word("Word".into()))
            .one()
            .await
            .unwrap();
        assert_eq!((place.as_str(), word, same), ("a.b", Word("Word".into()), true));
        let (read,): (Place,) = c.query("select row('a.b', 'N')::place").one().await.unwrap();
        assert_eq!(read, Place { path: "a.b".into(), name: Word("N".into()) });
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 37: no bits. A column cannot be declared so; a value can be.
#[tokio::test]
async fn a_bit_string_may_have_no_bits() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let error = c.query("select ''::bit(0)").one::<(Bits,)>().await.unwrap_err();
        assert_eq!(code(&error), "22023");
        let sql = "select B'', ''::varbit, array[B'', B'101'], $1::bit, $1::varbit, bit_length($1::varbit)";
        type Row = (Bits, Bits, Vec<Bits>, Bits, Bits, i32);
        let row: Row = c.query(sql).bind(Bits::default()).one().await.unwrap();
        let none = Bits::default();
        let padded = "0".parse().unwrap();
        let list = vec![none.clone(), "101".parse().unwrap()];
        assert_eq!(row, (none.clone(), none.clone(), list, padded, none, 0));
        let batch = arrow(&mut c, "select B'', array[B'']").await;
        assert_eq!(batch.column(0).as_string::<i32>().value(0), "");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 37: the locale says how money is written, and how many of its units are one of the currency.
#[tokio::test]
async fn money_is_the_same_number_in_every_locale() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut locales = 0;
        for locale in ["C", "POSIX", "C.UTF-8", "en_US.UTF-8", "de_DE.UTF-8", "ja_JP.UTF-8", "ar_BH.UTF-8"] {
            // Those that the machine has.
            if c.script(&format!("set lc_monetary to '{locale}'")).await.is_err() {
                continue;
            }
            locales += 1;
            for units in [0, 1, -1, 123_456_789, i64::MIN, i64::MAX] {
                let sql = "select $1, $1::text, $1 = $1::text::money";
                let (back, shown, same): (Money, String, bool) = c
                    .query(sql)
                    .bind(Money(units))
                    .one()
                    .await
                    .unwrap_or_else(|error| panic!("{locale} {units}: {error}"));
                assert_eq!((back, same), (Money(units), true), "{locale} {shown}");
                let (read,): (Money,) = c.query("select $1::text::money").bind(shown).one().await.unwrap();
                assert_eq!(read, Money(units), "{locale}");
            }
        }
        assert!(locales > 0);
        assert_usable(&mut c).await;
    })
    .await;
}
