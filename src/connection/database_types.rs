//! The types of a database that are not built in: looked up by number or name, once for all connections of a connector.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use molt_db_decode::{
    Catalog, Columns, Definition, EncodeError, Oid, Params, RowStore, TypeName, TypeRow, ValueError,
};
use molt_db_protocol::client::Description;

use super::exchange::{Step, Wanted};
use super::observed::Role;
use super::{Connection, RowSet, TransactionStatus};
use crate::config::{Config, TypeLookup};
use crate::error::Error;

/// What the connections of a connector know of the types of their database.
pub(crate) struct DatabaseTypes {
    lookup: TypeLookup,
    catalog: Mutex<Catalog>,
    hasher: RandomState,
    /// Statements whose results have types that are known.
    foreseen: Mutex<HashSet<u64>>,
}

impl DatabaseTypes {
    pub(crate) fn new(config: &Config) -> Self {
        let mut catalog = Catalog::default();
        config.arrow_types().for_each(|(name, of)| catalog.teach(name, of));
        Self {
            lookup: config.get_type_lookup(),
            catalog: Mutex::new(catalog),
            hasher: RandomState::new(),
            foreseen: Mutex::default(),
        }
    }

    /// Says whether nothing is to be looked up to read rows with these columns.
    #[inline]
    pub(super) fn suffice_for(&self, columns: &Columns) -> bool {
        columns.are_known() || self.lookup == TypeLookup::Never
    }

    pub(super) fn describe(&self, columns: &Columns) -> Columns {
        self.catalog().describe(columns)
    }

    /// Forgets everything: a statement ran that may have changed it.
    pub(super) fn clear(&self) {
        self.catalog().clear();
        self.foreseen().clear();
    }

    fn unnamed(&self, params: &Params) -> Vec<TypeName> {
        let catalog = self.catalog();
        let mut names: Vec<_> = params
            .type_names()
            .filter(|name| catalog.named(*name).and_then(|oid| catalog.get(oid)).is_none())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn resolve(&self, params: &mut Params) -> Result<(), EncodeError> {
        params.resolve(&self.catalog())
    }

    fn has_foreseen(&self, sql: &str, types: &[u32]) -> bool {
        let is_stale = self.catalog().is_stale();
        !is_stale && self.foreseen().contains(&self.hasher.hash_one((sql, types)))
    }

    /// Notes that the types of a statement's result are known.
    pub(super) fn foresee(&self, sql: &str, types: &[u32]) {
        let mut foreseen = self.foreseen();
        if foreseen.len() >= MOST {
            foreseen.clear();
        }
        foreseen.insert(self.hasher.hash_one((sql, types)));
    }

    /// No call leaves it half changed.
    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn foreseen(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.foreseen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DatabaseTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseTypes").field("foreseen", &self.foreseen().len()).finish_non_exhaustive()
    }
}

impl Connection {
    /// Sees to it that the types of a result are known before its first row comes: where nobody has seen the statement, it
    /// is described in front of its run.
    pub(super) async fn foresee_types(&mut self, sql: &str, declared: Option<&[u32]>) -> Result<(), Error> {
        self.watch_front();
        let foreseen = self.foresee(sql, declared).await;
        self.watch_rest(foreseen.is_ok());
        foreseen
    }

    async fn foresee(&mut self, sql: &str, declared: Option<&[u32]>) -> Result<(), Error> {
        self.name_types_of(sql).await?;
        if self.database_types.lookup == TypeLookup::Never {
            return Ok(());
        }
        self.types.clear();
        self.types.extend(self.params.oids().iter().map(|oid| oid.0));
        // What was known of the types of one that is prepared may hold no more.
        if let Some(description) = self.client.prepared(sql, declared.unwrap_or(&self.types)) {
            return self.learn_types_of(&description).await;
        }
        let types = declared.map_or_else(|| self.types.clone(), <[u32]>::to_vec);
        if self.database_types.has_foreseen(sql, &types) {
            return Ok(());
        }
        let description = self.describe(sql, &types).await?;
        self.learn_types_of(&description).await?;
        self.database_types.foresee(sql, &types);
        Ok(())
    }

    /// Looks up the types that are named by the parameters that are bound, and fills them in.
    pub(super) async fn name_types(&mut self, sql: &str) -> Result<(), Error> {
        self.watch_front();
        let named = self.name_types_of(sql).await;
        self.watch_rest(named.is_ok());
        named
    }

    async fn name_types_of(&mut self, sql: &str) -> Result<(), Error> {
        if self.params.type_names().next().is_none() {
            return Ok(());
        }
        if self.database_types.lookup == TypeLookup::Never {
            let why = "its type is to be looked up, and that is switched off";
            return Err(EncodeError::Other(why.into()).into());
        }
        let names = self.database_types.unnamed(&self.params);
        if !names.is_empty() {
            self.watch_begins(sql);
            self.look_up(&[], &names).await?;
        }
        Ok(self.database_types.resolve(&mut self.params)?)
    }

    /// Looks up what is not known of the types of columns.
    pub(super) async fn learn_types_of(&mut self, description: &Description) -> Result<(), Error> {
        self.learn_types(&self.columns_of(description)).await.map(|_| ())
    }

    /// Looks up what is not known of the types of columns, and tells whether there was anything.
    pub(super) async fn learn_types(&mut self, columns: &Columns) -> Result<bool, Error> {
        if self.database_types.suffice_for(columns) {
            return Ok(false);
        }
        // Another connection may have looked them up meanwhile.
        let missing = self.database_types.catalog().missing(columns);
        if missing.is_empty() {
            return Ok(true);
        }
        let role = self.role;
        if role == Role::Operation {
            self.role = Role::Aside;
        }
        let learned = self.look_up(&missing, &[]).await;
        if role == Role::Operation {
            self.role = role;
        }
        learned.map(|()| true)
    }

    /// Checks that nothing has to be looked up to read a result that has begun.
    pub(super) async fn check_foreseen(&mut self, columns: &Columns) -> Result<(), Error> {
        if self.database_types.suffice_for(columns) {
            return Ok(());
        }
        self.database_types.foreseen().clear();
        self.finish().await?;
        Err(ValueError::other("the types of the result have changed since it was described: run it again")
            .into())
    }

    async fn look_up(&mut self, oids: &[Oid], names: &[TypeName]) -> Result<(), Error> {
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        let params = std::mem::take(&mut self.params);
        let sent = self.params.push(&oids).and_then(|()| self.params.push(&texts)).map_err(Error::from);
        let sent = sent.and_then(|()| self.send_query(LOOK_UP, None));
        self.params = params;
        sent?;
        let rows = self.keep_rows().await?;
        let columns = self.columns();
        let found: Vec<Found> = RowSet::new(&rows, &columns, 0..rows.len()).all()?;
        self.learned_in_transaction |= self.transaction_status() != TransactionStatus::Idle;
        let mut catalog = self.database_types.catalog();
        if catalog.is_stale() {
            self.database_types.foreseen().clear();
        }
        let (mut types, mut named) = (Vec::new(), Vec::new());
        for found in found {
            match found {
                (kind, oid, _, name, ..) if kind == "=" => named.push((name, oid)),
                found => types.push(type_row(found)),
            }
        }
        // What is nowhere is not looked for again.
        let lost = oids
            .iter()
            .filter(|oid| !types.iter().any(|row: &TypeRow| row.oid == **oid))
            .map(|oid| unknown(*oid));
        let lost: Vec<_> = lost.collect();
        catalog.extend(types.into_iter().chain(lost));
        for (name, text) in names.iter().zip(&texts) {
            if let Some((_, Some(oid))) = named.iter().find(|(named, _)| named == text) {
                catalog.name(*name, *oid);
            }
        }
        Ok(())
    }

    /// Keeps the rows of the query that is under way, up to its end.
    async fn keep_rows(&mut self) -> Result<RowStore, Error> {
        let mut columns = Columns::new([]);
        let mut rows = RowStore::default();
        loop {
            self.take_rows(|body| {
                rows.push(body, &columns)?;
                Ok(if rows.bytes() > MOST_BYTES { Wanted::Enough } else { Wanted::More })
            })?;
            if rows.bytes() > MOST_BYTES {
                self.end();
                let problem = "the server says more of its types than there can be to say";
                return Err(ValueError::malformed(problem).into());
            }
            match self.step().await? {
                Step::Columns => columns = self.columns(),
                Step::Row(place) => {
                    if let Err(error) = rows.push(self.transport.used(place), &columns) {
                        self.end();
                        return Err(error.into());
                    }
                }
                Step::Finished(result) => return result.map(|_| rows),
                _ => {}
            }
        }
    }
}

type Found = (
    String,
    Option<Oid>,
    Option<String>,
    String,
    Option<Oid>,
    Option<i32>,
    Option<String>,
    Option<Vec<String>>,
    Option<Vec<Oid>>,
    Option<Vec<i32>>,
);

fn type_row(found: Found) -> TypeRow {
    let (kind, oid, schema, name, part, typmod, send, texts, oids, typmods) = found;
    let part = part.unwrap_or(Oid::UNSPECIFIED);
    let texts = texts.unwrap_or_default();
    let definition = match kind.as_str() {
        "e" => Definition::Enum(texts),
        "c" => {
            let types = oids.unwrap_or_default().into_iter().zip(typmods.unwrap_or_default());
            Definition::Composite(
                texts.into_iter().zip(types).map(|(name, (oid, typmod))| (name, oid, typmod)).collect(),
            )
        }
        "d" => Definition::Domain(part, typmod.unwrap_or(-1)),
        "a" => Definition::Array(part),
        "r" => Definition::Range(part),
        "m" => Definition::Multirange(part),
        _ => Definition::Base { send: send.unwrap_or_default() },
    };
    TypeRow { oid: oid.unwrap_or(Oid::UNSPECIFIED), schema: schema.unwrap_or_default(), name, definition }
}

fn unknown(oid: Oid) -> TypeRow {
    TypeRow {
        oid,
        schema: String::new(),
        name: oid.to_string(),
        definition: Definition::Base { send: String::new() },
    }
}

/// The types with these numbers and names, and all that they are made of; and which type each name stands for.
///
/// What is looked for is found by index, type by type, as there may be a hundred thousand: a join of all of them is read
/// from end to end as soon as that is believed to be cheaper, and `limit 1` keeps a subquery from becoming one. Ranges are
/// few; before 14 there is no column for their multiranges.
// PG docs: catalog-pg-type, catalog-pg-range, catalog-pg-enum
const LOOK_UP: &str = "\
with recursive asked(name, oid) as (
    select null, o from pg_catalog.unnest($1::pg_catalog.oid[]) o
    union all
    select n, pg_catalog.to_regtype(n)::pg_catalog.oid from pg_catalog.unnest($2::pg_catalog.text[]) n
), reached(oid) as (
    select oid from asked where oid is not null
    union
    select part.oid
    from reached
    cross join lateral (select * from pg_catalog.pg_type t where t.oid = reached.oid limit 1) t
    cross join lateral (
        select t.typbasetype where t.typtype = 'd'
        union all
        select t.typelem where t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc
        union all
        select a.atttypid from pg_catalog.pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        union all
        select r.rngsubtype from pg_catalog.pg_range r where t.typtype = 'r' and r.rngtypid = t.oid
        union all
        select r.rngtypid from pg_catalog.pg_range r
        where t.typtype = 'm' and pg_catalog.to_jsonb(r) ->> 'rngmultitypid' = t.oid::pg_catalog.text
    ) part(oid)
)
select case when t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc then 'a' else t.typtype::pg_catalog.text end,
       t.oid, (select n.nspname::pg_catalog.text from pg_catalog.pg_namespace n where n.oid = t.typnamespace),
       t.typname::pg_catalog.text,
       case when t.typtype = 'd' then t.typbasetype
            when t.typtype = 'r' then (select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid)
            when t.typtype = 'm' then (select r.rngtypid from pg_catalog.pg_range r
                                       where pg_catalog.to_jsonb(r) ->> 'rngmultitypid' = t.oid::pg_catalog.text)
            else t.typelem end,
       t.typtypmod,
       (select p.prosrc from pg_catalog.pg_proc p where p.oid = t.typsend),
       case when t.typtype = 'e' then
                (select pg_catalog.array_agg(e.enumlabel::pg_catalog.text order by e.enumsortorder)
                 from pg_catalog.pg_enum e where e.enumtypid = t.oid)
            else attributes.names end,
       attributes.types, attributes.modifiers
from reached
cross join lateral (select * from pg_catalog.pg_type t where t.oid = reached.oid limit 1) t
left join lateral (
    select pg_catalog.array_agg(a.attname::pg_catalog.text order by a.attnum),
           pg_catalog.array_agg(a.atttypid order by a.attnum),
           pg_catalog.array_agg(a.atttypmod order by a.attnum)
    from pg_catalog.pg_attribute a
    where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
) attributes(names, types, modifiers) on true
union all
select '=', oid, null, name, null, null, null, null, null, null from asked where name is not null";

/// What is told of a type with 1,600 attributes takes less than 200 KiB.
const MOST_BYTES: usize = 64 << 20;

/// As many statements as that are known to have types that are known.
const MOST: usize = 16_384;
