//! PostgreSQL behind the same calls as SQLite: one connection, used on the blocking pool, made again when it is lost.
//!
//! A service's tables stand in a schema of its name, so several may share a database. A transaction that writes takes the schema's
//! lock first, as SQLite's `BEGIN IMMEDIATE` does: row ids then come in the order of commits, which the outbox's order rests on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::sql::{Cell, Row, Sql, Val};
use super::sqlite::DbError;

/// A database; clones share its connection.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Shared>);

struct Shared {
    config: Config,
    schema: String,
    /// Taken while it is used: a panic in between drops it, and PostgreSQL rolls back.
    session: Mutex<Option<Session>>,
}

/// A connection and what was prepared on it.
struct Session {
    client: Client,
    runtime: Handle,
    prepared: RefCell<HashMap<String, Statement>>,
}

impl Postgres {
    /// Connects, and brings `tables` (in SQLite's words) into being.
    pub(crate) async fn open(address: &str, service: &str, tables: &str) -> Result<Postgres, DbError> {
        let shared = Shared { config: address.parse()?, schema: service.to_owned(), session: Mutex::default() };
        let postgres = Postgres(Arc::new(shared));
        let (name, tables) = (quoted(service), turned(tables));
        postgres
            .with(move |session| {
                // Two instances that start at once would both make the same tables.
                let lock = session.lock();
                session.batch(&format!("BEGIN; {lock} CREATE SCHEMA IF NOT EXISTS {name}; {tables} COMMIT"))
            })
            .await?;
        Ok(postgres)
    }

    /// As [`super::sql::Store::read`].
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Sql) -> Result<T, DbError> + Send + 'static,
    {
        self.with(move |session| work(session)).await
    }

    /// As [`super::sql::Store::write`].
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Sql) -> Result<T, DbError> + Send + 'static,
    {
        self.with(move |session| {
            session.batch(&format!("BEGIN; {}", session.lock()))?;
            let result = work(session);
            session.batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            result
        })
        .await
    }

    async fn with<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Session) -> Result<T, DbError> + Send + 'static,
    {
        let (shared, runtime) = (self.0.clone(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let mut held = shared.session.lock().unwrap_or_else(PoisonError::into_inner);
            let session = match held.take().filter(|session| !session.client.is_closed()) {
                Some(session) => session,
                None => Session::connect(&shared, runtime)?,
            };
            let result = work(&session);
            *held = Some(session);
            result
        })
        .await?
    }
}

impl Session {
    fn connect(shared: &Shared, runtime: Handle) -> Result<Session, DbError> {
        let (client, connection) = runtime.block_on(shared.config.connect(NoTls))?;
        // Its end is told by the next call that fails.
        runtime.spawn(connection);
        let session = Session { client, runtime, prepared: RefCell::default() };
        session.batch(&format!("SET search_path TO {}", quoted(&shared.schema)))?;
        Ok(session)
    }

    /// One writer at a time: until the transaction ends.
    fn lock(&self) -> &'static str {
        "SELECT pg_advisory_xact_lock(hashtext(current_setting('search_path')));"
    }

    fn batch(&self, sql: &str) -> Result<(), DbError> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }

    fn statement(&self, sql: &str) -> Result<Statement, DbError> {
        if let Some(known) = self.prepared.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.runtime.block_on(self.client.prepare(&turned(sql)))?;
        self.prepared.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Sql for Session {
    fn run(&self, sql: &str, values: &[Val<'_>]) -> Result<u64, DbError> {
        let statement = self.statement(sql)?;
        let values = bound(values);
        Ok(self.runtime.block_on(self.client.execute(&statement, &references(&values)))?)
    }

    fn rows(&self, sql: &str, values: &[Val<'_>]) -> Result<Vec<Row>, DbError> {
        let statement = self.statement(sql)?;
        let values = bound(values);
        let rows = self.runtime.block_on(self.client.query(&statement, &references(&values)))?;
        rows.iter().map(read).collect()
    }
}

type Bound<'a> = Box<dyn ToSql + Sync + 'a>;

fn bound<'a>(values: &[Val<'a>]) -> Vec<Bound<'a>> {
    let one = |value: &Val<'a>| -> Bound<'a> {
        match *value {
            Val::Int(number) => Box::new(number),
            Val::Text(text) => Box::new(text),
            Val::Bool(flag) => Box::new(flag),
        }
    };
    values.iter().map(one).collect()
}

fn references<'a>(values: &'a [Bound<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

fn read(row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let cell = |(at, column): (usize, &tokio_postgres::Column)| -> Result<Cell, DbError> {
        Ok(match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map_or(Cell::Null, |flag| Cell::Int(flag.into())),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map_or(Cell::Null, |number| Cell::Int(number.into())),
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map_or(Cell::Null, Cell::Int),
            _ => row.try_get::<_, Option<String>>(at)?.map_or(Cell::Null, Cell::Text),
        })
    };
    row.columns().iter().enumerate().map(cell).collect::<Result<_, _>>().map(Row)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQLite's words in PostgreSQL's.
fn turned(sql: &str) -> String {
    sql.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        .replace(" INTEGER", " BIGINT")
        .replace(" WITHOUT ROWID", "")
        .replace("instr(", "strpos(")
        .replace('?', "$")
}

#[cfg(test)]
#[path = "postgres_tests.rs"]
mod in_a_container;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_differ_are_turned() {
        let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL) WITHOUT ROWID;";
        let expected = "CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT NOT NULL);";
        assert_eq!(turned(schema), expected);
        assert_eq!(turned("SELECT 1 WHERE instr(text, ?1) > ?2"), "SELECT 1 WHERE strpos(text, $1) > $2");
        assert_eq!(quoted("content-service"), "\"content-service\"");
    }
}
