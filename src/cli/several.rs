//! Several environments at the same time: one result each, in the order of their names.

use std::path::{Path, PathBuf};

use super::place::{Place, Places};
use super::terminal;
use crate::error::{Error, Result};

/// Does something for each environment, all at the same time; what fails for one keeps the others from nothing.
pub(super) fn each<T: Send>(places: Places, work: impl Fn(&Place) -> Result<T> + Sync) -> Vec<(String, Result<T>)> {
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = places
            .into_iter()
            .map(|(name, place)| (name, scope.spawn(move || work(&place?))))
            .collect();
        let ended = running.into_iter().map(|(name, thread)| {
            let done = thread.join();
            (
                name,
                done.unwrap_or_else(|_| Err(Error::internal("the work for an environment panicked"))),
            )
        });
        ended.collect()
    })
}

/// Returns the file of one environment: `plan.json` becomes `plan.production.json`.
pub(super) fn own_file(path: &Path, name: &str) -> PathBuf {
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(plain).collect();
    match path.extension() {
        Some(ending) => path.with_extension(format!("{name}.{}", ending.to_string_lossy())),
        None => path.with_extension(name),
    }
}

/// Reports what failed, under the name of its environment.
pub(super) fn complain<T>(results: &[(String, Result<T>)]) {
    for (name, result) in results {
        if let Err(error) = result {
            terminal::error(&error.clone().context(format!("environment `{name}`")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_by_environment() {
        let own = |path: &str, name: &str| own_file(Path::new(path), name).display().to_string();
        assert_eq!(own("out/plan.json", "production"), "out/plan.production.json");
        assert_eq!(own("plan", "eu/1"), "plan.eu_1");
    }
}
