//! What an environment asks for stands around migrations as it does around plans.

use super::Site;
use crate::support::newest;

const ENVIRONMENT: &str = "environments:
  production:
    url_env: DATABASE_URL
    backup: {when: always, command: 'cp migrations/001_a.sql \"$TRUEUP_BACKUP_FILE\"'}
    hooks:
      pre_apply: [{command: 'cat > before.json'}]
      post_apply: [{command: 'echo applied >> hooks'}]
      on_failure: [{command: 'echo failed >> hooks'}]
    checks:
      sql:
        - {name: a is empty, query: 'SELECT count(*) = 0 FROM public.a'}
";

#[test]
fn backup_hooks_and_checks_stand_around_files() {
    let site = Site::new(&newest(), &[("001_a.sql", "CREATE TABLE public.a (id int);\n")]);
    let write = |text: &str| site.project.write("trueup.yaml", text);
    let up = "up --env production --yes --approve critical --reason release";

    write(&ENVIRONMENT.replace("cat > before.json", "echo closed >&2; exit 1"));
    let (_, refused) = site.run(up, 3);
    assert!(refused.contains("hook pre_apply"), "{refused}");
    assert_eq!(site.tables(), "", "nothing was changed");

    write(ENVIRONMENT);
    let (_, said) = site.run(up, 0);
    assert!(said.contains("backup: backups/"), "{said}");
    assert_eq!(site.project.read("hooks"), "applied\n");
    assert!(site.project.read("before.json").contains("001"));
    let kept = "SELECT concat_ws(' ', environment, reason, backup ->> 'path' IS NOT NULL) FROM trueup.execution
                WHERE status = 'succeeded' ORDER BY id DESC LIMIT 1";
    assert_eq!(site.database.text(kept), "production release t");

    site.write("002_b.sql", "INSERT INTO public.a VALUES (1);\n");
    let (_, wrong) = site.run(up, 5);
    assert!(
        wrong.contains("1 of 2 checks failed") && wrong.contains("a is empty"),
        "{wrong}"
    );
    assert_eq!(site.project.read("hooks"), "applied\nfailed\n");

    write(&ENVIRONMENT.replace("cp migrations/001_a.sql", "false"));
    site.write("003_c.sql", "DELETE FROM public.a;\n");
    let (_, refused) = site.run(up, 3);
    assert!(refused.contains("no backup could be made"), "{refused}");
    site.run(&format!("{up} --skip-backup"), 0);
    let said = "SELECT overrides::text FROM trueup.execution ORDER BY id DESC LIMIT 1";
    assert_eq!(site.database.text(said), "[\"no backup was made\"]");
}
