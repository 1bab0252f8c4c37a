//! Promises about noticing that somebody has taken the guards away.

use crate::{
    audit::entry,
    fixture::{Fixture, at},
};
use switchback_domain::GuardFault;

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
