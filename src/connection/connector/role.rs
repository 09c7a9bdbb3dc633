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
    let fits = match wanted {
        TargetSessionAttrs::Any => Ok(true),
        TargetSessionAttrs::ReadWrite => is_read_only(connection).await.map(|read_only| !read_only),
        TargetSessionAttrs::ReadOnly => is_read_only(connection).await,
        TargetSessionAttrs::Primary => is_standby(connection).await.map(|standby| !standby),
        TargetSessionAttrs::Standby | TargetSessionAttrs::PreferStandby => is_standby(connection).await,
    };
    match fits {
        Ok(true) => Ok(()),
        Ok(false) => Err(ConnectCause::Role { wanted }),
        Err(error) => Err(ConnectCause::RoleUnknown(error)),
    }
}

async fn is_read_only(connection: &mut Connection) -> Result<bool, Error> {
    let reported = [IN_HOT_STANDBY, "default_transaction_read_only"].map(|name| connection.parameter(name));
    if let [Some(standby), Some(read_only)] = reported {
        return Ok(standby == ON || read_only == ON);
    }
    let (read_only,): (String,) = connection.query("show transaction_read_only").one().await?;
    Ok(read_only == ON)
}

async fn is_standby(connection: &mut Connection) -> Result<bool, Error> {
    if let Some(standby) = connection.parameter(IN_HOT_STANDBY) {
        return Ok(standby == ON);
    }
    let (standby,): (bool,) = connection.query("select pg_catalog.pg_is_in_recovery()").one().await?;
    Ok(standby)
}

const IN_HOT_STANDBY: &str = "in_hot_standby";
const ON: &str = "on";
