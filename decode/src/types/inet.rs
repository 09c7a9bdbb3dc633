use std::error::Error;
use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::arrow::{Asked, Copied, Extension, Fault, Form};
use crate::types::conversion::by_way_of;
use crate::types::cursor::to_end;
use crate::types::{ConversionError, Type, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// An `inet`: the address of a host, and how many of its bits are those of the network.
///
/// Prints as the server does, and parses what it prints.
///
/// ```
/// use molt_db_decode::types::Inet;
///
/// let host: Inet = "10.1.2.3/8".parse()?;
/// assert_eq!((host.addr().is_ipv4(), host.prefix()), (true, 8));
/// assert_eq!(Inet::from(host.addr()).to_string(), "10.1.2.3");
/// # Ok::<(), molt_db_decode::types::ParseInetError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inet {
    addr: IpAddr,
    prefix: u8,
}

/// A `cidr`: a network, as its first address and the number of bits that all of its addresses share.
///
/// Prints as the server does, and parses what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    addr: IpAddr,
    prefix: u8,
}

fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

impl Inet {
    /// Takes an address and the bits of its network, if it has as many.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= width(addr)).then_some(Self { addr, prefix })
    }

    /// Returns the address.
    pub fn addr(self) -> IpAddr {
        self.addr
    }

    /// Returns how many bits are those of the network: 32 or 128 if there is but the host.
    pub fn prefix(self) -> u8 {
        self.prefix
    }
}

impl Cidr {
    /// Takes the first address of a network and the bits that its addresses share, if the others are 0.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Self> {
        let (bits, free) = match addr {
            IpAddr::V4(addr) => (u128::from(addr.to_bits()), 32_u8.checked_sub(prefix)?),
            IpAddr::V6(addr) => (addr.to_bits(), 128_u8.checked_sub(prefix)?),
        };
        let host = 1_u128.checked_shl(free.into()).map_or(u128::MAX, |network| network - 1);
        (bits & host == 0).then_some(Self { addr, prefix })
    }

    /// Returns the first address.
    pub fn addr(self) -> IpAddr {
        self.addr
    }

    /// Returns how many bits all addresses of the network share.
    pub fn prefix(self) -> u8 {
        self.prefix
    }
}

impl From<IpAddr> for Inet {
    fn from(addr: IpAddr) -> Self {
        Self { addr, prefix: width(addr) }
    }
}

by_way_of! {
    IpAddr as Inet,
}

impl TryFrom<Inet> for IpAddr {
    type Error = ConversionError;

    /// Fails where the bits of the network are fewer than those of the address.
    fn try_from(inet: Inet) -> Result<Self, ConversionError> {
        let is_host = inet.prefix == width(inet.addr);
        is_host.then_some(inet.addr).ok_or(ConversionError("it has a netmask, which an address has not"))
    }
}

/// An address as the server writes it.
struct Shown(IpAddr);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(addr) => addr.fmt(f),
            // PG source: inet_net_ntop.c, inet_net_ntop_ipv6. It writes the last 32 bits as of version 4 not only
            // behind ::ffff:, but behind 96 zeros, too.
            IpAddr::V6(addr) => match addr.segments() {
                [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
                    let [.., a, b, c, d] = addr.octets();
                    write!(f, "::{}", Ipv4Addr::new(a, b, c, d))
                }
                _ => addr.fmt(f),
            },
        }
    }
}

impl fmt::Display for Inet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.addr).fmt(f)?;
        if self.prefix == width(self.addr) { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Shown(self.addr), self.prefix)
    }
}

impl FromStr for Inet {
    type Err = ParseInetError;

    /// Reads an address, and behind a slash the bits of its network.
    fn from_str(text: &str) -> Result<Self, ParseInetError> {
        let (addr, prefix) = split(text)?;
        Self::new(addr, prefix).ok_or(ParseInetError)
    }
}

impl FromStr for Cidr {
    type Err = ParseInetError;

    /// Reads the first address of a network, whole, and behind a slash the bits that its addresses share.
    fn from_str(text: &str) -> Result<Self, ParseInetError> {
        let (addr, prefix) = split(text)?;
        Self::new(addr, prefix).ok_or(ParseInetError)
    }
}

fn split(text: &str) -> Result<(IpAddr, u8), ParseInetError> {
    let (addr, prefix) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (text, None),
    };
    let addr: IpAddr = addr.parse().map_err(|_| ParseInetError)?;
    let is_number = |prefix: &&str| prefix.bytes().all(|digit| digit.is_ascii_digit());
    match prefix {
        None => Ok((addr, width(addr))),
        Some(prefix) => {
            let prefix = Some(prefix).filter(is_number).and_then(|prefix| prefix.parse().ok());
            prefix.map(|prefix| (addr, prefix)).ok_or(ParseInetError)
        }
    }
}

/// The text is no address, or no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseInetError;

impl fmt::Display for ParseInetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no address of IPv4 or IPv6 with a number of bits behind a slash")
    }
}

impl Error for ParseInetError {}

// PG source: utils/inet.h. The servers' families are numbers of their own: AF_INET, as all systems that PostgreSQL runs
// on have it, and the next one.
const IPV4: u8 = 2;
const IPV6: u8 = 3;

/// Reads the address, and the bits of its network.
// PG source: network.c, network_send: the family, the bits, whether it is a cidr, and the address with its length.
fn read(value: &[u8]) -> Option<(IpAddr, u8)> {
    to_end(value, |cursor| {
        let (family, prefix, _is_cidr, length) = (cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let addr = match (family, length) {
            (IPV4, 4) => Ipv4Addr::from(cursor.array::<4>()?).into(),
            (IPV6, 16) => Ipv6Addr::from(cursor.array::<16>()?).into(),
            _ => return None,
        };
        Some((addr, prefix))
    })
}

fn inet(value: &[u8]) -> Option<Inet> {
    read(value).and_then(|(addr, prefix)| Inet::new(addr, prefix))
}

fn cidr(value: &[u8]) -> Option<Cidr> {
    read(value).and_then(|(addr, prefix)| Cidr::new(addr, prefix))
}

const NO_ADDRESS: &str = "it is no address with the bits of its network";
const NO_NETWORK: &str = "it is no network";

fn write(addr: IpAddr, prefix: u8, is_cidr: bool, out: &mut Vec<u8>) {
    match addr {
        IpAddr::V4(addr) => {
            out.extend_from_slice(&[IPV4, prefix, is_cidr.into(), 4]);
            out.extend_from_slice(&addr.octets());
        }
        IpAddr::V6(addr) => {
            out.extend_from_slice(&[IPV6, prefix, is_cidr.into(), 16]);
            out.extend_from_slice(&addr.octets());
        }
    }
}

impl FromSql<'_> for Inet {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::INET
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => inet(value).ok_or_else(|| ValueError::malformed(NO_ADDRESS)),
            Format::Text => parse(value),
        }
    }
}

impl FromSql<'_> for Cidr {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::CIDR
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => cidr(value).ok_or_else(|| ValueError::malformed(NO_NETWORK)),
            Format::Text => parse(value),
        }
    }
}

impl ToSql for Inet {
    fn oid(&self) -> Oid {
        Oid::INET
    }

    fn type_oid() -> Oid {
        Oid::INET
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        write(self.addr, self.prefix, false, &mut out.bytes);
        Ok(IsNull::No)
    }
}

impl ToSql for Cidr {
    fn oid(&self) -> Oid {
        Oid::CIDR
    }

    fn type_oid() -> Oid {
        Oid::CIDR
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        write(self.addr, self.prefix, true, &mut out.bytes);
        Ok(IsNull::No)
    }
}

/// `inet` in Arrow: its text.
pub(crate) const INET: Type = Type {
    oid: Oid::INET,
    array: Some(Oid(1041)),
    binary: |asked: &Asked| Form::text(asked, Copied::Rewritten(append_inet)).with(Extension::Opaque),
    text: None,
};

/// `cidr` in Arrow: its text.
pub(crate) const CIDR: Type = Type {
    oid: Oid::CIDR,
    array: Some(Oid(651)),
    binary: |asked: &Asked| Form::text(asked, Copied::Rewritten(append_cidr)).with(Extension::Opaque),
    text: None,
};

fn append_inet(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let inet = inet(value).ok_or(Fault::Malformed(NO_ADDRESS))?;
    write!(out, "{inet}").map_err(|_| Fault::Malformed(NO_ADDRESS))
}

fn append_cidr(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let cidr = cidr(value).ok_or(Fault::Malformed(NO_NETWORK))?;
    write!(out, "{cidr}").map_err(|_| Fault::Malformed(NO_NETWORK))
}
