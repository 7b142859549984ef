//! The whole loop through the built program: the tour of `README.md`, step by step, on every server.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use trueup::kinds::AnyObject;

use crate::support::{Database, Output, binaries, pg_dump, servers, trueup_with};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// Returns what stands between two markers.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

struct Tour {
    database: Database,
    folder: PathBuf,
    major: i32,
}

impl Tour {
    fn new(major: i32, server: &str) -> Self {
        let readme = readme();
        let before = between(&readme, "psql shop -c '", "'\n");
        let database = Database::with(server, before);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tour-{}", database.name()));
        fs::create_dir_all(folder.join("schema")).unwrap();
        let declared = between(&readme, "cat > schema/shop.sql <<'SQL'\n", "SQL\n");
        fs::write(folder.join("schema/shop.sql"), declared).unwrap();
        Self {
            database,
            folder,
            major,
        }
    }

    fn run(&self, arguments: &str) -> Output {
        let url = self.database.url();
        let mut variables = vec![("DATABASE_URL", url.as_str())];
        let binaries = binaries(self.major).map(|folder| folder.display().to_string());
        variables.extend(binaries.as_deref().map(|folder| ("TRUEUP_PG_BIN", folder)));
        trueup_with(&self.folder, &variables, arguments.split(' '))
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns all objects but for the places of columns: one that changed in stages stands at the end of its table.
fn significant(database: &Database) -> Vec<AnyObject> {
    let objects = database.catalog().objects.into_values();
    objects.map(AnyObject::significant).collect()
}

#[test]
fn the_tour_works_on_every_server() {
    for (major, server) in servers() {
        let tour = Tour::new(major, &server);
        let before = (pg_dump(&tour.database.url()), significant(&tour.database));
        tour.run("plan --exit-code --out plan.json").expect(2);
        tour.run("plan --format sql").expect(0);
        assert_eq!(tour.run("apply plan.json").code, 3, "a finding needs approval");
        tour.run("apply plan.json --approve critical").expect(0);
        tour.run("plan --exit-code").expect(0);
        tour.run("rollback --approve critical --yes").expect(0);
        tour.run("plan --exit-code").expect(2);
        tour.database.execute("DROP SCHEMA trueup CASCADE");
        let after = (pg_dump(&tour.database.url()), significant(&tour.database));
        assert_eq!(after, before, "PostgreSQL {major}");
    }
}

/// `TRUEUP_BLESS=1` writes the picture anew.
#[test]
fn the_picture_in_the_readme_is_what_plan_prints() {
    // Versions say some things differently; the picture is of one.
    let Some((major, server)) = servers().into_iter().find(|(major, _)| *major == 18) else {
        return;
    };
    let tour = Tour::new(major, &server);
    // The server counts a moment later.
    let counted =
        "SELECT pg_stat_get_tuples_inserted('customers'::regclass) + pg_stat_get_numscans('customers'::regclass) >= 2";
    while !tour
        .database
        .connect()
        .query_one(counted, &[])
        .unwrap()
        .get::<_, bool>(0)
    {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let printed = tour.run("plan").expect(0);
    let printed = printed.replace(tour.database.name(), "shop");
    let readme = readme();
    let (start, end) = ("<!-- generated: `trueup plan` in the tour below -->\n```\n", "\n```\n");
    let picture = between(&readme, start, end);
    if env::var_os("TRUEUP_BLESS").is_some() {
        let new = readme.replace(picture, printed.trim_end());
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), new).unwrap();
    } else {
        assert_eq!(
            picture,
            printed.trim_end(),
            "run with TRUEUP_BLESS=1 and review README.md"
        );
    }
}
