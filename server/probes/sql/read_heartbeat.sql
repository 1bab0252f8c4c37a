select json_build_object('beat', beat, 'beat_at', beat_at)::text from switchback.heartbeat where id = 1
