
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE FUNCTION public.audit_refuses_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit history is append-only';
END;
$$;

CREATE FUNCTION public.evidence_refuses_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'evidence is append-only';
END;
$$;

CREATE FUNCTION public.evidence_refuses_late() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM operations WHERE id = NEW.operation AND ended = 0) THEN
        RAISE EXCEPTION 'evidence is append-only: only an operation that has not ended takes more of it';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.journal_refuses_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only';
END;
$$;

CREATE FUNCTION public.journal_refuses_gaps() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.number <> (SELECT coalesce(max(number) + 1, 0) FROM journal WHERE operation = NEW.operation)
        OR NOT EXISTS (SELECT 1 FROM operations WHERE id = NEW.operation AND ended = 0)
    THEN
        RAISE EXCEPTION 'the journal is append-only: only the next entry of an open operation can be written';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.operations_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended = 0 AND NEW.ended = 1 AND NEW.id = OLD.id AND NEW.pool = OLD.pool THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'operations are append-only: an open one may end, and nothing else changes';
END;
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at bigint NOT NULL,
    actor text,
    action text NOT NULL,
    subject text NOT NULL,
    result text NOT NULL,
    detail text NOT NULL,
    from_address text NOT NULL,
    CONSTRAINT audit_result_check CHECK ((result = ANY (ARRAY['done'::text, 'refused'::text, 'failed'::text])))
);

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.changes (
    id bigint NOT NULL,
    pool text NOT NULL,
    at bigint NOT NULL,
    what text NOT NULL
);

ALTER TABLE public.changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.confirmed (
    pool text NOT NULL,
    restored_at bigint NOT NULL
);

CREATE TABLE public.evidence (
    operation bigint NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    kept_at bigint NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT evidence_sha256_check CHECK ((length(sha256) = 64))
);

CREATE TABLE public.fences (
    pool text NOT NULL,
    side text NOT NULL,
    fence text NOT NULL,
    CONSTRAINT fences_side_check CHECK ((side = ANY (ARRAY['a'::text, 'b'::text])))
);

CREATE TABLE public.journal (
    operation bigint NOT NULL,
    number bigint NOT NULL,
    entry text NOT NULL
);

CREATE TABLE public.leases (
    pool text NOT NULL,
    holder text,
    token bigint NOT NULL,
    expires_at bigint NOT NULL,
    machine text,
    ends_since_boot bigint
);

CREATE TABLE public.operations (
    id bigint NOT NULL,
    pool text NOT NULL,
    ended bigint DEFAULT 0 NOT NULL,
    CONSTRAINT operations_ended_check CHECK ((ended = ANY (ARRAY[(0)::bigint, (1)::bigint])))
);

ALTER TABLE public.operations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.operations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.people (
    login text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE public.points (
    pool text NOT NULL,
    metric text NOT NULL,
    step_ms bigint NOT NULL,
    at bigint NOT NULL,
    min_value bigint NOT NULL,
    max_value bigint NOT NULL,
    last_value bigint NOT NULL,
    last_at bigint NOT NULL
);

CREATE TABLE public.pools (
    pool text NOT NULL,
    epoch bigint NOT NULL,
    ended_at bigint,
    CONSTRAINT pools_epoch_check CHECK ((epoch >= 0))
);

CREATE TABLE public.remembered (
    key text NOT NULL,
    body bytea NOT NULL,
    answer text NOT NULL,
    at bigint NOT NULL,
    CONSTRAINT remembered_body_check CHECK ((octet_length(body) = 32))
);

CREATE TABLE public.restored (
    only_one bigint NOT NULL,
    restored_at bigint NOT NULL,
    taken_at bigint NOT NULL,
    CONSTRAINT restored_only_one_check CHECK ((only_one = 1))
);

CREATE TABLE public.sessions (
    secret_hash bytea NOT NULL,
    login text NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    CONSTRAINT sessions_secret_hash_check CHECK ((octet_length(secret_hash) = 32))
);

CREATE TABLE public.set_up (
    only_one bigint NOT NULL,
    secret_hash bytea NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT set_up_only_one_check CHECK ((only_one = 1)),
    CONSTRAINT set_up_secret_hash_check CHECK ((octet_length(secret_hash) = 32))
);

CREATE TABLE public.signing_keys (
    name text NOT NULL,
    secret bytea NOT NULL,
    CONSTRAINT signing_keys_secret_check CHECK ((octet_length(secret) = 32))
);

CREATE TABLE public.write_check (
    only_one bigint NOT NULL,
    checked_at bigint NOT NULL,
    CONSTRAINT write_check_only_one_check CHECK ((only_one = 1))
);

INSERT INTO public._sqlx_migrations VALUES (1, 'first', '2026-11-28 21:24:07.398015+00', true, '\xc85232f1661d52ea7c82a2f24c00fc64803d4a8ca22ec18590e4cbd339ffec0e9374a040cd47e44fbe3005f8b5974591', 68508442);
INSERT INTO public._sqlx_migrations VALUES (2, 'operations', '2026-11-28 21:24:07.467117+00', true, '\x723a8657742b556568ace021d27155a7b615d0deed1af9bf38e90863d9c2a2d2a7044ae391babf8b410d6dc5e141401d', 49001523);
INSERT INTO public._sqlx_migrations VALUES (3, 'evidence', '2026-11-28 21:24:07.516519+00', true, '\xd065518c856caa56f10f093037e1e6823a1038247da049e575d7fbd390c2585c90d91c94c6128b638d2f517a435f8ba6', 8238264);
INSERT INTO public._sqlx_migrations VALUES (4, 'last_end', '2026-11-28 21:24:07.527665+00', true, '\x019607367d2e0658c57abb539daa31021e1482286dd78179f6fcee8b881684796e0e68419be8687fb6e4c1c75951a294', 6403806);
INSERT INTO public._sqlx_migrations VALUES (5, 'leases_by_machine', '2026-11-28 21:24:07.532271+00', true, '\x7de15ad3fbe7b25edcd37e5761613ad866ceb2640f1f441f4f8711cac525aa345b3eb38c8798c35750a52b247c5cdec1', 944149);
INSERT INTO public._sqlx_migrations VALUES (6, 'restored', '2026-11-28 21:24:07.534037+00', true, '\xae68b16a50f5edb58e5798f34b38795ec8151fdaf5dd4a4cd02272be26c100416633c4e313c7bf46e99c8f775774f431', 15634170);
INSERT INTO public._sqlx_migrations VALUES (12, 'signing_keys', '2026-11-28 21:24:07.549257+00', true, '\x8be95438227a24707c346b866da58aba52c035cd558ff1d3aab7bf905140acaf9cbcd68b3a1131b1861f40629c1937e0', 10496534);

INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (1, 1770000004000, 'ann', 'operation_requested', 'op-0001', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"kind":"switchover","to":"b"},"leaders":[["a","a1",7],["b","b1",7]],"loss":{"bound":"about","loss":0,"loss_bytes":248,"measured_at":"2026-02-02T02:40:03.247Z","state":"protected"},"made_at":"2026-02-02T02:40:04Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"step":"preflight"},{"side":"a","step":"mark"},{"side":"a","step":"warm"},{"side":"a","step":"demote"},{"from":"a","step":"prove","to":"b"},{"side":"b","step":"promote"},{"side":"b","step":"verify"},{"step":"reroute","to":"b"},{"side":"a","step":"reprotect"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":false,"intent":{"kind":"switchover","to":"b"},"overridden":[],"plan":"c612a95f89936953e9b129e675fa0e2cd5b23b3dcf6e9e02f88b95f040288655","planned_at":"2026-02-02T02:40:04Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b"}},"kind":"switchover","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (2, 1770000004002, NULL, 'step_begun', 'op-0001', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (3, 1770000004023, NULL, 'step_ended', 'op-0001', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"fact":"leader","node":"b1","side":"b","timeline":7}],"step":0,"trouble":null},"kind":"switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (4, 1770000004025, NULL, 'step_begun', 'op-0001', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (5, 1770000004066, NULL, 'step_ended', 'op-0001', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"at":"5/300D608","fact":"written","node":"a1"},{"fact":"marker","node":"a1"}],"step":1,"trouble":null},"kind":"switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (6, 1770000004068, NULL, 'step_begun', 'op-0001', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"switchover","pool":"chat-core","step":"warm"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (7, 1770000004276, NULL, 'step_ended', 'op-0001', 'done', '{"entry":6,"event":{"event":"step_ended","facts":[{"fact":"checkpoint","node":"a1","took":168}],"step":2,"trouble":null},"kind":"switchover","pool":"chat-core","step":"warm"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (8, 1770000004278, NULL, 'step_begun', 'op-0001', 'done', '{"entry":7,"event":{"event":"step_begun","step":3},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (9, 1770000004387, NULL, 'step_ended', 'op-0001', 'done', '{"entry":8,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"fact":"leader","node":"b1","side":"b","timeline":7},{"at":"5/300EDA0","fact":"written","node":"a1"},{"already":false,"fact":"stored","follows":true,"node":"a1","side":"a"}],"step":3,"trouble":null},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (10, 1770000004389, NULL, 'step_begun', 'op-0001', 'done', '{"entry":9,"event":{"event":"step_begun","step":4},"kind":"switchover","pool":"chat-core","step":"prove"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (11, 1770000005502, 'ann', 'cancel_wanted', 'op-0001', 'done', '{"entry":10,"event":{"by":"ann","event":"cancel_wanted"},"kind":"switchover","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (12, 1770000009489, NULL, 'step_ended', 'op-0001', 'failed', '{"entry":11,"event":{"event":"step_ended","facts":[],"step":4,"trouble":{"trouble":"interrupted"}},"kind":"switchover","pool":"chat-core","step":"prove"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (13, 1770000009491, NULL, 'operation_gave_up', 'op-0001', 'done', '{"entry":12,"event":{"event":"gave_up","why":{"by":"ann","why":"cancelled"}},"kind":"switchover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (14, 1770000009493, NULL, 'undo_begun', 'op-0001', 'done', '{"entry":13,"event":{"event":"undo_begun","step":3},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (15, 1770000010864, NULL, 'undo_ended', 'op-0001', 'done', '{"entry":15,"event":{"event":"undo_ended","facts":[{"already":false,"fact":"stored","follows":false,"node":"a2","side":"a"},{"at":"5/30141E0","fact":"promoted","from":7,"node":"a2","to":8},{"fact":"clients_waited","outage":{"acknowledged":15,"first_write_at":"2026-02-02T02:40:09.82Z","found":null,"last_write_at":"2026-02-02T02:40:04.514Z","uncertain":0}}],"step":3,"trouble":null},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (16, 1770000010866, NULL, 'operation_finished', 'op-0001', 'done', '{"entry":16,"event":{"event":"finished","outcome":{"outcome":"undone","stays":[],"why":{"by":"ann","why":"cancelled"}}},"kind":"switchover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (17, 1770000004000, 'ann', 'operation_requested', 'op-0002', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"changes":[{"member":"member-a1","side":"a","to":"drain"}],"kind":"members"},"leaders":[["a","a1",7],["b","b1",7]],"loss":{"bound":"about","loss":1005,"loss_bytes":248,"measured_at":"2026-02-02T02:40:03.187Z","state":"protected"},"made_at":"2026-02-02T02:40:04Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"change":{"member":"member-a1","side":"a","to":"drain"},"step":"set_member"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":false,"intent":{"changes":[{"member":"member-a1","side":"a","to":"drain"}],"kind":"members"},"overridden":[],"plan":"0547d4096c27a780e52e24a01975127498a3498f2504b83f69fb4c786e66472e","planned_at":"2026-02-02T02:40:04Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a"}},"kind":"members","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (18, 1770000004002, NULL, 'step_begun', 'op-0002', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"members","pool":"chat-core","step":"set_member"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (19, 1770000004028, NULL, 'step_ended', 'op-0002', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"member_was","member":"member-a1","order":"ready"},{"fact":"member","member":"member-a1","order":"drain","sessions":2}],"step":0,"trouble":null},"kind":"members","pool":"chat-core","step":"set_member"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (20, 1770000004030, NULL, 'operation_finished', 'op-0002', 'done', '{"entry":3,"event":{"event":"finished","outcome":{"outcome":"done"}},"kind":"members","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (21, 1770000004000, 'ann', 'operation_requested', 'op-0003', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"kind":"local_switchover","side":"a"},"leaders":[["a","a1",7],["b","b1",7]],"loss":{"bound":"about","loss":1005,"loss_bytes":248,"measured_at":"2026-02-02T02:40:03.187Z","state":"protected"},"made_at":"2026-02-02T02:40:04Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"step":"preflight"},{"side":"a","step":"mark"},{"side":"a","step":"switch_in_site"},{"side":"a","step":"verify"},{"side":"b","step":"reprotect"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":false,"intent":{"kind":"local_switchover","side":"a"},"overridden":[],"plan":"69f9ef37edf53443d043ca221f54f76198ecf5b18d456e6e578960dd2c9b908a","planned_at":"2026-02-02T02:40:04Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a"}},"kind":"local_switchover","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (22, 1770000004002, NULL, 'step_begun', 'op-0003', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"local_switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (23, 1770000004014, NULL, 'step_ended', 'op-0003', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"fact":"leader","node":"b1","side":"b","timeline":7}],"step":0,"trouble":null},"kind":"local_switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (26, 1770000004068, NULL, 'step_begun', 'op-0003', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"local_switchover","pool":"chat-core","step":"switch_in_site"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (31, 1770000010386, NULL, 'step_ended', 'op-0003', 'done', '{"entry":11,"event":{"event":"step_ended","facts":[{"at":"5/3010BC8","fact":"written","node":"a2"},{"fact":"follows","node":"b1","replayed":"5/301BE90","timeline":8},{"fact":"follows","node":"b2","replayed":"5/301BE90","timeline":8},{"fact":"mirror","node":"a1"}],"step":4,"trouble":null},"kind":"local_switchover","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (33, 1770000020700, 'ann', 'operation_requested', 'op-0004', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"kind":"failover","to":"b"},"leaders":[["a",null,null],["b","b1",7]],"loss":{"bound":"was","loss":0,"loss_bytes":248,"measured_at":"2026-02-02T02:40:20.179Z","state":"site_silent"},"made_at":"2026-02-02T02:40:20.7Z","not_passed":[["one_database","unknown"],["one_primary","unknown"],["leaders_known","unknown"],["same_timeline","unknown"],["backup_hears","unknown"],["loss_within_policy","unknown"],["cross_site_slot","unknown"],["mirror_in_step","unknown"],["backup_mirror_follows","unknown"],["archive_ships","unknown"],["not_paused","unknown"],["no_pending_restart","unknown"],["nothing_scheduled","unknown"],["unique_names","unknown"],["same_version","unknown"],["settings_fit","unknown"],["clocks_agree","unknown"],["etcd_healthy","unknown"],["guard_installed","unknown"],["demotes_cleanly","unknown"],["role_rights","unknown"]],"objections":[],"pool":"chat-core","steps":[{"side":"a","step":"establish"},{"side":"a","step":"fence"},{"side":"b","step":"settle"},{"side":"b","step":"promote"},{"side":"b","step":"verify"},{"step":"reroute","to":"b"}],"unproven":["a1","a2"],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":["one_database","one_primary","leaders_known","same_timeline","backup_hears","loss_within_policy","cross_site_slot","mirror_in_step","backup_mirror_follows","archive_ships","not_paused","no_pending_restart","nothing_scheduled","unique_names","same_version","settings_fit","clocks_agree","etcd_healthy","guard_installed","demotes_cleanly","role_rights"],"attestation":"the power is off, said the people there","dry_run":false,"intent":{"kind":"failover","to":"b"},"overridden":[],"plan":"6b918168036eb84e87d1e6955a53e19b4315119607a539c836222b4c2213ba10","planned_at":"2026-02-02T02:40:20.7Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b"}},"kind":"failover","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (36, 1770000020716, NULL, 'step_begun', 'op-0004', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"failover","pool":"chat-core","step":"fence"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (39, 1770000020920, NULL, 'step_ended', 'op-0004', 'done', '{"entry":6,"event":{"event":"step_ended","facts":[{"fact":"rest","node":"b1","received":"5/300D3A0","replayed":"5/300D3A0"},{"at":"2026-02-02T02:40:03.187Z","fact":"last_heartbeat","node":"b1"}],"step":2,"trouble":null},"kind":"failover","pool":"chat-core","step":"settle"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (44, 1770000021279, NULL, 'step_begun', 'op-0004', 'done', '{"entry":12,"event":{"event":"step_begun","step":5},"kind":"failover","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (46, 1770000021333, NULL, 'operation_finished', 'op-0004', 'done', '{"entry":14,"event":{"event":"finished","outcome":{"outcome":"done"}},"kind":"failover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (48, 1770000056624, NULL, 'step_begun', 'op-0005', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"reprotect","pool":"chat-core","step":"inspect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (51, 1770000056659, NULL, 'step_ended', 'op-0005', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"fact":"nothing_to_save","side":"a"}],"step":1,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"save"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (54, 1770000056763, NULL, 'step_begun', 'op-0005', 'done', '{"entry":7,"event":{"event":"step_begun","step":3},"kind":"reprotect","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (57, 1770000072229, NULL, 'step_ended', 'op-0005', 'done', '{"entry":10,"event":{"event":"step_ended","facts":[{"fact":"member","member":"member-b1","order":"ready","sessions":12},{"fact":"member","member":"member-b2","order":"ready","sessions":12},{"fact":"member","member":"member-a1","order":"drain","sessions":0},{"fact":"member","member":"member-a2","order":"drain","sessions":0}],"step":4,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (59, 1770000068102, 'ann', 'operation_requested', 'op-0006', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":1,"intent":{"kind":"reprotect","side":"a"},"leaders":[["a","a2",7],["b","b1",8]],"loss":{"bound":"not_known","loss":null,"loss_bytes":null,"measured_at":"2026-02-02T02:41:07.247Z","state":"at_risk"},"made_at":"2026-02-02T02:41:08.102Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"side":"a","step":"inspect"},{"side":"a","step":"save"},{"side":"a","step":"follow"},{"side":"a","step":"reprotect"},{"step":"reroute","to":"b"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":false,"intent":{"kind":"reprotect","side":"a"},"overridden":[],"plan":"449bc849009dfd7215506d358fbeb8bf18c7b8e7b0d0376b87797d97754fa31f","planned_at":"2026-02-02T02:41:08.102Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a"}},"kind":"reprotect","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (61, 1770000068135, NULL, 'step_ended', 'op-0006', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"histories_agree","timeline":7},{"end":"5/3022028","fact":"diverged","fork":"5/300D3A0","node":"a1","rows":null,"side":"a","timeline":7}],"step":0,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"inspect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (64, 1770000068166, NULL, 'question_asked', 'op-0006', 'done', '{"entry":5,"event":{"event":"asked","question":{"number":1,"options":["retry","give_up","undo"],"step":1,"trouble":{"node":"a1","side":"a","trouble":"not_saved","what":[{"database":"load","left_out":"table","rows":462,"schema":"public","table":"numbered","why":"permission denied for table numbered (42501)"}]},"undoing":false}},"kind":"reprotect","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (67, 1770000071322, NULL, 'step_ended', 'op-0006', 'done', '{"entry":8,"event":{"event":"step_ended","facts":[{"already":false,"fact":"stored","follows":true,"node":"a2","side":"a"}],"step":2,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"follow"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (70, 1770000084744, NULL, 'step_begun', 'op-0006', 'done', '{"entry":11,"event":{"event":"step_begun","step":4},"kind":"reprotect","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (75, 1770000004014, NULL, 'step_ended', 'op-0007', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"fact":"leader","node":"b1","side":"b","timeline":7}],"step":0,"trouble":null},"kind":"switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (78, 1770000004020, NULL, 'step_begun', 'op-0007', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"switchover","pool":"chat-core","step":"warm"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (81, 1770000004026, NULL, 'step_ended', 'op-0007', 'done', '{"entry":8,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":3,"trouble":null},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (84, 1770000004032, NULL, 'step_begun', 'op-0007', 'done', '{"entry":11,"event":{"event":"step_begun","step":5},"kind":"switchover","pool":"chat-core","step":"promote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (87, 1770000004038, NULL, 'step_ended', 'op-0007', 'done', '{"entry":14,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":6,"trouble":null},"kind":"switchover","pool":"chat-core","step":"verify"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (90, 1770000004044, NULL, 'step_begun', 'op-0007', 'done', '{"entry":17,"event":{"event":"step_begun","step":8},"kind":"switchover","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (95, 1770000061903, NULL, 'step_ended', 'op-0008', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"fact":"leader","node":"b1","side":"b","timeline":7}],"step":0,"trouble":null},"kind":"switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (24, 1770000004016, NULL, 'step_begun', 'op-0003', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"local_switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (27, 1770000004524, NULL, 'step_ended', 'op-0003', 'done', '{"entry":6,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a2","side":"a","timeline":8}],"step":2,"trouble":null},"kind":"local_switchover","pool":"chat-core","step":"switch_in_site"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (29, 1770000004579, NULL, 'step_ended', 'op-0003', 'done', '{"entry":9,"event":{"event":"step_ended","facts":[{"at":"5/300E660","fact":"promoted","from":7,"node":"a2","to":8},{"fact":"marker","node":"a2"},{"acknowledged":6,"fact":"rows_found","found":6},{"fact":"clients_waited","outage":{"acknowledged":6,"first_write_at":"2026-02-02T02:40:04.537Z","found":6,"last_write_at":"2026-02-02T02:40:04.184Z","uncertain":0}}],"step":3,"trouble":null},"kind":"local_switchover","pool":"chat-core","step":"verify"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (32, 1770000010388, NULL, 'operation_finished', 'op-0003', 'done', '{"entry":12,"event":{"event":"finished","outcome":{"outcome":"done"}},"kind":"local_switchover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (34, 1770000020702, NULL, 'step_begun', 'op-0004', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"failover","pool":"chat-core","step":"establish"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (37, 1770000020792, NULL, 'step_ended', 'op-0004', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"etcd-a","fact":"order_failed","order":"hold"},{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"patroni-a1","fact":"order_failed","order":"hold"},{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"patroni-a2","fact":"order_failed","order":"hold"},{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"haproxy-a","fact":"order_failed","order":"close_members"},{"fact":"silent","node":"a1"},{"fact":"silent","node":"a2"},{"by":"ann","fact":"attested","how":"the power is off, said the people there"}],"step":1,"trouble":null},"kind":"failover","pool":"chat-core","step":"fence"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (41, 1770000020988, NULL, 'step_ended', 'op-0004', 'done', '{"entry":8,"event":{"event":"step_ended","facts":[{"already":false,"fact":"stored","follows":false,"node":"b1","side":"b"},{"at":"2026-02-02T02:40:03.187Z","fact":"last_confirmed","failing_since":"2026-02-02T02:40:04.187Z","gone_since":null,"side":"a"}],"step":3,"trouble":null},"kind":"failover","pool":"chat-core","step":"promote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (49, 1770000056655, NULL, 'step_ended', 'op-0005', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"fact":"histories_agree","timeline":7}],"step":0,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"inspect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (52, 1770000056661, NULL, 'step_begun', 'op-0005', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"reprotect","pool":"chat-core","step":"follow"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (55, 1770000072115, NULL, 'step_ended', 'op-0005', 'done', '{"entry":8,"event":{"event":"step_ended","facts":[{"fact":"elected","node":"a2"},{"at":"5/30826A8","fact":"written","node":"b1"},{"fact":"follows","node":"a1","replayed":"5/3082988","timeline":8},{"fact":"follows","node":"a2","replayed":"5/3082988","timeline":8},{"fact":"mirror","node":"b2"}],"step":3,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (58, 1770000072231, NULL, 'operation_finished', 'op-0005', 'done', '{"entry":11,"event":{"event":"finished","outcome":{"outcome":"done"}},"kind":"reprotect","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (62, 1770000068137, NULL, 'step_begun', 'op-0006', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"reprotect","pool":"chat-core","step":"save"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (65, 1770000071204, 'ann', 'question_answered', 'op-0006', 'done', '{"entry":6,"event":{"by":"ann","choice":"give_up","event":"answered","number":1,"reason":"as agreed"},"kind":"reprotect","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (68, 1770000071324, NULL, 'step_begun', 'op-0006', 'done', '{"entry":9,"event":{"event":"step_begun","step":3},"kind":"reprotect","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (71, 1770000084859, NULL, 'step_ended', 'op-0006', 'done', '{"entry":12,"event":{"event":"step_ended","facts":[{"fact":"member","member":"member-b1","order":"ready","sessions":12},{"fact":"member","member":"member-b2","order":"ready","sessions":12},{"fact":"member","member":"member-a1","order":"drain","sessions":0},{"fact":"member","member":"member-a2","order":"drain","sessions":0}],"step":4,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (73, 1770000004000, 'ann', 'operation_requested', 'op-0007', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"kind":"switchover","to":"b"},"leaders":[["a","a1",7],["b","b1",7]],"loss":{"bound":"about","loss":1005,"loss_bytes":248,"measured_at":"2026-02-02T02:40:03.187Z","state":"protected"},"made_at":"2026-02-02T02:40:04Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"step":"preflight"},{"side":"a","step":"mark"},{"side":"a","step":"warm"},{"side":"a","step":"demote"},{"from":"a","step":"prove","to":"b"},{"side":"b","step":"promote"},{"side":"b","step":"verify"},{"step":"reroute","to":"b"},{"side":"a","step":"reprotect"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":true,"intent":{"kind":"switchover","to":"b"},"overridden":[],"plan":"c612a95f89936953e9b129e675fa0e2cd5b23b3dcf6e9e02f88b95f040288655","planned_at":"2026-02-02T02:40:04Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b"}},"kind":"switchover","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (76, 1770000004016, NULL, 'step_begun', 'op-0007', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (79, 1770000004022, NULL, 'step_ended', 'op-0007', 'done', '{"entry":6,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":2,"trouble":null},"kind":"switchover","pool":"chat-core","step":"warm"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (82, 1770000004028, NULL, 'step_begun', 'op-0007', 'done', '{"entry":9,"event":{"event":"step_begun","step":4},"kind":"switchover","pool":"chat-core","step":"prove"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (85, 1770000004034, NULL, 'step_ended', 'op-0007', 'done', '{"entry":12,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":5,"trouble":null},"kind":"switchover","pool":"chat-core","step":"promote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (88, 1770000004040, NULL, 'step_begun', 'op-0007', 'done', '{"entry":15,"event":{"event":"step_begun","step":7},"kind":"switchover","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (91, 1770000004046, NULL, 'step_ended', 'op-0007', 'done', '{"entry":18,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":8,"trouble":null},"kind":"switchover","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (97, 1770000061946, NULL, 'step_ended', 'op-0008', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"at":"5/30904A0","fact":"written","node":"a1"},{"fact":"marker","node":"a1"}],"step":1,"trouble":null},"kind":"switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (100, 1770000062263, NULL, 'step_begun', 'op-0008', 'done', '{"entry":7,"event":{"event":"step_begun","step":3},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (101, 1770000062418, NULL, 'step_ended', 'op-0008', 'done', '{"entry":8,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"fact":"leader","node":"b1","side":"b","timeline":7},{"at":"5/3092468","fact":"written","node":"a1"},{"already":false,"fact":"stored","follows":true,"node":"a1","side":"a"}],"step":3,"trouble":null},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (25, 1770000004066, NULL, 'step_ended', 'op-0003', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"fact":"leader","node":"a1","side":"a","timeline":7},{"at":"5/300D608","fact":"written","node":"a1"},{"fact":"marker","node":"a1"}],"step":1,"trouble":null},"kind":"local_switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (28, 1770000004526, NULL, 'step_begun', 'op-0003', 'done', '{"entry":7,"event":{"event":"step_begun","step":3},"kind":"local_switchover","pool":"chat-core","step":"verify"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (30, 1770000004581, NULL, 'step_begun', 'op-0003', 'done', '{"entry":10,"event":{"event":"step_begun","step":4},"kind":"local_switchover","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (35, 1770000020714, NULL, 'step_ended', 'op-0004', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"endpoint":"patroni-a1","fact":"answer","failure":"refused"},{"endpoint":"postgres-a1","fact":"answer","failure":"refused"},{"endpoint":"patroni-a2","fact":"answer","failure":"refused"},{"endpoint":"postgres-a2","fact":"answer","failure":"refused"},{"endpoint":"haproxy-a","fact":"answer","failure":"refused"},{"endpoint":"etcd-a","fact":"answer","failure":"refused"},{"fact":"leader","node":"b1","side":"b","timeline":7},{"age":17527,"bytes":248,"fact":"expected_loss","time":0}],"step":0,"trouble":null},"kind":"failover","pool":"chat-core","step":"establish"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (38, 1770000020794, NULL, 'step_begun', 'op-0004', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"failover","pool":"chat-core","step":"settle"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (40, 1770000020922, NULL, 'step_begun', 'op-0004', 'done', '{"entry":7,"event":{"event":"step_begun","step":3},"kind":"failover","pool":"chat-core","step":"promote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (42, 1770000020990, NULL, 'step_begun', 'op-0004', 'done', '{"entry":9,"event":{"event":"step_begun","step":4},"kind":"failover","pool":"chat-core","step":"verify"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (43, 1770000021277, NULL, 'step_ended', 'op-0004', 'done', '{"entry":11,"event":{"event":"step_ended","facts":[{"at":"5/300D418","fact":"promoted","from":7,"node":"b1","to":8},{"fact":"clients_waited","outage":{"acknowledged":0,"first_write_at":"2026-02-02T02:40:21.257Z","found":null,"last_write_at":"2026-02-02T02:40:03.187Z","uncertain":1000}},{"fact":"silent","node":"a1"},{"fact":"silent","node":"a2"}],"step":4,"trouble":null},"kind":"failover","pool":"chat-core","step":"verify"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (45, 1770000021331, NULL, 'step_ended', 'op-0004', 'done', '{"entry":13,"event":{"event":"step_ended","facts":[{"fact":"member","member":"member-b1","order":"ready","sessions":12},{"fact":"member","member":"member-b2","order":"ready","sessions":12}],"step":5,"trouble":null},"kind":"failover","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (47, 1770000056622, 'ann', 'operation_requested', 'op-0005', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":1,"intent":{"kind":"reprotect","side":"a"},"leaders":[["a",null,null],["b","b1",8]],"loss":{"bound":"not_known","loss":null,"loss_bytes":null,"measured_at":"2026-02-02T02:40:56.182Z","state":"unprotected"},"made_at":"2026-02-02T02:40:56.622Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"side":"a","step":"inspect"},{"side":"a","step":"save"},{"side":"a","step":"follow"},{"side":"a","step":"reprotect"},{"step":"reroute","to":"b"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":false,"intent":{"kind":"reprotect","side":"a"},"overridden":[],"plan":"735ed50d0511b110e64e9ad74243bfd56e2a1c5677869da2e03cef3d9e80f09f","planned_at":"2026-02-02T02:40:56.622Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a"}},"kind":"reprotect","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (50, 1770000056657, NULL, 'step_begun', 'op-0005', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"reprotect","pool":"chat-core","step":"save"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (53, 1770000056761, NULL, 'step_ended', 'op-0005', 'done', '{"entry":6,"event":{"event":"step_ended","facts":[{"already":false,"fact":"stored","follows":true,"node":"a1","side":"a"}],"step":2,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"follow"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (56, 1770000072117, NULL, 'step_begun', 'op-0005', 'done', '{"entry":9,"event":{"event":"step_begun","step":4},"kind":"reprotect","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (60, 1770000068104, NULL, 'step_begun', 'op-0006', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"reprotect","pool":"chat-core","step":"inspect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (63, 1770000068164, NULL, 'step_ended', 'op-0006', 'failed', '{"entry":4,"event":{"event":"step_ended","facts":[{"end":"5/3022028","fact":"lost_writes","fork":"5/300D3A0","node":"a1","timeline":7,"writes":{"bytes":46200,"complete":true,"first_commit_at":null,"last_commit_at":null,"more_tables":0,"tables":[{"database":"load","deleted":0,"inserted":462,"saved":0,"table":"public.numbered","updated":0}],"transactions":462}},{"bytes":421,"fact":"saved","left_out":1,"name":"lost-rows-a1.jsonl","node":"a1","rows":0,"tables":0},{"fact":"data_directory","node":"a1","path":"/var/lib/postgresql/a1"}],"step":1,"trouble":{"node":"a1","side":"a","trouble":"not_saved","what":[{"database":"load","left_out":"table","rows":462,"schema":"public","table":"numbered","why":"permission denied for table numbered (42501)"}]}},"kind":"reprotect","pool":"chat-core","step":"save"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (66, 1770000071206, NULL, 'step_begun', 'op-0006', 'done', '{"entry":7,"event":{"event":"step_begun","step":2},"kind":"reprotect","pool":"chat-core","step":"follow"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (69, 1770000084742, NULL, 'step_ended', 'op-0006', 'done', '{"entry":10,"event":{"event":"step_ended","facts":[{"at":"5/306A378","fact":"written","node":"b1"},{"fact":"follows","node":"a1","replayed":"5/306A7C8","timeline":8},{"fact":"follows","node":"a2","replayed":"5/306A7C8","timeline":8},{"fact":"mirror","node":"b2"}],"step":3,"trouble":null},"kind":"reprotect","pool":"chat-core","step":"reprotect"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (72, 1770000084861, NULL, 'operation_finished', 'op-0006', 'done', '{"entry":13,"event":{"event":"finished","outcome":{"outcome":"done"}},"kind":"reprotect","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (74, 1770000004002, NULL, 'step_begun', 'op-0007', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (77, 1770000004018, NULL, 'step_ended', 'op-0007', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":1,"trouble":null},"kind":"switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (80, 1770000004024, NULL, 'step_begun', 'op-0007', 'done', '{"entry":7,"event":{"event":"step_begun","step":3},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (83, 1770000004030, NULL, 'step_ended', 'op-0007', 'done', '{"entry":10,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":4,"trouble":null},"kind":"switchover","pool":"chat-core","step":"prove"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (86, 1770000004036, NULL, 'step_begun', 'op-0007', 'done', '{"entry":13,"event":{"event":"step_begun","step":6},"kind":"switchover","pool":"chat-core","step":"verify"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (89, 1770000004042, NULL, 'step_ended', 'op-0007', 'done', '{"entry":16,"event":{"event":"step_ended","facts":[{"fact":"rehearsed"}],"step":7,"trouble":null},"kind":"switchover","pool":"chat-core","step":"reroute"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (92, 1770000004048, NULL, 'operation_finished', 'op-0007', 'done', '{"entry":19,"event":{"event":"finished","outcome":{"outcome":"done"}},"kind":"switchover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (94, 1770000061882, NULL, 'step_begun', 'op-0008', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"switchover","pool":"chat-core","step":"preflight"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (98, 1770000061948, NULL, 'step_begun', 'op-0008', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"switchover","pool":"chat-core","step":"warm"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (93, 1770000061880, 'ann', 'operation_requested', 'op-0008', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"kind":"switchover","to":"b"},"leaders":[["a","a1",7],["b","b1",7]],"loss":{"bound":"about","loss":1002,"loss_bytes":248,"measured_at":"2026-02-02T02:41:00.964Z","state":"protected"},"made_at":"2026-02-02T02:41:01.88Z","not_passed":[],"objections":[],"pool":"chat-core","steps":[{"step":"preflight"},{"side":"a","step":"mark"},{"side":"a","step":"warm"},{"side":"a","step":"demote"},{"from":"a","step":"prove","to":"b"},{"side":"b","step":"promote"},{"side":"b","step":"verify"},{"step":"reroute","to":"b"},{"side":"a","step":"reprotect"}],"unproven":[],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":[],"attestation":"","dry_run":false,"intent":{"kind":"switchover","to":"b"},"overridden":[],"plan":"c612a95f89936953e9b129e675fa0e2cd5b23b3dcf6e9e02f88b95f040288655","planned_at":"2026-02-02T02:41:01.88Z","pool":"chat-core","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b"}},"kind":"switchover","pool":"chat-core","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (96, 1770000061905, NULL, 'step_begun', 'op-0008', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"switchover","pool":"chat-core","step":"mark"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (99, 1770000062261, NULL, 'step_ended', 'op-0008', 'done', '{"entry":6,"event":{"event":"step_ended","facts":[{"fact":"checkpoint","node":"a1","took":267}],"step":2,"trouble":null},"kind":"switchover","pool":"chat-core","step":"warm"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (102, 1770000062420, NULL, 'step_begun', 'op-0008', 'done', '{"entry":9,"event":{"event":"step_begun","step":4},"kind":"switchover","pool":"chat-core","step":"prove"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (105, 1770000062738, NULL, 'step_ended', 'op-0008', 'failed', '{"entry":12,"event":{"event":"step_ended","facts":[{"answer":{"how":"refused","said":"status 401: not authenticated"},"endpoint":"patroni-b1","fact":"order_failed","order":"lead"},{"fact":"no_order_taken"}],"step":5,"trouble":{"endpoint":"patroni-b1","said":"status 401: not authenticated","trouble":"refused"}},"kind":"switchover","pool":"chat-core","step":"promote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (108, 1770000063592, NULL, 'undo_ended', 'op-0008', 'failed', '{"entry":15,"event":{"event":"undo_ended","facts":[],"step":3,"trouble":{"side":"b","trouble":"not_fenced","unreached":["patroni-b1","postgres-b1","patroni-b2","postgres-b2"]}},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (110, 1769999000009, NULL, 'evidence_kept', 'op-0008/rows-a1.jsonl', 'done', '{"pool":"chat-core"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (112, 1770000020702, NULL, 'step_begun', 'op-0009', 'done', '{"entry":1,"event":{"event":"step_begun","step":0},"kind":"failover","pool":"files","step":"establish"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (115, 1770000020792, NULL, 'step_ended', 'op-0009', 'done', '{"entry":4,"event":{"event":"step_ended","facts":[{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"etcd-a","fact":"order_failed","order":"hold"},{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"patroni-a1","fact":"order_failed","order":"hold"},{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"patroni-a2","fact":"order_failed","order":"hold"},{"answer":{"failure":"refused","how":"unanswered"},"endpoint":"haproxy-a","fact":"order_failed","order":"close_members"},{"fact":"silent","node":"a1"},{"fact":"silent","node":"a2"},{"by":"ann","fact":"attested","how":"the power is off, said the people there"}],"step":1,"trouble":null},"kind":"failover","pool":"files","step":"fence"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (103, 1770000062670, NULL, 'step_ended', 'op-0008', 'done', '{"entry":10,"event":{"event":"step_ended","facts":[{"end":"5/3093448","fact":"shutdown_replayed","node":"b1","record":"5/30933D0","timeline":7},{"fact":"no_longer_primary","node":"a1","said":"demoted, stopping"},{"fact":"no_longer_primary","node":"a2","said":"standby_leader, running"}],"step":4,"trouble":null},"kind":"switchover","pool":"chat-core","step":"prove"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (106, 1770000062740, NULL, 'operation_gave_up', 'op-0008', 'done', '{"entry":13,"event":{"event":"gave_up","why":{"step":5,"trouble":{"endpoint":"patroni-b1","said":"status 401: not authenticated","trouble":"refused"},"why":"step_failed"}},"kind":"switchover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (113, 1770000020714, NULL, 'step_ended', 'op-0009', 'done', '{"entry":2,"event":{"event":"step_ended","facts":[{"endpoint":"patroni-a1","fact":"answer","failure":"refused"},{"endpoint":"postgres-a1","fact":"answer","failure":"refused"},{"endpoint":"patroni-a2","fact":"answer","failure":"refused"},{"endpoint":"postgres-a2","fact":"answer","failure":"refused"},{"endpoint":"haproxy-a","fact":"answer","failure":"refused"},{"endpoint":"etcd-a","fact":"answer","failure":"refused"},{"fact":"leader","node":"b1","side":"b","timeline":7},{"age":17527,"bytes":248,"fact":"expected_loss","time":0}],"step":0,"trouble":null},"kind":"failover","pool":"files","step":"establish"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (116, 1770000020794, NULL, 'step_begun', 'op-0009', 'done', '{"entry":5,"event":{"event":"step_begun","step":2},"kind":"failover","pool":"files","step":"settle"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (104, 1770000062672, NULL, 'step_begun', 'op-0008', 'done', '{"entry":11,"event":{"event":"step_begun","step":5},"kind":"switchover","pool":"chat-core","step":"promote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (107, 1770000062742, NULL, 'undo_begun', 'op-0008', 'done', '{"entry":14,"event":{"event":"undo_begun","step":3},"kind":"switchover","pool":"chat-core","step":"demote"}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (109, 1770000063596, NULL, 'question_asked', 'op-0008', 'done', '{"entry":17,"event":{"event":"asked","question":{"number":1,"options":["retry","attest","abandon"],"step":3,"trouble":{"side":"b","trouble":"not_fenced","unreached":["patroni-b1","postgres-b1","patroni-b2","postgres-b2"]},"undoing":true}},"kind":"switchover","pool":"chat-core","step":null}', '');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (111, 1770000020700, 'ann', 'operation_requested', 'op-0009', 'done', '{"entry":0,"event":{"by":"ann","event":"requested","plan":{"epoch":0,"intent":{"kind":"failover","to":"b"},"leaders":[["a",null,null],["b","b1",7]],"loss":{"bound":"was","loss":0,"loss_bytes":248,"measured_at":"2026-02-02T02:40:20.179Z","state":"site_silent"},"made_at":"2026-02-02T02:40:20.7Z","not_passed":[["one_database","unknown"],["one_primary","unknown"],["leaders_known","unknown"],["same_timeline","unknown"],["backup_hears","unknown"],["loss_within_policy","unknown"],["cross_site_slot","unknown"],["mirror_in_step","unknown"],["backup_mirror_follows","unknown"],["archive_ships","unknown"],["not_paused","unknown"],["no_pending_restart","unknown"],["nothing_scheduled","unknown"],["unique_names","unknown"],["same_version","unknown"],["settings_fit","unknown"],["clocks_agree","unknown"],["etcd_healthy","unknown"],["guard_installed","unknown"],["demotes_cleanly","unknown"],["role_rights","unknown"]],"objections":[],"pool":"files","steps":[{"side":"a","step":"establish"},{"side":"a","step":"fence"},{"side":"b","step":"settle"},{"side":"b","step":"promote"},{"side":"b","step":"verify"},{"step":"reroute","to":"b"}],"unproven":["a1","a2"],"witnesses":[]},"request":{"accepts_loss":true,"acknowledged":["one_database","one_primary","leaders_known","same_timeline","backup_hears","loss_within_policy","cross_site_slot","mirror_in_step","backup_mirror_follows","archive_ships","not_paused","no_pending_restart","nothing_scheduled","unique_names","same_version","settings_fit","clocks_agree","etcd_healthy","guard_installed","demotes_cleanly","role_rights"],"attestation":"the power is off, said the people there","dry_run":false,"intent":{"kind":"failover","to":"b"},"overridden":[],"plan":"6b918168036eb84e87d1e6955a53e19b4315119607a539c836222b4c2213ba10","planned_at":"2026-02-02T02:40:20.7Z","pool":"files","reason":"because it is to be","ticket":"","typed_pool":"files","typed_site":"dc-b"}},"kind":"failover","pool":"files","step":null}', '127.0.0.1');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (114, 1770000020716, NULL, 'step_begun', 'op-0009', 'done', '{"entry":3,"event":{"event":"step_begun","step":1},"kind":"failover","pool":"files","step":"fence"}', '');

INSERT INTO public.changes OVERRIDING SYSTEM VALUE VALUES (1, 'chat-core', 1769999000005, '{"protection":{"from":"protected","to":"at_risk"}}');
INSERT INTO public.changes OVERRIDING SYSTEM VALUE VALUES (2, 'chat-core', 1769999000006, '{"node":{"node":"a1","from":"accepting_writes","to":"no_answer"}}');

INSERT INTO public.evidence VALUES (8, 'rows-a1.jsonl', '5a2f7d9c0b2f1b9f4f6e0b0fca8ddf16c1ccb54d2b8bc1ccf3ef4b5df0f0b5aa', 1769999000009, '\x7b22726f77223a317d0a');

INSERT INTO public.fences VALUES ('files', 'a', '{"side":"a","epoch":1,"operation":"op-0009","since":"2026-02-02T02:40:20.716Z","expected_loss":248,"answers":[{"endpoint":"patroni-a1","order":"hold","at":"2026-02-02T02:40:20.716Z","failure":{"how":"not_sent","failure":"refused"}}]}');

INSERT INTO public.journal VALUES (1, 0, '{"at":"2026-02-02T02:40:04Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"switchover","to":"b"},"plan":"c612a95f89936953e9b129e675fa0e2cd5b23b3dcf6e9e02f88b95f040288655","planned_at":"2026-02-02T02:40:04Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"switchover","to":"b"},"epoch":0,"made_at":"2026-02-02T02:40:04Z","steps":[{"step":"preflight"},{"step":"mark","side":"a"},{"step":"warm","side":"a"},{"step":"demote","side":"a"},{"step":"prove","from":"a","to":"b"},{"step":"promote","side":"b"},{"step":"verify","side":"b"},{"step":"reroute","to":"b"},{"step":"reprotect","side":"a"}],"leaders":[["a","a1",7],["b","b1",7]],"not_passed":[],"loss":{"state":"protected","loss_bytes":248,"loss":0,"bound":"about","measured_at":"2026-02-02T02:40:03.247Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (1, 1, '{"at":"2026-02-02T02:40:04.002Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (1, 2, '{"at":"2026-02-02T02:40:04.023Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"leader","side":"b","node":"b1","timeline":7}],"trouble":null}}');
INSERT INTO public.journal VALUES (1, 3, '{"at":"2026-02-02T02:40:04.025Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (1, 4, '{"at":"2026-02-02T02:40:04.066Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"written","node":"a1","at":"5/300D608"},{"fact":"marker","node":"a1"}],"trouble":null}}');
INSERT INTO public.journal VALUES (1, 5, '{"at":"2026-02-02T02:40:04.068Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (1, 6, '{"at":"2026-02-02T02:40:04.276Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"checkpoint","node":"a1","took":168}],"trouble":null}}');
INSERT INTO public.journal VALUES (1, 7, '{"at":"2026-02-02T02:40:04.278Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (1, 8, '{"at":"2026-02-02T02:40:04.387Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"leader","side":"b","node":"b1","timeline":7},{"fact":"written","node":"a1","at":"5/300EDA0"},{"fact":"stored","side":"a","node":"a1","follows":true,"already":false}],"trouble":null}}');
INSERT INTO public.journal VALUES (1, 9, '{"at":"2026-02-02T02:40:04.389Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (1, 10, '{"at":"2026-02-02T02:40:05.502Z","event":{"event":"cancel_wanted","by":"ann"}}');
INSERT INTO public.journal VALUES (1, 11, '{"at":"2026-02-02T02:40:09.489Z","event":{"event":"step_ended","step":4,"facts":[],"trouble":{"trouble":"interrupted"}}}');
INSERT INTO public.journal VALUES (1, 12, '{"at":"2026-02-02T02:40:09.491Z","event":{"event":"gave_up","why":{"why":"cancelled","by":"ann"}}}');
INSERT INTO public.journal VALUES (1, 13, '{"at":"2026-02-02T02:40:09.493Z","event":{"event":"undo_begun","step":3}}');
INSERT INTO public.journal VALUES (1, 14, '{"at":"2026-02-02T02:40:10.862Z","event":{"event":"outage_seen","outage":{"last_write_at":"2026-02-02T02:40:04.514Z","first_write_at":"2026-02-02T02:40:09.82Z","acknowledged":15,"found":null,"uncertain":0}}}');
INSERT INTO public.journal VALUES (1, 15, '{"at":"2026-02-02T02:40:10.864Z","event":{"event":"undo_ended","step":3,"facts":[{"fact":"stored","side":"a","node":"a2","follows":false,"already":false},{"fact":"promoted","node":"a2","from":7,"to":8,"at":"5/30141E0"},{"fact":"clients_waited","outage":{"last_write_at":"2026-02-02T02:40:04.514Z","first_write_at":"2026-02-02T02:40:09.82Z","acknowledged":15,"found":null,"uncertain":0}}],"trouble":null}}');
INSERT INTO public.journal VALUES (1, 16, '{"at":"2026-02-02T02:40:10.866Z","event":{"event":"finished","outcome":{"outcome":"undone","why":{"why":"cancelled","by":"ann"},"stays":[]}}}');
INSERT INTO public.journal VALUES (2, 0, '{"at":"2026-02-02T02:40:04Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"members","changes":[{"side":"a","member":"member-a1","to":"drain"}]},"plan":"0547d4096c27a780e52e24a01975127498a3498f2504b83f69fb4c786e66472e","planned_at":"2026-02-02T02:40:04Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"members","changes":[{"side":"a","member":"member-a1","to":"drain"}]},"epoch":0,"made_at":"2026-02-02T02:40:04Z","steps":[{"step":"set_member","change":{"side":"a","member":"member-a1","to":"drain"}}],"leaders":[["a","a1",7],["b","b1",7]],"not_passed":[],"loss":{"state":"protected","loss_bytes":248,"loss":1005,"bound":"about","measured_at":"2026-02-02T02:40:03.187Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (2, 1, '{"at":"2026-02-02T02:40:04.002Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (2, 2, '{"at":"2026-02-02T02:40:04.028Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"member_was","member":"member-a1","order":"ready"},{"fact":"member","member":"member-a1","order":"drain","sessions":2}],"trouble":null}}');
INSERT INTO public.journal VALUES (2, 3, '{"at":"2026-02-02T02:40:04.03Z","event":{"event":"finished","outcome":{"outcome":"done"}}}');
INSERT INTO public.journal VALUES (3, 0, '{"at":"2026-02-02T02:40:04Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"local_switchover","side":"a"},"plan":"69f9ef37edf53443d043ca221f54f76198ecf5b18d456e6e578960dd2c9b908a","planned_at":"2026-02-02T02:40:04Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"local_switchover","side":"a"},"epoch":0,"made_at":"2026-02-02T02:40:04Z","steps":[{"step":"preflight"},{"step":"mark","side":"a"},{"step":"switch_in_site","side":"a"},{"step":"verify","side":"a"},{"step":"reprotect","side":"b"}],"leaders":[["a","a1",7],["b","b1",7]],"not_passed":[],"loss":{"state":"protected","loss_bytes":248,"loss":1005,"bound":"about","measured_at":"2026-02-02T02:40:03.187Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (3, 1, '{"at":"2026-02-02T02:40:04.002Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (3, 2, '{"at":"2026-02-02T02:40:04.014Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"leader","side":"b","node":"b1","timeline":7}],"trouble":null}}');
INSERT INTO public.journal VALUES (3, 3, '{"at":"2026-02-02T02:40:04.016Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (3, 4, '{"at":"2026-02-02T02:40:04.066Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"written","node":"a1","at":"5/300D608"},{"fact":"marker","node":"a1"}],"trouble":null}}');
INSERT INTO public.journal VALUES (3, 5, '{"at":"2026-02-02T02:40:04.068Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (3, 6, '{"at":"2026-02-02T02:40:04.524Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"leader","side":"a","node":"a2","timeline":8}],"trouble":null}}');
INSERT INTO public.journal VALUES (3, 7, '{"at":"2026-02-02T02:40:04.526Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (3, 10, '{"at":"2026-02-02T02:40:04.581Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (3, 8, '{"at":"2026-02-02T02:40:04.577Z","event":{"event":"outage_seen","outage":{"last_write_at":"2026-02-02T02:40:04.184Z","first_write_at":"2026-02-02T02:40:04.537Z","acknowledged":6,"found":6,"uncertain":0}}}');
INSERT INTO public.journal VALUES (3, 11, '{"at":"2026-02-02T02:40:10.386Z","event":{"event":"step_ended","step":4,"facts":[{"fact":"written","node":"a2","at":"5/3010BC8"},{"fact":"follows","node":"b1","timeline":8,"replayed":"5/301BE90"},{"fact":"follows","node":"b2","timeline":8,"replayed":"5/301BE90"},{"fact":"mirror","node":"a1"}],"trouble":null}}');
INSERT INTO public.journal VALUES (4, 0, '{"at":"2026-02-02T02:40:20.7Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"failover","to":"b"},"plan":"6b918168036eb84e87d1e6955a53e19b4315119607a539c836222b4c2213ba10","planned_at":"2026-02-02T02:40:20.7Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b","accepts_loss":true,"acknowledged":["one_database","one_primary","leaders_known","same_timeline","backup_hears","loss_within_policy","cross_site_slot","mirror_in_step","backup_mirror_follows","archive_ships","not_paused","no_pending_restart","nothing_scheduled","unique_names","same_version","settings_fit","clocks_agree","etcd_healthy","guard_installed","demotes_cleanly","role_rights"],"attestation":"the power is off, said the people there","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"failover","to":"b"},"epoch":0,"made_at":"2026-02-02T02:40:20.7Z","steps":[{"step":"establish","side":"a"},{"step":"fence","side":"a"},{"step":"settle","side":"b"},{"step":"promote","side":"b"},{"step":"verify","side":"b"},{"step":"reroute","to":"b"}],"leaders":[["a",null,null],["b","b1",7]],"not_passed":[["one_database","unknown"],["one_primary","unknown"],["leaders_known","unknown"],["same_timeline","unknown"],["backup_hears","unknown"],["loss_within_policy","unknown"],["cross_site_slot","unknown"],["mirror_in_step","unknown"],["backup_mirror_follows","unknown"],["archive_ships","unknown"],["not_paused","unknown"],["no_pending_restart","unknown"],["nothing_scheduled","unknown"],["unique_names","unknown"],["same_version","unknown"],["settings_fit","unknown"],["clocks_agree","unknown"],["etcd_healthy","unknown"],["guard_installed","unknown"],["demotes_cleanly","unknown"],["role_rights","unknown"]],"loss":{"state":"site_silent","loss_bytes":248,"loss":0,"bound":"was","measured_at":"2026-02-02T02:40:20.179Z"},"unproven":["a1","a2"],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (4, 3, '{"at":"2026-02-02T02:40:20.716Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (4, 6, '{"at":"2026-02-02T02:40:20.92Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"rest","node":"b1","received":"5/300D3A0","replayed":"5/300D3A0"},{"fact":"last_heartbeat","node":"b1","at":"2026-02-02T02:40:03.187Z"}],"trouble":null}}');
INSERT INTO public.journal VALUES (4, 10, '{"at":"2026-02-02T02:40:21.275Z","event":{"event":"outage_seen","outage":{"last_write_at":"2026-02-02T02:40:03.187Z","first_write_at":"2026-02-02T02:40:21.257Z","acknowledged":0,"found":null,"uncertain":1000}}}');
INSERT INTO public.journal VALUES (4, 12, '{"at":"2026-02-02T02:40:21.279Z","event":{"event":"step_begun","step":5}}');
INSERT INTO public.journal VALUES (4, 14, '{"at":"2026-02-02T02:40:21.333Z","event":{"event":"finished","outcome":{"outcome":"done"}}}');
INSERT INTO public.journal VALUES (5, 1, '{"at":"2026-02-02T02:40:56.624Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (5, 4, '{"at":"2026-02-02T02:40:56.659Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"nothing_to_save","side":"a"}],"trouble":null}}');
INSERT INTO public.journal VALUES (5, 7, '{"at":"2026-02-02T02:40:56.763Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (5, 10, '{"at":"2026-02-02T02:41:12.229Z","event":{"event":"step_ended","step":4,"facts":[{"fact":"member","member":"member-b1","order":"ready","sessions":12},{"fact":"member","member":"member-b2","order":"ready","sessions":12},{"fact":"member","member":"member-a1","order":"drain","sessions":0},{"fact":"member","member":"member-a2","order":"drain","sessions":0}],"trouble":null}}');
INSERT INTO public.journal VALUES (6, 0, '{"at":"2026-02-02T02:41:08.102Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"reprotect","side":"a"},"plan":"449bc849009dfd7215506d358fbeb8bf18c7b8e7b0d0376b87797d97754fa31f","planned_at":"2026-02-02T02:41:08.102Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"reprotect","side":"a"},"epoch":1,"made_at":"2026-02-02T02:41:08.102Z","steps":[{"step":"inspect","side":"a"},{"step":"save","side":"a"},{"step":"follow","side":"a"},{"step":"reprotect","side":"a"},{"step":"reroute","to":"b"}],"leaders":[["a","a2",7],["b","b1",8]],"not_passed":[],"loss":{"state":"at_risk","loss_bytes":null,"loss":null,"bound":"not_known","measured_at":"2026-02-02T02:41:07.247Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (6, 2, '{"at":"2026-02-02T02:41:08.135Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"histories_agree","timeline":7},{"fact":"diverged","side":"a","node":"a1","timeline":7,"fork":"5/300D3A0","end":"5/3022028","rows":null}],"trouble":null}}');
INSERT INTO public.journal VALUES (6, 5, '{"at":"2026-02-02T02:41:08.166Z","event":{"event":"asked","question":{"number":1,"step":1,"undoing":false,"trouble":{"trouble":"not_saved","side":"a","node":"a1","what":[{"left_out":"table","database":"load","schema":"public","table":"numbered","rows":462,"why":"permission denied for table numbered (42501)"}]},"options":["retry","give_up","undo"]}}}');
INSERT INTO public.journal VALUES (6, 8, '{"at":"2026-02-02T02:41:11.322Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"stored","side":"a","node":"a2","follows":true,"already":false}],"trouble":null}}');
INSERT INTO public.journal VALUES (6, 11, '{"at":"2026-02-02T02:41:24.744Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (7, 2, '{"at":"2026-02-02T02:40:04.014Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"leader","side":"b","node":"b1","timeline":7}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 5, '{"at":"2026-02-02T02:40:04.02Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (7, 8, '{"at":"2026-02-02T02:40:04.026Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 11, '{"at":"2026-02-02T02:40:04.032Z","event":{"event":"step_begun","step":5}}');
INSERT INTO public.journal VALUES (7, 14, '{"at":"2026-02-02T02:40:04.038Z","event":{"event":"step_ended","step":6,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 17, '{"at":"2026-02-02T02:40:04.044Z","event":{"event":"step_begun","step":8}}');
INSERT INTO public.journal VALUES (8, 2, '{"at":"2026-02-02T02:41:01.903Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"leader","side":"b","node":"b1","timeline":7}],"trouble":null}}');
INSERT INTO public.journal VALUES (8, 5, '{"at":"2026-02-02T02:41:01.948Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (8, 8, '{"at":"2026-02-02T02:41:02.418Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"leader","side":"b","node":"b1","timeline":7},{"fact":"written","node":"a1","at":"5/3092468"},{"fact":"stored","side":"a","node":"a1","follows":true,"already":false}],"trouble":null}}');
INSERT INTO public.journal VALUES (3, 9, '{"at":"2026-02-02T02:40:04.579Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"promoted","node":"a2","from":7,"to":8,"at":"5/300E660"},{"fact":"marker","node":"a2"},{"fact":"rows_found","acknowledged":6,"found":6},{"fact":"clients_waited","outage":{"last_write_at":"2026-02-02T02:40:04.184Z","first_write_at":"2026-02-02T02:40:04.537Z","acknowledged":6,"found":6,"uncertain":0}}],"trouble":null}}');
INSERT INTO public.journal VALUES (3, 12, '{"at":"2026-02-02T02:40:10.388Z","event":{"event":"finished","outcome":{"outcome":"done"}}}');
INSERT INTO public.journal VALUES (4, 1, '{"at":"2026-02-02T02:40:20.702Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (4, 4, '{"at":"2026-02-02T02:40:20.792Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"order_failed","endpoint":"etcd-a","order":"hold","answer":{"how":"unanswered","failure":"refused"}},{"fact":"order_failed","endpoint":"patroni-a1","order":"hold","answer":{"how":"unanswered","failure":"refused"}},{"fact":"order_failed","endpoint":"patroni-a2","order":"hold","answer":{"how":"unanswered","failure":"refused"}},{"fact":"order_failed","endpoint":"haproxy-a","order":"close_members","answer":{"how":"unanswered","failure":"refused"}},{"fact":"silent","node":"a1"},{"fact":"silent","node":"a2"},{"fact":"attested","by":"ann","how":"the power is off, said the people there"}],"trouble":null}}');
INSERT INTO public.journal VALUES (4, 8, '{"at":"2026-02-02T02:40:20.988Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"stored","side":"b","node":"b1","follows":false,"already":false},{"fact":"last_confirmed","side":"a","at":"2026-02-02T02:40:03.187Z","failing_since":"2026-02-02T02:40:04.187Z","gone_since":null}],"trouble":null}}');
INSERT INTO public.journal VALUES (5, 2, '{"at":"2026-02-02T02:40:56.655Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"histories_agree","timeline":7}],"trouble":null}}');
INSERT INTO public.journal VALUES (5, 5, '{"at":"2026-02-02T02:40:56.661Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (5, 8, '{"at":"2026-02-02T02:41:12.115Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"elected","node":"a2"},{"fact":"written","node":"b1","at":"5/30826A8"},{"fact":"follows","node":"a1","timeline":8,"replayed":"5/3082988"},{"fact":"follows","node":"a2","timeline":8,"replayed":"5/3082988"},{"fact":"mirror","node":"b2"}],"trouble":null}}');
INSERT INTO public.journal VALUES (5, 11, '{"at":"2026-02-02T02:41:12.231Z","event":{"event":"finished","outcome":{"outcome":"done"}}}');
INSERT INTO public.journal VALUES (6, 3, '{"at":"2026-02-02T02:41:08.137Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (6, 6, '{"at":"2026-02-02T02:41:11.204Z","event":{"event":"answered","number":1,"choice":"give_up","by":"ann","reason":"as agreed"}}');
INSERT INTO public.journal VALUES (6, 9, '{"at":"2026-02-02T02:41:11.324Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (6, 12, '{"at":"2026-02-02T02:41:24.859Z","event":{"event":"step_ended","step":4,"facts":[{"fact":"member","member":"member-b1","order":"ready","sessions":12},{"fact":"member","member":"member-b2","order":"ready","sessions":12},{"fact":"member","member":"member-a1","order":"drain","sessions":0},{"fact":"member","member":"member-a2","order":"drain","sessions":0}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 0, '{"at":"2026-02-02T02:40:04Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"switchover","to":"b"},"plan":"c612a95f89936953e9b129e675fa0e2cd5b23b3dcf6e9e02f88b95f040288655","planned_at":"2026-02-02T02:40:04Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":true},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"switchover","to":"b"},"epoch":0,"made_at":"2026-02-02T02:40:04Z","steps":[{"step":"preflight"},{"step":"mark","side":"a"},{"step":"warm","side":"a"},{"step":"demote","side":"a"},{"step":"prove","from":"a","to":"b"},{"step":"promote","side":"b"},{"step":"verify","side":"b"},{"step":"reroute","to":"b"},{"step":"reprotect","side":"a"}],"leaders":[["a","a1",7],["b","b1",7]],"not_passed":[],"loss":{"state":"protected","loss_bytes":248,"loss":1005,"bound":"about","measured_at":"2026-02-02T02:40:03.187Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (7, 3, '{"at":"2026-02-02T02:40:04.016Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (7, 6, '{"at":"2026-02-02T02:40:04.022Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 9, '{"at":"2026-02-02T02:40:04.028Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (7, 12, '{"at":"2026-02-02T02:40:04.034Z","event":{"event":"step_ended","step":5,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 15, '{"at":"2026-02-02T02:40:04.04Z","event":{"event":"step_begun","step":7}}');
INSERT INTO public.journal VALUES (7, 18, '{"at":"2026-02-02T02:40:04.046Z","event":{"event":"step_ended","step":8,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (8, 0, '{"at":"2026-02-02T02:41:01.88Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"switchover","to":"b"},"plan":"c612a95f89936953e9b129e675fa0e2cd5b23b3dcf6e9e02f88b95f040288655","planned_at":"2026-02-02T02:41:01.88Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-b","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"switchover","to":"b"},"epoch":0,"made_at":"2026-02-02T02:41:01.88Z","steps":[{"step":"preflight"},{"step":"mark","side":"a"},{"step":"warm","side":"a"},{"step":"demote","side":"a"},{"step":"prove","from":"a","to":"b"},{"step":"promote","side":"b"},{"step":"verify","side":"b"},{"step":"reroute","to":"b"},{"step":"reprotect","side":"a"}],"leaders":[["a","a1",7],["b","b1",7]],"not_passed":[],"loss":{"state":"protected","loss_bytes":248,"loss":1002,"bound":"about","measured_at":"2026-02-02T02:41:00.964Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (8, 3, '{"at":"2026-02-02T02:41:01.905Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (8, 6, '{"at":"2026-02-02T02:41:02.261Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"checkpoint","node":"a1","took":267}],"trouble":null}}');
INSERT INTO public.journal VALUES (8, 9, '{"at":"2026-02-02T02:41:02.42Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (8, 12, '{"at":"2026-02-02T02:41:02.738Z","event":{"event":"step_ended","step":5,"facts":[{"fact":"order_failed","endpoint":"patroni-b1","order":"lead","answer":{"how":"refused","said":"status 401: not authenticated"}},{"fact":"no_order_taken"}],"trouble":{"trouble":"refused","endpoint":"patroni-b1","said":"status 401: not authenticated"}}}');
INSERT INTO public.journal VALUES (8, 15, '{"at":"2026-02-02T02:41:03.592Z","event":{"event":"undo_ended","step":3,"facts":[],"trouble":{"trouble":"not_fenced","side":"b","unreached":["patroni-b1","postgres-b1","patroni-b2","postgres-b2"]}}}');
INSERT INTO public.journal VALUES (9, 1, '{"at":"2026-02-02T02:40:20.702Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (4, 2, '{"at":"2026-02-02T02:40:20.714Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"answer","endpoint":"patroni-a1","failure":"refused"},{"fact":"answer","endpoint":"postgres-a1","failure":"refused"},{"fact":"answer","endpoint":"patroni-a2","failure":"refused"},{"fact":"answer","endpoint":"postgres-a2","failure":"refused"},{"fact":"answer","endpoint":"haproxy-a","failure":"refused"},{"fact":"answer","endpoint":"etcd-a","failure":"refused"},{"fact":"leader","side":"b","node":"b1","timeline":7},{"fact":"expected_loss","bytes":248,"time":0,"age":17527}],"trouble":null}}');
INSERT INTO public.journal VALUES (4, 5, '{"at":"2026-02-02T02:40:20.794Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (4, 7, '{"at":"2026-02-02T02:40:20.922Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (4, 9, '{"at":"2026-02-02T02:40:20.99Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (4, 11, '{"at":"2026-02-02T02:40:21.277Z","event":{"event":"step_ended","step":4,"facts":[{"fact":"promoted","node":"b1","from":7,"to":8,"at":"5/300D418"},{"fact":"clients_waited","outage":{"last_write_at":"2026-02-02T02:40:03.187Z","first_write_at":"2026-02-02T02:40:21.257Z","acknowledged":0,"found":null,"uncertain":1000}},{"fact":"silent","node":"a1"},{"fact":"silent","node":"a2"}],"trouble":null}}');
INSERT INTO public.journal VALUES (4, 13, '{"at":"2026-02-02T02:40:21.331Z","event":{"event":"step_ended","step":5,"facts":[{"fact":"member","member":"member-b1","order":"ready","sessions":12},{"fact":"member","member":"member-b2","order":"ready","sessions":12}],"trouble":null}}');
INSERT INTO public.journal VALUES (5, 0, '{"at":"2026-02-02T02:40:56.622Z","event":{"event":"requested","request":{"pool":"chat-core","intent":{"kind":"reprotect","side":"a"},"plan":"735ed50d0511b110e64e9ad74243bfd56e2a1c5677869da2e03cef3d9e80f09f","planned_at":"2026-02-02T02:40:56.622Z","reason":"because it is to be","ticket":"","typed_pool":"chat-core","typed_site":"dc-a","accepts_loss":true,"acknowledged":[],"attestation":"","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"chat-core","intent":{"kind":"reprotect","side":"a"},"epoch":1,"made_at":"2026-02-02T02:40:56.622Z","steps":[{"step":"inspect","side":"a"},{"step":"save","side":"a"},{"step":"follow","side":"a"},{"step":"reprotect","side":"a"},{"step":"reroute","to":"b"}],"leaders":[["a",null,null],["b","b1",8]],"not_passed":[],"loss":{"state":"unprotected","loss_bytes":null,"loss":null,"bound":"not_known","measured_at":"2026-02-02T02:40:56.182Z"},"unproven":[],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (5, 3, '{"at":"2026-02-02T02:40:56.657Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (5, 6, '{"at":"2026-02-02T02:40:56.761Z","event":{"event":"step_ended","step":2,"facts":[{"fact":"stored","side":"a","node":"a1","follows":true,"already":false}],"trouble":null}}');
INSERT INTO public.journal VALUES (5, 9, '{"at":"2026-02-02T02:41:12.117Z","event":{"event":"step_begun","step":4}}');
INSERT INTO public.journal VALUES (6, 1, '{"at":"2026-02-02T02:41:08.104Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (6, 4, '{"at":"2026-02-02T02:41:08.164Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"lost_writes","node":"a1","timeline":7,"fork":"5/300D3A0","end":"5/3022028","writes":{"transactions":462,"bytes":46200,"first_commit_at":null,"last_commit_at":null,"tables":[{"database":"load","table":"public.numbered","inserted":462,"updated":0,"deleted":0,"saved":0}],"more_tables":0,"complete":true}},{"fact":"saved","node":"a1","name":"lost-rows-a1.jsonl","rows":0,"bytes":421,"tables":0,"left_out":1},{"fact":"data_directory","node":"a1","path":"/var/lib/postgresql/a1"}],"trouble":{"trouble":"not_saved","side":"a","node":"a1","what":[{"left_out":"table","database":"load","schema":"public","table":"numbered","rows":462,"why":"permission denied for table numbered (42501)"}]}}}');
INSERT INTO public.journal VALUES (6, 7, '{"at":"2026-02-02T02:41:11.206Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (6, 10, '{"at":"2026-02-02T02:41:24.742Z","event":{"event":"step_ended","step":3,"facts":[{"fact":"written","node":"b1","at":"5/306A378"},{"fact":"follows","node":"a1","timeline":8,"replayed":"5/306A7C8"},{"fact":"follows","node":"a2","timeline":8,"replayed":"5/306A7C8"},{"fact":"mirror","node":"b2"}],"trouble":null}}');
INSERT INTO public.journal VALUES (6, 13, '{"at":"2026-02-02T02:41:24.861Z","event":{"event":"finished","outcome":{"outcome":"done"}}}');
INSERT INTO public.journal VALUES (7, 1, '{"at":"2026-02-02T02:40:04.002Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (7, 4, '{"at":"2026-02-02T02:40:04.018Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 7, '{"at":"2026-02-02T02:40:04.024Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (7, 10, '{"at":"2026-02-02T02:40:04.03Z","event":{"event":"step_ended","step":4,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 13, '{"at":"2026-02-02T02:40:04.036Z","event":{"event":"step_begun","step":6}}');
INSERT INTO public.journal VALUES (7, 16, '{"at":"2026-02-02T02:40:04.042Z","event":{"event":"step_ended","step":7,"facts":[{"fact":"rehearsed"}],"trouble":null}}');
INSERT INTO public.journal VALUES (7, 19, '{"at":"2026-02-02T02:40:04.048Z","event":{"event":"finished","outcome":{"outcome":"done"}}}');
INSERT INTO public.journal VALUES (8, 1, '{"at":"2026-02-02T02:41:01.882Z","event":{"event":"step_begun","step":0}}');
INSERT INTO public.journal VALUES (8, 4, '{"at":"2026-02-02T02:41:01.946Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"leader","side":"a","node":"a1","timeline":7},{"fact":"written","node":"a1","at":"5/30904A0"},{"fact":"marker","node":"a1"}],"trouble":null}}');
INSERT INTO public.journal VALUES (8, 7, '{"at":"2026-02-02T02:41:02.263Z","event":{"event":"step_begun","step":3}}');
INSERT INTO public.journal VALUES (8, 10, '{"at":"2026-02-02T02:41:02.67Z","event":{"event":"step_ended","step":4,"facts":[{"fact":"shutdown_replayed","node":"b1","record":"5/30933D0","end":"5/3093448","timeline":7},{"fact":"no_longer_primary","node":"a1","said":"demoted, stopping"},{"fact":"no_longer_primary","node":"a2","said":"standby_leader, running"}],"trouble":null}}');
INSERT INTO public.journal VALUES (8, 13, '{"at":"2026-02-02T02:41:02.74Z","event":{"event":"gave_up","why":{"why":"step_failed","step":5,"trouble":{"trouble":"refused","endpoint":"patroni-b1","said":"status 401: not authenticated"}}}}');
INSERT INTO public.journal VALUES (8, 16, '{"at":"2026-02-02T02:41:03.594Z","event":{"event":"outage_seen","outage":{"last_write_at":"2026-02-02T02:41:02.553Z","first_write_at":null,"acknowledged":20,"found":null,"uncertain":0}}}');
INSERT INTO public.journal VALUES (9, 2, '{"at":"2026-02-02T02:40:20.714Z","event":{"event":"step_ended","step":0,"facts":[{"fact":"answer","endpoint":"patroni-a1","failure":"refused"},{"fact":"answer","endpoint":"postgres-a1","failure":"refused"},{"fact":"answer","endpoint":"patroni-a2","failure":"refused"},{"fact":"answer","endpoint":"postgres-a2","failure":"refused"},{"fact":"answer","endpoint":"haproxy-a","failure":"refused"},{"fact":"answer","endpoint":"etcd-a","failure":"refused"},{"fact":"leader","side":"b","node":"b1","timeline":7},{"fact":"expected_loss","bytes":248,"time":0,"age":17527}],"trouble":null}}');
INSERT INTO public.journal VALUES (9, 5, '{"at":"2026-02-02T02:40:20.794Z","event":{"event":"step_begun","step":2}}');
INSERT INTO public.journal VALUES (8, 11, '{"at":"2026-02-02T02:41:02.672Z","event":{"event":"step_begun","step":5}}');
INSERT INTO public.journal VALUES (8, 14, '{"at":"2026-02-02T02:41:02.742Z","event":{"event":"undo_begun","step":3}}');
INSERT INTO public.journal VALUES (8, 17, '{"at":"2026-02-02T02:41:03.596Z","event":{"event":"asked","question":{"number":1,"step":3,"undoing":true,"trouble":{"trouble":"not_fenced","side":"b","unreached":["patroni-b1","postgres-b1","patroni-b2","postgres-b2"]},"options":["retry","attest","abandon"]}}}');
INSERT INTO public.journal VALUES (9, 0, '{"at":"2026-02-02T02:40:20.7Z","event":{"event":"requested","request":{"pool":"files","intent":{"kind":"failover","to":"b"},"plan":"6b918168036eb84e87d1e6955a53e19b4315119607a539c836222b4c2213ba10","planned_at":"2026-02-02T02:40:20.7Z","reason":"because it is to be","ticket":"","typed_pool":"files","typed_site":"dc-b","accepts_loss":true,"acknowledged":["one_database","one_primary","leaders_known","same_timeline","backup_hears","loss_within_policy","cross_site_slot","mirror_in_step","backup_mirror_follows","archive_ships","not_paused","no_pending_restart","nothing_scheduled","unique_names","same_version","settings_fit","clocks_agree","etcd_healthy","guard_installed","demotes_cleanly","role_rights"],"attestation":"the power is off, said the people there","overridden":[],"dry_run":false},"by":"ann","plan":{"pool":"files","intent":{"kind":"failover","to":"b"},"epoch":0,"made_at":"2026-02-02T02:40:20.7Z","steps":[{"step":"establish","side":"a"},{"step":"fence","side":"a"},{"step":"settle","side":"b"},{"step":"promote","side":"b"},{"step":"verify","side":"b"},{"step":"reroute","to":"b"}],"leaders":[["a",null,null],["b","b1",7]],"not_passed":[["one_database","unknown"],["one_primary","unknown"],["leaders_known","unknown"],["same_timeline","unknown"],["backup_hears","unknown"],["loss_within_policy","unknown"],["cross_site_slot","unknown"],["mirror_in_step","unknown"],["backup_mirror_follows","unknown"],["archive_ships","unknown"],["not_paused","unknown"],["no_pending_restart","unknown"],["nothing_scheduled","unknown"],["unique_names","unknown"],["same_version","unknown"],["settings_fit","unknown"],["clocks_agree","unknown"],["etcd_healthy","unknown"],["guard_installed","unknown"],["demotes_cleanly","unknown"],["role_rights","unknown"]],"loss":{"state":"site_silent","loss_bytes":248,"loss":0,"bound":"was","measured_at":"2026-02-02T02:40:20.179Z"},"unproven":["a1","a2"],"witnesses":[],"objections":[]}}}');
INSERT INTO public.journal VALUES (9, 3, '{"at":"2026-02-02T02:40:20.716Z","event":{"event":"step_begun","step":1}}');
INSERT INTO public.journal VALUES (9, 4, '{"at":"2026-02-02T02:40:20.792Z","event":{"event":"step_ended","step":1,"facts":[{"fact":"order_failed","endpoint":"etcd-a","order":"hold","answer":{"how":"unanswered","failure":"refused"}},{"fact":"order_failed","endpoint":"patroni-a1","order":"hold","answer":{"how":"unanswered","failure":"refused"}},{"fact":"order_failed","endpoint":"patroni-a2","order":"hold","answer":{"how":"unanswered","failure":"refused"}},{"fact":"order_failed","endpoint":"haproxy-a","order":"close_members","answer":{"how":"unanswered","failure":"refused"}},{"fact":"silent","node":"a1"},{"fact":"silent","node":"a2"},{"fact":"attested","by":"ann","how":"the power is off, said the people there"}],"trouble":null}}');

INSERT INTO public.leases VALUES ('chat-core', '4f9860e', 1, 1769999010007, 'a machine that is gone 4f9860e', 11000);
INSERT INTO public.leases VALUES ('files', '4f9860e', 1, 1769999010000, 'a machine that is gone 4f9860e', 11000);

INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (1, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (2, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (3, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (4, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (5, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (6, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (7, 'chat-core', 1);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (8, 'chat-core', 0);
INSERT INTO public.operations OVERRIDING SYSTEM VALUE VALUES (9, 'files', 0);

INSERT INTO public.people VALUES ('ann', 'Ann', 'no password fits this', 1769999000000);

INSERT INTO public.points VALUES ('chat-core', 'loss_ms', 10000, 1769999000000, 1, 3, 2, 1769999000000);
INSERT INTO public.points VALUES ('chat-core', 'loss_ms', 120000, 1769998920000, 1, 3, 2, 1769999000000);
INSERT INTO public.points VALUES ('chat-core', 'loss_ms', 3600000, 1769997600000, 1, 3, 2, 1769999000000);

INSERT INTO public.pools VALUES ('chat-core', 2, 1770000084861);
INSERT INTO public.pools VALUES ('files', 0, NULL);

INSERT INTO public.remembered VALUES ('ann:key-0', '\x0000000000000000000000000000000000000000000000000000000000000000', 'op-0001', 1770000004000);
INSERT INTO public.remembered VALUES ('ann:key-1', '\x0101010101010101010101010101010101010101010101010101010101010101', 'op-0002', 1770000004000);
INSERT INTO public.remembered VALUES ('ann:key-2', '\x0202020202020202020202020202020202020202020202020202020202020202', 'op-0003', 1770000004000);
INSERT INTO public.remembered VALUES ('ann:key-3', '\x0303030303030303030303030303030303030303030303030303030303030303', 'op-0004', 1770000020700);
INSERT INTO public.remembered VALUES ('ann:key-4', '\x0404040404040404040404040404040404040404040404040404040404040404', 'op-0005', 1770000056622);
INSERT INTO public.remembered VALUES ('ann:key-5', '\x0505050505050505050505050505050505050505050505050505050505050505', 'op-0006', 1770000068102);
INSERT INTO public.remembered VALUES ('ann:key-6', '\x0606060606060606060606060606060606060606060606060606060606060606', 'op-0007', 1770000004000);
INSERT INTO public.remembered VALUES ('ann:key-7', '\x0707070707070707070707070707070707070707070707070707070707070707', 'op-0008', 1770000061880);
INSERT INTO public.remembered VALUES ('ann:key-8', '\x0808080808080808080808080808080808080808080808080808080808080808', 'op-0009', 1770000020700);

INSERT INTO public.write_check VALUES (1, 0);

SELECT pg_catalog.setval('public.audit_id_seq', 116, true);

SELECT pg_catalog.setval('public.changes_id_seq', 2, true);

SELECT pg_catalog.setval('public.operations_id_seq', 9, true);

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.confirmed
    ADD CONSTRAINT confirmed_pkey PRIMARY KEY (pool);

ALTER TABLE ONLY public.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (operation, name);

ALTER TABLE ONLY public.fences
    ADD CONSTRAINT fences_pkey PRIMARY KEY (pool, side);

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (operation, number);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (pool);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (login);

ALTER TABLE ONLY public.points
    ADD CONSTRAINT points_pkey PRIMARY KEY (pool, metric, step_ms, at);

ALTER TABLE ONLY public.pools
    ADD CONSTRAINT pools_pkey PRIMARY KEY (pool);

ALTER TABLE ONLY public.remembered
    ADD CONSTRAINT remembered_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.restored
    ADD CONSTRAINT restored_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (secret_hash);

ALTER TABLE ONLY public.set_up
    ADD CONSTRAINT set_up_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.write_check
    ADD CONSTRAINT write_check_pkey PRIMARY KEY (only_one);

CREATE INDEX changes_of_a_pool ON public.changes USING btree (pool, at, id);

CREATE UNIQUE INDEX open_operation_of_a_pool ON public.operations USING btree (pool) WHERE (ended = 0);

CREATE INDEX operations_of_a_pool ON public.operations USING btree (pool, id);

CREATE INDEX points_by_age ON public.points USING btree (step_ms, at);

CREATE INDEX remembered_by_age ON public.remembered USING btree (at);

CREATE INDEX sessions_of_a_person ON public.sessions USING btree (login);

CREATE TRIGGER audit_refuses_change BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.audit_refuses_change();

ALTER TABLE public.audit ENABLE ALWAYS TRIGGER audit_refuses_change;

CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuses_change();

ALTER TABLE public.audit ENABLE ALWAYS TRIGGER audit_refuses_truncate;

CREATE TRIGGER evidence_refuses_change BEFORE DELETE OR UPDATE ON public.evidence FOR EACH ROW EXECUTE FUNCTION public.evidence_refuses_change();

ALTER TABLE public.evidence ENABLE ALWAYS TRIGGER evidence_refuses_change;

CREATE TRIGGER evidence_refuses_late BEFORE INSERT ON public.evidence FOR EACH ROW EXECUTE FUNCTION public.evidence_refuses_late();

ALTER TABLE public.evidence ENABLE ALWAYS TRIGGER evidence_refuses_late;

CREATE TRIGGER evidence_refuses_truncate BEFORE TRUNCATE ON public.evidence FOR EACH STATEMENT EXECUTE FUNCTION public.evidence_refuses_change();

ALTER TABLE public.evidence ENABLE ALWAYS TRIGGER evidence_refuses_truncate;

CREATE TRIGGER journal_refuses_change BEFORE DELETE OR UPDATE ON public.journal FOR EACH ROW EXECUTE FUNCTION public.journal_refuses_change();

ALTER TABLE public.journal ENABLE ALWAYS TRIGGER journal_refuses_change;

CREATE TRIGGER journal_refuses_gaps BEFORE INSERT ON public.journal FOR EACH ROW EXECUTE FUNCTION public.journal_refuses_gaps();

ALTER TABLE public.journal ENABLE ALWAYS TRIGGER journal_refuses_gaps;

CREATE TRIGGER journal_refuses_truncate BEFORE TRUNCATE ON public.journal FOR EACH STATEMENT EXECUTE FUNCTION public.journal_refuses_change();

ALTER TABLE public.journal ENABLE ALWAYS TRIGGER journal_refuses_truncate;

CREATE TRIGGER operations_refuse_change BEFORE DELETE OR UPDATE ON public.operations FOR EACH ROW EXECUTE FUNCTION public.operations_refuse_change();

ALTER TABLE public.operations ENABLE ALWAYS TRIGGER operations_refuse_change;

CREATE TRIGGER operations_refuse_truncate BEFORE TRUNCATE ON public.operations FOR EACH STATEMENT EXECUTE FUNCTION public.operations_refuse_change();

ALTER TABLE public.operations ENABLE ALWAYS TRIGGER operations_refuse_truncate;

ALTER TABLE ONLY public.evidence
    ADD CONSTRAINT evidence_operation_fkey FOREIGN KEY (operation) REFERENCES public.operations(id);

ALTER TABLE ONLY public.fences
    ADD CONSTRAINT fences_pool_fkey FOREIGN KEY (pool) REFERENCES public.pools(pool);

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_operation_fkey FOREIGN KEY (operation) REFERENCES public.operations(id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_login_fkey FOREIGN KEY (login) REFERENCES public.people(login) ON DELETE CASCADE;

