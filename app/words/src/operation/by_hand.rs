//! What somebody has to do by hand.

use crate::{Locale, say, sentences};
use switchback_domain::operation::{Instruction, Task};

/// What is to be done, and where. Its command stands below.
pub fn instruction(lang: Locale, instruction: &Instruction) -> String {
    let on = instruction.on.clone().unwrap_or_else(|| say!(lang, operations.by_hand.anywhere));
    match instruction.task {
        Task::StopPatroni => say!(lang, operations.by_hand.stop_patroni, on = on),
        Task::EmptyData if instruction.command.is_none() => say!(lang, operations.by_hand.empty_data_where, on = on),
        Task::EmptyData => say!(lang, operations.by_hand.empty_data, on = on),
        Task::ForgetCluster => say!(lang, operations.by_hand.forget_cluster, on = on),
        Task::EmptyArchive => say!(lang, operations.by_hand.empty_archive),
        Task::SetAside => say!(lang, operations.by_hand.set_aside),
        Task::CopyTables | Task::CopyData if instruction.command.is_none() => {
            let what = match instruction.task {
                Task::CopyTables => say!(lang, operations.by_hand.copy_tables, on = on),
                _ => say!(lang, operations.by_hand.copy_data, on = on),
            };
            sentences(lang, &[what, say!(lang, operations.by_hand.data_where)])
        }
        Task::CopyTables => say!(lang, operations.by_hand.copy_tables, on = on),
        Task::CopyData => say!(lang, operations.by_hand.copy_data, on = on),
        Task::StartSilent => say!(lang, operations.by_hand.start_silent, on = on),
        Task::SaveAgain => say!(lang, operations.by_hand.save_again),
        Task::GiveUp => say!(lang, operations.by_hand.give_up),
        Task::Confirm => say!(lang, operations.by_hand.confirm),
        Task::Retry => say!(lang, operations.by_hand.retry),
        Task::StartFirst => say!(lang, operations.by_hand.start_first, on = on),
        Task::StartNext => say!(lang, operations.by_hand.start_next, on = on),
    }
}
