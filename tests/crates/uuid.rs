use ::uuid::Uuid;
use molt_db::Connection;
use proptest::prelude::*;

use crate::check::{all, for_many, same};

#[tokio::test]
async fn values_of_uuid_are_the_same_for_the_server() {
    let case = |text: &'static str| (text, text.parse::<Uuid>().unwrap());
    let cases = [
        case("00000000-0000-0000-0000-000000000000"),
        case("00112233-4455-6677-8899-aabbccddeeff"),
        case("ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ];
    all("uuid", &cases).await;
}

#[test]
fn any_value_of_uuid_is_the_same_for_the_server() {
    for_many(any::<u128>(), async |c: &mut Connection, bits| {
        let id = Uuid::from_u128(*bits);
        same(c, "uuid", &id.to_string(), &id).await
    });
}
