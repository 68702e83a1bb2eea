//! Reads what Criterion has written.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

use serde_json::Value;

/// A measured function.
pub struct Estimate {
    pub group: String,
    pub function: String,
    pub median_seconds: f64,
    /// Ends of the confidence interval of the median.
    pub interval_seconds: (f64, f64),
    /// Things that a call handles, where the bench says so: images, or floating-point operations of `products`.
    pub elements: Option<f64>,
}

/// All that this build has measured, by group and function. Older figures, of other code, are left out: their files are
/// older than the running program.
pub fn of_this_build() -> Vec<Estimate> {
    let program = env::current_exe().expect("a running program has a path");
    let built = fs::metadata(&program).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut found = Vec::new();
    collect(&criterion_folder(&program), built, &mut found);
    found.sort_by(|a, b| (&a.group, &a.function).cmp(&(&b.group, &b.function)));
    found
}

/// Where Criterion writes; the program is `TARGET/release/deps/NAME`.
fn criterion_folder(program: &Path) -> PathBuf {
    env::var_os("CRITERION_HOME")
        .map_or_else(|| program.ancestors().nth(3).expect("cargo's folders").join("criterion"), PathBuf::from)
}

fn collect(folder: &Path, built: SystemTime, found: &mut Vec<Estimate>) {
    found.extend(read(&folder.join("new"), built));
    let below = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    below.filter(|path| path.is_dir()).for_each(|path| collect(&path, built, found));
}

fn read(folder: &Path, built: SystemTime) -> Option<Estimate> {
    let path = folder.join("estimates.json");
    if fs::metadata(&path).ok()?.modified().ok()? < built {
        return None;
    }
    let json = |path: &Path| -> Option<Value> { serde_json::from_slice(&fs::read(path).ok()?).ok() };
    let (about, estimates) = (json(&folder.join("benchmark.json"))?, json(&path)?);
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    let seconds = |value: &Value| value.as_f64().map(|nanoseconds| nanoseconds * 1e-9);
    Some(Estimate {
        group: about["group_id"].as_str()?.to_owned(),
        function: about["function_id"].as_str()?.to_owned(),
        median_seconds: seconds(&median["point_estimate"])?,
        interval_seconds: (seconds(&interval["lower_bound"])?, seconds(&interval["upper_bound"])?),
        elements: about["throughput"]["Elements"].as_f64(),
    })
}
