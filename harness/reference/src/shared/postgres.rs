//! PostgreSQL behind the same calls as SQLite, used on the blocking pool: one connection for transactions and one for everything
//! else, so that whoever waits for the lock of another instance keeps no reader waiting; each is made again when it is lost.
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

/// A database; clones share its connections.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Shared>);

struct Shared {
    config: Config,
    schema: String,
    transactions: Slot,
    calls: Slot,
}

/// A connection that is taken out while it is used: a panic in between drops it, and PostgreSQL rolls back.
type Slot = Mutex<Option<Session>>;

/// A connection and what was prepared on it.
struct Session {
    client: Client,
    runtime: Handle,
    prepared: RefCell<HashMap<String, Statement>>,
}

impl Postgres {
    /// Connects, and brings `tables` (in SQLite's words) into being.
    pub(crate) async fn open(address: &str, service: &str, tables: &str) -> Result<Postgres, DbError> {
        let (config, schema) = (address.parse()?, service.to_owned());
        let (transactions, calls) = (Slot::default(), Slot::default());
        let postgres = Postgres(Arc::new(Shared { config, schema, transactions, calls }));
        let (name, tables) = (quoted(service), turned(tables));
        postgres
            .with(
                |shared| &shared.transactions,
                move |session| {
                    // Two instances that start at once would both make the same tables.
                    let lock = session.lock();
                    session.batch(&format!("BEGIN; {lock} CREATE SCHEMA IF NOT EXISTS {name}; {tables} COMMIT"))
                },
            )
            .await?;
        Ok(postgres)
    }

    /// As [`super::sql::Store::read`].
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Sql) -> Result<T, DbError> + Send + 'static,
    {
        self.with(|shared| &shared.calls, move |session| work(session)).await
    }

    /// As [`super::sql::Store::write`].
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Sql) -> Result<T, DbError> + Send + 'static,
    {
        self.with(
            |shared| &shared.transactions,
            move |session| {
                // Whatever the database's default is: what is read behind the lock is what the writer before has committed.
                let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {}", session.lock());
                let result = session.batch(&begin).and_then(|()| work(session));
                session.batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
                result
            },
        )
        .await
    }

    async fn with<T, F>(&self, which: fn(&Shared) -> &Slot, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Session) -> Result<T, DbError> + Send + 'static,
    {
        let (shared, runtime) = (self.0.clone(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let mut held = which(&shared).lock().unwrap_or_else(PoisonError::into_inner);
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
        let values = bound(values, &statement);
        Ok(self.runtime.block_on(self.client.execute(&statement, &references(&values)))?)
    }

    fn rows(&self, sql: &str, values: &[Val<'_>]) -> Result<Vec<Row>, DbError> {
        let statement = self.statement(sql)?;
        let values = bound(values, &statement);
        let rows = self.runtime.block_on(self.client.query(&statement, &references(&values)))?;
        rows.iter().map(read).collect()
    }

    /// All of it is on its way before the first answer is there: a batch costs one journey, not one for each event.
    fn rows_each(&self, sql: &str, all: &[Vec<Val<'_>>]) -> Result<Vec<Vec<Row>>, DbError> {
        let statement = self.statement(sql)?;
        let all: Vec<_> = all.iter().map(|values| bound(values, &statement)).collect();
        let all: Vec<_> = all.iter().map(|values| references(values)).collect();
        let asked = all.iter().map(|values| self.client.query(&statement, values));
        let answers = self.runtime.block_on(futures::future::try_join_all(asked))?;
        answers.iter().map(|rows| rows.iter().map(read).collect()).collect()
    }
}

type Bound<'a> = Box<dyn ToSql + Sync + 'a>;

/// Values for the placeholders of a statement.
fn bound<'a>(values: &[Val<'a>], statement: &Statement) -> Vec<Bound<'a>> {
    let one = |(value, of): (&Val<'a>, &Type)| -> Bound<'a> {
        match *value {
            Val::Int(number) => Box::new(number),
            // PostgreSQL's texts have no NUL: a record that has one is no reason to try it again for ever.
            Val::Text(text) if text.contains('\0') => Box::new(text.replace('\0', "\u{FFFD}")),
            Val::Text(text) => Box::new(text),
            Val::Bool(flag) => Box::new(flag),
            Val::Bytes(bytes) => Box::new(bytes),
            Val::Null if *of == Type::INT8 => Box::new(None::<i64>),
            Val::Null if *of == Type::BYTEA => Box::new(None::<&[u8]>),
            Val::Null => Box::new(None::<&str>),
        }
    };
    values.iter().zip(statement.params()).map(one).collect()
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
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.map_or(Cell::Null, Cell::Bytes),
            _ => row.try_get::<_, Option<String>>(at)?.map_or(Cell::Null, Cell::Text),
        })
    };
    row.columns().iter().enumerate().map(cell).collect::<Result<_, _>>().map(Row)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQLite's words in PostgreSQL's. Texts are compared byte by byte, as SQLite does, whatever the database's own order is.
fn turned(sql: &str) -> String {
    sql.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        .replace(" INTEGER", " BIGINT")
        .replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace(" BLOB", " BYTEA")
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
        let schema =
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, a TEXT, b BLOB) WITHOUT ROWID;";
        let expected = "CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT NOT NULL, \
                        a TEXT COLLATE \"C\", b BYTEA);";
        assert_eq!(turned(schema), expected);
        assert_eq!(turned("SELECT 1 WHERE instr(text, ?1) > ?2"), "SELECT 1 WHERE strpos(text, $1) > $2");
        assert_eq!(quoted("content-service"), "\"content-service\"");
    }
}
