use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::Connection;
use super::exchange::Message;
use super::notifications::Notification;
use crate::error::{Error, Fate, Kind, ListenProblem};

/// # Notifications
impl Connection {
    /// Listens on a channel, in one round trip; inside of a transaction, from its commit on.
    ///
    /// The name is taken as it is, as that of [`Connection::notify`] is: `Jobs` and `jobs` are two channels, while
    /// `LISTEN Jobs` as SQL means `jobs`. What is sent to the channel comes from [`Connection::next_notification`].
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// connection.listen("jobs").await?;
    /// loop {
    ///     let notification = connection.next_notification().await?;
    ///     println!("{}: {}", notification.channel(), notification.payload());
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The name is empty, longer than 63 bytes, or has a NUL in it: nothing is sent. The server's: 25006 on a standby.
    /// [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the session may listen, or not.
    pub async fn listen(&mut self, channel: &str) -> Result<(), Error> {
        let sql = format!("LISTEN {}", quoted(channel)?);
        self.listens = true;
        self.script(&sql).await.map(drop)
    }

    /// Listens on a channel no more. What has arrived stays.
    ///
    /// # Errors
    ///
    /// As [`Connection::listen`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::listen`].
    pub async fn unlisten(&mut self, channel: &str) -> Result<(), Error> {
        let sql = format!("UNLISTEN {}", quoted(channel)?);
        self.script(&sql).await.map(drop)
    }

    /// Listens on no channel any more. What has arrived stays.
    ///
    /// # Errors
    ///
    /// [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::listen`].
    pub async fn unlisten_all(&mut self) -> Result<(), Error> {
        self.script("UNLISTEN *").await?;
        self.listens = false;
        Ok(())
    }

    /// Tells whether [`Connection::listen`] was called, and [`Connection::unlisten_all`] has not run since. Of LISTEN as
    /// SQL it knows nothing.
    pub fn listens(&self) -> bool {
        self.listens
    }

    /// Sends a notification to those who listen on a channel, this session among them if it does; inside of a
    /// transaction, with its commit. Twice the same in one transaction is sent once.
    ///
    /// # Errors
    ///
    /// The server's: 22023 for a payload of more than 7,999 bytes, or a name that is empty or longer than 63;
    /// 25006 on a standby. [`Error::is_conversion`]: a NUL. [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the notification may have been sent.
    pub async fn notify(&mut self, channel: &str, payload: &str) -> Result<(), Error> {
        self.execute("select pg_catalog.pg_notify($1, $2)", (channel, payload)).await.map(drop)
    }

    /// Waits for the next notification: one that has arrived with the answers to earlier commands, or that the server
    /// sends now. It obeys the [scope](Connection::set_scope) and has no other limit of time: `query_timeout` is for
    /// queries.
    ///
    /// They come in the order in which the server sent them. While a query or a stream runs they are kept, up to
    /// [`Config::max_notifications`](crate::Config::max_notifications) and
    /// [`Config::max_notification_bytes`](crate::Config::max_notification_bytes); behind that the oldest give way,
    /// which is told. While this waits nothing is read ahead of what is asked for, and none is lost.
    ///
    /// Where [`Config::on_notification`](crate::Config::on_notification) has them, this drives the hook and returns only
    /// with an error.
    ///
    /// # Errors
    ///
    /// [`Error::lost_notifications`]: so many gave way in front of the next one. The connection goes on.
    /// [`Error::is_connection_lost`], once what had arrived is taken; [`Error::is_unsettled`]; [`Error::is_timeout`] or
    /// [`Error::is_cancelled`] at the end of the scope, which leaves the connection as it was.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again. The connection stays usable.
    pub async fn next_notification(&mut self) -> Result<Notification, Error> {
        poll_fn(|cx| self.poll_notification(cx)).await
    }

    /// Returns the next notification if it has arrived, and does not wait.
    ///
    /// # Errors
    ///
    /// As [`Connection::next_notification`].
    pub fn try_notification(&mut self) -> Result<Option<Notification>, Error> {
        loop {
            if let Some(notification) = self.inbox.pop()? {
                return Ok(Some(notification));
            }
            let Message::NotYet { .. } = self.idle_message()? else { continue };
            match self.transport.read_now() {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(self.lost(error)),
            }
        }
    }

    /// Returns the notifications as a [`Stream`], which has no end but that of the connection. What was said of
    /// [`Connection::next_notification`] holds for it.
    pub fn notifications(&mut self) -> Notifications<'_> {
        Notifications { connection: self }
    }

    pub(crate) fn poll_notification(&mut self, cx: &mut Context<'_>) -> Poll<Result<Notification, Error>> {
        loop {
            if let Some(notification) = self.inbox.pop()? {
                return Poll::Ready(Ok(notification));
            }
            let Message::NotYet { needed } = self.idle_message()? else { continue };
            match self.transport.poll_exchange(cx, needed) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(error))),
                Poll::Pending => return self.poll_scope(cx),
            }
        }
    }

    /// Takes in one message that the server sends unasked.
    fn idle_message(&mut self) -> Result<Message, Error> {
        self.ready()?;
        self.receive_message().map_err(|error| Error::session(error, self.end()))
    }

    /// Forgets what has arrived: it was for another user of the connection.
    pub(crate) fn forget_notifications(&mut self) {
        self.inbox.clear();
    }

    /// Has notifications kept that a hook of the configuration would be told of.
    pub(crate) fn keep_notifications(&mut self) {
        self.inbox.without_hook();
    }

    /// Listens on all of these channels, in one round trip.
    pub(crate) async fn listen_all(&mut self, channels: impl Iterator<Item = &str>) -> Result<(), Error> {
        let statements: Result<Vec<_>, _> =
            channels.map(|channel| quoted(channel).map(|name| format!("LISTEN {name}"))).collect();
        self.listens = true;
        self.script(&statements?.join(";")).await.map(drop)
    }

    /// Asks the server for a sign of life.
    pub(crate) async fn ping(&mut self, limit: Duration) -> Result<(), Error> {
        let answered = tokio::time::timeout(limit, self.script("")).await;
        answered.unwrap_or_else(|_| Err(Kind::Timeout { limit, outcome: Fate::None }.into())).map(drop)
    }

    /// Makes this the end of a connection that is of no use any more.
    pub(crate) fn give_up(&mut self) {
        self.end();
    }
}

/// The notifications of a connection, as they come. Made by [`Connection::notifications`].
#[derive(Debug)]
pub struct Notifications<'c> {
    connection: &'c mut Connection,
}

impl Stream for Notifications<'_> {
    type Item = Result<Notification, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let connection = &mut *self.get_mut().connection;
        connection.poll_notification(cx).map(Some)
    }
}

/// Returns a name, of a channel or of a slot, as an identifier of SQL.
// PG docs: sql-syntax-lexical, "Identifiers and Key Words"
pub(crate) fn quoted(name: &str) -> Result<String, Error> {
    let problem = match name {
        "" => ListenProblem::EmptyName,
        // The server would cut it and listen on another one.
        name if name.len() > LONGEST_NAME => ListenProblem::LongName,
        name if name.contains('\0') => ListenProblem::NulInName,
        name => return Ok(format!("\"{}\"", name.replace('"', "\"\""))),
    };
    Err(Kind::Listening(problem).into())
}

/// NAMEDATALEN - 1 of a server that was built as usual.
const LONGEST_NAME: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_such_that_nothing_gets_out() {
        for (name, expected) in [
            ("jobs", r#""jobs""#),
            ("Jobs", r#""Jobs""#),
            (r#"a"; drop table t; --"#, r#""a""; drop table t; --""#),
            (r#"""#, r#""""""#),
            ("ä b", r#""ä b""#),
        ] {
            assert_eq!(quoted(name).unwrap(), expected);
        }
        assert!(quoted(&"x".repeat(63)).is_ok() && quoted(&"ä".repeat(31)).is_ok());
    }

    #[test]
    fn names_that_the_server_would_change_are_refused() {
        for name in ["", "a\0b", &"x".repeat(64), &"ä".repeat(32)] {
            assert!(quoted(name).unwrap_err().is_unsent(), "{name:?}");
        }
    }
}
