//! What the system says of this process.

/// User and system time, seconds.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// Writes asked of the system so far.
pub(crate) fn writes() -> u64 {
    field("/proc/self/io", "syscw:")
}

/// The most memory that was resident, in MB.
pub(crate) fn resident_mb_max() -> f64 {
    field("/proc/self/status", "VmHWM:") as f64 * 1024.0 / 1e6
}

fn field(path: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
