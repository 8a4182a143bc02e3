//! `load --metrics ADDRESS`: what Prometheus may ask for while a load runs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use eventproof_reports::LoadMetrics;
use eventproof_reports::model::Interval;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::output;

/// Prometheus' text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page, served until this is dropped.
pub struct MetricsPage {
    metrics: Arc<Mutex<LoadMetrics>>,
    server: JoinHandle<()>,
}

impl MetricsPage {
    /// Listens, and says where: the port may have been left to the system.
    ///
    /// # Errors
    /// In words, if nobody can listen there.
    pub async fn serve(address: SocketAddr, title: &str) -> Result<MetricsPage, String> {
        let cannot = |error: std::io::Error| format!("--metrics {address}: {error}");
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let bound = listener.local_addr().map_err(cannot)?;
        output::progress(&format!("  metrics at http://{bound}/metrics"));
        let metrics = Arc::new(Mutex::new(LoadMetrics::new(title)));
        let routes = Router::new().route("/metrics", get(page)).with_state(metrics.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                output::error(&format!("the metrics are gone, the load goes on: {error}"));
            }
        });
        Ok(MetricsPage { metrics, server })
    }

    /// Takes in an interval that has ended.
    pub fn take(&self, interval: &Interval) {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).take(interval);
    }
}

impl Drop for MetricsPage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn page(State(metrics): State<Arc<Mutex<LoadMetrics>>>) -> impl IntoResponse {
    let text = metrics.lock().unwrap_or_else(PoisonError::into_inner).text();
    ([(CONTENT_TYPE, FORMAT)], text)
}

/// `127.0.0.1:9464`, or only a port, which is this machine's alone.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>().ok();
    let here = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    here.or_else(|| text.parse().ok()).ok_or_else(|| format!("`{text}` is no address: write 9464 or 0.0.0.0:9464"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        let address = |text: &str| parse_address(text).map(|address| address.to_string());
        assert_eq!(address("9464").as_deref(), Ok("127.0.0.1:9464"));
        assert_eq!(address(":9464").as_deref(), Ok("127.0.0.1:9464"));
        assert_eq!(address("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        assert!(address("here").is_err() && address("99999").is_err());
    }
}
