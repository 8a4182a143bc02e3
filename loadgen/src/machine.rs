//! What this process uses of the machine, from the kernel's own account. Zero where there is none.

use std::time::Duration;

use eventproof_evidence::At;

/// What was used from some instant on.
pub(crate) struct Usage {
    since: At,
    cpu_seconds: f64,
    all: Option<Ticks>,
}

/// Time of all processors together, in ticks.
#[derive(Clone, Copy)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Usage {
    /// From now on.
    pub fn begin(now: At) -> Usage {
        Usage { since: now, cpu_seconds: cpu_seconds(), all: ticks() }
    }

    /// Share of one core that this process used.
    pub fn of_one_core(&self, now: At) -> f64 {
        let passed = now.since(self.since).max(Duration::from_millis(1));
        (cpu_seconds() - self.cpu_seconds) / passed.as_secs_f64()
    }

    /// The same and that of all processes, in words.
    pub fn told(&self, now: At) -> String {
        let own = format!("this process used {:.0} % of one core", 100.0 * self.of_one_core(now));
        match self.all.zip(ticks()).filter(|(was, is)| is.all > was.all) {
            Some((was, is)) => {
                let share = 100.0 * is.busy.saturating_sub(was.busy) as f64 / (is.all - was.all) as f64;
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                format!("{own}, and all processes together {share:.0} % of the {cores} there are")
            }
            None => own,
        }
    }
}

fn ticks() -> Option<Ticks> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    of_all(stat.lines().next()?)
}

/// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`; what guests use is in their hosts' time already.
fn of_all(line: &str) -> Option<Ticks> {
    let fields = line.strip_prefix("cpu ")?.split_whitespace().take(8);
    let fields: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
    let all = fields.iter().sum();
    Some(Ticks { busy: all - fields.get(3)? - fields.get(4)?, all })
}

/// Processor time of the whole process so far, in seconds.
pub(crate) fn cpu_seconds() -> f64 {
    // Fields 14 and 15, counted behind the name in brackets, in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory, in megabytes.
pub(crate) fn resident_mb() -> f64 {
    megabytes("VmRSS:")
}

/// The most that it ever was, in megabytes.
pub(crate) fn resident_peak_mb() -> f64 {
    megabytes("VmHWM:")
}

fn megabytes(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_account_is_read_without_idle_time() {
        let ticks = of_all("cpu  100 5 45 800 50 0 0 0 7 7").unwrap();
        assert_eq!((ticks.busy, ticks.all), (150, 1000));
        assert!(of_all("cpu0 1 2 3 4 5 6 7 8").is_none() && of_all("cpu  1 x").is_none());
    }

    #[test]
    fn a_process_that_does_nothing_but_count_uses_most_of_a_core() {
        let (began, usage) = (std::time::Instant::now(), Usage::begin(At::START));
        let (used, mut sum) = (cpu_seconds(), 0_u64);
        while cpu_seconds() - used < 0.2 {
            sum = (0..100_000).fold(sum, |sum, n: u64| sum.rotate_left(3) ^ n);
        }
        std::hint::black_box(sum);
        let share = usage.of_one_core(At::START + began.elapsed());
        let truth = 0.2 / began.elapsed().as_secs_f64();
        assert!(share >= truth * 0.9, "{share} of {truth}");
        assert!(usage.told(At::START + began.elapsed()).starts_with("this process used "));
    }
}
