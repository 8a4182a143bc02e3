//! What this process uses of the machine, from the kernel's own account. Zero where there is none.

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
