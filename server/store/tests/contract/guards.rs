//! Promises about noticing that somebody has taken the guards away.

use crate::{
    audit::entry,
    fixture::{Fixture, at},
};
use switchback_domain::GuardFault;
use switchback_store::{Author, RepairError, repair_guards};

async fn found(fixture: &Fixture) -> Vec<(String, GuardFault)> {
    let broken = fixture.store.broken_guards().await.unwrap();
    broken.into_iter().map(|broken| (broken.guard, broken.fault)).collect()
}

pub async fn a_guard_that_was_taken_away_switched_off_or_changed_is_noticed(fixture: Fixture) {
    assert_eq!(found(&fixture).await, [], "nobody has touched it");
    let named = |guard: &str, fault| (guard.to_owned(), fault);
    if fixture.url.starts_with("sqlite:") {
        fixture.tamper("DROP TRIGGER audit_refuses_delete").await.unwrap();
        assert_eq!(found(&fixture).await, [named("audit.audit_refuses_delete", GuardFault::Missing)]);
        // Another one of the same name, which lets everything pass.
        fixture.tamper("CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit BEGIN SELECT 1; END").await.unwrap();
        assert_eq!(found(&fixture).await, [named("audit.audit_refuses_delete", GuardFault::Changed)]);
        // One that swallows what is written.
        fixture
            .tamper("CREATE TRIGGER quiet BEFORE INSERT ON audit WHEN NEW.actor = 'mallory' BEGIN SELECT RAISE(IGNORE); END")
            .await
            .unwrap();
        let both = [named("audit.audit_refuses_delete", GuardFault::Changed), named("audit.quiet", GuardFault::Foreign)];
        assert_eq!(found(&fixture).await, both);
    } else {
        fixture.tamper("DROP TRIGGER journal_refuses_gaps ON journal").await.unwrap();
        assert_eq!(found(&fixture).await, [named("journal.journal_refuses_gaps", GuardFault::Missing)]);
        for less in ["DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER"] {
            fixture.tamper(&format!("ALTER TABLE audit {less} audit_refuses_change")).await.unwrap();
            let both =
                [named("audit.audit_refuses_change", GuardFault::Disabled), named("journal.journal_refuses_gaps", GuardFault::Missing)];
            assert_eq!(found(&fixture).await, both, "{less}");
        }
        let open = "CREATE OR REPLACE FUNCTION evidence_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$";
        fixture.tamper(&format!("ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_refuses_change; {open}")).await.unwrap();
        fixture.tamper("CREATE RULE quiet AS ON DELETE TO operations DO INSTEAD NOTHING").await.unwrap();
        let all = [
            named("evidence.evidence_refuses_change", GuardFault::Changed),
            named("evidence.evidence_refuses_truncate", GuardFault::Changed),
            named("journal.journal_refuses_gaps", GuardFault::Missing),
            named("operations.quiet", GuardFault::Foreign),
        ];
        assert_eq!(found(&fixture).await, all);
    }
    // It is an alarm and no end: the store goes on.
    fixture.store.append(&entry(1)).await.unwrap();
    fixture.store.write_check(at(1)).await.unwrap();
}

pub async fn a_check_by_writing_changes_one_row(fixture: Fixture) {
    for second in 0..20 {
        fixture.store.write_check(at(second * 1_000)).await.unwrap();
    }
    assert_eq!(fixture.store.entries(9).await.unwrap(), []);
    fixture.tamper("DELETE FROM write_check").await.unwrap();
    fixture.store.write_check(at(1)).await.expect_err("nothing was written");
}

pub async fn guards_that_were_taken_away_or_weakened_are_put_back(fixture: Fixture) {
    let owner = fixture.owner.clone().unwrap_or_else(|| fixture.url.clone());
    let by = Author { user: "ada".to_owned(), reason: "somebody was here".to_owned() };
    fixture.store.append(&entry(1)).await.unwrap();
    assert_eq!(repair_guards(&owner, at(2), &by).await.unwrap(), [], "there is nothing to do");
    assert_eq!(fixture.store.entries(9).await.unwrap().len(), 1, "and nothing to write down");
    let (faults, change) = if fixture.url.starts_with("sqlite:") {
        for sql in [
            "DROP TRIGGER audit_refuses_delete",
            "DROP TRIGGER audit_refuses_update",
            "CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit BEGIN SELECT 1; END",
            "CREATE TRIGGER \"qui\"\"et\" BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END",
        ] {
            fixture.tamper(sql).await.unwrap();
        }
        (vec![GuardFault::Missing, GuardFault::Changed, GuardFault::Foreign], "DELETE FROM audit")
    } else {
        for sql in [
            "DROP TRIGGER audit_refuses_change ON audit",
            "ALTER TABLE audit DISABLE TRIGGER audit_refuses_truncate",
            "CREATE OR REPLACE FUNCTION journal_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$",
            "CREATE RULE \"qui\"\"et\" AS ON INSERT TO audit DO INSTEAD NOTHING",
            "ALTER TABLE evidence ENABLE ROW LEVEL SECURITY",
            "CREATE TRIGGER more BEFORE INSERT ON operations FOR EACH ROW EXECUTE FUNCTION journal_refuses_change()",
        ] {
            fixture.tamper(sql).await.unwrap();
        }
        let (missing, disabled, changed, foreign) = (GuardFault::Missing, GuardFault::Disabled, GuardFault::Changed, GuardFault::Foreign);
        (vec![missing, disabled, foreign, foreign, changed, changed, foreign], "DELETE FROM audit")
    };
    if fixture.owner.is_some() {
        // The console's own user may not.
        let refused = repair_guards(&fixture.url, at(3), &by).await.unwrap_err();
        assert!(matches!(refused, RepairError::NotOwner(_)), "{refused:?}");
        assert!(refused.to_string().contains("--url-file"), "{refused}");
    }
    let repaired = repair_guards(&owner, at(4), &by).await.unwrap();
    assert_eq!(repaired.iter().map(|broken| broken.fault).collect::<Vec<_>>(), faults, "{repaired:?}");
    assert_eq!(found(&fixture).await, []);
    fixture.tamper(change).await.expect_err("the history is append-only again");
    // The console goes on as before, and the line that says so is really there.
    fixture.store.append(&entry(5)).await.unwrap();
    let entries = fixture.store.entries(9).await.unwrap();
    let done =
        entries.iter().find(|entry| (entry.deed().as_code(), entry.outcome().as_code()) == ("store_guards_repaired", "done")).unwrap();
    assert_eq!((&done.detail["user"], &done.detail["why"]), (&"ada".into(), &"somebody was here".into()));
    assert_eq!(done.detail["broken"].as_array().map(Vec::len), Some(faults.len()));
}
