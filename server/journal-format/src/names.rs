//! Every name that is in a text of the store, in quotes beside the name that the domain has for it at present.
//!
//! **The quoted names are for ever**: they are in the stores of others. When something is renamed in the domain, follow it on the left of
//! the `=` and leave the quotes alone. What is new gets a line here, a field with `#[serde(default)]`. What is taken away from the domain is
//! still read: give its line a type of its own and say in [`Form::read`] what it becomes.

use crate::form::{Form, enums, structs};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchback_domain::{
    ByteLag, EndpointName, Login, Lsn, MemberName, Millis, NodeName, PoolId, Timeline,
    operation::{Epoch, OperationId},
};

/// The domain's own types, which bear the same names.
mod domain {
    pub(super) use switchback_domain::{
        Bound, CheckKind, Finding, LinkKind, LinkState, NodeState, Objection, ProbeFailure, Protection, ProtectionState, Side, SiteRole,
        Verdict, Witness, WitnessKind, history::Changed, operation::*,
    };
}

enums! {
    #[serde(tag = "event")]
    Event {
        Requested = "requested" { request = "request": Box<Request>, by = "by": Login, plan = "plan": Box<Plan> },
        StepBegun = "step_begun" { step = "step": usize },
        StepEnded = "step_ended" { step = "step": usize, facts = "facts": Vec<StepEvidence>, trouble = "trouble": Option<StepFailure> },
        UndoBegun = "undo_begun" { step = "step": usize },
        UndoEnded = "undo_ended" { step = "step": usize, facts = "facts": Vec<StepEvidence>, trouble = "trouble": Option<StepFailure> },
        GaveUp = "gave_up" { why = "why": GivenUp },
        PauseWanted = "pause_wanted" { by = "by": Login },
        Paused = "paused" { by = "by": Login },
        Resumed = "resumed" { by = "by": Login },
        CancelWanted = "cancel_wanted" { by = "by": Login },
        Asked = "asked" { question = "question": Question },
        Answered = "answered" { number = "number": u32, choice = "choice": Choice, by = "by": Login, reason = "reason": String },
        OutageSeen = "outage_seen" { outage = "outage": Outage },
        Finished = "finished" { outcome = "outcome": Outcome },
    }
    #[serde(tag = "because")]
    PlanObjection {
        Situation = "situation" { objection = "objection": Objection },
        OperationRuns = "operation_runs" { operation = "operation": OperationId },
        OperationUnreadable = "operation_unreadable" { operation = "operation": OperationId, entry = "entry": UnreadableEntry },
        CoolingDown = "cooling_down" { until = "until": Timestamp },
        FreezeWindow = "freeze_window" { until = "until": Timestamp, reason = "reason": String },
        NoStandbySection = "no_standby_section" { side = "side": Side },
        OnlyWatched = "only_watched",
        NotConfirmed = "not_confirmed",
        Fenced = "fenced" { side = "side": Side },
        NothingToDo = "nothing_to_do",
        OtherAdvised = "other_advised" { advice = "advice": Advice },
        NoSuchMember = "no_such_member" { member = "member": MemberName },
        TooManyActive = "too_many_active" { would_be = "would_be": u32, most = "most": u32 },
        NotLocal = "not_local" { member = "member": MemberName },
        NobodyLeft = "nobody_left",
    }
    #[serde(tag = "cause")]
    UnreadableCause {
        Newer = "newer" { version = "version": u32 },
        Damaged = "damaged",
        DoesNotFit = "does_not_fit",
    }
    #[serde(tag = "kind")]
    Intent {
        Switchover = "switchover" { to = "to": Side },
        Failover = "failover" { to = "to": Side },
        Reprotect = "reprotect" { side = "side": Side },
        Failback = "failback" { to = "to": Side },
        Resolve = "resolve" { keep = "keep": Side },
        LocalSwitchover = "local_switchover" { side = "side": Side },
        Members = "members" { changes = "changes": Vec<MemberChange> },
    }
    MemberOrder {
        Ready = "ready",
        Drain = "drain",
        Maintenance = "maintenance",
    }
    #[serde(tag = "step")]
    Step {
        Preflight = "preflight",
        Mark = "mark" { side = "side": Side },
        Checkpoint = "warm" { side = "side": Side },
        Drain = "drain" { side = "side": Side, at_most = "at_most": Millis },
        Demote = "demote" { side = "side": Side },
        Prove = "prove" { from = "from": Side, to = "to": Side },
        Assess = "establish" { side = "side": Side },
        Fence = "fence" { side = "side": Side },
        Settle = "settle" { side = "side": Side },
        Promote = "promote" { side = "side": Side },
        Verify = "verify" { side = "side": Side },
        SoleWriter = "sole_writer" { side = "side": Side },
        Reroute = "reroute" { to = "to": Side },
        Inspect = "inspect" { side = "side": Side },
        Save = "save" { side = "side": Side },
        Follow = "follow" { side = "side": Side },
        Reprotect = "reprotect" { side = "side": Side },
        SwitchInSite = "switch_in_site" { side = "side": Side },
        SetMember = "set_member" { change = "change": MemberChange },
    }
    #[serde(tag = "fact")]
    StepEvidence {
        Leader = "leader" { side = "side": Side, node = "node": NodeName, timeline = "timeline": Option<Timeline> },
        Written = "written" { node = "node": NodeName, at = "at": Lsn },
        Marker = "marker" { node = "node": NodeName },
        Checkpoint = "checkpoint" { node = "node": NodeName, took = "took": Millis },
        Stored = "stored" { side = "side": Side, node = "node": NodeName, follows = "follows": bool, already = "already": bool },
        ShutdownReplayed = "shutdown_replayed" { node = "node": NodeName, record = "record": Lsn, end = "end": Lsn, timeline = "timeline": Timeline },
        NoLongerPrimary = "no_longer_primary" { node = "node": NodeName, said = "said": String },
        Answer = "answer" { endpoint = "endpoint": EndpointName, failure = "failure": Option<ProbeFailure> },
        ExpectedLoss = "expected_loss" { bytes = "bytes": Option<ByteLag>, time = "time": Option<Millis>, age = "age": Option<Millis> },
        Fenced = "fenced" { endpoint = "endpoint": EndpointName },
        OrderFailed = "order_failed" { endpoint = "endpoint": EndpointName, order = "order": OrderKind, answer = "answer": OrderFailure },
        FencerTold = "fencer_told" { answer = "answer": FenceAnswer },
        NoOrderTaken = "no_order_taken",
        Attested = "attested" { by = "by": Login, how = "how": String },
        Rest = "rest" { node = "node": NodeName, received = "received": Option<Lsn>, replayed = "replayed": Lsn },
        LastHeartbeat = "last_heartbeat" { node = "node": NodeName, at = "at": Timestamp },
        LastConfirmed = "last_confirmed" { side = "side": Side, at = "at": Timestamp, failing_since = "failing_since": Option<Timestamp>, #[serde(default)] gone_since = "gone_since": Option<Timestamp> },
        Promoted = "promoted" { node = "node": NodeName, from = "from": Option<Timeline>, to = "to": Timeline, at = "at": Option<Lsn> },
        RowsFound = "rows_found" { acknowledged = "acknowledged": u64, found = "found": u64 },
        ClientsWaited = "clients_waited" { outage = "outage": Outage },
        MemberWas = "member_was" { member = "member": MemberName, order = "order": MemberOrder },
        Member = "member" { member = "member": MemberName, order = "order": MemberOrder, sessions = "sessions": u32 },
        Follows = "follows" { node = "node": NodeName, timeline = "timeline": Timeline, replayed = "replayed": Lsn },
        Mirror = "mirror" { node = "node": NodeName },
        FollowedBefore = "followed_before" { side = "side": Side },
        Silent = "silent" { node = "node": NodeName },
        Collided = "collided" { side = "side": Side, timeline = "timeline": Timeline, active_left_at = "active_left_at": Lsn, returning_left_at = "returning_left_at": Lsn },
        HistoriesAgree = "histories_agree" { timeline = "timeline": Option<Timeline> },
        Diverged = "diverged" { side = "side": Side, node = "node": NodeName, timeline = "timeline": Timeline, fork = "fork": Lsn, end = "end": Lsn, rows = "rows": Option<u64> },
        LostWrites = "lost_writes" { node = "node": NodeName, timeline = "timeline": Timeline, fork = "fork": Lsn, end = "end": Lsn, writes = "writes": LostWrites },
        DataDirectory = "data_directory" { node = "node": NodeName, path = "path": String },
        Saved = "saved" { node = "node": NodeName, name = "name": String, rows = "rows": u64, bytes = "bytes": u64, tables = "tables": u64, left_out = "left_out": u64 },
        NothingToSave = "nothing_to_save" { side = "side": Side },
        Elected = "elected" { node = "node": NodeName },
        Witnessed = "witnessed" { side = "side": Side, witness = "witness": Witness },
        Rehearsed = "rehearsed",
        TakenUpAgain = "taken_up_again",
    }
    OrderKind {
        Lead = "lead",
        Follow = "follow",
        Hold = "hold",
        CloseMembers = "close_members",
        SwitchInSite = "switch_in_site",
        TellMember = "tell_member",
    }
    #[serde(tag = "how")]
    OrderFailure {
        Refused = "refused" { said = "said": String },
        NotSent = "not_sent" { failure = "failure": ProbeFailure },
        Unanswered = "unanswered" { failure = "failure": ProbeFailure },
    }
    #[serde(tag = "trouble")]
    StepFailure {
        SituationChanged = "situation_changed" { checks = "checks": Vec<(CheckKind, Verdict)>, findings = "findings": Vec<Finding> },
        OtherEpoch = "other_epoch",
        PatroniTooOld = "patroni_too_old" { members = "members": Vec<(NodeName, String)> },
        NoLeader = "no_leader" { side = "side": Side },
        Endpoint = "endpoint" { endpoint = "endpoint": EndpointName, failure = "failure": ProbeFailure },
        Refused = "refused" { endpoint = "endpoint": EndpointName, said = "said": String },
        TooLate = "too_late" { after = "after": Millis, missing = "missing": Missing },
        NotFenced = "not_fenced" { side = "side": Side, unreached = "unreached": Vec<EndpointName>, #[serde(default, skip_serializing_if = "Option::is_none")] within = "within": Option<Millis> },
        SeenAlive = "seen_alive" { side = "side": Side, witnesses = "witnesses": Vec<Witness> },
        StillWrites = "still_writes" { nodes = "nodes": Vec<NodeName> },
        SplitBrain = "split_brain",
        Collision = "collision" { timeline = "timeline": Timeline, active_left_at = "active_left_at": Lsn, returning_left_at = "returning_left_at": Lsn },
        NotSaved = "not_saved" { side = "side": Side, node = "node": Option<NodeName>, what = "what": Vec<NotSaved> },
        TimelinesGivenUp = "timelines_given_up" { side = "side": Side, timelines = "timelines": Vec<Timeline> },
        RowsMissing = "rows_missing" { acknowledged = "acknowledged": u64, found = "found": u64 },
        Interrupted = "interrupted",
        StoreUnwritable = "store_unwritable",
        Internal = "internal" { incident = "incident": String },
    }
    #[serde(tag = "missing")]
    Missing {
        Answer = "answer",
        ShutdownCheckpoint = "shutdown_checkpoint" { last_record = "last_record": Option<String> },
        Replay = "replay",
        OldPrimaryGone = "old_primary_gone",
        Primary = "primary",
        Write = "write",
        Nodes = "nodes" { nodes = "nodes": Vec<NodeName> },
        Mirror = "mirror",
        Members = "members" { members = "members": Vec<MemberName> },
    }
    Choice {
        Retry = "retry",
        Skip = "skip",
        Undo = "undo",
        Attest = "attest",
        Confirm = "confirm",
        GiveUp = "give_up",
        Abandon = "abandon",
    }
    #[serde(tag = "why")]
    GivenUp {
        Cancelled = "cancelled" { by = "by": Login },
        StepFailed = "step_failed" { step = "step": usize, trouble = "trouble": StepFailure },
    }
    #[serde(tag = "outcome")]
    Outcome {
        Done = "done",
        Undone = "undone" { why = "why": GivenUp, #[serde(default)] stays = "stays": Vec<usize> },
        Abandoned = "abandoned" { by = "by": Login },
        ClosedUnread = "closed_unread" { by = "by": Login },
    }
    #[serde(tag = "left_out")]
    NotSaved {
        Table = "table" { database = "database": String, schema = "schema": String, table = "table": String, #[serde(default)] rows = "rows": u64, why = "why": String },
        Database = "database" { database = "database": String, tables = "tables": u64, #[serde(default)] rows = "rows": u64, why = "why": String },
        Deleted = "deleted" { database = "database": String, schema = "schema": String, table = "table": String, rows = "rows": u64 },
        Long = "long" { database = "database": String, schema = "schema": String, table = "table": String, rows = "rows": u64 },
        Gone = "gone" { database = "database": String, file = "file": u32, #[serde(default)] rows = "rows": u64 },
        Definitions = "definitions" { database = "database": String, transactions = "transactions": u64 },
        LargeObjects = "large_objects" { database = "database": String, rows = "rows": u64 },
        Sequence = "sequence" { database = "database": String, schema = "schema": String, sequence = "sequence": String, why = "why": String },
        Messages = "messages" { messages = "messages": u64 },
        Prepared = "prepared" { transactions = "transactions": u64 },
        Unknown = "unknown" { transactions = "transactions": u64 },
        Log = "log" { from = "from": Lsn, to = "to": Lsn },
        Before = "before" { at = "at": Lsn },
        Limit = "limit" { reached = "reached": String },
        Silent = "silent" { node = "node": NodeName },
        More = "more" { things = "things": u64 },
    }
    #[serde(tag = "reason")]
    Because {
        OtherFenced = "other_fenced" { #[serde(default)] operation = "operation": Option<OperationId> },
        MadeActive = "made_active" { operation = "operation": OperationId },
        ActiveBefore = "active_before",
        LaterTimeline = "later_timeline",
    }
    CheckKind {
        OneDatabase = "one_database",
        OnePrimary = "one_primary",
        LeadersKnown = "leaders_known",
        SameTimeline = "same_timeline",
        BackupHears = "backup_hears",
        LossWithinPolicy = "loss_within_policy",
        CrossSiteSlot = "cross_site_slot",
        MirrorInStep = "mirror_in_step",
        BackupMirrorFollows = "backup_mirror_follows",
        ArchiveShips = "archive_ships",
        NotPaused = "not_paused",
        NoPendingRestart = "no_pending_restart",
        NothingScheduled = "nothing_scheduled",
        UniqueNames = "unique_names",
        SameVersion = "same_version",
        SettingsFit = "settings_fit",
        ClocksAgree = "clocks_agree",
        StandbyMembers = "standby_members",
        EtcdHealthy = "etcd_healthy",
        GuardInstalled = "guard_installed",
        DemotesCleanly = "demotes_cleanly",
        RoleRights = "role_rights",
        EndpointsVerified = "endpoints_verified",
        RowsReadable = "rows_readable",
    }
    Verdict {
        Fail = "fail",
        Unknown = "unknown",
        Warn = "warn",
        Pass = "pass",
    }
    Objection {
        SplitBrain = "split_brain",
        Collision = "collision",
        ActiveSiteUnknown = "active_site_unknown",
        CheckFails = "check_fails" { check = "check": CheckKind, verdict = "verdict": Verdict },
        PatroniTooOld = "patroni_too_old" { node = "node": NodeName, version = "version": String },
        TargetSilent = "target_silent" { side = "side": Side },
        NothingToPromote = "nothing_to_promote" { side = "side": Side },
        ActiveSiteAnswers = "active_site_answers" { side = "side": Side },
        SeenAlive = "seen_alive" { side = "side": Side, witnesses = "witnesses": Vec<Witness>, #[serde(default, skip_serializing_if = "std::ops::Not::not")] out_of_sight = "out_of_sight": bool },
        OtherMayElect = "other_may_elect" { side = "side": Side },
        OtherIsFurther = "other_is_further" { side = "side": Side, bytes = "bytes": Option<ByteLag> },
        AlreadyHome = "already_home" { side = "side": Side },
        HomeDoesNotFollow = "home_does_not_follow" { side = "side": Side },
    }
    ProtectionState {
        Protected = "protected",
        NoReading = "no_reading",
        AtRisk = "at_risk",
        Unprotected = "unprotected",
        #[serde(alias = "site_lost")] SiteSilent = "site_silent",
        SplitBrain = "split_brain",
    }
    Bound {
        About = "about",
        AtLeast = "at_least",
        Was = "was",
        NotKnown = "not_known",
    }
    LinkKind {
        Mirror = "mirror",
        CrossSite = "cross_site",
        Cascade = "cascade",
        Archive = "archive",
    }
    LinkState {
        Streaming = "streaming",
        Synchronous = "synchronous",
        CatchingUp = "catching_up",
        Shipping = "shipping",
        Failing = "failing",
        Broken = "broken",
        Off = "off",
        Unknown = "unknown",
    }
    NodeState {
        AcceptingWrites = "accepting_writes",
        InStep = "in_step",
        Replaying = "replaying",
        FromArchive = "from_archive",
        WaitingForLog = "waiting_for_log",
        ReplayPaused = "replay_paused",
        InTransition = "in_transition",
        Stopped = "stopped",
        NoAnswer = "no_answer",
        Unknown = "unknown",
    }
    SiteRole {
        Active = "active",
        Standby = "standby",
        ClaimsActive = "claims_active",
        Fenced = "fenced",
        #[serde(alias = "lost")] Silent = "silent",
        OutOfSight = "out_of_sight",
        Unknown = "unknown",
    }
    WitnessKind {
        LogStream = "log_stream",
        LogReplies = "log_replies",
        LeaderKey = "leader_key",
        ProxyCheck = "proxy_check",
        DatabaseRefuses = "database_refuses",
    }
    Finding {
        SplitBrain = "split_brain" { nodes = "nodes": Vec<NodeName> },
        Collision = "collision" { parent = "parent": Timeline },
        DifferentDatabases = "different_databases",
        OtherServerAnswers = "other_server_answers" { node = "node": NodeName },
        ConsoleCutOff = "console_cut_off" { side = "side": Side, active = "active": bool, witness = "witness": Witness },
        #[serde(alias = "active_site_lost")] ActiveSiteSilent = "active_site_silent" { side = "side": Side, heard_at = "heard_at": Option<Timestamp> },
        #[serde(alias = "standby_site_lost")] StandbySiteSilent = "standby_site_silent" { side = "side": Side, heard_at = "heard_at": Option<Timestamp> },
        NothingAnswers = "nothing_answers",
        NoPrimary = "no_primary",
        PrimaryNotSeen = "primary_not_seen" { unseen = "unseen": Vec<NodeName> },
        Partitioned = "partitioned",
        ReturningSite = "returning_site" { side = "side": Side },
        HeldSite = "held_site" { side = "side": Side },
        ProtectionOff = "protection_off",
        LinkDown = "link_down" { kind = "kind": LinkKind, to = "to": Option<NodeName> },
        LagOverTarget = "lag_over_target",
        NodeDown = "node_down" { node = "node": NodeName },
        NodeSilent = "node_silent" { node = "node": NodeName, cause = "cause": ProbeFailure, since = "since": Timestamp },
        ReplayPaused = "replay_paused" { node = "node": NodeName },
        MemberDown = "member_down" { member = "member": MemberName, side = "side": Side },
        NoActiveMember = "no_active_member" { side = "side": Side },
        ClusterPaused = "cluster_paused" { side = "side": Side },
        EndpointFails = "endpoint_fails" { endpoint = "endpoint": EndpointName, side = "side": Side, cause = "cause": ProbeFailure, since = "since": Timestamp },
        EtcdUnhealthy = "etcd_unhealthy" { endpoint = "endpoint": EndpointName },
    }
    ProbeFailure {
        Refused = "refused",
        TimedOut = "timed_out" { after = "after": Millis },
        Unreachable = "unreachable",
        Tls = "tls",
        Unauthorized = "unauthorized",
        Unproved = "unproved",
        Status = "status" { code = "code": u16 },
        Redirected = "redirected",
        TooLarge = "too_large" { limit = "limit": u64 },
        CutShort = "cut_short",
        Garbage = "garbage",
        Sql = "sql" { state = "state": String },
        NoSuchBackend = "no_such_backend",
        NotAskedYet = "not_asked_yet",
    }
    Changed {
        Protection = "protection" { from = "from": ProtectionState, to = "to": ProtectionState },
        Site = "site" { side = "side": Side, from = "from": SiteRole, to = "to": SiteRole },
        Node = "node" { node = "node": NodeName, from = "from": NodeState, to = "to": NodeState },
        Link = "link" { kind = "kind": LinkKind, to_node = "to_node": Option<NodeName>, from = "from": LinkState, to = "to": LinkState },
    }
    Side {
        A = "a",
        B = "b",
    }
}

structs! {
    Entry {
        at = "at": Timestamp,
        event = "event": Event,
    }
    Request {
        pool = "pool": PoolId,
        intent = "intent": Intent,
        plan = "plan": String,
        planned_at = "planned_at": Timestamp,
        reason = "reason": String,
        #[serde(default)] ticket = "ticket": String,
        typed_pool = "typed_pool": String,
        typed_site = "typed_site": String,
        #[serde(default)] accepts_loss = "accepts_loss": bool,
        #[serde(default)] acknowledged = "acknowledged": Vec<CheckKind>,
        #[serde(default)] attestation = "attestation": String,
        #[serde(default)] overridden = "overridden": Vec<WitnessKind>,
        #[serde(default)] dry_run = "dry_run": bool,
    }
    Plan {
        pool = "pool": PoolId,
        intent = "intent": Intent,
        epoch = "epoch": Epoch,
        made_at = "made_at": Timestamp,
        steps = "steps": Vec<Step>,
        leaders = "leaders": Vec<(Side, Option<NodeName>, Option<Timeline>)>,
        not_passed = "not_passed": Vec<(CheckKind, Verdict)>,
        loss = "loss": Protection,
        #[serde(default)] unproven = "unproven": Vec<NodeName>,
        #[serde(default)] witnesses = "witnesses": Vec<Witness>,
        objections = "objections": Vec<PlanObjection>,
    }
    UnreadableEntry { number = "number": u32, cause = "cause": UnreadableCause }
    MemberChange {
        side = "side": Side,
        member = "member": MemberName,
        to = "to": MemberOrder,
    }
    Question {
        number = "number": u32,
        step = "step": usize,
        undoing = "undoing": bool,
        trouble = "trouble": StepFailure,
        options = "options": Vec<Choice>,
    }
    Outage {
        last_write_at = "last_write_at": Timestamp,
        first_write_at = "first_write_at": Option<Timestamp>,
        acknowledged = "acknowledged": u64,
        found = "found": Option<u64>,
        #[serde(default)] uncertain = "uncertain": Millis,
    }
    LostWrites {
        transactions = "transactions": u64,
        bytes = "bytes": ByteLag,
        first_commit_at = "first_commit_at": Option<Timestamp>,
        last_commit_at = "last_commit_at": Option<Timestamp>,
        tables = "tables": Vec<LostTable>,
        #[serde(default)] more_tables = "more_tables": u64,
        complete = "complete": bool,
    }
    LostTable {
        database = "database": String,
        table = "table": Option<String>,
        inserted = "inserted": u64,
        updated = "updated": u64,
        deleted = "deleted": u64,
        saved = "saved": u64,
    }
    Advice {
        keep = "keep": Side,
        because = "because": Because,
    }
    Fence {
        side = "side": Side,
        epoch = "epoch": Epoch,
        #[serde(default)] operation = "operation": Option<OperationId>,
        since = "since": Timestamp,
        expected_loss = "expected_loss": Option<ByteLag>,
        #[serde(default)] answers = "answers": Vec<FenceAnswer>,
    }
    FenceAnswer {
        endpoint = "endpoint": EndpointName,
        order = "order": OrderKind,
        at = "at": Timestamp,
        failure = "failure": Option<OrderFailure>,
    }
    Protection {
        state = "state": ProtectionState,
        loss_bytes = "loss_bytes": Option<ByteLag>,
        loss = "loss": Option<Millis>,
        bound = "bound": Bound,
        measured_at = "measured_at": Option<Timestamp>,
    }
    Witness {
        kind = "kind": WitnessKind,
        seen_by = "seen_by": EndpointName,
        node = "node": Option<NodeName>,
        at = "at": Timestamp,
    }
}
