//! A store of rows, in SQLite or PostgreSQL: statements that both understand, and transactions of one writer at a time.
//!
//! Statements are written once, in SQLite's words with numbered placeholders (`?1`); [`super::postgres`] turns the few words that
//! differ. PostgreSQL takes a placeholder's type from its first use, so one that may be null is compared first: `a = ?1 OR ?1 IS NULL`.
//! Whoever needs more than that stays with [`Db`].

use super::postgres::Postgres;
use super::settings::StoreUrl;
use super::sqlite::{Db, DbError};

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Val<'a> {
    Int(i64),
    Text(&'a str),
    Bool(bool),
    Bytes(&'a [u8]),
    Null,
}

impl From<i64> for Val<'_> {
    fn from(number: i64) -> Self {
        Val::Int(number)
    }
}

impl From<i32> for Val<'_> {
    fn from(number: i32) -> Self {
        Val::Int(number.into())
    }
}

impl From<u32> for Val<'_> {
    fn from(number: u32) -> Self {
        Val::Int(number.into())
    }
}

impl From<bool> for Val<'_> {
    fn from(flag: bool) -> Self {
        Val::Bool(flag)
    }
}

impl<'a> From<&'a str> for Val<'a> {
    fn from(text: &'a str) -> Self {
        Val::Text(text)
    }
}

impl<'a> From<&'a String> for Val<'a> {
    fn from(text: &'a String) -> Self {
        Val::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Val<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Val::Bytes(bytes)
    }
}

impl<'a, T: Into<Val<'a>>> From<Option<T>> for Val<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Val::Null, Into::into)
    }
}

/// `vals![id, text, 7]`: values for placeholders, in their order.
macro_rules! vals {
    ($($value:expr),* $(,)?) => { &[$($crate::shared::sql::Val::from($value)),*] };
}
pub(crate) use vals;

/// What stands in a column. Truth is 0 or 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Null,
}

/// A row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

impl Row {
    pub(crate) fn int(&self, column: usize) -> Result<i64, DbError> {
        match self.0.get(column) {
            Some(Cell::Int(number)) => Ok(*number),
            other => Err(DbError::Column { column, expected: "a number", found: format!("{other:?}") }),
        }
    }

    /// A number that may be null.
    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>, DbError> {
        if self.is_null(column) { Ok(None) } else { self.int(column).map(Some) }
    }

    /// What is true or false.
    pub(crate) fn flag(&self, column: usize) -> Result<bool, DbError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, DbError> {
        match self.0.get(column) {
            Some(Cell::Text(text)) => Ok(text.clone()),
            other => Err(DbError::Column { column, expected: "a text", found: format!("{other:?}") }),
        }
    }

    /// A text that may be null.
    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<String>, DbError> {
        if self.is_null(column) { Ok(None) } else { self.text(column).map(Some) }
    }

    /// Bytes that may be null.
    pub(crate) fn maybe_bytes(&self, column: usize) -> Result<Option<Vec<u8>>, DbError> {
        match self.0.get(column) {
            Some(Cell::Bytes(bytes)) => Ok(Some(bytes.clone())),
            Some(Cell::Null) => Ok(None),
            other => Err(DbError::Column { column, expected: "bytes", found: format!("{other:?}") }),
        }
    }

    fn is_null(&self, column: usize) -> bool {
        self.0.get(column) == Some(&Cell::Null)
    }
}

/// A connection, within a transaction or without.
pub(crate) trait Sql {
    /// Runs a statement; gives how many rows it changed.
    fn run(&self, sql: &str, values: &[Val<'_>]) -> Result<u64, DbError>;

    /// Asks.
    fn rows(&self, sql: &str, values: &[Val<'_>]) -> Result<Vec<Row>, DbError>;

    /// Runs or asks the same with each of several values, in their order; gives an answer for each.
    fn rows_each(&self, sql: &str, all: &[Vec<Val<'_>>]) -> Result<Vec<Vec<Row>>, DbError> {
        all.iter().map(|values| self.rows(sql, values)).collect()
    }

    /// The only row, or the first.
    fn row(&self, sql: &str, values: &[Val<'_>]) -> Result<Option<Row>, DbError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// The row of a statement that has one whatever there is.
    fn one(&self, sql: &str, values: &[Val<'_>]) -> Result<Row, DbError> {
        self.row(sql, values)?.ok_or(DbError::NoRow)
    }
}

/// A store; clones share it.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(Db),
    Postgres(Postgres),
}

impl From<Db> for Store {
    fn from(db: Db) -> Store {
        Store::Sqlite(db)
    }
}

impl Store {
    /// Opens a service's store and brings `schema` (statements with `IF NOT EXISTS`) into being.
    pub(crate) async fn open(url: &StoreUrl, service: &str, schema: &str) -> Result<Store, DbError> {
        match url {
            StoreUrl::Postgres(address) => Ok(Store::Postgres(Postgres::open(address, service, schema).await?)),
            _ => Db::open(url, schema).map(Store::Sqlite),
        }
    }

    /// Runs `work` with the connection, away from the async threads.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Sql) -> Result<T, DbError> + Send + 'static,
    {
        match self {
            Store::Sqlite(db) => db.call(move |connection| work(&*connection)).await,
            Store::Postgres(postgres) => postgres.read(work).await,
        }
    }

    /// Runs `work` in one transaction, which is the only one that writes; an error rolls it back.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Sql) -> Result<T, DbError> + Send + 'static,
    {
        match self {
            Store::Sqlite(db) => db.transaction(move |tx| work(tx)).await,
            Store::Postgres(postgres) => postgres.write(work).await,
        }
    }

    /// Whether the store answers.
    pub(crate) async fn ping(&self) -> Result<(), DbError> {
        self.read(|sql| sql.rows("SELECT 1", &[]).map(drop)).await
    }
}
