use std::ops::{Deref, DerefMut};

use molt_db_protocol::client::Leading;
use molt_db_protocol::message::TransactionStatus;

use super::Connection;
use crate::error::{Error, Kind, TransactionProblem};

/// A part of a transaction that can be rolled back by itself.
///
/// Dropped without [`Savepoint::commit`] it is rolled back together with the next command, and the transaction around it
/// goes on. It is a [`Connection`] otherwise.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut tx = connection.begin().await?;
/// tx.execute("insert into orders values ($1)", (7_i64,)).await?;
/// let mut savepoint = tx.savepoint()?;
/// match savepoint.execute("insert into coupons values ($1)", ("SPRING",)).await {
///     Ok(_) => savepoint.commit().await?,
///     Err(_) => savepoint.rollback().await?,
/// }
/// tx.commit().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Savepoint<'t> {
    connection: &'t mut Connection,
    number: u64,
    begin: Leading,
    is_over: bool,
}

impl<'t> Savepoint<'t> {
    pub(super) fn new(connection: &'t mut Connection) -> Result<Self, Error> {
        connection.ready_for_command()?;
        let number = connection.savepoints.saturating_add(1);
        let begin = connection.client.lead(format!("SAVEPOINT molt_{number}"))?;
        connection.savepoints = number;
        Ok(Self { connection, number, begin, is_over: false })
    }

    /// Makes it a part of the transaction around it, with which it is committed. Costs no round trip: RELEASE travels
    /// with the next statement.
    ///
    /// # Errors
    ///
    /// [`Error::is_aborted`]: a statement in it had failed, so that it is rolled back. [`Error::is_unsettled`]: one was
    /// walked away from; it is rolled back too, and the connection has to be settled.
    pub async fn commit(mut self) -> Result<(), Error> {
        if self.was_not_sent() {
            return Ok(());
        }
        self.connection.ready_for_command()?;
        if self.connection.has_failed() {
            return Err(Kind::Transaction(TransactionProblem::Aborted).into());
        }
        self.connection.client.lead(format!("RELEASE SAVEPOINT molt_{}", self.number))?;
        self.is_over = true;
        Ok(())
    }

    /// Rolls back what was done in it. What was walked away from is cancelled first. The transaction around it goes on.
    ///
    /// # Errors
    ///
    /// [`Error::is_connection_lost`]: everything is rolled back then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is rolled back as a dropped [`Savepoint`].
    pub async fn rollback(mut self) -> Result<(), Error> {
        if self.was_not_sent() {
            return Ok(());
        }
        self.connection.come_to_rest().await?;
        self.connection.ready_for_command()?;
        self.roll_back_later();
        self.is_over = true;
        self.connection.send_leads().await.map(|_| ())
    }

    /// Begins a scope inside of this one.
    ///
    /// # Errors
    ///
    /// As [`Transaction::savepoint`](super::Transaction::savepoint).
    pub fn savepoint(&mut self) -> Result<Savepoint<'_>, Error> {
        Savepoint::new(self.connection)
    }

    /// Takes back SAVEPOINT if it was not sent.
    fn was_not_sent(&mut self) -> bool {
        let waits = self.connection.client.still_leads(self.begin);
        if waits {
            self.connection.client.take_back(self.begin);
            self.is_over = true;
        }
        waits
    }

    /// Has it rolled back, and forgotten by the server, in front of the next command.
    fn roll_back_later(&mut self) {
        let Self { connection, number, begin, .. } = self;
        connection.client.take_back(*begin);
        connection.rollback_to = connection.client.lead(format!("ROLLBACK TO SAVEPOINT molt_{number}")).ok();
        // What is written here has no NUL.
        let _ = connection.client.lead(format!("RELEASE SAVEPOINT molt_{number}"));
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.is_over && !self.was_not_sent() {
            self.roll_back_later();
        }
    }
}

impl Deref for Savepoint<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Savepoint<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Connection {
    /// Tells whether the transaction has failed, and what is to lead the next command does not change that.
    fn has_failed(&self) -> bool {
        let revived = self.rollback_to.is_some_and(|rollback| self.client.still_leads(rollback));
        self.client.status() == TransactionStatus::Failed && !revived
    }
}
