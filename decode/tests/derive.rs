//! Rows as structs, with `#[derive(FromRow)]`.

use molt_db_decode::{Column, Columns, Format, FromRow, Oid, OwnedRow, Params, RowLayout, ValueError};

#[derive(Debug, PartialEq, FromRow)]
#[molt(crate = "molt_db_decode")]
struct Order {
    id: i64,
    #[molt(rename = "customer name")]
    customer: String,
    r#type: Option<i32>,
}

#[derive(Debug, PartialEq, FromRow)]
#[molt(crate = "molt_db_decode")]
struct Borrowed<'a> {
    #[molt(rename = "customer name")]
    customer: &'a str,
}

#[derive(Debug, PartialEq, FromRow)]
#[molt(crate = "molt_db_decode")]
struct Generic<T, const N: usize>
where
    T: Clone,
{
    id: T,
}

#[derive(Debug, PartialEq, FromRow)]
#[molt(crate = "molt_db_decode")]
struct Positional<'a>(i32, &'a str, Option<i32>);

fn columns() -> Columns {
    Columns::new([
        Column::new("id", Oid::INT4, -1, Format::Binary),
        Column::new("customer name", Oid::TEXT, -1, Format::Binary),
        Column::new("type", Oid::INT4, -1, Format::Binary),
    ])
}

fn row() -> Result<OwnedRow, Box<dyn std::error::Error>> {
    let mut params = Params::default();
    params.push(&7_i32)?;
    params.push("Ada")?;
    params.push(&None::<i32>)?;
    let body = [&[0, 3], params.values()].concat();
    Ok(RowLayout::default().row(&body, &columns())?.to_owned())
}

#[test]
fn structs_read_by_name_and_tuple_structs_by_position() -> Result<(), Box<dyn std::error::Error>> {
    let row = row()?;
    let order = Order { id: 7, customer: "Ada".to_owned(), r#type: None };
    assert_eq!(row.read::<Order>()?, order);
    assert_eq!(row.read::<Borrowed<'_>>()?, Borrowed { customer: "Ada" });
    assert_eq!(row.read::<Generic<i64, 3>>()?, Generic { id: 7 });
    assert_eq!(row.read::<Positional<'_>>()?, Positional(7, "Ada", None));
    Ok(())
}

#[test]
fn a_plan_names_what_is_missing_or_does_not_fit() {
    fn refusal<'r, T: FromRow<'r>>(columns: &[Column]) -> Option<ValueError> {
        T::plan(&Columns::new(columns.iter().cloned())).err()
    }
    let columns = columns();
    let message = |error: Option<ValueError>| error.map(|error| error.to_string());

    let missing = message(refusal::<Order>(columns.get(1..).unwrap_or_default()));
    assert_eq!(missing.as_deref(), Some("the result has no column \"id\""));
    let count = message(refusal::<Positional<'_>>(columns.get(1..).unwrap_or_default()));
    assert_eq!(count.as_deref(), Some("the result has 2 columns where 3 are read"));
    let wrong = Column::new("id", Oid::FLOAT8, -1, Format::Binary);
    let wrong = message(refusal::<Order>(&[wrong]));
    let expected = "column \"id\" (position 0, type float8) cannot be read as i64: the types do not fit";
    assert_eq!(wrong.as_deref(), Some(expected));
    assert!(refusal::<Order>(&columns).is_none());
}
