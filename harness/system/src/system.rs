//! A system of running services.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::{Sasl, lasting_listener};
use eventproof_evidence::{Clock, Journal, Observation};
use tokio::sync::Mutex;

use crate::process::{Launch, Lines, Process};
use crate::store::Stores;
use crate::stub::{Failing, Stub};
use crate::template::fill;
use crate::{FaultSwitch, Params, ReadySpec, ServiceSpec, SystemError, SystemSpec};

/// How often a service is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// The state of a service that starts later and is not needed now.
pub const LATER: &str = "starts later";

/// What the services are told of the run.
#[derive(Default, Clone, Debug)]
pub struct Environment {
    /// `{brokers}`
    pub brokers: String,
    /// `{registry}`, where there is one.
    pub registry: Option<String>,
    /// `{sasl.protocol}`, `{sasl.mechanism}`, and of each service `{sasl.user}` and `{sasl.password}`.
    pub sasl: Option<(Sasl, Params)>,
    /// `{eventproof}`: the program itself, for reference services.
    pub program: PathBuf,
    /// `{data}`: a folder of this run, removed at its end.
    pub data: PathBuf,
    /// Named faults to switch on: (service, fault).
    pub faults: Vec<(String, String)>,
}

/// How a service fares, for reports.
#[derive(Clone, Debug)]
pub struct ServiceState {
    pub name: String,
    /// `ready`, `not started`, `exit status: 101`.
    pub state: String,
    pub starts: u32,
    pub faults: Vec<String>,
    pub last_lines: Vec<String>,
}

/// Running services, with their addresses. Shared by all scenarios of a run.
pub struct System {
    spec: SystemSpec,
    /// Values for placeholders: the run's settings and every service's port and address.
    pub(crate) settings: Params,
    launches: BTreeMap<String, Launch>,
    running: Mutex<BTreeMap<String, Running>>,
    stubs: BTreeMap<String, Stub>,
    pub(crate) stores: Stores,
    logs: BTreeMap<String, Lines>,
    pub(crate) http: reqwest::Client,
    pub(crate) journal: Journal,
    pub(crate) clock: Arc<dyn Clock>,
    faults: Vec<(String, String)>,
}

struct Running {
    process: Process,
    starts: u32,
}

impl System {
    /// Prepares a system: ports are chosen, commands filled in, nothing is started.
    pub fn prepare(
        spec: SystemSpec,
        environment: &Environment,
        journal: Journal,
        clock: Arc<dyn Clock>,
    ) -> Result<System, SystemError> {
        let mut settings = settings(&spec, environment)?;
        let mut stubs = BTreeMap::new();
        for stub in &spec.stubs {
            let started = Stub::start(stub, journal.clone(), clock.clone())?;
            settings.insert(url_of(&stub.name), started.url.clone());
            stubs.insert(stub.name.clone(), started);
        }
        let logs: BTreeMap<String, Lines> =
            spec.services.iter().map(|service| (service.name.clone(), Lines::default())).collect();
        let stores = Stores::start(&spec, &settings, &logs, &journal, &clock)?;
        settings.extend(stores.settings());
        let faulty =
            |service: &&ServiceSpec| service.url.is_some() && faults_of(&environment.faults, service).next().is_some();
        if let Some(service) = spec.services.iter().find(faulty) {
            return Err(SystemError::NotOurs { service: service.name.clone() });
        }
        let launches = spec
            .services
            .iter()
            .filter(|service| service.url.is_none())
            .map(|service| Ok((service.name.clone(), launch(service, &settings, environment)?)))
            .collect::<Result<_, SystemError>>()?;
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            // What is judged is the service's own answer: where it sends its callers is theirs to follow.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SystemError::Machine { what: "an HTTP client".into(), detail: error.to_string() })?;
        Ok(System {
            spec,
            settings,
            launches,
            running: Mutex::default(),
            stubs,
            stores,
            logs,
            http,
            journal,
            clock,
            faults: environment.faults.clone(),
        })
    }

    /// What system.yaml says.
    pub fn spec(&self) -> &SystemSpec {
        &self.spec
    }

    /// Starts every service that does not start later, all at once: they must start and serve without each other.
    pub async fn start_all(&self) -> Result<(), SystemError> {
        let at_once = self.spec.services.iter().filter(|service| !service.later);
        let names: Vec<_> = at_once.map(|service| service.name.as_str()).collect();
        futures::future::try_join_all(names.into_iter().map(|name| self.start(name))).await.map(|_| ())
    }

    /// Starts a service (again) and waits until it is ready.
    pub async fn start(&self, service: &str) -> Result<(), SystemError> {
        if !self.runs_already(service) {
            let launch = self.launches.get(service).ok_or_else(|| self.unknown_service(service))?;
            let mut running = self.running.lock().await;
            let starts = running.get(service).map_or(0, |before| before.starts) + 1;
            let lines = self.logs.get(service).cloned().unwrap_or_default();
            if starts > 1 {
                lines.push(&format!("--- start {starts} of {service}"));
            }
            let process = Process::start(launch, lines, self.journal.clone(), self.clock.clone())?;
            running.insert(service.to_owned(), Running { process, starts });
        }
        if let Some(ready) = self.spec.service(service).and_then(|spec| spec.ready.clone()) {
            self.await_ready(service, &ready).await?;
        }
        self.journal.push(Observation::Ready { service: service.into(), at: self.clock.now() });
        Ok(())
    }

    async fn await_ready(&self, service: &str, ready: &ReadySpec) -> Result<(), SystemError> {
        let address = format!("{}{}", self.settings.get(&url_of(service)).cloned().unwrap_or_default(), ready.http);
        let deadline = self.clock.now() + ready.within;
        loop {
            let detail = match self.http.get(&address).timeout(Duration::from_secs(2)).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => format!("GET {address} answered {}", answer.status()),
                Err(error) => format!("GET {address}: {error}"),
            };
            let (ended, last_lines) = self.end_of(service).await;
            if let Some(status) = ended {
                let before = "it was ready".to_owned();
                return Err(SystemError::DiedEarly { service: service.into(), before, status, last_lines });
            }
            if self.clock.now() >= deadline {
                let (service, within) = (service.into(), ready.within);
                return Err(SystemError::NotReady { service, within, detail, last_lines });
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    async fn end_of(&self, service: &str) -> (Option<String>, Vec<String>) {
        let running = self.running.lock().await;
        running.get(service).map_or((None, Vec::new()), |one| (one.process.ended(), one.process.lines.last(12)))
    }

    /// The next calls of a stub that fit are answered otherwise, so many times. Returns the number by which that is ended.
    ///
    /// # Errors
    /// If there is no such stub.
    pub fn fail_stub(&self, stub: &str, failing: Failing) -> Result<u64, SystemError> {
        let found = self.stubs.get(stub).ok_or_else(|| SystemError::Unknown {
            kind: "stub",
            name: stub.to_owned(),
            known: self.spec.stubs.iter().map(|stub| stub.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        Ok(found.fail(failing))
    }

    /// Ends what is left of a stub's failing answers, by the number that `fail_stub` gave.
    pub fn mend_stub(&self, stub: &str, number: u64) {
        if let Some(found) = self.stubs.get(stub) {
            found.mend(number);
        }
    }

    /// How many lines every service has printed so far.
    pub fn log_positions(&self) -> BTreeMap<String, u64> {
        self.logs.iter().map(|(service, lines)| (service.clone(), lines.count())).collect()
    }

    /// The last `most` lines that a service printed after a position.
    pub fn lines_since(&self, service: &str, after: u64, most: usize) -> Vec<String> {
        self.logs.get(service).map(|lines| lines.since(after, most)).unwrap_or_default()
    }

    /// Whether a service printed more after a position than is kept.
    pub fn forgot_lines(&self, service: &str, after: u64) -> bool {
        self.logs.get(service).is_some_and(|lines| lines.forgot(after))
    }

    /// The first line with this text that a service printed after a position.
    pub fn logged(&self, service: &str, after: u64, text: &str) -> Option<String> {
        self.logs.get(service)?.find(after, text)
    }

    /// Whether a service is none of our processes.
    pub fn runs_already(&self, service: &str) -> bool {
        self.spec.service(service).is_some_and(|spec| spec.url.is_some())
    }

    /// SIGKILL, and wait for the end.
    pub async fn kill(&self, service: &str) -> Result<(), SystemError> {
        let running = self.running.lock().await;
        running.get(service).ok_or_else(|| self.unknown_service(service))?.process.kill().await;
        Ok(())
    }

    /// SIGTERM, and wait for the end.
    pub async fn stop(&self, service: &str) -> Result<(), SystemError> {
        let running = self.running.lock().await;
        running.get(service).ok_or_else(|| self.unknown_service(service))?.process.terminate().await;
        Ok(())
    }

    /// SIGSTOP or SIGCONT.
    pub async fn pause(&self, service: &str, paused: bool) -> Result<(), SystemError> {
        let running = self.running.lock().await;
        let process = &running.get(service).ok_or_else(|| self.unknown_service(service))?.process;
        if process.pause(paused) {
            let (service, at) = (service.into(), self.clock.now());
            self.journal.push(match paused {
                true => Observation::Paused { service, at },
                false => Observation::WentOn { service, at },
            });
        }
        Ok(())
    }

    /// Whether the service runs now.
    pub async fn is_running(&self, service: &str) -> bool {
        let running = self.running.lock().await;
        self.runs_already(service) || running.get(service).is_some_and(|one| one.process.ended().is_none())
    }

    /// Ends everything, gracefully where a service lets us, all at once.
    pub async fn stop_all(&self) {
        let running = self.running.lock().await;
        futures::future::join_all(running.values().map(|one| one.process.terminate())).await;
    }

    /// How every service fares.
    pub async fn states(&self) -> Vec<ServiceState> {
        let running = self.running.lock().await;
        let state = |service: &ServiceSpec| {
            let one = running.get(&service.name);
            let ended = one.and_then(|one| one.process.ended());
            ServiceState {
                name: service.name.clone(),
                state: match one {
                    // Whether it still does is its owner's to know.
                    None if service.url.is_some() => "running".to_owned(),
                    // Nobody asked for it, or whoever did is done with it.
                    _ if service.later && (one.is_none() || ended.is_some()) => LATER.to_owned(),
                    None => "not started".to_owned(),
                    Some(_) => ended.unwrap_or_else(|| "running".to_owned()),
                },
                starts: one.map_or(0, |one| one.starts),
                faults: faults_of(&self.faults, service).map(str::to_owned).collect(),
                last_lines: one.map(|one| one.process.lines.last(30)).unwrap_or_default(),
            }
        };
        self.spec.services.iter().map(state).collect()
    }

    fn unknown_service(&self, name: &str) -> SystemError {
        if self.runs_already(name) {
            return SystemError::NotOurs { service: name.to_owned() };
        }
        let known: Vec<_> = self.spec.services.iter().map(|service| service.name.as_str()).collect();
        SystemError::Unknown { kind: "service", name: name.to_owned(), known: known.join(", ") }
    }
}

fn url_of(service: &str) -> String {
    format!("{service}.url")
}

fn settings(spec: &SystemSpec, environment: &Environment) -> Result<Params, SystemError> {
    let mut settings = Params::from([
        ("brokers".to_owned(), environment.brokers.clone()),
        ("eventproof".to_owned(), environment.program.display().to_string()),
        ("data".to_owned(), environment.data.display().to_string()),
    ]);
    settings.extend(environment.registry.clone().map(|url| ("registry".to_owned(), url)));
    // All ports are held until all are chosen, so that no two services get the same.
    let mut held = Vec::new();
    for service in &spec.services {
        if let Some(url) = &service.url {
            settings.insert(url_of(&service.name), url.clone());
            continue;
        }
        let listener = lasting_listener(Ipv4Addr::LOCALHOST.into()).map_err(no_port)?;
        let port = listener.local_addr().map_err(no_port)?.port();
        settings.insert(format!("{}.port", service.name), port.to_string());
        settings.insert(url_of(&service.name), format!("http://127.0.0.1:{port}"));
        held.push(listener);
    }
    Ok(settings)
}

fn no_port(error: std::io::Error) -> SystemError {
    SystemError::Machine { what: "a free port on 127.0.0.1".into(), detail: error.to_string() }
}

/// The faults of a service, and of the one of which it is another instance.
fn faults_of<'a>(faults: &'a [(String, String)], service: &'a ServiceSpec) -> impl Iterator<Item = &'a str> {
    let is_its = move |of: &String| *of == service.name || service.like.as_ref() == Some(of);
    faults.iter().filter(move |(of, _)| is_its(of)).map(|(_, fault)| fault.as_str())
}

fn launch(service: &ServiceSpec, settings: &Params, environment: &Environment) -> Result<Launch, SystemError> {
    let mut own = settings.clone();
    if let Some((sasl, common)) = &environment.sasl {
        own.extend(common.clone());
        own.extend(crate::sasl::of_service(sasl, &service.name));
    }
    for (short, long) in [("port", format!("{}.port", service.name)), ("url", url_of(&service.name))] {
        if let Some(value) = settings.get(&long) {
            own.insert(short.to_owned(), value.clone());
        }
    }
    let mut command = service.command.iter().map(|part| fill(part, &own)).collect::<Result<Vec<_>, _>>()?;
    let env = service.env.iter().map(|(name, value)| Ok((name.clone(), fill(value, &own)?)));
    let mut env = env.collect::<Result<BTreeMap<String, String>, SystemError>>()?;
    let faults: Vec<&str> = faults_of(&environment.faults, service).collect();
    match (&service.fault_switch, faults.first()) {
        // Not as eventproof's own environment has it: a healthy service is told of no fault.
        (Some(FaultSwitch::Variable(name)), _) => drop(env.insert(name.clone(), faults.join(","))),
        (_, None) => {}
        (Some(FaultSwitch::Flag(flag)), _) => {
            command.extend(faults.iter().flat_map(|fault| [flag.clone(), (*fault).to_owned()]));
        }
        (None, Some(fault)) => {
            let why = "declares neither `fault_flag` nor `fault_env` in system.yaml";
            let known = format!("none: service \"{}\" {why}", service.name);
            return Err(SystemError::Unknown { kind: "fault", name: (*fault).to_owned(), known });
        }
    }
    let counts_for = service.like.as_deref().unwrap_or(&service.name).into();
    let attempts = service.attempts.clone().map(|pattern| (counts_for, pattern));
    let env = env.into_iter().collect();
    let (name, like) = (service.name.as_str().into(), service.like.as_deref().map(Into::into));
    Ok(Launch { service: name, like, command, env, attempts })
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::RunClock;

    use super::*;

    fn two_instances() -> (System, Journal) {
        let feed = |name: &str, like: Option<&str>| ServiceSpec {
            name: name.into(),
            command: vec!["sleep".into(), "60".into()],
            like: like.map(str::to_owned),
            ..ServiceSpec::default()
        };
        let services = vec![feed("feed", None), feed("feed-two", Some("feed"))];
        let spec = SystemSpec { services, ..SystemSpec::default() };
        let journal = Journal::default();
        (System::prepare(spec, &Environment::default(), journal.clone(), Arc::new(RunClock::start())).unwrap(), journal)
    }

    fn told(journal: &Journal) -> Vec<String> {
        let line = |observation: &Observation| match observation {
            Observation::Started { service, like, .. } => Some(format!("{service} started, like {like:?}")),
            Observation::Ending { service, .. } => Some(format!("{service} is to end")),
            Observation::Died { service, status, by_us, .. } => {
                Some(format!("{service} ended ({status}), by us: {by_us}"))
            }
            Observation::Paused { service, .. } => Some(format!("{service} paused")),
            Observation::WentOn { service, .. } => Some(format!("{service} went on")),
            _ => None,
        };
        journal.since(0).iter().filter_map(|one| line(one)).collect()
    }

    #[tokio::test]
    async fn what_is_done_to_a_service_is_told_when_it_is_done() {
        let (system, journal) = two_instances();
        system.start("feed").await.unwrap();
        system.start("feed-two").await.unwrap();
        system.pause("feed-two", true).await.unwrap();
        system.pause("feed-two", false).await.unwrap();
        system.stop("feed-two").await.unwrap();
        // Nothing is left to be paused.
        system.pause("feed-two", true).await.unwrap();
        system.kill("feed").await.unwrap();
        assert_eq!(
            told(&journal),
            [
                "feed started, like None",
                "feed-two started, like Some(\"feed\")",
                "feed-two paused",
                "feed-two went on",
                "feed-two is to end",
                "feed-two ended (signal: 15 (SIGTERM)), by us: true",
                "feed is to end",
                "feed ended (signal: 9 (SIGKILL)), by us: true",
            ]
        );
    }
}
