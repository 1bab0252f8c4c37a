//! What every store promises, on both databases: each promise is a function over [`Fixture`], run against `SQLite` as a
//! test of its own, and against `PostgreSQL` in one test, because that has to start a server first.
//!
//! `PostgreSQL` is started from Debian's package in a temporary folder, on a Unix socket there, and is gone afterwards.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod addresses;
mod audit;
mod backup;
mod evidence;
mod fixture;
mod full_disk;
mod guards;
mod head;
mod history;
mod journal;
mod lease;
mod links;
mod locks;
mod lost_files;
mod older;
mod people;
mod postgres;
mod summaries;
mod together;
mod unreadable;

use fixture::Fixture;
use futures::future::{BoxFuture, FutureExt};

macro_rules! promises {
    ($($topic:ident::$promise:ident),* $(,)?) => {
        /// Every promise with its name.
        const PROMISES: &[(&str, fn(Fixture) -> BoxFuture<'static, ()>)] =
            &[$((stringify!($promise), |fixture| $topic::$promise(fixture).boxed())),*];

        mod sqlite {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let folder = tempfile::tempdir().unwrap();
                    let url = format!("sqlite:{}", folder.path().join("store.db").display());
                    $topic::$promise(Fixture::open(url).await).await;
                }
            )*
        }
    };
}

promises![
    history::points_come_back_in_order_and_gaps_stay_gaps,
    history::points_of_pools_and_figures_are_kept_apart,
    history::coarser_points_equal_what_the_finer_ones_say,
    history::the_same_span_added_twice_is_merged,
    history::extreme_values_survive,
    history::pruning_keeps_exactly_what_the_charts_can_show,
    history::changes_come_newest_first,
    history::pruning_keeps_the_newest_thousand_changes_of_each_pool,
    people::the_set_up_link_works_once_and_only_while_it_is_open,
    people::a_new_set_up_link_replaces_the_old_one,
    people::a_failed_set_up_changes_nothing,
    people::of_many_who_use_the_set_up_link_at_once_one_succeeds,
    people::a_session_is_found_until_it_is_ended,
    people::touching_a_session_never_moves_it_back,
    people::pruning_removes_sessions_that_are_too_old_or_idle,
    people::a_session_needs_a_person_and_a_new_secret,
    people::any_name_survives,
    people::the_first_device_key_stays,
    audit::entries_come_back_whole_and_newest_first,
    audit::nothing_in_the_audit_history_can_be_changed,
    audit::any_text_can_be_written_down,
    audit::an_unknown_result_is_refused,
    audit::a_deed_of_a_newer_program_comes_back_as_it_was_written,
    audit::every_deed_can_be_written_down_with_every_outcome,
    guards::a_guard_that_was_taken_away_switched_off_or_changed_is_noticed,
    guards::a_check_by_writing_changes_one_row,
    guards::guards_that_were_taken_away_or_weakened_are_put_back,
    journal::entries_come_back_whole_and_in_order,
    journal::a_pool_has_one_open_operation_at_most,
    journal::a_lost_lease_writes_nothing,
    journal::an_entry_is_written_once_and_in_turn,
    journal::nothing_in_the_journal_can_be_changed,
    journal::changes_of_the_record_are_one_with_their_entry,
    journal::an_operation_is_opened_only_in_the_epoch_that_it_rests_on,
    journal::an_epoch_never_becomes_an_earlier_one,
    journal::an_epoch_is_never_raised_between_the_look_and_the_opening,
    journal::the_last_end_of_an_operation_is_one_with_its_entry,
    journal::many_operations_are_written_at_once,
    journal::of_many_who_append_the_same_entry_at_once_one_succeeds,
    journal::entries_one_after_the_other,
    evidence::what_is_kept_comes_back_whole_and_listed_by_name,
    evidence::an_operation_that_has_ended_keeps_nothing_more,
    evidence::nothing_that_is_kept_can_be_changed,
    evidence::as_much_as_a_lost_timeline_may_have_is_kept,
    lease::a_lease_is_held_until_it_expires_or_is_given_back,
    lease::another_machine_takes_a_lease_only_when_it_has_watched_it_stand_still,
    lease::a_crash_with_the_clock_far_ahead_bars_nobody,
    lease::what_a_console_of_the_version_before_has_taken_is_not_taken_for_over,
    lease::an_expired_lease_that_nobody_took_still_writes,
    lease::of_many_who_want_a_lease_at_once_one_gets_it,
    lease::a_lease_is_never_taken_between_the_check_and_the_entry,
    lease::what_was_begun_under_a_key_is_remembered_for_a_day,
    lease::a_key_is_remembered_with_the_operation_or_not_at_all,
    lease::of_many_who_begin_something_under_one_key_at_once_one_succeeds,
    summaries::lists_show_what_the_journals_say_and_read_none,
    summaries::what_is_missing_is_worked_out_from_the_journals_at_the_next_start,
    summaries::what_a_console_of_an_older_version_writes_beside_this_one_is_read_from_its_journal,
    summaries::the_newest_operation_that_made_a_site_active_is_found,
    unreadable::an_entry_that_cannot_be_read_is_named_and_the_rest_of_the_store_is_not_touched_by_it,
    unreadable::an_operation_that_cannot_be_read_is_closed_by_the_next_one_or_not_at_all,
    older::a_store_of_an_older_version_with_operations_under_way_is_opened_and_they_go_on,
    together::many_tasks_write_and_read_at_once,
    together::everything_is_there_after_reopening,
    together::the_store_of_the_version_before_is_brought_up_to_date,
    together::the_record_of_the_version_before_is_kept_and_tells_of_no_end,
    together::the_store_of_a_newer_program_is_refused_and_left_alone,
    together::a_migration_that_was_changed_is_noticed,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_keeps_every_promise() {
    let server = postgres::Server::start();
    server.run("CREATE ROLE console LOGIN".into()).await;
    let mut running = Vec::new();
    for (name, promise) in PROMISES {
        let url = server.new_database(name).await;
        // The console's user owns nothing: whatever is promised is kept without that.
        let console = url.replacen("postgres://postgres@", "postgres://console@", 1);
        let kept = tokio::spawn(async move { promise(Fixture::open_as("console", console, url).await).await });
        running.push((*name, kept));
    }
    let mut broken = Vec::new();
    for (name, kept) in running {
        if kept.await.is_err() {
            broken.push(name);
        }
    }
    // What only a server can do to its clients.
    postgres::a_server_that_refuses_writes_fails_them_and_keeps_the_data(&server).await;
    postgres::cut_connections_are_replaced(&server).await;
    postgres::wrong_addresses_say_what_to_do(&server).await;
    postgres::the_console_s_user_can_take_no_guard_away(&server).await;
    head::an_older_dump_that_was_loaded_is_noticed(&server).await;
    assert!(broken.is_empty(), "broken on PostgreSQL, see above: {broken:#?}");
}
