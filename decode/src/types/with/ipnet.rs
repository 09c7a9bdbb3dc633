//! `ipnet`, whose networks keep the bits behind their prefix, as `inet` does. Networks go as `inet`, and are read from `cidr`,
//! too. What goes as `cidr` is a [`Cidr`], which takes none with such bits.

use crate::types::conversion::sent_by_way_of;
use crate::types::{Cidr, ConversionError, Inet};
use crate::{Column, FromSql, ValueError};

sent_by_way_of! {
    ipnet::IpNet as Inet,
    ipnet::Ipv4Net as Inet,
    ipnet::Ipv6Net as Inet,
}

impl FromSql<'_> for ipnet::IpNet {
    fn accepts(column: &Column) -> bool {
        is_read(column)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Inet::from_sql(column, value)?.try_into()?)
    }
}

impl FromSql<'_> for ipnet::Ipv4Net {
    fn accepts(column: &Column) -> bool {
        is_read(column)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Inet::from_sql(column, value)?.try_into()?)
    }
}

impl FromSql<'_> for ipnet::Ipv6Net {
    fn accepts(column: &Column) -> bool {
        is_read(column)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Inet::from_sql(column, value)?.try_into()?)
    }
}

/// A `cidr` looks as an `inet` does, on the wire and as text.
fn is_read(column: &Column) -> bool {
    Inet::accepts(column) || Cidr::accepts(column)
}

impl TryFrom<Inet> for ipnet::IpNet {
    type Error = ConversionError;

    /// Never fails: what [`Inet`] holds has a prefix that the address has bits for.
    fn try_from(inet: Inet) -> Result<Self, ConversionError> {
        Self::new(inet.addr(), inet.prefix()).map_err(|_| PREFIX)
    }
}

impl TryFrom<Inet> for ipnet::Ipv4Net {
    type Error = ConversionError;

    /// Fails for addresses of IPv6.
    fn try_from(inet: Inet) -> Result<Self, ConversionError> {
        match inet.try_into()? {
            ipnet::IpNet::V4(net) => Ok(net),
            ipnet::IpNet::V6(_) => Err(OTHER_FAMILY),
        }
    }
}

impl TryFrom<Inet> for ipnet::Ipv6Net {
    type Error = ConversionError;

    /// Fails for addresses of IPv4.
    fn try_from(inet: Inet) -> Result<Self, ConversionError> {
        match inet.try_into()? {
            ipnet::IpNet::V4(_) => Err(OTHER_FAMILY),
            ipnet::IpNet::V6(net) => Ok(net),
        }
    }
}

impl TryFrom<ipnet::IpNet> for Inet {
    type Error = ConversionError;

    /// Never fails: what `ipnet` holds has a prefix that the address has bits for.
    fn try_from(net: ipnet::IpNet) -> Result<Self, ConversionError> {
        Self::new(net.addr(), net.prefix_len()).ok_or(PREFIX)
    }
}

impl TryFrom<ipnet::Ipv4Net> for Inet {
    type Error = ConversionError;

    /// Never fails: what `ipnet` holds has a prefix that the address has bits for.
    fn try_from(net: ipnet::Ipv4Net) -> Result<Self, ConversionError> {
        ipnet::IpNet::from(net).try_into()
    }
}

impl TryFrom<ipnet::Ipv6Net> for Inet {
    type Error = ConversionError;

    /// Never fails: what `ipnet` holds has a prefix that the address has bits for.
    fn try_from(net: ipnet::Ipv6Net) -> Result<Self, ConversionError> {
        ipnet::IpNet::from(net).try_into()
    }
}

impl TryFrom<Cidr> for ipnet::IpNet {
    type Error = ConversionError;

    /// Never fails: what [`Cidr`] holds has a prefix that the address has bits for.
    fn try_from(cidr: Cidr) -> Result<Self, ConversionError> {
        Self::new(cidr.addr(), cidr.prefix()).map_err(|_| PREFIX)
    }
}

impl TryFrom<ipnet::IpNet> for Cidr {
    type Error = ConversionError;

    /// Fails where bits behind the prefix are set.
    fn try_from(net: ipnet::IpNet) -> Result<Self, ConversionError> {
        Self::new(net.addr(), net.prefix_len()).ok_or(HOST_BITS)
    }
}

const PREFIX: ConversionError = ConversionError("its prefix has more bits than the address");
const OTHER_FAMILY: ConversionError = ConversionError("its address is of the other family");
const HOST_BITS: ConversionError = ConversionError("bits behind its prefix are set, which a cidr has not");

#[cfg(test)]
mod tests {
    use ipnet::{IpNet, Ipv4Net, Ipv6Net};

    use super::*;
    use crate::Oid;
    use crate::types::with::testing::{encode, read, same, unread};

    #[test]
    fn networks_keep_the_bits_behind_their_prefix() {
        for text in ["10.1.2.3/8", "0.0.0.0/0", "255.255.255.255/32", "2001:db8::1/64", "::/0", "::1/128"] {
            let (theirs, ours) = (text.parse::<IpNet>().unwrap(), text.parse::<Inet>().unwrap());
            same(&theirs, &ours);
            match theirs {
                IpNet::V4(net) => same(&net, &ours),
                IpNet::V6(net) => same(&net, &ours),
            }
        }
        unread::<Ipv4Net>(&"::1/64".parse::<Inet>().unwrap(), "family");
        unread::<Ipv6Net>(&"10.0.0.0/8".parse::<Inet>().unwrap(), "family");
    }

    #[test]
    fn a_cidr_has_no_bits_behind_its_prefix() {
        let cidr: Cidr = "10.0.0.0/8".parse().unwrap();
        assert_eq!(read::<IpNet>(Oid::CIDR, &encode(&cidr)).unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(
            read::<Vec<Ipv4Net>>(Oid(651), &encode(&vec![cidr])).unwrap()[0].to_string(),
            "10.0.0.0/8"
        );
        assert_eq!(IpNet::try_from(cidr).and_then(Cidr::try_from), Ok(cidr));
        let error = Cidr::try_from("10.1.2.3/8".parse::<IpNet>().unwrap()).unwrap_err();
        assert!(error.to_string().contains("bits behind its prefix"), "{error}");
    }
}
