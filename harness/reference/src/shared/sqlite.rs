//! SQLite behind async calls, used on the blocking pool, in WAL mode: one connection for transactions and, of a file, one for
//! everything else. Several services may share a file: whoever waits for their write lock keeps no reader of its own waiting.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, Transaction, TransactionBehavior, params_from_iter};
use tokio_postgres::error::SqlState;

use super::settings::StoreUrl;
use super::sql::{Cell, Row, Sql, Val};

/// Why a call of the database failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("cannot make the folder {folder}: {source}")]
    Folder { folder: String, source: std::io::Error },
    #[error("the database call was cut off: {0}")]
    Cut(#[from] tokio::task::JoinError),
    #[error("{0} is not a SQLite store")]
    NotSqlite(String),
    #[error("PostgreSQL: {}", told(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// Not the database's doing: the work itself found that it must not be done, and everything of it is undone.
    #[error("{0}")]
    Refused(String),
    #[error("a statement gave no row")]
    NoRow,
    #[error("column {column}: expected {expected}, found {found}")]
    Column { column: usize, expected: &'static str, found: String },
}

impl DbError {
    /// Whether a row was to be written that is there already.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            DbError::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation),
            DbError::Postgres(error) => error.code() == Some(&SqlState::UNIQUE_VIOLATION),
            _ => false,
        }
    }
}

/// How long another instance of the service may hold the file: for a batch, or to open it.
const BUSY: Duration = Duration::from_secs(10);

/// A database; clones share its connections.
#[derive(Clone)]
pub(crate) struct Db {
    transactions: Arc<Mutex<Connection>>,
    /// The same connection where the database is in memory.
    calls: Arc<Mutex<Connection>>,
}

impl Db {
    /// Opens the store and brings `schema` (statements with `IF NOT EXISTS`) into being.
    pub(crate) fn open(url: &StoreUrl, schema: &str) -> Result<Db, DbError> {
        let path = match url {
            StoreUrl::SqliteMemory => {
                let only = shared(Connection::open_in_memory()?, schema)?;
                return Ok(Db { transactions: only.clone(), calls: only });
            }
            StoreUrl::Sqlite(path) => path,
            StoreUrl::Redis(_) | StoreUrl::Postgres(_) => return Err(DbError::NotSqlite(url.to_string())),
        };
        Ok(Db { transactions: shared(open_file(path)?, schema)?, calls: shared(open_file(path)?, "")? })
    }

    /// Runs `work` with the connection that no transaction holds, away from the async threads.
    pub(crate) async fn call<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, DbError> + Send + 'static,
    {
        on(&self.calls, work).await
    }

    /// Runs `work` in one transaction, which takes the write lock at once; an error rolls it back.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, DbError> + Send + 'static,
    {
        on(&self.transactions, |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&tx)?;
            tx.commit()?;
            Ok(result)
        })
        .await
    }
}

/// A connection that is ready for use.
fn shared(connection: Connection, schema: &str) -> Result<Arc<Mutex<Connection>>, DbError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("PRAGMA foreign_keys = ON;")?;
    connection.execute_batch(schema)?;
    Ok(Arc::new(Mutex::new(connection)))
}

async fn on<T, F>(connection: &Arc<Mutex<Connection>>, work: F) -> Result<T, DbError>
where
    T: Send + 'static,
    F: FnOnce(&mut Connection) -> Result<T, DbError> + Send + 'static,
{
    let connection = connection.clone();
    tokio::task::spawn_blocking(move || {
        // A panic while the lock was held rolled its transaction back; the connection is sound.
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection)
    })
    .await?
}

/// What the server said, rather than that it said something.
fn told(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| format!("{}: {}", said.code().code(), said.message()))
}

impl ToSql for Val<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Val::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Val::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Val::Bool(flag) => ToSqlOutput::Owned(Value::Integer((*flag).into())),
            Val::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Val::Null => ToSqlOutput::Owned(Value::Null),
        })
    }
}

impl Sql for Connection {
    fn run(&self, sql: &str, values: &[Val<'_>]) -> Result<u64, DbError> {
        Ok(self.prepare_cached(sql)?.execute(params_from_iter(values))? as u64)
    }

    fn rows(&self, sql: &str, values: &[Val<'_>]) -> Result<Vec<Row>, DbError> {
        let mut statement = self.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut found = statement.query(params_from_iter(values))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let cells: Result<Vec<Cell>, DbError> = (0..columns).map(|at| cell(at, row.get_ref(at)?)).collect();
            rows.push(Row(cells?));
        }
        Ok(rows)
    }
}

impl Sql for Transaction<'_> {
    fn run(&self, sql: &str, values: &[Val<'_>]) -> Result<u64, DbError> {
        (**self).run(sql, values)
    }

    fn rows(&self, sql: &str, values: &[Val<'_>]) -> Result<Vec<Row>, DbError> {
        (**self).rows(sql, values)
    }
}

fn cell(column: usize, value: ValueRef<'_>) -> Result<Cell, DbError> {
    match value {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Int(number)),
        ValueRef::Text(text) => Ok(Cell::Text(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(bytes) => Ok(Cell::Bytes(bytes.to_vec())),
        other => Err(DbError::Column { column, expected: "a number, a text or bytes", found: format!("{other:?}") }),
    }
}

fn open_file(path: &Path) -> Result<Connection, DbError> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|source| DbError::Folder { folder: folder.display().to_string(), source })?;
    }
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    let began = Instant::now();
    // WAL with NORMAL: a process that is killed loses nothing that was committed; only a power cut may lose the newest.
    while let Err(error) = connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;") {
        // Turning WAL on takes the whole file, and SQLite does not wait for that: another instance may be doing the same.
        if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) || began.elapsed() > BUSY {
            return Err(error.into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_does_not_wait_for_a_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("one.db"));
        let db = Db::open(&url, "CREATE TABLE IF NOT EXISTS t (n INTEGER)").unwrap();
        let (held, waiting) = std::sync::mpsc::channel::<()>();
        let writer = tokio::spawn({
            let db = db.clone();
            async move {
                db.transaction(move |tx| {
                    tx.execute("INSERT INTO t VALUES (1)", [])?;
                    // Until the read has its answer.
                    let _ = waiting.recv();
                    Ok(())
                })
                .await
            }
        });
        let count = || db.call(|c| Ok(c.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))?));
        let read = tokio::time::timeout(Duration::from_secs(30), count()).await;
        assert_eq!(read.unwrap().unwrap(), 0, "what is not committed is not seen");
        drop(held);
        writer.await.unwrap().unwrap();
        assert_eq!(count().await.unwrap(), 1);
    }
}
