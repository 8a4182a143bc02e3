//! Starting a service, announcing it, and ending it in good order.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::ServeError;
use crate::catalogue::{self, ServiceInfo};
use crate::shared::clock::Clock;
use crate::shared::http::{ReadyCheck, serve_http, standard_routes};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::settings::Settings;
use crate::shared::stop::{Stop, Stopper, stop_pair};
use crate::{data_platform, nova_bus, nova_domain, photo_portfolio, todo, ugly};

/// How long open HTTP connections may keep an otherwise finished service alive.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What every service is given.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) faults: Vec<String>,
    pub(crate) log: Log,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
}

impl Context {
    /// Whether a fault is switched on.
    pub(crate) fn has(&self, fault: catalogue::FaultInfo) -> bool {
        self.faults.iter().any(|name| name == fault.name)
    }
}

/// What every service is made of.
pub(crate) struct Parts {
    pub(crate) router: Router,
    pub(crate) ready: ReadyCheck,
    /// What it does besides answering: runs until asked to stop.
    pub(crate) work: Option<Work>,
}

/// A service's work beside HTTP: its name, and the work itself.
pub(crate) type Work = (&'static str, BoxFuture<'static, Result<(), ServeError>>);

/// A service that is up.
pub struct Running {
    address: SocketAddr,
    stopper: Stopper,
    work: JoinSet<Result<(), ServeError>>,
    http: JoinSet<Result<(), ServeError>>,
}

impl Running {
    /// Where HTTP is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a part of the service ends although nobody asked for it.
    pub async fn failed(&mut self) -> ServeError {
        tokio::select! {
            ended = part_end(&mut self.work, "the service's work") => ended,
            ended = part_end(&mut self.http, "the HTTP server") => ended,
        }
    }

    /// Ends the service: what is in hand is finished, committed and closed.
    pub async fn stop(mut self) -> Result<(), ServeError> {
        self.stopper.stop();
        let mut result = Ok(());
        while let Some(ended) = self.work.join_next().await {
            result = result.and(flatten(ended, "the service's work"));
        }
        match tokio::time::timeout(LAST_ANSWERS, self.http.join_next()).await {
            Ok(Some(ended)) => result.and(flatten(ended, "the HTTP server")),
            // A client that holds its connection open is not waited for.
            Ok(None) | Err(_) => result,
        }
    }
}

/// Starts a service of a system with the faults named, and returns once it serves HTTP. Kafka and other services may be down.
///
/// # Errors
/// An unknown name, settings that cannot be used, an address that is taken, a store that cannot be opened.
pub async fn start(system: &str, service: &str, faults: &[String], settings: Settings) -> Result<Running, ServeError> {
    let info = catalogue::find(system, service, faults)?;
    let listener = bind(settings.http_addr).await?;
    let address =
        listener.local_addr().map_err(|source| ServeError::Io { what: "reading the HTTP address", source })?;
    let (stopper, stop) = stop_pair();
    let context = context(info, faults, settings, stop.clone());
    let Parts { router, ready, work } = match system {
        "ugly" => ugly::build(info.name, &context).await?,
        "todo" => todo::build(info.name, &context).await?,
        "nova-domain" => nova_domain::build(info.name, &context).await?,
        "data-platform" => data_platform::build(info.name, &context).await?,
        "photo-portfolio" => photo_portfolio::build(info.name, &context).await?,
        _ => nova_bus::build(info.name, &context).await?,
    };
    let router = router.merge(standard_routes(context.metrics.clone(), ready));
    let mut running = Running { address, stopper, work: JoinSet::new(), http: JoinSet::new() };
    running.http.spawn(serve_http(listener, router, stop.clone()));
    match work {
        Some((_, work)) => running.work.spawn(work),
        // A service that only answers works for as long as it is up.
        None => running.work.spawn(async move {
            stop.wait().await;
            Ok(())
        }),
    };
    Ok(running)
}

/// Runs a service until SIGTERM or SIGINT. Its first line on stdout is `listening on http://ADDRESS:PORT`; its log goes to stderr.
///
/// # Errors
/// As [`start`], and when a part of the service ends by itself.
pub async fn serve(system: &str, service: &str, faults: &[String]) -> Result<(), ServeError> {
    let info = catalogue::find(system, service, faults)?;
    let log = Log::new(info.name);
    let signal = end_signal()?;
    let mut running = start(system, service, faults, Settings::from_env()?).await?;
    announce(running.address())?;
    tokio::select! {
        name = signal => {
            log.info(format_args!("{name}: finishing what is in hand"));
            let result = running.stop().await;
            log.info("stopped");
            result
        }
        error = running.failed() => {
            log.error(&error);
            let _ = running.stop().await;
            Err(error)
        }
    }
}

fn context(info: &'static ServiceInfo, faults: &[String], settings: Settings, stop: Stop) -> Context {
    let log = Log::new(info.name);
    for fault in faults {
        log.warn(format_args!("fault switched on: {fault}"));
    }
    Context { settings, faults: faults.to_vec(), log, metrics: Metrics::default(), clock: Clock::system(), stop }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

fn announce(address: SocketAddr) -> Result<(), ServeError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")
        .and_then(|()| out.flush())
        .map_err(|source| ServeError::Io { what: "announcing the HTTP address", source })
}

/// Listens for the signals that end a service; the future gives the signal's name.
fn end_signal() -> Result<impl Future<Output = &'static str>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|source| ServeError::Io { what: "listening for signals", source });
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

async fn part_end(part: &mut JoinSet<Result<(), ServeError>>, name: &'static str) -> ServeError {
    match part.join_next().await {
        Some(ended) => match flatten(ended, name) {
            Err(error) => error,
            Ok(()) => ServeError::Ended { part: name, reason: "it returned".into() },
        },
        None => ServeError::Ended { part: name, reason: "it had ended before".into() },
    }
}

fn flatten(
    ended: Result<Result<(), ServeError>, tokio::task::JoinError>,
    part: &'static str,
) -> Result<(), ServeError> {
    ended.unwrap_or_else(|error| Err(ServeError::Ended { part, reason: error.to_string() }))
}
