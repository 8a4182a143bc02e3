//! Opening a service's store by its URL, and being ready as long as it answers.

use std::sync::Arc;

use super::http::ReadyCheck;
use super::settings::StoreUrl;
use super::sql::Store;
use crate::ServeError;
use crate::serve::Context;

/// Opens the store that the settings name for a service, in SQLite or PostgreSQL, and brings `schema` into being.
pub(crate) async fn open(context: &Context, service: &'static str, schema: &str) -> Result<Store, ServeError> {
    let url = context.settings.store_for(service);
    context.log.info(format_args!("store {url}, brokers {}", context.settings.brokers));
    open_at(&url, service, schema).await
}

/// Opens a store wherever it is.
pub(crate) async fn open_at(url: &StoreUrl, service: &'static str, schema: &str) -> Result<Store, ServeError> {
    if let StoreUrl::Redis(_) = url {
        return Err(ServeError::StoreKind { service, url: url.to_string(), known: "sqlite: and postgres:" });
    }
    Store::open(url, service, schema).await.map_err(|e| url.error(e))
}

/// Ready while the store answers. Kafka may be away: what there is to tell waits.
pub(crate) fn answers(db: Store) -> ReadyCheck {
    Arc::new(move || {
        let db = db.clone();
        Box::pin(async move { db.ping().await.map_err(|e| e.to_string()) }) as _
    })
}
