use std::fmt;

use molt_db_decode::{Format, Parameters, Params};
use molt_db_protocol::client::Arguments;
use molt_db_protocol::message::WireFormat;

use super::copy_text::is_copy;
use super::statement::check_types;
use super::{BatchResults, Connection, Sql};
use crate::error::{CopyRefused, Error, Kind};

/// Statements that travel together: one write, one round trip, however many they are.
///
/// They are one transaction of their own, unless the connection is in one: when one fails, those behind it are not run
/// and those before it are undone. [`Batch::barrier`] ends such a group; what comes behind it runs whatever became of
/// it.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut batch = connection.batch();
/// batch.add("insert into orders values ($1, $2)", (7_i64, "tea"));
/// batch.add("select count(*) from orders", ());
/// let results = batch.run().await?;
/// let (count,): (i64,) = results.one(1)?;
/// assert_eq!(results.rows_affected(0), 1);
/// # Ok(()) }
/// ```
#[must_use = "a batch does nothing until it is run"]
pub struct Batch<'c, 's> {
    connection: &'c mut Connection,
    statements: Vec<Added<'s>>,
    arguments: Encoded,
    /// How many statements come before each barrier.
    barriers: Vec<usize>,
    refused: Option<Error>,
}

/// A statement, and where its arguments end.
struct Added<'s> {
    sql: &'s str,
    declared: Option<&'s [u32]>,
    arguments_end: usize,
    values_end: usize,
    /// Its arguments, in the place of those of all, if they are of types of the database.
    named: Option<Box<Params>>,
}

/// The arguments of all statements, one after the other.
#[derive(Default)]
struct Encoded {
    types: Vec<u32>,
    formats: Vec<WireFormat>,
    values: Vec<u8>,
}

impl<'c, 's> Batch<'c, 's> {
    pub(super) fn new(connection: &'c mut Connection) -> Self {
        Self {
            connection,
            statements: Vec::new(),
            arguments: Encoded::default(),
            barriers: Vec::new(),
            refused: None,
        }
    }

    /// Adds a statement. What is wrong with its parameters is reported when the batch is run.
    pub fn add(&mut self, sql: impl Sql<'s>, parameters: impl Parameters) -> &mut Self {
        if self.refused.is_none()
            && let Err(error) = self.try_add(sql.text(), sql.types(), parameters)
        {
            self.refused = Some(error.of_statement(self.statements.len()));
        }
        self
    }

    fn try_add(
        &mut self,
        sql: &'s str,
        declared: Option<&'s [u32]>,
        parameters: impl Parameters,
    ) -> Result<(), Error> {
        let Connection { params, .. } = &mut *self.connection;
        params.clear();
        parameters.encode(params)?;
        // The server would take what is sent behind it for the data, and end the session.
        if is_copy(sql) {
            return Err(Kind::Copy(CopyRefused::Batched).into());
        }
        self.connection.check_sendable(|| sql.is_ascii() && self.connection.params.is_ascii())?;
        let has_names = self.connection.params.type_names().next().is_some();
        let named = has_names.then(|| Box::new(self.connection.params.clone()));
        if let (Some(declared), None) = (declared, &named) {
            check_types(declared, &self.connection.params)?;
        }
        if named.is_none() {
            self.arguments.append(&self.connection.params);
        }
        let (arguments_end, values_end) = (self.arguments.types.len(), self.arguments.values.len());
        self.statements.push(Added { sql, declared, arguments_end, values_end, named });
        Ok(())
    }

    /// Ends the group of statements that are committed together; the next statement begins another.
    ///
    /// Inside of a transaction there is nothing to be committed by itself: a statement that fails fails all that come
    /// behind it, in this group and in later ones.
    pub fn barrier(&mut self) -> &mut Self {
        self.barriers.push(self.statements.len());
        self
    }

    /// Returns how many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Runs them and returns their results, all of which are final. They are in memory at once.
    ///
    /// # Errors
    ///
    /// That of the first statement that failed, and [`Error::statement`] says which it was; `None` if all had run and the
    /// server failed at the end of a group, because of a deferred constraint for one. Those before it in its group are
    /// undone, those behind it were not run; other groups have run. As with a query: [`Error::is_conversion`] and other
    /// refusals, before anything is sent; [`Error::is_connection_lost`]; [`Error::is_timeout`] after `query_timeout`,
    /// which is for all of it. [`Error::is_copy`]: COPY from or to the client is refused before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; any group may have been committed.
    pub async fn run(self) -> Result<BatchResults, Error> {
        self.run_all().await?.into_result()
    }

    /// Runs them and returns what became of each, failed or not.
    ///
    /// # Errors
    ///
    /// As [`Batch::run`], but for what the server says: that is in [`BatchResults::outcome`].
    ///
    /// # Cancel safety
    ///
    /// As [`Batch::run`].
    pub async fn run_all(mut self) -> Result<BatchResults, Error> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        self.connection.ready_for_command()?;
        self.name_types().await?;
        let mut results = BatchResults::new(self.statements.len(), &self.barriers);
        if !self.is_empty() {
            self.send()?;
            results.receive(self.connection).await?;
            results.learn_types(self.connection).await?;
        }
        Ok(results)
    }

    /// Has the types that arguments name looked up.
    async fn name_types(&mut self) -> Result<(), Error> {
        let connection = &mut *self.connection;
        for (number, added) in self.statements.iter_mut().enumerate() {
            let Some(params) = &mut added.named else { continue };
            let named = async {
                std::mem::swap(&mut **params, &mut connection.params);
                let named = connection.name_types(added.sql).await;
                std::mem::swap(&mut **params, &mut connection.params);
                named.and_then(|()| added.declared.map_or(Ok(()), |declared| check_types(declared, params)))
            };
            named.await.map_err(|error| error.of_statement(number))?;
        }
        Ok(())
    }

    /// Puts all of it into the send buffer, or nothing.
    fn send(&mut self) -> Result<(), Error> {
        let (_, output) = self.connection.transport.buffers();
        let length = output.len();
        if let Err(error) = self.queue() {
            self.connection.client.retract();
            self.connection.transport.retract(length);
            return Err(error);
        }
        let first = self.statements.first().map_or("", |first| first.sql);
        self.connection.command_begins(first);
        Ok(())
    }

    fn queue(&mut self) -> Result<(), Error> {
        let Connection { client, transport, .. } = &mut *self.connection;
        let (_, output) = transport.buffers();
        let mut barriers = self.barriers.iter().peekable();
        let (mut arguments_start, mut values_start) = (0, 0);
        for (number, added) in self.statements.iter().enumerate() {
            while barriers.next_if(|before| **before == number).is_some() {
                client.sync(output)?;
            }
            let own = added.named.as_deref().map(|params| {
                let mut own = Encoded::default();
                own.append(params);
                own
            });
            let places = arguments_start..added.arguments_end;
            let given = self.arguments.types.get(places.clone()).unwrap_or_default();
            let shared = Arguments {
                types: added.declared.unwrap_or(given),
                formats: self.arguments.formats.get(places).unwrap_or_default(),
                values: self.arguments.values.get(values_start..added.values_end).unwrap_or_default(),
            };
            let arguments = own.as_ref().map_or(shared, |own| Arguments {
                types: added.declared.unwrap_or(&own.types),
                formats: &own.formats,
                values: &own.values,
            });
            let queued = client.queue(added.sql, &arguments, 0, output);
            queued.map_err(|error| Error::from(error).of_statement(number))?;
            (arguments_start, values_start) = (added.arguments_end, added.values_end);
        }
        Ok(client.sync(output)?)
    }
}

impl Encoded {
    fn append(&mut self, params: &Params) {
        self.types.extend(params.oids().iter().map(|oid| oid.0));
        self.formats.extend(params.formats().iter().map(|format| match format {
            Format::Text => WireFormat::Text,
            Format::Binary => WireFormat::Binary,
        }));
        self.values.extend_from_slice(params.values());
    }
}

impl Connection {
    /// Begins a batch: add statements, then run them.
    pub fn batch<'s>(&mut self) -> Batch<'_, 's> {
        Batch::new(self)
    }
}

/// Shows no parameters.
impl fmt::Debug for Batch<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statements: Vec<_> = self.statements.iter().map(|added| added.sql).collect();
        f.debug_struct("Batch").field("statements", &statements).field("barriers", &self.barriers).finish()
    }
}
