insert into switchback.heartbeat as row (id, beat, beat_at)
values (1, 1, $1::timestamptz)
on conflict (id) do update set beat = row.beat + 1, beat_at = excluded.beat_at
returning json_build_object('beat', beat, 'beat_at', beat_at)::text
