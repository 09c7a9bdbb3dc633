//! Which kind of server it is that let us in.

use crate::config::TargetSessionAttrs;
use crate::connection::Connection;
use crate::error::{ConnectCause, Error};

/// Returns what to look for, first and then.
// PG docs: libpq-connect, "target_session_attrs"
pub(super) fn rounds(wanted: TargetSessionAttrs) -> &'static [TargetSessionAttrs] {
    match wanted {
        TargetSessionAttrs::Any => &[TargetSessionAttrs::Any],
        TargetSessionAttrs::ReadWrite => &[TargetSessionAttrs::ReadWrite],
        TargetSessionAttrs::ReadOnly => &[TargetSessionAttrs::ReadOnly],
        TargetSessionAttrs::Primary => &[TargetSessionAttrs::Primary],
        TargetSessionAttrs::Standby => &[TargetSessionAttrs::Standby],
        TargetSessionAttrs::PreferStandby => &[TargetSessionAttrs::Standby, TargetSessionAttrs::Any],
    }
}

/// Refuses a server that is of another kind. Servers from 14 on have said already what they are; others are asked,
/// which is one more round trip.
pub(super) async fn check(
    connection: &mut Connection,
    wanted: TargetSessionAttrs,
) -> Result<(), ConnectCause> {
    let fits = match reported(connection, wanted) {
        Some(fits) => Ok(fits),
        None => ask(connection, wanted).await,
    };
    match fits {
        Ok(true) => Ok(()),
        Ok(false) => Err(ConnectCause::Role { wanted }),
        Err(error) => Err(ConnectCause::RoleUnknown(error)),
    }
}

/// Tells by what the server has reported whether it is of the kind that is wanted; `None` if that does not say it.
pub(super) fn reported(connection: &Connection, wanted: TargetSessionAttrs) -> Option<bool> {
    let is_on = |name| connection.parameter(name).map(|value| value == ON);
    // Asked for at every acquire: only what is wanted is looked up.
    let is_standby = || is_on(IN_HOT_STANDBY);
    let is_read_only = || Some(is_standby()? || is_on(DEFAULT_TRANSACTION_READ_ONLY)?);
    match wanted {
        TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby => Some(true),
        TargetSessionAttrs::ReadWrite => is_read_only().map(|read_only| !read_only),
        TargetSessionAttrs::ReadOnly => is_read_only(),
        TargetSessionAttrs::Primary => is_standby().map(|standby| !standby),
        TargetSessionAttrs::Standby => is_standby(),
    }
}

async fn ask(connection: &mut Connection, wanted: TargetSessionAttrs) -> Result<bool, Error> {
    match wanted {
        TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby => Ok(true),
        TargetSessionAttrs::ReadWrite => is_read_only(connection).await.map(|read_only| !read_only),
        TargetSessionAttrs::ReadOnly => is_read_only(connection).await,
        TargetSessionAttrs::Primary => is_standby(connection).await.map(|standby| !standby),
        TargetSessionAttrs::Standby => is_standby(connection).await,
    }
}

async fn is_read_only(connection: &mut Connection) -> Result<bool, Error> {
    let (read_only,): (String,) = connection.query("show transaction_read_only").one().await?;
    Ok(read_only == ON)
}

async fn is_standby(connection: &mut Connection) -> Result<bool, Error> {
    let (standby,): (bool,) = connection.query("select pg_catalog.pg_is_in_recovery()").one().await?;
    Ok(standby)
}

const IN_HOT_STANDBY: &str = "in_hot_standby";
const DEFAULT_TRANSACTION_READ_ONLY: &str = "default_transaction_read_only";
const ON: &str = "on";
