//! `trueup migrate` on real servers, as a user runs it.

mod faults;
mod guarded;
mod import;
mod in_the_way;
mod kills;
mod lifecycle;
mod lint;
mod named;
mod trial;
mod whole;

use crate::support::{Database, Project};

/// A folder with migrations, and the database that they are for.
struct Site {
    database: Database,
    project: Project,
}

impl Site {
    fn new(server: &str, files: &[(&str, &str)]) -> Self {
        let database = Database::new(server);
        let mut project = Project::new(database.name(), &[]);
        project.set("DATABASE_URL", &database.url());
        project.set("TRUEUP_SCRATCH", server);
        let site = Self { database, project };
        for (path, text) in files {
            site.write(path, text);
        }
        site
    }

    /// Writes a migration file.
    fn write(&self, path: &str, text: &str) {
        self.project.write(&format!("migrations/{path}"), text);
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.project.path(&format!("migrations/{path}"))).unwrap();
    }

    /// Runs `trueup migrate …`, which must end with an exit code; returns standard output and standard error.
    fn run(&self, arguments: &str, code: i32) -> (String, String) {
        let output = self.project.run(&format!("migrate {arguments}"));
        let err = output.err.clone();
        (output.expect(code), err)
    }

    /// Returns the ledger: version, status, batch, done.
    fn ledger(&self) -> Vec<String> {
        let rows = self.database.rows(
            "SELECT format('%s %s %s %s/%s', version, status, batch, done, statements) FROM trueup.migration ORDER BY id",
        );
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Returns the tables of the database.
    fn tables(&self) -> String {
        self.database.text(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        )
    }
}
