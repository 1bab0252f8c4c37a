-- Rooms that several members of a pool serve at once, with the database between them. To be loaded on the rooms' component,
-- after muc_mam. It does three things:
--
--  1. A message whose archive entry did not commit is refused with the error wait/resource-constraint and shown to nobody.
--     Stock Prosody shows it, only without <stanza-id>, and it is gone after the next failover.
--  2. Messages that another member archived are shown to this member's occupants: the archive is looked at five times a second.
--     Presence is not shared, only messages are.
--  3. A member that stops does not write its rooms back. They are cached per member, so that the last one to stop would
--     overwrite what was changed through another one.

local sql = require "util.sql";
local st = require "util.stanza";
local xml = require "util.xml";
local cache = require "util.cache";
local jid_node = require "util.jid".node;

local muc = module:depends("muc");
local host = module.host;

local xmlns_sid = "urn:xmpp:sid:0";
local poll_every_s, poll_after_failure_s = 0.2, 1;
-- Numbers of the archive are given out in another order than that in which their transactions commit; so many are looked at again.
local look_back = 50;

-- Ids of the messages that this member's occupants have seen, whoever archived them.
local seen = cache.new(5000);

local function archive_id(room, stanza)
	for tag in stanza:childtags("stanza-id", xmlns_sid) do
		if tag.attr.by == room.jid then return tag.attr.id; end
	end
end

local function must_be_archived(stanza)
	return stanza.attr.type == "groupchat" and stanza:get_child("body") ~= nil;
end

---- 1. Nothing is shown that is not archived

-- Who sent the message that is being handled; one at a time, because Prosody is a single thread.
local sender;

module:hook("muc-occupant-groupchat", function (event)
	local attr = event.stanza.attr;
	sender = { origin = event.origin, id = attr.id, from = attr.from, to = attr.to };
end, 1000);

-- After muc_mam (0) has tried to archive it and before the in-memory history (-1) would keep it.
module:hook("muc-add-history", function (event)
	if must_be_archived(event.stanza) and not archive_id(event.room, event.stanza) then return true; end
end, -0.5);

module:hook("muc-broadcast-message", function (event)
	if not must_be_archived(event.stanza) then return; end
	local id = archive_id(event.room, event.stanza);
	if id then
		seen:set(id, true);
		return;
	end
	if sender and sender.origin then
		local original = st.message({ id = sender.id, from = sender.from, to = sender.to, type = "groupchat" });
		sender.origin.send(st.error_reply(original, "wait", "resource-constraint", "not archived: the database is away"));
	end
	return true;
end, -10);

---- 2. What other members archived

local engine = sql:create_engine(module:get_option("sql"), function () end);
-- The highest number of the archive seen so far; nothing before it was there when this member started.
local last;

local newest = [[SELECT COALESCE(MAX("sort_id"), 0) FROM "prosodyarchive"]];
local since = [[SELECT "sort_id", "key", "user", "value" FROM "prosodyarchive" WHERE "sort_id" > ? AND "host" = ?
	AND "store" = 'muc_log' AND "with" = 'message<groupchat' ORDER BY "sort_id" LIMIT 500]];

local function entries()
	return engine:transaction(function ()
		local rows = {};
		if not last then
			for row in engine:select(newest) do last = tonumber(row[1]); end
			return rows;
		end
		for row in engine:select(since, last - look_back, host) do rows[#rows + 1] = row; end
		return rows;
	end);
end

local function show(id, room_name, text)
	seen:set(id, true);
	for room in muc.live_rooms() do
		if jid_node(room.jid) == room_name then
			local stanza = xml.parse(text);
			if stanza then
				stanza.attr.xmlns = nil;
				stanza:tag("stanza-id", { xmlns = xmlns_sid, by = room.jid, id = id }):up();
				room:broadcast(stanza);
			end
		end
	end
end

module:add_timer(poll_every_s, function ()
	local ok, rows = entries();
	if not ok then return poll_after_failure_s; end
	for _, row in ipairs(rows) do
		local number, id = tonumber(row[1]), row[2];
		if number > last then last = number; end
		if not seen:get(id) then show(id, row[3], row[4]); end
	end
	return poll_every_s;
end);

---- 3. Stopping writes nothing

module:hook_global("server-stopping", function ()
	for room in muc.live_rooms() do
		room.save = function () return true; end
	end
end, 1000);
