use std::net::IpAddr;

use ::ipnet::{IpNet, Ipv4Net, Ipv6Net};
use molt_db::Connection;
use molt_db::types::Cidr;
use proptest::prelude::*;

use crate::check::{all, for_many, same, unread};
use crate::common::{connect, on_each_server};

#[tokio::test]
async fn values_of_ipnet_are_the_same_for_the_server() {
    let fourth = ["0.0.0.0/0", "10.1.2.3/8", "255.255.255.255/32"];
    let sixth = ["::/0", "2001:db8::1/64", "::ffff:1.2.3.4/96", "::1/128"];
    all("inet", &fourth.map(|text| (text, text.parse::<Ipv4Net>().unwrap()))).await;
    all("inet", &sixth.map(|text| (text, text.parse::<Ipv6Net>().unwrap()))).await;
    all("inet", &fourth.map(|text| (text, text.parse::<IpNet>().unwrap()))).await;
    all("inet", &sixth.map(|text| (text, text.parse::<IpNet>().unwrap()))).await;
}

#[tokio::test]
async fn networks_without_bits_behind_their_prefix_are_cidrs() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let net: IpNet = "10.0.0.0/8".parse().unwrap();
        let cidr = Cidr::try_from(net).unwrap();
        let sql = "select $1::cidr, array[$1::cidr], $1::cidr::text, $2::inet = $1::cidr";
        let found: (IpNet, Vec<Ipv4Net>, String, bool) =
            c.query(sql).bind_all((cidr, net)).one().await.unwrap();
        let IpNet::V4(fourth) = net else { panic!("{net}") };
        assert_eq!(found, (net, vec![fourth], "10.0.0.0/8".to_owned(), true));
    })
    .await;
    let error = Cidr::try_from("10.1.2.3/8".parse::<IpNet>().unwrap()).unwrap_err();
    assert!(error.to_string().contains("bits behind its prefix"), "{error}");
    unread::<Ipv4Net>(&[("'::1'::inet", "family"), ("'::/8'::cidr", "family")]).await;
    unread::<Ipv6Net>(&[("'10.1.2.3'::inet", "family")]).await;
}

#[test]
fn any_network_is_the_same_for_the_server() {
    for_many((any::<IpAddr>(), any::<u8>()), async |c: &mut Connection, (addr, prefix)| {
        let net = IpNet::new(*addr, prefix % if addr.is_ipv4() { 33 } else { 129 }).unwrap();
        same(c, "inet", &net.to_string(), &net).await?;
        let parts = "select host($1), masklen($1)";
        let (host, bits): (String, i32) = c.query(parts).bind(net).one().await.map_err(|e| e.to_string())?;
        let is_same = host.parse() == Ok(*addr) && u8::try_from(bits) == Ok(net.prefix_len());
        if is_same { Ok(()) } else { Err(format!("{net} is {host} and {bits}")) }
    });
}
