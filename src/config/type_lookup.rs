use super::error::Problem;
use super::value::{FromValue, Value};

/// Whether types that are not built in are looked up in the catalogs of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TypeLookup {
    /// Where a result or a parameter has one that is not known yet, once for all connections of a pool.
    #[default]
    OnDemand,
    /// Never: for servers that speak the protocol and have no such catalogs. Values of such types are read as bytes, and
    /// parameters that name their type are refused. No statement is described before it runs, then.
    Never,
}

impl FromValue for TypeLookup {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&[("on_demand", Self::OnDemand), ("never", Self::Never)], "`on_demand` or `never`")
    }
}
